"""The world: a company, its people and its market, month by month."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.simulate import company, tables, touches
from quarterdeck.simulate.company import SUPPLIER_LEAD
from quarterdeck.simulate.deals import LOST, NEW, WON, Deals
from quarterdeck.simulate.delivery import Delivery
from quarterdeck.simulate.kinds import KINDS, REGIONS
from quarterdeck.simulate.leads import Leads
from quarterdeck.simulate.market import Market
from quarterdeck.simulate.noise import Floats, Ints, Noise
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.render import DAY, ids, number_of
from quarterdeck.simulate.scene import EPOCH, Scene, Tick
from quarterdeck.simulate.spec import NOTHING, Decisions, Shock, WorldSpec
from quarterdeck.simulate.staff import (
    DELIVERY,
    OPERATIONS,
    ROLES,
    SDR,
    SELLER,
    SUPPORT,
    TEAM,
    Staff,
    growth,
    sellers_wanted,
)

Frames = dict[str, pl.DataFrame]


class World:
    """A simulated company that lives month by month.

    `step` plays a month under decisions and returns the records that are new or still open. Until the spec's last month
    the company also hires, replaces leavers and reorders by its own habit; after it, nothing but decisions changes
    what it has.
    """

    def __init__(self, spec: WorldSpec) -> None:
        kind, noise = KINDS[spec.kind], Noise(spec.seed, "traits")
        self.spec, self.month = spec, 0
        self.scene = Scene(
            spec,
            kind,
            noise,
            Noise(spec.seed, "fate"),
            Market(spec, kind, noise),
            Staff(spec, noise),
            _shocks(spec, noise),
        )
        self._settled = company.settled(self.scene)
        self.scene.off_days = frozenset(day.toordinal() - EPOCH for day in self._settled["holidays"]["day"])
        self.deals, self.leads, self.delivery = Deals(), Leads(), Delivery(self.scene)
        self.booked: list[float] = []
        self.is_told = False
        self._found()

    def _found(self) -> None:
        """The people who are there on the first day."""
        scene, staff = self.scene, self.scene.staff
        day = scene.month_start(0)
        staff.hire(OPERATIONS, 0, day - 900, 2)
        wanted = sellers_wanted(self.spec, scene.kind, 0)
        for region, entry in enumerate(REGIONS):
            sellers = max(1, round(wanted * entry.weight))
            for team in range(-(-sellers // TEAM)):
                staff.lead(region, day - 1200, team)
            first = staff.hire(SELLER, region, day - 400, sellers)
            staff.pool["hired"][first] -= (500 * scene.noise.uniform("since", first)).astype(np.int64)
        staff.hire(SDR, 1, day - 200, max(1, wanted // 5))
        load = self._expected_load()
        self.delivery.lines = max(1, round(load / 320 * 1.15))
        if not self.delivery.is_goods:
            staff.hire(DELIVERY, 0, day - 300, max(1, round(load / 130 * 1.1)))
        staff.hire(SUPPORT, 0, day - 300, max(1, wanted // 8))

    def _expected_load(self) -> float:
        """Delivery hours a month that the founders reckon with."""
        kind = self.scene.kind
        flow = self.spec.opportunities / self.spec.months * growth(self.spec, kind, 0) * 0.25
        hours = [
            entry.hours * (entry.units * kind.employees / 100 if entry.per == "unit" else 1) for entry in kind.products
        ]
        return float(flow * np.mean(hours))

    def step(self, decisions: Decisions = NOTHING) -> Frames:
        """Play the next month; returns the records by table: new ones, changed ones and those that are still open.

        A table without such records is left out. Columns are those of the canonical tables, as a source shows them:
        ids as text, money in major units.
        """
        final, live = self.advance(decisions)
        return {
            name: pl.concat([part[name] for part in (final, live) if name in part])
            for name in [*final, *(n for n in live if n not in final)]
        }

    def advance(self, decisions: Decisions = NOTHING) -> tuple[Frames, Frames]:
        """Like `step`, but records that will not change any more, and those that may, apart."""
        scene, month = self.scene, self.month
        self._decide(decisions)
        if month < self.spec.months:
            self._manage()
        self._leavers()
        scene.set_prices(month)
        final: dict[str, list[Rows]] = {}
        for tick in scene.ticks(month):
            for name, rows in self._tick(tick).items():
                final.setdefault(name, []).append(rows)
        self.delivery.repeat(scene, month)
        shipped = self.delivery.ship(scene, month)
        self.delivery.care(scene, month)
        before = scene.month_start(month + 1) * DAY
        paid, unpaid = self.delivery.bill(before)
        self.month += 1
        if scene.recorder.is_silent:
            return {}, {}
        joined = {
            name: {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
            for name, parts in final.items()
        }
        joined["orders"], joined["invoices"] = shipped, paid
        return self._render(joined, {"orders": self._waiting(before), "invoices": unpaid}, before)

    def _waiting(self, before: int) -> Rows:
        return self.delivery.orders.rows(self.delivery.orders["ordered"] < before)

    def _tick(self, tick: Tick) -> dict[str, Rows]:
        """A week: interest comes, deals are opened, people work, customers decide."""
        scene, deals = self.scene, self.deals
        self.leads.arrive(scene, tick)
        touches.answers(scene, tick, self.leads.pool)
        settled = self.leads.settle(scene, tick)
        if len(settled["n"]):
            first = scene.serials.get("opportunities", 0)
            order = np.cumsum(settled["is_won"]) - 1
            settled["opportunity"] = np.where(settled["is_won"], first + order, -1)
            self._open_leads(tick, {name: values[settled["is_won"]] for name, values in settled.items()})
        self._prospect(tick)
        again = self.delivery.renewals(scene, tick)
        if len(again["key"]):
            again["owner"] = self._owners(again["account"], tick)
            deals.open(scene, again)
        closed = deals.play(scene, tick)
        touches.activities(scene, tick, deals.spent)
        touches.events(scene, tick, deals.spent, self.leads, self.delivery.customers)
        if closed and len(closed["n"]):
            won = closed["status"] == WON
            self._count(tick, closed, won)
            self.delivery.book(scene, {name: values[won] for name, values in closed.items()})
            self.delivery.drop({name: values[closed["status"] == LOST] for name, values in closed.items()})
            return {"leads": settled, "opportunities": closed}
        return {"leads": settled}

    def _count(self, tick: Tick, closed: Rows, won: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        while len(self.booked) <= tick.month:
            self.booked.append(0.0)
        self.booked[tick.month] += float(closed["amount"][won].sum())

    def _open_leads(self, tick: Tick, leads: Rows) -> None:
        scene = self.scene
        if not len(leads["n"]):
            return
        product, quantity = self._wish(leads["account"], leads["key"])
        role = scene.staff.pool["role"][leads["owner"]]
        owner = np.where(role == SELLER, leads["owner"], self._owners(leads["account"], tick))
        scene.market.meet(leads["account"], leads["settled"])
        self.deals.open(
            scene,
            {
                "key": leads["key"], "account": leads["account"], "lead": leads["n"], "kind": np.full(len(product), NEW), "product": product, "quantity": quantity,
                "warmth": 0.30 + 0.30 * leads["quality"], "created": np.maximum(leads["settled"], tick.start), "owner": owner,
            },
        )  # fmt: skip

    def _prospect(self, tick: Tick) -> None:
        """Sellers with hours to spare look for business themselves."""
        scene, spare = self.scene, self.deals.spare
        number = np.arange(len(spare))
        reach = (
            spare
            * 0.015
            * np.exp(0.4 * scene.staff.pool["skill"][: len(spare)])
            * (1 - 0.2 * scene.shaken("recession", tick.month))
        )
        count = scene.fate.whole("prospects", reach, number, tick.number)
        owner = np.repeat(number, count)
        if not len(owner):
            return
        place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        key = scene.noise.bits("prospect", owner, tick.number, place)
        account = scene.market.draw(scene.staff.pool["region"][owner], scene.noise.uniform("prospect account", key))
        product, quantity = self._wish(account, key)
        created = scene.moments("prospect at", tick, key)
        held = scene.market.owner[account]
        theirs = np.where((held >= 0) & scene.staff.is_active(tick.first)[held], held, owner)
        scene.market.meet(account, created)
        scene.market.give(account, theirs)
        self.deals.open(
            scene,
            {
                "key": key, "account": account, "lead": np.full(len(owner), -1), "kind": np.full(len(owner), NEW), "product": product, "quantity": quantity,
                "warmth": 0.25 * scene.market.appeal(account, tick.month / 12) - 0.1, "created": created, "owner": theirs,
            },
        )  # fmt: skip

    def _wish(self, account: Ints, key: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> tuple[Ints, Floats]:
        """Product and quantity that companies look for: by their size, with a will of their own."""
        scene, kind = self.scene, self.scene.kind
        size = np.log(scene.market.employees[account])
        distance = np.abs(size[:, None] - np.log([entry.size for entry in kind.products])[None, :])
        taste = np.stack([scene.noise.uniform(f"taste {place}", key) for place in range(len(kind.products))], axis=1)
        product = np.argmin(distance - 0.5 * np.log(-np.log(1 - taste) + 1e-12) * -1.0, axis=1)
        per = np.array([entry.units for entry in kind.products])[product]
        units = per * scene.market.employees[account] / 100 * np.exp(0.45 * scene.noise.normal("units", key))
        return product, np.maximum(1.0, np.round(units))

    def _owners(self, account: Ints, tick: Tick) -> Ints:
        """Owners of companies: who looks after them, else the seller of the region with the fewest deals."""
        scene = self.scene
        active = scene.staff.is_active(tick.first)
        held = scene.market.owner[account]
        owner = np.where((held >= 0) & active[held], held, -1)
        load = np.bincount(self.deals.pool["owner"], minlength=len(scene.staff)).astype(np.float64)
        region = scene.market.region[account]
        for place in range(len(REGIONS)):
            lone = np.flatnonzero((owner < 0) & (region == place))
            sellers = scene.staff.active(SELLER, tick.first, place)
            sellers = sellers if len(sellers) else scene.staff.active(SELLER, tick.first)
            if len(lone) and len(sellers):
                order = sellers[np.argsort(load[sellers], kind="stable")]
                owner[lone] = order[np.arange(len(lone)) % len(order)]
        owner = np.maximum(owner, 0)
        scene.market.give(account, owner)
        return owner

    def _manage(self) -> None:
        """The company's habit: sellers grow with the market, the delivery crew follows its load a quarter late."""
        scene, staff, month = self.scene, self.scene.staff, self.month
        day = scene.month_start(month)
        wanted = sellers_wanted(self.spec, scene.kind, month)
        for region, entry in enumerate(REGIONS):
            missing = max(1, round(wanted * entry.weight)) - len(staff.active(SELLER, day, region))
            if missing > 0 and month > 0:
                self._train(staff.hire(SELLER, region, day, missing))
        if scene.kind.name == "manufacturer":
            self._reorder()
        if month % 3 or month < 3:
            return
        is_frozen = month >= self.spec.months - 6
        load = float(np.mean(self.delivery.loads[-3:]))
        if not is_frozen:
            if self.delivery.is_goods:
                self.delivery.lines = max(self.delivery.lines, round(load / 320 / 0.92))
            else:
                staff.hire(DELIVERY, 0, day, max(0, round(load / 130 / 0.92) - len(staff.active(DELIVERY, day))))
            staff.hire(SDR, month // 3 % len(REGIONS), day, max(0, wanted // 5 - len(staff.active(SDR, day))))
            care = sum(scene.kind.products[product].support for product in self.delivery.customers["product"])
            staff.hire(SUPPORT, 0, day, max(0, round(care / 130 / 0.92) - len(staff.active(SUPPORT, day))))

    def _reorder(self) -> None:
        """Bought products are ordered monthly up to two months of what waits and was sold."""
        orders, delivery = self.delivery.orders, self.delivery
        for place, entry in enumerate(self.scene.kind.products):
            if entry.is_bought:
                waiting = float(orders["quantity"][orders["product"] == place].sum())
                coming = sum(quantity for _, product, quantity in delivery.arriving if product == place)
                aim = waiting + self.spec.opportunities / self.spec.months * entry.units * 0.3
                missing = aim - delivery.stock[place] - coming
                if missing > 50:
                    delivery.arriving.append((self.month + SUPPLIER_LEAD, place, float(np.ceil(missing))))
        delivery.arriving = [entry for entry in delivery.arriving if entry[0] >= self.month]

    def _train(self, person: Ints) -> None:
        self.scene.recorder.add("training", company.training(self.scene, person))

    def _leavers(self) -> None:
        """Some people leave; their deals and companies go to colleagues."""
        scene, staff = self.scene, self.scene.staff
        day = scene.month_start(self.month)
        there = np.flatnonzero(staff.is_active(day) & np.isin(staff.pool["role"], (SELLER, SDR, DELIVERY, SUPPORT)))
        rate = np.where(staff.pool["skill"][there] < -0.3, 0.018, 0.009) * (self.month > 0)
        gone = there[scene.fate.uniform("leaves", there, self.month) < rate]
        if not len(gone):
            return
        staff.leave(gone, day)
        tick = next(iter(scene.ticks(self.month)))
        orphan = np.isin(self.deals.pool["owner"], gone)
        if orphan.any():
            account = self.deals.pool["account"][orphan]
            self.deals.move(scene, orphan, self._owners(account, tick), tick.start)

    def _decide(self, decisions: Decisions) -> None:
        """Execute a month's decisions."""
        scene, staff = self.scene, self.scene.staff
        day = scene.month_start(self.month)
        names = [entry.name for entry in REGIONS]
        for hire in decisions.hires:
            start = day if hire.month is None else max(day, hire.month.toordinal() - EPOCH)
            region = names.index(hire.region) if hire.region in names else 0
            if hire.role == "delivery" and self.delivery.is_goods:
                self.delivery.lines += hire.count
                continue
            hired = staff.hire(ROLES.index(hire.role), region, start, hire.count)
            if hire.role == "seller":
                self._train(hired)
        for order in decisions.supplier_orders:
            bought = [place for place, entry in enumerate(scene.kind.products) if entry.is_bought]
            product = (
                number_of(order.resource_id) if order.resource_id.startswith("R") else (bought[0] if bought else -1)
            )
            self.delivery.arriving.append((self.month + SUPPLIER_LEAD, product, order.quantity))
        for identifier, factor in decisions.prices:
            scene.decided_price[number_of(identifier)] = factor
        self._assign(decisions)

    def _assign(self, decisions: Decisions) -> None:
        scene = self.scene
        start = scene.month_start(self.month) * DAY
        if decisions.territories:
            account = np.array([number_of(key) for key, _ in decisions.territories])
            owner = np.array([number_of(person) for _, person in decisions.territories])
            scene.market.give(account, owner)
            pool = self.deals.pool
            at = dict(zip(account.tolist(), owner.tolist(), strict=True))
            moved = np.isin(pool["account"], account)
            new = np.array([at.get(int(key), -1) for key in pool["account"][moved]], dtype=np.int64)
            same = pool["owner"][moved] == new
            which = np.flatnonzero(moved)[~same]
            mask = np.zeros(len(pool), dtype=bool)
            mask[which] = True
            self.deals.move(scene, mask, new[~same], start)
        if decisions.lead_owners:
            pairs = sorted((number_of(lead), number_of(person)) for lead, person in decisions.lead_owners)
            self.leads.give(
                scene, np.array([lead for lead, _ in pairs]), np.array([person for _, person in pairs]), start
            )

    def _render(self, final: dict[str, Rows], waiting: dict[str, Rows], before: int) -> tuple[Frames, Frames]:
        scene, month = self.scene, self.month - 1
        done: Frames = {}
        for name, rows in (scene.recorder.take() | final).items():
            if len(next(iter(rows.values()))):
                done[name] = _frame(scene, name, rows, before)
        if "opportunities" in final:
            done["opportunity_lines"] = tables.opportunity_lines(scene, final["opportunities"])
        known = np.flatnonzero(
            (scene.market.known_at >= scene.month_start(month) * DAY) & (scene.market.known_at < before)
        )
        if len(known):
            done["contacts"] = scene.market.contacts(known)
        if month == 0:
            done |= self._settled
        if month == 0 or add_months(self.spec.start, month).month == 1:
            done["targets"] = self._targets(month)
        deals = self.deals.pool.rows()
        live = {
            "opportunities": tables.opportunities(scene, deals), "opportunity_lines": tables.opportunity_lines(scene, deals),
            "leads": tables.leads(scene, self.leads.pool.rows(), before), "orders": tables.orders(scene, waiting["orders"]),
            "invoices": tables.invoices(scene, waiting["invoices"], before), "accounts": scene.market.accounts(np.flatnonzero(scene.market.is_changed)),
            "people": scene.staff.frame(np.flatnonzero(scene.staff.pool["is_changed"])), "resources": company.resources(scene, self.delivery, before // DAY - 1),
            "stock": company.stock(scene, self.delivery, before // DAY - 1),
        }  # fmt: skip
        scene.market.is_changed[:] = False
        scene.staff.pool["is_changed"] = False
        return done, {name: rows for name, rows in live.items() if rows.height}

    def _targets(self, month: int) -> pl.DataFrame:
        """Last year's bookings and a stretch; in the first year what the founders reckon with."""
        first = add_months(self.spec.start, month)
        months = 13 - first.month
        season = np.array(self.scene.kind.season)
        if len(self.booked) >= 6:
            recent = self.booked[-12:]
            level = sum(recent) / len(recent) / 100 * (1.22 if len(recent) == 12 else 1.12)
        else:
            kind = self.scene.kind
            worth = float(np.mean([entry.price * entry.units for entry in kind.products])) * kind.employees / 100
            level = self.spec.opportunities / self.spec.months * growth(self.spec, kind, month) * 0.27 * worth * 1.4
        return company.targets(self.scene, first, [level * season[first.month - 1 + place] for place in range(months)])

    def remaining(self) -> Frames:
        """Accounts and people as they stand, all of them: the last state that an export shows."""
        scene = self.scene
        return {
            "accounts": scene.market.accounts(np.flatnonzero(scene.market.known_at >= 0)),
            "people": scene.staff.frame(np.arange(len(scene.staff))),
        }

    def truth(self) -> Frames:
        """What nobody in the company knows."""
        scene = self.scene
        staff, market = scene.staff.pool, scene.market
        known = np.flatnonzero(market.known_at >= 0)
        return {
            "people": pl.DataFrame(
                {
                    "id": ids("P", np.arange(len(staff))),
                    "skill": staff["skill"],
                    "greed": staff["greed"],
                    "ramp_months": staff["ramp"],
                }
            ),
            "accounts": pl.DataFrame(
                {
                    "id": ids("A", known),
                    "fit": market.appeal(known, self.month / 12),
                    "need": market.need[known],
                    "budget": market.budget[known],
                }
            ),
        }

    def copy(self, fate: int) -> World:
        """The world as it stands with another future: same people and minds, other accidents from here on; it keeps no record."""
        other = copy.deepcopy(self)
        other.scene.fate = Noise(self.spec.seed, f"fate {fate}")
        other.scene.recorder.is_silent = True
        return other


def _frame(scene: Scene, name: str, rows: Rows, before: int) -> pl.DataFrame:
    if name == "training":
        return company.training_frame(rows)
    if name in ("leads", "invoices"):
        return getattr(tables, name)(scene, rows, before)  # type: ignore[no-any-return]
    return getattr(tables, name)(scene, rows)  # type: ignore[no-any-return]


def _shocks(spec: WorldSpec, noise: Noise) -> tuple[Shock, ...]:
    """The spec's shocks, else a few that the seed draws: a rival comes, budgets freeze, a rival goes, a price list."""
    if spec.shocks is not None:
        return spec.shocks
    when = noise.uniform("shock", np.arange(4)) * spec.months
    size = 0.6 + 0.8 * noise.uniform("shock size", np.arange(4))
    return (
        Shock(month=int(when[0] * 0.8), kind="competitor", months=5, strength=float(size[0])),
        Shock(month=int(when[1] * 0.9), kind="recession", months=2, strength=float(size[1])),
        Shock(month=int(when[2] * 0.9), kind="competitor_lost", months=4, strength=float(size[2])),
        Shock(
            month=int(spec.months * 0.3 + when[3] * 0.4), kind="price", strength=round(0.03 + 0.05 * float(size[3]), 3)
        ),
    )


def months(world: World, count: int) -> Iterable[Frames]:
    """So many months, one after the other."""
    for _ in range(count):
        yield world.step()
