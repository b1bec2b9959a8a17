"""The step that finds accounts, contacts and leads that are there twice, against labelled faults."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from quarterdeck.base.config import Config
from quarterdeck.base.schema import table
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality import link
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.simulate import WorldSpec, write

SPEC = WorldSpec(opportunities=900, months=14, start=date(2023, 7, 1), faults=2.0, detail=0, seed=11)
CONFIG = Config(as_of=datetime(2025, 1, 1), settings=QualitySettings(max_records=5))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, pl.DataFrame, Result]:
    folder = tmp_path_factory.mktemp("linked")
    write(SPEC, folder, replicas=0)
    names = ("accounts", "contacts", "leads", "opportunities")
    frames = {name: pl.read_parquet(folder / "export" / f"{name}.parquet") for name in names}
    whole = {name: frame.with_columns(pl.col(pl.Decimal).cast(pl.Int64)) for name, frame in frames.items()}
    tables = Tables(**whole)
    return tables, pl.read_parquet(folder / "truth" / "faults.parquet"), link(tables, CONFIG)


@pytest.mark.parametrize("name", ["accounts", "contacts"])
def test_every_labelled_duplicate_is_found_and_nothing_else(
    company: tuple[Tables, pl.DataFrame, Result], name: str
) -> None:
    _, labels, result = company
    labelled = labels.filter(table=name, fault="duplicate").select("record_id", "true_value").rows()
    links = result.tables["links"].filter(table=name, survivor_table=name)
    found = {frozenset(row) for row in links.select("record_id", "survivor_id").rows()}
    truth = {frozenset(row) for row in labelled}
    assert len(truth) >= 5
    assert len(found & truth) / len(truth) >= 0.95
    assert len(found & truth) / len(found) >= 0.9


def test_leads_find_the_account_of_their_domain(company: tuple[Tables, pl.DataFrame, Result]) -> None:
    tables, _, result = company
    domain = pl.col("email").str.extract("@(.+)$")
    leads = tables["leads"].filter(pl.col("account_id").is_null()).select(record_id="id", domain=domain)
    hosts = tables["accounts"].select(survivor_id="id", account_domain="domain")
    links = result.tables["links"].filter(table="leads", survivor_table="accounts")
    matched = links.join(leads, on="record_id").join(hosts, on="survivor_id")
    known = leads.filter(pl.col("domain").is_in(hosts["account_domain"].implode()))
    right = matched.filter(pl.col("domain") == pl.col("account_domain")).height
    assert known.height >= 100
    assert right / known.height >= 0.98
    clean = matched.filter(pl.col("domain").is_in(hosts["account_domain"].implode()))
    assert right / clean.height >= 0.99


def test_links_are_rows_of_their_table(company: tuple[Tables, pl.DataFrame, Result]) -> None:
    links = company[2].tables["links"]
    assert links.columns == list(table("links").names)
    assert not links.select(table("links").key).is_duplicated().any()
    required = [column.name for column in table("links").columns if column.is_required]
    assert links.select(required).null_count().row(0) == (0,) * len(required)


def test_a_finding_names_both_records_and_the_rest_are_one_finding(
    company: tuple[Tables, pl.DataFrame, Result],
) -> None:
    findings = [finding for finding in company[2].findings if finding.code == "quality.same_contact"]
    assert len(findings) == 6
    assert "is probably" in findings[0].message
    assert findings[0].fix.startswith("Merge C")
    links = company[2].tables["links"].filter(table="contacts")
    assert sum(finding.count for finding in findings) == links.height


def accounts(**changes: object) -> pl.DataFrame:
    rows = [
        {
            "id": f"A{n}",
            "name": name,
            "domain": f"{name.split()[0].lower()}.com",
            "city": city,
            "created_at": datetime(2020, 1, n + 1),
        }
        for n, (name, city) in enumerate(
            [
                ("Northwind Traders", "Boston"),
                ("Contoso Labs", "Paris"),
                ("Fabrikam Foods", "Oslo"),
                ("Tailspin Toys", "Rome"),
                ("Litware Systems", "Bonn"),
                ("Proseware Media", "Graz"),
            ]
        )
    ]
    rows.append(
        {
            "id": "A9",
            "name": "Northwind Traders, Inc.",
            "domain": "www.northwind.com",
            "city": None,
            "created_at": datetime(2024, 1, 1),
        }
    )
    return pl.DataFrame(rows)


def test_the_record_with_open_deals_survives_before_the_fuller_and_older_one() -> None:
    deals = pl.DataFrame(
        {"id": ["O1"], "account_id": ["A9"], "status": ["open"], "amount": [5_000_00], "stage": ["demo"]}
    )
    plain = link(Tables(accounts=accounts()), CONFIG).tables["links"]
    assert plain.select("record_id", "survivor_id").rows() == [("A9", "A0")]
    busy = link(Tables(accounts=accounts(), opportunities=deals), CONFIG)
    assert busy.tables["links"].select("record_id", "survivor_id").rows() == [("A0", "A9")]


def test_deals_on_the_duplicate_are_the_money_at_stake() -> None:
    deals = pl.DataFrame(
        {
            "id": ["O1", "O2", "O3"],
            "account_id": ["A9", "A0", "A0"],
            "status": ["open"] * 3,
            "amount": [7_000_00, 1_00, 1_00],
        }
    )
    finding = link(Tables(accounts=accounts(), opportunities=deals), CONFIG).findings[0]
    assert finding.record_id == "A9"
    assert finding.money_at_stake == 7_000
    assert "1 deal hangs on it" in finding.message


def test_what_was_merged_already_is_not_told_again() -> None:
    merges = pl.DataFrame(
        {
            "id": ["M1"],
            "table": ["accounts"],
            "record_id": ["A9"],
            "survivor_id": ["A0"],
            "decided_by": ["Ann"],
            "decided_at": [datetime(2024, 6, 1)],
        }
    )
    assert link(Tables(accounts=accounts(), merges=merges), CONFIG).tables["links"].is_empty()


def test_a_person_who_comes_back_next_year_is_no_lead_to_merge() -> None:
    rows = [
        (f"L{n}", f"Person{n} Name{n}", f"p{n}@firm{n}.com", f"Firm{n}", "unqualified", datetime(2023, 1, n))
        for n in range(1, 9)
    ]
    again = [
        ("L9", "Person1 Name1", "p1@firm1.com", "Firm1", "working", datetime(2024, 2, 1)),
        ("L91", "Person2 Name2", "p2@firm2.com", "Firm2", "unqualified", datetime(2023, 1, 4)),
    ]
    leads = pl.DataFrame(rows + again, schema=["id", "name", "email", "company", "status", "created_at"], orient="row")
    result = link(Tables(leads=leads), CONFIG)
    assert set(result.tables["links"]["record_id"]) | set(result.tables["links"]["survivor_id"]) == {
        "L1",
        "L9",
        "L2",
        "L91",
    }
    assert [finding.record_id for finding in result.findings] == ["L91"]


def test_without_records_there_is_a_notice() -> None:
    result = link(Tables(), CONFIG)
    assert result.tables["links"].is_empty()
    assert [finding.code for finding in result.findings] == ["quality.nothing_to_link"]
