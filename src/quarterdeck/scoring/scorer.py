"""`LeadScorer`: odds to buy, from the model that foretells later rows best."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.scoring.encoding import Encoder, as_polars

Array = NDArray[np.float64]
MODELS = ("base", "logistic", "boosting")
MARGIN = 0.998
"""A model must bring the base's log loss down to this share of it."""
RANKS = (*np.linspace(0, 1, 13)[1:-1], 0.95, 0.97, 0.98, 0.99)
"""Where the bins of the base rate end: ranks of its column, finer for the greatest."""
BASE_STRENGTH = 20.0


class LeadScorer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Odds of a yes-or-no outcome, in scikit-learn's contract.

    `model="auto"` tries gradient boosting and logistic regression on the last `holdout` share of the rows, which must
    be in the order of time, after learning from the rows before; by log loss the best is taken, and the plain rate
    (by bins of the column `base`, if one is named) unless a model beats it. The winner's odds are set right on the same
    rows (Platt 1999) and it is fitted again to all rows. `report_` holds log loss, AUC and Brier score of each.

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
        """Learns from rows in the order of time. `test` gives later rows, outcomes and weights to choose by instead of the last share."""
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
        self._learn(self.chosen_, frame, outcome, weight)
        return self

    def adopt(self, chooser: LeadScorer, X: Any, y: Any, sample_weight: Any) -> LeadScorer:
        """Takes over what another scorer chose on a test, and learns it from these rows."""
        self.model = chooser.chosen_
        self.fit(X, y, sample_weight, test=(X, np.zeros(0), np.zeros(0)))
        self.report_, self.slope_, self.shift_ = chooser.report_, chooser.slope_, chooser.shift_
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
        elif self.report_[best]["log_loss"] > MARGIN * self.report_["base"]["log_loss"]:
            best = "base"
        if best != "base" and len(later[1]) >= 500:
            self.slope_, self.shift_ = platt(raw[best], later[1], later[2])
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
        return np.asarray(frame[self.base].cast(pl.Float64).fill_null(0.0).to_numpy(), dtype=np.float64)

    def _raw(self, name: str, frame: pl.DataFrame) -> Array:
        if name == "base" or self.estimator_ is None:
            if not len(self.edges_):
                return np.full(frame.height, self.rates_[0])
            return np.asarray(self.rates_[np.searchsorted(self.edges_, self._base_values(frame), side="right")])
        matrix = self.encoder_.design(frame) if name == "logistic" else self.encoder_.codes(frame)
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


def platt(p: Array, y: Array, w: Array) -> tuple[float, float]:
    """Slope and shift of the logit that set odds right; held between half and one and a half of what they were."""
    found = LogisticRegression(C=1e6, max_iter=500).fit(logit(p)[:, None], y, sample_weight=w)
    slope = float(np.clip(found.coef_[0, 0], 0.5, 1.5))
    shift = float(found.intercept_[0])
    return slope, float(np.clip(shift, -1.0, 1.0))
