"""The draws as arrays, and what the sellers can close of them in each future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import matrix
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.sold import sold

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Futures:
    """Draws of L leaf nodes over T months, N futures; `booked` is what the month in progress brought already (L, T).

    Amounts are in major units of the company's currency.
    """

    months: tuple[date, ...]
    product: tuple[str | None, ...]
    region: tuple[str | None, ...]
    quantity: Floats
    amount: Floats
    booked: Floats
    home: Mapping[str, str] = field(default_factory=dict)
    """Team that works a region in which no seller is listed"""

    @property
    def total(self) -> Floats:
        """(N,) bookings over the horizon with what is booked already."""
        total: Floats = self.amount.sum(axis=(0, 1)) + self.booked.sum()
        return total

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(sorted({region for region in self.region if region is not None}))

    @property
    def team_names(self) -> tuple[str, ...]:
        """Teams of sellers: regions, those without sellers under the team that works them; `all` when one misses."""
        if None in self.region:
            return ("all",)
        return tuple(sorted({self.home.get(str(region), str(region)) for region in self.region}))

    @property
    def teams(self) -> NDArray[np.int64]:
        """(L,) which team works a leaf: its place in `team_names`."""
        names = self.team_names
        if names == ("all",):
            return np.zeros(len(self.region), dtype=np.int64)
        places = [names.index(self.home.get(str(region), str(region))) for region in self.region]
        return np.asarray(places, dtype=np.int64)

    def of(self, *, product: str | None = None, region: str | None = None) -> NDArray[np.bool_]:
        """(L,) leaves of a product or a region; None takes all."""
        return np.asarray(
            [
                (product is None or p == product) and (region is None or g == region)
                for p, g in zip(self.product, self.region, strict=True)
            ]
        )

    def only(self, draws: tuple[int, ...]) -> Futures:
        """The futures of some draws."""
        places = np.asarray(draws, dtype=np.int64)
        return replace(self, quantity=self.quantity[:, :, places], amount=self.amount[:, :, places])

    def limited(self, delivery: Floats) -> Futures:
        """Bookings that delivery can serve: each leaf and month times its share (L, T)."""
        return replace(self, amount=self.amount * delivery[:, :, None])

    def by_team(self) -> Futures:
        """The same with one leaf a team, which is all that `served` needs for totals."""
        teams = self.teams
        names: tuple[str | None, ...] = (None,) if None in self.region else self.team_names

        def summed(values: Floats) -> Floats:
            total = np.zeros((len(names), *values.shape[1:]))
            np.add.at(total, teams, values)
            return total

        parts = summed(self.quantity), summed(self.amount), summed(self.booked)
        return Futures(self.months, (None,) * len(names), names, *parts)


def read_futures(tables: Tables, currency: str) -> Futures | None:
    """The draws and this month's bookings so far; None when there are no draws."""
    draws = tables["demand_draws"]
    if draws.is_empty():
        return None
    months = tuple(draws["period_start"].unique().sort().to_list())
    leaves = draws.select("node_id").unique()
    nodes = leaves.join(tables["nodes"].select("node_id", "product_id", "region"), on="node_id", how="left").sort(
        "node_id"
    )
    place = {node: number for number, node in enumerate(nodes["node_id"])}
    where = [place[node] for node in draws["node_id"]], [months.index(month) for month in draws["period_start"]]
    arrays = []
    for name in ("quantity", "amount"):
        values = matrix(draws[name])
        array = np.zeros((len(place), len(months), values.shape[1]))
        array[where] = values
        arrays.append(array)
    product, region = tuple(nodes["product_id"]), tuple(nodes["region"])
    booked = _booked(tables, months, (product, region), currency)
    return Futures(months, product, region, arrays[0], arrays[1], booked)


def _booked(
    tables: Tables,
    months: tuple[date, ...],
    leaves: tuple[tuple[str | None, ...], tuple[str | None, ...]],
    currency: str,
) -> Floats:
    """(L, T) won bookings that fall into the plan's months already; deals of no leaf go to the first."""
    won = (
        sold(tables, currency)
        .filter(pl.col("closed_at").dt.date() >= months[0])
        .with_columns(month=pl.col("closed_at").dt.truncate("1mo").dt.date())
    )
    keys = {key: place for place, key in reversed(list(enumerate(zip(*leaves, strict=True))))}
    booked = np.zeros((len(leaves[0]), len(months)))
    for product, region, month, amount in won.select("product_id", "region", "month", "amount").iter_rows():
        if month in months and amount is not None:
            place = next((keys[key] for key in ((product, region), (product, None), (None, region)) if key in keys), 0)
            booked[place, months.index(month)] += amount / scale(currency)
    return booked


def served(futures: Futures, rate: Floats, capacity: Floats) -> Floats:
    """(L, T, N) bookings that the teams (G) close when they can close `capacity` (G, T) deals a month.

    A deal that finds nobody waits and is worked first the month after; `rate` (G, T) is the won share, by which won
    deals become deals to be worked. What still waits at the end is not closed.
    """
    teams = futures.teams
    done = np.zeros_like(futures.amount)
    wait_deals = np.zeros((len(capacity), futures.amount.shape[2]))
    wait_money = np.zeros((futures.amount.shape[0], futures.amount.shape[2]))
    for t in range(len(futures.months)):
        asked = wait_deals.copy()
        np.add.at(asked, teams, futures.quantity[:, t] / rate[teams, t, None])
        share = np.minimum(1.0, capacity[:, t, None] / np.maximum(asked, 1e-9))
        money = futures.amount[:, t] + wait_money
        done[:, t] = money * share[teams]
        wait_deals, wait_money = asked * (1.0 - share), money * (1.0 - share[teams])
    return done
