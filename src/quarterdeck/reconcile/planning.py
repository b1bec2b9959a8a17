"""The step `reconcile.plan`: each scenario's lines, the gap, and three options to deal with it."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.regions import home_teams
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Floats, Futures, read_futures
from quarterdeck.reconcile.lines import scenario_lines
from quarterdeck.reconcile.notices import notices
from quarterdeck.reconcile.options import Case, three_options
from quarterdeck.reconcile.picture import delivery_share, draw_picture, margin_rate, target_of
from quarterdeck.reconcile.settings import ReconcileSettings
from quarterdeck.reconcile.sold import noun
from quarterdeck.reconcile.team import Sellers, read_sellers


def plan(tables: Tables, config: Config[ReconcileSettings]) -> Result:
    """`plan_lines` of every scenario and `plan_options` for the base one.

    Demand is what the market would take; supply is what the sellers, with the supply plan's hires, close of it in each
    draw, less what delivery loses; the gap is supply less target. All are means over the scenario's draws, so regions
    and products add up to the total.
    """
    currency = config.company.currency
    futures = read_futures(tables, currency)
    names = tables["scenarios"]["scenario"].to_list()
    if futures is None or "base" not in names:
        return Result({"plan_lines": empty("plan_lines"), "plan_options": empty("plan_options")})
    futures = replace(futures, home=home_teams(tables["opportunities"], tables["seller_capacity"]))
    sellers = read_sellers(tables, config, futures)
    rows = []
    for name in names:
        delivery = delivery_share(tables, futures, name)
        picture = draw_picture(tables, futures, sellers, delivery, name)
        rows += scenario_lines(tables, futures, sellers, picture, currency)
        if name == "base":
            case = Case(
                futures=futures.only(picture.draws).limited(delivery).by_team(),
                sellers=sellers,
                picture=picture,
                waiting=_by_team(picture.unworked, futures, sellers),
                rates=_rates(tables),
                target=float(target_of(tables, futures, currency).sum()),
                margin=margin_rate(tables, futures, picture.supply, config.settings.margin),
                currency=currency,
                settings=config.settings,
                noun=noun(tables),
            )
    options = three_options(case)
    made = {
        "plan_lines": conform("plan_lines", pl.DataFrame(rows, infer_schema_length=None)),
        "plan_options": conform("plan_options", pl.DataFrame([asdict(option) for option in options])),
    }
    return Result(made, notices(tables, futures, case, options))


def _by_team(leaves: Floats, futures: Futures, sellers: Sellers) -> Floats:
    """(G,) sums of leaves (L,)."""
    return np.asarray(np.bincount(futures.teams, weights=leaves, minlength=len(sellers.names)), dtype=np.float64)


def _rates(tables: Tables) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(P,) won share of each seller."""
    rates = tables["seller_capacity"].unique("person_id").sort("person_id")["rate"].drop_nulls()
    return np.asarray(rates.to_list(), dtype=np.float64)
