"""Exports of six systems: known by their columns, each column where that system means it, objects joined."""

from __future__ import annotations

from pathlib import Path

import pytest
from shape_maker import Shape, records
from shape_scores import listed, wrong
from system_exports import SYSTEMS

from quarterdeck.base import schema
from quarterdeck.base.config import Company
from quarterdeck.connectors import from_yaml, propose, read, to_yaml
from quarterdeck.connectors.systems import _systems
from quarterdeck.connectors.vocabulary import plain

NAMED = [pytest.param(system, shape, id=shape.name) for system, shape in SYSTEMS]


@pytest.mark.parametrize(("system", "shape"), NAMED)
def test_every_file_is_known_and_every_column_is_where_the_system_means_it(
    system: str, shape: Shape, tmp_path: Path
) -> None:
    shape.write(tmp_path)
    mapping = from_yaml(to_yaml(propose(tmp_path, "crm")), "mapping/crm.yaml")
    _, faults = wrong(shape, mapping)
    assert not faults
    for sheet in shape.sheets:
        assert f" {system} export of " in listed(mapping, sheet).reason, sheet.path


@pytest.mark.parametrize(("system", "shape"), NAMED)
def test_the_rows_come_through_with_their_status_and_their_references(
    system: str, shape: Shape, tmp_path: Path
) -> None:
    shape.write(tmp_path)
    batches = list(read(propose(tmp_path, system), tmp_path, company=Company(currency="USD")))
    frames = {batch.table: batch.frame for batch in batches}
    assert all(not batch.set_aside.height for batch in batches)
    if "opportunities" not in frames:
        assert frames["leads"].height == 120
        return
    deals = frames["opportunities"]
    meant = {result: sum(row["result"] == result for row in records("deal", 120)) for result in ("won", "lost", "open")}
    assert {status: deals.filter(status=status).height for status in meant} == meant
    assert deals["amount"].null_count() == 0
    assert deals.filter(status="open")["closed_at"].null_count() == meant["open"]
    assert deals.filter(status="won")["closed_at"].null_count() == 0
    meanings = {meaning for sheet in shape.sheets if sheet.table == "opportunities" for _, _, meaning in sheet.columns}
    assert "owner_id" in meanings
    for column, table in (("account_id", "accounts"), ("owner_id", "people")):
        if column not in meanings:
            continue
        assert deals[column].null_count() == 0
        assert set(deals[column]) <= set(frames[table]["id"]), column


def test_of_several_companies_in_one_cell_the_first_counts(tmp_path: Path) -> None:
    companies = "".join(f"{7000 + n},Firm {n},firm{n}.com\n" for n in range(12))
    (tmp_path / "companies.csv").write_text("Record ID,Company name,Company Domain Name\n" + companies, "utf-8")
    deals = "".join(f"{n},Deal {n},Closed won,{7000 + n % 12};{7000 + (n + 1) % 12},{n}00\n" for n in range(40))
    head = "Record ID,Deal Name,Deal Stage,Associated Company IDs,Amount\n"
    (tmp_path / "deals.csv").write_text(head + deals, "utf-8")
    mapping = from_yaml(to_yaml(propose(tmp_path, "hs")), "mapping/hs.yaml")
    frames = {batch.table: batch.frame for batch in read(mapping, tmp_path, company=Company())}
    assert frames["opportunities"]["account_id"].to_list() == [str(7000 + n % 12) for n in range(40)]


def test_the_list_of_systems_names_our_columns_and_is_written_as_names_are_compared() -> None:
    for system, objects in _systems().items():
        for holds, entry in objects.items():
            spelt = [*entry["columns"].values(), entry.get("kept", []), *entry["marks"]]
            assert all(plain(name) == name for names in spelt for name in names), (system, holds)
            assert set(entry["columns"]) <= set(schema.table(entry["table"]).names), (system, holds)
            known = {name for names in spelt[: len(entry["columns"]) + 1] for name in names}
            strange = [name for marks in entry["marks"] for name in marks if name not in known]
            assert len(strange) <= len(entry["marks"]) * 2, (system, holds, strange)
