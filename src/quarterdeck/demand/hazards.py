"""Odds that an open deal is won or lost in a month, by age, place of the month in the quarter, and segment.

A discrete-time model of two competing risks with partial pooling: an age's odds in one month of the quarter are shrunk
towards the age's odds in any month, a segment's towards those of all deals. How strongly, and how fast the past fades,
is what would have predicted each past month best from the months before it (rolling, one step ahead).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Company
from quarterdeck.base.schema import conform
from quarterdeck.demand.deals import quarter_month
from quarterdeck.demand.exposure import Exposure

HALF_LIVES = (6.0, 12.0, 24.0, np.inf)
CALENDAR_STRENGTHS = (20.0, 100.0, 500.0, np.inf)
SEGMENT_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
AGE_STRENGTH = 5.0
"""Deal-months that an age borrows from the age before it, so that a rare one follows its neighbour."""
SWING_PRIOR, SWING_PRIOR_MONTHS = 0.15, 3.0
"""Swing of a month that is assumed before any is seen, and for how many months that assumption counts."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Odds of all deals, arrays (quarter months, ages), with the choices behind them."""

    win: Array
    loss: Array
    weights: Array
    strength: float


def _weights(months: int, half_life: float) -> Array:
    return np.asarray(0.5 ** (np.arange(months)[::-1] / half_life), dtype=np.float64)


def _rates(n: Array, events: Array, classes: NDArray[np.int64], strength: float) -> Array:
    """Odds (3, ages) from weighted counts (months, ages)."""
    average = events.sum() / max(n.sum(), 1e-9)
    by_age = np.empty(n.shape[1])
    before = average
    for age, (seen, came) in enumerate(zip(n.sum(axis=0), events.sum(axis=0), strict=True)):
        before = by_age[age] = (came + AGE_STRENGTH * before) / (seen + AGE_STRENGTH)
    rates = np.tile(by_age, (3, 1))
    if np.isinf(strength):
        return rates
    for place in range(3):
        mine = classes == place
        rates[place] = (events[mine].sum(axis=0) + strength * by_age) / (n[mine].sum(axis=0) + strength)
    return rates


def _log_likelihood(win: Array, loss: Array, n: Array, won: Array, lost: Array) -> float:
    stay = np.clip(1 - win - loss, 1e-6, 1)
    return float(
        (
            won * np.log(np.clip(win, 1e-6, 1))
            + lost * np.log(np.clip(loss, 1e-6, 1))
            + (n - won - lost) * np.log(stay)
        ).sum()
    )


def pool(n: Array, won: Array, lost: Array, classes: NDArray[np.int64]) -> Pooled:
    """Odds of all deals from counts (months, ages); half-life and calendar strength by rolling one-step likelihood."""
    months = len(n)
    origins = range(max(3, months - 12), months)
    best, choice = -np.inf, (np.inf, np.inf)
    for half_life, strength in product(HALF_LIVES, CALENDAR_STRENGTHS):
        total = 0.0
        for month in origins:
            w = _weights(month, half_life)[:, None]
            win = _rates(w * n[:month], w * won[:month], classes[:month], strength)[classes[month]]
            loss = _rates(w * n[:month], w * lost[:month], classes[:month], strength)[classes[month]]
            total += _log_likelihood(win, loss, n[month], won[month], lost[month])
        # Of equals the plainer wins: no fading, no calendar.
        if total >= best:
            best, choice = total, (half_life, strength)
    weights = _weights(months, choice[0])
    w = weights[:, None]
    return Pooled(
        _rates(w * n, w * won, classes, choice[1]), _rates(w * n, w * lost, classes, choice[1]), weights, choice[1]
    )


def _ratio_strength(events: Array, expected: Array) -> float:
    """Strength of the gamma prior (mean 1) on a group's ratio that makes the counts likeliest (negative binomial)."""
    from scipy.special import gammaln

    keep = expected > 1e-9
    y, e = events[keep], expected[keep]
    if y.size < 2:
        return SEGMENT_STRENGTHS[-1]
    scores = [
        float((gammaln(y + a) - gammaln(a) + a * np.log(a / (a + e)) + y * np.log(e / (a + e))).sum())
        for a in SEGMENT_STRENGTHS
    ]
    return SEGMENT_STRENGTHS[int(np.argmax(scores))]


