"""Several models made one: weights and widths from what each model made of earlier periods.

Weights begin equal: over many series an equal mean is hard to beat, and a single series says little. They move with a
model's error in the series and in series of the same kind, the more the more errors are known. A baseline counts only
where the models together lost to it. Widths are conformal: the models' own standard deviations times what it took to
hold the wanted share of earlier errors of the series of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quarterdeck.demand.history.trials import BASELINES, Trial

Array = NDArray[np.float64]
Kind = tuple[str, int]

SHARPNESS = 1.0
"""How strongly weights follow errors: half the error, 2 ** SHARPNESS times the weight, before shrinkage."""
OWN_ERRORS = 36.0
"""Errors of a series at which its own errors count as much as those of its kind."""
BINS = np.linspace(-6.0, 6.0, 601)
"""Logarithms of error over standard deviation; sums of counts are the same in whatever order they are made."""
PRIOR_ERRORS = 24
"""Errors that are assumed before any is seen: those of a normal distribution, a fifth wider."""


@dataclass
class Pool:
    """What the series of one kind (pattern and season) say together. Pools add up."""

    series: int = 0
    log_errors: dict[str, float] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    scores: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(BINS) + 1, np.int64))


def kind(trial: Trial) -> Kind:
    return trial.pattern, trial.season


def _members(trial: Trial) -> list[int]:
    """Rows of the models that are averaged: all but the baselines, where there are others."""
    found = [number for number, name in enumerate(trial.names) if name not in BASELINES]
    return found or list(range(len(trial.names)))


def _error(trial: Trial, said: Array) -> float:
    apart = said - trial.came
    if trial.pattern == "intermittent":
        return float(np.sqrt(np.square(apart).mean()))
    return float(np.abs(apart).mean())


def _relative(trial: Trial) -> dict[str, float]:
    """Logarithm of each model's error over the geometric mean of all models averaged."""
    errors = trial.errors
    members = _members(trial)
    if not trial.came.size or not (errors[members] > 0).all():
        return {}
    centre = np.log(errors[members]).mean()
    return {trial.names[number]: float(np.log(errors[number]) - centre) for number in members}


def add(pools: dict[Kind, Pool], trial: Trial) -> None:
    """Count a series' errors into the pool of its kind."""
    pool = pools.setdefault(kind(trial), Pool())
    pool.series += 1
    for name, value in _relative(trial).items():
        pool.log_errors[name] = pool.log_errors.get(name, 0.0) + value
        pool.tried[name] = pool.tried.get(name, 0) + 1
    if not trial.came.size:
        return
    weights = _plain(trial)
    sd = weights @ trial.sd
    apart = np.abs(weights @ trial.said - trial.came)
    usable = sd > 0
    with np.errstate(divide="ignore"):
        places = np.searchsorted(BINS, np.log(apart[usable] / sd[usable]))
    pool.scores += np.bincount(places, minlength=len(BINS) + 1)


def merge(parts: Iterable[dict[Kind, Pool]]) -> dict[Kind, Pool]:
    """Pools of several parts of the series as one."""
    whole: dict[Kind, Pool] = {}
    for part in parts:
        for key, pool in part.items():
            into = whole.setdefault(key, Pool())
            into.series += pool.series
            into.scores = into.scores + pool.scores
            for name, value in pool.log_errors.items():
                into.log_errors[name] = into.log_errors.get(name, 0.0) + value
                into.tried[name] = into.tried.get(name, 0) + pool.tried[name]
    return whole


def _plain(trial: Trial) -> Array:
    weights = np.zeros(len(trial.names))
    weights[_members(trial)] = 1.0
    return np.asarray(weights / weights.sum())


