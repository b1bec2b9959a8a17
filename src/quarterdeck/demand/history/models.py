"""Models of one series: each gives mean and standard deviation of the coming periods and what it said in the past ones.

ETS (Hyndman, Koehler, Snyder, Grose 2002), theta (Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler 2016), CES
(Svetunkov, Kourentzes, Ord 2022), ARIMA (Hyndman, Khandakar 2008), MSTL (Bandara, Hyndman, Bergmeir 2021); for series
with many empty periods Croston (1972) with Syntetos and Boylan's correction (2005), TSB (Teunter, Syntetos, Babai
2011), ADIDA (Nikolopoulos and others 2011) and IMAPA (Petropoulos, Kourentzes 2015), all from statsforecast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Z80 = 1.2815515655446004
LONGEST_ETS_SEASON = 24
"""ETS does not carry longer seasons; MSTL takes them out first."""


@dataclass(frozen=True)
class Past:
    """What a model learns from: values oldest first, periods in a season (1: none), and a `form` not to be searched."""

    y: Array
    season: int = 1
    form: str = ""


@dataclass(frozen=True)
class Made:
    """Mean and standard deviation of the coming periods, and the one-step forecasts of the past ones (NaN: none).

    `form` is what was chosen (ETS components), so that another origin can be fitted without searching again.
    """

    mean: Array
    sd: Array
    fitted: Array
    form: str = ""

    @property
    def is_sound(self) -> bool:
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.sd).all())


def ets(past: Past, horizon: int) -> Made:
    """Exponential smoothing; its components by AICc, or those of `form`."""
    from statsforecast.models import AutoETS

    used = past.season if past.season <= LONGEST_ETS_SEASON else 1
    model = (
        AutoETS(season_length=used, model=past.form[:3], damped=past.form[3] == "D")
        if past.form
        else AutoETS(season_length=used)
    ).fit(past.y)
    found = model.predict(horizon, level=[80])
    sd = (found["hi-80"] - found["lo-80"]) / (2 * Z80)
    return _made(found["mean"], sd, model.model_["fitted"], str(model.model_["components"]))


def theta(past: Past, horizon: int) -> Made:
    """The dynamic optimised theta model."""
    from statsforecast.models import DynamicOptimizedTheta

    return _forecast(DynamicOptimizedTheta(season_length=past.season), past.y, horizon)


def log_theta(past: Past, horizon: int) -> Made:
    """The theta model of the logarithms: growth and season in per cent. For values above zero."""
    from statsforecast.models import DynamicOptimizedTheta

    found = DynamicOptimizedTheta(season_length=past.season).forecast(
        y=np.log(past.y), h=horizon, level=[80], fitted=True
    )
    low, mean, high, fitted = (np.exp(np.asarray(found[key])) for key in ("lo-80", "mean", "hi-80", "fitted"))
    return _made(mean, (high - low) / (2 * Z80), fitted)


def ces(past: Past, horizon: int) -> Made:
    """Complex exponential smoothing."""
    from statsforecast.models import AutoCES

    return _forecast(AutoCES(season_length=past.season), past.y, horizon)


def arima(past: Past, horizon: int) -> Made:
    """ARIMA of limited order, chosen stepwise."""
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(season_length=past.season, max_p=3, max_q=3, max_P=1, max_Q=1, approximation=True, nmodels=30)
    return _forecast(model, past.y, horizon)


def mstl(past: Past, horizon: int) -> Made:
    """Seasons taken out by repeated loess, the rest by ETS without season."""
    from statsforecast.models import MSTL, AutoETS

    return _forecast(MSTL(season_length=past.season, trend_forecaster=AutoETS(model="ZZN")), past.y, horizon)


def seasonal_naive(past: Past, horizon: int) -> Made:
    """The value of one season before."""
    y, season = past.y, past.season
    fitted = np.concatenate([np.full(min(season, len(y)), np.nan), y[:-season]])
    mean = np.resize(y[-season:], horizon)
    return _made(mean, _sd(y, fitted) * np.sqrt(1 + np.arange(horizon) // season), fitted)


def mean_of_3(past: Past, horizon: int) -> Made:
    """The mean of the last three periods."""
    return _mean_of(3, past.y, horizon)


def mean_of_6(past: Past, horizon: int) -> Made:
    """The mean of the last six periods."""
    return _mean_of(6, past.y, horizon)


def mean_of_12(past: Past, horizon: int) -> Made:
    """The mean of the last twelve periods."""
    return _mean_of(12, past.y, horizon)


def shares(past: Past, horizon: int) -> Made:
    """The last year's mean, with half its growth, times each period's usual share of its year.

    A share is averaged over the whole years and one more in which all periods were alike.
    """
    y, season = past.y, past.season
    years = len(y) // season
    whole = y[-years * season :].reshape(years, season)
    means = np.maximum(whole.mean(axis=1, keepdims=True), 1e-9)
    share = ((whole / means).sum(axis=0) + 1.0) / (years + 1)
    growth = float(np.sqrt(np.clip(means[-1, 0] / means[-2, 0], 0.5, 2.0))) if years > 1 else 1.0
    fitted = np.full(len(y), np.nan)
    fitted[-years * season :] = (means * share).ravel()
    mean = means[-1, 0] * growth * np.resize(share, horizon)
    return _made(mean, _sd(y, fitted) * np.sqrt(1 + 0.1 * np.arange(horizon)), fitted)


def croston(past: Past, horizon: int) -> Made:
    """Croston's method with Syntetos and Boylan's correction."""
    from statsforecast.models import CrostonSBA

    return _intermittent(CrostonSBA(), past.y, horizon)


def tsb(past: Past, horizon: int) -> Made:
    """Demand and its odds smoothed apart, so that a product that died out sinks to nothing."""
    from statsforecast.models import TSB

    return _intermittent(TSB(alpha_d=0.1, alpha_p=0.1), past.y, horizon)


def adida(past: Past, horizon: int) -> Made:
    """Smoothing of sums over the usual gap between two demands."""
    from statsforecast.models import ADIDA

    return _intermittent(ADIDA(), past.y, horizon)


def imapa(past: Past, horizon: int) -> Made:
    """The mean of smoothing at every level of summing."""
    from statsforecast.models import IMAPA

    return _intermittent(IMAPA(), past.y, horizon)


Model = Callable[[Past, int], Made]
MODELS: dict[str, Model] = {
    "ets": ets,
    "theta": theta,
    "log_theta": log_theta,
    "ces": ces,
    "arima": arima,
    "mstl": mstl,
    "seasonal_naive": seasonal_naive,
    "mean_of_3": mean_of_3,
    "mean_of_6": mean_of_6,
    "mean_of_12": mean_of_12,
    "shares": shares,
    "croston": croston,
    "tsb": tsb,
    "adida": adida,
    "imapa": imapa,
}


def run(name: str, past: Past, horizon: int) -> Made | None:
    """What the model makes of the series; None where it cannot, or says what lies far beyond all that was seen."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            made = MODELS[name](past, horizon)
        except Exception:
            # The libraries raise bare exceptions of many kinds on series that they cannot fit.
            return None
    reach = 10 * max(float(np.abs(past.y).max()), 1e-9)
    return made if made.is_sound and np.abs(made.mean).max() <= reach else None


