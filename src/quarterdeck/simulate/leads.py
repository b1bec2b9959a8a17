"""Leads: companies that show interest, the people who answer them, and what becomes of them."""

from __future__ import annotations

import numpy as np

from quarterdeck.simulate.kinds import REGIONS
from quarterdeck.simulate.market import CONTACTS
from quarterdeck.simulate.noise import Ints
from quarterdeck.simulate.pool import Pool, Rows
from quarterdeck.simulate.render import DAY, NEVER
from quarterdeck.simulate.scene import Scene, Tick
from quarterdeck.simulate.staff import SDR, SELLER, growth

CHANNELS = ("web", "event", "referral", "outbound", "partner", "advert")
_SHARE = (0.34, 0.12, 0.10, 0.16, 0.10, 0.18)
_WARMTH = np.array([0.05, 0.0, 0.55, -0.25, 0.30, -0.30])

HOUR = DAY // 24


class Leads:
    """Leads that are not settled yet. `quality` is hidden; `settled` is when the lead will convert or be dropped."""

    def __init__(self) -> None:
        self.pool = Pool(
            n="i8",
            key="u8",
            account="i8",
            contact="i8",
            channel="i8",
            owner="i8",
            quality="f8",
            created="i8",
            responded="i8",
            settled="i8",
            is_won="?",
        )

    def arrive(self, scene: Scene, tick: Tick) -> None:
        """The tick's leads. Interest cools while a lead waits for its first answer."""
        spec, noise = scene.spec, scene.fate
        flow = spec.opportunities / spec.months * growth(spec, scene.kind, tick.month) * scene.kind.leads / 4
        flow *= scene.kind.season[tick.calendar_month - 1] * (1 - 0.3 * scene.shaken("recession", tick.month))
        spread = np.exp(0.12 * noise.normal("lead flow", tick.number))
        count = int(noise.whole("leads", max(0.0, flow) * spread, tick.number)[0])
        if not count:
            return
        place = np.arange(count)
        key = noise.bits("lead", tick.number, place)
        region = noise.pick("lead region", [entry.weight for entry in REGIONS], key)
        account = scene.market.draw(region, noise.uniform("lead account", key))
        channel = noise.pick("channel", _SHARE, key)
        created = tick.start + (noise.uniform("lead at", key) * (tick.end - tick.start)).astype(np.int64)
        appeal = scene.market.appeal(account, tick.month / 12)
        quality = 0.5 * appeal + _WARMTH[channel] + 0.7 * noise.normal("quality", key)
        owner, wait = self._desk(scene, tick, key)
        responded = created + (wait * HOUR).astype(np.int64)
        self.pool.add(
            count,
            n=scene.serial("leads", count),
            key=key,
            account=account,
            channel=channel,
            owner=owner,
            quality=quality,
            created=created,
            contact=account * CONTACTS
            + (noise.uniform("lead person", key) * scene.market.people[account]).astype(np.int64),
            responded=responded,
            settled=NEVER,
            is_won=False,
        )
        self._settle(scene, slice(len(self.pool) - count, None))

    def _desk(
        self, scene: Scene, tick: Tick, key: np.ndarray[tuple[int], np.dtype[np.uint64]]
    ) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.float64]]]:
        """Who answers, and after how many hours: the fewer people at the desk, the longer."""
        desk = scene.staff.active(SDR, tick.first)
        if not len(desk):
            desk = scene.staff.active(SELLER, tick.first)
        if not len(desk):
            return np.full(len(key), -1), np.full(len(key), 1e4)
        owner = desk[(key % np.uint64(len(desk))).astype(np.int64)]
        load = len(key) / (len(desk) * 22)
        speed = np.exp(-0.6 * scene.staff.pool["skill"][owner])
        return owner, (1 + 9 * load**1.5) * speed * scene.fate.exponential("wait", key)

    def _settle(self, scene: Scene, which: slice | Ints) -> None:
        """When and how leads end, given when they are answered."""
        pool, noise = self.pool, scene.fate
        key, wait = pool["key"][which], (pool["responded"][which] - pool["created"][which]) / HOUR
        interest = pool["quality"][which] - 0.22 * np.log1p(wait / 4) + 0.7 * noise.normal("interest", key)
        won = interest > 0.8
        took = np.where(won, 1 + 8 * noise.exponential("qualify", key), 3 + 15 * noise.exponential("drop", key))
        pool["is_won"][which] = won
        pool["settled"][which] = pool["responded"][which] + (took * DAY).astype(np.int64)

    def give(self, scene: Scene, numbers: Ints, owners: Ints, at: int) -> None:
        """Leads get an owner, who answers within hours those that still wait."""
        pool = self.pool
        place = np.searchsorted(pool["n"], numbers)
        place, owners = place[place < len(pool)], owners[place < len(pool)]
        hit = np.isin(pool["n"][place], numbers)
        place, owners = place[hit], owners[hit]
        pool["owner"][place] = owners
        waiting = place[pool["responded"][place] > at]
        pool["responded"][waiting] = at + (2 * HOUR * scene.fate.exponential("given", pool["key"][waiting])).astype(
            np.int64
        )
        self._settle(scene, waiting)

    def settle(self, tick: Tick) -> Rows:
        """Leads that end in the tick leave the pool."""
        return self.pool.take(self.pool["settled"] < tick.end)
