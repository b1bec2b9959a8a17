"""A column's entry in a mapping, with its place or without one."""

from __future__ import annotations

import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors import convert
from quarterdeck.connectors.evidence import LIST_SIGN, TEMPORAL, Evidence
from quarterdeck.connectors.fit import Placed, is_flag
from quarterdeck.connectors.joins import Joins
from quarterdeck.connectors.mapping import ATTRIBUTES, ColumnMapping
from quarterdeck.connectors.vocabulary import REFERENCES, canonical_value, like, scale_of, value_words

_NUMERIC = ("money", "number", "decimal", "integer")
_OF_FLAGS = {"opportunities.status": ("won", "lost"), "leads.status": ("converted", "unqualified")}
"""What yes and no mean in a column that tells how it came out."""


def column_entry(column: Evidence, table: str, place: Placed, joins: Joins) -> ColumnMapping:
    """The entry of a column that has a place: its format, decimal sign, words and join."""
    target = schema.table(table).column(place.target)
    extra: dict[str, object] = {}
    if target.type in ("day", "instant") and column.kind in TEMPORAL:
        extra["format"] = "" if column.format == "iso" else column.format
    if target.type in _NUMERIC:
        extra["decimal"] = column.decimal
        scale, word = scale_of(column.name)
        if word and target.type != "integer":
            extra["scale"] = scale
    name = f"{table}.{target.name}"
    if value_words(name):
        extra["values"] = _values(column, name)
    if target.name in REFERENCES and column.has_lists:
        extra["separator"] = LIST_SIGN
    if place.joins:
        extra["joins"] = place.joins
        extra["aliases"] = joins.aliases(column, place.joins)
    elif target.name in REFERENCES and column.kind != "empty":
        extra["joins"] = f"{REFERENCES[target.name]}.id"
    return ColumnMapping.model_validate(
        {
            "column": column.name,
            "target": target.name,
            "confidence": round(place.confidence, 2),
            "reason": place.reason,
            **extra,
        }
    )


def _values(column: Evidence, name: str) -> dict[str, str]:
    if column.distinct > 60:
        return {}
    if name in _OF_FLAGS and is_flag(column):
        return _flag_words(column, *_OF_FLAGS[name])
    known = {value: canonical_value(name, value) for value in column.values}
    if name == "opportunities.status":
        return {value: word or "open" for value, word in known.items() if value != word}
    return {value: word for value, word in known.items() if word is not None and word != value}


def _flag_words(column: Evidence, yes: str, no: str) -> dict[str, str]:
    return {value: yes if is_yes else no for value, is_yes in flag_values(column).items()}


def flag_values(column: Evidence) -> dict[str, bool]:
    """A flag's values and whether each means yes; {} for a column that is no flag."""
    values = pl.Series(column.values, dtype=pl.String)
    read = convert.flags(values)
    return {} if not len(values) or read.null_count() else dict(zip(column.values, read.to_list(), strict=True))


def kept_entry(column: Evidence, table: str, why: str = "") -> ColumnMapping:
    """The entry of a column without a place: it stays with the row, and `why` or the names tell the reason."""
    near = 0.0 if why else max((likeness.score for likeness in like(column.name, table).values()), default=0.0)
    reason = "no column of ours means this" if near < 0.5 else "another column fills the place it could have"
    reason = why or reason
    if ATTRIBUTES not in schema.table(table).names:
        reason += f"; {table} keeps no attributes, so it is left out"
    sure = 0.95 if why else round(1 - 0.5 * near, 2)
    return ColumnMapping(column=column.name, target=ATTRIBUTES, confidence=sure, reason=f"{reason}; {column.told()}")


def filling(made: list[ColumnMapping], target: str) -> ColumnMapping | None:
    """The entry that fills a canonical column."""
    return next((entry for entry in made if entry.target == target), None)


def after(made: list[ColumnMapping], entry: ColumnMapping, new: ColumnMapping) -> None:
    """Put an entry behind another."""
    made.insert(made.index(entry) + 1, new)
