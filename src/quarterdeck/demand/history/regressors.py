"""What moves a series from outside: working days, holidays, price, promotions, any series that the user gives.

An effect is estimated on differences, so that neither level, trend nor season is taken for it, and kept only where it
foretold unseen periods better than the series alone did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterdeck.demand.history import models

Array = NDArray[np.float64]

GAIN = 0.97
"""A regressor is kept where the error at unseen periods falls below this share of the error without it."""
RIDGE = 0.02
"""Shrinkage of an effect towards none, as a share of the variance of its regressor."""
LEAST_DIFFERENCES = 12
TRIALS = 4


def _differenced(values: Array, season: int) -> Array:
    """Differences to one season before where two of them are known besides, else to the period before."""
    lag = season if len(values) >= 3 * season else 1
    return values[lag:] - values[:-lag]


def slopes(y: Array, x: Array, season: int) -> Array:
    """Effect of one unit of each regressor, by ridge regression on differences; extreme differences are damped."""
    dy, dx = _differenced(y, season), _differenced(x, season)
    if len(dy) < LEAST_DIFFERENCES:
        return np.zeros(x.shape[1])
    centre, width = np.median(dy), 1.4826 * np.median(np.abs(dy - np.median(dy)))
    if width > 0:
        dy = np.clip(dy, centre - 8 * width, centre + 8 * width)
    dx = dx - dx.mean(axis=0)
    spread = dx.std(axis=0)
    known = spread > 1e-12
    found = np.zeros(x.shape[1])
    if known.any():
        scaled = dx[:, known] / spread[known]
        gram = scaled.T @ scaled / len(dy) + RIDGE * np.eye(int(known.sum()))
        found[known] = np.linalg.solve(gram, scaled.T @ (dy - dy.mean()) / len(dy)) / spread[known]
    return found


def effects(y: Array, x: Array, ahead: Array, kept: tuple[int, ...], season: int) -> tuple[Array, Array]:
    """What the kept regressors add in each past and each coming period, against their mean in the past."""
    if not kept or not len(y):
        return np.zeros(len(y)), np.zeros(1)
    then, coming = x[:, kept], ahead[:, kept]
    slope, centre = slopes(y, then, season), then.mean(axis=0)
    return np.asarray((then - centre) @ slope), np.asarray((coming - centre) @ slope)


def choose(y: Array, x: Array, season: int, horizon: int) -> tuple[int, ...]:
    """The regressors that help, one after the other: each must lower the error at unseen periods further."""
    kept: tuple[int, ...] = ()
    best = _error(y, x, kept, season, horizon)
    left = set(range(x.shape[1]))
    while left and best > 0:
        errors = {number: _error(y, x, (*kept, number), season, horizon) for number in sorted(left)}
        number = min(errors, key=lambda candidate: errors[candidate])
        if errors[number] > GAIN * best:
            break
        kept, best = (*kept, number), errors[number]
        left.remove(number)
    return kept


def _error(y: Array, x: Array, kept: tuple[int, ...], season: int, horizon: int) -> float:
    """Mean absolute error of the theta model after the effects, from up to four earlier periods."""
    reach = min(horizon, max(len(y) // 6, 1))
    total, count = 0.0, 0
    for place in sorted({len(y) - reach * number for number in range(1, TRIALS + 1)}):
        if place < LEAST_DIFFERENCES + season:
            continue
        used = season if place > 2 * season else 1
        effect, ahead = effects(y[:place], x[:place], x[place : place + reach], kept, used)
        made = models.run("theta", models.Past(y[:place] - effect, used), reach)
        if made is not None:
            total += float(np.abs(made.mean + ahead - y[place : place + reach]).sum())
            count += reach
    return total / count if count else 0.0
