"""`LeadScorer`: odds to buy, from the model that foretells later rows best."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.scoring.encoding import Encoder, as_polars

Array = NDArray[np.float64]
MODELS = ("base", "logistic", "boosting")
SURE = 2.0
"""Standard errors by which a model's log loss must be below the base's."""
WORTH = 0.002
"""Share of the base's log loss that a model must save to be worth its words."""
LEAST_ROWS = 500
"""Rows that it takes to set odds right."""
RANKS = (*np.linspace(0, 1, 13)[1:-1], 0.95, 0.97, 0.98, 0.99)
"""Where the bins of the base rate end: ranks of its column, finer for the greatest."""
BASE_STRENGTH = 20.0
SMALL = 500_000
"""Rows below which one thread does the work."""


class LeadScorer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Odds of a yes-or-no outcome, in scikit-learn's contract.

    `model="auto"` tries boosting and logistic regression on the last `holdout` share of the rows, which must be
    in the order of time, after learning from the rows before. The one with the least log loss is taken, unless it beats
    the plain rate (by bins of the column `base`, if one is named) by no more than chance explains. On the same rows its
    odds are set right (slope of the logit, Platt 1999; level by the newest rows), and it is fitted again to all rows.
    `report_` holds log loss, AUC and Brier score of each.

    Takes polars, pandas or Arrow frames, or arrays; text columns are categories, missing values may stay missing.
    """

    def __init__(
        self,
        model: str = "auto",
        base: str | None = None,
        holdout: float = 0.25,
        max_iter: int = 150,
        learning_rate: float = 0.06,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.base = base
        self.holdout = holdout
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, test: tuple[Any, Any, Any] | None = None) -> LeadScorer:
        """Learns from rows in the order of time.

        `test` gives later rows, outcomes and weights to choose by, in place of the last share of these.
        """
        if self.model not in ("auto", *MODELS):
            raise QuarterdeckError(f"There is no model {self.model!r}; write auto, {', '.join(MODELS)}.")
        frame = as_polars(X)
        outcome = np.asarray(y).astype(np.float64).ravel()
        weight = np.ones(len(outcome)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = len(frame.columns)
        first, later = self._parts(frame, outcome, weight, test)
        self.report_: dict[str, dict[str, float]] = {}
        self.slope_, self.shift_ = 1.0, 0.0
        self.chosen_ = self._choose(first, later)
        # The model that was tried last on these very rows need not learn them again.
        if test is None or self.chosen_ != next(reversed(self.report_), None):
            self._learn(self.chosen_, frame, outcome, weight)
        self._set_level(frame, outcome, weight)
        return self

    def _set_level(self, frame: pl.DataFrame, y: Array, w: Array) -> None:
        """Shifts the odds so that on the newest rows they are right on average."""
        edge = int(len(y) * (1 - self.holdout))
        if self.chosen_ != "base" and len(y) - edge >= LEAST_ROWS:
            raw = self._raw(self.chosen_, frame[edge:])
            self.shift_ = level(self.slope_ * logit(raw), float(np.average(y[edge:], weights=w[edge:])), w[edge:])

    def adopt(self, chooser: LeadScorer, X: Any, y: Any, sample_weight: Any) -> LeadScorer:
        """Takes over what another scorer chose on a test, and learns it from these rows."""
        self.model = chooser.chosen_
        self.fit(X, y, sample_weight, test=(X, np.zeros(0), np.zeros(0)))
        self.report_, self.slope_ = chooser.report_, chooser.slope_
        self._set_level(as_polars(X), np.asarray(y, dtype=np.float64), np.asarray(sample_weight, dtype=np.float64))
        return self

    def _parts(self, frame: pl.DataFrame, y: Array, w: Array, test: tuple[Any, Any, Any] | None) -> tuple[Any, Any]:
        if test is not None:
            later = (as_polars(test[0]), np.asarray(test[1], dtype=np.float64), np.asarray(test[2], dtype=np.float64))
            return (frame, y, w), later
        edge = int(len(y) * (1 - self.holdout))
        return (frame[:edge], y[:edge], w[:edge]), (frame[edge:], y[edge:], w[edge:])

    def _choose(self, first: tuple[pl.DataFrame, Array, Array], later: tuple[pl.DataFrame, Array, Array]) -> str:
        enough = all(len(part[1]) > 0 and 0 < part[1].sum() < len(part[1]) for part in (first, later))
        if not enough:
            return "base" if self.model == "auto" else self.model
        names = MODELS if self.model == "auto" else tuple(dict.fromkeys(("base", self.model)))
        raw = {}
        for name in names:
            self._learn(name, *first)
            raw[name] = self._raw(name, later[0])
            self.report_[name] = measures(later[1], raw[name], later[2])
        best = min(self.report_, key=lambda name: self.report_[name]["log_loss"])
        if self.model != "auto":
            best = self.model
        elif not surely_better(raw[best], raw["base"], later[1], later[2]):
            best = "base"
        if best != "base" and len(later[1]) >= LEAST_ROWS:
            self.slope_ = slope(raw[best], later[1], later[2])
        return best

    def _learn(self, name: str, frame: pl.DataFrame, y: Array, w: Array) -> None:
        self.encoder_ = Encoder().fit(frame)
        self.edges_, self.rates_ = self._base_rates(frame, y, w)
        if name == "base" or len(np.unique(y)) < 2:
            self.estimator_ = None
        elif name == "logistic":
            self.estimator_ = LogisticRegression(C=0.3, max_iter=500)
            self.estimator_.fit(self.encoder_.design(frame), y, sample_weight=w)
        else:
            self.estimator_ = HistGradientBoostingClassifier(
                max_iter=self.max_iter,
                learning_rate=self.learning_rate,
                max_leaf_nodes=15,
                min_samples_leaf=40,
                l2_regularization=5.0,
                categorical_features=self.encoder_.is_category,
                early_stopping=False,
                random_state=self.random_state,
            )
            with _few_threads(len(y)):
                self.estimator_.fit(self.encoder_.codes(frame), y, sample_weight=w)

    def _base_rates(self, frame: pl.DataFrame, y: Array, w: Array) -> tuple[Array, Array]:
        average = float(np.average(y, weights=w)) if len(y) else 0.5
        if self.base is None or self.base not in frame.columns or not len(y):
            return np.zeros(0), np.array([average])
        values = self._base_values(frame)
        edges = np.unique(np.quantile(values, RANKS))
        place = np.searchsorted(edges, values, side="right")
        yes = np.bincount(place, weights=w * y, minlength=len(edges) + 1)
        total = np.bincount(place, weights=w, minlength=len(edges) + 1)
        return edges, (yes + BASE_STRENGTH * average) / (total + BASE_STRENGTH)

    def _base_values(self, frame: pl.DataFrame) -> Array:
        return np.asarray(frame[str(self.base)].cast(pl.Float64).fill_null(0.0).to_numpy(), dtype=np.float64)

    def _raw(self, name: str, frame: pl.DataFrame) -> Array:
        if name == "base" or self.estimator_ is None:
            if not len(self.edges_):
                return np.full(frame.height, self.rates_[0])
            return np.asarray(self.rates_[np.searchsorted(self.edges_, self._base_values(frame), side="right")])
        matrix = self.encoder_.design(frame) if name == "logistic" else self.encoder_.codes(frame)
        with _few_threads(frame.height):
            return np.asarray(self.estimator_.predict_proba(matrix)[:, 1], dtype=np.float64)

    def predict_proba(self, X: Any) -> Array:
        """Array (rows, 2): odds of no and of yes."""
        if not hasattr(self, "chosen_"):
            raise QuarterdeckError("This LeadScorer has not learned yet; call fit first.")
        frame = as_polars(X, list(self.feature_names_in_)).select(list(self.feature_names_in_))
        raw = self._raw(self.chosen_, frame)
        yes = raw
        if (self.slope_, self.shift_) != (1.0, 0.0):
            yes = 1 / (1 + np.exp(-(self.slope_ * logit(raw) + self.shift_)))
        return np.column_stack([1 - yes, yes])

    def predict(self, X: Any) -> NDArray[np.int64]:
        """1 where yes is likelier than no."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)


