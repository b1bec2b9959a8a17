"""All that changes in a world, and how deals come to be opened in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from quarterdeck.simulate.deals import NEW, Deals
from quarterdeck.simulate.delivery import Delivery
from quarterdeck.simulate.kinds import REGIONS
from quarterdeck.simulate.leads import Leads
from quarterdeck.simulate.noise import Floats, Ints, Keys
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.scene import Scene, Tick
from quarterdeck.simulate.staff import SELLER

PROSPECTS_PER_HOUR = 0.045
"""Deals that a seller of average skill opens in an hour that no deal needs."""


@dataclass
class State:
    """The world as it stands. `booked` is the value won in each month, in minor units."""

    scene: Scene
    deals: Deals
    leads: Leads
    delivery: Delivery
    booked: list[float] = field(default_factory=list)


def owners(state: State, account: Ints, day: int) -> Ints:
    """Owners of companies: who looks after them, else the seller of the region with the fewest deals."""
    scene = state.scene
    active = scene.staff.is_active(day)
    held = scene.market.owner[account]
    owner = np.where((held >= 0) & active[held], held, -1)
    load = np.bincount(state.deals.pool["owner"], minlength=len(scene.staff)).astype(np.float64)
    region = scene.market.region[account]
    for place in range(len(REGIONS)):
        lone = np.flatnonzero((owner < 0) & (region == place))
        sellers = scene.staff.active(SELLER, day, place)
        sellers = sellers if len(sellers) else scene.staff.active(SELLER, day)
        if len(lone) and len(sellers):
            order = sellers[np.argsort(load[sellers], kind="stable")]
            owner[lone] = order[np.arange(len(lone)) % len(order)]
    owner = np.maximum(owner, 0)
    scene.market.give(account, owner)
    return owner


def wish(scene: Scene, account: Ints, key: Keys) -> tuple[Ints, Floats]:
    """Product and quantity that companies look for: by their size, with a will of their own."""
    kind = scene.kind
    size = np.log(scene.market.employees[account])
    distance = np.abs(size[:, None] - np.log([entry.size for entry in kind.products])[None, :])
    taste = np.stack([scene.noise.exponential(f"taste {place}", key) for place in range(len(kind.products))], axis=1)
    product = np.argmin(distance + 0.5 * np.log(taste + 1e-12), axis=1)
    per = np.array([entry.units for entry in kind.products])[product]
    units = per * (scene.market.employees[account] / 100) ** kind.bulk * np.exp(0.45 * scene.noise.normal("units", key))
    return product, np.maximum(1.0, np.round(units))


def open_leads(state: State, tick: Tick, settled: Rows) -> None:
    """Leads that converted become deals of the account's owner, or of the seller who answered.

    The deal's number is noted in the lead's `opportunity`.
    """
    scene = state.scene
    won = settled["is_won"]
    first = scene.serials.get("opportunities", 0)
    settled["opportunity"] = np.where(won, first + np.cumsum(won) - 1, -1)
    leads = {name: values[won] for name, values in settled.items()}
    if not len(leads["n"]):
        return
    product, quantity = wish(scene, leads["account"], leads["key"])
    is_sellers = (scene.staff.pool["role"][leads["owner"]] == SELLER) & (leads["owner"] >= 0)
    held = owners(state, leads["account"], tick.first)
    started = {
        "key": leads["key"],
        "account": leads["account"],
        "contact": leads["contact"],
        "lead": leads["n"],
        "kind": np.full(len(product), NEW),
        "product": product,
        "quantity": quantity,
        "warmth": 0.30 + 0.30 * leads["quality"],
        "created": np.maximum(leads["settled"], tick.start),
        "owner": np.where(is_sellers, leads["owner"], held),
    }
    scene.market.meet(leads["account"], started["created"])
    state.deals.open(scene, started)


def prospect(state: State, tick: Tick) -> None:
    """Sellers with hours to spare look for business themselves."""
    scene, spare = state.scene, state.deals.spare
    number = np.arange(len(spare))
    zeal = np.exp(0.4 * scene.staff.pool["skill"][: len(spare)]) * (1 - 0.2 * scene.shaken("recession", tick.month))
    count = scene.fate.whole("prospects", spare * PROSPECTS_PER_HOUR * zeal, number, tick.number)
    owner = np.repeat(number, count)
    if not len(owner):
        return
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    key = scene.noise.bits("prospect", owner, tick.number, place)
    account = scene.market.draw(scene.staff.pool["region"][owner], scene.noise.uniform("prospect account", key))
    _open_cold(state, tick, owner, account, key, scene.moments("prospect at", tick, key))


def _open_cold(state: State, tick: Tick, owner: Ints, account: Ints, key: Keys, created: Ints) -> None:
    scene = state.scene
    product, quantity = wish(scene, account, key)
    held = scene.market.owner[account]
    theirs = np.where((held >= 0) & scene.staff.is_active(tick.first)[held], held, owner)
    scene.market.meet(account, created)
    scene.market.give(account, theirs)
    started = {
        "key": key,
        "account": account,
        "lead": np.full(len(key), -1),
        "kind": np.full(len(key), NEW),
        "product": product,
        "quantity": quantity,
        "warmth": 0.25 * scene.market.appeal(account, tick.month / 12) + 0.05,
        "created": created,
        "owner": theirs,
    }
    state.deals.open(scene, started)


def again(state: State, tick: Tick) -> None:
    """Renewals that are due and customers who look for more."""
    rows = state.delivery.renewals(state.scene, tick)
    if len(rows["key"]):
        rows["owner"] = owners(state, rows["account"], tick.first)
        state.deals.open(state.scene, rows)


def inherit(state: State, customers: int, deals: int) -> None:
    """What the company has on its first day: customers, and deals of the two months before."""
    scene = state.scene
    tick = next(iter(scene.ticks(0)))
    day = tick.first
    number = np.arange(customers + deals)
    region = scene.noise.pick("heir region", [entry.weight for entry in REGIONS], number)
    account = scene.market.draw(region, scene.noise.uniform("heir", number))
    old, new = account[:customers], account[customers:]
    micro = 86_400_000_000
    since = (day * micro - (60 + 700 * scene.noise.uniform("heir since", number[:customers])) * micro).astype(np.int64)
    scene.market.meet(old, since)
    owners(state, old, day)
    key = scene.noise.bits("heir", number)
    product, quantity = wish(scene, old, key[:customers])
    state.delivery.welcome(scene, key[:customers], old, product, quantity, since)
    created = scene.month_start(-1) * micro + (
        (day - scene.month_start(-1)) * micro * scene.noise.uniform("heir deal", number[customers:])
    ).astype(np.int64)
    sellers = owners(state, new, day)
    order = np.argsort(created, kind="stable")
    _open_cold(state, tick, sellers[order], new[order], key[customers:][order], created[order])
