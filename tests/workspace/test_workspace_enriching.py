"""Providers fill what is empty, say where they disagree, and every value has a name, a day and a confidence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.workspace import Workspace
from quarterdeck.workspace.enriching import enrich, provenance

NOW = datetime(2026, 7, 1, 9, 0)
ACCOUNTS = """\
id,name,domain,employees,industry,annual_revenue
A1,Acme,acme.com,120,,
A2,Bolt,bolt.io,,Retail,1000.00
A3,Cone,,,,
"""
MAPPING = """\
source: crm
id_prefix: ''
files:
  - path: accounts.csv
    table: accounts
    columns:
      - {column: id, target: id}
      - {column: name, target: name}
      - {column: domain, target: domain}
      - {column: employees, target: employees}
      - {column: industry, target: industry}
      - {column: annual_revenue, target: revenue}
"""
PROVIDERS = """\
providers:
  - name: clearlist
    kind: file
    path: firms.csv
    match: site
    confidence: 0.8
    columns: {staff: employees, sector: industry, revenue: revenue}
  - name: guess
    kind: file
    path: guesses.csv
    confidence: 0.3
    columns: {sector: industry, city: city}
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Workspace]:
    """Three accounts, and two files that know something of them."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "accounts.csv").write_text(ACCOUNTS, encoding="utf-8")
    root = tmp_path / "acme"
    Workspace.create(root, now=NOW).close()
    settings = root / "quarterdeck.yaml"
    text = settings.read_text(encoding="utf-8").replace("sources: []", "sources: [{name: crm, folder: ../export}]")
    settings.write_text(text, encoding="utf-8")
    (root / "mapping" / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    (root / "enrichment.yaml").write_text(PROVIDERS, encoding="utf-8")
    (root / "firms.csv").write_text(
        "site,staff,sector,revenue\nwww.acme.com,150,Software,5000.50\nbolt.io,40,retail,1000\n", encoding="utf-8"
    )
    (root / "guesses.csv").write_text("domain,sector,city\nacme.com,Games,Berlin\n", encoding="utf-8")
    with Workspace.open(root) as workspace:
        workspace.sync(now=NOW)
        yield workspace


def shown(workspace: Workspace, key: str, **options: datetime) -> dict[str, object]:
    row = workspace.table("accounts", **options).row(by_predicate=pl.col("id") == key, named=True)
    return {name: row[name] for name in ("employees", "industry", "revenue", "city")}


def test_only_what_nobody_typed_is_filled_with_the_surest_value(small: Workspace) -> None:
    found = enrich(small, now=NOW + timedelta(hours=1))
    assert (found.asked, found.answered) == ({"clearlist": 2, "guess": 2}, {"clearlist": 2, "guess": 1})
    assert shown(small, "A1") == {"employees": 120, "industry": "Software", "revenue": 500050, "city": "Berlin"}
    assert shown(small, "A2") == {"employees": 40, "industry": "Retail", "revenue": 100000, "city": None}
    assert shown(small, "A3") == {"employees": None, "industry": None, "revenue": None, "city": None}
    assert shown(small, "A1", as_of=NOW)["industry"] is None
    small.sync(now=NOW + timedelta(hours=2))
    assert shown(small, "A1")["industry"] == "Software"
    assert small.table("enrichments").height == found.rows.height == 8


def test_what_differs_from_a_typed_value_is_told_and_what_means_the_same_is_not(small: Workspace) -> None:
    told = enrich(small, provider="clearlist", now=NOW).findings
    (one,) = told.to_dicts()
    assert (one["code"], one["severity"], one["table"], one["record_id"]) == (
        "enrichment.disagrees", "notice", "accounts", "A1",
    )  # fmt: skip
    assert one["message"] == "employees of Acme is '120', clearlist says '150' (80% sure). The typed value stays."


def test_what_was_told_is_not_asked_again_until_it_is_old_and_a_limit_holds(small: Workspace) -> None:
    assert enrich(small, provider="clearlist", limit=1, now=NOW).asked == {"clearlist": 1}
    assert enrich(small, provider="clearlist", now=NOW + timedelta(days=1)).asked == {"clearlist": 1}
    assert enrich(small, provider="clearlist", now=NOW + timedelta(days=2)).asked == {"clearlist": 0}
    assert enrich(small, provider="clearlist", now=NOW + timedelta(days=400)).asked == {"clearlist": 2}


def test_a_provider_that_cannot_be_read_is_a_finding_and_the_others_are_asked(small: Workspace) -> None:
    (small.root / "firms.csv").unlink()
    found = enrich(small, now=NOW)
    assert found.findings["code"].to_list() == ["enrichment.unanswered"]
    assert found.answered == {"clearlist": 0, "guess": 1}


def test_every_value_of_a_record_has_its_teller(small: Workspace) -> None:
    enrich(small, now=NOW)
    rows = {
        (row["column"], row["who"]): (row["value"], row["since"], row["confidence"], row["is_shown"])
        for row in provenance(small, "accounts", "A1").to_dicts()
    }
    assert rows[("employees", "crm")] == ("120", None, None, True)
    assert rows[("employees", "clearlist")] == ("150", NOW, 0.8, False)
    assert rows[("industry", "clearlist")] == ("Software", NOW, 0.8, True)
    assert rows[("industry", "guess")] == ("Games", NOW, 0.3, False)
    assert rows[("revenue", "clearlist")] == ("5000.50", NOW, 0.8, True)
    with pytest.raises(QuarterdeckError, match="no record 'A9'"):
        provenance(small, "accounts", "A9")


def test_an_unknown_provider_and_a_missing_file_are_told(small: Workspace) -> None:
    with pytest.raises(QuarterdeckError, match="did you mean 'clearlist'"):
        enrich(small, provider="clearlst", now=NOW)
    (small.root / "enrichment.yaml").unlink()
    with pytest.raises(QuarterdeckError, match=r"enrichment\.yaml is missing"):
        enrich(small, now=NOW)
