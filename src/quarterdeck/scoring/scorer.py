"""`LeadScorer`: odds to buy, from the model that foretells later rows best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.scoring.calibration import level, measures, sigmoid, slope, surely_better
from quarterdeck.scoring.encoding import Encoder, as_polars
from quarterdeck.scoring.models import MODELS, Base, Model

Array = NDArray[np.float64]
LEAST_ROWS = 500
"""Rows that it takes to set odds right."""
FRAMES = ("polars", "pandas", "pyarrow")


class UnfittedError(QuarterdeckError, NotFittedError):  # type: ignore[misc]
    """Odds were asked of a scorer that has not learned."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A row's odds; `shares` says, in log odds, what each column adds to `usual`, the usual row's."""

    probability: float
    usual: float
    shares: dict[str, float]


class LeadScorer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Odds of a yes-or-no outcome, in scikit-learn's contract.

    `model="auto"` tries a scorecard, logistic regression and boosting on the last `holdout` share of the rows, which
    must be in the order of time, after learning from the rows before. The one with the least log loss is taken, unless
    it beats the plain rate (by bins of the column `base`, if one is named) by no more than chance explains. With fewer
    than 1,000 rows of the rarer outcome a model leans on the scorecard. On the same rows its odds are set right (slope
    of the logit, Platt 1999; level by the newest rows), and it is fitted again to all rows. `report_` holds log loss,
    AUC and Brier score of each.

    Takes polars, pandas or Arrow frames, or arrays, with columns of numbers, categories, days or instants, and text;
    missing values may stay missing and new categories count as missing. `classes_` are the two outcomes, sorted; the
    second is the one whose odds are learned.
    """

    def __init__(
        self,
        model: str = "auto",
        base: str | None = None,
        holdout: float = 0.25,
        max_iter: int = 150,
        learning_rate: float = 0.06,
        random_state: Any = 0,
    ) -> None:
        self.model = model
        self.base = base
        self.holdout = holdout
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, test: tuple[Any, Any, Any] | None = None) -> LeadScorer:
        """Learns from rows in the order of time.

        `test` gives later rows, outcomes and weights to choose by, in place of the last share of these.
        """
        if self.model not in ("auto", *MODELS):
            raise QuarterdeckError(f"There is no model {self.model!r}; write auto, {', '.join(MODELS)}.")
        frame = self._frame(X, reset=True)
        outcome = self._outcome(y, frame.height)
        rows = np.empty((frame.height, 1))
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64) if frame.height else np.zeros(0)
        self.schema_ = frame.schema
        first, later = self._parts(frame, outcome, weight, test)
        self.report_: dict[str, dict[str, float]] = {}
        self.slope_, self.shift_ = 1.0, 0.0
        self.chosen_ = self._choose(first, later)
        # The model that was tried last on these very rows need not learn them again.
        if test is None or self.chosen_ != next(reversed(self.report_), None):
            self.fitted_ = self._learn(self.chosen_, frame, outcome, weight)
        self._set_level(frame, outcome, weight)
        return self

    def _frame(self, X: Any, *, reset: bool) -> pl.DataFrame:
        if type(X).__module__.partition(".")[0] not in FRAMES:
            kind = None if isinstance(X, list) or np.asarray(X, dtype=object).dtype == object else "numeric"
            given = np.asarray(X) if isinstance(X, np.ndarray) else X
            if getattr(given, "dtype", None) is not None and given.dtype.kind not in "OUS":
                kind = "numeric"
            X = validate_data(self, given, reset=reset, dtype=kind, ensure_all_finite="allow-nan")
            return as_polars(X)
        if not hasattr(X, "columns") and not hasattr(X, "column_names"):
            X = X.to_frame()
        frame = as_polars(X)
        _check_feature_names(self, X, reset=reset)
        _check_n_features(self, frame, reset=reset)
        if reset:
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return frame

    def _outcome(self, y: Any, rows: int) -> Array:
        """1 where the second class is."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        labels = column_or_1d(y.to_numpy() if isinstance(y, pl.Series) else y, warn=True)
        check_consistent_length(labels, np.empty(rows))
        if labels.dtype.kind == "f":
            check_array(labels, ensure_2d=False)
        check_classification_targets(labels)
        found = np.unique(labels)
        if len(found) > 2:
            kind = type_of_target(labels)
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        is_plain = found.dtype.kind in "bif" and set(found.tolist()) <= {0, 1}
        self.classes_ = np.array([0, 1], dtype=found.dtype) if is_plain else found
        return np.asarray(labels == self.classes_[-1], dtype=np.float64)

    def _set_level(self, frame: pl.DataFrame, y: Array, w: Array) -> None:
        """Shifts the odds so that on the newest rows they are right on average."""
        edge = int(len(y) * (1 - self.holdout))
        if self.chosen_ != "base" and len(y) - edge >= LEAST_ROWS and w[edge:].sum() > 0:
            raw = self.fitted_.logit(frame[edge:])
            self.shift_ = level(self.slope_ * raw, float(np.average(y[edge:], weights=w[edge:])), w[edge:])

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
        enough = all(0 < part[1][part[2] > 0].sum() < (part[2] > 0).sum() for part in (first, later))
        if not enough:
            return "base" if self.model == "auto" else self.model
        names = MODELS if self.model == "auto" else tuple(dict.fromkeys(("base", self.model)))
        raw = {}
        for name in names:
            self.fitted_ = self._learn(name, *first)
            raw[name] = sigmoid(self.fitted_.logit(later[0]))
            self.report_[name] = measures(later[1], raw[name], later[2])
        best = min(self.report_, key=lambda name: self.report_[name]["log_loss"])
        if self.model != "auto":
            best = self.model
        elif not surely_better(raw[best], raw["base"], later[1], later[2]):
            best = "base"
        if best != "base" and len(later[1]) >= LEAST_ROWS:
            self.slope_ = slope(raw[best], later[1], later[2])
        return best

    def _learn(self, name: str, frame: pl.DataFrame, y: Array, w: Array) -> Model:
        boosting = {
            "max_iter": self.max_iter,
            "learning_rate": self.learning_rate,
            "random_state": self.random_state,
        }
        return Model(name, Base(self.base)).fit(frame, y, w, boosting)

    @property
    def encoder_(self) -> Encoder:
        """How the columns become numbers, and which row is the usual one."""
        return self.fitted_.encoder

    def _known(self, X: Any) -> pl.DataFrame:
        if not hasattr(self, "chosen_"):
            raise UnfittedError("This LeadScorer has not learned yet; call fit first.")
        return self._frame(X, reset=False)

    def decision_function(self, X: Any) -> Array:
        """Log odds of the second class (rows)."""
        return self.slope_ * self.fitted_.logit(self._known(X)) + self.shift_

    def predict_proba(self, X: Any) -> Array:
        """Array (rows, 2): odds of the first and of the second class."""
        frame = self._known(X)
        if len(self.classes_) == 1:
            return np.ones((frame.height, 1))
        yes = sigmoid(self.slope_ * self.fitted_.logit(frame) + self.shift_)
        return np.column_stack([1 - yes, yes])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class of each row."""
        odds = self.predict_proba(X)
        return np.asarray(self.classes_[(odds[:, -1] > 0.5).astype(np.int64) * (len(self.classes_) - 1)])

    def shares(self, X: Any, groups: Sequence[Sequence[str]] | None = None) -> tuple[Array, float]:
        """What each group of columns adds to the log odds of the usual row: array (rows, groups), and those log odds.

        Exact Shapley values of the chosen model against its usual row (medians and commonest values): a row's shares
        and the usual log odds sum to `decision_function`. Without `groups` each column is one.
        """
        frame = self._known(X)
        names = [[name] for name in self.schema_] if groups is None else [list(group) for group in groups]
        owner = {name: place for place, group in enumerate(names) for name in group}
        left = [name for name in self.schema_ if name not in owner]
        owner |= dict.fromkeys(left, len(names))
        found, usual = self.fitted_.shares(frame, owner, len(names) + bool(left))
        return self.slope_ * found[:, : len(names)], self.slope_ * usual + self.shift_

    def score_one(self, row: Mapping[str, Any]) -> Scored:
        """Odds of one row, with what each of its columns adds; columns that it lacks are missing."""
        if not hasattr(self, "chosen_"):
            raise UnfittedError("This LeadScorer has not learned yet; call fit first.")
        frame = pl.DataFrame({name: [row.get(name)] for name in self.schema_}, schema=self.schema_, strict=False)
        found, usual = self.shares(frame)
        odds = float(sigmoid(np.array([usual + found.sum()]))[0])
        return Scored(odds, usual, dict(zip(self.schema_, found[0].tolist(), strict=True)))
