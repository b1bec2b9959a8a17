"""A folder that grows: what a person wrote stays, only what is new is guessed, and it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.base.config import Company
from quarterdeck.connectors import Mapping, from_yaml, propose, read, to_yaml
from quarterdeck.connectors.growth import changes, extended

DEALS = "id,stage,amount,account id,created\n" + "".join(f"d{n},Won,{n}5,a{n % 4},2024-01-02\n" for n in range(30))
ACCOUNTS = "id,name,industry\n" + "".join(f"a{n},Firm {n},Retail\n" for n in range(4))


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def known(tmp_path: Path) -> Mapping:
    """A mapping in which a person moved a column, and wrote down that the account's file is not to be made."""
    put(tmp_path, "deals.csv", DEALS)
    text = to_yaml(propose(tmp_path, "crm")).replace("target: amount", "target: attributes")
    return from_yaml(text, "m")


def test_without_anything_new_the_mapping_is_the_same(tmp_path: Path, known: Mapping) -> None:
    assert propose(tmp_path, "crm", known=known) == known
    assert changes(known, known) == []


def test_a_new_file_is_guessed_with_its_joins_and_what_a_person_wrote_stays(tmp_path: Path, known: Mapping) -> None:
    put(tmp_path, "calls.csv", "call id,deal id,when\n" + "".join(f"c{n},d{n},2024-02-03\n" for n in range(30)))
    grown = propose(tmp_path, "crm", known=known)
    assert [entry for entry in grown.files if entry.path == "deals.csv"] == list(known.files)
    calls = next(entry for entry in grown.files if entry.path == "calls.csv")
    reference = calls.column_for("opportunity_id")
    assert calls.table == "activities"
    assert reference is not None
    assert "deals.csv" in reference.reason
    (told,) = changes(known, grown)
    assert told.startswith("calls.csv is new and is taken as activities")


def test_a_new_column_takes_a_free_place_and_is_told(tmp_path: Path, known: Mapping) -> None:
    lines = [f"{line},{'region' if not n else 'West'}" for n, line in enumerate(DEALS.splitlines())]
    put(tmp_path, "deals.csv", "\n".join(lines) + "\n")
    grown = propose(tmp_path, "crm", known=known)
    entry = next(entry for entry in grown.files if entry.path == "deals.csv" and not entry.is_distinct)
    old = next(entry for entry in known.files if entry.path == "deals.csv" and not entry.is_distinct)
    assert entry.columns[: len(old.columns)] == old.columns
    assert [(column.column, column.target) for column in entry.columns[len(old.columns) :]] == [("region", "region")]
    assert changes(known, grown)[0].startswith("The column 'region' came to deals.csv and could be region")


def test_a_table_that_a_new_file_lists_is_not_made_again_from_values(tmp_path: Path, known: Mapping) -> None:
    put(tmp_path, "accounts.csv", ACCOUNTS)
    grown = propose(tmp_path, "crm", known=known)
    made = [entry for entry in grown.files if entry.table == "accounts"]
    assert [(entry.path, entry.is_distinct) for entry in made] == [("accounts.csv", False), ("deals.csv", True)]


def test_new_files_are_added_to_the_text_and_a_persons_words_in_it_stay(tmp_path: Path, known: Mapping) -> None:
    text = to_yaml(known).replace("source: crm\n", "source: crm  # ours\n") + "# the end\n"
    put(tmp_path, "accounts.csv", ACCOUNTS)
    put(tmp_path, "notes.csv", "a,b\nx,y\n")
    grown = propose(tmp_path, "crm", known=known)
    longer = extended(text, known, grown, "mapping/crm.yaml")
    assert "source: crm  # ours\n" in longer
    assert longer.rstrip().endswith("# the end")
    key = lambda entry: (entry.path, entry.is_distinct, entry.table)  # noqa: E731
    assert sorted(from_yaml(longer, "m").files, key=key) == sorted(grown.files, key=key)
    assert extended(text, known, known, "m") == text


def test_files_are_added_to_an_empty_list(tmp_path: Path) -> None:
    put(tmp_path, "deals.csv", DEALS)
    empty = from_yaml("source: crm\nfiles: []\n", "m")
    grown = propose(tmp_path, "crm", known=empty)
    longer = extended("source: crm\nfiles: []\n", empty, grown, "m")
    assert from_yaml(longer, "m").files == grown.files
    (deals,) = [b for b in read(from_yaml(longer, "m"), tmp_path, company=Company()) if b.table == "opportunities"]
    assert deals.frame.height == 30
