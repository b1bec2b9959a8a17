"""Columns of any kind as numbers: codes for trees and scorecards, a design matrix for regression."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.errors import QuarterdeckError

Array = NDArray[np.float64]
Kind = Literal["number", "category", "moment", "text"]
MAX_CATEGORIES = 50
MAX_WORDS = 40
LEAST_WORD_ROWS = 10
"""Texts in which a word must stand to be looked at."""
WORDY = 2.0
"""Words a value from which on a column of many different values is text."""
SAMPLE = 20_000
"""Rows from which the kind and the words of a text column are told."""
FEW = 64
"""Rows below which a category is looked up one by one."""
EPOCH = datetime(2000, 1, 1)
CYCLES = {"month": 12.0, "weekday": 7.0, "hour": 24.0}
_WORD = re.compile(r"\w{2,}")


def as_polars(X: Any, names: list[str] | None = None) -> pl.DataFrame:
    """A polars frame from polars, pandas, Arrow or a two-dimensional array (columns x0, x1, …)."""
    if isinstance(X, pl.DataFrame):
        return X
    kind = type(X).__module__.partition(".")[0]
    if kind == "pandas":
        return pl.from_pandas(X.rename(columns=str))
    if kind == "pyarrow":
        return pl.DataFrame(X)
    values = np.asarray(X)
    if values.ndim != 2:
        raise QuarterdeckError(f"X has {values.ndim} dimensions; give a frame or an array of rows and columns.")
    known = names or [f"x{place}" for place in range(values.shape[1])]
    return pl.DataFrame([_series(name, values[:, place]) for place, name in enumerate(known)])


def _series(name: str, values: NDArray[Any]) -> pl.Series:
    if values.dtype != object:
        return pl.Series(name, values)
    return pl.Series(name, values.tolist(), strict=False)


@dataclass(frozen=True)
class Part:
    """A column of numbers that stands for a column of the frame, or for a part of it."""

    column: str
    kind: Literal["number", "category", "cycle", "word"]
    period: float = 0.0

    @property
    def is_category(self) -> bool:
        return self.kind == "category"


@dataclass
class Encoder:
    """Learns from a frame how its columns become numbers.

    Numbers stay as they are. Of text columns with few different values, or without words, the commonest values are
    categories; of texts, words that stand in many of them are flags. Days and instants become days since 2000 (held
    within what was learned), month, weekday and hour. `usual` is the usual row: medians and commonest values.
    """

    kinds: dict[str, Kind] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    categories: dict[str, list[str]] = field(default_factory=dict)
    words: dict[str, list[str]] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    usual: Array = field(default_factory=lambda: np.zeros((1, 0)))
    scale: Array = field(default_factory=lambda: np.zeros(0))

    def fit(self, frame: pl.DataFrame) -> Encoder:
        for name in frame.columns:
            self._learn(name, frame[name])
        codes = self.codes(frame)
        usual = [_usual(codes[:, place], part) for place, part in enumerate(self.parts)]
        self.usual = np.array(usual, dtype=np.float64).reshape(1, -1)
        with np.errstate(invalid="ignore"):
            spread = [np.nanstd(column) if np.isfinite(column).any() else 1.0 for column in codes.T]
        self.scale = np.array([value if value > 0 else 1.0 for value in spread])
        return self

    def _learn(self, name: str, column: pl.Series) -> None:
        if column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null, pl.Duration):
            self.kinds[name] = "number"
            self.parts.append(Part(name, "number"))
        elif column.dtype in (pl.Date, pl.Datetime):
            self.kinds[name] = "moment"
            latest = column.drop_nulls().max()
            self.latest[name] = _elapsed(pl.Series([latest], dtype=column.dtype))[0] if latest is not None else 0.0
            self.parts.append(Part(name, "number"))
            cycles = CYCLES if column.dtype == pl.Datetime else {key: CYCLES[key] for key in ("month", "weekday")}
            self.parts += [Part(name, "cycle", period) for period in cycles.values()]
        else:
            self._learn_text(name, column.cast(pl.String).rename(name))

    def _learn_text(self, name: str, column: pl.Series) -> None:
        counts = column.drop_nulls().value_counts().sort(["count", name], descending=[True, False])
        values = counts[name].head(SAMPLE).to_list()
        if counts.height > MAX_CATEGORIES:
            sample = column.drop_nulls()[:: max(len(column) // SAMPLE, 1)].str.to_lowercase()
            texts = [set(_WORD.findall(value)) for value in sample.to_list()]
            met = Counter(word for text in texts for word in text)
            common = [word for word, rows in met.most_common() if LEAST_WORD_ROWS <= rows < 0.9 * len(texts)]
            if common and sum(map(len, texts)) >= WORDY * len(texts):
                self.kinds[name], self.words[name] = "text", sorted(common[:MAX_WORDS])
                self.parts += [Part(name, "word") for _ in self.words[name]]
                return
            values = counts.filter(pl.col("count") > 1)[name].to_list()
        self.kinds[name] = "category"
        self.categories[name] = values[:MAX_CATEGORIES]
        self.parts.append(Part(name, "category"))

    @property
    def columns(self) -> list[str]:
        return list(self.kinds)

    @property
    def is_category(self) -> list[bool]:
        return [part.is_category for part in self.parts]

    def codes(self, frame: pl.DataFrame) -> Array:
        """Array (rows, parts): numbers as they are, categories by their rank; unknown and missing are NaN."""
        if not self.parts:
            return np.zeros((frame.height, 0))
        return np.column_stack([codes for name in self.kinds for codes in self._codes(name, frame[name])])

    def _codes(self, name: str, column: pl.Series) -> list[Array]:
        kind = self.kinds[name]
        if kind == "number":
            return [_numbers(column)]
        if kind == "moment":
            moment = column.cast(pl.Datetime("us"), strict=False)
            cycles = [moment.dt.month() - 1, moment.dt.weekday() - 1]
            cycles += [moment.dt.hour()] if self._has_hours(name) else []
            return [np.minimum(_elapsed(moment), self.latest[name]), *map(_numbers, cycles)]
        text = column.cast(pl.String)
        if kind == "text":
            lower = text.str.to_lowercase()
            return [_numbers(lower.str.contains(rf"\b{word}\b").fill_null(False)) for word in self.words[name]]
        return [self._ranks(name, text)]

    def _has_hours(self, name: str) -> bool:
        return sum(part.column == name for part in self.parts) == 1 + len(CYCLES)

    def _ranks(self, name: str, text: pl.Series) -> Array:
        rank = {category: float(place) for place, category in enumerate(self.categories[name])}
        if len(text) < FEW:
            return np.array([rank.get(value, np.nan) for value in text.to_list()], dtype=np.float64)
        return _numbers(text.replace_strict(rank, default=None, return_dtype=pl.Float64))

    def design(self, codes: Array) -> NDArray[np.float32]:
        """Array (rows, features): scaled numbers with a flag for missing ones, a flag a category; no constant."""
        return np.hstack([self._design(codes, place) for place in range(len(self.parts))] or [_nothing(codes)])

    def design_owner(self) -> list[int]:
        """The part that each column of the design stands for."""
        widths = [self._design(self.usual, place).shape[1] for place in range(len(self.parts))]
        return [place for place, width in enumerate(widths) for _ in range(width)]

    def _design(self, codes: Array, place: int) -> NDArray[np.float32]:
        part, column = self.parts[place], codes[:, place]
        if part.kind == "category":
            places = np.arange(len(self.categories[part.column]))
            return np.asarray(column[:, None] == places[None, :], dtype=np.float32)
        missing = np.isnan(column)
        if part.kind == "cycle":
            angle = np.where(missing, 0.0, column) * (2 * np.pi / part.period)
            return np.where(missing[:, None], 0.0, np.column_stack([np.sin(angle), np.cos(angle)])).astype(np.float32)
        if part.kind == "word":
            return np.asarray(column[:, None], dtype=np.float32)
        center = self.usual[0, place]
        scaled = np.where(missing, 0.0, (column - (0.0 if np.isnan(center) else center)) / self.scale[place])
        return np.column_stack([np.clip(scaled, -5, 5), missing]).astype(np.float32)


def _nothing(codes: Array) -> NDArray[np.float32]:
    return np.zeros((len(codes), 0), dtype=np.float32)


def _usual(codes: Array, part: Part) -> float:
    known = codes[~np.isnan(codes)]
    if 2 * known.size < codes.size or not known.size:
        return float("nan")
    if part.kind in ("category", "cycle"):
        return float(np.bincount(known.astype(np.int64)).argmax())
    return float(np.median(known))


def _elapsed(column: pl.Series) -> Array:
    """Days since 2000 with their fraction."""
    moments = column.cast(pl.Datetime("us"), strict=False)
    return _numbers((moments - EPOCH).dt.total_microseconds()) / 86_400_000_000


def _numbers(column: pl.Series) -> Array:
    if column.dtype == pl.Duration:
        column = column.dt.total_microseconds()
    values = np.asarray(column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    return np.where(np.isinf(values), np.nan, values)
