"""Discrete-time hazards with competing ends: a multinomial logit over deal-periods, and what an input adds to the odds.

A deal gives one row for each period that it begins open; a row ends with the deal going on (0) or with one of the ends
(1, 2). The likelihood of the rows is that of the discrete-time model (Allison 1982, Sociological Methodology 13). Rows
of one deal are not independent, so the covariance is the sandwich clustered by deal (Liang and Zeger 1986, Biometrika
73).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENDS = 2
RIDGE = 0.01
"""Penalty on standardized coefficients: next to nothing, but a stage from which nobody ever won has a finite one."""
STEPS, TOLERANCE = 50, 1e-9


@dataclass(frozen=True)
class Fit:
    """Coefficients (ends, columns) of the design, and their covariance (ends × columns, flat by end)."""

    coefficients: Floats
    covariance: Floats


def _odds(X: Floats, coefficients: Floats) -> Floats:
    """Probability of each end in a period, (rows, ends)."""
    eta = np.clip(X @ coefficients.T, -30, 30)
    raised = np.exp(eta)
    return np.asarray(raised / (1 + raised.sum(axis=1, keepdims=True)))


def _log_likelihood(X: Floats, ends: Floats, coefficients: Floats) -> float:
    eta = np.clip(X @ coefficients.T, -30, 30)
    return float((ends * eta).sum() - np.log1p(np.exp(eta).sum(axis=1)).sum() - 0.5 * RIDGE * (coefficients**2).sum())


def _information(X: Floats, odds: Floats) -> Floats:
    columns = X.shape[1]
    found = np.empty((ENDS * columns, ENDS * columns))
    for a in range(ENDS):
        for b in range(a, ENDS):
            weight = odds[:, a] * ((a == b) - odds[:, b])
            block = X.T @ (X * weight[:, None])
            found[a * columns : (a + 1) * columns, b * columns : (b + 1) * columns] = block
            found[b * columns : (b + 1) * columns, a * columns : (a + 1) * columns] = block
    return found + RIDGE * np.eye(ENDS * columns)


def fit(X: Floats, end: Ints, cluster: Ints) -> Fit:
    """The model of `end` (0, 1 or 2; rows) on a design whose first column is 1; `cluster` numbers the deals from 0.

    Raises ValueError when an end never came.
    """
    if any(not (end == which).any() for which in (1, ENDS)):
        raise ValueError("each end must have come at least once")
    middle, spread = X.mean(axis=0), X.std(axis=0)
    middle[0], spread[0] = 0.0, 1.0
    spread[spread == 0] = 1.0
    Z = (X - middle) / spread
    ends = np.stack([end == 1, end == 2], axis=1).astype(np.float64)
    b = np.zeros((ENDS, X.shape[1]))
    b[:, 0] = np.log(ends.mean(axis=0) / (end == 0).mean()) if (end == 0).any() else 0.0
    best = _log_likelihood(Z, ends, b)
    for _ in range(STEPS):
        odds = _odds(Z, b)
        gradient = ((ends - odds).T @ Z - RIDGE * b).ravel()
        move = np.linalg.solve(_information(Z, odds), gradient).reshape(b.shape)
        size = 1.0
        while (found := _log_likelihood(Z, ends, b + size * move)) < best and size > 1e-6:
            size /= 2
        b, gain, best = b + size * move, found - best, found
        if gain < TOLERANCE * (1 + abs(best)):
            break
    # back from standardized columns: z = (x - middle) / spread
    back = np.diag(1 / spread)
    back[0, 1:] = -middle[1:] / spread[1:]
    whole = np.kron(np.eye(ENDS), back)
    return Fit(b @ back.T, whole @ _sandwich(Z, ends, b, cluster) @ whole.T)


def _sandwich(Z: Floats, ends: Floats, b: Floats, cluster: Ints) -> Floats:
    odds = _odds(Z, b)
    bread = np.linalg.inv(_information(Z, odds))
    groups = int(cluster.max()) + 1
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    scores = np.hstack([(ends - odds)[:, [which]] * Z for which in range(ENDS)])[order]
    summed = np.add.reduceat(scores, starts, axis=0)
    return np.asarray(bread @ (summed.T @ summed) @ bread * groups / max(groups - 1, 1))


def incidence(fitted: Fit, X: Floats, ages: Floats, which: int) -> tuple[float, Floats]:
    """Mean probability that rows come to an end `which` (0 or 1) within the periods of `ages`, and its gradient.

    `X` (rows, columns) is the design without the columns of age, `ages` (periods, age columns) what those columns are
    in each coming period; they are the design's last. One period gives the odds of that period itself. The gradient is
    by the flat coefficients.
    """
    columns = X.shape[1]
    base = X @ fitted.coefficients[:, :columns].T
    steps = ages @ fitted.coefficients[:, columns:].T
    hazards = []
    for step in steps:
        raised = np.exp(np.clip(base + step, -30, 30))
        hazards.append(raised / (1 + raised.sum(axis=1, keepdims=True)))
    alive = [np.ones(len(X))]
    for odds in hazards[:-1]:
        alive.append(alive[-1] * (1 - odds.sum(axis=1)))
    after = np.zeros(len(X))
    slope = np.zeros((ENDS, len(X)))
    by_age = np.zeros((ENDS, ages.shape[1]))
    for period in reversed(range(len(ages))):
        odds = hazards[period]
        # what a hazard of this period is worth: an end now in place of what would come later
        worth = [alive[period] * ((end == which) - after) for end in range(ENDS)]
        mean = sum(odds[:, end] * worth[end] for end in range(ENDS))
        for end in range(ENDS):
            change = odds[:, end] * (worth[end] - mean)
            slope[end] += change
            by_age[end] += change.mean() * ages[period]
        after = odds[:, which] + (1 - odds.sum(axis=1)) * after
    gradient = np.hstack([slope @ X / len(X), by_age]).ravel()
    return float(after.mean()), gradient
