"""The canonical tables. `tables.csv` lists them, `<table>.csv` gives a row a column; code and docs read both.

Types and how they are stored: text (string), integer (int64), number (float64), flag (bool), instant (UTC timestamp in
microseconds, without a zone), day (date), money (int64, minor units of the row's currency), decimal (Decimal(18, 6)),
json (string), draws (list of float32, one a draw).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean

Kind = Literal["fact", "view", "decision", "derived"]

TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "flag": pl.Boolean(),
    "instant": pl.Datetime("us"),
    "day": pl.Date(),
    "money": pl.Int64(),
    "decimal": pl.Decimal(18, 6),
    "json": pl.String(),
    "draws": pl.List(pl.Float32),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `known_from` names the column whose instant says when this value became known."""

    name: str
    type: str
    unit: str
    is_required: bool
    default: str
    known_from: str
    sensitivity: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `born` names the column that says when a row came to exist in the world."""

    name: str
    kind: Kind
    key: tuple[str, ...]
    born: str
    description: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name; raises with a remedy when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise QuarterdeckError(
            f"Table {self.name} has no column {name!r}; {did_you_mean(name, (c.name for c in self.columns))}"
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def polars(self) -> dict[str, pl.DataType]:
        """Column name to polars type, in order."""
        return {column.name: TYPES[column.type] for column in self.columns}


def _rows(name: str) -> list[dict[str, str]]:
    text = (files(__name__) / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def tables() -> dict[str, Table]:
    """All tables by name, in the order of `tables.csv`."""
    found = {}
    for row in _rows("tables.csv"):
        columns = tuple(
            Column(
                name=line["column"],
                type=line["type"],
                unit=line["unit"],
                is_required=line["required"] == "yes",
                default=line["default"],
                known_from=line["known_from"],
                sensitivity=line["sensitivity"] or "internal",
                description=line["description"],
            )
            for line in _rows(f"{row['table']}.csv")
        )
        kind: Kind = row["kind"]  # type: ignore[assignment]
        key = tuple(row["key"].split())
        found[row["table"]] = Table(row["table"], kind, key, row["born"], row["description"], columns)
    return found


def table(name: str) -> Table:
    """The table of that name; raises with a remedy when there is none."""
    try:
        return tables()[name]
    except KeyError:
        raise QuarterdeckError(f"There is no table {name!r}; {did_you_mean(name, tables())}") from None


def facts() -> tuple[str, ...]:
    """Names of the fact tables."""
    return tuple(name for name, entry in tables().items() if entry.kind == "fact")


def empty(name: str) -> pl.DataFrame:
    """The table without rows, with its columns and types."""
    return pl.DataFrame(schema=table(name).polars)


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the table's columns, in order and type; missing ones are null, others are dropped.

    Raises when a value does not fit its column's type.
    """
    entry = table(name)
    have = set(frame.columns)
    return frame.select(
        (pl.col(column) if column in have else pl.lit(None)).cast(kind).alias(column)
        for column, kind in entry.polars.items()
    )
