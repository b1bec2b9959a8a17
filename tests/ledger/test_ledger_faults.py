"""What a user reads when the ledger cannot be used: what is wrong, and what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.records.ledger import Ledger, LedgerBusy, LedgerUnreachable, WrongLedgerUrl, database

AT = datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ledger.sqlite3", "is no database URL: write sqlite:///"),
        ("mysql://user@host/database", "cannot lie in 'mysql'"),
        ("oracle+nothing://host", "cannot lie in 'oracle"),
        ("nothing://host", "cannot lie in 'nothing'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("", "is no database URL"),
    ],
)
def test_a_url_that_no_ledger_can_lie_at_is_refused(url: str, message: str) -> None:
    with pytest.raises(WrongLedgerUrl, match=message) as caught:
        Ledger.open(url)
    assert "write sqlite:////absolute/path" in str(caught.value)
    assert isinstance(caught.value, QuarterdeckError)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg(scheme: str) -> None:
    assert database.parse(f"{scheme}://user@host/database").drivername == "postgresql+psycopg"


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(LedgerUnreachable, match="check that the server runs") as caught:
        Ledger.open("postgresql+psycopg://kim:secret@127.0.0.1:1/sales?connect_timeout=2")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1/sales" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreachable, match=r"missing/ledger\.sqlite3 cannot be used .*: create the folder"):
        Ledger.open(f"sqlite:///{tmp_path}/missing/ledger.sqlite3")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_text("name,amount\n" * 1000)
    with pytest.raises(LedgerUnreachable, match="the file is something else: move it away"):
        Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3")
    assert (tmp_path / "ledger.sqlite3").read_text() == "name,amount\n" * 1000


def test_a_locked_ledger_says_so_after_its_patience(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    with Ledger.open(url) as ledger, Ledger.open(url) as other:
        with ledger.transaction("pay"), pytest.raises(LedgerBusy, match=r"locked by another .* try again"):
            other.append("pay", "line", {}, who="kim", at=AT)
        assert other.append("pay", "line", {}, who="kim", at=AT).sequence == 1


def test_answered_means_on_the_disk(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.sqlite3"):
        opened = database.Database(f"sqlite:///{tmp_path}/ledger.sqlite3")
        with opened.reading() as connection:
            settings = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
        opened.close()
    assert settings == ["wal", 2]  # 2 is FULL: each commit waits until the disk has it


def test_readers_do_not_wait_for_a_writer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "PATIENCE", 1.0)
    with Ledger.open(url) as ledger, Ledger.open(url) as other:
        ledger.append("pay", "line", {}, who="kim", at=AT)
        with ledger.transaction("pay") as inside:
            inside.append("pay", "line", {}, who="kim", at=AT)
            assert len(other.entries("pay")) == 1
            assert other.verify() == []
        assert len(other.entries("pay")) == 2
