"""One scenario's plan in numbers: demand, what is served, target and cost by month, ready to be written as lines."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl

from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Floats, Futures, served
from quarterdeck.reconcile.team import Sellers, planned_hires


@dataclass(frozen=True)
class Picture:
    """A scenario: means over its draws, major units."""

    scenario: str
    draws: tuple[int, ...]
    demand: Floats
    """(L, T) bookings that the market would take, with what is booked already"""
    undelivered: Floats
    """(L, T) part of it that delivery, machines or suppliers cannot serve"""
    supply: Floats
    """(L, T) bookings that can be served"""
    totals: Floats
    """(N,) served bookings over the horizon in each of the scenario's draws"""
    hires: Floats
    """(G, T) sellers hired"""

    @property
    def unworked(self) -> Floats:
        """(L,) bookings over the horizon that could be delivered but that no seller closes."""
        left: Floats = np.maximum((self.demand - self.undelivered - self.supply).sum(axis=1), 0.0)
        return left


def draw_picture(tables: Tables, futures: Futures, sellers: Sellers, delivery: Floats, scenario: str) -> Picture:
    """A scenario's picture; `delivery` (L, T) is the share that delivery, machines and suppliers can serve."""
    chosen = tables["scenarios"].filter(pl.col("scenario") == scenario)["draws"].item()
    draws = tuple(json.loads(chosen))
    hires = planned_hires(tables, sellers, futures, scenario)
    part = futures.only(draws)
    closed = served(part.limited(delivery), sellers.rate, sellers.with_hires(hires))
    return Picture(
        scenario=scenario,
        draws=draws,
        demand=part.amount.mean(axis=2) + futures.booked,
        undelivered=part.amount.mean(axis=2) * (1.0 - delivery),
        supply=closed.mean(axis=2) + futures.booked,
        totals=closed.sum(axis=(0, 1)) + futures.booked.sum(),
        hires=hires,
    )


def delivery_share(tables: Tables, futures: Futures, scenario: str) -> Floats:
    """(L, T) share of a leaf's bookings that the resources in its product's recipes do not lose.

    A deal booked in a month needs its resources in the months of use; the scarcest of them decides. Without recipes
    delivery limits nothing.
    """
    share = np.ones((len(futures.product), len(futures.months)))
    if "recipes" not in tables:
        return share
    lines = tables["supply_lines"].filter((pl.col("scenario") == scenario) & (pl.col("kind") != "sellers"))
    kept = {
        (row["resource_id"], row["period_start"]): 1.0 - min(row["shortage"] / row["load"], 1.0)
        if row["load"] > 0
        else 1.0
        for row in lines.iter_rows(named=True)
    }
    for recipe in tables["recipes"].iter_rows(named=True):
        offset, duration = int(recipe["offset_months"] or 0), int(recipe["duration_months"] or 1)
        leaves = futures.of(product=recipe["product_id"])
        for t in range(len(futures.months)):
            used = futures.months[t + offset : t + offset + duration]
            least = min((kept.get((recipe["resource_id"], month), 1.0) for month in used), default=1.0)
            share[leaves, t] = np.minimum(share[leaves, t], least)
    return share


def unit_cost_rates(tables: Tables, futures: Futures) -> Floats:
    """(L,) cost of a unit as a share of its price; 0 where a product has no cost or no price."""
    known = {
        row["id"]: min(float(row["unit_cost"]) / float(row["unit_price"]), 1.0)
        for row in tables["products"].iter_rows(named=True)
        if row["unit_cost"] is not None and row["unit_price"]
    }
    return np.asarray([known.get(product or "", 0.0) for product in futures.product])


def margin_rate(tables: Tables, futures: Futures, supply: Floats, default: float) -> float:
    """Margin as a share of the bookings `supply` (L, T); products without a unit cost or a price count `default`."""
    products = tables["products"].filter(pl.col("unit_cost").is_not_null() & (pl.col("unit_price") > 0))
    costed = set(products["id"].to_list())
    known = np.asarray([product in costed for product in futures.product])
    rates = np.where(known, 1.0 - unit_cost_rates(tables, futures), default)
    weights = np.maximum(supply.sum(axis=1), 0.0)
    return float(np.average(rates, weights=weights)) if weights.sum() > 0 else default


def target_of(tables: Tables, futures: Futures, currency: str, level: str = "all", member: str = "all") -> Floats:
    """(T,) target of a member in major units."""
    rows = tables["plan_targets"].filter((pl.col("level") == level) & (pl.col("member") == member))
    by_month = dict(rows.select("period_start", "amount").iter_rows())
    return np.asarray([by_month.get(month, 0) / scale(currency) for month in futures.months])


def pay_of(tables: Tables, futures: Futures, currency: str, scenario: str) -> Floats | None:
    """(T,) pay of a scenario's months with what is paid for deals closed in them already; None without pay lines."""
    rows = tables["pay_lines"].filter(pl.col("scenario").is_in([scenario, "paid"]))
    if rows.is_empty():
        return None
    by_month = dict(rows.group_by("period_start").agg(pl.col("amount").sum()).iter_rows())
    return np.asarray([by_month.get(month, 0) / scale(currency) for month in futures.months])
