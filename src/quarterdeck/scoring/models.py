"""The models that a LeadScorer chooses from, each with its logit and what each column adds to it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from quarterdeck.scoring import trees
from quarterdeck.scoring.calibration import logit
from quarterdeck.scoring.encoding import Encoder

Array = NDArray[np.float64]
MODELS = ("base", "scorecard", "logistic", "boosting")
RANKS = (*np.linspace(0, 1, 13)[1:-1], 0.95, 0.97, 0.98, 0.99)
"""Where the bins of the base rate end: ranks of its column, finer for the greatest."""
BASE_STRENGTH = 20.0
CARD_STRENGTH = 20.0
"""Rows of the average outcome that each bin of a scorecard is mixed with."""
CARD_BINS = 8
LEANING = 100.0
"""Rows of the rarer outcome at which a model counts as much as the scorecard that it leans on."""
FREE = 1_000
"""Rows of the rarer outcome from which on a model stands alone."""
SMALL = 500_000
"""Rows below which one thread does the work."""


def few_threads(rows: int) -> Any:
    """One thread for small work: on a busy machine threads that wait for each other cost more than they bring.

    Learning 200 000 rows of 18 columns: 7 s on one thread; on two 3 s with both cores idle, 68 s with both busy.
    """
    return threadpool_limits(1) if rows < SMALL else nullcontext()


@dataclass
class Base:
    """The plain rate, by bins of one column if one is named."""

    column: str | None = None
    edges: Array = field(default_factory=lambda: np.zeros(0))
    rates: Array = field(default_factory=lambda: np.array([0.5]))

    def fit(self, frame: pl.DataFrame, y: Array, w: Array) -> Base:
        average = float(np.average(y, weights=w)) if len(y) and w.sum() > 0 else 0.5
        self.edges, self.rates = np.zeros(0), np.array([average])
        if self.column is None or self.column not in frame.columns or not len(y):
            return self
        values = self._values(frame)
        self.edges = np.unique(np.quantile(values, RANKS))
        place = np.searchsorted(self.edges, values, side="right")
        yes = np.bincount(place, weights=w * y, minlength=len(self.edges) + 1)
        total = np.bincount(place, weights=w, minlength=len(self.edges) + 1)
        self.rates = (yes + BASE_STRENGTH * average) / (total + BASE_STRENGTH)
        return self

    def _values(self, frame: pl.DataFrame) -> Array:
        column = frame[str(self.column)].cast(pl.Float64).fill_null(0.0).fill_nan(0.0)
        return np.asarray(column.to_numpy(), dtype=np.float64)

    def odds(self, frame: pl.DataFrame) -> Array:
        if not len(self.edges):
            return np.full(frame.height, self.rates[0])
        return np.asarray(self.rates[np.searchsorted(self.edges, self._values(frame), side="right")])


@dataclass
class Scorecard:
    """Weight of evidence by bin, shrunken to none, times one slope: what little data can bear.

    Good (1985), Weight of evidence: the log of the odds in a bin over the odds of all.
    """

    edges: list[Array | None] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    slope: float = 0.0
    constant: float = 0.0

    def fit(self, codes: Array, is_category: list[bool], y: Array, w: Array) -> Scorecard:
        rate = float(np.clip(np.average(y, weights=w), 1e-6, 1 - 1e-6))
        for place, category in enumerate(is_category):
            column = codes[:, place]
            known = column[~np.isnan(column)]
            grid = np.linspace(0, 1, CARD_BINS + 1)[1:-1]
            self.edges.append(None if category else np.unique(np.quantile(known, grid)) if known.size else np.zeros(0))
            bins = self._bins(column, self.edges[-1])
            yes = np.bincount(bins, weights=w * y)
            no = np.bincount(bins, weights=w * (1 - y))
            odds = (yes + CARD_STRENGTH * rate) / (no + CARD_STRENGTH * (1 - rate))
            self.weights.append(np.log(odds) - np.log(rate / (1 - rate)))
        total = self.evidence(codes).sum(axis=1)
        found = LogisticRegression(C=1.0, max_iter=500).fit(total[:, None], y, sample_weight=w)
        self.slope, self.constant = float(np.clip(found.coef_[0, 0], 0.0, 1.5)), float(found.intercept_[0])
        return self

    @staticmethod
    def _bins(column: Array, edges: Array | None) -> NDArray[np.int64]:
        """Bin 0 is for what is missing or unknown."""
        missing = np.isnan(column)
        filled = np.where(missing, 0.0, column)
        place = filled.astype(np.int64) if edges is None else np.searchsorted(edges, filled, side="right")
        return np.where(missing, 0, place + 1)

    def evidence(self, codes: Array) -> Array:
        """Array (rows, parts): each part's weight of evidence; a bin that was never seen has none."""
        found = np.zeros(codes.shape)
        for place, (edges, weights) in enumerate(zip(self.edges, self.weights, strict=True)):
            bins = self._bins(codes[:, place], edges)
            found[:, place] = np.append(weights, 0.0)[np.minimum(bins, len(weights))]
        return found


