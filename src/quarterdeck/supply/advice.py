"""Findings of the supply plan: what is short, when, in how many futures, and what the plan does about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.lp import Floats
from quarterdeck.supply.demand import Demand
from quarterdeck.supply.resource import Resource
from quarterdeck.supply.settings import SupplySettings
from quarterdeck.supply.solving import Answer


def advice(
    resources: Sequence[Resource],
    demand: Demand,
    draws: Sequence[int],
    answer: Answer,
    config: Config[SupplySettings],
) -> list[Finding]:
    """A finding for each resource that is short as things stand, dearest first."""
    found = []
    for r, resource in enumerate(resources):
        plan = {name: values[r] for name, values in answer.values.items()}
        if resource.kind == "supplier":
            finding = _to_order(resource, demand.months, draws, plan, config)
        else:
            finding = _short(resource, demand.months, draws, plan, config)
        if finding is not None:
            found.append(finding)
    return sorted(found, key=lambda finding: -(finding.money_at_stake or 0.0))


def over_capacity(resource: Resource, draws: Sequence[int]) -> Floats:
    """(T, N) load beyond what is there in each month and future, without overtime, hires or delay; what is kept counts.

    Stock and what own capacity leaves over in earlier months cover a stored resource first.
    """
    load = resource.load[:, list(draws)]
    if not resource.is_stored:
        beyond: Floats = np.maximum(load - resource.capacity[:, None], 0.0)
        return beyond
    beyond = np.zeros_like(load)
    stock = np.full(load.shape[1], resource.stock)
    for t in range(len(load)):
        left = stock + resource.capacity[t] - load[t]
        beyond[t], stock = np.maximum(-left, 0.0), np.maximum(left, 0.0)
    return beyond


def _short(
    resource: Resource,
    months: Sequence[date],
    draws: Sequence[int],
    plan: dict[str, Floats],
    config: Config[SupplySettings],
) -> Finding | None:
    over = over_capacity(resource, draws)
    odds, mean = (over > 1e-6).mean(axis=1), over.mean(axis=1)
    wanted = resource.load[:, list(draws)].mean(axis=1)
    bad = [t for t in range(len(months)) if odds[t] >= config.settings.short_from and mean[t] > 0.01 * wanted[t]]
    if not bad:
        return None
    worst = max(bad, key=lambda t: mean[t])
    tenth = np.quantile(resource.load[worst, list(draws)], 0.9)
    others = [f"{months[t]:%Y-%m}" for t in bad if t != worst]
    also = f"; also in {', '.join(others)}" if others else ""
    message = (
        f"{resource.name}: without action short in {months[worst]:%Y-%m} in {odds[worst]:.0%} of futures{also}. "
        f"{_many(wanted[worst])} {resource.unit} are needed on average ({_many(tenth)} or more in one future of ten), "
        f"{_many(resource.capacity[worst])} are there; in the futures that are short, "
        f"{_many(mean[worst] / odds[worst])} {resource.unit} are missing on average. The plan's remedies are listed "
        f"with this; after them {plan['late'][worst]:.0%} of futures remain short in {months[worst]:%Y-%m}."
    )
    return Finding(
        code="supply.short",
        severity="warning",
        table="supply_lines",
        record_id=resource.id,
        message=message,
        fix=_remedy(resource, months, plan, float(mean.sum()), config),
        money_at_stake=float(round(mean[bad].sum() * resource.value)),
    )


def _remedy(
    resource: Resource, months: Sequence[date], plan: dict[str, Floats], over: float, config: Config[SupplySettings]
) -> str:
    """What the plan does, in words; where it does nothing, why."""
    steps = []
    for t, people in enumerate(plan["hire"]):
        if people >= 0.5:
            start = add_months(months[t], resource.hire_lead)
            cost = people * resource.hire_cost
            noun = "Hire" if resource.kind != "machine" else "Buy"
            steps.append(
                f"{noun} {people:.0f} in {months[t]:%Y-%m} (there from {start:%Y-%m}, "
                f"{_many(cost)} {config.company.currency} once, {_many(people * resource.hire_month_cost)} a month)"
            )
    for t, units in enumerate(plan["order"]):
        if units >= 0.5:
            steps.append(f"order {_many(units)} {resource.unit} from {resource.second_source} in {months[t]:%Y-%m}")
    if plan["overtime"].sum() >= 0.5:
        steps.append(f"use {_many(plan['overtime'].sum())} {resource.unit} of overtime")
    if plan["backlog"].max() >= 0.5:
        last = max(t for t in range(len(months)) if plan["backlog"][t] >= 0.5)
        what = "let up to" if resource.kind == "sellers" else "agree later dates for up to"
        wait = " wait" if resource.kind == "sellers" else ""
        steps.append(f"{what} {_many(plan['backlog'].max())} {resource.unit}{wait} until {months[last]:%Y-%m}")
    left = plan["lost"].sum()
    if left >= max(0.5, 0.01 * over):
        choose = "which deals to leave" if resource.kind == "sellers" else "which customers wait"
        steps.append(f"{_many(left)} {resource.unit} stay without cover: decide {choose}")
    if (
        resource.kind == "sellers"
        and plan["hire"].sum() < 0.5
        and resource.hire_lead + len(resource.ramp) > len(months)
    ):
        steps.append("a seller hired now is productive only after these months, so put the best deals first")
    text = "; ".join(steps) or "Move work out of that month"
    return text[0].upper() + text[1:] + "."


def _to_order(
    resource: Resource,
    months: Sequence[date],
    draws: Sequence[int],
    plan: dict[str, Floats],
    config: Config[SupplySettings],
) -> Finding | None:
    """What to order and when; a warning when some demand stays without cover."""
    orders = [(months[t], units) for t, units in enumerate(plan["order"]) if units >= 0.5]
    lost, wanted = plan["lost"], resource.load[:, list(draws)].mean(axis=1)
    is_short = bool(lost.sum() > 0.01 * wanted.sum())
    if not orders and not is_short:
        return None
    what = ", ".join(f"{_many(units)} {resource.unit} in {month:%Y-%m}" for month, units in orders) or "nothing in time"
    message = (
        f"{resource.name}: {_many(wanted.sum())} {resource.unit} are needed in {len(months)} months, "
        f"{_many(resource.stock)} are in stock, an order takes {resource.order_lead} months."
    )
    if is_short:
        worst = int(lost.argmax())
        message += f" With the plan's orders {_many(lost.sum())} still stay short, most in {months[worst]:%Y-%m}."
    return Finding(
        code="supply.short" if is_short else "supply.order",
        severity="warning" if is_short else "notice",
        table="supply_lines",
        record_id=resource.id,
        message=message,
        fix=f"Order {what} (up to {_many(plan['order'].sum() * resource.order_cost)} {config.company.currency})"
        + (", and look for a second source or agree later dates." if is_short else "."),
        money_at_stake=float(round(lost.sum() * resource.value)) if is_short else None,
    )


def _many(number: float) -> str:
    """A number for people: 640, 1,250, 3.4.

    >>> _many(1250.4), _many(3.44)
    ('1,250', '3.4')
    """
    return f"{number:,.0f}" if abs(number) >= 10 else f"{number:.1f}".removesuffix(".0")