def _few_threads(rows: int) -> Any:
    """One thread for small work: on a busy machine threads that wait for each other cost more than they bring.

    Learning 200 000 rows of 18 columns: 7 s on one thread; on two 3 s with both cores idle, 68 s with both busy.
    """
    return threadpool_limits(1, user_api="openmp") if rows < SMALL else nullcontext()


def logit(p: Array) -> Array:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def measures(y: Array, p: Array, w: Array) -> dict[str, float]:
    """Log loss, AUC and Brier score of odds `p` for outcomes `y`."""
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return {
        "log_loss": float(log_loss(y, clipped, sample_weight=w, labels=[0, 1])),
        "auc": float(roc_auc_score(y, p, sample_weight=w)),
        "brier": float(brier_score_loss(y, p, sample_weight=w)),
    }


def slope(p: Array, y: Array, w: Array) -> float:
    """By what the logit of odds must be stretched to be right; held between half and one and a half."""
    found = LogisticRegression(C=1e6, max_iter=500).fit(logit(p)[:, None], y, sample_weight=w)
    return float(np.clip(found.coef_[0, 0], 0.5, 1.5))


def level(logits: Array, rate: float, w: Array) -> float:
    """What must be added to the logits so that the odds are `rate` on average; found by halving."""
    low, high = -4.0, 4.0
    for _ in range(50):
        middle = (low + high) / 2
        mean = float(np.average(1 / (1 + np.exp(-(logits + middle))), weights=w))
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def surely_better(p: Array, base: Array, y: Array, w: Array) -> bool:
    """Log loss of `p` is below that of `base` by a share that is worth it, and by more than chance explains."""
    losses = [
        -(y * np.log(odds) + (1 - y) * np.log(1 - odds))
        for odds in (np.clip(p, 1e-6, 1 - 1e-6), np.clip(base, 1e-6, 1 - 1e-6))
    ]
    gain = w * (losses[1] - losses[0]) / w.mean()
    least = WORTH * float(np.average(losses[1], weights=w))
    return bool(gain.mean() > max(SURE * gain.std() / np.sqrt(len(gain)), least))
