"""What a world is made from, and what may be decided in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Section

KindName = Literal["software", "agency", "manufacturer"]


class Shock(Section):
    """Something that happens to the company from outside."""

    month: int = Field(ge=0)
    """Month in which it begins, counted from the world's first."""
    kind: Literal["competitor", "competitor_lost", "recession", "price"]
    """A competitor comes or goes, budgets freeze, or the list prices change."""
    months: int = Field(default=3, ge=1)
    """For how many months it lasts; a price change stays."""
    strength: float = Field(default=1.0, gt=-1, lt=5)
    """How strong; of a price change the change itself, 0.08 for 8 % more."""


class WorldSpec(Section):
    """A company and its market. The same spec gives the same content."""

    kind: KindName = "software"
    """What kind of company."""
    opportunities: int = Field(default=3000, ge=200, le=2_000_000)
    """About how many opportunities come in all months together."""
    start: date = date(2023, 7, 1)
    """First day; the first of a month."""
    months: int = Field(default=36, ge=3, le=240)
    """How many months are simulated."""
    seed: int = Field(default=1, ge=0)
    """The same seed gives the same content."""
    faults: float = Field(default=1.0, ge=0, le=10)
    """Factor on the rates of injected data faults; 0 gives clean data."""
    misspecified: bool = False
    """Buyers of another nature: committees, fat-tailed patience, a push at the quarter's end."""
    drift: float = Field(default=1.0, ge=-5, le=5)
    """How strongly the market turns from one industry to others and gets harder over the years; 0 for not at all."""
    shocks: tuple[Shock, ...] | None = None
    """Shocks; None draws a few from the seed."""
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    """Currency of all money."""
    detail: float = Field(default=1.0, ge=0, le=5)
    """Factor on the number of activities and events; at 1 about 50 an opportunity."""

    @property
    def end(self) -> date:
        """The day after the last simulated one."""
        return add_months(self.start, self.months)


@dataclass(frozen=True, slots=True)
class Hire:
    """A person with a role starts on the first day of a month; a month that is over means the next step's."""

    role: Literal["seller", "sdr", "delivery", "support"]
    region: str | None = None
    month: date | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class SupplierOrder:
    """An order to a supplier: it brings units of a product, or hours where the supplier gives hours."""

    resource_id: str
    quantity: float


@dataclass(frozen=True, slots=True)
class Decisions:
    """A month's published decisions.

    `prices` gives a factor on the list price by product, `territories` an owner by account, `lead_owners` a person by
    lead; keys and values are ids as in the records.
    """

    hires: tuple[Hire, ...] = ()
    supplier_orders: tuple[SupplierOrder, ...] = ()
    prices: tuple[tuple[str, float], ...] = ()
    territories: tuple[tuple[str, str], ...] = ()
    lead_owners: tuple[tuple[str, str], ...] = ()


NOTHING = Decisions()


PRESETS: dict[str, WorldSpec] = {
    "demo": WorldSpec(),
    "clean": WorldSpec(faults=0),
    "agency": WorldSpec(kind="agency", opportunities=2000, seed=2),
    "manufacturer": WorldSpec(kind="manufacturer", opportunities=4000, seed=3),
    "strange": WorldSpec(misspecified=True, drift=2.0, seed=4),
    "small": WorldSpec(opportunities=400, months=18, start=date(2025, 1, 1), seed=5),
    "large": WorldSpec(opportunities=100_000, seed=6),
    "huge": WorldSpec(opportunities=1_000_000, seed=7),
}
"""Worlds by name; each ends on 2026-06-30."""
