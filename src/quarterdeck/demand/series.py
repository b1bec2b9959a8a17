"""Forecasts of plain series. A model is used only where it beat the mean of the last periods on unseen ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.demand.frames import given_like, to_polars
from quarterdeck.demand.history import Options, forecast_panel, spark

BASELINE = "mean_of_3"
MEANS = {"mean_of_3": 3, "mean_of_6": 6, "mean_of_12": 12}
STATISTICAL = ("ets", "theta")
MARGIN = 0.97
"""A model must bring the baseline's error down to this share of it."""
TESTS = 8
"""Earlier periods, at most, from which a model is tried."""
SPREAD_PRIOR, SPREAD_PRIOR_ERRORS = 0.25, 4.0
"""Relative error that is assumed before any is seen, and for how many errors that assumption counts."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesForecast:
    """Mean and standard deviation of each coming period, the model that gave them, its error over the baseline's."""

    mean: Array
    spread: Array
    model: str
    relative_error: float


@dataclass(frozen=True)
class Trial:
    """What a model said from earlier places, numbered: arrays of equal length."""

    said: Array
    came: Array
    place: NDArray[np.int64]

    @property
    def error(self) -> float:
        return float(np.abs(self.said - self.came).mean()) if len(self.said) else 0.0

    def surely_beats(self, other: Trial) -> bool:
        """The mean gain is more than its standard error; errors made from one place count as one."""
        gain = np.abs(other.said - other.came) - np.abs(self.said - self.came)
        by_place = np.bincount(self.place, weights=gain) / np.bincount(self.place)
        return bool(gain.mean() > by_place.std() / np.sqrt(len(by_place)))


def forecast(y: Array, horizon: int, season: int = 12) -> SeriesForecast:
    """Forecast of a series that is not negative, by the candidate that did best from earlier periods."""
    y = np.asarray(y, dtype=np.float64)
    if len(y) == 0:
        return SeriesForecast(np.zeros(horizon), np.zeros(horizon), BASELINE, 1.0)
    base: dict[int, Trial] = {}
    best, relative, trial = BASELINE, 1.0, _trial(BASELINE, y, horizon, season, 3)
    for name in candidates(len(y), season):
        least = _least(name, season)
        mine = _trial(name, y, horizon, season, least)
        if least not in base:
            base[least] = _trial(BASELINE, y, horizon, season, least)
        if not len(mine.said) or base[least].error == 0:
            continue
        ratio = mine.error / base[least].error
        if ratio < min(relative, MARGIN) and mine.surely_beats(base[least]):
            best, relative, trial = name, ratio, mine
    mean = _ahead(best, y, horizon, season)
    return SeriesForecast(mean, _spread(trial, mean), best, relative)


def candidates(length: int, season: int) -> list[str]:
    """Models that so many periods of history carry, besides the baseline."""
    found = ["mean_of_6", "mean_of_12", *STATISTICAL] + (["seasonal"] if season > 1 else [])
    return [name for name in found if length > _least(name, season)]


def _least(name: str, season: int) -> int:
    """Periods that a model needs before it is tried."""
    if name == "seasonal":
        return 2 * season
    return {"mean_of_3": 3, "mean_of_6": 4, "mean_of_12": 12}.get(name, 14)


def _trial(name: str, y: Array, horizon: int, season: int, least: int) -> Trial:
    """What the model said from up to TESTS evenly spaced earlier periods, none with less than `least` before it."""
    first = max(least, len(y) - max(12, horizon))
    places = np.unique(np.linspace(first, len(y) - 1, TESTS).astype(np.int64)) if first < len(y) else np.zeros(0, int)
    said, came, number = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, np.int64)]
    for count, place in enumerate(places):
        reach = min(horizon, len(y) - place)
        said.append(_ahead(name, y[:place], reach, season))
        came.append(y[place : place + reach])
        number.append(np.full(reach, count))
    return Trial(np.concatenate(said), np.concatenate(came), np.concatenate(number))


def _ahead(name: str, y: Array, horizon: int, season: int) -> Array:
    if name in MEANS:
        return np.full(horizon, y[-MEANS[name] :].mean())
    if name == "seasonal":
        return _seasonal(y, horizon, season)
    if np.ptp(y) == 0:
        return np.full(horizon, y[-1])
    from statsforecast.models import AutoETS, AutoTheta

    used = season if len(y) > 2 * season else 1
    model = AutoETS(season_length=used) if name == "ets" else AutoTheta(season_length=used)
    found = np.asarray(model.forecast(y=y, h=horizon)["mean"], dtype=np.float64)
    return np.maximum(found, 0.0) if y.min() >= 0 else found


def _seasonal(y: Array, horizon: int, season: int) -> Array:
    """The last year's mean, with half its growth, times each period's usual share of its year.

    A share is averaged over the whole years and one more in which all periods were alike.
    """
    years = len(y) // season
    whole = y[-years * season :].reshape(years, season)
    means = np.maximum(whole.mean(axis=1, keepdims=True), 1e-9)
    share = ((whole / means).sum(axis=0) + 1.0) / (years + 1)
    growth = float(np.sqrt(np.clip(means[-1, 0] / means[-2, 0], 0.5, 2.0))) if years > 1 else 1.0
    return np.asarray(means[-1, 0] * growth * np.resize(share, horizon), dtype=np.float64)


def _spread(trial: Trial, mean: Array) -> Array:
    """Standard deviation from the trial's relative errors; it grows by half within ten periods ahead."""
    relative = (trial.came - trial.said) / np.maximum(np.abs(trial.said), 1.0)
    total = np.square(relative).sum() + SPREAD_PRIOR_ERRORS * SPREAD_PRIOR**2
    scale = np.sqrt(total / (len(relative) + SPREAD_PRIOR_ERRORS))
    return np.asarray(np.abs(mean) * scale * np.sqrt(1 + 0.1 * np.arange(len(mean))), dtype=np.float64)


def forecast_series(
    history: Any,
    horizon: int,
    freq: str | int = "1mo",
    level: Sequence[int] = (50, 80, 95),
    *,
    future: Any = None,
    workers: int = 1,
    **options: Any,
) -> Any:
    """Forecasts of many series: `unique_id, ds, y` in, `unique_id, ds, model, mean, lo-80, hi-80, …` out.

    `history` is a polars, pandas, Arrow or Spark frame; the forecasts come back in its kind. `freq` is a polars or
    pandas word for month, quarter, week, day or year, or 1 where `ds` holds numbers. Further numeric
    columns that `history` and `future` (`ds`, the columns, `unique_id` where they differ by series) share are
    regressors: price, promotion, any outside series. They, and the working days and holidays of `country`, count only
    where they help at unseen periods.

    `options` are the fields of `history.Options`: season, tests, gaps, country, models. `workers` processes share the
    work. A bad series never stops the others; `history.forecast_panel` reports on each.
    Raises on missing columns, an unknown frequency, model or country. Intervals are conformal: as wide as it took to
    hold their share of the errors at earlier periods.
    """
    asked = Options(level=tuple(level), **options)
    coming = None if future is None else to_polars(future)
    if spark.is_spark(history):
        return spark.forecast(history, horizon, freq, asked, coming)
    made = forecast_panel(to_polars(history), horizon, freq, asked, future=coming, workers=workers)
    return given_like(made.frame, history)
