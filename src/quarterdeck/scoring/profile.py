"""The profile of those who buy: a scorecard that a person can read and check with pencil and paper.

An attribute's values are put into bins; a bin's weight of evidence is the log of its odds to the average odds, shrunk
towards nothing where few records stand behind it (I. J. Good's weight of evidence as in credit scoring, N. Siddiqi,
Credit Risk Scorecards, 2006). A logistic regression on the weights, with coefficients that are never negative, says how
much of each attribute's evidence counts beside the others. It is fitted on weights that were learned from other rows,
so that an attribute of noise gets none.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.scoring.profile_cuts import cut

Array = NDArray[np.float64]
DOUBLE = 20.0
"""Points that double the odds."""
AVERAGE = 100.0
"""Points of a record about which nothing is known."""
FACTOR = DOUBLE / float(np.log(2.0))
FOLDS = 5
MAX_CATEGORIES = 50
LEAST = 5
"""Records below which a category has no bin of its own."""
RIDGE = 2.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Values of an attribute that get the same points.

    A number's bin holds values from `low` up to, but not including, `high` (None: no limit); a category's bin holds
    `category`. `any other` are values that have no bin of their own, `missing` records without a value. `n` and `won`
    count records, `value` is what the won ones brought, major units.
    """

    attribute: str
    low: float | None
    high: float | None
    category: str | None
    n: int
    won: int
    value: float
    weight: float
    points: float

    @property
    def text(self) -> str:
        """The values in words."""
        if self.category is not None:
            return self.category
        if self.low is None and self.high is None:
            return "any value"
        if self.low is None:
            return f"below {shown(self.high)}"
        return f"{shown(self.low)} or more" if self.high is None else f"{shown(self.low)} to below {shown(self.high)}"


OTHER, MISSING = "any other", "missing"


@dataclass(frozen=True)
class Attribute:
    """An attribute of the scorecard: edges of a number's bins or categories that have one; then other and missing."""

    name: str
    edges: tuple[float, ...] | None
    categories: tuple[str, ...]
    bins: tuple[Bin, ...]
    information: float
    coefficient: float

    def place(self, column: pl.Series) -> NDArray[np.int64]:
        """The bin of each value."""
        return _place(column, self.edges, self.categories)


@dataclass(frozen=True)
class Profile:
    """A learned scorecard: `intercept` is the log-odds of a record whose bins all have weight 0."""

    attributes: tuple[Attribute, ...] = ()
    intercept: float = 0.0
    n: int = 0
    won: int = 0

    @property
    def version(self) -> str:
        """A hash of the parameters: equal scorecards have the same."""
        said = [
            [entry.name, entry.edges, entry.categories, [round(part.points, 6) for part in entry.bins]]
            for entry in self.attributes
        ]
        return hashlib.sha256(json.dumps([round(self.intercept, 6), said]).encode()).hexdigest()[:12]

    def parts(self, frame: pl.DataFrame) -> dict[str, Array]:
        """Points of each attribute, a row a record; attributes that the frame lacks count as missing."""
        found = {}
        for entry in self.attributes:
            column = frame[entry.name] if entry.name in frame.columns else _nothing(entry, frame.height)
            found[entry.name] = np.array([part.points for part in entry.bins])[entry.place(column)]
        return found

    def points(self, frame: pl.DataFrame) -> Array:
        """Points of each record: 100 and those of its bins."""
        return sum(self.parts(frame).values(), np.full(frame.height, AVERAGE))

    def odds(self, frame: pl.DataFrame) -> Array:
        """Chance (0..1) of each record to be won, by the scorecard alone."""
        return chance(self.intercept + (self.points(frame) - AVERAGE) / FACTOR)


def _nothing(entry: Attribute, height: int) -> pl.Series:
    return pl.Series(entry.name, [None] * height, dtype=pl.String if entry.edges is None else pl.Float64)


def chance(log_odds: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -50, 50))))


