"""Demand lines: each node's mean, intervals and where the mean comes from."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import column, quantiles
from quarterdeck.base.schema import conform
from quarterdeck.demand.deals import ALL, month_day
from quarterdeck.demand.overrides import Overridden, members
from quarterdeck.demand.paths import NEW, OPEN, RENEWED, Paths

Array = NDArray[np.float64]


def draws_table(paths: Paths, held: Overridden) -> pl.DataFrame:
    """The table `demand_draws`; a leaf's month in which no draw brings anything has no row."""
    there = (held.quantity != 0).any(axis=2) | (held.amount != 0).any(axis=2)
    leaf, step = np.nonzero(there)
    frame = pl.DataFrame(
        {
            "period_start": [month_day(paths.months[place]) for place in step],
            "node_id": [paths.leaves[place] for place in leaf],
            "quantity": column(held.quantity[leaf, step]),
            "amount": column(held.amount[leaf, step]),
        },
        schema_overrides={"period_start": pl.Date, "node_id": pl.String},
    )
    return conform("demand_draws", frame.sort("period_start", "node_id"))


def lines_table(paths: Paths, held: Overridden, nodes: pl.DataFrame, history: Array) -> pl.DataFrame:
    """The table `demand_lines`: every node and month; the parts of a mean add up to it.

    `history` is the weight of past bookings in the total and in its parts, array (2, months).
    """
    below = members(nodes, paths.leaves)
    frames = []
    for measure, parts, total in (
        ("quantity", paths.quantity, held.quantity),
        ("amount", paths.amount, held.amount),
    ):
        means = parts.mean(axis=3)
        single = total.astype(np.float32)
        for node_id, places in below.items():
            line = _node(node_id, measure, means[places].sum(axis=0), single[places])
            frames.append(line.with_columns(history_weight=pl.Series(history[0 if node_id == ALL else 1])))
    table = pl.concat(frames).with_columns(
        period_start=pl.Series([month_day(month) for month in paths.months] * len(frames))
    )
    return conform("demand_lines", table.sort("period_start", "node_id", "measure"))


def _node(node_id: str, measure: str, parts: Array, draws: NDArray[np.float32]) -> pl.DataFrame:
    """A node's lines from the means of its sources (sources, months) and its leaves' draws (leaves, months, draws)."""
    summed = draws.sum(axis=0, dtype=np.float64)
    found = quantiles(summed)
    moved = found["mean"] - parts.sum(axis=0)
    # Draws are kept in single precision: what differs by rounding alone was moved by nobody.
    moved = np.where(np.abs(moved) < 1e-4 * np.maximum(np.abs(found["mean"]), 1e-2), 0.0, moved)
    sources = {"from_open": parts[OPEN], "from_new": parts[NEW], "from_renewal": parts[RENEWED], "from_override": moved}
    return pl.DataFrame(
        {
            "node_id": [node_id] * len(moved),
            "measure": [measure] * len(moved),
            **found,
            **sources,
            "mean": sum(sources.values()),
        }
    )
