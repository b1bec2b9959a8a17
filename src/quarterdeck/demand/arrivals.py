"""New deals: how many came to each leaf in each past month, and how many are expected in each coming one."""

from __future__ import annotations

import numpy as np
import polars as pl

from quarterdeck.base.schema import conform
from quarterdeck.demand.deals import Clock, month_day
from quarterdeck.demand.series import SeriesForecast, forecast

SHARE_HALF_LIFE = 4.0
"""Months after which a past arrival counts half for the leaf's share."""


def history(deals: pl.DataFrame, first: int, clock: Clock) -> pl.DataFrame:
    """New dated deals by `node_id, opened`, with `deals` and `renewals`, for the whole months from `first` on."""
    inside = deals.filter(pl.col("opened").is_between(first, clock.month - 1))
    return inside.group_by("node_id", "opened").agg(
        deals=pl.len().cast(pl.Float64), renewals=pl.col("is_renewal").sum().cast(pl.Float64)
    )


def estimate(
    past: pl.DataFrame, nodes: pl.DataFrame, first: int, clock: Clock, horizon: int
) -> tuple[pl.DataFrame, SeriesForecast]:
    """The table `demand_arrivals`: the total is forecast, then shared out by what each leaf received lately.

    In a month that has begun, the forecast covers the rest of it.
    """
    leaves = nodes.filter("is_leaf")["node_id"].to_list()
    months = max(clock.month - first, 0)
    counts, renewals = np.zeros((len(leaves), months)), np.zeros((len(leaves), months))
    place = {leaf: number for number, leaf in enumerate(leaves)}
    for node_id, opened, deals, renewed in past.select("node_id", "opened", "deals", "renewals").iter_rows():
        counts[place[node_id], opened - first] = deals
        renewals[place[node_id], opened - first] = renewed
    total = forecast(counts.sum(axis=0), horizon)
    weights = 0.5 ** (np.arange(months)[::-1] / SHARE_HALF_LIFE)
    recent = counts @ weights
    share = recent / recent.sum() if recent.sum() > 0 else np.zeros(len(leaves))
    renewed_share = np.divide(renewals @ weights, recent, out=np.zeros(len(leaves)), where=recent > 0)
    part = np.ones(horizon)
    part[0] = clock.remaining
    ahead, spread = total.mean * part, total.spread * part
    coming = pl.DataFrame(
        {
            "node_id": np.repeat(leaves, horizon) if leaves else [],
            "period_start": [month_day(clock.month + step) for step in range(horizon)] * len(leaves),
            "is_forecast": [True] * horizon * len(leaves),
            "deals": np.outer(share, ahead).ravel(),
            "spread": np.outer(share, spread).ravel(),
            "renewal_rate": np.repeat(renewed_share, horizon),
        },
        schema_overrides={"node_id": pl.String, "period_start": pl.Date},
    )
    seen = past.sort("node_id", "opened").select(
        "node_id",
        period_start=pl.col("opened").map_elements(month_day, return_dtype=pl.Date),
        is_forecast=pl.lit(False),
        deals="deals",
        spread=pl.lit(None, dtype=pl.Float64),
        renewal_rate=pl.col("renewals") / pl.col("deals"),
    )
    return conform("demand_arrivals", pl.concat([seen, coming])), total