def shown(value: float | None) -> str:
    """A number as a person writes it: 1200000.0 is 1,200,000."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.4g}"


@dataclass(frozen=True)
class Outcomes:
    """What became of records: `won` 0 or 1; `value` what they brought, major units; rows of a `group` are alike.

    `weight` is what a row counts: 1, or in a profile by value a won row's value to the average won value.
    """

    won: Array
    value: Array = field(default_factory=lambda: np.empty(0))
    group: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def learn(frame: pl.DataFrame, outcomes: Outcomes, *, by_value: bool = False, shrinkage: float = 20.0) -> Profile:
    """The scorecard of a frame of attributes (numbers or text) whose rows were won or not.

    `shrinkage` is the number of average records that every bin's own are mixed with. With `by_value` a won row counts
    by its value (at most that of the hundredth part that brought most): points tell worth, not chance alone.
    """
    won = outcomes.won.astype(np.float64)
    if frame.is_empty() or not 0 < won.sum() < len(won):
        return Profile(n=len(won), won=int(won.sum()))
    weight = _weights(outcomes, by_value)
    even = weight / design_effect(won, outcomes.group)
    forms = [_form(frame[name], won, even) for name in frame.columns]
    places = [_place(frame[name], edges, kinds) for name, (edges, kinds) in zip(frame.columns, forms, strict=True)]
    sizes = [_size(edges, kinds) for edges, kinds in forms]
    rate = float((weight * won).sum() / weight.sum())
    tables = [_weigh(place, size, won, even, rate, shrinkage) for place, size in zip(places, sizes, strict=True)]
    fold = _folds(len(won), outcomes.group)
    others = [_from_others(place, size, won, even, fold, shrinkage) for place, size in zip(places, sizes, strict=True)]
    intercept, coefficients = _fit(np.column_stack(others), won, even, rate)
    value = outcomes.value if outcomes.value.size else np.zeros(len(won))
    attributes = []
    for name, form, place, table, slope in zip(frame.columns, forms, places, tables, coefficients, strict=True):
        counts = (_count(place, np.ones(len(won)), len(table)), _count(place, won, len(table)))
        brought = _count(place, won * value, len(table))
        bins = _bins(name, form, counts, brought, table, float(slope))
        attributes.append(Attribute(name, form[0], form[1], bins, _information(*counts, table), float(slope)))
    return Profile(tuple(attributes), intercept, len(won), int(won.sum()))


def _weights(outcomes: Outcomes, by_value: bool) -> Array:
    weight = np.ones(len(outcomes.won))
    won = outcomes.won > 0
    if by_value and outcomes.value.size and outcomes.value[won].sum() > 0:
        brought = np.minimum(outcomes.value[won], np.quantile(outcomes.value[won], 0.99))
        weight[won] = brought / brought.mean()
    return weight


def design_effect(won: Array, group: NDArray[np.int64]) -> float:
    """How many rows say as much as one independent row: 1 + (rows a group - 1) × correlation within groups.

    The correlation is that of the analysis of variance (L. Kish, Survey Sampling, 1965); at least 1.
    """
    if not group.size:
        return 1.0
    _, group = np.unique(group, return_inverse=True)
    size = np.bincount(group).astype(np.float64)
    groups, n = len(size), len(won)
    if groups < 2 or groups == n:
        return 1.0
    mean = np.bincount(group, won) / size
    between = float((size * (mean - won.mean()) ** 2).sum() / (groups - 1))
    within = float(((won - mean[group]) ** 2).sum() / (n - groups))
    usual = (n - float((size**2).sum()) / n) / (groups - 1)
    alike = (between - within) / (between + (usual - 1) * within) if between + (usual - 1) * within > 0 else 0.0
    return 1 + (float((size**2).sum()) / n - 1) * max(0.0, alike)


def _form(column: pl.Series, won: Array, weight: Array) -> tuple[tuple[float, ...] | None, tuple[str, ...]]:
    """Edges of a number's bins, or the categories that are common enough for one."""
    if column.dtype.is_numeric():
        return tuple(cut(_numbers(column), won, weight).tolist()), ()
    counts = column.cast(pl.String).drop_nulls().value_counts().sort(["count", column.name], descending=[True, False])
    common = counts.filter(pl.col("count") >= LEAST)[column.name].head(MAX_CATEGORIES)
    return None, tuple(common.to_list())


