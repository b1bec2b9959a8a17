"""How well a profile foretells outcomes that came after it was learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TOP = 0.2


@dataclass(frozen=True, slots=True)
class Lift:
    """A test on later records. Without knowledge `auc` is 0.5, `ks` about 0 and `lift` 1.

    `auc` is the share of pairs of a won and a lost record that the points order rightly, with the limits of its 95 %
    interval (J. Hanley and B. McNeil, 1982); `ks` the greatest distance between the shares of won and lost records up
    to a number of points (Kolmogorov-Smirnov); `lift` the rate of won ones in the best fifth by points to that of all;
    `value_lift` the same of the value brought.
    """

    n: int
    won: int
    auc: float
    auc_low: float
    auc_high: float
    ks: float
    lift: float
    value_lift: float | None

    @property
    def tells_something(self) -> bool:
        return self.auc_low > 0.5


def lift(points: Array, won: Array, value: Array | None = None) -> Lift | None:
    """The test of points against what came of the records (0 or 1); None when all ended alike."""
    hits, misses = float((won > 0).sum()), float((won == 0).sum())
    if not hits or not misses:
        return None
    ordered, place = np.unique(points, return_inverse=True)
    up, down = np.bincount(place, won > 0, len(ordered)), np.bincount(place, won == 0, len(ordered))
    lower = np.cumsum(down) - down
    auc = float((up * (lower + down / 2)).sum() / (hits * misses))
    margin = 1.96 * _spread(auc, hits, misses)
    ks = float(np.abs(np.cumsum(up) / hits - np.cumsum(down) / misses).max())
    brought = None
    if value is not None and value.sum() > 0:
        brought = _top(points, value) / float(value.mean())
    low, high = max(0.0, auc - margin), min(1.0, auc + margin)
    return Lift(len(won), int(hits), auc, low, high, ks, _top(points, won) / float(won.mean()), brought)


def _spread(auc: float, hits: float, misses: float) -> float:
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    parts = auc * (1 - auc) + (hits - 1) * (q1 - auc**2) + (misses - 1) * (q2 - auc**2)
    return float(np.sqrt(max(parts, 0.0) / (hits * misses)))


def _top(points: Array, gain: Array) -> float:
    """Mean gain in the best fifth by points; records of the points at its edge count in part."""
    wanted = TOP * len(points)
    ordered, place = np.unique(-points, return_inverse=True)
    n, total = np.bincount(place, minlength=len(ordered)), np.bincount(place, gain, len(ordered))
    before = np.cumsum(n) - n
    taken = np.clip((wanted - before) / n, 0, 1)
    return float((taken * total).sum() / wanted)
