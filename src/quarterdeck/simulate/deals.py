"""How deals move: sellers split scarce hours over them, customers come to believe or lose patience, and decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterdeck.base.money import scale
from quarterdeck.simulate.market import CONTACTS
from quarterdeck.simulate.noise import Floats, Ints
from quarterdeck.simulate.pool import Pool, Rows
from quarterdeck.simulate.render import DAY
from quarterdeck.simulate.scene import Scene, Tick
from quarterdeck.simulate.staff import SELLING_RATE

Mask = NDArray[np.bool_]

OPEN, WON, LOST = 0, 1, 2
NEW, RENEWAL, EXPANSION = 0, 1, 2
REASONS = ("No decision", "Price", "Competitor", "No response", "Budget frozen", "Not a fit")
NO_DECISION, PRICE, COMPETITOR, NO_RESPONSE, FROZEN, NO_FIT = range(6)
PIPELINE, BEST_CASE, COMMIT, CLOSED, OMITTED = range(5)


class Deals:
    """All open deals. What is hidden: conviction, effort, pace, patience, threshold."""

    def __init__(self) -> None:
        self.pool = Pool(
            n="i8",
            key="u8",
            account="i8",
            contact="i8",
            lead="i8",
            owner="i8",
            product="i8",
            addon="i8",
            kind="i8",
            stage="i8",
            created="i8",
            changed="i8",
            quantity="f8",
            price="f8",
            addon_quantity="f8",
            addon_price="f8",
            amount="i8",
            close_on="i8",
            category="i8",
            size="f8",
            conviction="f8",
            effort="f8",
            hours="f8",
            idle="f8",
            pace="f8",
            patience="f8",
            threshold="f8",
            visits="f8",
        )
        self.spare: Floats = np.zeros(0)
        self.spent: Rows = {}
        self.won_numbers: Ints = np.empty(0, dtype=np.int64)

    def open(self, scene: Scene, started: Rows) -> None:
        """New deals. `started` gives account, key, created, owner, kind, lead, product, quantity, and the warmth with
        which they begin; the contact where it is known."""
        count, key = len(started["key"]), started["key"]
        if not count:
            return
        noise, account, is_new = scene.fate, started["account"], started["kind"] == NEW
        offer = _offer(scene, started)
        usual = scene.kind.employees / 100
        typical = np.median([entry.price * entry.units for entry in scene.kind.products]) * usual**scene.kind.bulk
        size = np.clip(offer.pop("worth") / typical, 0.05, 50) ** 0.22 * np.exp(0.3 * noise.normal("size", key))
        size = size * np.where(is_new, 1.0, 0.35)
        tail = noise.uniform("patience", key)
        patience = 3.0 * (1 - tail) ** -0.8 if scene.spec.misspecified else 3.0 - 5.5 * np.log1p(-tail)
        guess = 45 + 50 * size + 20 * noise.normal("guess", key)
        some_contact = account * CONTACTS + (started["quantity"] % scene.market.people[account]).astype(np.int64)
        given = {name: started[name] for name in ("key", "account", "lead", "owner", "kind", "created")}
        self.pool.add(
            count,
            **given,
            **offer,
            n=scene.serial("opportunities", count),
            contact=started.get("contact", some_contact),
            stage=0,
            changed=started["created"],
            close_on=started["created"] // DAY + np.maximum(20, guess).astype(np.int64),
            category=PIPELINE,
            size=size,
            conviction=started["warmth"] + 0.5 * noise.normal("first impression", key),
            effort=0.0,
            hours=0.0,
            idle=0.0,
            pace=1.1 + 1.3 * noise.exponential("pace", key),
            patience=patience * np.where(is_new, 1.0, 2.5),
            threshold=scene.kind.hurdle + 0.35 * noise.normal("threshold", key),
            visits=0.0,
        )
        self._note(scene, self.pool.rows(slice(len(self.pool) - count, None)))

    def play(self, scene: Scene, tick: Tick) -> Rows:
        """A tick of work and of customers' minds; returns the deals that were won or lost, with status and reason."""
        pool = self.pool
        if not len(pool):
            self.spare = self._free(scene, tick)
            return {}
        is_there = pool["created"] < tick.start
        self._work(scene, tick, is_there)
        reason = self._believe(scene, tick, is_there)
        moved = self._advance(scene, tick, is_there & (reason < 0))
        at = scene.moments("move", tick, pool["key"])
        status = np.where(reason >= 0, LOST, OPEN)
        self._decide(scene, tick, is_there & (status == OPEN) & ~moved, status, reason)
        moved |= self._estimate(scene, tick, is_there & (status == OPEN))
        moved |= self._postpone(scene, tick, status == OPEN) | self._forecast()
        pool["changed"] = np.where(
            moved | (status != OPEN), np.maximum(at, pool["changed"] + 60_000_000), pool["changed"]
        )
        self._note(scene, pool.rows(moved & (status == OPEN)))
        closed = status != OPEN
        final = pool.take(closed)
        final["status"], final["reason"] = status[closed], reason[closed]
        final["category"] = np.where(final["status"] == WON, CLOSED, OMITTED)
        final["stage"] = len(scene.kind.stages) - 1 + final["status"]
        final["close_on"] = final["changed"] // DAY
        if scene.recorder.is_silent:
            self.won_numbers = np.concatenate([self.won_numbers, final["n"][final["status"] == WON]])
        self._note(scene, final)
        return final

    def _free(self, scene: Scene, tick: Tick) -> Floats:
        staff = scene.staff
        is_seller = staff.pool["role"] == 0
        return np.asarray(staff.strength(tick.first) * staff.pool["hours"] * SELLING_RATE * tick.weeks * is_seller)

    def _work(self, scene: Scene, tick: Tick, is_there: Mask) -> None:
        """Sellers split their hours: more to large, late and lively deals, at most what the customer's pace takes."""
        pool, staff = self.pool, scene.staff.pool
        owner, left = pool["owner"], self._free(scene, tick)
        worth = np.log1p(pool["amount"] / max(1.0, float(np.median(pool["amount"]))))
        pull = (0.2 + worth) ** (2 * staff["greed"][owner]) * (1 + 0.35 * pool["stage"])
        pull = pull * np.exp(0.3 * scene.fate.normal("attention", pool["key"], tick.number)) * is_there
        push = 1.7 if scene.spec.misspecified and tick.is_quarter_end else 1.0
        room = pool["pace"] * tick.weeks * push * is_there
        hours = np.zeros(len(pool))
        for _ in range(2):
            want = pull * (hours < room)
            total = np.bincount(owner, want, minlength=len(left))
            share = np.divide(left[owner] * want, total[owner], out=np.zeros(len(pool)), where=total[owner] > 0)
            given = np.minimum(room - hours, share)
            hours += given
            left = np.maximum(0.0, left - np.bincount(owner, given, minlength=len(left)))
        match = np.where(scene.market.industry[pool["account"]] == staff["specialty"][owner], 1.2, 1.0)
        pool["effort"] += hours * np.exp(0.6 * staff["skill"][owner]) * match
        pool["hours"] += hours
        pool["visits"] = hours
        self.spare = left
        self.spent = {
            name: pool[name].copy() for name in ("n", "key", "account", "contact", "owner", "stage", "conviction")
        } | {"hours": hours}

    def _believe(self, scene: Scene, tick: Tick, is_there: Mask) -> Ints:
        """Customers' conviction moves; returns the reason for which a customer leaves, -1 for none."""
        pool, fate = self.pool, scene.fate
        years = tick.month / 12
        cared = np.divide(pool["visits"], np.maximum(pool["pace"] * tick.weeks, 0.05))
        skill = scene.staff.pool["skill"][pool["owner"]]
        shock = fate.normal("mood", pool["key"], tick.number)
        if scene.spec.misspecified:
            shock = np.sign(shock) * np.abs(shock) ** 1.6
        pressure = 0.10 * scene.shaken("competitor", tick.month) - 0.10 * scene.shaken("competitor_lost", tick.month)
        freeze = scene.shaken("recession", tick.month)
        change = 0.06 * np.minimum(cared, 1.2) * (1 + 1.5 * skill) + 0.035 * scene.market.appeal(pool["account"], years)
        change = change - 0.16 * (cared < 0.2) - 0.06 - pressure - 0.06 * freeze + 0.25 * shock
        pool["conviction"] += change * is_there
        pool["idle"] += tick.weeks * is_there
        reason = np.full(len(pool), -1)
        low = pool["conviction"] < -1.25
        reason[low] = np.where(
            cared[low] < 0.2, NO_RESPONSE, np.where(fate.uniform("why", pool["key"][low]) < 0.5, NO_FIT, COMPETITOR)
        )
        reason[pool["idle"] > pool["patience"]] = NO_DECISION
        frozen = fate.uniform("freeze", pool["key"], tick.number) < 0.035 * freeze + 0.002
        reason[frozen] = FROZEN
        return np.where(is_there, reason, -1)

    def _advance(self, scene: Scene, tick: Tick, may: Mask) -> Mask:
        """Deals whose stage has had the effort that it needs go on, when the customer is not against it."""
        pool = self.pool
        need = self._need(scene)
        gate = -0.9 + 0.1 * pool["stage"]
        moved = (
            may & (pool["effort"] >= need) & (pool["stage"] < len(scene.kind.stages) - 1) & (pool["conviction"] > gate)
        )
        pool["effort"] = np.where(moved, 0.0, pool["effort"])
        pool["idle"] = np.where(moved, 0.0, pool["idle"])
        pool["stage"] += moved
        late = moved & (pool["stage"] == len(scene.kind.stages) - 1)
        discount = 0.12 * scene.fate.uniform("discount", pool["key"]) * (pool["kind"] == NEW)
        if scene.spec.misspecified and tick.is_quarter_end:
            discount = discount + 0.08
        self._reduce(scene, np.where(late, np.round(discount, 2), 0.0))
        return moved

    def _need(self, scene: Scene) -> Floats:
        hours = np.array([hours for _, hours in scene.kind.stages])
        spread = np.exp(0.3 * scene.fate.normal("need", self.pool["key"], self.pool["stage"]))
        return np.asarray(hours[self.pool["stage"]] * self.pool["size"] * spread)

    def _reduce(self, scene: Scene, discount: Floats) -> None:
        pool, units = self.pool, scale(scene.spec.currency)
        pool["price"] = np.round(pool["price"] * (1 - discount) * units) / units
        pool["addon_price"] = np.round(pool["addon_price"] * (1 - discount) * units) / units
        pool["amount"] = np.round(
            (pool["quantity"] * pool["price"] + pool["addon_quantity"] * pool["addon_price"]) * units
        )

    def _decide(self, scene: Scene, tick: Tick, may: Mask, status: Ints, reason: Ints) -> None:
        """At the end of the last stage customers decide on conviction, price and budget; some want another round."""
        pool, fate, kind = self.pool, scene.fate, scene.kind
        ripe = may & (pool["stage"] == len(kind.stages) - 1) & (pool["effort"] >= self._need(scene))
        at = np.flatnonzero(ripe)
        if not len(at):
            return
        key, account = pool["key"][at], pool["account"][at]
        dear = kind.elasticity * np.log(scene.price_factor[pool["product"][at]] / 1.03 ** (tick.month // 12))
        units = scale(scene.spec.currency)
        tight = 0.3 * np.maximum(0.0, np.log(pool["amount"][at] / units / scene.market.budget[account]))
        asked = pool["threshold"][at] + scene.market.hardness(tick.month / 12)
        margin = pool["conviction"][at] - asked - dear - tight
        if scene.spec.misspecified:
            votes = np.stack([margin + 0.8 * fate.normal(f"member {m}", key, tick.number) for m in range(3)])
            margin = np.median(votes, axis=0) + (0.2 if tick.is_quarter_end else 0.0)
        else:
            margin = margin + 0.3 * fate.normal("decision", key, tick.number)
        again = (np.abs(margin) < 0.12) & (fate.uniform("again", key, tick.number) < 0.5)
        yes = (margin > 0) & ~again
        status[at] = np.where(yes, WON, np.where(again, OPEN, LOST))
        why = np.where(dear + tight > 0.15, PRICE, np.where(fate.uniform("rival", key) < 0.6, COMPETITOR, NO_FIT))
        reason[at] = np.where(status[at] == LOST, why, -1)
        pool["effort"][at[again]] *= 0.5

    def _estimate(self, scene: Scene, tick: Tick, may: Mask) -> Mask:
        """Before the proposal owners correct, now and then, how many units the customer will want."""
        pool = self.pool
        early = may & (pool["stage"] < len(scene.kind.stages) - 2)
        seen = early & (scene.fate.uniform("estimate", pool["key"], tick.number) < 0.18)
        change = np.exp(0.12 * scene.fate.normal("estimate size", pool["key"], tick.number))
        wanted = np.maximum(1.0, np.round(pool["quantity"] * change))
        corrected = seen & (wanted != pool["quantity"])
        pool["quantity"] = np.where(corrected, wanted, pool["quantity"])
        self._reduce(scene, np.zeros(len(pool)))
        return np.asarray(corrected)

    def _postpone(self, scene: Scene, tick: Tick, may: Mask) -> Mask:
        """Owners move an expected close date that is over, or that does not go with the stage, when they see it."""
        pool = self.pool
        remaining = 9 * (len(scene.kind.stages) - pool["stage"]) * pool["size"]
        over = may & (pool["close_on"] <= tick.last + 1)
        ahead = pool["close_on"] - tick.last
        is_seen = scene.fate.uniform("tidy", pool["key"], tick.number) < 0.7
        wrong = may & is_seen & ((ahead < 0.85 * remaining) | (ahead > 1.3 * remaining))
        push = over | wrong
        later = tick.last + 4 + remaining * (0.6 + 0.8 * scene.fate.uniform("push", pool["key"], tick.number))
        pool["close_on"] = np.where(push, later, pool["close_on"])
        return np.asarray(push)

    def _forecast(self) -> Mask:
        """Owners read conviction with some hope: the forecast category follows stage and mood."""
        pool = self.pool
        late = pool["stage"] / max(1, int(pool["stage"].max()))
        category = np.where(
            (late >= 0.99) & (pool["conviction"] > 0.3),
            COMMIT,
            np.where((late > 0.5) & (pool["conviction"] > 0), BEST_CASE, PIPELINE),
        )
        changed = category != pool["category"]
        pool["category"] = category
        return np.asarray(changed)

    def move(self, scene: Scene, mask: Mask, owner: Ints, at: int) -> None:
        """Deals go to another owner."""
        if mask.any():
            self.pool["owner"][mask] = owner
            self.pool["changed"][mask] = np.maximum(at, self.pool["changed"][mask] + 60_000_000)
            self._note(scene, self.pool.rows(mask))

    def _note(self, scene: Scene, rows: Rows) -> None:
        """Rows of the history for deals as they are."""
        if scene.recorder.is_silent or not len(rows["n"]):
            return
        names = ("stage", "amount", "close_on", "category", "owner")
        noted = {name: rows[name] for name in names}
        number = scene.serial("opportunity_history", len(rows["n"]))
        scene.recorder.add(
            "opportunity_history", {"n": number, "opportunity": rows["n"], "changed": rows["changed"], **noted}
        )


def _offer(scene: Scene, started: Rows) -> Rows:
    """What deals are about: product, quantity and price, perhaps an addition; amount in minor, worth in major units."""
    key, product, quantity = started["key"], started["product"], started["quantity"]
    units, last = scale(scene.spec.currency), len(scene.kind.products) - 1
    has_more = scene.noise.uniform("addon", key) < np.where(started["kind"] == NEW, 0.16, 0.1)
    has_more &= product != last
    price = np.round(scene.list_price(product) * units) / units
    more = np.where(has_more, np.maximum(1, np.round(quantity * 0.4)), 0)
    more_price = np.where(has_more, np.round(scene.list_price(np.full(len(key), last)) * units) / units, 0.0)
    worth = quantity * price + more * more_price
    return {
        "product": product,
        "quantity": quantity,
        "price": price,
        "addon": np.where(has_more, last, -1),
        "addon_quantity": more,
        "addon_price": more_price,
        "amount": np.round(worth * units),
        "worth": worth,
    }
