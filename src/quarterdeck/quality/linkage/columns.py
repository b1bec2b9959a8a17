"""Which columns of a frame are compared, each told once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import polars as pl

from quarterdeck.quality.linkage import normal
from quarterdeck.quality.linkage.fields import DOMAIN_AGAIN, NAME_AGAIN, Field, field, without
from quarterdeck.quality.linkage.kinds import Kind, kinds_of

SAMPLE = 5_000
LEAST_FILLED = 0.02
CONTAINED = 0.8
EQUAL = 0.95
_PERSONS = {"person", "given name", "surname"}
_GROUPS = {"company", "domain", "group"}
_NAMES = ("person", "given name", "surname", "text", "long text", "company")


def fields_of(stacked: pl.DataFrame, given: Mapping[str, str], country: str | None) -> list[Field]:
    """The fields of the frame's columns (all but `unique_id`, `side` and `__id`)."""
    values = stacked.drop("unique_id", "side", "__id")
    kinds = kinds_of(values, given)
    filled = {name: 1.0 - values[name].null_count() / max(1, values.height) for name in kinds}
    least = 2.0 / max(1, values.height)
    kinds = {name: kind for name, kind in kinds.items() if filled[name] >= (least if name in given else LEAST_FILLED)}
    for name in _repeated(values, {name: kind for name, kind in kinds.items() if name not in given}):
        del kinds[name]
    for name in _spare_groups(kinds, filled):
        del kinds[name]
    where = _country(values, kinds, country)
    fields = [field(name, kind, place, where) for place, (name, kind) in enumerate(kinds.items())]
    if _PERSONS & set(kinds.values()):
        again = NAME_AGAIN + (DOMAIN_AGAIN if _GROUPS & set(kinds.values()) else ())
        fields = [without(entry, again) if entry.kind == "email" else entry for entry in fields]
    if "company" in kinds.values():
        # A company's domain is its name once more: two that are nearly equal would count twice.
        fields = [without(entry, ("{} nearly equal",)) if entry.kind == "domain" else entry for entry in fields]
    return fields


def _spare_groups(kinds: Mapping[str, Kind], filled: Mapping[str, float]) -> list[str]:
    """Of what colleagues have in common, all but the fullest column: company, domain and account of a person are one
    piece of evidence, not three."""
    groups = sorted((name for name, kind in kinds.items() if kind in _GROUPS), key=lambda name: -filled[name])
    return groups[1:] if _PERSONS & set(kinds.values()) else []


def _repeated(values: pl.DataFrame, kinds: Mapping[str, Kind]) -> list[str]:
    """Columns that say again what others say: a full name beside its parts would count twice."""
    names = [name for name, kind in kinds.items() if kind in _NAMES]
    sample = values.select(names).gather_every(max(1, values.height // SAMPLE))
    texts = sample.select(normal.plain(pl.col(name).cast(pl.String)) for name in names)
    gone: list[str] = []
    for whole in names:
        parts = [
            part for part in names if part not in (whole, *gone) and _share(texts, whole, part, False) >= CONTAINED
        ]
        parts = [part for part in parts if _length(texts, part) < 0.9 * _length(texts, whole)]
        if len(parts) >= 2:
            gone.append(whole)
    for place, whole in enumerate(names):
        for part in names[:place]:
            if not {whole, part} & set(gone) and _share(texts, whole, part, True) >= EQUAL:
                gone.append(whole)
    return gone


def _share(texts: pl.DataFrame, whole: str, part: str, is_equal: bool) -> float:
    one, other = pl.col(whole), pl.col(part)
    test = one == other if is_equal else one.str.contains(other, literal=True)
    rows = texts.filter(one.is_not_null() & other.is_not_null())
    return float(rows.select(test.mean()).item() or 0.0) if rows.height >= 10 else 0.0


def _length(texts: pl.DataFrame, name: str) -> float:
    return float(texts.select(pl.col(name).str.len_chars().mean()).item() or 0.0)


def _country(values: pl.DataFrame, kinds: Mapping[str, Kind], country: str | None) -> pl.Expr:
    """The ISO code of each row's country."""
    code = pl.lit(country.upper() if country else None, pl.String)
    column = next((name for name, kind in kinds.items() if kind == "country"), None)
    if column is None or "phone" not in kinds.values():
        return code
    written = values[column].cast(pl.String).drop_nulls().unique().to_list()
    known = _territories()
    codes = {text: known.get(text.strip().casefold()) for text in written}
    found = pl.col(column).cast(pl.String).replace_strict(codes, default=None, return_dtype=pl.String)
    return pl.coalesce(found, code)


@cache
def _territories() -> dict[str, str]:
    """Names of countries in English and Korean, and the codes themselves, to ISO codes."""
    from babel import Locale

    found: dict[str, str] = {
        "usa": "US",
        "uk": "GB",
        "korea": "KR",
        "south korea": "KR",
        "한국": "KR",
        "republic of korea": "KR",
    }
    for language in ("en", "ko"):
        for code, name in Locale(language).territories.items():
            if len(code) == 2:
                found.setdefault(name.casefold(), code)
                found.setdefault(code.casefold(), code)
    return found
