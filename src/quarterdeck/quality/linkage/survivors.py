"""Which record of a cluster should stand for all: the one that deals hang on, else the fullest, else the oldest."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.tables import Tables

_REFERENCE = {"accounts": "account_id", "contacts": "contact_id", "leads": "id"}


def worth(table: str, tables: Tables) -> pl.DataFrame:
    """Deals, open deals and their amount (minor units) by record: `record_id`, `deals`, `open_deals`, `open_amount`."""
    schema = {"record_id": pl.String, "deals": pl.Int64, "open_deals": pl.Int64, "open_amount": pl.Int64}
    if table == "accounts":
        deals = tables["opportunities"].select("account_id", "status", "amount").rename({"account_id": "record_id"})
    elif table == "leads":
        leads = tables["leads"].select(record_id="id", deal="opportunity_id").drop_nulls()
        deals = leads.join(tables["opportunities"].select(deal="id", status="status", amount="amount"), on="deal")
    else:
        return pl.DataFrame(schema=schema)
    is_open = pl.col("status") == "open"
    found = (
        deals.drop_nulls("record_id")
        .group_by("record_id")
        .agg(deals=pl.len(), open_deals=is_open.sum(), open_amount=pl.col("amount").filter(is_open).sum())
    )
    return found.select(pl.col(name).cast(kind) for name, kind in schema.items())


def proposals(table: str, linked: pl.DataFrame, rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """A row a record that should be merged into another, `survivor_id`, with what speaks for it; rows of `links`.

    `linked` has `record_id`, `cluster`, `matched_id`, `probability`, `weight`, `evidence`; `rows` are the table's.
    """
    filled = pl.sum_horizontal(pl.col(name).is_not_null() for name in rows.columns if name != "attributes")
    facts = rows.select(pl.col("id").alias("record_id"), "created_at", filled=filled)
    ranked = linked.join(facts, on="record_id").join(worth(table, tables), on="record_id", how="left")
    ranked = ranked.with_columns(pl.col("deals", "open_deals", "open_amount").fill_null(0))
    ranked = ranked.sort(
        ["cluster", "open_deals", "deals", "filled", "created_at", "record_id"],
        descending=[False, True, True, True, False, False],
        nulls_last=True,
    )
    ranked = ranked.with_columns(pl.col("record_id").first().over("cluster").alias("survivor_id"))
    gone = ranked.filter(pl.col("record_id") != pl.col("survivor_id"))
    return gone.select(
        pl.lit(table).alias("table"),
        "record_id",
        pl.lit(table).alias("survivor_table"),
        "survivor_id",
        pl.format("{}-{}", pl.lit(table), "cluster").alias("cluster"),
        "matched_id",
        "probability",
        "weight",
        "evidence",
        "deals",
        "open_amount",
    ).sort("record_id")
