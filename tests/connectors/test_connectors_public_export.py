"""The public CRM export, through the guess alone, against its published totals."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.connectors import Mapping, TableBatch, propose, read

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "crm_sales_opportunities"


@pytest.fixture(scope="module")
def mapping(folder: Path) -> Mapping:
    return propose(folder, "crm")


@pytest.fixture(scope="module")
def batches(folder: Path, mapping: Mapping) -> list[TableBatch]:
    return list(read(mapping, folder, company=Company()))


@pytest.fixture(scope="module")
def tables(batches: list[TableBatch]) -> dict[str, pl.DataFrame]:
    return {batch.table: batch.frame for batch in batches}


def test_the_published_totals_hold(tables: dict[str, pl.DataFrame]) -> None:
    deals = tables["opportunities"]
    assert deals.height == 8_800
    assert dict(deals["status"].value_counts().iter_rows()) == {"won": 4_238, "lost": 2_473, "open": 2_089}
    assert deals.filter(status="won")["amount"].sum() == 10_005_534_00
    assert deals["account_id"].null_count() == 1_425
    assert {name: tables[name].height for name in ("people", "accounts", "products")} == {
        "people": 35, "accounts": 85, "products": 7,
    }  # fmt: skip


def test_won_value_by_quarter_holds_so_days_and_months_are_not_swapped(tables: dict[str, pl.DataFrame]) -> None:
    won = tables["opportunities"].filter(status="won")
    by_quarter = won.group_by(pl.col("closed_at").dt.quarter().alias("q")).agg(pl.col("amount").sum()).sort("q")
    assert by_quarter["amount"].to_list() == [1_134_672_00, 3_086_111_00, 2_982_255_00, 2_802_496_00]


def test_at_the_start_of_october_the_file_gives_what_is_published(tables: dict[str, pl.DataFrame]) -> None:
    day, deals = datetime(2017, 10, 1), tables["opportunities"]
    closed = deals.filter(pl.col("closed_at") < day)
    assert dict(closed["status"].value_counts().iter_rows()) == {"won": 3_042, "lost": 1_684}
    assert closed.filter(status="won")["amount"].sum() == 7_203_038_00
    started = deals.filter(pl.col("created_at") < day)
    assert started.filter(pl.col("closed_at").is_null() | (pl.col("closed_at") >= day)).height == 2_409


def test_every_reference_meets_its_record(tables: dict[str, pl.DataFrame]) -> None:
    deals = tables["opportunities"]
    for column, table in (("owner_id", "people"), ("product_id", "products"), ("account_id", "accounts")):
        assert set(deals[column].drop_nulls()) <= set(tables[table]["id"]), column
    assert tables["people"].height - deals["owner_id"].n_unique() == 5
    best = deals.filter(status="won").group_by("owner_id").agg(pl.col("amount").sum()).sort("amount")[-1]
    assert best.row(0) == ("Darcel Schlecht", 1_153_214_00)


def test_the_other_spelling_of_a_product_becomes_an_alias(mapping: Mapping) -> None:
    entry = next(entry for entry in mapping.files if entry.table == "opportunities")
    product = entry.column_for("product_id")
    assert product is not None
    assert product.aliases == {"GTXPro": "GTX Pro"}
    assert product.joins == "products.name"


def test_region_comes_from_the_owner_and_team_from_the_manager(tables: dict[str, pl.DataFrame]) -> None:
    anna = tables["people"].filter(id="Anna Snelling").row(0, named=True)
    assert (anna["manager_id"], anna["team"], anna["region"], anna["role"]) == (
        "Dustin Brinkmann", "Dustin Brinkmann", "Central", "seller",
    )  # fmt: skip
    assert set(tables["opportunities"].filter(owner_id="Anna Snelling")["region"]) == {"Central"}
    assert tables["opportunities"]["region"].null_count() == 0


def test_what_earlier_dates_need_is_told(mapping: Mapping) -> None:
    entry = next(entry for entry in mapping.files if entry.table == "opportunities")
    assert entry.amount_known == "at_close"
    assert entry.open_stage == "Engaging"
    assert entry.amount_reason
    assert entry.stage_reason


def test_columns_without_a_place_stay_with_the_row_and_nothing_is_set_aside(batches: list[TableBatch]) -> None:
    deals = next(batch for batch in batches if batch.table == "opportunities")
    first = deals.frame.filter(id="1C1I7A6R")["attributes"][0]
    assert first == '{"engage_quarter":"Q4 2016","close_quarter":"Q1 2017"}'
    assert all(batch.read == batch.frame.height and not batch.set_aside.height for batch in batches)
    assert all(batch.money_read == batch.money_kept for batch in batches)
    assert [finding for batch in batches for finding in batch.findings] == []
