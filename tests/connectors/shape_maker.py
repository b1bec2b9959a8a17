"""Exports of many shapes from short descriptions, each column with what it is meant to be.

A column is (heading, what is in it, meaning). A meaning is a canonical column, several that are all right joined by a
bar, or `attributes`. What is in it is a field of the record, with a writing after a colon: `start:%d.%m.%Y` a day,
`amount:eu` 1.234,56, `result:Won/Lost/Open` a word for each result, `=text` the same text in every row.
"""

from __future__ import annotations

import csv
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

Column = tuple[str, str, str]

_GIVEN = [
    "Ana",
    "Bo",
    "Carl",
    "Dana",
    "Eli",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "June",
    "Kim",
    "Leo",
    "Mia",
    "Nora",
    "Omar",
    "Pia",
]
_FAMILY = ["Abel", "Brandt", "Cho", "Diaz", "Evans", "Fischer", "Garcia", "Huber", "Ito", "Jansen", "Klein", "Lopez"]
_HANGUL = ["김민준", "이서연", "박지훈", "최수빈", "정예은", "강도윤", "조하은", "윤지우", "장서준", "임채원"]
_FIRM = ["Acme", "Bolt", "Crest", "Delta", "Echo", "Forge", "Grove", "Helix", "Iris", "Jade", "Kite", "Lumen"]
_CURRENCY = ("EUR", "USD", "GBP", "KRW")


