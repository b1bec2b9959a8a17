"""What the company does: whom it starts with, its habits, and the decisions that it is given."""

from __future__ import annotations

import re

import numpy as np

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.simulate import company
from quarterdeck.simulate.company import SUPPLIER, SUPPLIER_LEAD
from quarterdeck.simulate.delivery import MACHINE_HOURS, PERSON_HOURS
from quarterdeck.simulate.kinds import REGIONS
from quarterdeck.simulate.noise import Ints
from quarterdeck.simulate.render import DAY, number_of
from quarterdeck.simulate.scene import EPOCH, Scene
from quarterdeck.simulate.spec import Decisions
from quarterdeck.simulate.staff import (
    DELIVERY,
    OPERATIONS,
    ROLES,
    SDR,
    SELLER,
    SUPPORT,
    TEAM,
    growth,
    sellers_wanted,
)
from quarterdeck.simulate.state import State, inherit, owners

BUSY = 0.96
"""Share of its hours that the company means its crew to be busy."""

FREEZE = 8
"""Months before the end in which the company hires nobody for delivery: what comes due then is the plan's business."""

CAUTION = 0.8
"""Share of the expected load for which the founders take people on."""

WIN_SHARE = 0.24
"""Share of deals that the founders reckon to win."""


def found(state: State) -> None:
    """The people, customers and deals that are there on the first day."""
    scene, staff = state.scene, state.scene.staff
    day = scene.month_start(0)
    staff.hire(OPERATIONS, 0, day - 900, 2)
    wanted = sellers_wanted(scene.spec, scene.kind, 0)
    for region, entry in enumerate(REGIONS):
        sellers = max(1, round(wanted * entry.weight))
        for team in range(-(-sellers // TEAM)):
            staff.lead(region, day - 1200, team)
        first = staff.hire(SELLER, region, day - 400, sellers)
        staff.pool["hired"][first] -= (500 * scene.noise.uniform("since", first)).astype(np.int64)
    staff.hire(SDR, 1, day - 200, max(1, wanted // 5))
    wins = scene.spec.opportunities / scene.spec.months * growth(scene.spec, scene.kind, 0) * WIN_SHARE
    inherit(state, round(wins * 7), round(wins / WIN_SHARE * 1.5))
    load = wins * _hours_of_a_win(state) * CAUTION
    state.delivery.lines = max(1, round(load / MACHINE_HOURS / BUSY))
    if not state.delivery.is_goods:
        staff.hire(DELIVERY, 0, day - 300, max(1, round(load / PERSON_HOURS / BUSY)))
    staff.hire(SUPPORT, 0, day - 300, _support_wanted(state))


def _hours_of_a_win(state: State) -> float:
    """Delivery hours of a deal like those of the customers that are there."""
    customers, products = state.delivery.customers, state.scene.kind.products
    if not len(customers):
        return 0.0
    hours = np.array([entry.hours for entry in products])[customers["product"]]
    per_unit = np.array([entry.per == "unit" for entry in products])[customers["product"]]
    return float(np.mean(hours * np.where(per_unit, customers["quantity"], 1.0)))


def _support_wanted(state: State) -> int:
    hours = np.array([entry.support for entry in state.scene.kind.products])
    return max(1, round(float(hours[state.delivery.customers["product"]].sum()) / PERSON_HOURS / BUSY))


def manage(state: State, month: int) -> None:
    """The company's habit: sellers grow with the market, the crew follows its load a quarter late."""
    scene, staff = state.scene, state.scene.staff
    day = scene.month_start(month)
    wanted = sellers_wanted(scene.spec, scene.kind, month)
    for region, entry in enumerate(REGIONS):
        missing = max(1, round(wanted * entry.weight)) - len(staff.active(SELLER, day, region))
        if missing > 0 and month > 0:
            _train(scene, staff.hire(SELLER, region, day, missing))
    _reorder(state, month)
    if month % 3 or month < 3 or month >= scene.spec.months - FREEZE:
        return
    load = float(np.mean(state.delivery.loads[-6:]))
    if state.delivery.is_goods:
        state.delivery.lines = max(state.delivery.lines, round(load / MACHINE_HOURS / BUSY))
    else:
        staff.hire(DELIVERY, 0, day, max(0, round(load / PERSON_HOURS / BUSY) - len(staff.active(DELIVERY, day))))
    staff.hire(SDR, month // 3 % len(REGIONS), day, max(0, wanted // 5 - len(staff.active(SDR, day))))
    staff.hire(SUPPORT, 0, day, max(0, _support_wanted(state) - len(staff.active(SUPPORT, day))))


def _reorder(state: State, month: int) -> None:
    """Bought products are ordered monthly, up to what waits and a part of a month's usual sale."""
    orders, delivery, spec = state.delivery.orders, state.delivery, state.scene.spec
    delivery.arriving = [entry for entry in delivery.arriving if entry[0] >= month]
    for place, entry in enumerate(state.scene.kind.products):
        if entry.is_bought:
            waiting = float(orders["quantity"][orders["product"] == place].sum())
            coming = sum(quantity for _, product, quantity in delivery.arriving if product == place)
            missing = waiting + spec.opportunities / spec.months * entry.units * 0.3 - delivery.stock[place] - coming
            if missing > 50:
                delivery.arriving.append((month + SUPPLIER_LEAD, place, float(np.ceil(missing))))


def _train(scene: Scene, person: Ints) -> None:
    if len(person):
        scene.recorder.add("training", company.training(scene, person))


def leave(state: State, month: int) -> None:
    """Some people leave; their deals and companies go to colleagues."""
    scene, staff = state.scene, state.scene.staff
    day = scene.month_start(month)
    there = np.flatnonzero(staff.is_active(day) & np.isin(staff.pool["role"], (SELLER, SDR, DELIVERY, SUPPORT)))
    rate = np.where(staff.pool["skill"][there] < -0.3, 0.018, 0.009) * (month > 0)
    gone = there[scene.fate.uniform("leaves", there, month) < rate]
    if not len(gone):
        return
    staff.leave(gone, day)
    orphan = np.isin(state.deals.pool["owner"], gone)
    if orphan.any():
        state.deals.move(scene, orphan, owners(state, state.deals.pool["account"][orphan], day), day * DAY)


def decide(state: State, decisions: Decisions, month: int) -> None:
    """Execute a month's decisions; raises before anything is changed when one of them cannot be carried out."""
    _check(state, decisions)
    scene, staff, delivery = state.scene, state.scene.staff, state.delivery
    day = scene.month_start(month)
    names = [entry.name for entry in REGIONS]
    for hire in decisions.hires:
        start = day if hire.month is None else max(day, hire.month.toordinal() - EPOCH)
        region = 0 if hire.region is None else names.index(hire.region)
        if hire.role == "delivery" and delivery.is_goods:
            delivery.lines += hire.count
            continue
        hired = staff.hire(ROLES.index(hire.role), region, start, hire.count)
        if hire.role == "seller":
            _train(scene, hired)
    bought = [place for place, entry in enumerate(scene.kind.products) if entry.is_bought]
    for order in decisions.supplier_orders:
        delivery.arriving.append((month + SUPPLIER_LEAD, bought[0] if bought else -1, order.quantity))
    for identifier, factor in decisions.prices:
        scene.decided_price[number_of(identifier)] = factor
    _assign(state, decisions, day * DAY)


def _check(state: State, decisions: Decisions) -> None:
    """Every decision names what there is."""
    scene = state.scene
    regions = [entry.name for entry in REGIONS]
    for hire in decisions.hires:
        if hire.region is not None and hire.region not in regions:
            raise QuarterdeckError(f"There is no region {hire.region!r}; {did_you_mean(hire.region, regions)}")
    for order in decisions.supplier_orders:
        if order.resource_id != SUPPLIER or order.quantity <= 0:
            raise QuarterdeckError(f"Order more than 0 from the supplier {SUPPLIER}, not {order}")
    known = {"R": len(scene.kind.products), "P": len(scene.staff), "A": len(scene.market.fit)}
    known["L"] = scene.serials.get("leads", 0)
    named = [("R", product) for product, _ in decisions.prices]
    named += [pair for account, owner in decisions.territories for pair in (("A", account), ("P", owner))]
    named += [pair for lead, owner in decisions.lead_owners for pair in (("L", lead), ("P", owner))]
    for prefix, identifier in named:
        if not re.fullmatch(prefix + r"\d{7,}", identifier) or number_of(identifier) >= known[prefix]:
            raise QuarterdeckError(f"A decision names {identifier!r}, which is not in the records; use an id from them")
    for product, factor in decisions.prices:
        if factor <= 0:
            raise QuarterdeckError(f"The price factor of {product} is {factor}; give more than 0, such as 1.05")


def _assign(state: State, decisions: Decisions, at: int) -> None:
    """Companies with their open deals, and leads, go to the people who were decided."""
    scene, pool = state.scene, state.deals.pool
    if decisions.territories:
        given = {number_of(account): number_of(person) for account, person in decisions.territories}
        scene.market.give(np.array(list(given)), np.array(list(given.values())))
        owner = np.array([given.get(account, -1) for account in pool["account"].tolist()], dtype=np.int64)
        moved = (owner >= 0) & (owner != pool["owner"])
        state.deals.move(scene, moved, owner[moved], at)
    if decisions.lead_owners:
        pairs = sorted((number_of(lead), number_of(person)) for lead, person in decisions.lead_owners)
        state.leads.give(scene, np.array([lead for lead, _ in pairs]), np.array([person for _, person in pairs]), at)
