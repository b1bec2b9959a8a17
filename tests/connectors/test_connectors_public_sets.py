"""Two public exports of other kinds than deals, through the guess alone, against their published counts."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.connectors import TableBatch, propose, read

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def shop(shared_data: Path) -> list[TableBatch]:
    folder = shared_data / "online_retail"
    return list(read(propose(folder, "shop"), folder, company=Company(currency="GBP")))


def frame(batches: list[TableBatch], table: str) -> pl.DataFrame:
    return pl.concat([batch.frame for batch in batches if batch.table == table])


def test_lines_of_invoices_are_orders_with_their_returns_and_none_is_lost(shop: list[TableBatch]) -> None:
    lines = frame(shop, "orders")
    assert lines.height == lines["id"].n_unique() == 525_461
    assert lines["account_id"].null_count() == 107_927
    assert lines.filter(pl.col("quantity") < 0).height == 12_326
    assert all(not batch.set_aside.height for batch in shop)
    first = lines.filter(product_id="85048").row(0, named=True)
    assert (first["quantity"], first["amount"], str(first["ordered_at"])) == (12.0, 83_40, "2009-12-01 07:45:00")


def test_rows_with_one_number_are_one_invoice_over_the_sum_of_its_lines(shop: list[TableBatch]) -> None:
    invoices, lines = frame(shop, "invoices"), frame(shop, "orders")
    assert invoices.height == invoices["id"].n_unique() == 28_816
    assert invoices["amount"].sum() == lines["amount"].sum()
    assert invoices.filter(id="489434")["amount"].to_list() == [505_30]
    assert set(invoices["account_id"].drop_nulls()) == set(lines["account_id"].drop_nulls())


def test_customers_and_products_are_made_from_the_lines(shop: list[TableBatch]) -> None:
    accounts, products = frame(shop, "accounts"), frame(shop, "products")
    assert accounts.height == 4_383
    assert accounts.filter(id="13085")["country"].to_list() == ["United Kingdom"]
    assert products.filter(id="85048")["name"].to_list() == ["15CM CHRISTMAS GLASS BALL 20 LIGHTS"]


def test_calls_of_a_campaign_are_leads_with_what_came_of_them(shared_data: Path) -> None:
    folder = shared_data / "bank_marketing"
    mapping = propose(folder, "bank")
    assert {entry.path: entry.table for entry in mapping.files} == {
        "bank-additional-full.csv": "leads",
        "bank-additional-names.txt": "skip",
    }
    batches = list(read(mapping, folder, company=Company()))
    leads = frame(batches, "leads")
    assert dict(leads["status"].value_counts().iter_rows()) == {"converted": 4_640, "unqualified": 36_548}
    assert leads["id"].n_unique() == 41_188
    assert not any(batch.set_aside.height for batch in batches)
    # how long a call was is known after it only: it fills nothing, and is kept with the other columns
    entry = next(entry for entry in mapping.files if entry.table == "leads")
    placed = {column.column: column.target for column in entry.columns}
    assert {name for name, target in placed.items() if target != "attributes"} == {"job", "y"}
    kept = json.loads(leads["attributes"][0])
    assert {"duration", "campaign", "pdays", "poutcome", "euribor3m", "age", "contact"} <= kept.keys()
    assert "y" not in kept
