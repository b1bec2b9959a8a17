"""What was sold before the plan and in its first month so far: won deals, else orders or invoices."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables

NOUNS = {"orders": "units", "invoices": "invoices"}
"""What a quantity of demand counts where it is not deals."""


def sold(tables: Tables, currency: str) -> pl.DataFrame:
    """Won deals as `product_id, region, closed_at, amount` (minor units); a leaf's month of the table `bookings` stands
    for its orders or invoices where no deal was ever won."""
    won = tables["opportunities"].filter((pl.col("status") == "won") & pl.col("closed_at").is_not_null())
    if won.height:
        return won.select("product_id", "region", "closed_at", "amount")
    nodes = tables["nodes"].select("node_id", "product_id", "region")
    return (
        tables["bookings"]
        .join(nodes, on="node_id", maintain_order="left")
        .select(
            "product_id",
            "region",
            closed_at=pl.col("period_start").cast(pl.Datetime("us")),
            amount=(pl.col("amount") * scale(currency)).round(mode="half_away_from_zero").cast(pl.Int64),
        )
    )


def noun(tables: Tables) -> str:
    """The word for what a quantity of demand counts."""
    source = tables["bookings"]["source"]
    return NOUNS.get(source[0], "deals") if len(source) else "deals"
