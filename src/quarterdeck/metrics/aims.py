"""Metrics held against the targets that somebody set."""

from __future__ import annotations

import polars as pl

from quarterdeck.metrics.metric import Metric, ratio, within
from quarterdeck.metrics.pipeline import is_open

METRICS: tuple[Metric, ...] = (
    Metric(
        name="target_attainment",
        title="Target attainment",
        definition=(
            "Won value of the period as a share of its target, where every month of the period has one; the target of "
            "a quarter or a year counts evenly in its months."
        ),
        unit="rate",
        counted_on="closed_at",
        measures=("won_amount", "won"),
        value=ratio(pl.col("won_amount"), pl.col("target")),
        n=pl.when(pl.col("aimed") == 1).then(pl.col("won")).otherwise(0),
        rows=lambda deal, period: within(deal.closed_on, period) & deal.is_won,
        needs=("targets",),
    ),
    Metric(
        name="pipeline_coverage",
        title="Pipeline coverage",
        definition=(
            "Open pipeline at the period's beginning, as a multiple of the period's target, where every month of the "
            "period has one."
        ),
        unit="rate",
        counted_on="period start",
        measures=("entered_worth", "left_worth", "entered_valued", "left_valued"),
        value=ratio(pl.col("open_worth_before"), pl.col("target")),
        n=pl.when(pl.col("aimed") == 1).then(pl.col("open_valued_before")).otherwise(0),
        rows=lambda deal, period: is_open(deal, period.start) & deal.worth.notnull(),
        needs=("targets",),
        is_stock=True,
    ),
)
