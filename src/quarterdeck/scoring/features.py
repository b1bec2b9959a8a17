"""What was known about a deal at a moment: the same columns for past moments and for open deals today."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.scoring import trail
from quarterdeck.scoring.reasons import Group
from quarterdeck.scoring.wording import activity_words, company_words, said, whole

PRIOR_DEALS = 10.0
"""Deals of the average win rate that an owner's or account's own record is mixed with."""

KEYS = {"owner_id": "owner", "account_id": "account"}
"""Columns of deals whose own record of closed deals is looked at, and the names of the features."""
ENDING = ("status", "closed_at")
FILLED_BY_PEOPLE: dict[str, tuple[str, ...]] = {
    "product_id": ("product", "list_price"),
    "region": ("region",),
    "owner_id": ("owner_win_rate",),
    "account_id": ("account_win_rate", "has_bought", "has_account", "industry", "employees"),
}
"""Columns of deals that may be filled in late, and the features that rest on each."""
GROUPS = (
    Group("age", ("age_days",), pl.format("Open for {} days", whole("age_days")), is_engagement=True),
    Group(
        "product",
        ("product", "list_price", "kind"),
        said("product_name", "Product {}", otherwise="No product stated"),
    ),
    Group("region", ("region",), said("region", "Region {}", otherwise="No region stated")),
    Group(
        "owner",
        ("owner_win_rate",),
        pl.when(pl.col("owner_closed") > 0)
        .then(
            pl.format(
                "Owner's record: {}% won of {} closed deals",
                (100 * pl.col("owner_win_rate")).round().cast(pl.Int64),
                whole("owner_closed"),
            )
        )
        .otherwise(pl.lit("The owner has no record yet")),
    ),
    Group(
        "account",
        ("account_win_rate", "has_bought", "has_account"),
        pl.when(pl.col("has_account") > 0)
        .then(pl.format("The account bought in {} of {} earlier deals", whole("account_wins"), whole("account_closed")))
        .otherwise(pl.lit("No account stated")),
    ),
    Group("company", ("industry", "employees"), company_words()),
    Group(
        "season",
        ("quarter_day",),
        pl.format("Day {} of the quarter", whole(pl.col("quarter_day") + 1)),
        is_engagement=True,
    ),
    Group("activity", ("recent_activities", "quiet_days"), activity_words(), is_engagement=True),
    Group("stage", ("stage",), said("stage", "Stage {}", otherwise="No stage history"), is_engagement=True),
    Group(
        "amount",
        ("stated_amount",),
        pl.when(pl.col("stated_amount").is_not_null())
        .then(pl.lit("The stated value"))
        .otherwise(pl.lit("No value stated")),
    ),
)
"""Columns of deals that are explained together."""


def known_at(moments: pl.DataFrame, tables: Tables, recent_days: int) -> pl.DataFrame:
    """Features of `id, at` rows in their order, each from what lies before its `at` alone.

    Columns that the company has no data for are null. Counts of past deals and `product_name` are for reading, not for
    learning: counts grow with time alone.
    """
    rows = moments.select("id", "at").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    deals = columns_of(tables, "opportunities", "id", "created_at", "kind", "product_id", "region", *KEYS, *ENDING)
    rows = _described(rows, deals, tables)
    for key, name in KEYS.items():
        rows = with_record(rows, deals.select(key, *ENDING), key, name)
    del deals
    rows = _activities(rows, tables, recent_days)
    rows = _history(rows, tables)
    age = (pl.col("at") - pl.col("created_at")).dt.total_seconds() / 86_400
    quarter = pl.col("at").dt.truncate("1q")
    return rows.sort("row").select(
        age_days=age.fill_null(0.0),
        product="product_id",
        product_name=pl.coalesce("product_name", "product_id"),
        list_price="list_price",
        kind="kind",
        region="region",
        owner_win_rate="owner_win_rate",
        owner_closed="owner_closed",
        account_wins="account_wins",
        account_closed="account_closed",
        account_win_rate="account_win_rate",
        has_bought=(pl.col("account_wins") > 0).cast(pl.Float64),
        has_account=pl.col("account_id").is_not_null().cast(pl.Float64),
        industry="industry",
        employees="employees",
        quarter_day=(pl.col("at") - quarter).dt.total_days().cast(pl.Float64),
        recent_activities="recent_activities",
        quiet_days="quiet_days",
        stage="stage",
        stated_amount="stated_amount",
    )


def columns_of(tables: Tables, name: str, *columns: str) -> pl.DataFrame:
    """A few columns of a table: of a wide one the others are never read."""
    frame: pl.DataFrame = tables.relation(name).select(*columns).to_polars()
    return frame


def _described(rows: pl.DataFrame, deals: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Adds what is written on the deal, its product and its account."""
    own = deals.drop(ENDING).with_columns(pl.col("kind").fill_null("new"))
    products = tables["products"].select(
        product_id="id", product_name="name", list_price=pl.col("unit_price").cast(pl.Float64)
    )
    accounts = columns_of(tables, "accounts", "id", "industry", "employees").select(
        "industry", account_id="id", employees=pl.col("employees").cast(pl.Float64)
    )
    for other, key in ((own, "id"), (products, "product_id"), (accounts, "account_id")):
        asked = rows.select(pl.col(key).unique())
        named = other.join(asked, on=key, how="semi").unique(subset=[key], keep="first")
        rows = rows.join(named, on=key, how="left")
    return rows


