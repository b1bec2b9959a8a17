"""The step `supply.plan`: the resources, one linear program a scenario, and its lines."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.regions import home_teams
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.supply.advice import advice
from quarterdeck.supply.demand import Demand, read_demand
from quarterdeck.supply.limits import delivery_resources, region_findings, seller_resources
from quarterdeck.supply.resource import Resource, problem_of, spread_of_futures
from quarterdeck.supply.settings import SupplySettings
from quarterdeck.supply.solving import Answer, solve


def plan(tables: Tables, config: Config[SupplySettings]) -> Result:
    """Load, capacity and the cheapest plan of every resource and month, for each scenario.

    A two-stage stochastic linear program: hires and orders are decided before the future is known and are the same in
    all of a scenario's draws; use, overtime, stock, backlog and loss follow each draw. Load and its spread are over all
    draws of the scenario, what the plan does about it over `draws` of them. Each resource meets the whole demand, so
    that a bottleneck shows also where another one comes before it.
    """
    demand = read_demand(tables, config.settings.horizon)
    if demand is None:
        return Result({"supply_lines": empty("supply_lines")}, [_no_demand()])
    delivery, findings = delivery_resources(tables, config, demand)
    resources = seller_resources(tables, config, demand) + delivery
    findings += region_findings(home_teams(tables["opportunities"], tables["seller_capacity"]))
    if not resources:
        return Result({"supply_lines": empty("supply_lines")}, findings)
    rows: list[dict[str, Any]] = []
    for scenario, draws in _scenarios(tables, demand).items():
        answer = _answer(resources, demand, draws, config.settings)
        rows += _rows(scenario, resources, demand, draws, answer)
        if scenario == "base":
            findings += advice(resources, demand, draws, answer, config)
    return Result({"supply_lines": conform("supply_lines", pl.DataFrame(rows, infer_schema_length=None))}, findings)


def _no_demand() -> Finding:
    return Finding(
        code="supply.no_demand",
        severity="warning",
        table="demand_draws",
        message="There is no demand to plan for.",
        fix="Run the demand room first; it needs closed deals.",
    )


def _scenarios(tables: Tables, demand: Demand) -> dict[str, list[int]]:
    """Draws of each scenario; all of them as `base` when no scenario was framed."""
    found = {name: json.loads(draws) for name, draws in tables["scenarios"].select("scenario", "draws").iter_rows()}
    return {name: draws for name, draws in found.items() if draws} or {"base": list(range(len(demand.total)))}


def _answer(resources: list[Resource], demand: Demand, draws: list[int], settings: SupplySettings) -> Answer:
    futures, weight = spread_of_futures(demand.total, draws, settings.draws)
    problem = problem_of(
        resources,
        futures,
        weight,
        settings=settings,
    )
    minimum = np.asarray([resource.minimum_order for resource in resources])
    found = solve(problem, minimum, settings.seconds)
    mean = {name: (v @ weight if v.ndim == 3 else v) for name, v in found.values.items()}
    late = (found.values["lost"] + found.values["backlog"] > 1e-6) @ weight
    return Answer(found.cost, {**mean, "late": late}, found.worth)


def _rows(
    scenario: str, resources: list[Resource], demand: Demand, draws: list[int], answer: Answer
) -> list[dict[str, Any]]:
    rows = []
    for r, resource in enumerate(resources):
        load = resource.load[:, draws]
        value = {name: values[r] for name, values in answer.values.items()}
        employed = _employed(resource, value["hire"])
        limit, is_supplier = resource.order_limit, resource.kind == "supplier"
        for t, month in enumerate(demand.months):
            cost = (
                value["hire"][t] * resource.hire_cost
                + employed[t] * resource.hire_month_cost
                + value["overtime"][t] * resource.overtime_cost
                + value["order"][t] * resource.order_cost
            )
            rows.append(
                {
                    "scenario": scenario,
                    "period_start": month,
                    "site_id": resource.site_id,
                    "resource_id": resource.id,
                    "name": resource.name,
                    "kind": resource.kind,
                    "unit": resource.unit,
                    "load": load[t].mean(),
                    "load_q90": np.quantile(load[t], 0.9),
                    "capacity": resource.capacity[t] if limit is None or not is_supplier else limit[t],
                    "shortage": value["lost"][t],
                    "shortage_rate": min(value["late"][t], 1.0),
                    "make": None if is_supplier else value["make"][t],
                    "buy": value["order"][t] if limit is not None else None,
                    "hire": value["hire"][t] if resource.per_hire else None,
                    "overtime": value["overtime"][t],
                    "stock": value["stock"][t] if resource.is_stored else None,
                    "backlog": value["backlog"][t],
                    "shadow_price": answer.worth[r, t],
                    "cost": cost,
                }
            )
    return rows


def _employed(resource: Resource, hire: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Hires that have arrived, by month."""
    late = np.zeros_like(hire)
    lead = resource.hire_lead
    late[lead:] = hire[: max(len(hire) - lead, 0)]
    return np.cumsum(late)
