"""Odds that an open deal is won or lost in a month, by age, place of the month in the quarter, and segment.

A discrete-time model of two competing risks with partial pooling: an age's odds in one month of the quarter are shrunk
towards the age's odds in any month, a segment's towards those of all deals. Where the same people have more deals to
close than usual, each deal's odds fall (load). How strong each of these is, and how fast the past fades, is what would
have foretold each past month best from the months before it (rolling, one step ahead).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Company
from quarterdeck.base.schema import conform
from quarterdeck.demand.deals import ALL, quarter_month
from quarterdeck.demand.exposure import Exposure

HALF_LIVES = (3.0, 6.0, 12.0, 24.0, np.inf)
LOAD_EXPONENTS = (1.0, 0.5, 0.0)
"""0: each deal has its odds however many are open; 1: the same number closes however many are open."""
LOAD_LIMITS = (0.4, 2.5)
CALENDAR_STRENGTHS = (20.0, 100.0, 500.0, np.inf)
SEGMENT_STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 1e6)
AGE_STRENGTH = 5.0
"""Deal-months that an age borrows from the age before it, so that a rare one follows its neighbour."""
SWING_PRIOR, SWING_PRIOR_MONTHS = 0.15, 3.0
"""Swing of a month that is assumed before any is seen, and for how many months that assumption counts."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Odds of all deals, arrays (quarter months, ages), with the choices behind them.

    `weights` says how much each past month counts, `factors` by what its load changed the odds.
    """

    win: Array
    loss: Array
    weights: Array
    factors: Array
    strength: float
    load_exponent: float


def _weights(months: int, half_life: float) -> Array:
    return np.asarray(0.5 ** (np.arange(months)[::-1] / half_life), dtype=np.float64)


def _by_age(n: Array, events: Array) -> Array:
    """Odds of each age from weighted counts (months, ages)."""
    before = events.sum() / max(n.sum(), 1e-9)
    rates = np.empty(n.shape[1])
    for age, (seen, came) in enumerate(zip(n.sum(axis=0), events.sum(axis=0), strict=True)):
        before = rates[age] = (came + AGE_STRENGTH * before) / (seen + AGE_STRENGTH)
    return rates


def _rates(n: Array, events: Array, classes: NDArray[np.int64], strength: float) -> Array:
    """Odds (3, ages) from weighted counts (months, ages)."""
    by_age = _by_age(n, events)
    rates = np.tile(by_age, (3, 1))
    if np.isinf(strength):
        return rates
    for place in range(3):
        mine = classes == place
        rates[place] = (events[mine].sum(axis=0) + strength * by_age) / (n[mine].sum(axis=0) + strength)
    return rates


def loads(n: Array, closing: Array) -> Array:
    """Closings that each month's open deals (months, ages) would bring at average odds of each age: its load."""
    return np.maximum(n @ closing, 1e-9)


def load_factor(load: Array | float, reference: float, exponent: float) -> Array:
    """By what a month's odds differ since more (or fewer) deals than usual wait for the same people."""
    low, high = LOAD_LIMITS
    return np.clip((np.asarray(load) / reference) ** -exponent, low, high)


def reference_load(load: Array) -> float:
    """Geometric mean of the months' loads."""
    return float(np.exp(np.log(load).mean())) if len(load) else 1.0


def _log_likelihood(win: Array, loss: Array, n: Array, won: Array, lost: Array) -> float:
    over = np.maximum(win + loss, 0.98) / 0.98
    win, loss = np.maximum(win / over, 1e-6), np.maximum(loss / over, 1e-6)
    stay = np.maximum(1 - win - loss, 1e-6)
    return float((won * np.log(win) + lost * np.log(loss) + (n - won - lost) * np.log(stay)).sum())


def pool(n: Array, won: Array, lost: Array, classes: NDArray[np.int64]) -> Pooled:
    """Odds of all deals from counts (months, ages).

    Half-life, calendar strength and load exponent are those that foretold each of the last months best from the months
    before it; of equals the plainer.
    """
    months = len(n)
    choices = list(product(HALF_LIVES, CALENDAR_STRENGTHS, LOAD_EXPONENTS))
    totals = np.zeros(len(choices))
    for month in range(max(3, months - 12), months):
        load = loads(n[: month + 1], _by_age(n[:month], won[:month] + lost[:month]))
        reference = reference_load(load[:month])
        for number, (half_life, strength, exponent) in enumerate(choices):
            factors = load_factor(load, reference, exponent)
            w = _weights(month, half_life)[:, None]
            seen = w * factors[:month, None] * n[:month]
            win = _rates(seen, w * won[:month], classes[:month], strength)[classes[month]] * factors[month]
            loss = _rates(seen, w * lost[:month], classes[:month], strength)[classes[month]] * factors[month]
            totals[number] += _log_likelihood(win, loss, n[month], won[month], lost[month])
    half_life, strength, exponent = choices[len(choices) - 1 - int(np.argmax(totals[::-1]))]
    load = loads(n, _by_age(n, won + lost))
    factors = load_factor(load, reference_load(load), exponent)
    weights = _weights(months, half_life)
    seen, w = (weights * factors)[:, None] * n, weights[:, None]
    win, loss = _rates(seen, w * won, classes, strength), _rates(seen, w * lost, classes, strength)
    return Pooled(win, loss, weights, factors, strength, exponent)


