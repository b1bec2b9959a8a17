"""What is looked after: accounts, and cells of deals that have none, each with its load and potential."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config, instant
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.execute.territory.settings import TerritorySettings

# A cell of deals without account that takes more of a seller's fair share than this is cut by its owners.
LARGEST = 0.5


def members(
    tables: Tables, config: Config[TerritorySettings], sellers: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row a member: `member_id, member_kind, region, previous_owner_id, load, potential`, sorted by member.
    Second, what each owner carries now by the deals' own owners: `id, load, potential`.

    `sellers` (`group, share`: region and part of full productivity) tell a fair share: a cell of product and region
    that takes more than half of one is cut by the deals' owners.

    Load is in deals: live open deals, stale ones at their weight, and new deals a month. Potential is in major units:
    the expected value of open deals and what the last twelve months brought.
    """
    placed = _placed(_valued(tables, config), tables["accounts"], config.settings.main_region_share)
    deals = _cut(placed, sellers)
    owners = (
        deals.filter(pl.col("owner_id").is_not_null())
        .group_by("member_id", "owner_id")
        .agg(pl.col("load").sum(), pl.len().alias("n"))
        .sort("load", "n", "owner_id", descending=[True, True, False])
        .unique("member_id", keep="first", maintain_order=True)
        .select("member_id", majority="owner_id")
    )
    accounts = tables["accounts"].select(account_id="id", account_owner="owner_id")
    now = deals.group_by(id="owner_id").agg(pl.col("load", "potential").sum())
    found = (
        deals.group_by("member_id")
        .agg(
            pl.col("member_kind").first(),
            pl.col("region").drop_nulls().mode().sort().first(),
            pl.col("account_id").first(),
            pl.col("load").sum(),
            pl.col("potential").sum(),
        )
        .join(owners, on="member_id", how="left")
        .join(accounts, on="account_id", how="left")
        .with_columns(
            previous_owner_id=pl.when(pl.col("member_kind") == "account")
            .then(pl.coalesce("account_owner", "majority"))
            .otherwise("majority")
        )
        .select("member_id", "member_kind", "region", "previous_owner_id", "load", "potential")
        .sort("member_id")
    )
    return found, now


def _valued(tables: Tables, config: Config[TerritorySettings]) -> pl.DataFrame:
    """Each deal with its load and potential."""
    settings, today = config.settings, config.today
    recent = instant(add_months(today, -settings.window_months), config.company)
    live = config.as_of - timedelta(days=settings.stale_days)
    year = config.as_of - timedelta(days=365)
    deals = tables["opportunities"].select(
        "id", "account_id", "product_id", "region", "owner_id", "status", "amount", "created_at", "closed_at"
    )
    is_won, is_open = pl.col("status") == "won", pl.col("status") == "open"
    closed = pl.col("status").is_in(["won", "lost"])
    odds = deals.select(pl.when(closed.sum() > 0).then(is_won.sum() / closed.sum()).otherwise(0.5)).item()
    scores = (
        tables["scores"].filter(pl.col("subject") == "opportunity").select(id="subject_id", probability="probability")
    )
    won_amount = pl.when(is_won).then("amount")
    usual = pl.coalesce(won_amount.mean().over("product_id"), won_amount.mean(), pl.col("amount").mean(), pl.lit(0.0))
    months = (today.year - add_months(today, -settings.window_months).year) * 12
    months += today.month - add_months(today, -settings.window_months).month
    is_new = (pl.col("created_at") >= recent).fill_null(False)
    work = pl.when(pl.col("created_at") >= live).then(1.0).otherwise(settings.stale_weight)
    return deals.join(scores, on="id", how="left").with_columns(
        load=pl.when(is_open).then(work).otherwise(0.0) + is_new.cast(pl.Float64) / months,
        potential=(
            pl.when(is_open)
            .then(pl.col("probability").fill_null(odds) * pl.coalesce(pl.col("amount").cast(pl.Float64), usual))
            .when(is_won & (pl.col("closed_at") >= year))
            .then(pl.col("amount").cast(pl.Float64))
            .otherwise(0.0)
            .fill_null(0.0)
            / scale(config.company.currency)
        ),
    )


def _placed(deals: pl.DataFrame, accounts: pl.DataFrame, main_share: float) -> pl.DataFrame:
    """Each deal with its member: the account, the account in a region, or product and region."""
    homes = accounts.select(account_id="id", home="region")
    counts = deals.filter(pl.col("account_id").is_not_null()).group_by("account_id", "region").agg(n=pl.len())
    main = (
        counts.sort("n", "region", descending=[True, False])
        .group_by("account_id", maintain_order=True)
        .agg(main="region", share="n")
        .select(
            "account_id", pl.col("main").list.first(), share=pl.col("share").list.first() / pl.col("share").list.sum()
        )
    )
    region = pl.col("region").fill_null("?")
    placed = deals.join(homes, on="account_id", how="left").join(main, on="account_id", how="left")
    has_account = pl.col("account_id").is_not_null()
    is_whole = has_account & (pl.col("home").is_not_null() | (pl.col("share") >= main_share))
    return placed.with_columns(
        member_kind=pl.when(is_whole).then(pl.lit("account")).otherwise(pl.lit("cell")),
        member_id=pl.when(is_whole)
        .then("account_id")
        .when(has_account)
        .then(pl.concat_str("account_id", region, separator="|"))
        .otherwise(pl.concat_str(pl.col("product_id").fill_null("?"), region, separator="|")),
        region=pl.when(is_whole).then(pl.coalesce("home", "main")).otherwise("region"),
    )


def _cut(deals: pl.DataFrame, sellers: pl.DataFrame) -> pl.DataFrame:
    """Deals with the members `product|region|owner` in the place of cells too large to be one seller's."""
    teams = sellers.group_by(region="group").agg(weight=pl.col("share").sum(), sellers=pl.len())
    fair = (
        deals.group_by("region")
        .agg(pl.col("load").sum())
        .join(teams, on="region", how="left")
        .with_columns(
            fair=pl.col("load") / pl.col("weight"),
            sellers=pl.col("sellers").fill_null(sellers.height),
        )
    )
    everywhere = float(deals["load"].sum()) / max(float(sellers["share"].sum()), 1e-9)
    cells = (
        deals.filter(pl.col("account_id").is_null())
        .group_by("member_id", "region")
        .agg(taken=pl.col("load").sum())
        .join(fair, on="region", how="left", nulls_equal=True)
        .filter((pl.col("sellers") > 1) & (pl.col("taken") > LARGEST * pl.col("fair").fill_null(everywhere)))
    )
    is_large = pl.col("account_id").is_null() & pl.col("member_id").is_in(cells["member_id"].implode())
    parts = pl.concat_str("member_id", pl.col("owner_id").fill_null("?"), separator="|")
    return deals.with_columns(member_id=pl.when(is_large).then(parts).otherwise("member_id"))
