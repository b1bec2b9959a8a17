"""The demand that supply plans for: the draws as arrays, and what earlier sales still ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.calendar import add_months
from quarterdeck.base.draws import matrix
from quarterdeck.base.lp import Floats
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables


@dataclass(frozen=True)
class Demand:
    """Draws of L leaf nodes over T months, N futures: won deals and bookings (major units)."""

    months: tuple[date, ...]
    product: tuple[str | None, ...]
    region: tuple[str | None, ...]
    quantity: NDArray[np.float32]
    amount: NDArray[np.float32]

    @cached_property
    def total(self) -> Floats:
        """(N,) bookings over the horizon."""
        total: Floats = self.amount.sum(axis=(0, 1), dtype=np.float64)
        return total

    def leaves(self, *, product: str | None = None, region: str | None = None) -> NDArray[np.int64]:
        """Places of the leaves of a product and a region; None takes all."""
        places = [
            place
            for place, (p, g) in enumerate(zip(self.product, self.region, strict=True))
            if (product is None or p == product) and (region is None or g == region)
        ]
        return np.asarray(places, dtype=np.int64)


def read_demand(tables: Tables, horizon: int) -> Demand | None:
    """The draws of the first months; None when there are none. Months that a leaf lacks are zero."""
    draws = tables["demand_draws"]
    if draws.is_empty():
        return None
    months = tuple(draws["period_start"].unique().sort().to_list()[:horizon])
    draws = draws.filter(pl.col("period_start").is_in(list(months)))
    leaves = draws.select("node_id").unique().sort("node_id")
    nodes = leaves.join(tables["nodes"].select("node_id", "product_id", "region"), on="node_id", how="left").sort(
        "node_id"
    )
    place = {node: number for number, node in enumerate(nodes["node_id"])}
    rows = np.asarray([place[node] for node in draws["node_id"]])
    columns = np.asarray([months.index(month) for month in draws["period_start"]])
    arrays = []
    for name in ("quantity", "amount"):
        values = matrix(draws[name])
        array = np.zeros((len(place), len(months), values.shape[1]), dtype=np.float32)
        array[rows, columns] = values
        arrays.append(array)
    return Demand(months, tuple(nodes["product_id"]), tuple(nodes["region"]), arrays[0], arrays[1])


def spread_over_months(quantity: Floats, offset: int, duration: int) -> Floats:
    """What deals won in each month (…, T) use in each month when use starts `offset` months later and lasts `duration`.

    >>> spread_over_months(np.array([2.0, 1.0, 0.0, 0.0]), 1, 2)
    array([0., 2., 3., 1.])
    """
    months = quantity.shape[-1]
    used = np.zeros(quantity.shape)
    for later in range(offset, min(offset + duration, months)):
        used[..., later:] += quantity[..., : months - later]
    return used


def sold_before(deals: pl.DataFrame, months: Sequence[date], offset: int, duration: int) -> Floats:
    """(T,) deals won already that still use the resource in each month; `deals` has month and n."""
    used = np.zeros(len(months))
    for won_in, n in deals.select("month", "n").iter_rows():
        for place, month in enumerate(months):
            if add_months(won_in, offset) <= month < add_months(won_in, offset + duration):
                used[place] += n
    return used


def won_by_month(tables: Tables) -> pl.DataFrame:
    """Deals won already, by product, region and month: n, and n_new without renewals and expansions."""
    return (
        tables["opportunities"]
        .filter((pl.col("status") == "won") & pl.col("closed_at").is_not_null())
        .group_by("product_id", "region", month=pl.col("closed_at").dt.truncate("1mo").dt.date())
        .agg(n=pl.len(), n_new=pl.col("kind").fill_null("new").eq("new").sum())
        .sort("product_id", "region", "month", nulls_last=True)
    )


def new_customer_share(won: pl.DataFrame, product: str) -> float:
    """Share of a product's won deals that bring a customer who must be taken in; 1 when nothing was won."""
    mine = won.filter(pl.col("product_id") == product)
    total, new = int(mine["n"].sum()), int(mine["n_new"].sum())
    return new / total if total else 1.0


def units_per_deal(tables: Tables) -> dict[str, float]:
    """Units that a won deal of a product brings, from orders that name their deal; others are missing."""
    orders = tables["orders"].filter(pl.col("opportunity_id").is_not_null() & pl.col("product_id").is_not_null())
    found = orders.group_by("product_id").agg(
        units=pl.col("quantity").fill_null(1.0).sum() / pl.col("opportunity_id").n_unique()
    )
    return {product: units for product, units in found.iter_rows() if units > 0}


def margins(tables: Tables, default: float) -> dict[str, float]:
    """Margin of each product as a share of its price, at least 5 %; the default without a price and a cost."""
    found = {}
    for product, price, cost in tables["products"].select("id", "unit_price", "unit_cost").iter_rows():
        known = price is not None and cost is not None and price > 0
        found[product] = max(1.0 - float(cost) / float(price), 0.05) if known else default
    return found


def monthly_cost(people: pl.DataFrame, currency: str) -> float | None:
    """Mean monthly cost of people in major units; None when nobody has one."""
    mean = people["cost"].drop_nulls().mean()
    return mean / scale(currency) if isinstance(mean, int | float) else None
