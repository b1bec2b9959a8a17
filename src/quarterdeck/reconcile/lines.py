"""A scenario's picture as rows of `plan_lines`."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Floats, Futures
from quarterdeck.reconcile.picture import Picture, pay_of, target_of, unit_cost_rates
from quarterdeck.reconcile.team import Sellers

Row = dict[str, Any]


def scenario_lines(tables: Tables, futures: Futures, sellers: Sellers, picture: Picture, currency: str) -> list[Row]:
    """All lines of a scenario: bookings, target, odds, capacity, hires, hours, supply_cost, pay_cost and margin."""
    rows = _bookings(tables, futures, picture, currency)
    rows.append(_odds(tables, futures, picture, currency))
    rows += _capacity(futures, sellers, picture)
    rows += _resources(tables, picture.scenario)
    rows += _money(tables, futures, picture, currency)
    return rows


def _line(scenario: str, month: date, line: str, place: tuple[str, str], **values: float | None) -> Row:
    level, member = place
    empty: dict[str, float | None] = {"demand": None, "supply": None, "gap": None, "money": None}
    return (
        {"scenario": scenario, "period_start": month, "line": line, "level": level, "member": member} | empty | values
    )


def _bookings(tables: Tables, futures: Futures, picture: Picture, currency: str) -> list[Row]:
    products = sorted({product for product in futures.product if product is not None})
    places = [("all", "all", futures.of())]
    places += [("region", name, futures.of(region=name)) for name in futures.regions]
    places += [("product", name, futures.of(product=name)) for name in products]
    rows = []
    for level, member, leaves in places:
        demand, supply = picture.demand[leaves].sum(axis=0), picture.supply[leaves].sum(axis=0)
        has_target = level != "product"
        target = target_of(tables, futures, currency, level, member) if has_target else demand
        for t, month in enumerate(futures.months):
            gap = float(supply[t] - target[t])
            numbers = {"demand": float(demand[t]), "supply": float(supply[t]), "gap": gap, "money": float(supply[t])}
            rows.append(_line(picture.scenario, month, "bookings", (level, member), **numbers))
            if has_target:
                money = float(target[t])
                rows.append(_line(picture.scenario, month, "target", (level, member), gap=gap, money=money))
    return rows


def _odds(tables: Tables, futures: Futures, picture: Picture, currency: str) -> Row:
    """The share of futures, 0..1, that reach the horizon's target: by demand alone, and as supply (what is served)."""
    target = float(target_of(tables, futures, currency).sum())
    demand = futures.only(picture.draws).total
    return _line(
        picture.scenario,
        futures.months[0],
        "odds",
        ("all", "all"),
        demand=float((demand >= target).mean()),
        supply=float((picture.totals >= target).mean()),
    )


def _capacity(futures: Futures, sellers: Sellers, picture: Picture) -> list[Row]:
    """Deals to be worked against deals that the sellers, with the plan's hires, can close; money is their bookings."""
    able = sellers.with_hires(picture.hires)
    if not np.isfinite(able).all():
        return []
    quantity = futures.quantity[:, :, list(picture.draws)].mean(axis=2)
    amount = futures.amount[:, :, list(picture.draws)].mean(axis=2)
    rows = []
    sums = {"demand": np.zeros(len(futures.months)), "supply": np.zeros(len(futures.months))}
    worth_all = np.zeros(len(futures.months))
    for g, name in enumerate(sellers.names):
        leaves = futures.teams == g
        asked = quantity[leaves].sum(axis=0) / sellers.rate[g]
        won = quantity[leaves].sum()
        each = sellers.rate[g] * (amount[leaves].sum() / won if won else 0.0)
        for t, month in enumerate(futures.months):
            numbers = {
                "demand": asked[t],
                "supply": able[g, t],
                "gap": able[g, t] - asked[t],
                "money": able[g, t] * each[t],
            }
            if name != "all":
                rows.append(_line(picture.scenario, month, "capacity", ("region", name), **numbers))
        sums["demand"] += asked
        sums["supply"] += able[g]
        worth_all += able[g] * each
    for t, month in enumerate(futures.months):
        numbers = {name: values[t] for name, values in sums.items()}
        numbers |= {"gap": numbers["supply"] - numbers["demand"], "money": worth_all[t]}
        rows.append(_line(picture.scenario, month, "capacity", ("all", "all"), **numbers))
    return rows


def _resources(tables: Tables, scenario: str) -> list[Row]:
    """Hires and load against capacity of each resource, from the supply plan."""
    rows = []
    lines = tables["supply_lines"].filter(pl.col("scenario") == scenario)
    for line in lines.iter_rows(named=True):
        place, month = ("resource", line["resource_id"]), line["period_start"]
        if line["hire"] is not None:
            rows.append(_line(scenario, month, "hires", place, supply=line["hire"]))
        if line["kind"] != "sellers":
            gap = line["capacity"] - line["load"]
            rows.append(_line(scenario, month, "hours", place, demand=line["load"], supply=line["capacity"], gap=gap))
        rows.append(_line(scenario, month, "supply_cost", place, money=line["cost"]))
    hires = lines.group_by("period_start").agg(pl.col("hire").sum()).sort("period_start")
    rows += [_line(scenario, month, "hires", ("all", "all"), supply=count) for month, count in hires.iter_rows()]
    return rows


def _money(tables: Tables, futures: Futures, picture: Picture, currency: str) -> list[Row]:
    """Supply cost, pay cost and margin: bookings less unit cost, pay and the cost of hires and overtime.

    What is bought from suppliers is in the unit cost already; a product without a unit cost is taken to cost nothing.
    """
    cost, purchases = _supply_cost(tables, futures, picture.scenario)
    rates = unit_cost_rates(tables, futures)
    bookings = picture.supply.sum(axis=0)
    goods = (picture.supply * rates[:, None]).sum(axis=0)
    pay = pay_of(tables, futures, currency, picture.scenario)
    left = bookings - goods - (cost - purchases) - (0.0 if pay is None else pay)
    rows = []
    for t, month in enumerate(futures.months):
        place = ("all", "all")
        rows.append(_line(picture.scenario, month, "supply_cost", place, money=float(cost[t])))
        if pay is not None:
            rows.append(_line(picture.scenario, month, "pay_cost", place, money=float(pay[t])))
        rows.append(_line(picture.scenario, month, "margin", place, money=float(left[t])))
    return rows


def _supply_cost(tables: Tables, futures: Futures, scenario: str) -> tuple[Floats, Floats]:
    lines = tables["supply_lines"].filter(pl.col("scenario") == scenario)
    sums = []
    for part in (lines, lines.filter(pl.col("kind") == "supplier")):
        by_month = dict(part.group_by("period_start").agg(pl.col("cost").sum()).iter_rows())
        sums.append(np.asarray([by_month.get(month, 0.0) for month in futures.months]))
    return sums[0], sums[1]
