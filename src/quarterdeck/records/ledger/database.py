"""The ledger's connection: SQLite in WAL mode or PostgreSQL, its migrations, its locks, and its faults in words."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from quarterdeck.records.ledger.errors import (
    LedgerBusy,
    LedgerError,
    LedgerTooNew,
    LedgerUnreachable,
    WrongLedgerUrl,
)
from quarterdeck.records.ledger.schema import REVISION, VERSION_TABLE

PATIENCE = 30.0
"""Seconds that a writer waits for another one before it gives up with LedgerBusy."""

_FORMS = "write sqlite:////absolute/path/ledger.sqlite3 or postgresql+psycopg://user:password@host/database"
# Held while the tables are made or migrated; any constant of our own does.
_MIGRATION_LOCK = 7_305_521_884
_WRITES = "ledger_writes"

# What the two databases say (SQLite's words, PostgreSQL's SQLSTATE) and what it means to the user.
_BUSY = ("database is locked", "database table is locked", "55P03", "40P01", "57014")
_REMEDIES = {
    "unable to open database file": "create the folder, or check the path and who may write there",
    "file is not a database": "the file is something else: move it away, or name another one",
    "readonly database": "let this user write the file and its folder",
    "disk is full": "free some space; what was answered before is kept",
    "malformed": "restore the file from a backup; 'PRAGMA integrity_check' tells what is damaged",
}


class Database:
    """An engine at a URL, with transactions that read or write.

    Safe to share between threads; after a fork the child takes connections of its own.
    """

    def __init__(self, url: str) -> None:
        self.url = parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        self._process = os.getpid()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; on SQLite it holds the file's one write lock from its first moment."""
        with self._speaking(), self._connected(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads one state, however many statements it takes, and waits for nobody."""
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._speaking(), self._connected(**options) as connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Brings the tables to the newest version; of two processes that do so at once, one waits for the other."""
        with self._speaking(), self._connected() as connection:
            if _version(connection) == REVISION:
                return
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            if _version(connection) != REVISION:
                _upgrade(connection, self.shown)

    def forget_erased(self) -> None:
        """Drops SQLite's copies of erased pages from the write-ahead log, and PostgreSQL's dead rows."""
        options = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self._speaking(), self._connected(**options) as connection:
            if self.is_sqlite:
                # On the driver's connection, because a checkpoint cannot run inside a transaction.
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                connection.exec_driver_sql("VACUUM ledger_payloads")

    def close(self) -> None:
        self._engine.dispose()

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    def _connected(self, **options: Any) -> Connection:
        if os.getpid() != self._process:
            self._engine.dispose(close=False)
            self._process = os.getpid()
        return self._engine.connect().execution_options(**options)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _in_words(error.orig, self.shown) from error
        except sqlite3.Error as error:
            raise _in_words(error, self.shown) from error


def parse(url: str) -> URL:
    """The URL of a ledger; `postgresql://` and `postgres://` mean psycopg.

    Raises WrongLedgerUrl for another database, an in-memory one, or text that is no URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise WrongLedgerUrl(f"{url!r} is no database URL: {_FORMS}") from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        name = parsed.get_dialect().name
    except NoSuchModuleError as error:
        raise WrongLedgerUrl(f"a ledger cannot lie in {parsed.drivername!r}: {_FORMS}") from error
    if name not in ("sqlite", "postgresql"):
        raise WrongLedgerUrl(f"a ledger cannot lie in {parsed.drivername!r}: {_FORMS}")
    if name == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise WrongLedgerUrl(f"a ledger needs a file, {url!r} names none: {_FORMS}")
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver would begin by itself, late and without the lock; `begin` below does it instead.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        # Answered means on the disk, also when the power fails.
        connection.execute("PRAGMA synchronous = FULL")
        # What is erased must not survive in the file's free space.
        connection.execute("PRAGMA secure_delete = ON")
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite does not wait for a lock on this one statement, so two processes that make the file at once must.
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
            if mode != "wal":
                mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise LedgerUnreachable(
                "SQLite cannot keep a write-ahead log in this folder (a network drive?): "
                "put the workspace on a local disk, or set the ledger to a PostgreSQL URL"
            )
        return


def _postgresql_engine(url: URL) -> Engine:
    engine = sa.create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{PATIENCE:.0f}s'")
            # A program that stops inside a transaction must not keep a stream from everybody else.
            cursor.execute("SET idle_in_transaction_session_timeout = '120s'")
        connection.commit()

    return engine


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _upgrade(connection: Connection, shown: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    folder = str(files("quarterdeck.records.ledger") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    found = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise LedgerTooNew(
            f"this ledger was written by a newer Quarterdeck (its tables are version {found}, this program knows up to "
            f"{REVISION}): install the newer Quarterdeck to open {shown}"
        )
    command.upgrade(config, "head")


def _in_words(error: BaseException | None, shown: str) -> LedgerError:
    said = str(error).strip()
    state = getattr(error, "sqlstate", None)
    if any(sign in said or sign == state for sign in _BUSY):
        return LedgerBusy(
            f"the ledger {shown} has been locked by another process for {PATIENCE:.0f} s; nothing was written: "
            "try again, and if it stays so, look for a stopped program that holds it open"
        )
    for sign, remedy in _REMEDIES.items():
        if sign in said:
            return LedgerUnreachable(f"the ledger {shown} cannot be used ({said}): {remedy}")
    return LedgerUnreachable(
        f"the ledger {shown} does not answer as it should ({said}): check that the server runs, "
        "and the user, password and database in the URL"
    )
