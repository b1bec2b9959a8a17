"""What each model makes of one series now, and what it made of it at earlier periods, held against what came.

This is the part that takes the time, and it looks at one series alone: it runs on one core, several, or on Spark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quarterdeck.demand.history import models, regressors
from quarterdeck.demand.history.cleaning import Cleaned, clean
from quarterdeck.demand.history.panel import Series

Array = NDArray[np.float64]
Pattern = Literal["empty", "short", "constant", "intermittent", "regular"]

LEAST = 8
"""Periods below which the mean of the last three is all that is said."""
INTERMITTENT = 1.32
"""Mean gap between demands above which a series is intermittent (Syntetos, Boylan, Croston 2005)."""
CANDIDATES: dict[str, tuple[str, ...]] = {
    "intermittent": ("croston", "tsb", "adida", "imapa", "mean_of_12"),
    "regular": ("ets", "theta", "log_theta"),
}
BASELINES = ("mean_of_3", "seasonal_naive")


@dataclass(frozen=True)
class Trial:
    """One series with all that was tried: arrays over models (rows), in the order of `names`.

    `said`, `sd` and `came` are over the tested periods of all origins, `step` says how far ahead each lay; `mean` and
    `mean_sd` are over the coming periods; `fitted` over the past ones (NaN where a model says nothing),
    `fitted_then` the same as known at the first origin.
    """

    series: Series
    pattern: Pattern
    season: int
    names: tuple[str, ...]
    mean: Array
    mean_sd: Array
    fitted: Array
    said: Array
    sd: Array
    came: Array
    step: NDArray[np.int64]
    cleaned: Cleaned
    fitted_then: Array
    kept: tuple[str, ...] = ()

    @property
    def errors(self) -> Array:
        """Mean size of each model's errors: absolute, or root of squares for intermittent series.

        The absolute error would reward saying nothing of what sells seldom.
        """
        apart = self.said - self.came
        if not apart.size:
            return np.full(len(self.names), np.nan)
        if self.pattern == "intermittent":
            return np.asarray(np.sqrt(np.square(apart).mean(axis=1)))
        return np.asarray(np.abs(apart).mean(axis=1))


def pattern(y: Array) -> Pattern:
    """What kind of series it is, by its length and its empty periods."""
    if not len(y) or not y.any():
        return "empty"
    if len(y) < LEAST:
        return "short"
    if np.ptp(y) == 0:
        return "constant"
    if y.min() >= 0 and len(y) / np.count_nonzero(y) >= INTERMITTENT:
        return "intermittent"
    return "regular"


def season_of(length: int, season: int) -> int:
    """The season that so many periods carry: two whole ones and one period more."""
    return season if length > 2 * season else 1


def origins(length: int, horizon: int, tests: int) -> list[int]:
    """How many periods are known at each trial, fewest first; the first has the whole horizon ahead where it can.

    >>> origins(60, 12, 3), origins(9, 12, 3), origins(5, 12, 3)
    ([48, 52, 56], [6, 7, 8], [4])
    """
    reach = min(horizon, max(length // 3, 1))
    if length < LEAST:
        return [length - 1] if length > 1 else []
    return sorted({length - reach + reach * number // tests for number in range(tests)})


def run(series: Series, horizon: int, season: int, *, tests: int = 3, asked: tuple[str, ...] = ()) -> Trial:
    """All candidates on a series, now and at earlier periods. `asked` names models to be tried besides the usual."""
    whole = series.y
    begin = int(np.flatnonzero(whole)[0]) if whole.any() and series.is_nonnegative else 0
    y, x = whole[begin:], series.x[begin:]
    kind, used = pattern(y), season_of(len(y), season)
    kept = regressors.choose(y, x, used, horizon) if kind == "regular" and x.size else ()
    names = _names(kind, used, asked, float(y.min()) if len(y) else 0.0)
    said: list[Array] = []
    sd: list[Array] = []
    came: list[Array] = []
    steps: list[NDArray[np.int64]] = []
    forms: dict[str, str] = {}
    fitted_then = np.full((len(names), len(whole)), np.nan)
    for place in origins(len(y), horizon, tests) if kind not in ("empty", "constant") else []:
        reach = min(horizon, len(y) - place)
        ahead = x[place : place + reach]
        made = _all(names, y[:place], x[:place], ahead, kept, reach, season_of(place, season), forms)
        if not said:
            fitted_then[:, begin : begin + place] = np.stack([one.fitted for one in made])
        said.append(np.stack([one.mean for one in made]))
        sd.append(np.stack([one.sd for one in made]))
        came.append(y[place : place + reach])
        steps.append(np.arange(reach) + 1)
    final = _all(names, y, x, series.x_ahead[:horizon], kept, horizon, used, {})
    fitted = np.full((len(names), len(whole)), np.nan)
    fitted[:, begin:] = np.stack([one.fitted for one in final])
    none = np.zeros((len(names), 0))
    return Trial(
        series=series,
        pattern=kind,
        season=used,
        names=names,
        mean=np.stack([one.mean for one in final]),
        mean_sd=np.stack([one.sd for one in final]),
        fitted=fitted,
        said=np.concatenate(said, axis=1) if said else none,
        sd=np.concatenate(sd, axis=1) if sd else none,
        came=np.concatenate(came) if came else np.zeros(0),
        step=np.concatenate(steps) if steps else np.zeros(0, np.int64),
        cleaned=_moved(clean(y, used), begin) if kind == "regular" else Cleaned(whole),
        fitted_then=fitted_then,
        kept=tuple(series.regressors[number] for number in kept),
    )


def _names(kind: Pattern, season: int, asked: tuple[str, ...], lowest: float) -> tuple[str, ...]:
    if kind in ("empty", "short", "constant"):
        return ("mean_of_3",)
    usual = asked or CANDIDATES[kind]
    if kind == "intermittent":
        usual = CANDIDATES[kind]
    elif season > models.LONGEST_ETS_SEASON and "mstl" not in usual:
        usual = (*usual, "mstl")
    if lowest <= 0:
        usual = tuple(name for name in usual if name != "log_theta")
    # Last year's values of what sells seldom are chance: they take no part.
    baselines = BASELINES if season > 1 and kind == "regular" else BASELINES[:1]
    return (*usual, *(name for name in baselines if name not in usual))


def _all(
    names: tuple[str, ...],
    y: Array,
    x: Array,
    ahead: Array,
    kept: tuple[int, ...],
    horizon: int,
    season: int,
    forms: dict[str, str],
) -> list[models.Made]:
    """Each model on the cleaned series; one that fails says what the mean of the last three says.

    `forms` keeps what a model chose at the first origin; later ones do not search again.
    """
    if not len(y):
        nothing = models.Made(np.zeros(horizon), np.zeros(horizon), np.zeros(0))
        return [nothing] * len(names)
    effect, effect_ahead = regressors.effects(y, x, ahead, kept, season)
    learned = clean(y - effect, season).y if pattern(y) == "regular" else y
    fallback = models.mean_of_3(models.Past(learned), horizon)
    found = []
    for name in names:
        key = f"{name}{season}"
        made = models.run(name, models.Past(learned, season, forms.get(key, "")), horizon)
        if made is not None and made.form:
            forms.setdefault(key, made.form)
        made = made or fallback
        found.append(models.Made(made.mean + effect_ahead, made.sd, made.fitted + effect, made.form))
    return found


def _moved(cleaned: Cleaned, begin: int) -> Cleaned:
    shift = None if cleaned.shift is None else cleaned.shift + begin
    return Cleaned(cleaned.y, tuple(place + begin for place in cleaned.outliers), shift, cleaned.shift_size)