@dataclass
class Model:
    """A model of `name`, learned from a frame whose rows weigh `w` in the order of time.

    With few rows of the rarer outcome logistic regression and boosting are mixed, on the logit, with the scorecard:
    `trust` is their part.
    """

    name: str
    base: Base
    encoder: Encoder = field(default_factory=Encoder)
    card: Scorecard | None = None
    estimator: Any = None
    trust: float = 1.0
    _trees: dict[tuple[int, ...], trees.Trees] = field(default_factory=dict, repr=False)

    def fit(self, frame: pl.DataFrame, y: Array, w: Array, boosting: dict[str, Any]) -> Model:
        self.base.fit(frame, y, w)
        self.encoder.fit(frame)
        if self.name == "base" or len(np.unique(y[w > 0])) < 2 or not self.encoder.parts:
            return self
        codes = self.encoder.codes(frame)
        rarer = float(min(y.sum(), (1 - y).sum()))
        if self.name == "scorecard" or rarer < FREE:
            self.card = Scorecard().fit(codes, self.encoder.is_category, y, w)
            self.trust = 0.0 if self.name == "scorecard" else rarer / (rarer + LEANING)
        if self.name == "logistic":
            self.estimator = LogisticRegression(C=0.3, max_iter=200, tol=1e-3)
            with few_threads(len(y)):
                self.estimator.fit(self.encoder.design(codes), y, sample_weight=w)
        elif self.name == "boosting":
            self.estimator = HistGradientBoostingClassifier(
                max_leaf_nodes=15,
                min_samples_leaf=40,
                l2_regularization=5.0,
                categorical_features=self.encoder.is_category if any(self.encoder.is_category) else None,
                early_stopping=False,
                **boosting,
            )
            with few_threads(len(y)):
                self.estimator.fit(codes, y, sample_weight=w)
        return self

    @property
    def is_plain(self) -> bool:
        """Nothing but the base rate was learned."""
        return self.card is None and self.estimator is None

    def logit(self, frame: pl.DataFrame) -> Array:
        if self.is_plain:
            return logit(self.base.odds(frame))
        codes = self.encoder.codes(frame)
        found = np.zeros(frame.height)
        if self.card is not None:
            found += (1 - self.trust) * (self.card.constant + self.card.slope * self.card.evidence(codes).sum(axis=1))
        if self.estimator is not None:
            given = self.encoder.design(codes) if self.name == "logistic" else codes
            with few_threads(frame.height):
                found += self.trust * self.estimator.decision_function(given)
        return np.clip(found, -14.0, 14.0)

    def shares(self, frame: pl.DataFrame, owner: dict[str, int], groups: int) -> tuple[Array, float]:
        """What each group of columns adds to the logit of the usual row, and that logit.

        Array (rows, groups); a row's shares and the usual row's logit sum to the row's logit. `owner` gives the group
        of each column.
        """
        if self.is_plain:
            return self._base_shares(frame, owner, groups)
        codes, parts = self.encoder.codes(frame), [owner[part.column] for part in self.encoder.parts]
        found, usual = np.zeros((frame.height, groups)), 0.0
        if self.card is not None:
            evidence, reference = self.card.evidence(codes), self.card.evidence(self.encoder.usual)
            found += (1 - self.trust) * self.card.slope * _by_group(evidence - reference, parts, groups)
            usual += (1 - self.trust) * (self.card.constant + self.card.slope * float(reference.sum()))
        if self.name == "logistic" and self.estimator is not None:
            coefficients, at_usual = self.estimator.coef_[0], self.encoder.design(self.encoder.usual)
            design = [parts[part] for part in self.encoder.design_owner()]
            found += self.trust * _by_group((self.encoder.design(codes) - at_usual) * coefficients, design, groups)
            usual += self.trust * float(self.estimator.intercept_[0] + (at_usual @ coefficients)[0])
        elif self.estimator is not None:
            key = (groups, *parts)
            if key not in self._trees:
                self._trees[key] = trees.learn(self.estimator, self.encoder.usual, parts, groups)
            found += self.trust * self._trees[key].shares(codes)
            usual += self.trust * self._trees[key].usual
        return found, usual

    def _base_shares(self, frame: pl.DataFrame, owner: dict[str, int], groups: int) -> tuple[Array, float]:
        found = np.zeros((frame.height, groups))
        own = logit(self.base.odds(frame))
        if self.base.column is None or not len(self.base.edges):
            return found, float(logit(self.base.rates[:1])[0])
        value = self.encoder.usual[0, [part.column for part in self.encoder.parts].index(self.base.column)]
        usual = float(logit(self.base.odds(pl.DataFrame({self.base.column: [float(np.nan_to_num(value))]})))[0])
        found[:, owner[self.base.column]] = own - usual
        return found, usual


def _by_group(parts: Array, owner: list[int], groups: int) -> Array:
    """Sums the columns of each group."""
    to = np.zeros((len(owner), groups))
    to[np.arange(len(owner)), owner] = 1
    return np.asarray(parts @ to, dtype=np.float64)
