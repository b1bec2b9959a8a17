"""Columns of any kind as numbers: codes for trees, a design matrix for regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.errors import QuarterdeckError

Array = NDArray[np.float64]
MAX_CATEGORIES = 50


def as_polars(X: Any, names: list[str] | None = None) -> pl.DataFrame:
    """A polars frame from polars, pandas, Arrow or a two-dimensional array (columns x0, x1, …)."""
    if isinstance(X, pl.DataFrame):
        return X
    kind = type(X).__module__.partition(".")[0]
    if kind == "pandas":
        return pl.from_pandas(X)
    if kind == "pyarrow":
        return pl.DataFrame(X)
    values = np.asarray(X)
    if values.ndim != 2:
        raise QuarterdeckError(f"X has {values.ndim} dimensions; give a frame or an array of rows and columns.")
    return pl.DataFrame({name: values[:, place] for place, name in enumerate(names or _numbered(values.shape[1]))})


def _numbered(count: int) -> list[str]:
    return [f"x{place}" for place in range(count)]


@dataclass
class Encoder:
    """Learns categories, medians and spreads from a frame."""

    columns: list[str] = field(default_factory=list)
    categories: dict[str, list[str]] = field(default_factory=dict)
    center: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)

    def fit(self, frame: pl.DataFrame) -> Encoder:
        self.columns = list(frame.columns)
        for name in self.columns:
            column = frame[name]
            if column.dtype.is_numeric() or column.dtype == pl.Boolean:
                values = _numbers(column)
                known = values[~np.isnan(values)]
                self.center[name] = float(np.median(known)) if known.size else 0.0
                self.scale[name] = float(known.std()) if known.size and known.std() > 0 else 1.0
            else:
                counts = (
                    column.cast(pl.String).drop_nulls().value_counts().sort(["count", name], descending=[True, False])
                )
                self.categories[name] = counts[name].head(MAX_CATEGORIES).to_list()
        return self

    @property
    def is_category(self) -> list[bool]:
        return [name in self.categories for name in self.columns]

    def reference(self, name: str) -> float | str | None:
        """The median, or the most common category."""
        if name in self.categories:
            return self.categories[name][0] if self.categories[name] else None
        return self.center[name]

    def codes(self, frame: pl.DataFrame) -> Array:
        """Array (rows, columns): numbers as they are, categories by their rank; unknown and missing are NaN."""
        return np.column_stack([self._code(frame[name]) for name in self.columns]) if self.columns else np.zeros((0, 0))

    def _code(self, column: pl.Series) -> Array:
        name = column.name
        if name not in self.categories:
            return _numbers(column)
        rank = {category: float(place) for place, category in enumerate(self.categories[name])}
        coded = column.cast(pl.String).replace_strict(rank, default=None, return_dtype=pl.Float64)
        return np.asarray(coded.fill_null(float("nan")).to_numpy(), dtype=np.float64)

    def design(self, frame: pl.DataFrame) -> Array:
        """Array (rows, features): scaled numbers with a flag for missing ones, a flag a category; no constant."""
        parts: list[Array] = []
        for name in self.columns:
            coded = self._code(frame[name])
            if name in self.categories:
                places = np.arange(len(self.categories[name]))
                parts.append((coded[:, None] == places[None, :]).astype(np.float64))
            else:
                missing = np.isnan(coded)
                scaled = np.where(missing, 0.0, (coded - self.center[name]) / self.scale[name])
                parts.append(np.column_stack([np.clip(scaled, -5, 5), missing]))
        return np.hstack(parts) if parts else np.zeros((frame.height, 0))


def _numbers(column: pl.Series) -> Array:
    return np.asarray(column.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