def weigh(trial: Trial, pools: dict[Kind, Pool]) -> Array:
    """The models' weights, sum 1, in the order of their names."""
    weights = _plain(trial)
    relative = _relative(trial)
    if not relative:
        return weights
    pool = pools[kind(trial)]
    own = len(trial.came) / (len(trial.came) + OWN_ERRORS)
    for number in _members(trial):
        name = trial.names[number]
        known = pool.tried.get(name, 0)
        pooled = pool.log_errors.get(name, 0.0) / (known + 10)
        weights[number] *= np.exp(-SHARPNESS * (pooled + own * (relative[name] - pooled)))
    weights /= weights.sum()
    together = _error(trial, weights @ trial.said)
    best, least = None, together
    for name in BASELINES:
        if name in trial.names:
            number = trial.names.index(name)
            if trial.errors[number] < least and _surely(trial, weights @ trial.said, trial.said[number]):
                best, least = number, float(trial.errors[number])
    if best is not None:
        share = own if trial.pattern == "regular" else own / 2
        weights *= 1 - share
        weights[best] += share
    return weights


def _surely(trial: Trial, models: Array, baseline: Array) -> bool:
    """Whether the baseline was better by more than the standard error of its gain; origins count as one each."""
    gain = np.abs(models - trial.came) - np.abs(baseline - trial.came)
    starts = np.cumsum(trial.step == 1) - 1
    by_origin = np.bincount(starts, weights=gain) / np.bincount(starts)
    if len(by_origin) < 2:
        return False
    return bool(gain.mean() > by_origin.std(ddof=1) / np.sqrt(len(by_origin)))


def width(pool: Pool, level: float) -> float:
    """Standard deviations on each side that held `level` per cent of the earlier errors of a kind."""
    from scipy.stats import norm

    if level <= 0:
        return 0.0
    ranks = (np.arange(PRIOR_ERRORS) + 0.5) / PRIOR_ERRORS
    assumed = np.searchsorted(BINS, np.log(1.2 * norm.ppf(0.5 + ranks / 2)))
    counts = pool.scores + np.bincount(assumed, minlength=len(BINS) + 1)
    reached = np.cumsum(counts) / counts.sum()
    edges = np.concatenate([BINS, BINS[-1:]])
    return float(np.exp(np.interp(level / 100, reached, edges)))


@dataclass(frozen=True)
class Combined:
    """One series' forecast: arrays over the coming periods; `widths` by level; `fitted` over the past periods."""

    trial: Trial
    weights: Array
    mean: Array
    sd: Array
    fitted: Array
    widths: dict[int, float]

    @property
    def model(self) -> str:
        """The models by weight, as text."""
        order = [number for number in np.argsort(-self.weights, kind="stable") if self.weights[number] > 0.005]
        if len(order) == 1:
            return str(self.trial.names[order[0]])
        return " + ".join(f"{self.weights[number]:.2f} {self.trial.names[number]}" for number in order)

    def bounds(self, level: int) -> tuple[Array, Array]:
        """Lower and upper bound; not below zero where the history never is."""
        half = self.widths[level] * self.sd
        low, high = self.mean - half, self.mean + half
        return (np.maximum(low, 0.0) if self.trial.series.is_nonnegative else low), high

    @property
    def relative_error(self) -> float:
        """Error at earlier periods over that of the mean of the last three; NaN where nothing was tried."""
        trial = self.trial
        if not trial.came.size or "mean_of_3" not in trial.names:
            return float("nan")
        base = float(trial.errors[trial.names.index("mean_of_3")])
        return _error(trial, self.weights @ trial.said) / base if base > 0 else 1.0


def combine(trial: Trial, pools: dict[Kind, Pool], levels: Sequence[int]) -> Combined:
    """The forecast of one series from its trial and the pools of all series."""
    weights = weigh(trial, pools)
    mean = weights @ trial.mean
    fitted = np.asarray(weights @ np.where(weights[:, None] > 0, trial.fitted, 0.0))
    if trial.series.is_nonnegative:
        mean = np.maximum(mean, 0.0)
    sd = weights @ trial.mean_sd
    if trial.pattern in ("short", "constant") and len(trial.series.y):
        floor = 0.25 if trial.pattern == "short" else 0.05
        sd = np.maximum(sd, floor * np.abs(mean))
    pool = pools[kind(trial)]
    return Combined(trial, weights, mean, sd, fitted, {level: width(pool, level) for level in levels})
