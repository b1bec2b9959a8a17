"""The commands that keep a workspace, from the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_company import ACCOUNTS, PEOPLE, SmallCompany, deal
from typer.testing import CliRunner

from quarterdeck.interfaces.cli import app


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    made = SmallCompany(tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1"), deal("D2")])
    made.workspace.close()
    return made


def call(*words: Any, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def test_a_merge_is_made_looked_into_and_undone(company: SmallCompany) -> None:
    who = ("--who", "Kim", "--reason", "same")
    assert "merge-1: A2 of accounts is shown as A1" in call("merge", company.root, "accounts", "A2", "A1", *who)
    told = json.loads(call("show", company.root, "accounts", "--where", "id=A1", "--origins", "--json"))
    assert [row for row in told if row["column"] == "city"] == [
        {
            "shown": "A1",
            "column": "city",
            "value": "Bonn",
            "record_id": "A2",
            "source": "export",
            "origin": "the duplicate",
        }
    ]
    assert [row["id"] for row in json.loads(call("show", company.root, "merges", "--json"))] == ["merge-1"]
    assert json.loads(call("show", company.root, "merges", "--known-at", "2026-01-05", "--json")) == []
    call("withdraw", company.root, "merge-1", *who)
    assert json.loads(call("show", company.root, "merges", "--json")) == []
    assert "into itself" in call("merge", company.root, "accounts", "A2", "A2", *who, code=2)


def test_what_a_sync_reconciled_is_told_in_short_and_shown_whole(company: SmallCompany) -> None:
    company.write(opportunities=[deal("D1", amount="5.00"), deal("", amount="70.00")])
    assert "counts agree with the sources' own" in call("sync", company.root)
    lines = json.loads(call("show", company.root, "reconciliation", "--json"))
    (rows,) = [row for row in lines if (row["file"], row["measure"]) == ("opportunities.csv", "rows")]
    assert (rows["read"], rows["kept"], rows["set_aside"]) == (2, 1, 1)
    (aside,) = json.loads(call("show", company.root, "set-aside", "--json"))
    assert aside["line"] == "3"


def test_a_person_is_erased_only_when_that_is_confirmed(company: SmallCompany) -> None:
    words = ("erase", company.root, "rosie@acme.com", "--who", "Lee", "--reason", "asked")
    assert "add --yes" in call(*words, code=2)
    assert "Rosie" in call("show", company.root, "people", "--json")
    told = call(*words, "--yes")
    assert "people P2: Rosie Papadopoulos, rosie@acme.com" in told
    assert "Erased 1 records" in told
    assert "the files of the source export" in told
    assert "Rosie" not in call("show", company.root, "people", "--json")
    assert "Nobody has the key, address or name" in call(*words, "--yes", code=2)


def test_a_backup_is_restored_and_a_second_one_of_the_name_refused(company: SmallCompany, tmp_path: Path) -> None:
    archive = tmp_path / "one.qdbackup"
    assert "files" in call("backup", company.root, "--to", archive)
    assert "is there already" in call("backup", company.root, "--to", archive, code=2)
    assert "every file is as it was backed up" in call("restore", archive, tmp_path / "again")
    assert call("show", tmp_path / "again", "people", "--json") == call("show", company.root, "people", "--json")
    assert "is there already" in call("restore", archive, tmp_path / "again", code=2)


def test_a_table_nobody_had_computed_by_then_says_how_to_make_it(company: SmallCompany) -> None:
    told = call("show", company.root, "scores", "--known-at", "2026-01-06", code=2)
    assert f"quarterdeck run {company.root} --known-at 2026-01-06" in told
    assert "every table is one batch" in call("compact", company.root).casefold()
