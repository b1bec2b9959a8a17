"""The resources of a company: its sellers by region, and the rest from `resources` and `recipes`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.lp import Floats
from quarterdeck.base.regions import home_teams
from quarterdeck.base.tables import Tables
from quarterdeck.supply.demand import (
    Demand,
    margins,
    monthly_cost,
    new_customer_share,
    sold_before,
    spread_over_months,
    units_per_deal,
    won_by_month,
)
from quarterdeck.supply.resource import Resource
from quarterdeck.supply.sellers import ramp_curve
from quarterdeck.supply.settings import SupplySettings


def parameter(config: Config[SupplySettings], name: str) -> float | None:
    """A dated number of the workspace on the as-of day; None when nobody set it."""
    value = config.parameters.at(name, config.today)
    return None if value is None else float(value)


def margin_at_stake(demand: Demand, tables: Tables, default: float) -> Floats:
    """(L, T) mean margin of each leaf and month."""
    rates = margins(tables, default)
    rate = np.asarray([rates.get(product or "", default) for product in demand.product])
    mean: Floats = demand.amount.mean(axis=2, dtype=np.float64)
    margin: Floats = mean * rate[:, None]
    return margin


def seller_resources(tables: Tables, config: Config[SupplySettings], demand: Demand) -> list[Resource]:
    """Sellers of each region: the load is the deals that must be worked, won ones divided by the won share.

    Where a seller or a leaf of the demand has no region, all sellers are one team.
    """
    sellers = tables["seller_capacity"]
    if sellers.is_empty():
        return []
    home = home_teams(tables["opportunities"], sellers)
    team = [None if region is None else home.get(region, region) for region in demand.region]
    regions: set[str | None] = set(team) | set(sellers["region"].to_list())
    pooled = None in regions
    margin = margin_at_stake(demand, tables, config.settings.margin)
    found = []
    for region in ["all"] if pooled else sorted(str(name) for name in regions):
        mine = sellers if pooled else sellers.filter(pl.col("region") == region)
        leaves = np.asarray([place for place, name in enumerate(team) if pooled or name == region], dtype=np.int64)
        rate = _won_shares(mine if mine.height else sellers, demand.months)
        load = demand.quantity[leaves].sum(axis=0, dtype=np.float64) / rate[:, None]
        asked = load.mean(axis=1).sum()
        value = margin[leaves].sum() / asked if asked else 0.0
        found.append(_seller_team(tables, config, (region, mine, sellers), load, value))
    return found


def region_findings(home: dict[str, str]) -> list[Finding]:
    """Regions that no seller has and whose deals another team works."""
    if not home:
        return []
    pairs = ", ".join(f"{region} (to {team})" for region, team in sorted(home.items()))
    return [
        Finding(
            code="supply.region_without_sellers",
            severity="warning",
            table="opportunities",
            message=f"No seller is listed in these regions of deals; they count for the team that owns them: {pairs}.",
            fix="Correct the region's name in the deals, or the sellers' region.",
            count=len(home),
        )
    ]


def _seller_team(
    tables: Tables,
    config: Config[SupplySettings],
    team: tuple[str, pl.DataFrame, pl.DataFrame],
    load: Floats,
    value: float,
) -> Resource:
    region, mine, everybody = team
    months = [*config_months(everybody)][: load.shape[0]]
    there = {row[0]: row[1] for row in mine.group_by("period_start").agg(pl.col("deals").sum()).iter_rows()}
    ramped = pl.col("ramp") >= 1.0
    full = (mine if mine.filter(ramped).height else everybody).filter(ramped)
    per_hire = float(full["deals"].mean() or 0.0)  # type: ignore[arg-type]
    brings = float(full["amount"].mean() or 0.0)  # type: ignore[arg-type]
    people = tables["people"].filter(pl.col("id").is_in(everybody["person_id"].unique().to_list()))
    month_cost = monthly_cost(people, config.company.currency)
    if month_cost is None:
        month_cost = config.settings.seller_cost_rate * brings
    hire_cost = parameter(config, "hire_cost")
    lead = parameter(config, "hiring_lead_months")
    return Resource(
        id=f"sellers:{region}",
        name="Sellers" if region == "all" else f"Sellers {region}",
        kind="sellers",
        unit="deals",
        site_id=region,
        load=load,
        capacity=np.asarray([there.get(month, 0.0) for month in months]),
        value=value,
        per_hire=per_hire,
        ramp=ramp_curve(config)[0],
        hire_lead=int(config.settings.hiring_lead_months if lead is None else lead),
        hire_cost=config.settings.hire_cost_months * month_cost if hire_cost is None else hire_cost,
        hire_month_cost=month_cost,
    )


def config_months(sellers: pl.DataFrame) -> list[date]:
    """Months for which the sellers' capacity is known, in order."""
    months: list[date] = sellers["period_start"].unique().sort().to_list()
    return months


