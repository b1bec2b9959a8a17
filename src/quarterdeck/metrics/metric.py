"""What a metric is: measures that add up, and a formula over their sums.

A `Measure` is a whole number that each record adds to the period of one of its dates, so sums over members and periods
are exact. A `Metric` is a formula over sums of measures: a ratio of a quarter is the ratio of the quarter's sums, never
a mean of the months' ratios. A `Stock` is what entered less what left, taken at a period's end, never summed over time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

import polars as pl

Entity = Literal["deals", "leads"]
Unit = Literal["money", "rate", "days", "hours", "count", "money per day"]

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

MONEY_COLUMNS = frozenset({"amount", "worth"})
"""Columns of prepared deals that hold minor units."""

TOTAL = "all"
NOBODY = "(none)"
"""Member of the records whose dimension is empty."""


class Period(NamedTuple):
    """From a first day to before the day after its last."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Measure:
    """A whole number that each record of an entity adds to the month of one of its dates.

    `value` is the sum as an expression over the prepared relation (`deals.prepare`, `leads.prepare`).
    """

    name: str
    entity: Entity
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

    `value` and `n` are polars expressions over one row of summed measures (money in major units); where `n` is 0 the
    value is null. `rows` tells of a prepared record and a period whether the record is behind the figure. `needs` are
    the tables without which it cannot be measured, beside opportunities.
    `is_additive` promises that the members' values add up to the total.
    """

    name: str
    title: str
    definition: str
    unit: Unit
    counted_on: str
    measures: tuple[str, ...]
    value: pl.Expr
    n: pl.Expr
    rows: Callable[[Any, Period], Any]
    entity: Entity = "deals"
    needs: tuple[str, ...] = ()
    is_stock: bool = False
    is_additive: bool = False


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """The quotient, null where the denominator is 0."""
    return pl.when(denominator != 0).then(numerator / denominator)


def within(day: Any, period: Period) -> Any:
    """The relation's day lies in the period."""
    return (day >= period.start) & (day < period.end)


def count(name: str, entity: Entity, counted_on: str, which: Callable[[Any], Any]) -> Measure:
    """How many records there are for which a condition holds."""
    return Measure(name, entity, counted_on, lambda rows: rows.count(where=which(rows)))


def total(
    name: str, entity: Entity, counted_on: str, column: str, which: Callable[[Any], Any] | None = None
) -> Measure:
    """Sum of a whole-number column of the records for which a condition holds; empty adds nothing."""
    is_money = column in MONEY_COLUMNS
    return Measure(
        name, entity, counted_on, lambda rows: rows[column].sum(where=which(rows) if which else None), is_money
    )