def _ratio_scores(events: Array, expected: Array) -> Array:
    """Log likelihood of counts for each strength of a gamma prior (mean 1) on a group's ratio (negative binomial)."""
    from scipy.special import gammaln

    keep = expected > 1e-9
    y, e = events[keep], expected[keep]
    found = [
        (gammaln(y + a) - gammaln(a) + a * np.log(a / (a + e)) + y * np.log(e / (a + e))).sum()
        for a in SEGMENT_STRENGTHS
    ]
    return np.asarray(found, dtype=np.float64)


def _ratio_strength(events: Array, expected: Array) -> float:
    return SEGMENT_STRENGTHS[int(np.argmax(_ratio_scores(events, expected)))]


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
        seen, w = (w * pooled.factors)[:, None] * n, w[:, None]
        mine = n[month] * pooled.factors[month]
        expected_won[month] = (_rates(seen, w * won, classes, pooled.strength)[classes[month]] * mine).sum()
        expected_lost[month] = (_rates(seen, w * lost, classes, pooled.strength)[classes[month]] * mine).sum()
    return _swing(won.sum(axis=1), expected_won), _swing(lost.sum(axis=1), expected_lost)


@dataclass(frozen=True)
class Fitted:
    """The table `demand_hazards`, and how much likelier segments of their own make what was seen than none do."""

    table: pl.DataFrame
    gain: float


def _segment_counts(
    exposure: Exposure, classes: NDArray[np.int64], pooled: Pooled
) -> tuple[Array, Array, Array, Array]:
    """Won, lost and what was expected of each at the odds of all deals, arrays (segments, ages)."""
    weights = pooled.weights[None, :, None]
    seen = exposure.open * weights * pooled.factors[None, :, None]
    return (
        (exposure.won * weights).sum(axis=1),
        (exposure.lost * weights).sum(axis=1),
        (seen * pooled.win[classes]).sum(axis=1),
        (seen * pooled.loss[classes]).sum(axis=1),
    )


def estimate(exposure: Exposure, company: Company) -> Fitted:
    """The table `demand_hazards`: rows for `all` and for each segment, ages 0 … max_age."""
    places = [quarter_month(exposure.first + month, company) for month in range(exposure.months)]
    classes = np.array(places, dtype=np.int64)
    n, won, lost = exposure.open.sum(axis=0), exposure.won.sum(axis=0), exposure.lost.sum(axis=0)
    pooled = pool(n, won, lost, classes)
    swings = _swings(n, won, lost, classes, pooled)
    seen_won, seen_lost, expected_win, expected_loss = _segment_counts(exposure, classes, pooled)
    win_ratio, win_strength = _ratios(seen_won, expected_win)
    loss_ratio, loss_strength = _ratios(seen_lost, expected_loss)
    everyone = np.full(n.shape[1], 1e6)
    frames = [_rows(ALL, pooled.win, pooled.loss, n.sum(axis=0), (everyone, everyone))]
    for place, segment in enumerate(exposure.segments):
        win, loss = pooled.win * win_ratio[place], pooled.loss * loss_ratio[place]
        over = np.maximum((win + loss) / 0.98, 1.0)
        strength = (win_strength[place], loss_strength[place])
        frames.append(_rows(segment, win / over, loss / over, exposure.open[place].sum(axis=0), strength))
    closing = (pooled.win + pooled.loss).mean(axis=0)
    table = pl.concat(frames).with_columns(
        win_swing=pl.lit(swings[0]),
        loss_swing=pl.lit(swings[1]),
        months=pl.lit(max(exposure.months / (1 if np.isinf(pooled.strength) else 3), 1.0)),
        load_exponent=pl.lit(pooled.load_exponent),
        reference_load=pl.lit(reference_load(loads(n, closing))),
    )
    gain = _gain(seen_won, expected_win) + _gain(seen_lost, expected_loss)
    return Fitted(conform("demand_hazards", table), gain)


def _gain(events: Array, expected: Array) -> float:
    scores = _ratio_scores(events.sum(axis=1), expected.sum(axis=1))
    return float(scores.max() - scores[-1])


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
