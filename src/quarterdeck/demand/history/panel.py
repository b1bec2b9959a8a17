"""A long frame of many series as regular arrays: one value for each period, whatever the rows were like."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.errors import QuarterdeckError, did_you_mean

Array = NDArray[np.float64]
Gaps = Literal["auto", "zero", "interpolate"]

SEASONS = {"1mo": 12, "1q": 4, "1w": 52, "1d": 7, "1y": 1}
PANDAS_NAMES = {
    "MS": "1mo",
    "ME": "1mo",
    "M": "1mo",
    "QS": "1q",
    "QE": "1q",
    "Q": "1q",
    "W": "1w",
    "D": "1d",
    "YS": "1y",
    "YE": "1y",
    "Y": "1y",
}
MONTHS = {"1mo": 1, "1q": 3, "1y": 12}
DAYS = {"1w": 7, "1d": 1}
LONGEST_GAP = 10_000
"""Periods between two rows of a series above which its dates are taken for mistyped."""


@dataclass(frozen=True)
class Frequency:
    """The step between periods: a word of `SEASONS`, or a whole number where `ds` holds numbers."""

    step: str | int
    season: int

    @classmethod
    def of(cls, freq: str | int, season: int | None = None) -> Frequency:
        """The frequency that a polars or pandas word, or a whole number, means. Raises on any other."""
        if isinstance(freq, int) and freq >= 1:
            return cls(freq, season or 1)
        step = PANDAS_NAMES.get(str(freq).partition("-")[0], str(freq))
        if step not in SEASONS:
            raise QuarterdeckError(f"There is no freq {freq!r}; {did_you_mean(str(freq), [*SEASONS, *PANDAS_NAMES])}")
        return cls(step, season or SEASONS[step])

    def number(self, ds: pl.Expr) -> pl.Expr:
        """Periods numbered without gaps."""
        if isinstance(self.step, int):
            return ds.cast(pl.Int64) // self.step
        if self.step in MONTHS:
            day = ds.cast(pl.Date)
            months = day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1
            return months // MONTHS[self.step]
        return ds.cast(pl.Date).cast(pl.Int32).cast(pl.Int64) // DAYS[self.step]

    def ahead(self, last: Any, steps: int) -> Any:
        """The `ds` so many periods after `last`; the end of a month is followed by ends of months."""
        if isinstance(self.step, int):
            return last + self.step * steps
        if self.step in DAYS:
            return last + timedelta(days=DAYS[self.step] * steps)
        return _months_after(last, MONTHS[self.step] * steps)


def _months_after(day: date, months: int) -> date:
    place = day.year * 12 + day.month - 1 + months
    year, month = place // 12, place % 12 + 1
    days_then = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    days_now = (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
    number = days_then if day.day == days_now and day.day > 27 else min(day.day, days_then)
    return day.replace(year=year, month=month, day=number)


@dataclass
class Series:
    """One series: a value for each of its periods, its regressors then and in the coming ones.

    `y` is float, without gaps, oldest first. `x` is an array (periods, regressors), `x_ahead` (horizon, regressors).
    `filled` counts periods without a row or value, `merged` rows that shared a period with another one.
    """

    unique_id: Hashable
    last: Any
    y: Array
    filled: int = 0
    merged: int = 0
    dropped: int = 0
    x: Array = field(default_factory=lambda: np.zeros((0, 0)))
    x_ahead: Array = field(default_factory=lambda: np.zeros((0, 0)))
    regressors: tuple[str, ...] = ()

    @property
    def is_nonnegative(self) -> bool:
        return bool(len(self.y) == 0 or self.y.min() >= 0)


def checked(frame: pl.DataFrame, horizon: int, frequency: Frequency) -> pl.DataFrame:
    """The frame with `ds` and `y` in the form that the rest needs. Raises where a column is missing or of no use."""
    missing = [name for name in ("unique_id", "ds", "y") if name not in frame.columns]
    if missing or horizon < 1:
        raise QuarterdeckError(
            f"Series need unique_id, ds, y and a horizon of 1 or more; missing: {missing}; horizon {horizon}."
        )
    kind = frame["ds"].dtype
    if kind == pl.String:
        frame = frame.with_columns(pl.col("ds").str.to_date(strict=False))
    elif frame.height and kind.is_integer() != isinstance(frequency.step, int):
        raise QuarterdeckError(
            f"ds holds {kind} and freq is {frequency.step!r}; give dates with a word such as '1mo', numbers with 1."
        )
    y = pl.col("y").cast(pl.Float64, strict=False)
    return frame.with_columns(y=pl.when(y.is_finite()).then(y))


def read(frame: pl.DataFrame, frequency: Frequency, gaps: Gaps = "auto") -> list[Series]:
    """The series of a checked frame, in the order of their ids.

    Rows of one period are summed. A row without a date is dropped. A period without a row is one in which nothing was
    sold where the series knows zeros (or nearly), else its value is unknown; unknown values are interpolated.
    """
    dated = frame.filter(pl.col("ds").is_not_null()).with_columns(_period=frequency.number(pl.col("ds")))
    dropped = dict(frame.filter(pl.col("ds").is_null()).group_by("unique_id").len().iter_rows())
    by_period = (
        dated.group_by("unique_id", "_period")
        .agg(
            pl.col("ds").max(),
            y=pl.when(pl.col("y").count() > 0).then(pl.col("y").sum()),
            _rows=pl.len(),
        )
        .sort("unique_id", "_period")
    )
    found = []
    for (unique_id,), part in by_period.partition_by("unique_id", as_dict=True, maintain_order=True).items():
        numbers = part["_period"].to_numpy()
        values = part["y"].to_numpy().astype(np.float64)
        far = np.flatnonzero(np.diff(numbers) > LONGEST_GAP)
        begin = int(far[-1]) + 1 if len(far) else 0
        y, filled = _regular(numbers[begin:], values[begin:], gaps)
        merged = int(part["_rows"].sum()) - part.height
        lost = dropped.get(unique_id, 0) + begin
        found.append(Series(unique_id, part["ds"][-1], y, filled, merged, lost))
    return found


def _regular(numbers: NDArray[np.int64], values: Array, gaps: Gaps) -> tuple[Array, int]:
    """A value for each period from the first to the last, and how many of them were filled in."""
    length = int(numbers[-1] - numbers[0]) + 1
    y, has_row = np.full(length, np.nan), np.zeros(length, dtype=bool)
    y[numbers - numbers[0]] = values
    has_row[numbers - numbers[0]] = True
    known = y[~np.isnan(y)]
    if not len(known):
        return np.zeros(0), length
    filled = int(np.isnan(y).sum())
    sells_nothing_at_times = known.min() >= 0 and known.min() <= 0.1 * np.median(known)
    if gaps == "zero" or (gaps == "auto" and sells_nothing_at_times):
        y[~has_row] = 0.0
    unknown = np.isnan(y)
    if unknown.any():
        y[unknown] = np.interp(np.flatnonzero(unknown), np.flatnonzero(~unknown), y[~unknown])
    return y, filled


def with_regressors(series: Sequence[Series], names: Sequence[str], then: pl.DataFrame, ahead: pl.DataFrame) -> None:
    """Attach regressors: `then` and `ahead` hold `unique_id`, `place` (periods from the last one, 0 = last) and names.

    A regressor with a value missing in a series' own periods or coming ones is left out for that series.
    """
    past = then.partition_by("unique_id", as_dict=True)
    coming = ahead.partition_by("unique_id", as_dict=True)
    for one in series:
        mine, next_ = past.get((one.unique_id,)), coming.get((one.unique_id,))
        if mine is None or next_ is None or not len(one.y):
            continue
        behind = pl.DataFrame({"place": np.arange(len(one.y)) - len(one.y) + 1}).join(
            mine.unique("place", keep="last"), on="place", how="left", maintain_order="left"
        )
        horizon = int(next_["place"].max())  # type: ignore[arg-type]
        front = pl.DataFrame({"place": np.arange(horizon) + 1}).join(
            next_.unique("place", keep="last"), on="place", how="left", maintain_order="left"
        )
        use = [n for n in names if behind[n].null_count() == 0 and front[n].null_count() == 0]
        one.regressors = tuple(use)
        one.x = behind.select(pl.col(use).cast(pl.Float64)).to_numpy().reshape(len(one.y), len(use))
        one.x_ahead = front.select(pl.col(use).cast(pl.Float64)).to_numpy().reshape(horizon, len(use))


def coming(series: Series, frequency: Frequency, horizon: int) -> list[Any]:
    """The `ds` of the coming periods."""
    last = series.last.date() if isinstance(series.last, datetime) and frequency.step in MONTHS else series.last
    found = [frequency.ahead(last, step) for step in range(1, horizon + 1)]
    return [datetime.combine(day, series.last.time()) for day in found] if last is not series.last else found
