"""Findings on what the forecast stands on."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.demand.deals import Clock, first_month
from quarterdeck.demand.pipeline import begins_undated
from quarterdeck.demand.settings import DemandSettings

LITTLE_CLOSED = 100
"""Closed deals below which the odds are guesses."""


def findings(opportunities: pl.DataFrame, deals: pl.DataFrame, config: Config[DemandSettings]) -> list[Finding]:
    """What is missing or doubtful in the deals that the forecast is made from."""
    found = [
        _little_history(deals, config),
        _undated(deals),
        _no_amounts(deals),
        _extreme_amounts(deals),
        _month_in_progress(config),
        _stale(opportunities, config),
        _foreign(opportunities, config),
    ]
    return [finding for finding in found if finding is not None]


def _little_history(deals: pl.DataFrame, config: Config[DemandSettings]) -> Finding | None:
    clock = Clock.at(config.today)
    months = clock.month - first_month(deals, clock, config.settings.max_history)
    closed = deals.filter(pl.col("status") != "open").height
    if closed >= LITTLE_CLOSED and months >= config.settings.min_history:
        return None
    return Finding(
        code="demand.little_history",
        severity="warning",
        message=f"The forecast rests on {closed} closed deals in {months} whole months; its odds are close to guesses.",
        fix="Load older deals with the days on which they were opened and closed; a year of them is a good start.",
        table="opportunities",
    )


def _undated(deals: pl.DataFrame) -> Finding | None:
    count = deals.filter((pl.col("status") == "open") & pl.col("opened").is_null()).height
    if not count:
        return None
    how = (
        "they are given the ages of the dated ones"
        if begins_undated(deals)
        else "since every closed deal carries one, they count as not begun: they are part of new business"
    )
    return Finding(
        code="demand.undated_deals",
        severity="warning",
        message=f"{count} open deals have no day on which they were opened; {how}.",
        fix="Fill in the day on which work on each deal began.",
        table="opportunities",
        count=count,
    )


def _no_amounts(deals: pl.DataFrame) -> Finding | None:
    current = deals.filter(pl.col("status") == "open")
    missing = current["amount"].null_count()
    won = deals.filter((pl.col("status") == "won") & pl.col("amount").is_not_null()).height
    if not won:
        return Finding(
            code="demand.no_amounts",
            severity="error",
            message="No won deal carries a value, so bookings cannot be forecast; only the number of deals is.",
            fix="Map the column that holds the value of won deals to amount.",
            table="opportunities",
        )
    if not missing:
        return None
    return Finding(
        code="demand.open_without_amount",
        severity="notice",
        message=f"{missing} of {current.height} open deals state no value; they get those of won deals of the product.",
        fix="Let sellers enter an estimate with each open deal: large deals then show in the forecast.",
        table="opportunities",
        count=missing,
    )


def _extreme_amounts(deals: pl.DataFrame) -> Finding | None:
    extreme = deals.filter(pl.col("cut") != 0)
    if extreme.is_empty():
        return None
    worst = extreme.sort(pl.col("cut").abs(), "id", descending=[True, False]).row(0, named=True)
    return Finding(
        code="demand.extreme_amounts",
        severity="warning",
        message=(
            f"{extreme.height} deals state values below zero or far beyond their product's others; the forecast takes "
            f"them at a limit. The farthest is {worst['id']}: {worst['amount'] + worst['cut']:,.0f}."
        ),
        fix="Look at these values: a wrong unit, a digit too many, or a credit that belongs elsewhere?",
        table="opportunities",
        money_at_stake=float(extreme["cut"].abs().sum()),
        count=extreme.height,
    )


def _month_in_progress(config: Config[DemandSettings]) -> Finding | None:
    today = config.today
    if today.day == 1:
        return None
    return Finding(
        code="demand.month_in_progress",
        severity="notice",
        message=f"{today:%Y-%m} has begun: its line holds what comes from {today:%Y-%m-%d} on, not what is booked.",
        fix="Use --as-of with the first day of a month to see whole months.",
    )


def _stale(opportunities: pl.DataFrame, config: Config[DemandSettings]) -> Finding | None:
    newest = opportunities.select(pl.max_horizontal(pl.col("created_at").max(), pl.col("closed_at").max())).item()
    if newest is None or config.as_of - newest <= timedelta(days=config.settings.stale_days):
        return None
    days = (config.as_of - newest).days
    return Finding(
        code="demand.stale_records",
        severity="warning",
        message=f"The newest deal is of {newest:%Y-%m-%d}, {days} days before the forecast begins.",
        fix=f"Load newer records, or use --as-of {newest + timedelta(days=1):%Y-%m-%d}.",
        table="opportunities",
    )


def _foreign(opportunities: pl.DataFrame, config: Config[DemandSettings]) -> Finding | None:
    foreign = opportunities.filter(
        pl.col("amount").is_not_null()
        & (pl.col("currency").fill_null(config.company.currency) != config.company.currency)
    )
    if foreign.is_empty():
        return None
    names = ", ".join(sorted(foreign["currency"].unique()))
    return Finding(
        code="demand.foreign_currency",
        severity="warning",
        message=f"{foreign.height} deals are in {names}; they are added one to one to {config.company.currency}.",
        fix=f"Give the values in {config.company.currency}.",
        table="opportunities",
        count=foreign.height,
    )
