"""Who was open in which past month, and what became of them: the counts that the odds are learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.demand.deals import Clock

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """Deal-months by segment, past month and age: arrays (segments, months, ages).

    `open` counts the deals that were open at some time of the month, `won` and `lost` those that closed in it.
    Months run from `first`; the last age stands for itself and all greater ones.
    """

    segments: tuple[str, ...]
    first: int
    open: Counts
    won: Counts
    lost: Counts

    @property
    def months(self) -> int:
        return int(self.open.shape[1])


def observe(deals: pl.DataFrame, first: int, clock: Clock, max_age: int) -> Exposure:
    """Counts for the whole months from `first` to the one before as_of's.

    A deal opened earlier enters at `first` (delayed entry); one that is open still leaves at the end, uncounted.
    """
    last = clock.month - 1
    segments = tuple(sorted(deals["segment"].unique()))
    shape = (len(segments), max(last - first + 1, 0), max_age + 1)
    opened, won, lost = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    place = {name: number for number, name in enumerate(segments)}
    dated = deals.filter(pl.col("opened").is_not_null() & (pl.col("opened") <= last))
    groups = dated.group_by("segment", "opened", "closed", "status").len()
    for segment, start, closed, status, n in groups.iter_rows():
        ends = closed is not None and closed <= last
        entry, leave = max(start, first), closed if ends else last
        if leave < entry:
            continue
        months = np.arange(entry, leave + 1)
        ages = np.minimum(months - start, max_age)
        opened[place[segment], months - first, ages] += n
        if ends:
            outcome = won if status == "won" else lost
            outcome[place[segment], leave - first, ages[-1]] += n
    return Exposure(segments, first, opened, won, lost)
