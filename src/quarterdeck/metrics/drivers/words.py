"""Effects as rows of `deal_drivers`: in points, with their interval and a sentence that claims no more."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from quarterdeck.metrics.drivers.effects import Effect, q_values
from quarterdeck.metrics.drivers.settings import DriverSettings, span

Z95 = 1.959963984540054
POWER_80 = 2.8015852
"""Standard errors that an effect must be away from 0 to be found 4 times in 5 at the level of 5 %."""

CAVEATS = {
    "effort": "Sellers work more on deals that go well anyway, so this alone does not prove that the work moved them.",
    "state": "It may stand for something else that differs between these deals.",
    "origin": "Deals of this origin may differ in what nobody recorded.",
}


def outcomes(settings: DriverSettings) -> dict[str, str]:
    """What each outcome is called in a sentence."""
    coming = f"within the next {span(settings.period_days)}"
    return {
        "win_rate": f"win rate (won within {span(settings.horizon_days)})",
        "won_next": f"the odds to be won {coming}",
        "lost_next": f"the odds to be lost {coming}",
        "progress": f"the odds to go on to a later stage {coming}",
    }


def table(effects: Sequence[Effect], population: int, settings: DriverSettings) -> pl.DataFrame:
    """The effects as rows, the surest first within each outcome."""
    from scipy.stats import norm

    p = [float(2 * norm.sf(abs(e.effect) / e.error)) if e.error > 0 else 1.0 for e in effects]
    named = outcomes(settings)
    rows = []
    for effect, chance, q in zip(effects, p, q_values(p), strict=True):
        points, margin = 100 * effect.effect, 100 * Z95 * effect.error
        row = {
            "outcome": effect.outcome,
            "input": effect.input.name,
            "title": effect.input.title,
            "effect": points,
            "low": points - margin,
            "high": points + margin,
            "p_value": chance,
            "q_value": q,
            "is_clear": q <= settings.false_discoveries,
            "n": effect.deals,
            "of_deals": population,
            "periods": effect.rows,
            "events": effect.events,
            "baseline": 100 * effect.baseline,
            "usual": effect.usual,
            "detectable": 100 * POWER_80 * effect.error,
            "companion": effect.companion or None,
            "correlation": effect.correlation if effect.companion else None,
            "caveat": CAVEATS[effect.input.nature],
        }
        rows.append(row | {"sentence": sentence(row, effect.input.more, named[effect.outcome])})
    order = list(named)
    return pl.DataFrame(sorted(rows, key=lambda r: (order.index(str(r["outcome"])), float(str(r["p_value"])))))


def sentence(row: dict[str, object], more: str, outcome: str) -> str:
    """The row in words; an effect that may be chance is not stated as one."""
    effect, low, high = (float(str(row[name])) for name in ("effect", "low", "high"))
    interval = f"95 %: {low:+.1f} to {high:+.1f}; {row['n']:,} deals"
    if row["is_clear"]:
        return f"{more} goes with {effect:+.1f} points of {outcome} ({interval})."
    seen = f"effects of {float(str(row['detectable'])):.1f} points would have shown"
    return f"{more}: no clear difference in {outcome} ({interval}; {seen})."
