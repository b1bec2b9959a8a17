"""The truth that a judge needs: hidden traits, what was at work, and what the future holds on average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.money import scale
from quarterdeck.simulate.kinds import INDUSTRIES
from quarterdeck.simulate.render import ids, pick
from quarterdeck.simulate.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quarterdeck.simulate.world import World


def tables_of(state: State, month: int) -> dict[str, pl.DataFrame]:
    """Hidden traits of people, accounts and open deals, the constants of the kind, and the shocks."""
    scene, deals = state.scene, state.deals.pool
    staff, market = scene.staff.pool, scene.market
    known = np.flatnonzero(market.known_at >= 0)
    constants = {f"season_{number + 1:02d}": value for number, value in enumerate(scene.kind.season)}
    constants |= {"elasticity": scene.kind.elasticity, "growth_per_year": scene.kind.growth, "drift": scene.spec.drift}
    shocks = [shock.model_dump() for shock in scene.shocks]
    return {
        "people": pl.DataFrame(
            {
                "id": ids("P", np.arange(len(staff))),
                "skill": staff["skill"],
                "greed": staff["greed"],
                "ramp_months": staff["ramp"],
                "specialty": pick([name for name, _, _ in INDUSTRIES], staff["specialty"]),
            }
        ),
        "accounts": pl.DataFrame(
            {
                "id": ids("A", known),
                "fit": market.appeal(known, month / 12),
                "need": market.need[known],
                "budget": market.budget[known],
            }
        ),
        "opportunities": pl.DataFrame(
            {
                "id": ids("O", deals["n"]),
                "conviction": deals["conviction"],
                "threshold": deals["threshold"],
                "patience_weeks": deals["patience"],
                "idle_weeks": deals["idle"],
                "hours": deals["hours"],
            }
        ),
        "parameters": pl.DataFrame({"name": list(constants), "value": list(map(float, constants.values()))}),
        "shocks": pl.DataFrame(
            shocks, schema={"month": pl.Int64, "kind": pl.String, "months": pl.Int64, "strength": pl.Float64}
        ),
    }


def foresee(state: State, futures: Sequence[World], month: int, horizon: int) -> dict[str, pl.DataFrame]:
    """Odds of open deals and bookings of coming months: shares and means over futures without new decisions."""
    number = state.deals.pool["n"]
    won, lost = np.zeros(len(number)), np.zeros(len(number))
    booked = np.zeros((len(futures), horizon))
    for place, future in enumerate(futures):
        for _ in range(horizon):
            future.advance()
        booked[place] = future.state.booked[month : month + horizon]
        won += np.isin(number, future.state.deals.won_numbers)
        lost += ~np.isin(number, future.state.deals.pool["n"])
    lost -= won
    units = scale(state.scene.spec.currency)
    odds = pl.DataFrame({"id": ids("O", number), "won_rate": won / len(futures), "lost_rate": lost / len(futures)})
    bookings = pl.DataFrame(
        {
            "period_start": [add_months(state.scene.spec.start, month + place) for place in range(horizon)],
            "mean": booked.mean(axis=0) / units,
            "standard_deviation": booked.std(axis=0) / units,
            "futures": [len(futures)] * horizon,
        }
    )
    return {"odds": odds, "bookings": bookings}
