"""Sample paths: open deals and new ones age month by month in every draw, and bring what won deals brought.

Deals move in cohorts (leaf, segment, age), never one by one: the number won of a cohort is binomial, the number lost
is binomial among the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import generator
from quarterdeck.demand.deals import RENEWAL, Clock, month_day, month_number
from quarterdeck.demand.odds import Odds

Array = NDArray[np.float64]
OPEN, NEW, RENEWED = 0, 1, 2
SOURCES = 3
EXACT_PICKS = 300
"""Values drawn one by one up to this many in a draw; above it their sum is drawn from its normal limit."""
LASTING = 0.6
"""Share of the variance of the arrivals' error that stays over the months."""


@dataclass(frozen=True)
class Paths:
    """Draws of the leaves: `quantity` (deals) and `amount` (major units), arrays (leaves, sources, months, draws).

    Sources: open deals, new business, renewals.
    """

    leaves: tuple[str, ...]
    months: tuple[int, ...]
    quantity: Array
    amount: Array


@dataclass
class Cohorts:
    """Deals of one leaf that share segment and age. `values` are the stated amounts, if any."""

    segment: list[int]
    source: list[int]
    born: list[int]
    values: list[Array]
    alive: list[NDArray[np.int64]]

    @classmethod
    def none(cls) -> Cohorts:
        return cls([], [], [], [], [])

    def add(self, segment: int, source: int, born: int, values: Array, alive: NDArray[np.int64]) -> None:
        self.segment.append(segment)
        self.source.append(source)
        self.born.append(born)
        self.values.append(values)
        self.alive.append(alive)


def pick_sums(noise: np.random.Generator, values: Array, counts: NDArray[np.int64]) -> Array:
    """For each count, the sum of so many values drawn with replacement."""
    if len(values) == 0 or counts.max(initial=0) == 0:
        return np.zeros(len(counts))
    if counts.max() > EXACT_PICKS:
        sums = counts * values.mean() + np.sqrt(counts) * values.std() * noise.standard_normal(len(counts))
        return np.asarray(np.maximum(sums, counts * min(values.min(), 0.0)), dtype=np.float64)
    picks = values[noise.integers(0, len(values), int(counts.sum()))]
    running = np.concatenate([[0.0], np.cumsum(picks)])
    ends = np.cumsum(counts)
    return np.asarray(running[ends] - running[ends - counts], dtype=np.float64)


