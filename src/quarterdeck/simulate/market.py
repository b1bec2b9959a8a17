"""The market: companies that may buy, with a hidden fit, need and budget, and the persons in them."""

from __future__ import annotations

import numpy as np
import polars as pl

from quarterdeck.simulate.kinds import INDUSTRIES, PRICE_LEVEL, REGIONS, Kind
from quarterdeck.simulate.noise import Floats, Ints, Noise
from quarterdeck.simulate.render import DAY, ids, instants, money, pick
from quarterdeck.simulate.spec import WorldSpec
from quarterdeck.simulate.words import TITLES, addresses, companies, domains, people

CONTACTS = 4
"""Places for contacts of an account: contact number = account number × CONTACTS + place."""


class Market:
    """All companies that the world can hear of. `known_at` is when one came into the records (-1: not yet).

    `fit` is hidden: how well the offer suits the company (about -2 … 2); `need` how often it looks for such an offer;
    `budget` what it can pay at once, in major units.
    """

    def __init__(self, spec: WorldSpec, kind: Kind, noise: Noise) -> None:
        size = max(80, int(spec.opportunities * 0.6))
        number = np.arange(size)
        self.spec, self.kind = spec, kind
        self.industry: Ints = noise.pick("industry", [weight for _, weight, _ in kind.industries], number)
        self.region: Ints = noise.pick("region", [region.weight for region in REGIONS], number)
        self.city: Ints = noise.pick("city", [1.0] * 4, number)
        self.employees: Ints = np.maximum(
            4, np.exp(np.log(kind.employees) + 1.1 * noise.normal("employees", number)).astype(np.int64)
        )
        sweet = np.log(self.employees / kind.employees)
        self.fit: Floats = 0.25 - 0.18 * sweet**2 + 0.6 * noise.normal("fit", number)
        self.need: Floats = np.exp(0.8 * noise.normal("need", number))
        level = PRICE_LEVEL.get(spec.currency, 1.0)
        self.budget: Floats = level * 900 * self.employees**0.8 * np.exp(0.5 * noise.normal("budget", number))
        self.people: Ints = 1 + (3 * noise.uniform("contacts", number)).astype(np.int64)
        self.known_at: Ints = np.full(size, -1)
        self.owner: Ints = np.full(size, -1)
        self.is_changed = np.zeros(size, dtype=bool)
        self.noise = noise
        order = np.argsort(self.region, kind="stable")
        self._members = np.split(order, np.cumsum(np.bincount(self.region, minlength=len(REGIONS)))[:-1])
        self._edges = [np.cumsum(self.need[members]) for members in self._members]
        slope = noise.normal("drift", np.arange(len(kind.industries)))
        self._slope = 0.25 * spec.drift * (slope - slope.mean())

    def draw(self, region: Ints, chance: Floats) -> Ints:
        """Companies of the regions, more often those with a need; `chance` in [0, 1) decides which."""
        found = np.zeros(len(region), dtype=np.int64)
        for place, (members, edges) in enumerate(zip(self._members, self._edges, strict=True)):
            here = region == place
            if here.any() and len(members):
                found[here] = members[
                    np.searchsorted(edges, chance[here] * edges[-1], side="right").clip(0, len(members) - 1)
                ]
        return found

    def appeal(self, account: Ints, years: float) -> Floats:
        """How well the offer suits the companies after so many years of drift."""
        base = np.array([fit for _, _, fit in self.kind.industries])
        by_industry = base + self._slope * years
        return np.asarray(self.fit[account] + by_industry[self.industry[account]])

    def hardness(self, years: float) -> float:
        """What drift adds to the conviction that customers need, after so many years."""
        return 0.08 * self.spec.drift * years

    def meet(self, account: Ints, at: Ints) -> Ints:
        """Companies come to be known; returns those that were not known before."""
        new, place = np.unique(account[self.known_at[account] < 0], return_index=True)
        first = at[self.known_at[account] < 0][place]
        self.known_at[new] = first
        self.is_changed[new] = True
        return new

    def give(self, account: Ints, owner: Ints) -> None:
        """The companies get owners."""
        moved = self.owner[account] != owner
        self.owner[account] = owner
        self.is_changed[account[moved]] = True

    def accounts(self, number: Ints) -> pl.DataFrame:
        """Rows of `accounts`."""
        names = companies(number)
        cities = [city for region in REGIONS for city in region.cities]
        place = self.region[number] * 4 + self.city[number]
        latitude, longitude = (
            np.array([city[1] for city in cities])[place],
            np.array([city[2] for city in cities])[place],
        )
        revenue = self.employees[number] * np.exp(11.8 + 0.4 * self.noise.normal("revenue", number))
        level = PRICE_LEVEL.get(self.spec.currency, 1.0)
        size = np.digitize(self.employees[number], [60, 400])
        return pl.DataFrame(
            {
                "id": ids("A", number),
                "name": names,
                "domain": domains(names),
                "industry": pick([name for name, _, _ in INDUSTRIES], self.industry[number]),
                "employees": self.employees[number],
                "revenue": money(np.round(revenue * level, -3) * 100, self.spec.currency),
                "currency": self.spec.currency,
                "region": pick([region.name for region in REGIONS], self.region[number]),
                "country": pick([region.country for region in REGIONS], self.region[number]),
                "city": pick([city[0] for city in cities], place),
                "latitude": np.round(latitude + 0.15 * self.noise.normal("latitude", number), 5),
                "longitude": np.round(longitude + 0.2 * self.noise.normal("longitude", number), 5),
                "segment": pick(("small", "middle", "large"), size),
                "founded_year": 2022 - (60 * self.noise.uniform("founded", number) ** 2).astype(np.int64),
                "owner_id": ids("P", self.owner[number]),
                "created_at": instants(self.known_at[number]),
            }
        )

    def contacts(self, account: Ints) -> pl.DataFrame:
        """Rows of `contacts` for companies that came to be known."""
        owner = np.repeat(account, self.people[account])
        place = np.arange(len(owner)) - np.repeat(
            np.cumsum(self.people[account]) - self.people[account], self.people[account]
        )
        number = owner * CONTACTS + place
        names = people(number)
        digits = (self.noise.uniform("phone", number) * 9e6 + 1e6).astype(np.int64)
        return pl.DataFrame(
            {
                "id": ids("C", number),
                "account_id": ids("A", owner),
                "name": names,
                "email": addresses(names, domains(companies(owner))),
                "phone": pl.Series("phone", digits).cast(pl.String),
                "title": pick(TITLES, self.noise.pick("title", [1, 2, 1, 2, 1, 2, 1, 2], number)),
                "is_opted_out": self.noise.uniform("opted", number) < 0.04,
                "created_at": instants(self.known_at[owner] + place * (DAY // 24)),
            }
        ).with_columns(pl.col("phone").str.replace(r"^(\d{3})(\d{4})$", "+1 555 $1 $2"))
