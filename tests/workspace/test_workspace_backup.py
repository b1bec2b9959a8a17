"""What is restored is what was backed up, while the workspace was in use; a damaged archive leaves nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from small_company import ACCOUNTS, PEOPLE, SmallCompany, deal

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.records.ledger import Ledger
from quarterdeck.workspace import Workspace

LEAD = {"id": "web-1", "name": "Ann Web", "channel": "web", "created_at": "2026-01-05T10:00:00"}


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    made = SmallCompany(tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1"), deal("D2")])
    made.sync(opportunities=[deal("D1", stage="Demo"), deal("D2")])
    made.workspace.merge("accounts", "A2", "A1", who="Kim", reason="same", now=made.now)
    return made


def tables(workspace: Workspace) -> dict[str, object]:
    names = ("opportunities", "opportunity_history", "accounts", "people", "leads")
    return {name: workspace.table(name).to_dicts() for name in names}


def test_a_restored_workspace_shows_the_same_and_goes_on(company: SmallCompany, tmp_path: Path) -> None:
    workspace = company.workspace
    workspace.receive("leads", [LEAD], source="web", now=company.now)
    before, then, report = tables(workspace), company.now, workspace.reconciliation()
    made = workspace.backup(tmp_path / "one.qdbackup", now=company.now)
    assert made.files > 5
    company.sync(opportunities=[deal("D9")])
    with Workspace.restore(tmp_path / "one.qdbackup", tmp_path / "again") as again:
        assert tables(again) == before
        assert again.table("opportunities", known_at=then.replace(hour=8)).height == 2
        assert again.merges().equals(workspace.merges())
        assert again.reconciliation().equals(report)
        assert again.ledger.verify() == []
        again.sync(now=company.now)
        assert tables(again)["leads"] == before["leads"]
        assert again.lake.state().inbox == 1


def test_a_backup_is_of_one_moment_while_a_sync_goes_on(
    company: SmallCompany, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, copy = company.workspace, Ledger.copy
    before = tables(workspace)["opportunities"]

    def busy(ledger: Ledger, to: Path) -> None:
        workspace.receive("leads", [LEAD], source="web", now=company.now)
        company.sync(opportunities=[deal("D7")])
        copy(ledger, to)

    monkeypatch.setattr(Ledger, "copy", busy)
    workspace.backup(tmp_path / "one.qdbackup", now=company.now)
    with Workspace.restore(tmp_path / "one.qdbackup", tmp_path / "again") as again:
        assert tables(again)["opportunities"] == before
        assert [row["id"] for row in again.table("leads").to_dicts()] == ["web-1"]
        assert again.is_stale()
        again.sync(now=company.now)
        assert [row["id"] for row in again.table("leads").to_dicts()] == ["web-1"]


@pytest.mark.postgresql
def test_a_ledger_on_postgresql_is_backed_up_and_restored_to_either(
    company: SmallCompany, tmp_path: Path, postgresql_url: str
) -> None:
    workspace = company.workspace
    workspace.backup(tmp_path / "one.qdbackup", now=company.now)
    with Workspace.restore(tmp_path / "one.qdbackup", tmp_path / "team", ledger=postgresql_url) as team:
        assert team.merges().equals(workspace.merges())
        assert team.ledger.verify() == []
        team.merge("accounts", "A3", "A1", who="Lee", reason="bought", now=company.now)
        team.backup(tmp_path / "two.qdbackup", now=company.now)
        with Workspace.restore(tmp_path / "two.qdbackup", tmp_path / "home") as home:
            assert home.merges().equals(team.merges())
            assert home.ledger.verify() == []
    with pytest.raises(QuarterdeckError, match="restore into an empty one"):
        Workspace.restore(tmp_path / "one.qdbackup", tmp_path / "third", ledger=postgresql_url)
    assert not (tmp_path / "third").exists()


def rewritten(archive: Path, to: Path, change: str) -> None:
    """The archive with one member changed, dropped or added."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if change == "changed" and name.endswith("people/00000001-export-0.parquet"):
                data = data[:-10] + bytes(10)
            if change == "dropped" and name == "quarterdeck.yaml":
                continue
            if change == "path" and name == "manifest.json":
                value = json.loads(data)
                value["members"]["../evil.txt"] = {"size": 4, "sha256": "x"}
                new.writestr("../evil.txt", "evil")
                data = json.dumps(value).encode()
            if change == "longer" and name == "manifest.json":
                value = json.loads(data)
                value["members"]["quarterdeck.yaml"]["size"] -= 1
                data = json.dumps(value).encode()
            new.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("changed", "is damaged"),
        ("dropped", "does not hold the files"),
        ("path", "outside the workspace"),
        ("longer", "is damaged"),
    ],
)
def test_an_archive_that_was_tampered_with_is_refused_and_leaves_nothing(
    company: SmallCompany, tmp_path: Path, change: str, told: str
) -> None:
    company.workspace.backup(tmp_path / "one.qdbackup", now=company.now)
    rewritten(tmp_path / "one.qdbackup", tmp_path / "bad.qdbackup", change)
    with pytest.raises(QuarterdeckError, match=told):
        Workspace.restore(tmp_path / "bad.qdbackup", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme", "bad.qdbackup", "export", "one.qdbackup"]


def test_half_an_archive_another_file_and_a_folder_that_is_there_are_refused(
    company: SmallCompany, tmp_path: Path
) -> None:
    archive = tmp_path / "one.qdbackup"
    company.workspace.backup(archive, now=company.now)
    (tmp_path / "half").write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    for path, told in (("half", "no whole archive"), ("export/people.csv", "no whole archive"), ("no", "no whole")):
        with pytest.raises(QuarterdeckError, match=told):
            Workspace.restore(tmp_path / path, tmp_path / "again")
    with pytest.raises(QuarterdeckError, match="is there already"):
        Workspace.restore(archive, company.root)
    with pytest.raises(QuarterdeckError, match="is there already"):
        company.workspace.backup(archive, now=company.now)


def test_an_erasure_names_the_backups_that_still_hold_the_person(company: SmallCompany, tmp_path: Path) -> None:
    workspace = company.workspace
    workspace.backup(tmp_path / "one.qdbackup", now=company.now)
    inside = workspace.backup(workspace.root / "two.qdbackup", now=company.now)
    done = workspace.erase(workspace.find_person("rosie@acme.com"), who="Lee", reason="asked", now=company.now)
    assert not inside.path.exists()
    assert done.removed == ("two.qdbackup",)
    assert [one for one in done.elsewhere if "backup" in one] == [
        f"the backup {tmp_path / 'one.qdbackup'} of 2026-01-05"
    ]