def _won_shares(sellers: pl.DataFrame, months: tuple[date, ...]) -> Floats:
    """(T,) won share of a team by month, weighted by the deals that each seller can close; 1 where nobody can."""
    won = (pl.col("deals") * pl.col("rate").fill_null(0.0)).sum() / pl.col("deals").sum()
    by_month = dict(sellers.group_by("period_start").agg(won).iter_rows())
    shares = np.asarray([by_month.get(month) for month in months], dtype=np.float64)
    known: Floats = np.clip(np.where(np.isfinite(shares), shares, 1.0), 0.01, 1.0)
    return known


@dataclass(frozen=True)
class Delivery:
    """What the loads of delivery, machines and suppliers are worked out from."""

    demand: Demand
    won: pl.DataFrame
    units: dict[str, float]
    margin: Floats
    site_region: dict[str, str | None]

    def load(self, row: dict[str, Any], recipes: pl.DataFrame) -> tuple[Floats, float]:
        """(T, N) load of a resource in its unit, and the margin on a unit of it."""
        region = self.site_region.get(row["site_id"] or "")
        region = region if None not in self.demand.region else None
        total = np.zeros((len(self.demand.months), self.demand.quantity.shape[2]))
        new, money = 0.0, 0.0
        for recipe in recipes.iter_rows(named=True):
            product = recipe["product_id"]
            leaves = self.demand.leaves(product=product, region=region)
            offset, duration = int(recipe["offset_months"] or 0), int(recipe["duration_months"] or 1)
            is_customer = recipe["per"] == "customer"
            each = new_customer_share(self.won, product) if is_customer else self.units.get(product, 1.0)
            won = self.demand.quantity[leaves].sum(axis=0, dtype=np.float64).T
            asked = spread_over_months(won, offset, duration).T * each * recipe["quantity"]
            new += float(asked.mean(axis=1).sum())
            money += float(self.margin[leaves].sum())
            earlier = self.won.filter(pl.col("product_id") == product)
            if region is not None:
                earlier = earlier.filter(pl.col("region") == region)
            if is_customer:
                earlier = earlier.with_columns(n="n_new")
            before = sold_before(earlier, self.demand.months, offset, duration)
            total += asked + (before * (1.0 if is_customer else each) * recipe["quantity"])[:, None]
        return total, money / new if new > 0 else 0.0


def delivery_resources(
    tables: Tables, config: Config[SupplySettings], demand: Demand
) -> tuple[list[Resource], list[Finding]]:
    """The rows of `resources` with the load that recipes give them; what nothing uses is left out."""
    recipes = tables["recipes"]
    delivery = Delivery(
        demand=demand,
        won=won_by_month(tables),
        units=units_per_deal(tables),
        margin=margin_at_stake(demand, tables, config.settings.margin),
        site_region=dict(tables["sites"].select("id", "region").iter_rows()),
    )
    found: list[Resource] = []
    unused: list[dict[str, Any]] = []
    findings = _recipe_findings(tables)
    for row in tables["resources"].sort("id").iter_rows(named=True):
        used = recipes.filter(pl.col("resource_id") == row["id"])
        if used.is_empty() and row["product_id"]:
            used = _one_each(row)
        if used.is_empty():
            unused.append(row)
            continue
        load, value = delivery.load(row, used)
        found.append(_resource(tables, config, row, load, value))
    found, left = _second_sources(_shared_supply(found, tables), unused, tables, config)
    return found, findings + _unused(left)


def _second_sources(
    resources: list[Resource], unused: list[dict[str, Any]], tables: Tables, config: Config[SupplySettings]
) -> tuple[list[Resource], list[str]]:
    """A supplier with the role of people, named by no recipe, is their second source of hours; names of the rest."""
    role = dict(tables["resources"].select("id", "role").iter_rows())
    found, left = list(resources), []
    for row in unused:
        fits = [p for p, r in enumerate(found) if r.kind == "people" and row["role"] and role[r.id] == row["role"]]
        if row["kind"] != "supplier" or not fits:
            left.append(row["name"])
            continue
        source = _resource(tables, config, row, np.zeros_like(found[fits[0]].load), 0.0)
        found[fits[0]] = replace(
            found[fits[0]],
            order_limit=source.order_limit,
            order_lead=source.order_lead,
            order_cost=source.order_cost,
            minimum_order=source.minimum_order,
            second_source=source.name,
        )
    return found, left


def _unused(names: list[str]) -> list[Finding]:
    if not names:
        return []
    return [
        Finding(
            code="supply.unused_resource",
            severity="notice",
            table="resources",
            message=f"No recipe uses {', '.join(names)}, so the plan leaves them out.",
            fix="Name them in `recipes`; give a supplier its product, or the role of people whose hours it adds to.",
            count=len(names),
        )
    ]


def _one_each(row: dict[str, Any]) -> pl.DataFrame:
    """A supplier or machine of a product that no recipe names gives one unit of it for each unit sold."""
    return pl.DataFrame(
        [{"product_id": row["product_id"], "per": "unit", "quantity": 1.0, "offset_months": 0, "duration_months": 1}]
    )


