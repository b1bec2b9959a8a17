"""Which team of sellers works a region."""

from __future__ import annotations

import polars as pl


def home_teams(deals: pl.DataFrame, sellers: pl.DataFrame) -> dict[str, str]:
    """The team that works a region in which no seller is listed: that of the sellers who own most of its deals.

    Regions with sellers of their own, and those whose deals no listed seller owns, are not in it.
    """
    team = sellers.select(owner_id="person_id", team="region").unique().drop_nulls()
    away = deals.filter(pl.col("region").is_not_null() & ~pl.col("region").is_in(team["team"].unique().to_list()))
    counts = away.join(team, on="owner_id").group_by("region", "team").len()
    most = counts.sort("len", "team", descending=[True, False]).unique("region", keep="first", maintain_order=True)
    return dict(most.select("region", "team").iter_rows())
