"""Forecasts of plain series. A model is used only where it beat the mean of the last months on months it had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BASELINE = "mean_of_three"
SEASON = 12
MARGIN = 0.97
"""A model must bring the baseline's error down to this share of it."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesForecast:
    """Mean and standard deviation for each coming month, which model gave them, and its error over the baseline's."""

    mean: Array
    spread: Array
    model: str
    relative_error: float


def _mean_of(months: int, y: Array, horizon: int) -> Array:
    return np.full(horizon, y[-months:].mean())


def _statistical(name: str, y: Array, horizon: int) -> Array:
    from statsforecast.models import AutoETS, AutoTheta

    season = SEASON if len(y) >= 2 * SEASON + 1 else 1
    models = {
        "ets": lambda: AutoETS(season_length=season, damped=True if season == 1 else None),
        "theta": lambda: AutoTheta(season_length=season),
    }
    found = models[name]().forecast(y=y, h=horizon)["mean"]
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _seasonal(y: Array, horizon: int) -> Array:
    """Last year's month times the growth of the last twelve months over the twelve before, halfway to none."""
    growth = 1.0
    if len(y) >= 2 * SEASON and y[-2 * SEASON : -SEASON].sum() > 0:
        growth = float(np.sqrt(np.clip(y[-SEASON:].sum() / y[-2 * SEASON : -SEASON].sum(), 0.5, 2.0)))
    return np.array([y[len(y) - SEASON + step % SEASON] * growth for step in range(horizon)])


def _forecast(name: str, y: Array, horizon: int) -> Array:
    if name.startswith("mean_of"):
        return _mean_of({"mean_of_three": 3, "mean_of_six": 6, "mean_of_twelve": 12}[name], y, horizon)
    if name == "seasonal":
        return _seasonal(y, horizon)
    return _statistical(name, y, horizon)


def candidates(months: int) -> list[str]:
    """Models that so many months of history carry, the baseline first."""
    found = [BASELINE]
    found += ["mean_of_six"] if months >= 5 else []
    found += ["mean_of_twelve", "ets", "theta"] if months >= 16 else []
    found += ["seasonal"] if months >= 2 * SEASON + 1 else []
    return found


def _rolling_errors(name: str, y: Array, horizon: int, origins: range) -> list[tuple[int, float, float]]:
    rows = []
    for origin in origins:
        reach = min(horizon, len(y) - origin)
        ahead = _forecast(name, y[:origin], reach)
        rows += [(step, float(ahead[step]), float(y[origin + step])) for step in range(reach)]
    return rows


def forecast(y: Array, horizon: int) -> SeriesForecast:
    """Forecast of a monthly series that is not negative. The spread is the rolling error's, by months ahead."""
    y = np.asarray(y, dtype=np.float64)
    if len(y) == 0:
        return SeriesForecast(np.zeros(horizon), np.zeros(horizon), BASELINE, 1.0)
    origins = range(max(3, len(y) - 12), len(y))
    errors, scores = {}, {}
    for name in candidates(len(y)):
        usable = range(max(origins.start, SEASON + 2 if name not in ("mean_of_three", "mean_of_six") else 3), len(y))
        if not usable and name != BASELINE:
            continue
        errors[name] = _rolling_errors(name, y, horizon, usable)
        base = _rolling_errors(BASELINE, y, horizon, usable)
        scores[name] = _absolute(errors[name]) / max(_absolute(base), 1e-9)
    best = min(scores, key=lambda name: (scores[name], name != BASELINE), default=BASELINE)
    if scores.get(best, 1.0) > MARGIN:
        best = BASELINE
    mean = _forecast(best, y, horizon)
    return SeriesForecast(mean, _spread(errors.get(best, []), mean, horizon), best, scores.get(best, 1.0))


def _absolute(rows: list[tuple[int, float, float]]) -> float:
    return float(np.mean([abs(ahead - came) for _, ahead, came in rows])) if rows else 0.0


def _spread(rows: list[tuple[int, float, float]], mean: Array, horizon: int) -> Array:
    """Relative errors pooled over the steps, growing with the square root of the months ahead at half pace."""
    relative = [(came - ahead) / max(ahead, 1.0) for _, ahead, came in rows]
    prior, prior_weight = 0.25, 4.0
    scale = np.sqrt((np.square(relative).sum() + prior_weight * prior**2) / (len(relative) + prior_weight))
    growth = np.sqrt(1 + 0.1 * np.arange(horizon))
    return np.asarray(mean * scale * growth, dtype=np.float64)
