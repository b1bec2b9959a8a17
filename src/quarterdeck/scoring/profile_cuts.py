"""Numbers cut into few bins whose rates rise, fall, or turn once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Edges = NDArray[np.float64]
FINE = 20
"""Bins of equal size that are merged."""


def cut(values: Array, won: Array, weight: Array) -> Edges:
    """Edges (ascending) between bins of a number: a value belongs to the bin whose lower edge is at most the value.

    The fine bins, of equal size, are pooled until their rates of `won` rise or fall throughout, or turn once, by
    isotonic regression; neighbours that differ by less than the Bayesian information criterion asks for are merged.
    The shape with the best criterion is taken: one bin, and so no edge, where the number tells nothing. `values` may
    hold NaN, which belongs to no bin; `weight` says for how many records a row stands.
    """
    known = ~np.isnan(values)
    values, won, weight = values[known], won[known], weight[known]
    if not values.size:
        return np.empty(0)
    fine = np.unique(np.quantile(values, np.linspace(0, 1, FINE + 1)[1:-1], method="inverted_cdf"))
    fine = fine[fine > values.min()]
    place = np.searchsorted(fine, values, side="right")
    n = np.bincount(place, weight, len(fine) + 1).astype(np.float64)
    k = np.bincount(place, weight * won, len(fine) + 1).astype(np.float64)
    if n.sum() <= 1 or not 0 < k.sum() < n.sum():
        return np.empty(0)
    price = 0.5 * float(np.log(n.sum()))
    best, best_starts = -np.inf, np.array([0])
    for starts, turns in _shapes(n, k):
        merged = merge(n, k, starts, price)
        worth = _likelihood(*_sums(n, k, merged)) - price * (len(merged) - 1 + turns * (len(merged) > 2))
        if worth > best + 1e-9:
            best, best_starts = worth, merged
    return np.asarray(fine[best_starts[1:] - 1])


def _shapes(n: Array, k: Array) -> Iterator[tuple[NDArray[np.int64], int]]:
    """First fine bins of the pooled bins, for rising and falling rates, then for each turn; and the turns."""
    for rising in (True, False):
        yield _pooled(n, k, rising), 0
    for turn in range(2, len(n) - 1):
        for rising in (True, False):
            left = _pooled(n[:turn], k[:turn], rising)
            right = _pooled(n[turn:], k[turn:], not rising)
            yield np.concatenate([left, turn + right]), 1


def _pooled(n: Array, k: Array, rising: bool) -> NDArray[np.int64]:
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression(k / n, weights=n, increasing=rising)
    return np.asarray(fitted.blocks[:-1], dtype=np.int64)


def _sums(n: Array, k: Array, starts: NDArray[np.int64]) -> tuple[Array, Array]:
    return np.add.reduceat(n, starts), np.add.reduceat(k, starts)


def _likelihood(n: Array, k: Array) -> float:
    return float(_terms(n, k).sum())


def _terms(n: Array, k: Array) -> Array:
    """Log-likelihood of each bin at its own rate."""
    rate = np.clip(k / n, 1e-12, 1 - 1e-12)
    return np.asarray(k * np.log(rate) + (n - k) * np.log(1 - rate))


def merge(n: Array, k: Array, starts: NDArray[np.int64], price: float, most: int = FINE) -> NDArray[np.int64]:
    """Merges the neighbours whose difference matters least, while it matters less than its price or there are too many.

    `n` are records and `k` won ones of each fine bin, `starts` the first fine bin of each group, also of the answer;
    `most` is the greatest number of groups.
    """
    while len(starts) > 1:
        size, hits = _sums(n, k, starts)
        own = _terms(size, hits)
        both = _terms(size[:-1] + size[1:], hits[:-1] + hits[1:])
        loss = own[:-1] + own[1:] - both
        least = int(np.argmin(loss))
        if loss[least] > price and len(starts) <= most:
            break
        starts = np.delete(starts, least + 1)
    return starts
