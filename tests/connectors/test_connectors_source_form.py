"""Records go back into the source's own columns so that reading them again gives the same records."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.connectors import from_yaml, propose, read
from quarterdeck.connectors.mapping import Mapping
from quarterdeck.connectors.source_form import entry_of, in_source_form

COMPANY = Company(name="Acme", timezone="Asia/Seoul")
MAPPING = from_yaml(
    """
source: crm
id_prefix: 'x-'
timezone: Asia/Seoul
files:
  - path: people.csv
    table: people
    columns: [{column: Mail, target: id}, {column: Name, target: name}]
  - path: deals.csv
    table: opportunities
    columns:
      - {column: Nr, target: id}
      - {column: Titel, target: name}
      - {column: Phase, target: stage}
      - {column: Phase, target: status, values: {Gewonnen: won, Verloren: lost, Angebot: open}}
      - {column: Wert (Tsd), target: amount, decimal: ",", scale: 1000}
      - {column: Besitzer, target: owner_id, joins: people.name}
      - {column: Beginn, target: created_at, format: "%d.%m.%Y"}
      - {column: Schluss, target: expected_close_on, format: "%d.%m.%Y"}
      - {column: Ende, target: closed_at}
      - {column: Notiz, target: attributes}
""",
    "crm.yaml",
)
PEOPLE = {"x-ann@x.de": "Ann Arbor", "x-bob@x.de": "Bob"}


def names(table: str, column: str) -> dict[str, str]:
    assert (table, column) == ("people", "name")
    return PEOPLE


def written(frame: pl.DataFrame, **options: Any) -> pl.DataFrame:
    entry = entry_of(MAPPING, "opportunities")
    return in_source_form(frame, entry, MAPPING, names=names, zone=COMPANY.zone, currency="EUR", **options)


def canonical(folder: Path, mapping: Mapping, table: str) -> pl.DataFrame:
    parts = [batch.frame for batch in read(mapping, folder, company=COMPANY) if batch.table == table]
    return pl.concat(parts).sort("id")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
DEAL = st.fixed_dictionaries(
    {
        "Titel": TEXT.filter(lambda text: text not in MAPPING.missing),
        "Phase": st.sampled_from(["Gewonnen", "Verloren", "Angebot"]),
        "Wert (Tsd)": st.integers(-(10**9), 10**9).map(lambda number: f"{number / 100000:.5f}".replace(".", ",")),
        "Besitzer": st.sampled_from(["Ann Arbor", "Bob"]),
        "Beginn": st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(lambda day: f"{day:%d.%m.%Y}"),
        "Schluss": st.sampled_from(["", "31.12.2026"]),
        "Ende": st.sampled_from(["", "2026-03-01", "2026-03-01T10:30:00Z"]),
        "Notiz": st.sampled_from(["", "=1+1", 'say "hi", then', "a\nb"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(DEAL, min_size=1, max_size=6))
def test_what_is_written_for_a_source_reads_as_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    pl.DataFrame({"Mail": ["ann@x.de", "bob@x.de"], "Name": ["Ann Arbor", "Bob"]}).write_csv(folder / "people.csv")
    pl.DataFrame([{"Nr": f"N{number}", **row} for number, row in enumerate(rows)]).write_csv(folder / "deals.csv")
    before = canonical(folder, MAPPING, "opportunities")
    written(before).write_csv(folder / "deals.csv", line_terminator="\r\n")
    assert canonical(folder, MAPPING, "opportunities").equals(before)


ONE = {
    "id": "x-N1", "source": "crm", "source_id": "N1", "name": "=A", "stage": "Angebot", "status": "won", "amount": 1234567,
    "currency": "EUR", "owner_id": "x-bob@x.de", "created_at": datetime(2026, 1, 31, 15), "expected_close_on": None,
    "closed_at": datetime(2026, 3, 1, 1, 30), "attributes": '{"Notiz": "hot"}',
}  # fmt: skip


def test_values_are_in_the_source_s_words_numbers_days_and_zone() -> None:
    (row,) = written(pl.DataFrame([ONE])).to_dicts()
    assert row == {
        "Nr": "N1", "Titel": "=A", "Phase": "Angebot", "Wert (Tsd)": "12,34567", "Besitzer": "Bob", "Beginn": "01.02.2026",
        "Schluss": None, "Ende": "2026-03-01T01:30:00Z", "Notiz": "hot",
    }  # fmt: skip


def test_only_the_wanted_columns_go_out_beside_the_key_and_an_outcome_in_the_source_s_word() -> None:
    (row,) = written(pl.DataFrame([ONE]), only=["status", "name"]).to_dicts()
    assert row == {"Nr": "N1", "Titel": "=A", "Phase": "Gewonnen"}


def test_a_record_that_the_source_does_not_have_has_no_key_yet() -> None:
    (row,) = written(pl.DataFrame([{**ONE, "source": "typed"}]), only=["name"]).to_dicts()
    assert row == {"Nr": None, "Titel": "=A"}


def test_a_table_that_the_source_does_not_hold_is_told() -> None:
    with pytest.raises(QuarterdeckError, match="crm holds no leads; it holds opportunities, people"):
        entry_of(MAPPING, "leads")


@pytest.mark.shared_data
def test_the_public_export_comes_back_as_it_was(shared_data: Path) -> None:
    folder = shared_data / "crm_sales_opportunities"
    mapping = propose(folder, "crm")
    ids = {
        table: dict(canonical(folder, mapping, table).select("id", "name").iter_rows())
        for table in ("people", "accounts", "products")
    }
    deals = canonical(folder, mapping, "opportunities")
    made = in_source_form(
        deals, entry_of(mapping, "opportunities"), mapping, names=lambda table, _: ids[table], zone=COMPANY.zone,
        currency="USD",
    ).sort("opportunity_id")  # fmt: skip
    path = folder / entry_of(mapping, "opportunities").path
    theirs = pl.read_csv(path, infer_schema=False).sort("opportunity_id")
    amounts = pl.col("close_value").cast(pl.Float64)
    # their GTXPro is the product GTX Pro
    right = pl.col("product").replace("GTXPro", "GTX Pro")
    assert made.with_columns(amounts).equals(theirs.with_columns(amounts, right).select(made.columns))
