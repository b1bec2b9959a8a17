"""What is aimed at: typed targets spread over months, else last year's month plus growth, split over regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.money import split, times

SPAN = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Target:
    """A month's target in minor units, whether nobody typed it, and where it comes from."""

    amount: int
    is_assumed: bool
    basis: str


@dataclass(frozen=True)
class History:
    """Won bookings (minor units) of each whole month before the plan, none missing between the first and the last."""

    bookings: Mapping[date, int]

    @classmethod
    def read(cls, sold: pl.DataFrame, first: date) -> History:
        """From what was sold (`closed_at, amount`): months from the first sale up to the month before `first`."""
        won = sold.filter(pl.col("closed_at").dt.date() < first)
        by_month = won.group_by(month=pl.col("closed_at").dt.truncate("1mo").dt.date()).agg(pl.col("amount").sum())
        found: dict[date, int] = dict(by_month.iter_rows())
        if not found:
            return cls({})
        month, filled = min(found), {}
        while month < first:
            filled[month] = found.get(month, 0)
            month = add_months(month, 1)
        return cls(filled)

    def shares(self, months: Sequence[date]) -> list[int]:
        """Weights of months by the bookings of the same months a year earlier, the latest year known; else equal."""
        for years in (1, 2, 3):
            weights = [self.bookings.get(add_months(month, -12 * years), 0) for month in months]
            if all(weight > 0 for weight in weights):
                return weights
        return [1] * len(months)


def typed(
    targets: pl.DataFrame, level: str, member: str, months: Sequence[date], history: History
) -> dict[date, Target]:
    """Typed bookings targets of a member by month: a month's own first, then its share of the quarter's or year's."""
    level_is = pl.col("level").fill_null("all") == level
    member_is = pl.lit(True) if level == "all" else pl.col("member") == member
    measure_is = pl.col("measure").fill_null("bookings").is_in(["bookings", "amount", "revenue"])
    rows = targets.filter(level_is & member_is & measure_is).sort("set_on", "id", nulls_last=False)
    found: dict[date, Target] = {}
    for grain in ("year", "quarter", "month"):
        for row in rows.filter(pl.col("grain").fill_null("month") == grain).iter_rows(named=True):
            span = [add_months(row["period_start"], place) for place in range(SPAN[grain])]
            parts = split(row["amount"], history.shares(span)) if row["amount"] else [0] * len(span)
            basis = "typed for the month" if grain == "month" else f"share of the {grain}'s typed target"
            found |= {
                month: Target(part, False, basis) for month, part in zip(span, parts, strict=True) if month in months
            }
    return found


def overridden(overrides: pl.DataFrame, name: str, months: Sequence[date], scale: int) -> dict[date, Target]:
    """Targets that a person decided on afterwards (`target` such as all:all, region:East), the latest decision last."""
    rows = overrides.filter(
        (pl.col("room") == "reconcile") & (pl.col("target") == name) & pl.col("value").is_not_null()
    )
    found = {}
    for row in rows.sort("decided_at", "id").iter_rows(named=True):
        for month in months if row["period_start"] is None else [row["period_start"]]:
            if month in months:
                amount = int(Decimal(str(row["value"])) * scale)
                found[month] = Target(amount, False, f"decided by {row['who']}: {row['reason']}")
    return found


def assumed(month: date, history: History, growth: float, expected: int) -> Target:
    """Last year's month plus growth; without it the mean of up to 12 months plus growth; else the expected demand."""
    factor = Decimal(1) + Decimal(str(growth))
    before = add_months(month, -12)
    if history.bookings.get(before, 0) > 0:
        return Target(
            times(history.bookings[before], factor), True, f"assumed: bookings of {before:%Y-%m} {growth:+.0%}"
        )
    last = list(history.bookings.values())[-12:]
    if sum(last) > 0:
        mean = times(sum(last), factor / len(last))
        return Target(mean, True, f"assumed: mean of the last {len(last)} months {growth:+.0%}")
    return Target(times(expected, factor), True, f"assumed: expected bookings {growth:+.0%}, there is no history")


def month_target(
    places: tuple[Mapping[date, Target], Mapping[date, Target], Mapping[str, Mapping[date, Target]]],
    month: date,
    fallback: Target,
) -> Target:
    """The total's target: decided, typed, the sum of typed regions when every region has one, else the fallback."""
    decided, total, regions = places
    if month in decided:
        return decided[month]
    if month in total:
        return total[month]
    parts = [region.get(month) for region in regions.values()]
    if parts and all(part is not None for part in parts):
        return Target(sum(part.amount for part in parts if part), False, "sum of the regions' typed targets")
    return fallback


def region_targets(
    total: Target, month: date, regions: Mapping[str, Mapping[date, Target]], weights: Mapping[str, int]
) -> dict[str, Target]:
    """The total split over regions to the minor unit: by typed regional targets, else by bookings of the last year."""
    names = list(weights)
    parts = [regions.get(name, {}).get(month) for name in names]
    if all(part is not None for part in parts) and sum(part.amount for part in parts if part) > 0:
        shares = [part.amount for part in parts if part]
        exact = sum(shares) == total.amount
        basis = "typed for the region" if exact else "typed for the region, scaled to the total"
        return {
            name: Target(amount, False, basis) for name, amount in zip(names, split(total.amount, shares), strict=True)
        }
    shares = list(weights.values())
    amounts = split(total.amount, shares if sum(shares) > 0 else [1] * len(shares))
    basis = "share of the total by bookings of the last 12 months" if sum(shares) > 0 else "equal share of the total"
    return {name: Target(amount, total.is_assumed, basis) for name, amount in zip(names, amounts, strict=True)}


def row(month: date, level: str, member: str, target: Target) -> dict[str, Any]:
    """The target as a row of `plan_targets`."""
    return {
        "period_start": month,
        "level": level,
        "member": member,
        "amount": target.amount,
        "is_assumed": target.is_assumed,
        "basis": target.basis,
    }
