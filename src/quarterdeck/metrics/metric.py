"""What a metric is: measures that add up, and a formula over their sums.

A `Measure` is a whole number that each record adds to the period of one of its days, so sums over members and periods
are exact. A `Metric` is a formula over sums of measures: a ratio of a quarter is the ratio of the quarter's sums, never
a mean of the months' ratios. A `Stock` is what entered less what left, taken at a period's end, never summed over time.
Measures add up on their own entity before anything is joined, so no join can repeat a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

import polars as pl

from quarterdeck.metrics import formula

Unit = Literal["money", "rate", "days", "hours", "count", "money per day"]
Better = Literal["higher", "lower", "neither"]

DIMENSIONS: tuple[str, ...] = (
    "region",
    "owner",
    "product",
    "family",
    "industry",
    "segment",
    "kind",
    "channel",
    "team",
    "country",
    "pipeline",
    "source",
)
"""What a metric can be cut by."""

TOTAL = "all"
NOBODY = "(none)"
"""Member of the records whose dimension is empty."""

GIVEN = ("target", "aimed", "days", "end_day")
"""Names that every formula may use beside measures and stocks: the period's target and whether all of it has one, how
many days of it have passed, and the number of the day after the last of them."""


class Period(NamedTuple):
    """From a first day to before the day after its last."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Measure:
    """A whole number that each record of an entity adds to the period of one of its days.

    `entity` names an entry of `entities.ENTITIES`, `counted_on` a day of its prepared relation, `value` is the sum as
    an expression over that relation.
    """

    name: str
    entity: str
    counted_on: str
    value: Callable[[Any], Any]
    is_money: bool = False


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there at a moment: the sum of `enters` less the sum of `leaves` until then.

    The cube gives it as `<name>` at the period's end and as `<name>_before` at its beginning.
    """

    name: str
    enters: str
    leaves: str
    is_money: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its definition.

    `formula` and `records` (how many records it stands on) are arithmetic over measures, stocks and what `GIVEN`
    names; money is in major units there. Where `records` is 0 the value is empty. `rows` tells of a prepared record
    and a period whether the record is behind the figure. `needs` are the tables without which it cannot be measured,
    `is_stock` says that it is taken at a moment and never summed over time, `is_additive` promises that the members'
    values add up to the total. A definition that changes its meaning gets the next `version`.
    """

    name: str
    title: str
    definition: str
    unit: Unit
    counted_on: str
    formula: str
    records: str
    rows: Callable[[Any, Period], Any]
    entity: str = "deals"
    needs: tuple[str, ...] = ()
    is_stock: bool = False
    is_additive: bool = False
    better: Better = "higher"
    owner: str = "sales operations"
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Measures and stocks that it is made of, and what of `GIVEN` it asks for."""
        return tuple(dict.fromkeys((*formula.names(self.formula), *formula.names(self.records))))

    @property
    def value(self) -> pl.Expr:
        return formula.expression(self.formula)

    @property
    def n(self) -> pl.Expr:
        return formula.expression(self.records)


def within(day: Any, period: Period) -> Any:
    """The relation's day lies in the period."""
    return (day >= period.start) & (day < period.end)


def during(day: str, which: Callable[[Any], Any] | None = None) -> Callable[[Any, Period], Any]:
    """Records whose day lies in the period and for which a condition holds."""

    def rows(record: Any, period: Period) -> Any:
        found = within(record[day], period)
        return found & which(record) if which else found

    return rows


def standing(
    enters: str, leaves: str, which: Callable[[Any], Any] | None = None, *, before: bool = False
) -> Callable[[Any, Period], Any]:
    """Records that have entered and not left when the period ends, or before it begins."""

    def rows(record: Any, period: Period) -> Any:
        day = period.start if before else period.end
        found = (record[enters] < day) & (record[leaves].isnull() | (record[leaves] >= day))
        return found & which(record) if which else found

    return rows


def count(name: str, entity: str, counted_on: str, which: Callable[[Any], Any] | None = None) -> Measure:
    """How many records there are on the day for which a condition holds."""

    def value(rows: Any) -> Any:
        there = rows[counted_on].notnull()
        return rows.count(where=there & which(rows) if which else there)

    return Measure(name, entity, counted_on, value)


def total(
    name: str,
    entity: str,
    counted_on: str,
    column: str,
    which: Callable[[Any], Any] | None = None,
    *,
    is_money: bool = False,
) -> Measure:
    """Sum of a whole-number column of the records for which a condition holds; empty adds nothing."""
    return Measure(
        name, entity, counted_on, lambda rows: rows[column].sum(where=which(rows) if which else None), is_money
    )
