"""Metrics held against the targets that somebody set."""

from __future__ import annotations

from quarterdeck.metrics.metric import Metric, during, standing

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
        formula="won_amount / target",
        records="won * aimed",
        rows=during("closed_on", lambda deal: deal.is_won),
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
        formula="open_worth_before / target",
        records="open_valued_before * aimed",
        rows=standing("entered_on", "left_on", lambda deal: deal.worth.notnull(), before=True),
        needs=("targets",),
        is_stock=True,
    ),
)
