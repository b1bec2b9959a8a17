"""Sample paths from the history of bookings alone.

Total, regions and products are forecast as series; the leaves get their recent share of the total, raked to the
forecasts of their region and product (iterative proportional fitting), so that all levels agree. In each draw a swing
common to all leaves and a leaf's own are multiplied to the means, so parents are the sums of their leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import generator
from quarterdeck.demand.bookings import Bookings
from quarterdeck.demand.deals import Clock, month_day
from quarterdeck.demand.paths import NEW, SOURCES, Paths

Array = NDArray[np.float64]
SEASON = 12
SHARE_HALF_LIFE = 6.0
"""Months after which a past month counts half for a leaf's share."""
RAKES = 20
TESTS = 6
LEAST = 6
"""Months of history below which the last three months' mean is the forecast."""
LEVEL_HALF_LIFE = 4.0
"""Months after which a past month counts half for the level."""
PRIOR_ERROR, PRIOR_WEIGHT = 0.3, 4.0
"""Relative error that is assumed before any is seen, and for how many errors that assumption counts."""
LASTING = 0.6
"""Share of the variance of the common swing that stays over the months."""


@dataclass(frozen=True)
class Outlook:
    """Means of the leaves (leaves, months), and relative standard deviations of the total (months) and the leaves."""

    mean: Array
    swing: Array
    own: Array


def simulate(past: Bookings, nodes: pl.DataFrame, clock: Clock, horizon: int, draws: int, seed: int) -> Paths:
    """Sample paths of the nodes' leaves from the bookings before the clock's month."""
    leaves = tuple(nodes.filter("is_leaf")["node_id"])
    quantity, amount = past.arrays(leaves, clock.month)
    expected = outlook(amount, nodes, leaves, horizon)
    return paths(expected, usual_price(quantity, amount), leaves, clock, draws, seed)


def ahead(y: Array, horizon: int) -> Array:
    """Coming values of a series that is not negative: the mean of three simple methods of different kinds.

    A decaying mean (level), the optimized Theta model (trend) and last year's shape (season). On bookings, which are
    few and large, together they err less than exponential smoothing or Theta with parameters of their own. Where the
    season is sure, the level does not count.
    """
    if len(y) < LEAST or np.ptp(y) == 0:
        return np.full(horizon, y[-3:].mean() if len(y) else 0.0)
    from statsforecast.models import DynamicOptimizedTheta

    theta = DynamicOptimizedTheta(season_length=SEASON if len(y) >= 2 * SEASON else 1)
    made = [np.maximum(theta.forecast(y=y, h=horizon)["mean"], 0.0)]
    if not has_season(y):
        made.append(_level(y, horizon))
    if len(y) >= SEASON:
        made.append(seasonal(y, horizon))
    return np.asarray(np.mean(made, axis=0), dtype=np.float64)


def has_season(y: Array) -> bool:
    """The autocorrelation a year back is above its 90 % limit (the test of the M3 competition's Naive2)."""
    if len(y) < 2 * SEASON:
        return False
    apart = y - y.mean()
    lags = [float((apart[lag:] * apart[: len(y) - lag]).sum() / (apart**2).sum()) for lag in range(1, SEASON + 1)]
    limit = 1.645 * np.sqrt((1 + 2 * np.square(lags[:-1]).sum()) / len(y))
    return bool(abs(lags[-1]) > limit)


def seasonal(y: Array, horizon: int) -> Array:
    """The level of the last year without its season, times each month's usual share of its year.

    A share is averaged over the whole years and one more in which all months were alike.
    """
    years = len(y) // SEASON
    whole = y[-years * SEASON :].reshape(years, SEASON)
    usual = np.maximum(whole.mean(axis=1, keepdims=True), 1e-9)
    share = ((whole / usual).sum(axis=0) + 1.0) / (years + 1)
    return np.asarray(_level(y[-SEASON:] / share, horizon) * np.resize(share, horizon), dtype=np.float64)


def _level(y: Array, horizon: int) -> Array:
    return np.full(horizon, np.average(y, weights=0.5 ** (np.arange(len(y))[::-1] / LEVEL_HALF_LIFE)))


def outlook(past: Array, nodes: pl.DataFrame, leaves: tuple[str, ...], horizon: int) -> Outlook:
    """What history expects of leaves whose past months are `past` (leaves, months)."""
    past = np.maximum(past, 0.0)
    total = past.sum(axis=0)
    mean = _shares(past)[:, None] * ahead(total, horizon)[None, :]
    order = pl.DataFrame({"node_id": leaves}).join(nodes, on="node_id", how="left", maintain_order="left")
    groups = [_places(order["region"]), _places(order["product_id"])]
    wanted = [np.array([ahead(past[places].sum(axis=0), horizon) for places in group]) for group in groups]
    whole = mean.sum(axis=0)
    for _ in range(RAKES):
        for group, aim in zip(groups, wanted, strict=True):
            scaled = aim * (whole / np.maximum(aim.sum(axis=0), 1e-12))
            for places, goal in zip(group, scaled, strict=True):
                mean[places] *= goal / np.maximum(mean[places].sum(axis=0), 1e-12)
    mean *= whole / np.maximum(mean.sum(axis=0), 1e-12)
    return Outlook(mean, _swing(total, horizon), _own(past))


