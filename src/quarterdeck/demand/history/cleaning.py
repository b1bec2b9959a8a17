"""Outliers and level shifts of one series: found by how far they lie from what surrounds them, then damped.

The local level is a running median, the season a median over years (both robust: an outlier does not hide itself). A
value is an outlier where it lies far from level and season and its neighbours do not; a shift is a place where the
medians before and after differ by much and stay apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

OUTLIER_DISTANCE = 6.0
"""Robust standard deviations from level and season beyond which a single value is an outlier."""
DAMPED_TO = 3.0
"""Robust standard deviations at which an outlier is left."""
SHIFT_DISTANCE = 10.0
SHIFT_LEAST = 6
"""Periods that must lie on each side of a level shift."""
LEAST = 12
"""Periods below which nothing is judged."""


@dataclass(frozen=True)
class Cleaned:
    """The series for models to learn from, the places of its outliers, and the place at which its level shifted."""

    y: Array
    outliers: tuple[int, ...] = ()
    shift: int | None = None
    shift_size: float = 0.0


def clean(y: Array, season: int) -> Cleaned:
    """The series without the damage of outliers; values before a level shift are raised or lowered to the new level."""
    if len(y) < LEAST or np.ptp(y) == 0:
        return Cleaned(y)
    shift = _shift(y)
    level = np.zeros(len(y))
    if shift is not None:
        level[:shift] = np.median(y[shift:]) - np.median(y[:shift])
    seasonal = _seasonal(y + level, season)
    flat = y - seasonal
    if shift is None:
        shift = _shift(flat)
    size = 0.0
    if shift is not None:
        width = min(max(season, SHIFT_LEAST), shift, len(y) - shift)
        size = float(np.median(flat[shift : shift + width]) - np.median(flat[shift - width : shift]))
        flat = np.concatenate([flat[:shift] + size, flat[shift:]])
    centre = _running_median(flat)
    rest = flat - centre
    scale = _scale(rest)
    far = np.abs(rest) > OUTLIER_DISTANCE * scale if scale > 0 else np.zeros(len(y), dtype=bool)
    alone = far & ~np.concatenate([[False], far[:-1]]) & ~np.concatenate([far[1:], [False]])
    alone[-1] = False
    outliers = tuple(int(place) for place in np.flatnonzero(alone))
    if shift is None and not outliers:
        return Cleaned(y)
    damped = np.where(alone, centre + np.sign(rest) * DAMPED_TO * scale, flat) + seasonal
    if y.min() >= 0:
        damped = np.maximum(damped, 0.0)
    return Cleaned(damped, outliers, shift, size)


def _running_median(y: Array, half: int = 3) -> Array:
    padded = np.concatenate([y[half:0:-1], y, y[-2 : -2 - half : -1]])
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1))


def _seasonal(y: Array, season: int) -> Array:
    """Median distance of each place of the season from the running median; zero below three seasons."""
    if season < 2 or len(y) < 3 * season:
        return np.zeros(len(y))
    rest = y - _running_median(y, min(season // 2, (len(y) - 1) // 2))
    places = np.arange(len(y)) % season
    found = np.array([np.median(rest[places == place]) for place in range(season)])
    return np.asarray((found - found.mean())[places])


def _scale(rest: Array) -> float:
    """Robust standard deviation; of distances that are mostly zero, that of the others."""
    found = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    return max(found, 0.25 * float(np.abs(rest).mean()))


def _shift(flat: Array) -> int | None:
    """The place from which the level differs by more than chance and trend make it, if there is one."""
    count = len(flat)
    places = range(SHIFT_LEAST, count - SHIFT_LEAST + 1)
    steps = {
        place: float(np.median(flat[place : place + SHIFT_LEAST]) - np.median(flat[place - SHIFT_LEAST : place]))
        for place in places
    }
    if not steps:
        return None
    largest = max(abs(step) for step in steps.values())
    # Medians see the step some periods early and late; it lies where neighbours differ most.
    near = [place for place in places if abs(steps[place]) >= 0.8 * largest]
    best = max(near, key=lambda place: abs(flat[place] - flat[place - 1]))
    before, after = flat[:best], flat[best:]
    within = np.concatenate([before - np.median(before), after - np.median(after)])
    scale = _scale(within)
    jump = abs(steps[best])
    if scale == 0 or jump < SHIFT_DISTANCE * scale:
        return None
    # A trend crosses the same distance in many small steps: the jump itself must be most of it.
    at_once = abs(float(np.median(flat[best : best + 2]) - np.median(flat[best - 2 : best])))
    apart = before.max() < after.min() or before.min() > after.max()
    return best if apart and at_once > 0.6 * jump else None