class Simulator:
    """One run of the draws over all leaves; `leaf` does the work of one."""

    def __init__(self, odds: Odds, clock: Clock, horizon: int, draws: int, seed: int) -> None:
        self._odds, self._clock, self._draws, self._seed = odds, clock, draws, seed
        self._months = tuple(range(clock.month, clock.month + horizon))
        self._parts = [clock.remaining] + [1.0] * (horizon - 1)
        self._monthly: list[tuple[Array, Array]] = []
        lasting = generator(seed, "demand.arrivals").standard_normal(draws)
        self._arrival_noise = [
            np.sqrt(LASTING) * lasting
            + np.sqrt(1 - LASTING) * generator(seed, "demand.arrivals", month_day(month)).standard_normal(draws)
            for month in self._months
        ]

    def run(
        self, opened: pl.DataFrame, arrivals: pl.DataFrame, amounts: pl.DataFrame, segments: dict[str, int]
    ) -> Paths:
        """Paths of the leaves named in `amounts`; `segments` gives the segment of a leaf's new business."""
        leaves = tuple(amounts["node_id"])
        self._monthly = self._odds_by_month(opened, arrivals, segments)
        shape = (len(leaves), SOURCES, len(self._months), self._draws)
        quantity, amount = np.zeros(shape), np.zeros(shape)
        deals = {key: part for (key,), part in opened.partition_by("node_id", as_dict=True).items()}
        coming = {
            key: part for (key,), part in arrivals.sort("period_start").partition_by("node_id", as_dict=True).items()
        }
        for place, (node_id, mean, sample, n) in enumerate(
            amounts.select("node_id", "mean", "amounts", "n").iter_rows()
        ):
            noise = generator(self._seed, "demand.paths", node_id)
            cohorts = self._open_cohorts(deals.get(node_id), segments[node_id])
            self._new_cohorts(cohorts, coming.get(node_id), segments[node_id], noise)
            values = self._values(json.loads(sample), mean)
            sure = generator(self._seed, "demand.amounts", node_id).standard_normal(self._draws)
            spread = values.std() / max(abs(mean), 1e-9) / np.sqrt(max(n, 1))
            factor = np.exp(spread * sure - spread**2 / 2)
            self._age(cohorts, values, factor, noise, quantity[place], amount[place])
        return Paths(leaves, self._months, quantity, amount)

    def _odds_by_month(
        self, opened: pl.DataFrame, arrivals: pl.DataFrame, segments: dict[str, int]
    ) -> list[tuple[Array, Array]]:
        """Each month's odds in every draw, under the load that is expected in it."""
        ages = self._odds.ages
        waiting = np.zeros((len(self._odds.segments), ages))
        for node_id, renewal, born, n in opened.group_by("node_id", "is_renewal", "opened").len().iter_rows():
            waiting[self._segment(segments[node_id], renewal), min(self._months[0] - born, ages - 1)] += n
        expected = {month: np.zeros(len(self._odds.segments)) for month in self._months}
        coming = arrivals.filter(pl.col("deals") > 0).select("node_id", "period_start", "deals", "renewal_rate")
        for node_id, start, deals, renewed in coming.iter_rows():
            if (month := month_number(start)) in expected:
                expected[month][segments[node_id]] += deals * (1 - renewed)
                expected[month][self._segment(segments[node_id], True)] += deals * renewed
        found = []
        for month, part in zip(self._months, self._parts, strict=True):
            waiting[:, 0] += expected[month]
            closing, factor = self._odds.expected(month, part, waiting)
            found.append(self._odds.at(month, part, factor))
            left = waiting * (1 - closing)
            waiting = np.zeros_like(left)
            waiting[:, 1:] = left[:, :-1]
            waiting[:, -1] += left[:, -1]
        return found

    @staticmethod
    def _values(sample: list[float], mean: float) -> Array:
        """The sample, moved so that its mean is the node's."""
        values = np.asarray(sample, dtype=np.float64)
        if not len(values):
            return np.array([mean])
        return values * (mean / values.mean()) if values.mean() > 0 else values

    def _segment(self, own: int, is_renewal: bool) -> int:
        return self._odds.segments.get(RENEWAL, own) if is_renewal else own

    def _open_cohorts(self, deals: pl.DataFrame | None, own: int) -> Cohorts:
        cohorts = Cohorts.none()
        if deals is None:
            return cohorts
        known = deals.with_columns(known=pl.col("amount").is_not_null())
        groups = known.group_by("is_renewal", "opened", "known").agg("amount", n=pl.len())
        for renewal, opened, has_value, values, n in groups.sort("is_renewal", "opened", "known").iter_rows():
            stated = np.asarray(values, dtype=np.float64) if has_value else np.zeros(0)
            alive = np.full(self._draws, n, dtype=np.int64)
            cohorts.add(self._segment(own, renewal), RENEWED if renewal else OPEN, opened, np.sort(stated), alive)
        return cohorts

    def _new_cohorts(self, cohorts: Cohorts, coming: pl.DataFrame | None, own: int, noise: np.random.Generator) -> None:
        if coming is None:
            return
        unsure = noise.gamma(20.0, size=self._draws) / 20.0
        for step, (expected, spread, renewal_rate) in enumerate(
            coming.select("deals", "spread", "renewal_rate").iter_rows()
        ):
            if expected <= 0 or step >= len(self._months):
                continue
            variance = np.log1p((spread / expected) ** 2)
            common = np.exp(np.sqrt(variance) * self._arrival_noise[step] - variance / 2)
            count = noise.poisson(expected * common * unsure).astype(np.int64)
            renewed = noise.binomial(count, renewal_rate).astype(np.int64)
            for source, number in ((NEW, count - renewed), (RENEWED, renewed)):
                if number.any():
                    cohorts.add(self._segment(own, source == RENEWED), source, self._months[step], np.zeros(0), number)

    def _age(
        self, cohorts: Cohorts, values: Array, factor: Array, noise: np.random.Generator, quantity: Array, amount: Array
    ) -> None:
        """Moves the leaf's cohorts through the months and adds what is won to its arrays (sources, months, draws)."""
        if not cohorts.segment:
            return
        segment, born = np.array(cohorts.segment), np.array(cohorts.born)
        source = np.array(cohorts.source)
        alive = np.vstack(cohorts.alive)
        for step, month in enumerate(self._months):
            there = np.flatnonzero(born <= month)
            age = np.minimum(month - born[there], self._odds.ages - 1)
            win, loss = (rates[segment[there], age] for rates in self._monthly[step])
            won = noise.binomial(alive[there], win)
            left = alive[there] - won
            lost = noise.binomial(left, np.clip(loss / np.maximum(1 - win, 1e-12), 0, 1))
            alive[there] = left - lost
            for kind in range(SOURCES):
                mine = source[there] == kind
                quantity[kind, step] += won[mine].sum(axis=0)
                unstated = np.zeros(self._draws, dtype=np.int64)
                for row in np.flatnonzero(mine):
                    stated = cohorts.values[there[row]]
                    if len(stated):
                        amount[kind, step] += pick_sums(noise, stated, won[row])
                    else:
                        unstated += won[row]
                amount[kind, step] += pick_sums(noise, values, unstated) * factor