def _resource(
    tables: Tables, config: Config[SupplySettings], row: dict[str, Any], load: Floats, value: float
) -> Resource:
    months = load.shape[0]
    months_ahead = tables["demand_draws"]["period_start"].unique().sort().to_list()[:months]
    start, end = row["available_from"], row["available_to"]
    is_there = np.asarray([(not start or start <= month) and (not end or end >= month) for month in months_ahead])
    count = row["count"]
    if count is None:
        same_role = (pl.col("role") == row["role"]) & (
            pl.col("left_on").is_null() | (pl.col("left_on") >= config.today)
        )
        count = tables["people"].filter(same_role).height if row["kind"] == "people" and row["role"] else 1
        count = count or 1
    capacity = is_there * float(count) * row["capacity"]
    cost = float(row["unit_cost"] or 0.0)
    is_supplier, is_people = row["kind"] == "supplier", row["kind"] == "people"
    month_cost = cost * row["capacity"] if is_people else 0.0
    given = (
        row["hire_cost"] if row["hire_cost"] is not None else (parameter(config, "hire_cost") if is_people else None)
    )
    hire_cost = config.settings.hire_cost_months * month_cost if given is None else float(given)
    lead = row["lead_time_months"]
    if lead is None and is_people:
        lead = parameter(config, "hiring_lead_months")
        lead = config.settings.hiring_lead_months if lead is None else lead
    stocked = tables["stock"].filter(pl.col("product_id") == row["product_id"]) if row["product_id"] else None
    return Resource(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        unit=row["unit"] or "hours",
        site_id=row["site_id"],
        load=load,
        capacity=capacity * (not is_supplier),
        value=value,
        per_hire=row["capacity"] if is_people or (row["kind"] == "machine" and row["hire_cost"] is not None) else 0.0,
        hire_lead=int(lead or 0),
        hire_cost=hire_cost,
        hire_month_cost=month_cost,
        use_cost=0.0 if is_people else cost * (not is_supplier),
        overtime_rate=float(row["overtime_rate"] or 0.0) * (not is_supplier),
        overtime_cost=float(row["overtime_cost"] if row["overtime_cost"] is not None else 1.5 * cost),
        order_limit=capacity if is_supplier else None,
        order_lead=int(lead or 0),
        order_cost=cost if is_supplier else 0.0,
        minimum_order=float(row["minimum_order"] or 0.0),
        is_stored=row["product_id"] is not None,
        stock=_on_hand(stocked, row["site_id"]),
    )


def _on_hand(stock: pl.DataFrame | None, site: str | None) -> float:
    """Units on hand by the last count at each site; at the resource's own site where it has one that was counted."""
    if stock is None or stock.is_empty():
        return 0.0
    if site is not None and stock.filter(pl.col("site_id") == site).height:
        stock = stock.filter(pl.col("site_id") == site)
    last = stock.sort("counted_on", nulls_last=False).group_by("site_id", maintain_order=True).last()
    return max(float(last["quantity"].sum()), 0.0)


def _shared_supply(resources: list[Resource], tables: Tables) -> list[Resource]:
    """Several suppliers or machines of one product share its load and its stock by what they can give."""
    product = dict(tables["resources"].select("id", "product_id").iter_rows())
    strength = {r.id: float((r.capacity if r.order_limit is None else r.order_limit).sum()) for r in resources}
    groups: dict[tuple[str, str | None], float] = {}
    for r in resources:
        if product[r.id] is not None:
            key = (product[r.id], r.site_id)
            groups[key] = groups.get(key, 0.0) + strength[r.id]
    shared = []
    for r in resources:
        whole = groups.get((product[r.id] or "", r.site_id), 0.0)
        share = strength[r.id] / whole if whole > 0 else 1.0
        shared.append(replace(r, load=r.load * share, stock=r.stock * share) if share < 1.0 else r)
    return shared


def _recipe_findings(tables: Tables) -> list[Finding]:
    if not tables.has("resources") or not (
        tables.has("recipes") or tables["resources"]["product_id"].drop_nulls().len()
    ):
        return [
            Finding(
                code="supply.no_recipes",
                severity="notice",
                table="recipes",
                message="Nothing says what a sale uses of delivery people, machines or suppliers; "
                "only sellers are planned.",
                fix="Give `resources` (who or what, how much a month) and `recipes` (what one unit or customer uses, "
                "when): then hours, hires, orders and stock are planned from the same demand.",
            )
        ]
    known = set(tables["resources"]["id"])
    lost = tables["recipes"].filter(~pl.col("resource_id").is_in(list(known)))
    if lost.is_empty():
        return []
    names = ", ".join(sorted(set(lost["resource_id"].to_list()))[:5])
    return [
        Finding(
            code="supply.unknown_resource",
            severity="warning",
            table="recipes",
            message=f"{lost.height} recipes name resources that are not listed: {names}.",
            fix="Add them to `resources` with what one of them gives in a month, or correct the recipes.",
            count=lost.height,
        )
    ]