def useful(features: pl.DataFrame) -> list[str]:
    """Columns that vary among the rows: the others can teach nothing."""
    explained = [name for group in GROUPS for name in group.columns]
    return [name for name in explained if features[name].n_unique() > 1]


def filled_at_closing(deals: pl.DataFrame) -> list[str]:
    """Columns of deals that are filled in when a deal closes: open deals lack them far more often than closed ones.

    Such a column tells that a deal was closed, not how it will end, and must not be learned from.
    """
    found = []
    for name in FILLED_BY_PEOPLE:
        missing = deals.group_by(is_open=pl.col("status") == "open").agg(rate=pl.col(name).is_null().mean())
        rates = dict(missing.select("is_open", "rate").iter_rows())
        if rates.get(True, 0.0) > max(0.05, 3 * rates.get(False, 1.0)):
            found.append(name)
    return found


def left_out(columns: list[str]) -> set[str]:
    """Features that rest on these columns of deals."""
    return {feature for column in columns for feature in FILLED_BY_PEOPLE[column]}


def _last_before(rows: pl.DataFrame, past: pl.DataFrame, moment: str, key: str) -> pl.DataFrame:
    """Adds the last row of `past` of the same key before the moment; both are sorted by time."""
    return rows.join_asof(
        past, left_on=moment, right_on="past", by=key, allow_exact_matches=False, check_sortedness=False
    )


def with_record(rows: pl.DataFrame, deals: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    """Adds how many deals of the key were closed before the moment and which share was won, shrunk to the average."""
    closed = deals.filter((pl.col("status") != "open") & pl.col("closed_at").is_not_null() & pl.col(key).is_not_null())
    won = (pl.col("status") == "won").cast(pl.Float64)
    average = float(closed.select(won.mean()).item() or 0.5)
    record = closed.sort("closed_at").select(
        pl.col(key),
        past=pl.col("closed_at"),
        wins=won.cum_sum().over(key),
        closings=pl.int_range(1, pl.len() + 1).over(key).cast(pl.Float64),
    )
    record = record.group_by(key, "past", maintain_order=True).last().sort("past")
    joined = _last_before(rows.sort("at"), record, "at", key)
    wins, closings = pl.col("wins").fill_null(0.0), pl.col("closings").fill_null(0.0)
    return joined.with_columns(
        ((wins + PRIOR_DEALS * average) / (closings + PRIOR_DEALS)).alias(f"{name}_win_rate"),
        wins.alias(f"{name}_wins"),
        closings.alias(f"{name}_closed"),
    ).drop("wins", "closings", "past", strict=False)


def _activities(rows: pl.DataFrame, tables: Tables, recent_days: int) -> pl.DataFrame:
    """Adds activities of the last days and days since the last one; null where the company records none."""
    found = trail.activity(rows.select("row", "id", "at"), tables, recent_days)
    if found is None:
        nothing = pl.lit(None, dtype=pl.Float64)
        return rows.with_columns(recent_activities=nothing, quiet_days=nothing)
    both = rows.join(found, on="row", how="left", maintain_order="left")
    quiet = (pl.col("at") - pl.coalesce("last_activity", "created_at")).dt.total_seconds() / 86_400
    return both.with_columns(pl.col("recent_activities").fill_null(0.0), quiet_days=quiet).drop("last_activity")


def _history(rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Adds stage and stated amount as the deal's history had them at the moment; null where there is no history."""
    found = trail.history(rows.select("row", "id", "at"), tables)
    if found is None:
        return rows.with_columns(stage=pl.lit(None, dtype=pl.String), stated_amount=pl.lit(None, dtype=pl.Float64))
    return rows.join(found, on="row", how="left", maintain_order="left")
