"""The company's people: hidden skill and habits, teams, hires, leavers and the hours they have."""

from __future__ import annotations

import numpy as np
import polars as pl

from quarterdeck.simulate.kinds import PRICE_LEVEL, REGIONS, Kind
from quarterdeck.simulate.noise import Floats, Ints, Noise
from quarterdeck.simulate.pool import Pool
from quarterdeck.simulate.render import days, ids, money, pick
from quarterdeck.simulate.spec import WorldSpec
from quarterdeck.simulate.words import addresses, people

ROLES = ("seller", "sdr", "manager", "delivery", "support", "operations")
SELLER, SDR, MANAGER, DELIVERY, SUPPORT, OPERATIONS = range(6)
COST = {SELLER: 9200, SDR: 5400, MANAGER: 13500, DELIVERY: 6800, SUPPORT: 5600, OPERATIONS: 7000}
STAYS = 1 << 30
"""Day on which somebody leaves who does not leave."""

TEAM = 8
"""Sellers that a manager leads."""

SELLING_RATE = 0.40
"""Share of a seller's contracted hours that is there for selling."""


class Staff:
    """All people that are or were there; the person's number is the row."""

    def __init__(self, spec: WorldSpec, noise: Noise) -> None:
        self.spec, self.noise = spec, noise
        self.pool = Pool(
            role="i8",
            region="i8",
            team="i8",
            manager="i8",
            hired="i8",
            left="i8",
            hours="f8",
            cost="f8",
            skill="f8",
            greed="f8",
            specialty="i8",
            ramp="f8",
            is_changed="?",
        )

    def __len__(self) -> int:
        return len(self.pool)

    def hire(self, role: int, region: int, day: int, count: int = 1) -> Ints:
        """People start on a day; returns their numbers. Skill and habits follow from the person's number."""
        number = np.arange(len(self.pool), len(self.pool) + count)
        team, manager = np.full(count, -1), np.full(count, -1)
        if role in (SELLER, SDR):
            for place in range(count):
                team[place], manager[place] = self._seat(region, day, place)
        level = PRICE_LEVEL.get(self.spec.currency, 1.0)
        self.pool.add(
            count,
            role=role,
            region=region,
            team=team,
            manager=manager,
            hired=day,
            left=STAYS,
            hours=np.where(self.noise.uniform("part time", number) < 0.06, 24.0, 40.0),
            cost=np.round(level * COST[role] * (1 + 0.12 * self.noise.normal("cost", number)), -2),
            skill=0.35 * self.noise.normal("skill", number),
            greed=0.15 + 0.5 * self.noise.uniform("greed", number),
            specialty=(self.noise.uniform("specialty", number) * 8).astype(np.int64),
            ramp=3.0 + 4.0 * self.noise.uniform("ramp", number),
            is_changed=True,
        )
        return number

    def _seat(self, region: int, day: int, ahead: int) -> tuple[int, int]:
        """Team and manager of the region with room; without a manager nobody leads."""
        managers = np.flatnonzero(
            (self.pool["role"] == MANAGER) & (self.pool["region"] == region) & (self.pool["left"] > day)
        )
        if not len(managers):
            return -1, -1
        led = np.bincount(
            self.pool["manager"][self.is_active(day) & (self.pool["manager"] >= 0)], minlength=len(self.pool)
        )
        order = managers[np.argsort(led[managers], kind="stable")]
        manager = int(order[ahead % len(order)])
        return int(self.pool["team"][manager]), manager

    def lead(self, region: int, day: int, team: int) -> None:
        """A manager starts with a new team."""
        number = self.hire(MANAGER, region, day)
        self.pool["team"][number] = team

    def is_active(self, day: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Who is there on the day."""
        return np.asarray((self.pool["hired"] <= day) & (self.pool["left"] > day))

    def active(self, role: int, day: int, region: int | None = None) -> Ints:
        """Numbers of the people with a role who are there on the day."""
        found = self.is_active(day) & (self.pool["role"] == role)
        if region is not None:
            found &= self.pool["region"] == region
        return np.flatnonzero(found)

    def leave(self, number: Ints, day: int) -> None:
        """People leave; `day` is the first on which they are gone."""
        self.pool["left"][number] = day
        self.pool["is_changed"][number] = True

    def strength(self, day: int) -> Floats:
        """Share of full productivity: it grows from 0.25 to 1 over a person's months of ramp."""
        months = (day - self.pool["hired"]) / 30.4
        return np.where(self.is_active(day), np.clip(0.25 + 0.75 * months / self.pool["ramp"], 0.25, 1.0), 0.0)

    def frame(self, number: Ints) -> pl.DataFrame:
        """Rows of `people`."""
        rows = self.pool.rows(number)
        names = people(number)
        team = pl.Series(
            [
                f"{REGIONS[r].name} {t + 1}" if t >= 0 else None
                for r, t in zip(rows["region"], rows["team"], strict=True)
            ],
            dtype=pl.String,
        )
        return pl.DataFrame(
            {
                "id": ids("P", number),
                "name": names,
                "email": addresses(names, pl.Series(["company.example"])),
                "role": pick(ROLES, rows["role"]),
                "team": team,
                "manager_id": ids("P", rows["manager"]),
                "region": pick([region.name for region in REGIONS], rows["region"]),
                "hired_on": days(rows["hired"]),
                "left_on": days(np.where(rows["left"] >= STAYS, -1, rows["left"] - 1)),
                "weekly_hours": rows["hours"],
                "cost": money(rows["cost"] * 100, self.spec.currency),
                "currency": self.spec.currency,
            }
        )


def sellers_wanted(spec: WorldSpec, kind: Kind, month: int) -> int:
    """How many sellers the company means to have in a month: they grow with its market."""
    flow = spec.opportunities / spec.months * growth(spec, kind, month)
    return max(3, round(flow / kind.deals_per_seller))


def growth(spec: WorldSpec, kind: Kind, month: int) -> float:
    """Size of the market in a month; its mean over the spec's months is 1."""
    path = np.exp(kind.growth * (np.arange(spec.months) + 0.5) / 12)
    return float(np.exp(kind.growth * (month + 0.5) / 12) / path.mean())