def _forecast(model: object, y: Array, horizon: int) -> Made:
    found = model.forecast(y=y, h=horizon, level=[80], fitted=True)  # type: ignore[attr-defined]
    sd = (np.asarray(found["hi-80"], dtype=np.float64) - found["lo-80"]) / (2 * Z80)
    return _made(found["mean"], sd, found["fitted"])


def _intermittent(model: object, y: Array, horizon: int) -> Made:
    found = model.forecast(y=y, h=horizon, fitted=True)  # type: ignore[attr-defined]
    fitted = np.asarray(found["fitted"], dtype=np.float64)
    return _made(found["mean"], np.full(horizon, _sd(y, fitted)), fitted)


def _mean_of(number: int, y: Array, horizon: int) -> Made:
    sums = np.concatenate([[0.0], np.cumsum(y)])
    ends = np.arange(len(y))
    begins = np.maximum(ends - number, 0)
    fitted = np.divide(sums[ends] - sums[begins], ends - begins, out=np.full(len(y), np.nan), where=ends > 0)
    sd = _sd(y, fitted) * np.sqrt(1 + 0.1 * np.arange(horizon))
    return _made(np.full(horizon, y[-number:].mean()), sd, fitted)


def _sd(y: Array, fitted: Array) -> float:
    errors = (y - fitted)[~np.isnan(fitted)]
    return float(np.sqrt(np.square(errors).mean())) if len(errors) else 0.25 * float(np.abs(y).mean())


def _made(mean: Array, sd: Array, fitted: Array, form: str = "") -> Made:
    return Made(
        np.asarray(mean, dtype=np.float64),
        np.maximum(np.asarray(sd, dtype=np.float64), 0.0),
        np.asarray(fitted, dtype=np.float64),
        form,
    )