@dataclass(frozen=True)
class Sheet:
    """A file: its table, the kind of record in its rows, its columns and how it is written."""

    path: str
    table: str
    of: str
    columns: tuple[Column, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    rows: int = 120


@dataclass(frozen=True)
class Shape:
    """A folder of files."""

    name: str
    sheets: tuple[Sheet, ...]
    made: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of tables that no file lists: table, then source column to the canonical column."""

    def write(self, folder: Path) -> None:
        for sheet in self.sheets:
            path = folder / sheet.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding=sheet.encoding, newline="") as stream:
                writer = csv.writer(stream, delimiter=sheet.delimiter)
                writer.writerow([heading for heading, _, _ in sheet.columns])
                for record in records(sheet.of, sheet.rows):
                    writer.writerow([_written(record, what) for _, what, _ in sheet.columns])


def records(kind: str, count: int) -> list[dict[str, Any]]:
    """The records of a kind; the same whenever they are asked for, so that files refer to each other."""
    draw = random.Random(f"world {kind if kind in ('firm', 'seller', 'product') else 'deal'}")
    if kind == "firm":
        return [_firm(number) for number in range(12)]
    if kind == "seller":
        return [_seller(number) for number in range(10)]
    if kind == "product":
        return [_product(number) for number in range(6)]
    return [_deal(number, draw) for number in range(count)]


def _uuid(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}{number}"))


def _firm(number: int) -> dict[str, Any]:
    name = _FIRM[number]
    return {
        "firm": f"{name} {('GmbH', 'Inc', 'S.A.')[number % 3]}", "firm_id": 7000 + number, "firm_code": f"C-{number:04d}",
        "firm_uuid": _uuid("firm", number), "firm_ko": f"{name}상사", "domain": f"{name.lower()}.com", "site": f"https://www.{name.lower()}.com",
        "industry": ("Retail", "Energy", "Software")[number % 3], "employees": 15 + 37 * number, "revenue": 1_250_000 + 90_000 * number,
        "city": ("Berlin", "Lyon", "Madrid")[number % 3], "country": ("Germany", "France", "Spain")[number % 3], "founded": 1960 + number,
        "firm_phone": f"+49 30 1234{number:03d}", "size": ("SMB", "Mid", "Enterprise")[number % 3],
    }  # fmt: skip


def _seller(number: int) -> dict[str, Any]:
    given, family = _GIVEN[number], _FAMILY[number % 12]
    return {
        "seller": f"{given} {family}", "seller_id": 300 + number, "seller_code": f"E{number:03d}", "seller_ko": _HANGUL[number],
        "seller_email": f"{given}.{family}@firm.com".lower(), "seller_uuid": _uuid("seller", number), "given": given, "family": family,
        "team": ("North", "South")[number % 2], "boss": f"{_GIVEN[number % 2]} {_FAMILY[number % 2]}" if number > 1 else "",
        "hired": date(2018, 3, 1) + timedelta(41 * number), "left": date(2024, 6, 30) if number == 7 else None,
        "job": ("Account Executive", "Sales Manager")[number < 2], "office": ("Berlin", "Paris")[number % 2], "pay": 4200 + 50 * number,
    }  # fmt: skip


def _product(number: int) -> dict[str, Any]:
    return {
        "product": f"Model {'ABCDEF'[number]}", "sku": f"SKU-{100 + number}", "product_uuid": _uuid("product", number), "product_id": 50 + number,
        "line": ("Basic", "Pro")[number % 2], "price": Decimal(9900 + 1550 * number) / 100, "cost": Decimal(4100 + 700 * number) / 100,
        "on_hand": 40 + 3 * number,
    }  # fmt: skip


def _deal(number: int, draw: random.Random) -> dict[str, Any]:
    firm, seller, product = _firm(draw.randrange(12)), _seller(draw.randrange(10)), _product(draw.randrange(6))
    start = date(2023, 1, 2) + timedelta(draw.randrange(640))
    result = draw.choices(("won", "lost", "open"), (5, 4, 3))[0]
    days, quantity = draw.randrange(6, 140), draw.randrange(1, 40)
    at = _FIRM.index(firm["firm"].split()[0]) + 12 * draw.randrange(2)
    given, family = _GIVEN[at % 16], _FAMILY[(7 * at + 5) % 12]
    deal = {
        **firm, **seller, **product, "number": number + 1, "code": f"OP-{number + 1:05d}", "uuid": _uuid("deal", number), "start": start,
        "expected": start + timedelta(days), "close": start + timedelta(days) if result != "open" else None, "result": result,
        "won_on": start + timedelta(days) if result == "won" else None, "lost_on": start + timedelta(days) if result == "lost" else None,
        "amount": Decimal(draw.randrange(90_000, 7_000_000)) / 100, "region": ("North", "South", "West")[number % 3],
        "title": f"{firm['firm']} project {number}", "reason": draw.choice(("Price", "Timing", "Competitor")) if result == "lost" else "",
        "quantity": quantity, "total": quantity * product["price"], "currency": _CURRENCY[number % 4], "percent": draw.choice((10, 25, 50, 80)),
        "note": draw.choice(("call back", "met at the fair", "")), "contact": f"{given} {family}", "contact_given": given, "contact_family": family,
        "contact_mail": f"{given}.{family}@{firm['domain']}".lower(), "contact_phone": f"+1 212 555 {at:04d}", "contact_id": 90_000 + at,
        "contact_title": draw.choice(("CTO", "Buyer", "CEO")), "channel": draw.choice(("Website", "Trade show", "Referral")),
        "act": draw.choice(("call", "email", "meeting")), "minutes": draw.choice((15, 30, 45)), "month": date(2025, number % 12 + 1, 1),
        "paid": start + timedelta(20) if number % 4 else None, "due": start + timedelta(30), "shipped": start + timedelta(3) if number % 5 else None,
        "age": 21 + number % 50, "visits": number % 9, "batch": 4, "hash": uuid.uuid5(uuid.NAMESPACE_DNS, f"row{number}").hex, "invoice": 400_100 + number,
        "forecast": draw.choice(("Commit", "Best Case", "Pipeline")), "kind": draw.choice(("New Business", "Renewal")), "target": 20_000 + 500 * (number % 7),
        "stage_open": draw.choice(("Discovery", "Proposal")),
    }  # fmt: skip
    deal["stage"] = {"won": "Closed Won", "lost": "Closed Lost"}.get(result, deal["stage_open"])
    return deal


def _written(record: dict[str, Any], what: str) -> str:
    if what.startswith("="):
        return what[1:]
    name, _, form = what.partition(":")
    value = record[name]
    if value is None or value == "":
        return ""
    if isinstance(value, date):
        return _day(value, form)
    if form and "/" in form and value in ("won", "lost", "open"):
        return form.split("/")[("won", "lost", "open").index(value)]
    if isinstance(value, Decimal):
        return _number(value, form)
    return str(value)


def _day(value: date, form: str) -> str:
    if form in ("epoch_ms", "epoch_s"):
        seconds = int(datetime(value.year, value.month, value.day, 9, tzinfo=UTC).timestamp())
        return str(seconds * (1000 if form == "epoch_ms" else 1))
    if form == "%korean":
        return f"{value.year}. {value.month}. {value.day}."
    return value.strftime(form or "%Y-%m-%d")


def _number(value: Decimal, form: str) -> str:
    if form == "eu":
        return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
    if form == "us":
        return f"${value:,.2f}"
    if form == "krw":
        return f"{int(value) * 1000:,}"
    return str(value)
