"""Dated traces of deals, asked at moments: how many before then, which was the last, what held.

Everything is looked up strictly before the moment, so nothing of the future enters.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRIDE = 1 << 36
"""Seconds between two deals on the common axis: more than any calendar has."""
ORIGIN = 1 << 35


def seconds(column: pl.Series) -> Ints:
    """Instants as whole seconds."""
    return column.dt.epoch("us").to_numpy().astype(np.int64) // 1_000_000


class Trail:
    """Events of numbered deals (or owners), in order: `deal` and `at` (seconds), as arrays of the same length.

    `order` is the sorting that was applied, for what belongs to the events.
    """

    def __init__(self, deal: Ints, at: Ints) -> None:
        key = deal * STRIDE + (at + ORIGIN)
        self.order = np.argsort(key, kind="stable")
        self.key = key[self.order]

    def before(self, deal: Ints, at: Ints) -> Ints:
        """How many events of each deal lie strictly before the moment."""
        return self._place(deal, at) - np.searchsorted(self.key, deal * STRIDE)

    def within(self, deal: Ints, at: Ints, days: float) -> Ints:
        """How many events of each deal lie in the days before the moment."""
        return self._place(deal, at) - self._place(deal, at - round(days * 86_400))

    def last(self, deal: Ints, at: Ints) -> Ints:
        """Place (in this trail's order) of each deal's last event before the moment, -1 where there is none."""
        place = self._place(deal, at) - 1
        there = place >= np.searchsorted(self.key, deal * STRIDE)
        return np.where(there, place, -1)

    def since(self, deal: Ints, at: Ints, begin: Ints) -> Floats:
        """Days from each deal's last event before the moment, or from `begin` (seconds) where there is none."""
        place = self.last(deal, at)
        if not len(self.key):
            return np.asarray((at - begin) / 86_400)
        when = self.key[np.maximum(place, 0)] - deal * STRIDE - ORIGIN
        return np.asarray((at - np.where(place >= 0, when, begin)) / 86_400)

    def _place(self, deal: Ints, at: Ints) -> Ints:
        return np.searchsorted(self.key, deal * STRIDE + (at + ORIGIN), side="left").astype(np.int64)


def select(values: NDArray[np.generic], place: Ints, otherwise: object) -> NDArray[np.generic]:
    """Values at places, and another where the place is -1."""
    if not len(values):
        return np.full(len(place), otherwise)
    return np.where(place >= 0, values[np.maximum(place, 0)], np.asarray(otherwise, dtype=values.dtype))
