"""A database's column types as ours: exact numbers, days, instants with and without a zone, flags, text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

Kind = Literal["integer", "decimal", "number", "flag", "day", "instant", "utc", "text"]
"""`utc` are instants whose zone is known, `instant` clock times without one."""

_ANY_PLACES = 15
"""Decimal places that are kept of a number whose column declares none."""
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_BINARY = ("BLOB", "BYTEA", "BINARY", "VARBINARY", "IMAGE", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB")


@dataclass(frozen=True)
class SourceColumn:
    """A column with the kind of its values, of decimals with their places. `declared` is the database's word."""

    name: str
    kind: Kind
    declared: str
    places: int = 0

    @property
    def polars(self) -> pl.DataType:
        """The type of its values."""
        return pl.Decimal(38, self.places) if self.kind == "decimal" else _TYPES[self.kind]

    def selected(self, system: str) -> sa.ColumnElement[Any]:
        """What is selected for it: a form that the driver gives without loss and without raising."""
        column: sa.ColumnElement[Any] = sa.column(self.name)
        word = self.declared.split("(")[0].strip().upper()
        if system == "postgresql":
            if word == "MONEY":
                return sa.cast(column, sa.Numeric)
            # drivers raise on infinity and on years before 1; as text they are values that cannot be read
            if self.kind in ("text", "day", "instant", "utc"):
                return sa.cast(column, sa.Text)
        if system == "mysql" and word == "BIT":
            return column + 0
        if system == "mysql" and word == "TIME":
            return sa.cast(column, sa.CHAR)
        return column


def columns_of(reflected: Iterable[Mapping[str, Any]], system: str) -> tuple[tuple[SourceColumn, ...], dict[str, str]]:
    """The columns that are read, and those that are not with the reason."""
    columns, left_out = [], {}
    for entry in reflected:
        name, kind = str(entry["name"]), entry["type"]
        word = _word(kind)
        if isinstance(kind, sa.LargeBinary) or word.split("(")[0] in _BINARY:
            left_out[name] = f"it holds binary data ({word.lower()})"
        else:
            columns.append(SourceColumn(name, *_kind(kind, word, system)))
    return tuple(columns), left_out


def _word(kind: Any) -> str:
    try:
        return str(kind).upper()
    except sa.exc.SQLAlchemyError:
        return type(kind).__name__.upper()


def _kind(kind: Any, word: str, system: str) -> tuple[Kind, str, int]:
    """Kind, declared word and decimal places."""
    if isinstance(kind, sa.Boolean):
        return "flag", word, 0
    if isinstance(kind, sa.Integer):
        is_huge = getattr(kind, "unsigned", False) and word.startswith("BIGINT")
        return ("decimal" if is_huge else "integer"), word, 0
    if isinstance(kind, sa.Float):
        return "number", word, 0
    if isinstance(kind, sa.Numeric):
        places = _ANY_PLACES if kind.scale is None or not 0 <= kind.scale <= 30 else kind.scale
        is_small = places == 0 and kind.precision is not None and kind.precision <= 18
        return ("integer" if is_small else "decimal"), word, places
    if isinstance(kind, sa.DateTime):
        is_zoned = bool(getattr(kind, "timezone", False)) or (system == "mysql" and word.startswith("TIMESTAMP"))
        return ("utc" if is_zoned else "instant"), word, 0
    if isinstance(kind, sa.Date):
        return "day", word, 0
    if word.startswith("MONEY"):
        return "decimal", word, 4
    return ("integer" if system == "mysql" and word.split("(")[0] in ("BIT", "YEAR") else "text"), word, 0


def loose_kind(held: set[str], declared: str) -> Kind:
    """The kind of a SQLite column by the storage classes that its values have; a declared fraction may yet come."""
    held = held - {"null"}
    if held and held <= {"integer", "real"} and declared.startswith(("DEC", "NUM", "REAL", "FLOAT", "DOUBLE", "MONEY")):
        return "number"
    if not held or "text" in held or "blob" in held:
        return "text"
    return "integer" if held == {"integer"} else "number"


_TYPES: dict[Kind, pl.DataType] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "flag": pl.Boolean(),
    "day": pl.Date(),
    "instant": pl.Datetime("us"),
    "utc": pl.Datetime("us", "UTC"),
    "text": pl.String(),
}


def series(column: SourceColumn, values: Sequence[Any]) -> pl.Series:
    """A driver's values as a series of the column's type; null for what is none of it, such as 0000-00-00."""
    kind = column.polars
    match column.kind:
        case "text":
            return pl.Series(column.name, [_text(value) for value in values], dtype=kind)
        case "day" | "instant" | "utc":
            return _temporal(column, values, kind)
        case "decimal":
            return pl.Series(column.name, [_exact(value, column.places) for value in values], dtype=kind)
        case "flag":
            return pl.Series(column.name, [_flag(value) for value in values], dtype=kind)
        case "integer":
            return pl.Series(column.name, [_integer(value) for value in values], dtype=kind)
        case _:
            made = [float(value) if isinstance(value, int | float | Decimal) else None for value in values]
            return pl.Series(column.name, made, dtype=kind).fill_nan(None)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return repr(value) if isinstance(value, float) else str(value)


def _exact(value: Any, places: int) -> Decimal | None:
    if value is None:
        return None
    try:
        given = value if isinstance(value, Decimal) else Decimal(str(value))
        made = given.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    except (InvalidOperation, ValueError):
        return None
    return made if made.is_finite() and made.adjusted() < 38 - places else None


def _integer(value: Any) -> int | None:
    try:
        made = int(value) if value is not None else None
    except (TypeError, ValueError):
        return None
    return made if made is None or abs(made) < 2**63 else None


def _flag(value: Any) -> bool | None:
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def _temporal(column: SourceColumn, values: Sequence[Any], kind: pl.DataType) -> pl.Series:
    if any(isinstance(value, str) for value in values):
        return _spoken(column, [None if value is None else str(value) for value in values], kind)
    if column.kind == "day":
        made = [value.date() if isinstance(value, datetime) else value for value in values]
        return pl.Series(column.name, made, dtype=kind)
    bare = [value if isinstance(value, datetime) else _midnight(value) for value in values]
    plain = pl.Series(column.name, [value and value.replace(tzinfo=None) for value in bare], dtype=pl.Datetime("us"))
    return plain.dt.replace_time_zone("UTC") if column.kind == "utc" else plain


def _midnight(value: Any) -> datetime | None:
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None


def _spoken(column: SourceColumn, values: list[str | None], kind: pl.DataType) -> pl.Series:
    """Times that came as text, such as `2026-01-31 09:30:00.25+00`; what is none becomes null."""
    text = pl.Series(column.name, values, dtype=pl.String)
    if column.kind == "day":
        return text.str.to_date("%Y-%m-%d", strict=False)
    bare = text.str.replace(r"\+00(:?00)?$", "").str.replace("T", " ", literal=True)
    whole = bare.set(~bare.str.contains(_CLOCK), None)
    made = whole.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    return made.dt.replace_time_zone("UTC") if isinstance(kind, pl.Datetime) and kind.time_zone else made


_CLOCK = re.compile(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?$").pattern