def _numbers(column: pl.Series) -> Array:
    return np.asarray(column.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _size(edges: tuple[float, ...] | None, categories: tuple[str, ...]) -> int:
    return len(edges) + 2 if edges is not None else len(categories) + 2


def _place(column: pl.Series, edges: tuple[float, ...] | None, categories: tuple[str, ...]) -> NDArray[np.int64]:
    """The bin of each value; the last one is that of missing values, of categories the one before that of others."""
    if edges is not None:
        values = _numbers(column.cast(pl.Float64, strict=False))
        place = np.searchsorted(np.array(edges), values, side="right")
        return np.where(np.isnan(values), len(edges) + 1, place).astype(np.int64)
    rank = {category: number for number, category in enumerate(categories)}
    text = column.cast(pl.String)
    known = text.replace_strict(rank, default=len(categories), return_dtype=pl.Int64)
    return np.asarray(
        pl.select(pl.when(text.is_null()).then(len(categories) + 1).otherwise(known)).to_series().to_numpy(),
        dtype=np.int64,
    )


def _weigh(place: NDArray[np.int64], size: int, won: Array, weight: Array, rate: float, shrinkage: float) -> Array:
    """Weight of evidence of each bin: log of its odds to the average odds, mixed with average records."""
    return evidence(_count(place, weight * won, size), _count(place, weight * (1 - won), size), rate, shrinkage)


def _count(place: NDArray[np.int64], weight: Array, size: int) -> Array:
    return np.bincount(place, weight, size).astype(np.float64)


def evidence(hits: Array, misses: Array, rate: float | Array, shrinkage: float) -> Array:
    """Weight of evidence: log of the odds of won (hits) to lost (misses) records over the odds of the average rate,
    after `shrinkage` average records were added.
    """
    odds = (hits + shrinkage * rate) / (misses + shrinkage * (1 - rate))
    return np.asarray(np.log(odds) - np.log(rate / (1 - rate)))


def _folds(rows: int, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each row; rows of a group share one."""
    if not group.size:
        return np.arange(rows) % FOLDS
    _, number = np.unique(group, return_inverse=True)
    return np.asarray(number % FOLDS, dtype=np.int64)


def _from_others(
    place: NDArray[np.int64], size: int, won: Array, weight: Array, fold: NDArray[np.int64], shrinkage: float
) -> Array:
    """Each row's weight of evidence as the rows of the other folds give it."""
    cell = fold * size + place
    hits = np.bincount(cell, weight * won, FOLDS * size).reshape(FOLDS, size)
    misses = np.bincount(cell, weight * (1 - won), FOLDS * size).reshape(FOLDS, size)
    hits, misses = hits.sum(axis=0) - hits, misses.sum(axis=0) - misses
    rate = np.clip(hits.sum(axis=1, keepdims=True) / (hits + misses).sum(axis=1, keepdims=True), 1e-6, 1 - 1e-6)
    return np.asarray(evidence(hits, misses, rate, shrinkage)[fold, place])


def _fit(design: Array, won: Array, weight: Array, rate: float) -> tuple[float, Array]:
    """Intercept and coefficients (0 … 2) of the logistic regression on weights of evidence.

    Newton's method, projected on the limits (D. Bertsekas, 1982).
    """
    rows = np.column_stack([np.ones(len(won)), design])
    low, high = np.full(rows.shape[1], 0.0), np.full(rows.shape[1], 2.0)
    low[0], high[0] = -np.inf, np.inf
    ridge = np.full(rows.shape[1], RIDGE)
    ridge[0] = 0.0
    slopes = np.full(rows.shape[1], 0.5)
    slopes[0] = np.log(rate / (1 - rate))

    def loss(at: Array) -> float:
        line = rows @ at
        return float((weight * (np.logaddexp(0, line) - won * line)).sum() + (ridge * at**2).sum() / 2)

    for _ in range(50):
        fitted = chance(rows @ slopes)
        slant = rows.T @ (weight * (fitted - won)) + ridge * slopes
        bend = (rows * (weight * fitted * (1 - fitted))[:, None]).T @ rows + np.diag(ridge + 1e-9)
        free = ~(((slopes <= low) & (slant > 0)) | ((slopes >= high) & (slant < 0)))
        step = np.zeros(len(slopes))
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slant[free])
        now, scale = loss(slopes), 1.0
        after = np.clip(slopes - step, low, high)
        while loss(after) > now and scale > 1e-6:
            scale /= 2
            after = np.clip(slopes - scale * step, low, high)
        moved, slopes = float(np.abs(after - slopes).max()), after
        if moved < 1e-7:
            break
    return float(slopes[0]), slopes[1:]


def _information(n: Array, won: Array, weight: Array) -> float:
    """Information value: what the attribute tells alone; below 0.02 nothing, above 0.5 suspiciously much."""
    hits, misses = won, n - won
    return float(((hits / hits.sum() - misses / misses.sum()) * weight).sum())


def _bins(
    name: str,
    form: tuple[tuple[float, ...] | None, tuple[str, ...]],
    counts: tuple[Array, Array],
    brought: Array,
    weights: Array,
    slope: float,
) -> tuple[Bin, ...]:
    edges, categories = form
    limits: list[tuple[float | None, float | None, str | None]]
    if edges is not None:
        limits = [(low, high, None) for low, high in pairwise([None, *edges, None])]
    else:
        limits = [(None, None, category) for category in (*categories, OTHER)]
    limits.append((None, None, MISSING))
    return tuple(
        Bin(name, low, high, word, int(n), int(won), float(value), float(weight), FACTOR * slope * float(weight))
        for (low, high, word), n, won, value, weight in zip(limits, *counts, brought, weights, strict=True)
    )