def _ratios(events: Array, expected: Array) -> tuple[Array, Array]:
    """A segment's odds over those of all deals (segments, ages), and the events that each rests on."""
    across = _ratio_strength(events.sum(axis=1), expected.sum(axis=1))
    level = (events.sum(axis=1) + across) / (expected.sum(axis=1) + across)
    scaled = expected * level[:, None]
    within = _ratio_strength(events.ravel(), scaled.ravel())
    ratio = level[:, None] * (events + within) / (scaled + within)
    strength = np.minimum(events.sum(axis=1)[:, None] + across, events + within)
    return ratio, strength


def _swing(events: Array, expected: Array) -> float:
    """Standard deviation of the logarithm of a month's common swing, beyond what chance gives."""
    seen = expected > 5
    if not seen.any():
        return SWING_PRIOR
    excess = ((events[seen] - expected[seen]) / expected[seen]) ** 2 - 1 / expected[seen]
    months = int(seen.sum())
    variance = (excess.sum() + SWING_PRIOR_MONTHS * SWING_PRIOR**2) / (months + SWING_PRIOR_MONTHS)
    return float(np.sqrt(max(variance, 0.02**2)))


def _swings(n: Array, won: Array, lost: Array, classes: NDArray[np.int64], pooled: Pooled) -> tuple[float, float]:
    """Swings of wins and losses: each month is expected from the other months."""
    expected_won, expected_lost = np.zeros(len(n)), np.zeros(len(n))
    for month in range(len(n)):
        w = pooled.weights.copy()
        w[month] = 0.0
        if not w.any():
            continue
        win = _rates(w[:, None] * n, w[:, None] * won, classes, pooled.strength)[classes[month]]
        loss = _rates(w[:, None] * n, w[:, None] * lost, classes, pooled.strength)[classes[month]]
        expected_won[month], expected_lost[month] = (win * n[month]).sum(), (loss * n[month]).sum()
    return _swing(won.sum(axis=1), expected_won), _swing(lost.sum(axis=1), expected_lost)


def estimate(exposure: Exposure, company: Company) -> pl.DataFrame:
    """The table `demand_hazards`: rows for `all` and for each segment, ages 0 … max_age."""
    classes = np.array(
        [quarter_month(exposure.first + month, company) for month in range(exposure.months)], dtype=np.int64
    )
    n, won, lost = exposure.open.sum(axis=0), exposure.won.sum(axis=0), exposure.lost.sum(axis=0)
    pooled = pool(n, won, lost, classes)
    swings = _swings(n, won, lost, classes, pooled)
    weights = pooled.weights[None, :, None]
    expected_win = (exposure.open * weights * pooled.win[classes]).sum(axis=1)
    expected_loss = (exposure.open * weights * pooled.loss[classes]).sum(axis=1)
    win_ratio, win_strength = _ratios((exposure.won * weights).sum(axis=1), expected_win)
    loss_ratio, loss_strength = _ratios((exposure.lost * weights).sum(axis=1), expected_loss)
    ages = n.shape[1]
    months = max(exposure.months / (1 if np.isinf(pooled.strength) else 3), 1.0)
    everyone = np.full(ages, 1e6)
    frames = [_rows("all", pooled.win, pooled.loss, n.sum(axis=0), (everyone, everyone))]
    for place, segment in enumerate(exposure.segments):
        win, loss = pooled.win * win_ratio[place], pooled.loss * loss_ratio[place]
        over = np.maximum((win + loss) / 0.98, 1.0)
        strength = (win_strength[place], loss_strength[place])
        frames.append(_rows(segment, win / over, loss / over, exposure.open[place].sum(axis=0), strength))
    table = pl.concat(frames).with_columns(
        win_swing=pl.lit(swings[0]), loss_swing=pl.lit(swings[1]), months=pl.lit(float(months))
    )
    return conform("demand_hazards", table)


def _rows(segment: str, win: Array, loss: Array, n: Array, strength: tuple[Array, Array]) -> pl.DataFrame:
    columns = {f"win_rate_{place + 1}": win[place] for place in range(3)}
    columns |= {f"loss_rate_{place + 1}": loss[place] for place in range(3)}
    return pl.DataFrame(
        {
            "segment": [segment] * len(n),
            "age_month": np.arange(len(n)),
            "win_rate": win.mean(axis=0),
            "loss_rate": loss.mean(axis=0),
            "n": np.round(n).astype(np.int64),
            **columns,
            "win_strength": strength[0],
            "loss_strength": strength[1],
        }
    )
