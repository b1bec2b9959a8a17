"""What follows a won deal: orders to be delivered from limited capacity, invoices, customers who stay or leave."""

from __future__ import annotations

import numpy as np

from quarterdeck.base.money import scale
from quarterdeck.simulate.deals import EXPANSION, RENEWAL
from quarterdeck.simulate.noise import Floats, Ints, Keys
from quarterdeck.simulate.pool import Pool, Rows
from quarterdeck.simulate.render import DAY, NEVER
from quarterdeck.simulate.scene import Scene, Tick
from quarterdeck.simulate.staff import DELIVERY, SUPPORT

PERSON_HOURS = 130.0
"""Hours that a delivery or support person gives in a month."""

MACHINE_HOURS = 320.0
"""Hours that a line gives in a month."""

RENEWAL_LEAD = 75 * DAY
"""How long before its end a subscription's renewal is opened."""


class Delivery:
    """Customers, orders that wait, invoices that wait, stock and supplier orders on their way.

    `loads` is the delivery hours that each month's orders asked for, `taken` those of the month that is being played.
    """

    def __init__(self, scene: Scene) -> None:
        products = scene.kind.products
        self.customers = Pool(
            key="u8",
            account="i8",
            product="i8",
            quantity="f8",
            since="i8",
            renews="i8",
            terms="i8",
            mood="f8",
            pending="u8",
        )
        self.orders = Pool(
            n="i8",
            key="u8",
            account="i8",
            opportunity="i8",
            product="i8",
            quantity="f8",
            price="f8",
            amount="i8",
            ordered="i8",
            promised="i8",
            hours="f8",
        )
        self.invoices = Pool(
            n="i8", account="i8", order="i8", opportunity="i8", invoiced="i8", due="i8", paid="i8", amount="i8"
        )
        self.is_goods = scene.kind.name == "manufacturer"
        flow = scene.spec.opportunities / scene.spec.months
        self.stock: Floats = np.array([np.round(flow * entry.units * 0.3 * self.is_goods) for entry in products])
        self.arriving: list[tuple[int, int, float]] = []
        self.lines = 2
        self.loads: list[float] = []
        self.taken = 0.0
        self.late = 0.0
        self.overload = 0.0

    def book(self, scene: Scene, won: Rows) -> None:
        """Won deals become orders (a line each), invoices and customers."""
        for product, quantity, price in (("product", "quantity", "price"), ("addon", "addon_quantity", "addon_price")):
            has = (won[product] >= 0) & (won[quantity] > 0)
            rows = {name: values[has] for name, values in won.items()}
            asked = {"key": rows["key"], "account": rows["account"], "opportunity": rows["n"], "product": rows[product]}
            asked |= {"quantity": rows[quantity], "price": rows[price], "ordered": rows["changed"]}
            self._order(scene, asked | {"works": rows["kind"] != RENEWAL})
        renewal = won["kind"] == RENEWAL
        kept = np.isin(self.customers["pending"], won["key"][renewal]) & (self.customers["pending"] > 0)
        self.customers["renews"][kept] += 365 * DAY
        self.customers["terms"][kept] += 1
        self.customers["pending"][kept] = 0
        new = {name: values[~renewal] for name, values in won.items()}
        term = np.array([entry.term for entry in scene.kind.products])[new["product"]]
        count = len(new["key"])
        self.customers.add(
            count,
            key=scene.noise.bits("customer", new["key"]),
            account=new["account"],
            product=new["product"],
            quantity=new["quantity"],
            since=new["changed"],
            renews=np.where(term > 0, new["changed"] + 365 * DAY, NEVER),
            terms=0,
            mood=0.4 * scene.fate.normal("customer mood", new["key"]),
            pending=0,
        )

    def welcome(self, scene: Scene, key: Keys, account: Ints, product: Ints, quantity: Floats, since: Ints) -> None:
        """Customers of the time before the first day; their subscriptions end over the year that follows."""
        term = np.array([entry.term for entry in scene.kind.products])[product]
        ends = (scene.month_start(0) + 20 + 345 * scene.noise.uniform("heir ends", key)) * DAY
        self.customers.add(
            len(key),
            key=key,
            account=account,
            product=product,
            quantity=quantity,
            since=since,
            renews=np.where(term > 0, ends, float(NEVER)),
            terms=0,
            mood=0.4 * scene.noise.normal("customer mood", key),
            pending=0,
        )

    def drop(self, lost: Rows) -> None:
        """A lost renewal ends the subscription."""
        gone = np.isin(self.customers["pending"], lost["key"][lost["kind"] == RENEWAL]) & (
            self.customers["pending"] > 0
        )
        self.customers.take(gone)

    def _order(self, scene: Scene, asked: Rows) -> None:
        """New orders and their invoices.

        `asked` gives key, account, opportunity, product, quantity, price, ordered, and whether delivery works on them.
        """
        kind, product, quantity, count = scene.kind, asked["product"], asked["quantity"], len(asked["key"])
        if not count:
            return
        per_unit = np.array([entry.per == "unit" for entry in kind.products])[product]
        hours = np.array([entry.hours for entry in kind.products])[product] * np.where(per_unit, quantity, 1.0)
        hours = hours * asked["works"] * np.exp(0.15 * scene.fate.normal("order hours", asked["key"], product) - 0.011)
        self.taken += float(hours.sum())
        spread = np.array([entry.spread for entry in kind.products])[product]
        promise = 8 + 12 * spread if self.is_goods else 21 + 30 * spread
        given = {name: values for name, values in asked.items() if name != "works"}
        given |= {"n": scene.serial("orders", count)}
        given |= {"amount": np.round(quantity * asked["price"] * scale(scene.spec.currency))}
        promised = asked["ordered"] // DAY + np.where(hours > 0, promise, 5)
        self.orders.add(count, **given, promised=promised, hours=hours)
        self._invoice(scene, given)

    def _invoice(self, scene: Scene, orders: Rows) -> None:
        """Invoices of new orders; some customers pay late as a habit, a few never."""
        key, product, account = orders["key"], orders["product"], orders["account"]
        invoiced = orders["ordered"] + ((1 + 4 * scene.fate.uniform("billed", key, product)) * DAY).astype(np.int64)
        slow = 6 * scene.noise.normal("pays", account) + 9 * scene.fate.exponential("pays late", key, product) - 6
        paid = invoiced + ((30 + np.maximum(slow, -25)) * DAY).astype(np.int64)
        self.invoices.add(
            len(key),
            n=scene.serial("invoices", len(key)),
            account=account,
            order=orders["n"],
            opportunity=orders["opportunity"],
            invoiced=invoiced,
            due=invoiced // DAY + 30,
            paid=np.where(scene.fate.uniform("never pays", key, product) < 0.008, NEVER, paid),
            amount=orders["amount"],
        )

    def repeat(self, scene: Scene, month: int) -> None:
        """Customers order again without a deal: more in the season, less when the price is up."""
        customers, kind = self.customers, scene.kind
        if not len(customers):
            return
        factor = scene.price_factor[customers["product"]] / 1.03 ** (month // 12)
        tick = next(iter(scene.ticks(month)))
        rate = (
            kind.repeat_rate
            * kind.season[tick.calendar_month - 1] ** 1.5
            * factor**-kind.elasticity
            * (1 - 0.3 * scene.shaken("recession", month))
        )
        again = np.flatnonzero(
            (scene.fate.uniform("repeat", customers["key"], month) < rate) & (customers["since"] < tick.start)
        )
        key = scene.noise.bits("repeat order", customers["key"][again], month)
        size = 0.08 + 0.22 * scene.noise.uniform("repeat size", key)
        quantity = np.maximum(1, np.round(customers["quantity"][again] * size))
        length = scene.month_start(month + 1) - scene.month_start(month)
        at = tick.start + (scene.fate.uniform("repeat at", key) * length * DAY).astype(np.int64)
        units, product = scale(scene.spec.currency), customers["product"][again]
        price = np.round(scene.list_price(product) * units) / units
        asked = {
            "key": key,
            "account": customers["account"][again],
            "product": product,
            "quantity": quantity,
            "price": price,
        }
        asked |= {"ordered": at, "opportunity": np.full(len(at), -1), "works": np.full(len(at), self.is_goods)}
        order = np.argsort(at, kind="stable")
        self._order(scene, {name: values[order] for name, values in asked.items()})

    def capacity(self, scene: Scene, month: int) -> float:
        """Delivery hours that the company has in a month, with what suppliers add."""
        crew = len(scene.staff.active(DELIVERY, scene.month_start(month)))
        extra = sum(quantity for due, product, quantity in self.arriving if due == month and product < 0)
        return (self.lines * MACHINE_HOURS if self.is_goods else crew * PERSON_HOURS) + extra

    def ship(self, scene: Scene, month: int) -> Rows:
        """Deliver in the order of booking, from stock first; returns what was finished, with shipped."""
        start, end = scene.month_start(month) * DAY, scene.month_start(month + 1) * DAY
        orders = self.orders
        for due, product, quantity in self.arriving:
            if due == month and product >= 0:
                self.stock[product] += quantity
        ready = orders["ordered"] < end
        booked_before = orders["ordered"] < start
        done = np.full(len(orders), NEVER)
        is_bought = np.array([entry.is_bought for entry in scene.kind.products])[orders["product"]]
        at_once = ready & (orders["hours"] <= 0) & ~is_bought
        done[at_once] = orders["ordered"][at_once] + DAY
        wait = ready & ~at_once
        if self.is_goods:
            wait &= ~self._from_stock(wait, done, start) & ~is_bought
        else:
            wait &= booked_before
        hours = self.capacity(scene, month)
        queue = np.flatnonzero(wait)
        used = np.cumsum(orders["hours"][queue])
        finished = used <= hours
        moment = start + (used[finished] / max(hours, 1.0) * (end - start)).astype(np.int64)
        done[queue[finished]] = np.maximum(moment, orders["ordered"][queue[finished]] + 2 * DAY)
        if (~finished).any():
            first = queue[~finished][0]
            orders["hours"][first] = used[~finished][0] - hours
        load = float(used[-1]) if len(used) else 0.0
        self.loads.append(self.taken)
        self.taken = 0.0
        if self.is_goods and load < hours:
            self._restock(scene, hours - load)
        self.late = max(0.0, load - hours) / max(hours, 1.0)
        done = np.where(
            (done >= end) & (done < NEVER), np.maximum(end - 1_000_000, orders["ordered"] + 1_000_000), done
        )
        is_done = done < NEVER
        shipped = done[is_done]
        final = orders.take(is_done)
        final["shipped"] = shipped
        return final

    def _from_stock(
        self, wait: np.ndarray[tuple[int], np.dtype[np.bool_]], done: Ints, start: int
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        served = np.zeros(len(wait), dtype=bool)
        for product in range(len(self.stock)):
            mine = np.flatnonzero(wait & (self.orders["product"] == product))
            used = np.cumsum(self.orders["quantity"][mine])
            covered = mine[used <= self.stock[product]]
            if len(covered):
                self.stock[product] -= used[len(covered) - 1]
                done[covered] = np.maximum(start, self.orders["ordered"][covered]) + 2 * DAY
                served[covered] = True
        return served

    def _restock(self, scene: Scene, hours: float) -> None:
        """Free machine hours fill the stock toward its aim."""
        flow = scene.spec.opportunities / scene.spec.months
        for place, entry in enumerate(scene.kind.products):
            if entry.is_bought:
                continue
            missing = max(0.0, round(flow * entry.units * 0.3) - self.stock[place])
            made = min(missing, np.floor(hours / len(self.stock) / entry.hours))
            self.stock[place] += made

    def care(self, scene: Scene, month: int) -> None:
        """Customers' mood follows late delivery and overloaded support; returns nothing, moods move."""
        support = np.array([entry.support for entry in scene.kind.products])
        load = float(support[self.customers["product"]].sum())
        hours = len(scene.staff.active(SUPPORT, scene.month_start(month))) * PERSON_HOURS
        self.overload = max(0.0, load - hours) / max(hours, 1.0) if load else 0.0
        self.customers["mood"] -= 0.05 * min(self.late, 2.0) + 0.04 * min(self.overload, 2.0) - 0.01

    def renewals(self, scene: Scene, tick: Tick) -> Rows:
        """Subscriptions whose renewal is opened in the tick, and customers who look for more: deals to be opened."""
        customers = self.customers
        due = (
            (customers["renews"] - RENEWAL_LEAD < tick.end)
            & (customers["pending"] == 0)
            & (customers["since"] < tick.start)
        )
        more = (
            ~due
            & (scene.fate.uniform("expansion", customers["key"], tick.number) < 0.0022)
            & (customers["since"] < tick.start - 60 * DAY)
        )
        which = np.flatnonzero(due | more)
        is_renewal = due[which]
        key = scene.noise.bits(
            "again", customers["key"][which], np.where(is_renewal, customers["terms"][which] + 1, 100 + tick.number)
        )
        customers["pending"][which[is_renewal]] = key[is_renewal]
        account = customers["account"][which]
        warmth = (
            np.where(is_renewal, 2.5, 0.75)
            + 0.3 * scene.market.appeal(account, tick.month / 12)
            + customers["mood"][which]
        )
        growing = np.where(is_renewal, 0.92 + 0.22 * scene.noise.uniform("renewal size", key), 0.3)
        return {
            "key": key,
            "account": account,
            "lead": np.full(len(which), -1),
            "kind": np.where(is_renewal, RENEWAL, EXPANSION),
            "product": customers["product"][which],
            "quantity": np.maximum(1, np.round(customers["quantity"][which] * growing)),
            "warmth": warmth,
            "created": scene.moments("renewal opened", tick, key),
        }

    def bill(self, before: int) -> tuple[Rows, Rows]:
        """Invoices that are settled for good leave; those billed and still open are returned beside them."""
        invoices = self.invoices
        final = invoices.take(
            (invoices["invoiced"] < before) & ((invoices["paid"] < before) | (invoices["paid"] >= NEVER))
        )
        return final, self.invoices.rows(self.invoices["invoiced"] < before)
