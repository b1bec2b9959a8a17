"""One forecast of two: what the pipeline says and what the history of bookings says, weighted by their past errors.

Weights are least squares over the errors at earlier dates (Bates and Granger 1969), by horizon and level, drawn towards
a usual weight where the dates are few. Draws of the same rank in the month's total are averaged (quantile averaging:
Lichtendahl, Grushka-Cockayne and Winkler 2013), which keeps the spread that a mean of independent draws would lose.
Whole months are moved at once, leaves scaled together, so parents stay the sums of their leaves in every draw. Last the
spread is set by how far what came lay outside earlier intervals (in the manner of split conformal prediction).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.schema import conform
from quarterdeck.demand.paths import NEW, Paths

Array = NDArray[np.float64]

LEVELS = ("all", "part")
"""The total, and the parts: regions, products and leaves."""
USUAL = (0.95, 0.95, 0.9, 0.9, 0.9, 0.85)
"""The pipeline's usual weight by horizon; the last holds on."""
USUAL_ROWS = {"all": 30.0, "part": 60.0}
"""Rows of the back-test that the usual weight counts for."""
REACH = 0.6
"""How much a row counts for the weight of the horizon next to its own."""
WIDTH_ROWS = {"all": 15.0, "part": 20.0}
"""Rows of the back-test for which the draws' own spread counts."""
USUAL_WIDTH = 1.1
"""How much wider than its draws a forecast should be as a rule: what is unknown to all its parts."""
WIDTHS = (0.6, 2.5)
"""The spread is never changed by more."""
INTERVAL = 0.8


@dataclass(frozen=True)
class Weights:
    """The pipeline's weight and the factor on the spread, arrays (levels, horizons); rows of LEVELS."""

    pipeline: Array
    width: Array

    @classmethod
    def plain(cls, horizons: int, pipeline: float = 1.0) -> Weights:
        """One source alone, its spread as it is."""
        shape = (len(LEVELS), horizons)
        return cls(np.full(shape, pipeline), np.ones(shape))

    @classmethod
    def of_table(cls, table: pl.DataFrame, horizons: int) -> Weights | None:
        """From the table `demand_weights`, its last horizon holding on; None when it is empty."""
        if table.is_empty():
            return None
        parts = [table.filter(pl.col("level") == level).sort("horizon") for level in LEVELS]
        places = [np.minimum(np.arange(horizons), part.height - 1) for part in parts]
        return cls(
            np.array([part["pipeline"].to_numpy()[place] for part, place in zip(parts, places, strict=True)]),
            np.array([part["width"].to_numpy()[place] for part, place in zip(parts, places, strict=True)]),
        )


def usual(horizons: int) -> Array:
    """The pipeline's usual weight by horizon."""
    return np.array([USUAL[min(step, len(USUAL) - 1)] for step in range(horizons)])


def learn(trials: pl.DataFrame, horizons: int) -> Weights:
    """Weights from `trials`: `origin, node_id, level, horizon, pipeline, history, actual`, a row a node and month.

    The spread is left as it is; `widths` sets it.
    """
    found = np.array([_weights(_of(trials, level), horizons, USUAL_ROWS[level]) for level in LEVELS])
    return Weights(found, np.ones_like(found))


def _of(rows: pl.DataFrame, level: str) -> pl.DataFrame:
    return rows.filter((pl.col("level") == "all") == (level == "all"))


def _weights(rows: pl.DataFrame, horizons: int, prior: float) -> Array:
    """Least squares of what came on the two forecasts; a node's squared errors are taken to grow with its size."""
    usual_weight = usual(horizons)
    scaled = rows.with_columns(size=pl.col("actual").abs().mean().over("node_id")).filter(pl.col("size") > 0)
    if scaled.is_empty():
        return usual_weight
    apart, gain, horizon = (
        scaled.select(value).to_series().to_numpy()
        for value in (
            (pl.col("pipeline") - pl.col("history")) / pl.col("size").sqrt(),
            (pl.col("actual") - pl.col("history")) / pl.col("size").sqrt(),
            pl.col("horizon"),
        )
    )
    typical = float(np.square(apart).mean())
    if typical <= 0:
        return usual_weight
    found = []
    for step in range(horizons):
        near = REACH ** np.abs(horizon - (step + 1))
        over = float((near * apart * gain).sum()) + prior * typical * usual_weight[step]
        under = float((near * apart**2).sum()) + prior * typical
        found.append(over / under)
    return np.asarray(np.clip(found, 0.0, 1.0), dtype=np.float64)


def widths(trials: pl.DataFrame, weights: Weights) -> Weights:
    """The weights with the factor on the spread, from `trials` of the combination: `level, horizon, q10, q50, q90,
    actual`."""
    found = np.ones_like(weights.width)
    for place, level in enumerate(LEVELS):
        found[place] = _width(_of(trials, level), WIDTH_ROWS[level])
    return Weights(weights.pipeline, found)


