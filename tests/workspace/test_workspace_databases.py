"""A workspace on a database: made from its URL, asked when it is due, quiet about passwords, steady when it is away."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from quarterdeck.base.errors import ConfigurationError
from quarterdeck.workspace import Workspace

NOW = datetime(2026, 7, 1, 9, 0)


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    """A SQLite database of deals."""
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE deals (id TEXT PRIMARY KEY, name TEXT, stage TEXT, amount DECIMAL(12,2), created_at TEXT,"
            " close_date TEXT, updated_at TEXT)"
        )
        for n in range(30):
            row = (f"D{n:02}", f"Deal {n}", ["Won", "Lost", "Proposal"][n % 3], n + 0.5, "2026-01-03", "2026-05-01")
            connection.execute("INSERT INTO deals VALUES (?,?,?,?,?,?,?)", (*row, f"2026-06-01 10:00:{n:02}"))
    return path


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)


def test_it_is_made_from_a_url_and_later_syncs_take_the_differences(crm: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "acme", f"sqlite:///{crm}", now=NOW) as workspace:
        assert workspace.table("opportunities")["amount"].sum() == sum(100 * n + 50 for n in range(30))
        assert "url: 'sqlite:///../crm.db'" in (workspace.root / "quarterdeck.yaml").read_text(encoding="utf-8")
        assert "stamp: updated_at" in (workspace.root / "mapping" / "crm.yaml").read_text(encoding="utf-8")
        assert not workspace.is_stale(NOW + timedelta(minutes=59))
        assert workspace.is_stale(NOW + timedelta(minutes=60))
        change(crm, "UPDATE deals SET amount = 1000, updated_at = '2026-06-02 08:00:00' WHERE id = 'D04'")
        change(crm, "DELETE FROM deals WHERE id = 'D05'")
        report = workspace.sync(now=NOW + timedelta(hours=1))
        (batch,) = [batch for batch in report.batches if batch.table == "opportunities"]
        assert (batch.added, batch.changed, batch.deleted) == (0, 1, 1)
        deals = workspace.table("opportunities")
        assert deals.filter(pl.col("id") == "D04")["amount"].to_list() == [100_000]
        assert workspace.table("opportunities", known_at=NOW + timedelta(minutes=1)).height == 30
        sequence = report.sequence
        assert workspace.sync(now=NOW + timedelta(hours=2)).sequence == sequence


def test_a_database_that_is_away_is_a_finding_and_what_it_said_stays(crm: Path, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "acme", f"sqlite:///{crm}", now=NOW) as workspace:
        crm.rename(crm.with_suffix(".gone"))
        report = workspace.sync(now=NOW + timedelta(hours=1))
        (finding,) = report.findings.filter(pl.col("code") == "records.source_unreachable").to_dicts()
        assert finding["severity"] == "error"
        assert "What it said at 2026-07-01 09:00 UTC is shown." in finding["message"]
        assert workspace.table("opportunities").height == 30


def test_a_mirror_that_was_deleted_is_read_anew_to_the_same_records(crm: Path, tmp_path: Path) -> None:
    import shutil

    with Workspace.create(tmp_path / "acme", f"sqlite:///{crm}", now=NOW) as workspace:
        before = workspace.table("opportunities")
        shutil.rmtree(workspace.root / "lake" / "_sources")
        batches = workspace.sync(now=NOW + timedelta(hours=1)).batches
        assert sum(batch.added + batch.changed + batch.deleted for batch in batches) == 0
        assert workspace.table("opportunities").equals(before)


def test_a_password_in_clear_is_refused_and_not_repeated(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "acme", now=NOW).close()
    settings = tmp_path / "acme" / "quarterdeck.yaml"
    bad = "sources: [{name: crm, url: 'postgresql://reader:geheim@host/crm'}]"
    settings.write_text(settings.read_text(encoding="utf-8").replace("sources: []", bad), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Workspace.open(tmp_path / "acme")
    assert "a password stands in it in clear" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.postgresql
def test_init_writes_a_password_into_no_file(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sa.create_engine(postgresql_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE deals (id text PRIMARY KEY, name text, stage text, amount numeric)")
        connection.exec_driver_sql(
            "INSERT INTO deals SELECT 'D' || n, 'Deal ' || n, CASE WHEN mod(n, 2) = 0 THEN 'Won' ELSE 'Lost' END, n"
            " FROM generate_series(1, 20) n"
        )
    # the variable that init sets for this process is taken back after the test
    monkeypatch.setenv("POSTGRES_PASSWORD", "")
    url = sa.make_url(postgresql_url).set(password="geheim123").render_as_string(hide_password=False)
    with Workspace.create(tmp_path / "acme", url, now=NOW) as workspace:
        assert workspace.table("opportunities").height == 20
        for path in workspace.root.rglob("*"):
            assert not path.is_file() or b"geheim123" not in path.read_bytes(), path
        assert "${POSTGRES_PASSWORD}" in (workspace.root / "quarterdeck.yaml").read_text(encoding="utf-8")
