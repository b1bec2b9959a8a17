"""The checks against companies whose faults are labelled, and against a public export."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.config import Config
from quarterdeck.base.tables import Tables
from quarterdeck.quality import check
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.simulate import WorldSpec, write

SPEC = WorldSpec(opportunities=1200, months=18, start=date(2023, 7, 1), faults=3.0, detail=0, seed=11)

TARGETS = {
    ("accounts", "duplicate"): ("duplicate_account",),
    ("contacts", "duplicate"): ("duplicate_contact",),
    ("contacts", "wrong_email"): ("contact_email_invalid",),
    ("contacts", "missing_account"): ("contact_without_account",),
    ("leads", "wrong_email"): ("lead_email_invalid",),
    ("opportunities", "close_date_in_past"): ("close_date_in_past",),
    ("opportunities", "owner_left"): ("owner_left",),
    ("opportunities", "missing_amount"): ("closed_without_amount", "open_without_amount"),
    ("opportunities", "negative_amount"): ("amount_not_positive",),
    ("opportunities", "misplaced_decimal"): ("amount_outlier", "amount_differs_from_lines"),
    ("opportunities", "closed_before_created"): ("closed_before_created",),
    ("opportunities", "stage_status_mismatch"): ("stage_contradicts_status",),
    ("opportunities", "future_created"): ("date_in_future",),
    ("opportunities", "missing_account"): ("account_missing",),
    ("opportunities", "orphan_reference"): ("unknown_account",),
    ("opportunities", "missing_currency"): ("currency_missing",),
}
"""Fault of a table -> the checks that should find it."""


def checked(spec: WorldSpec, folder: Path) -> dict[str, set[str]]:
    """Record ids by check of the world's export at its end."""
    write(spec, folder, replicas=0)
    tables = Tables(**{path.stem: pl.read_parquet(path) for path in (folder / "export").glob("*.parquet")})
    moment = datetime(spec.end.year, spec.end.month, spec.end.day)
    findings = check(tables, Config(as_of=moment, settings=QualitySettings(max_records=10**6))).findings
    found = defaultdict(set)
    for finding in findings:
        found[finding.code.removeprefix("quality.")].add(str(finding.record_id))
    return found


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], pl.DataFrame]:
    folder = tmp_path_factory.mktemp("faulty")
    found = checked(SPEC, folder)
    return found, pl.read_parquet(folder / "truth" / "faults.parquet")


@pytest.mark.parametrize(("table", "fault"), TARGETS)
def test_check_finds_every_labelled_fault_and_little_else(
    faulty: tuple[dict[str, set[str]], pl.DataFrame], table: str, fault: str
) -> None:
    found, labels = faulty
    labelled = set(labels.filter(table=table, fault=fault)["record_id"])
    reported = set().union(*(found[name] for name in TARGETS[table, fault]))
    hit = len(labelled & reported)
    print(
        f"{table} {fault}: recall {hit / len(labelled):.3f}, precision {hit / len(reported):.3f}, {len(labelled)} labels"
    )
    assert len(labelled) >= 10
    assert labelled <= reported
    # A record that was entered twice with its fault is reported twice and labelled once.
    assert len(labelled) / len(reported) >= 0.9


def test_every_misspelled_region_is_named(faulty: tuple[dict[str, set[str]], pl.DataFrame]) -> None:
    found, labels = faulty
    written = labels.filter(fault="region_spelling")["written_value"].unique().to_list()
    assert len(written) == 4
    assert {f"region={value}" for value in written} == {name for name in found["two_spellings"] if "region" in name}


def test_a_company_without_faults_has_none_of_them(tmp_path: Path) -> None:
    found = checked(SPEC.model_copy(update={"faults": 0.0}), tmp_path)
    assert set().union(*TARGETS.values()) & found.keys() == set()
    assert found["two_spellings"] == set()


@pytest.mark.shared_data
def test_the_public_export_has_its_known_faults(shared_data: Path) -> None:
    folder = shared_data / "crm_sales_opportunities"
    deals = pl.read_csv(folder / "sales_pipeline.csv", infer_schema=False).select(
        id="opportunity_id",
        owner_id="sales_agent",
        product_id="product",
        account_id="account",
        stage="deal_stage",
        status=pl.col("deal_stage").replace_strict({"Won": "won", "Lost": "lost"}, default="open"),
        created_at=pl.col("engage_date").str.strptime(pl.Date, "%d-%m-%y").cast(pl.Datetime("us")),
    )
    people = pl.read_csv(folder / "sales_teams.csv").select(id="sales_agent", name="sales_agent")
    products = pl.read_csv(folder / "products.csv").select(id="product", name="product", unit_price="sales_price")
    accounts = pl.read_csv(folder / "accounts.csv").select(id="account", name="account", industry="sector")
    tables = Tables(opportunities=deals, people=people, products=products, accounts=accounts)
    findings = check(tables, Config(as_of=datetime(2018, 1, 1), settings=QualitySettings())).findings
    counts: dict[str, int] = defaultdict(int)
    for finding in findings:
        counts[finding.code] += finding.count
    assert counts["quality.account_missing"] == 1425
    assert counts["quality.seller_without_deals"] == 5
    assert counts["quality.created_date_missing"] == 500
    assert counts["quality.unknown_product"] == deals.filter(product_id="GTXPro").height > 0
    spellings = [finding.message for finding in findings if finding.code == "quality.two_spellings"]
    assert "The industry technolgy is probably technology." in spellings
