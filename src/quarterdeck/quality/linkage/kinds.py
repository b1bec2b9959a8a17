"""What a column holds, by its name and its values, so that the right things are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

import numpy as np
import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.quality.linkage import normal

Kind = Literal[
    "person", "given name", "surname", "company", "email", "domain", "phone", "postcode", "date", "year", "number",
    "category", "group", "identifier", "country", "text", "long text",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)

SAMPLE = 2_000
LEGAL = 0.05
"""Share of names with a legal form from which on names are those of companies."""
_NAMED: tuple[tuple[Kind, str], ...] = (
    ("email", r"e.?mail|이메일|메일"),
    ("domain", r"domain|website|homepage|^url$|_url$|도메인|홈페이지"),
    ("phone", r"phone|mobile|^tel|fax|전화|휴대폰|연락처"),
    ("postcode", r"post.?code|postal|^zip|우편"),
    ("date", r"birth|^dob$|date|_at$|_on$|생일|생년월일"),
    ("year", r"year|연도"),
    ("country", r"country|국가"),
    ("given name", r"(given|first|fore).?name$|^first$"),
    ("surname", r"(sur|last|family).?name$|^last$"),
    ("company", r"company|organi[sz]ation|account|employer|manufacturer|firm|회사|거래처|고객사|업체|법인"),
    ("person", r"^name$|full.?name|person|contact|author|^이름|성명|담당자|대표자"),
)
"""What a column's name says, in the order in which it is asked."""
_SHAPES: dict[str, str] = {
    "email": r"^[^@\s]+@[^@\s]+$",
    "domain": r"^(?:[a-z]+://)?(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?$",
    "phone": r"^[+(]?[\d][\d ().\-/]{5,}$",
    "date": r"^(?:1[6-9]|20)\d{2}[-/. ]?(?:0[1-9]|1[0-2])[-/. ]?(?:0[1-9]|[12]\d|3[01])|^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}",
    "year": r"^(?:1[6-9]|20)\d{2}$",
    "number": r"^[^\d\w]*-?[\d,.' ]*\d(?:\.\d+)?\s*\D{0,3}$",
}


def kinds_of(frame: pl.DataFrame, given: Mapping[str, str | None]) -> dict[str, Kind]:
    """Column to kind; those that cannot tell records apart are left out. A kind that is given holds.

    Raises QuarterdeckError for a kind that does not exist.
    """
    found: dict[str, Kind] = {}
    for name in frame.columns:
        stated = given.get(name)
        if stated is not None and stated not in KINDS:
            raise QuarterdeckError(f"There is no kind {stated!r} (column {name}); {did_you_mean(stated, KINDS)}")
        kind = stated or kind_of(frame[name], name)
        if kind is not None:
            found[name] = kind  # type: ignore[assignment]
    return found


def kind_of(column: pl.Series, name: str) -> Kind | None:
    """The kind of one column, None when it is constant, empty or nested."""
    if column.dtype.is_nested() or column.drop_nulls().n_unique() < 2:
        return None
    if column.dtype in (pl.Date, pl.Datetime):
        return "date"
    if column.dtype == pl.Boolean:
        return "category"
    named = next((kind for kind, words in _NAMED if re.search(words, name.lower().strip())), None)
    values = column.drop_nulls().cast(pl.String)
    values = values.gather_every(max(1, len(values) // SAMPLE)).to_frame("v").select(normal.folded(pl.col("v")))["v"]
    values = values.drop_nulls()
    if values.is_empty():
        return None
    if named in ("email", "domain", "phone", "date", "year"):
        return named if _share(values, _SHAPES[named]) >= 0.5 else _by_values(column, values)
    if named == "person" and _share(values, legal_form()) >= LEGAL:
        return "company"
    if named in ("given name", "surname", "person", "company", "country", "postcode") and _share(values, r"\pL|\d") > 0:
        return named
    return _by_values(column, values)


@cache
def legal_form() -> str:
    """Names that end or begin with a company's legal form."""
    forms, hangul = "|".join(normal.words("legal")), "|".join(normal.words("hangul_legal"))
    return rf"[ ,](?:{forms})\.?$|{hangul}|\([주유]\)"


def _share(values: pl.Series, shape: str) -> float:
    return _mean(values.str.contains(shape))


def _by_values(column: pl.Series, values: pl.Series) -> Kind:
    if _share(values, _SHAPES["email"]) >= 0.8:
        return "email"
    if _share(values, _SHAPES["domain"]) >= 0.8:
        return "domain"
    distinct, rows = column.n_unique(), max(1, len(column) - column.null_count())
    if column.dtype.is_float():
        return "number"
    is_numeric = _share(values, r"^\d+$") >= 0.9
    if not is_numeric and _share(values, _SHAPES["date"]) >= 0.8:
        return "date"
    if is_numeric and _share(values, _SHAPES["date"]) >= 0.9 and values.str.len_chars().median() == 8:
        return "date"
    if distinct <= 40 or distinct / rows < 0.002:
        return "category"
    length = _mean(values.str.len_chars())
    if _share(values, r"\d") >= 0.8 and _share(values, r"\s") < 0.2 and length >= 4:
        return "number" if _share(values, r"^-?\d+[.,]\d{1,2}$") >= 0.3 else "identifier"
    if _share(values, _SHAPES["number"]) >= 0.8 and length < 12 and not is_numeric:
        return "number"
    return "long text" if _mean(values.str.count_matches(" ")) >= 4 else "text"


def _mean(counts: pl.Series) -> float:
    return float(np.mean(counts.to_numpy().astype(np.float64)))
