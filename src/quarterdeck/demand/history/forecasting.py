"""Forecasts of many series at once, with a report of what was found in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.finding import Finding
from quarterdeck.demand.history import calendars, ensemble, models, trials
from quarterdeck.demand.history.ensemble import Combined, Kind, Pool
from quarterdeck.demand.history.notices import findings
from quarterdeck.demand.history.panel import Frequency, Gaps, Series, checked, coming, read

CHUNK = 50
"""Series that a worker takes at a time."""
REPORT = {
    "n": pl.Int64,
    "pattern": pl.String,
    "season": pl.Int64,
    "model": pl.String,
    "relative_error": pl.Float64,
    "outliers": pl.Int64,
    "shift_size": pl.Float64,
    "filled": pl.Int64,
    "merged": pl.Int64,
    "dropped": pl.Int64,
    "regressors": pl.String,
}


@dataclass(frozen=True)
class Options:
    """How series are forecast. `season` overrides the frequency's own; `tests` is the number of back-test origins.

    `country` adds working days and holidays as regressors; `models` replaces the usual ones for regular series.
    """

    level: tuple[int, ...] = (50, 80, 95)
    season: int | None = None
    tests: int = 3
    gaps: Gaps = "auto"
    country: str | None = None
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.models:
            if name not in models.MODELS:
                raise QuarterdeckError(f"There is no model {name!r}; {did_you_mean(name, models.MODELS)}")
        if any(not 0 < level < 100 for level in self.level) or self.tests < 1:
            raise QuarterdeckError(f"level must lie between 0 and 100, tests from 1: {self.level}, {self.tests}.")


@dataclass(frozen=True)
class PanelForecast:
    """`frame`: `unique_id, ds, model, mean, lo-…, hi-…`. `report`: a row a series with its length, pattern, season,
    model, error over that of the mean of the last three, outliers, level shift (`shift_at`, `shift_size`), filled,
    merged and dropped rows, kept regressors. `combined`: the same as arrays, in the order of the report.
    """

    frame: pl.DataFrame
    report: pl.DataFrame
    findings: tuple[Finding, ...]
    combined: tuple[Combined, ...]


def forecast_panel(
    history: pl.DataFrame,
    horizon: int,
    freq: str | int = "1mo",
    options: Options | None = None,
    *,
    future: pl.DataFrame | None = None,
    workers: int = 1,
) -> PanelForecast:
    """Forecast every series of a long frame `unique_id, ds, y`; see `forecast_series`."""
    options = options or Options()
    frequency = Frequency.of(freq, options.season)
    frame = checked(history, horizon, frequency)
    series = read(frame, frequency, options.gaps)
    known = {one.unique_id for one in series}
    lost = [key for key in frame["unique_id"].unique(maintain_order=True) if key not in known]
    calendars.attach(series, frame, future, frequency, horizon, options.country)
    tried = try_all(series, horizon, frequency.season, options, workers)
    pools: dict[Kind, Pool] = {}
    for trial in tried:
        ensemble.add(pools, trial)
    combined = tuple(ensemble.combine(trial, pools, options.level) for trial in tried)
    return PanelForecast(
        frame=rows(combined, frequency, horizon, options.level, frame),
        report=report(combined, frequency, frame),
        findings=findings(combined, lost),
        combined=combined,
    )


def try_all(series: Sequence[Series], horizon: int, season: int, options: Options, workers: int) -> list[trials.Trial]:
    """Every series' trial, in order; on several processes where there is enough work for them."""
    work: Callable[[Series], trials.Trial] = partial(
        trials.run, horizon=horizon, season=season, tests=options.tests, asked=options.models
    )
    if workers <= 1 or len(series) < 2 * CHUNK:
        return [work(one) for one in series]
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, series, chunksize=CHUNK))


def rows(
    combined: Iterable[Combined], frequency: Frequency, horizon: int, level: Sequence[int], like: pl.DataFrame
) -> pl.DataFrame:
    """The forecasts as a long frame with the id's and the day's type of `like`."""
    columns: dict[str, list[Any]] = {"unique_id": [], "ds": [], "model": [], "mean": []}
    for width in level:
        columns |= {f"lo-{width}": [], f"hi-{width}": []}
    for one in combined:
        columns["unique_id"] += [one.trial.series.unique_id] * horizon
        columns["ds"] += coming(one.trial.series, frequency, horizon)
        columns["model"] += [one.model] * horizon
        columns["mean"] += one.mean.tolist()
        for width in level:
            low, high = one.bounds(width)
            columns[f"lo-{width}"] += low.tolist()
            columns[f"hi-{width}"] += high.tolist()
    types: dict[str, Any] = dict.fromkeys(columns, pl.Float64)
    types |= {"unique_id": like.schema["unique_id"], "ds": like.schema["ds"], "model": pl.String}
    return pl.DataFrame(columns, schema=types, strict=False)


def report(combined: Sequence[Combined], frequency: Frequency, like: pl.DataFrame) -> pl.DataFrame:
    """What was found in each series, a row each."""
    found = []
    for one in combined:
        trial = one.trial
        shift = trial.cleaned.shift
        ratio = one.relative_error
        found.append(
            {
                "unique_id": trial.series.unique_id,
                "n": len(trial.series.y),
                "pattern": trial.pattern,
                "season": trial.season,
                "model": one.model,
                "relative_error": None if np.isnan(ratio) else ratio,
                "outliers": len(trial.cleaned.outliers),
                "outliers_at": [past(trial.series, frequency, place) for place in trial.cleaned.outliers],
                "shift_at": None if shift is None else past(trial.series, frequency, shift),
                "shift_size": trial.cleaned.shift_size if shift is not None else None,
                "filled": trial.series.filled,
                "merged": trial.series.merged,
                "dropped": trial.series.dropped,
                "regressors": ", ".join(trial.kept),
            }
        )
    day = like.schema["ds"]
    schema: dict[str, Any] = {"unique_id": like.schema["unique_id"], **REPORT}
    schema |= {"outliers_at": pl.List(day), "shift_at": day}
    return pl.DataFrame(found, schema=schema, strict=False)


def past(series: Series, frequency: Frequency, place: int) -> Any:
    """The `ds` of one of the series' own periods."""
    return frequency.ahead(series.last, place - len(series.y) + 1)
