"""The public CRM export as canonical tables, built here so that the room is tested without the importer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.tables import Tables


def export_at(folder: Path, day: date) -> Tables:
    """The export as it stood at the beginning of a day: later deals are unknown, later closes are still open."""
    folder /= "crm_sales_opportunities"
    moment = datetime(day.year, day.month, day.day)

    def days(column: str) -> pl.Expr:
        return pl.col(column).str.strptime(pl.Date, "%d-%m-%y", strict=False).cast(pl.Datetime("us"))

    teams = pl.read_csv(folder / "sales_teams.csv")
    people = teams.select(id="sales_agent", name="sales_agent", team="manager", region="regional_office")
    deals = (
        pl.read_csv(folder / "sales_pipeline.csv", infer_schema=False)
        .select(
            id="opportunity_id",
            owner_id="sales_agent",
            product_id=pl.col("product").replace({"GTXPro": "GTX Pro"}),
            account_id="account",
            stage="deal_stage",
            status=pl.col("deal_stage").replace_strict({"Won": "won", "Lost": "lost"}, default="open"),
            amount=(pl.col("close_value").cast(pl.Float64) * 100).cast(pl.Int64),
            created_at=days("engage_date"),
            closed_at=days("close_date"),
        )
        .join(people.select(owner_id="id", region="region"), on="owner_id", how="left")
        .filter(pl.col("created_at").is_null() | (pl.col("created_at") < moment))
    )
    later = (pl.col("closed_at") >= moment).fill_null(False)
    deals = deals.with_columns(
        status=pl.when(later).then(pl.lit("open")).otherwise("status"),
        stage=pl.when(later).then(pl.lit("Engaging")).otherwise("stage"),
        amount=pl.when(~later).then("amount"),
        closed_at=pl.when(~later).then("closed_at"),
    )
    accounts = pl.read_csv(folder / "accounts.csv").select(id="account", name="account", industry="sector")
    products = pl.read_csv(folder / "products.csv").select(
        id="product", name="product", family="series", unit_price="sales_price"
    )
    return Tables(opportunities=deals, people=people, accounts=accounts, products=products)


@pytest.fixture(scope="session")
def crm_export(shared_data: Path) -> Callable[[date], Tables]:
    return lambda day: export_at(shared_data, day)
