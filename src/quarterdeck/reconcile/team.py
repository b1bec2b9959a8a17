"""The sellers as the plan sees them: deals they can close by team and month, with the hires that a plan holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Config
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Floats, Futures
from quarterdeck.reconcile.settings import ReconcileSettings


@dataclass(frozen=True)
class Sellers:
    """G teams over T months: one a region, or one for all when a region is missing somewhere."""

    names: tuple[str, ...]
    deals: Floats
    """(G, T) deals that they can close; infinite when no seller is known."""
    rate: Floats
    """(G, T) won share"""
    per_hire: Floats
    """(G,) deals that a ramped seller closes in a month"""
    heads: NDArray[np.int64]
    """(G,) sellers"""
    ramp: tuple[float, ...]
    lead: int
    hire_cost: float
    month_cost: float

    @property
    def won_share(self) -> float:
        """Won share of all teams over all months, by sellers."""
        return float(np.average(self.rate.mean(axis=1), weights=np.maximum(self.heads, 1e-9)))

    def with_hires(self, hires: Floats) -> Floats:
        """(G, T) deals that can be closed with hires decided on in each month (G, T)."""
        total = self.deals.copy()
        months = self.deals.shape[1]
        for decided in range(months):
            for month in range(decided + self.lead, months):
                share = self.ramp[min(month - decided - self.lead, len(self.ramp) - 1)]
                total[:, month] += hires[:, decided] * self.per_hire * share
        return total

    def cost_of(self, hires: Floats) -> float:
        """What hires cost in the horizon: once, and a month from arrival on."""
        months = self.deals.shape[1]
        employed = np.maximum(months - self.lead - np.arange(months), 0)
        return float((hires.sum(axis=0) * (self.hire_cost + self.month_cost * employed)).sum())


def read_sellers(tables: Tables, config: Config[ReconcileSettings], futures: Futures) -> Sellers:
    """Teams from `seller_capacity` in the order of the futures' regions."""
    rows = tables["seller_capacity"]
    pooled = None in futures.region or None in rows["region"].to_list()
    names = futures.team_names
    months = futures.months
    ramped = rows.filter(pl.col("ramp") >= 1.0)
    deals = np.zeros((len(names), len(months)))
    rate, per_hire, heads = np.ones(deals.shape), np.zeros(len(names)), np.zeros(len(names), dtype=np.int64)
    asked = _asked_share(futures, names)
    for g, name in enumerate(names):
        mine = rows if pooled else rows.filter(pl.col("region") == name)
        part = asked[g] if pooled else 1.0
        by_month = dict(mine.group_by("period_start").agg(pl.col("deals").sum()).iter_rows())
        deals[g] = [by_month.get(month, 0.0) * part for month in months]
        rate[g] = _won_shares(mine if mine.height else rows, months)
        per_hire[g] = _mean(
            ramped if pooled else ramped.filter(pl.col("region") == name), "deals", _mean(ramped, "deals")
        )
        heads[g] = max(round(mine["person_id"].n_unique() * part), 0)
    if rows.is_empty():
        deals[:] = np.inf
    month_cost = _month_cost(tables, config, _mean(ramped, "amount"))
    given = config.parameters.at("hire_cost", config.today)
    lead = config.parameters.at("hiring_lead_months", config.today, config.settings.hiring_lead_months)
    return Sellers(
        names=names,
        deals=deals,
        rate=rate,
        per_hire=per_hire,
        heads=heads,
        ramp=_ramp(config),
        lead=int(lead),
        hire_cost=config.settings.hire_cost_months * month_cost if given is None else float(given),
        month_cost=month_cost,
    )


def planned_hires(tables: Tables, sellers: Sellers, futures: Futures, scenario: str) -> Floats:
    """(G, T) sellers whom the supply plan of a scenario hires."""
    hires = np.zeros(sellers.deals.shape)
    rows = tables["supply_lines"].filter((pl.col("scenario") == scenario) & (pl.col("kind") == "sellers"))
    for site, month, hire in rows.select("site_id", "period_start", "hire").iter_rows():
        if site in sellers.names and month in futures.months and hire:
            hires[sellers.names.index(site), futures.months.index(month)] += hire
    return hires


def _asked_share(futures: Futures, names: tuple[str, ...]) -> Floats:
    """(G,) share of the demanded deals by team: how one pool of sellers is spread over regions."""
    if names == ("all",):
        return np.ones(1)
    asked = np.asarray([futures.quantity[futures.teams == g].sum() for g in range(len(names))])
    share: Floats = asked / asked.sum() if asked.sum() > 0 else np.full(len(names), 1 / max(len(names), 1))
    return share


def _mean(rows: pl.DataFrame, column: str, default: float = 0.0) -> float:
    mean = rows[column].mean()
    return float(mean) if isinstance(mean, int | float) else default


def _won_shares(rows: pl.DataFrame, months: tuple[date, ...]) -> Floats:
    """(T,) won share of a team by month, weighted by the deals that each seller can close."""
    won = (pl.col("deals") * pl.col("rate").fill_null(0.0)).sum() / pl.col("deals").sum()
    by_month = dict(rows.group_by("period_start").agg(won).iter_rows())
    shares = np.asarray([by_month.get(month) for month in months], dtype=np.float64)
    known: Floats = np.clip(np.where(np.isfinite(shares), shares, 1.0), 0.01, 1.0)
    return known


def _ramp(config: Config[ReconcileSettings]) -> tuple[float, ...]:
    given = config.parameters.at("ramp", config.today)
    shares = given.get("shares", []) if isinstance(given, dict) else given
    return tuple(float(share) for share in shares or ()) or config.settings.ramp


def _month_cost(tables: Tables, config: Config[ReconcileSettings], brings: float) -> float:
    people = tables["people"].filter(pl.col("id").is_in(tables["seller_capacity"]["person_id"].unique().to_list()))
    cost = people["cost"].mean()
    if isinstance(cost, int | float):
        return float(cost) / scale(config.company.currency)
    return config.settings.seller_cost_rate * brings
