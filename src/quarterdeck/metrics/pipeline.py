"""What is on its way: new deals, the open stock at a period's end, and how fast it turns into money."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, ratio, total, within
from quarterdeck.metrics.sales import CLOSED, DAY

MEASURES: tuple[Measure, ...] = (
    count("new", "deals", "created_month", lambda deal: deal.created_on.notnull()),
    count("entered", "deals", "created_month", lambda deal: deal.entered_on.notnull()),
    count("entered_valued", "deals", "created_month", lambda deal: deal.entered_on.notnull() & deal.worth.notnull()),
    count("left_valued", "deals", "closed_month", lambda deal: deal.left_on.notnull() & deal.worth.notnull()),
    total("entered_worth", "deals", "created_month", "worth", lambda deal: deal.entered_on.notnull()),
    total("left_worth", "deals", "closed_month", "worth", lambda deal: deal.left_on.notnull()),
)

STOCKS: tuple[Stock, ...] = (
    Stock("open", "entered", "cycled"),
    Stock("open_valued", "entered_valued", "left_valued"),
    Stock("open_worth", "entered_worth", "left_worth", is_money=True),
)


def velocity(open_deals: pl.Expr, average_deal: pl.Expr, win_rate: pl.Expr, cycle_days: pl.Expr) -> pl.Expr:
    """Money that the pipeline brings a day: open deals × average deal × win rate ÷ days of the sales cycle."""
    return ratio(open_deals * average_deal * win_rate, cycle_days)


def is_open(deal: Any, day: date) -> Any:
    """The deal is open when the day begins."""
    return (deal.entered_on < day) & (deal.left_on.isnull() | (deal.left_on >= day))


METRICS: tuple[Metric, ...] = (
    Metric(
        name="new_deals",
        title="New deals",
        definition="Number of deals created in the period.",
        unit="count",
        counted_on="created_at",
        measures=("new",),
        value=pl.col("new"),
        n=pl.col("new"),
        rows=lambda deal, period: within(deal.created_on, period),
        is_additive=True,
    ),
    Metric(
        name="open_deals",
        title="Open deals",
        definition="Number of deals that are open when the period ends; deals without a created date are left out.",
        unit="count",
        counted_on="period end",
        measures=("entered", "cycled"),
        value=pl.col("open"),
        n=pl.col("open"),
        rows=lambda deal, period: is_open(deal, period.end),
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="open_pipeline",
        title="Open pipeline",
        definition=(
            "Worth of the deals that are open when the period ends: the amount, or the product's list price where none "
            "is stated; deals without a created date are left out."
        ),
        unit="money",
        counted_on="period end",
        measures=("entered_worth", "left_worth", "entered_valued", "left_valued"),
        value=pl.col("open_worth"),
        n=pl.col("open_valued"),
        rows=lambda deal, period: is_open(deal, period.end) & deal.worth.notnull(),
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="velocity",
        title="Sales velocity",
        definition=(
            "Money that the pipeline brings a day: open deals at the period's end × average deal × win rate ÷ sales "
            "cycle in days, the last three of the deals closed in the period."
        ),
        unit="money per day",
        counted_on="closed_at",
        measures=("entered", "won", "lost", "won_amount", "won_valued", "cycle_seconds", "cycled"),
        value=velocity(
            pl.col("open"),
            ratio(pl.col("won_amount"), pl.col("won_valued")),
            ratio(pl.col("won"), CLOSED),
            ratio(pl.col("cycle_seconds"), pl.col("cycled") * DAY),
        ),
        n=pl.col("won_valued"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won & deal.amount.notnull(),
    ),
)
