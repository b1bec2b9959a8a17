"""Expectation–maximisation for the Fellegi–Sunter model, over patterns of agreement.

A pattern says how far a pair agrees in each field. `m` is the share of a degree of agreement among pairs that are one
record, `u` among pairs that are two; the weight of a degree is log2(m / u) (Fellegi and Sunter 1969). All fields are
estimated together over all candidates: selection by blocking depends on what is compared, so it leaves the odds of a
pair as they are as long as the share of matches refers to all pairs, not to candidates (Winkler 2006, section 3).

`u` is what all pairs show less what the matches among them do, so that it holds for small tables and for tables with
many records of a kind; the prior guesses of `m` count as much as `PRIOR_PAIRS` matches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.quality.linkage.fields import Field

Floats = NDArray[np.float64]

PRIOR_PAIRS = 10.0
LEAST_SHARE = 1e-4
STEPS = 60
SETTLED = 1e-4
MOST_DIFFERENT = {"person": 0.1, "given name": 0.35, "surname": 0.35, "company": 0.35}
"""How often, to one agreement, the names of one person or company may seem to have nothing in common. Without it the
records of colleagues, or of branches, can pass for those that are one."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Distinct patterns (pattern, field), -1 where a value is missing, and how many pairs have each."""

    degrees: NDArray[np.int64]
    pairs: Floats

    @staticmethod
    def of(pairs: pl.DataFrame, fields: list[Field]) -> Patterns:
        names = [field.key for field in fields]
        counted = pairs.lazy().group_by(names).agg(pl.len().alias("pairs")).sort(names).collect()
        return Patterns(counted.select(names).to_numpy().astype(np.int64), counted["pairs"].to_numpy().astype(float))

    def shares(self, place: int, degrees: int) -> tuple[Floats, float]:
        """Share of each degree of a field among the pairs where it is there, and the number of those."""
        column = self.degrees[:, place]
        counts = np.bincount(column[column >= 0], self.pairs[column >= 0], minlength=degrees)
        total = float(counts.sum())
        return counts / max(1.0, total), total


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned: shares by field and degree (0 is `different`, the last is `same`), and the share of matches."""

    m: list[Floats]
    u: list[Floats]
    prior: float
    steps: int

    def table(self) -> list[Floats]:
        """Weights by field; place 0 is missing, then the degrees."""
        return [np.concatenate([[0.0], np.log2(m / u)]) for m, u in zip(self.m, self.u, strict=True)]

    @property
    def base(self) -> float:
        """The weight before any evidence."""
        return float(np.log2(self.prior / (1.0 - self.prior)))


def guess(field: Field) -> Floats:
    """The first guess at `m` by degree."""
    same_first = [level.agreement for level in field.levels]
    return np.array([max(0.01, 1.0 - sum(same_first)), *reversed(same_first)])


def estimate(candidates: Patterns, chance: list[Floats], fields: list[Field], possible: float) -> Model:
    """The model by EM. `chance` are the shares of the degrees among all pairs, `possible` the number of all pairs."""
    first = [guess(field) / guess(field).sum() for field in fields]
    m, u, prior = first, chance, 1.0 / max(2.0, (2.0 * possible) ** 0.5)
    steps = 0
    while steps < STEPS:
        steps += 1
        weight = sum(
            (
                np.concatenate([[0.0], np.log2(m[place] / u[place])])[candidates.degrees[:, place] + 1]
                for place in range(len(fields))
            ),
            np.full(len(candidates.pairs), np.log2(prior / (1.0 - prior))),
        )
        matches = candidates.pairs / (1.0 + np.exp2(-np.clip(weight, -1000, 1000)))
        before, prior = prior, min(0.5, max(0.1, float(matches.sum())) / possible)
        previous = m
        m, u = _maximise(candidates.degrees, matches, chance, first, fields, possible)
        moved = max(float(np.abs(new - old).max()) for new, old in zip(m, previous, strict=True))
        if moved < SETTLED and abs(prior / before - 1.0) < SETTLED:
            break
    return Model(m, u, prior, steps)


def _maximise(
    degrees: NDArray[np.int64],
    matches: Floats,
    chance: list[Floats],
    first: list[Floats],
    fields: list[Field],
    possible: float,
) -> tuple[list[Floats], list[Floats]]:
    m: list[Floats] = []
    u: list[Floats] = []
    share = float(matches.sum()) / possible
    kinds = [entry.kind for entry in fields]
    for place, (rate, guessed) in enumerate(zip(chance, first, strict=True)):
        column = degrees[:, place]
        counts = np.bincount(column[column >= 0], matches[column >= 0], minlength=len(rate))
        agreed = (counts + PRIOR_PAIRS * guessed) / (counts.sum() + PRIOR_PAIRS)
        agreed = np.maximum(agreed, LEAST_SHARE)
        agreed[0] = min(agreed[0], MOST_DIFFERENT.get(kinds[place], 1.0) * agreed[1:].sum())
        m.append(agreed / agreed.sum())
        apart = np.maximum((rate - share * agreed) / (1.0 - share), 0.05 * rate)
        u.append(apart / apart.sum())
    return m, u