def _places(column: pl.Series) -> list[NDArray[np.int64]]:
    values = column.to_numpy()
    return [np.flatnonzero(values == value) for value in sorted(set(values))]


def _shares(past: Array) -> Array:
    """Each leaf's share of the bookings of the last months, newer ones counting more."""
    if not past.shape[1]:
        return np.zeros(len(past))
    recent = past @ 0.5 ** (np.arange(past.shape[1])[::-1] / SHARE_HALF_LIFE)
    return np.asarray(recent / recent.sum() if recent.sum() > 0 else recent, dtype=np.float64)


def _swing(total: Array, horizon: int) -> Array:
    """Relative standard deviation of the total by month ahead, from what the model said at earlier months."""
    least = max(LEAST, len(total) - TESTS - horizon + 1)
    places = range(least, len(total))
    errors: list[list[float]] = [[] for _ in range(horizon)]
    for place in places:
        reach = min(horizon, len(total) - place)
        said = ahead(total[:place], reach)
        for step in range(reach):
            if said[step] > 0:
                errors[step].append(total[place + step] / said[step] - 1.0)
    every = np.array([error for step in errors for error in step])
    general = _relative(every, PRIOR_ERROR, PRIOR_WEIGHT)
    growing = np.sqrt(1 + 0.1 * np.arange(horizon))
    found = np.array([_relative(np.array(step), general, PRIOR_WEIGHT) for step in errors])
    return np.asarray(found * growing, dtype=np.float64)


def _relative(errors: Array, prior: float, weight: float) -> float:
    """Root mean square of relative errors, none counted above 2, drawn towards a prior."""
    held = np.clip(errors, -2.0, 2.0)
    return float(np.sqrt((np.square(held).sum() + weight * prior**2) / (len(held) + weight)))


def _own(past: Array) -> Array:
    """Relative standard deviation of each leaf's share of a month around its usual share."""
    if past.shape[1] < 2:
        return np.full(len(past), 1.0)
    total = np.maximum(past.sum(axis=0), 1e-12)
    share = past / total
    weights = 0.5 ** (np.arange(past.shape[1])[::-1] / SHARE_HALF_LIFE)
    weights /= weights.sum()
    usual = share @ weights
    variance = np.square(share - usual[:, None]) @ weights
    known = np.maximum(usual, 1e-12)
    return np.asarray(np.where(usual > 0, np.clip(np.sqrt(variance) / known, 0.05, 3.0), 1.0), dtype=np.float64)


def paths(amount: Outlook, price: Array, leaves: tuple[str, ...], clock: Clock, draws: int, seed: int) -> Paths:
    """Sample paths around the means of `amount`; `price` (leaves) is the usual value of a unit of quantity.

    All of it counts as business that is not known yet. In the month of as_of only its remaining share is to come.
    """
    horizon = amount.mean.shape[1]
    part = np.ones(horizon)
    part[0] = clock.remaining
    mean = amount.mean * part
    lasting = generator(seed, "demand.history").standard_normal(draws)
    values = np.zeros((len(leaves), horizon, draws))
    for step in range(horizon):
        fresh = generator(seed, "demand.history", month_day(clock.month + step)).standard_normal(draws)
        noise = np.sqrt(LASTING) * lasting + np.sqrt(1 - LASTING) * fresh
        spread = np.sqrt(np.log1p(amount.swing[step] ** 2))
        values[:, step] = mean[:, step, None] * np.exp(spread * noise - spread**2 / 2)
    for place, leaf in enumerate(leaves):
        shape = 1.0 / amount.own[place] ** 2
        noise_of = generator(seed, "demand.history", leaf)
        values[place] *= noise_of.gamma(shape, 1.0 / shape, size=(horizon, draws))
    values = _to_mean(values, mean)
    counts = np.divide(values, price[:, None, None], out=np.zeros_like(values), where=price[:, None, None] > 0)
    made_quantity, made_amount = (np.zeros((len(leaves), SOURCES, horizon, draws)) for _ in range(2))
    made_quantity[:, NEW], made_amount[:, NEW] = counts, values
    return Paths(leaves, tuple(range(clock.month, clock.month + horizon)), made_quantity, made_amount)


def _to_mean(values: Array, mean: Array) -> Array:
    """The draws (leaves, months, draws) scaled so that their means are exactly those asked for."""
    now = values.mean(axis=2)
    factor = np.divide(mean, now, out=np.zeros_like(mean), where=now > 0)
    return np.asarray(values * factor[:, :, None], dtype=np.float64)


def usual_price(quantity: Array, amount: Array) -> Array:
    """Value of a unit of quantity for each leaf over the last twelve months; the total's where a leaf sold none."""
    count, value = quantity[:, -SEASON:].sum(axis=1), np.maximum(amount[:, -SEASON:].sum(axis=1), 0.0)
    general = value.sum() / count.sum() if count.sum() > 0 else 0.0
    found = np.divide(value, count, out=np.full(len(count), general), where=(count > 0) & (value > 0))
    return np.asarray(found, dtype=np.float64)
