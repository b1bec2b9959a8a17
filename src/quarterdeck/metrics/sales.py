"""What was won and lost: counted on the day on which a deal was closed."""

from __future__ import annotations

import polars as pl

from quarterdeck.metrics.metric import Measure, Metric, count, ratio, total, within

DAY = 86_400

CLOSE = "closed_month"

MEASURES: tuple[Measure, ...] = (
    count("won", "deals", CLOSE, lambda deal: deal.is_won),
    count("lost", "deals", CLOSE, lambda deal: deal.is_lost),
    total("won_amount", "deals", CLOSE, "amount", lambda deal: deal.is_won),
    count("won_valued", "deals", CLOSE, lambda deal: deal.is_won & deal.amount.notnull()),
    total("lost_worth", "deals", CLOSE, "worth", lambda deal: deal.is_lost),
    count("lost_valued", "deals", CLOSE, lambda deal: deal.is_lost & deal.worth.notnull()),
    total("cycle_seconds", "deals", CLOSE, "cycle_seconds"),
    count("cycled", "deals", CLOSE, lambda deal: deal.cycle_seconds.notnull()),
    total("won_cycle_seconds", "deals", CLOSE, "cycle_seconds", lambda deal: deal.is_won),
    count("won_cycled", "deals", CLOSE, lambda deal: deal.is_won & deal.cycle_seconds.notnull()),
    total("activities", "deals", CLOSE, "activities"),
)

CLOSED = pl.col("won") + pl.col("lost")
LOST_CYCLED = pl.col("cycled") - pl.col("won_cycled")

METRICS: tuple[Metric, ...] = (
    Metric(
        name="win_rate",
        title="Win rate",
        definition="Won deals as a share of won and lost deals, among the deals closed in the period.",
        unit="rate",
        counted_on="closed_at",
        measures=("won", "lost"),
        value=ratio(pl.col("won"), CLOSED),
        n=CLOSED,
        rows=lambda deal, period: within(deal.closed_on, period),
    ),
    Metric(
        name="won_value",
        title="Won value",
        definition="Sum of the amounts of the deals won in the period.",
        unit="money",
        counted_on="closed_at",
        measures=("won", "won_amount"),
        value=pl.col("won_amount"),
        n=pl.col("won"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won,
        is_additive=True,
    ),
    Metric(
        name="won_deals",
        title="Won deals",
        definition="Number of deals won in the period.",
        unit="count",
        counted_on="closed_at",
        measures=("won",),
        value=pl.col("won"),
        n=pl.col("won"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won,
        is_additive=True,
    ),
    Metric(
        name="lost_deals",
        title="Lost deals",
        definition="Number of deals lost in the period.",
        unit="count",
        counted_on="closed_at",
        measures=("lost",),
        value=pl.col("lost"),
        n=pl.col("lost"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_lost,
        is_additive=True,
    ),
    Metric(
        name="lost_value",
        title="Lost value",
        definition=(
            "Worth of the deals lost in the period: the amount, or the product's list price where no amount is stated."
        ),
        unit="money",
        counted_on="closed_at",
        measures=("lost_valued", "lost_worth"),
        value=pl.col("lost_worth"),
        n=pl.col("lost_valued"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_lost & deal.worth.notnull(),
        is_additive=True,
    ),
    Metric(
        name="average_deal",
        title="Average deal",
        definition="Mean amount of the deals won in the period, of those that have an amount.",
        unit="money",
        counted_on="closed_at",
        measures=("won_amount", "won_valued"),
        value=ratio(pl.col("won_amount"), pl.col("won_valued")),
        n=pl.col("won_valued"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won & deal.amount.notnull(),
    ),
    Metric(
        name="cycle_days",
        title="Sales cycle",
        definition="Mean days from creation to close of the deals closed in the period, won and lost.",
        unit="days",
        counted_on="closed_at",
        measures=("cycle_seconds", "cycled"),
        value=ratio(pl.col("cycle_seconds"), pl.col("cycled") * DAY),
        n=pl.col("cycled"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.cycle_seconds.notnull(),
    ),
    Metric(
        name="won_cycle_days",
        title="Sales cycle of won deals",
        definition="Mean days from creation to close of the deals won in the period.",
        unit="days",
        counted_on="closed_at",
        measures=("won_cycle_seconds", "won_cycled"),
        value=ratio(pl.col("won_cycle_seconds"), pl.col("won_cycled") * DAY),
        n=pl.col("won_cycled"),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won & deal.cycle_seconds.notnull(),
    ),
    Metric(
        name="lost_cycle_days",
        title="Sales cycle of lost deals",
        definition="Mean days from creation to close of the deals lost in the period.",
        unit="days",
        counted_on="closed_at",
        measures=("cycle_seconds", "cycled", "won_cycle_seconds", "won_cycled"),
        value=ratio(pl.col("cycle_seconds") - pl.col("won_cycle_seconds"), LOST_CYCLED * DAY),
        n=LOST_CYCLED,
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_lost & deal.cycle_seconds.notnull(),
    ),
    Metric(
        name="activities_per_deal",
        title="Activities per deal",
        definition="Mean number of emails, calls and meetings that a deal took, of the deals closed in the period.",
        unit="count",
        counted_on="closed_at",
        measures=("activities", "won", "lost"),
        value=ratio(pl.col("activities"), CLOSED),
        n=CLOSED,
        rows=lambda deal, period: within(deal.closed_on, period),
        needs=("activities",),
    ),
)
