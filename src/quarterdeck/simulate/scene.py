"""The stage on which a tick is played: clock, prices, what shakes the market, and the record of what happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from quarterdeck.base.calendar import add_months
from quarterdeck.simulate.kinds import PRICE_LEVEL, REGIONS, Kind
from quarterdeck.simulate.market import Market
from quarterdeck.simulate.noise import Floats, Ints, Noise
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.render import DAY
from quarterdeck.simulate.spec import Shock, WorldSpec
from quarterdeck.simulate.staff import Staff

TICKS = 4
"""Ticks of a month: days 1-7, 8-14, 15-21 and the rest."""

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Tick:
    """About a week: `start`, `end` in microseconds since 1970, `first`, `last` in days; `weeks` of working time."""

    number: int
    month: int
    first: int
    last: int
    weeks: float
    calendar_month: int

    @property
    def start(self) -> int:
        return self.first * DAY

    @property
    def end(self) -> int:
        return (self.last + 1) * DAY

    @property
    def is_quarter_end(self) -> bool:
        """One of the last two ticks of a calendar quarter."""
        return self.calendar_month % 3 == 0 and self.number % TICKS >= 2


class Recorder:
    """What happened, as columns of numbers, until it is rendered. A silent recorder forgets."""

    def __init__(self, is_silent: bool = False) -> None:
        self.is_silent = is_silent
        self._rows: dict[str, list[Rows]] = {}

    def add(self, table: str, rows: Rows) -> None:
        """Rows of a table."""
        if not self.is_silent and len(next(iter(rows.values()))):
            self._rows.setdefault(table, []).append(rows)

    def take(self) -> dict[str, Rows]:
        """All rows since the last call, a table's in the order in which they came."""
        found = {
            table: {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            for table, parts in self._rows.items()
        }
        self._rows = {}
        return found


@dataclass
class Scene:
    """What all agents see. `noise` gives traits, `fate` what is to come; `before` is the end of the month played."""

    spec: WorldSpec
    kind: Kind
    noise: Noise
    fate: Noise
    market: Market
    staff: Staff
    shocks: tuple[Shock, ...]
    recorder: Recorder = field(default_factory=Recorder)
    price_factor: Floats = field(default_factory=lambda: np.ones(4))
    decided_price: Floats = field(default_factory=lambda: np.ones(4))
    serials: dict[str, int] = field(default_factory=dict)
    off_days: frozenset[int] = frozenset()
    before: int = 0

    def serial(self, table: str, count: int) -> Ints:
        """The next serial numbers of a table."""
        first = self.serials.get(table, 0)
        self.serials[table] = first + count
        return np.arange(first, first + count)

    def month_start(self, month: int) -> int:
        """First day of a month as days since 1970."""
        return add_months(self.spec.start, month).toordinal() - EPOCH

    def ticks(self, month: int) -> Iterator[Tick]:
        """The ticks of a month."""
        first, after = self.month_start(month), self.month_start(month + 1)
        edges = [first, first + 7, first + 14, first + 21, after]
        for place in range(TICKS):
            span = range(edges[place], edges[place + 1])
            workdays = sum(1 for day in span if (day + 3) % 7 < 5 and day not in self.off_days)
            number = add_months(self.spec.start, month).month
            yield Tick(month * TICKS + place, month, span[0], span[-1], workdays / 5, number)

    def shaken(self, kind: str, month: int) -> float:
        """Strength of the shocks of a kind that are at work in a month."""
        return sum(
            shock.strength
            for shock in self.shocks
            if shock.kind == kind and shock.month <= month < shock.month + shock.months
        )

    def set_prices(self, month: int) -> None:
        """List prices of the month by product, as a factor: yearly rise, promotions, shocks and what was decided."""
        steps = sum(shock.strength for shock in self.shocks if shock.kind == "price" and shock.month <= month)
        place = np.arange(len(self.kind.products))
        is_promotion = self.noise.uniform("promotion", place, month) < 0.12
        size = 0.85 + 0.07 * self.noise.uniform("promotion size", place, month)
        self.price_factor = (
            (1.03 ** (month // 12)) * (1 + steps) * np.where(is_promotion, size, 1.0) * self.decided_price
        )

    def list_price(self, product: Ints) -> Floats:
        """Price of a unit now, in major units of the currency."""
        prices = np.array([entry.price for entry in self.kind.products]) * PRICE_LEVEL.get(self.spec.currency, 1.0)
        return prices[product] * self.price_factor[product]

    def moments(self, purpose: str, tick: Tick, *keys: Any) -> Ints:
        """Moments in the working hours of the tick's working days, in microseconds."""
        days = np.array(
            [d for d in range(tick.first, tick.last + 1) if (d + 3) % 7 < 5 and d not in self.off_days] or [tick.first]
        )
        chance = self.fate.uniform(purpose, *keys, tick.number) * len(days)
        place = chance.astype(np.int64)
        return days[place] * DAY + ((8 + 10 * (chance - place)) / 24 * DAY).astype(np.int64)


def region_names() -> list[str]:
    """Sales regions in their order."""
    return [region.name for region in REGIONS]
