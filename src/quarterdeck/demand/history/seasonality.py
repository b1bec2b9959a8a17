"""Season and trend so that a person sees them: a series taken apart, its calendar heat map, and year over year."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from quarterdeck.demand.frames import given_like, to_polars
from quarterdeck.demand.history.forecasting import past
from quarterdeck.demand.history.panel import Frequency, checked, read
from quarterdeck.demand.history.trials import season_of

PER_YEAR = {"1mo": 12, "1q": 4, "1w": 52, "1y": 1, "1d": 365}


def seasonality(history: Any, freq: str | int = "1mo", season: int | None = None) -> Any:
    """Each series taken apart: `unique_id, ds, y, trend, season, rest, season_share, year_before, growth`.

    y = trend + season + rest, by repeated loess (STL, Cleveland and others 1990) where there are two whole seasons and
    one period more; below, the season is zero and the trend a centred mean of three. `season_share` is the season over
    the trend (0.2: a fifth above the trend); `year_before` the value of the same period of the year before, `growth` y
    over it less one. The frame comes back in the kind that was given. Raises on missing columns or an unknown freq.
    """
    frequency = Frequency.of(freq, season)
    frame = checked(to_polars(history), 1, frequency)
    lag = PER_YEAR.get(str(frequency.step), frequency.season)
    parts = []
    for one in read(frame, frequency):
        if not len(one.y):
            continue
        trend, pattern = _apart(one.y, season_of(len(one.y), frequency.season))
        before = np.concatenate([np.full(min(lag, len(one.y)), np.nan), one.y[:-lag]])
        parts.append(
            pl.DataFrame(
                {
                    "unique_id": [one.unique_id] * len(one.y),
                    "ds": [past(one, frequency, place) for place in range(len(one.y))],
                    "y": one.y,
                    "trend": trend,
                    "season": pattern,
                    "rest": one.y - trend - pattern,
                    "season_share": _over(pattern, trend),
                    "year_before": before,
                    "growth": _over(one.y - before, before),
                },
                schema_overrides={"unique_id": frame.schema["unique_id"], "ds": frame.schema["ds"]},
                nan_to_null=True,
            )
        )
    columns = ("y", "trend", "season", "rest", "season_share", "year_before", "growth")
    types: dict[str, Any] = {name: frame.schema[name] for name in ("unique_id", "ds")}
    types |= dict.fromkeys(columns, pl.Float64)
    return given_like(pl.concat(parts) if parts else pl.DataFrame(schema=types), history)


def heat_map(history: Any, freq: str = "1mo") -> Any:
    """The calendar heat map: `unique_id, year, period, y, index`; index 1.0 is the mean period of its year.

    `period` is the month, quarter, week or day of the year. Years without a value above zero have no index.
    """
    frequency = Frequency.of(freq)
    frame = checked(to_polars(history), 1, frequency)
    day = pl.col("ds").cast(pl.Date)
    period = {"1mo": day.dt.month(), "1q": day.dt.quarter(), "1w": day.dt.week(), "1d": day.dt.ordinal_day()}
    number = period.get(str(frequency.step), pl.lit(1)).cast(pl.Int64)
    year = day.dt.iso_year() if frequency.step == "1w" else day.dt.year()
    found = (
        frame.filter(pl.col("ds").is_not_null())
        .group_by("unique_id", year=year.cast(pl.Int64), period=number)
        .agg(pl.col("y").sum())
        .sort("unique_id", "year", "period")
    )
    mean = pl.col("y").mean().over("unique_id", "year")
    return given_like(found.with_columns(index=pl.when(mean > 0).then(pl.col("y") / mean)), history)


def _apart(y: np.ndarray[Any, Any], season: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if season > 1:
        from statsforecast.mstl import mstl

        found = mstl(y, period=season, stl_kwargs={"robust": True})
        return found["trend"].to_numpy(), found["seasonal"].to_numpy()
    padded = np.concatenate([y[:1], y, y[-1:]])
    return np.convolve(padded, np.full(3, 1 / 3), mode="valid"), np.zeros(len(y))


def _over(part: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    known = np.isfinite(whole) & (np.abs(whole) > 1e-12)
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=known))