def _width(rows: pl.DataFrame, prior: float) -> float:
    """The factor at which INTERVAL of what came lies inside; rows that a right spread would give are mixed in."""
    above = (pl.col("actual") - pl.col("q50")) / (pl.col("q90") - pl.col("q50"))
    below = (pl.col("q50") - pl.col("actual")) / (pl.col("q50") - pl.col("q10"))
    score = rows.select(pl.max_horizontal(above, below)).to_series()
    score = score.filter(score.is_finite() & score.is_not_nan())
    normal = NormalDist()
    ranks = (np.arange(100) + 0.5) / 100
    right = np.array([normal.inv_cdf(0.5 + rank / 2) for rank in ranks]) / normal.inv_cdf(0.5 + INTERVAL / 2)
    right *= USUAL_WIDTH
    values = np.concatenate([score.to_numpy(), right])
    counts = np.concatenate([np.ones(len(score)), np.full(100, prior / 100)])
    order = np.argsort(values)
    running = np.cumsum(counts[order]) / counts.sum()
    return float(np.clip(values[order][np.searchsorted(running, INTERVAL)], *WIDTHS))


def combine(pipeline: Paths, history: Paths, weights: Weights) -> Paths:
    """The combination's paths. Both have the same leaves, months and draws.

    In each draw the parts of a leaf (open deals, new business, renewals) keep the proportions of the pipeline's.
    """
    share_all, share = weights.pipeline[:, :, None]
    ours, theirs = pipeline.amount.sum(axis=1), history.amount.sum(axis=1)
    order = _same_rank(ours.sum(axis=0), theirs.sum(axis=0))
    theirs, their_count = _moved(theirs, order), _moved(history.quantity.sum(axis=1), order)
    total = share_all * ours.sum(axis=0) + (1 - share_all) * theirs.sum(axis=0)
    amount = share * ours + (1 - share) * theirs
    count = share * pipeline.quantity.sum(axis=1) + (1 - share) * their_count
    wide = spread_out(amount, weights.width[1][None, :, None])
    factor = _ratio(wide, amount, 1.0)
    whole = _ratio(spread_out(total, weights.width[0][:, None]), wide.sum(axis=0), 1.0)
    return Paths(
        pipeline.leaves,
        pipeline.months,
        _by_source(pipeline.quantity, count * factor * whole),
        _by_source(pipeline.amount, wide * whole),
    )


def spread_out(values: Array, factor: Array) -> Array:
    """The draws (last axis) at `factor` times their distance from their mean; not below zero, the mean kept.

    >>> spread_out(np.array([8.0, 10.0, 12.0]), np.array([2.0])).tolist()
    [6.0, 10.0, 14.0]
    """
    mean = values.mean(axis=-1, keepdims=True)
    wide = np.where(values >= 0, np.maximum(mean + factor * (values - mean), 0.0), values)
    return np.asarray(wide * _ratio(mean, wide.mean(axis=-1, keepdims=True), 1.0), dtype=np.float64)


def _same_rank(mine: Array, theirs: Array) -> NDArray[np.int64]:
    """For each month and draw, the other's draw whose total has the same rank; arrays (months, draws)."""
    rank = mine.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return np.take_along_axis(theirs.argsort(axis=1, kind="stable"), rank, axis=1)


def _moved(values: Array, order: NDArray[np.int64]) -> Array:
    """Draws (leaves, months, draws) in another order, the same for all leaves of a month."""
    return np.asarray(np.take_along_axis(values, np.broadcast_to(order, values.shape), axis=2), dtype=np.float64)


def _ratio(over: Array, under: Array, otherwise: float) -> Array:
    shape = np.broadcast_shapes(over.shape, under.shape)
    return np.asarray(
        np.divide(over, under, out=np.full(shape, otherwise), where=np.broadcast_to(under > 0, shape)), dtype=np.float64
    )


def _by_source(parts: Array, total: Array) -> Array:
    """`total` (leaves, months, draws) split as `parts` (leaves, sources, months, draws) are; without parts, all new."""
    whole = parts.sum(axis=1, keepdims=True)
    mean = parts.mean(axis=3, keepdims=True)
    fallback = np.zeros_like(mean)
    fallback[:, NEW] = 1.0
    usual_share = np.where(
        mean.sum(axis=1, keepdims=True) > 0, _ratio(mean, mean.sum(axis=1, keepdims=True), 0.0), fallback
    )
    share = np.where(whole > 0, _ratio(parts, whole, 0.0), usual_share)
    return np.asarray(share * total[:, None], dtype=np.float64)


def table(weights: Weights, trials: pl.DataFrame) -> pl.DataFrame:
    """The table `demand_weights`, with each method's weighted error at the horizon."""
    frames = []
    for place, level in enumerate(LEVELS):
        rows = _of(trials, level)
        errors = rows.group_by("horizon").agg(
            n=pl.len(),
            **{
                f"error_{name}": (pl.col(name) - pl.col("actual")).abs().sum() / pl.col("actual").abs().sum()
                for name in ("pipeline", "history", "combined")
            },
        )
        frames.append(
            pl.DataFrame(
                {
                    "horizon": np.arange(1, weights.pipeline.shape[1] + 1),
                    "level": [level] * weights.pipeline.shape[1],
                    "pipeline": weights.pipeline[place],
                    "history": 1.0 - weights.pipeline[place],
                    "width": weights.width[place],
                }
            ).join(errors.with_columns(pl.col("horizon").cast(pl.Int64)), on="horizon", how="left")
        )
    return conform("demand_weights", pl.concat(frames).sort("level", "horizon"))
