"""Invented companies in Korean and English, some of them written twice."""

from __future__ import annotations

import numpy as np
import polars as pl

STEMS = {
    "한빛": "Hanbit", "대성": "Daesung", "신우": "Shinwoo", "동아": "Donga", "미래": "Mirae", "세종": "Sejong",
    "태양": "Taeyang", "우리": "Woori", "한솔": "Hansol", "성진": "Sungjin", "경남": "Kyungnam", "동원": "Dongwon",
    "유진": "Eugene", "금호": "Kumho", "대림": "Daelim", "삼양": "Samyang", "진로": "Jinro", "보광": "Bokwang",
    "청우": "Chungwoo", "가온": "Gaon",
}  # fmt: skip
"""Hangul to the spelling that such a company would choose: rarely the official romanization."""
TRADES = {
    "전자": "Electronics", "화학": "Chemical", "건설": "Construction", "제약": "Pharmaceutical", "식품": "Foods",
    "물류": "Logistics", "소프트": "Soft", "시스템": "Systems", "에너지": "Energy", "바이오": "Bio", "통신": "Telecom",
    "반도체": "Semiconductor", "디자인": "Design", "미디어": "Media", "엔지니어링": "Engineering", "테크": "Tech",
}  # fmt: skip
CITIES = {"서울": "Seoul", "부산": "Busan", "대구": "Daegu", "인천": "Incheon", "광주": "Gwangju", "대전": "Daejeon"}


def companies(seed: int, copies: int = 90) -> tuple[pl.DataFrame, set[frozenset[str]]]:
    """Accounts, and the pairs of ids that are one company: half of the copies are in the other script."""
    draw = np.random.default_rng(seed)
    rows: list[tuple[str, str, str | None, str | None]] = []
    pairs: set[frozenset[str]] = set()
    everyone = [(stem, trade) for stem in STEMS for trade in TRADES]
    twice = set(draw.choice(len(everyone), copies, replace=False).tolist())
    for number, (stem, trade) in enumerate(everyone):
        city = str(draw.choice(list(CITIES)))
        latin = f"{STEMS[stem]} {TRADES[trade]}"
        domain = latin.lower().replace(" ", "") + ".co.kr"
        form = ["(주){}", "{} 주식회사", "㈜{}", "{}"][draw.integers(4)]
        rows.append((f"K{number}", form.format(stem + trade), domain if draw.random() < 0.7 else None, city))
        if number in twice:
            name = f"{latin} Co., Ltd." if draw.random() < 0.5 else f"주식회사 {stem}{trade}"
            other = CITIES[city] if draw.random() < 0.5 else city
            rows.append((f"D{number}", name, f"www.{domain}" if draw.random() < 0.7 else None, other))
            pairs.add(frozenset({f"K{number}", f"D{number}"}))
    frame = pl.DataFrame(rows, schema=["id", "name", "domain", "city"], orient="row")
    return frame.sample(fraction=1.0, shuffle=True, seed=seed), pairs
