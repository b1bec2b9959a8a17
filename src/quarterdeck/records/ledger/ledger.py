"""The ledger: append, read, verify, erase; and the inbox of live arrivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from quarterdeck.records.ledger import copying, erasure, inbox, reading, verification
from quarterdeck.records.ledger.database import Database
from quarterdeck.records.ledger.entry import STREAMS, Draft, Entry, InboxRow
from quarterdeck.records.ledger.errors import LedgerError
from quarterdeck.records.ledger.transaction import Transaction

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class Ledger:
    """Streams of entries that are only ever appended, each entry chained to the one before by its hash.

    One object serves all threads of a process; several processes may open the same URL. Every call is a transaction
    of its own: when it returns, it is on the disk; when it raises, nothing was written. All calls raise LedgerBusy
    when another process holds the lock too long, and LedgerUnreachable when the database does not answer.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, url: str, *, clock: Clock = utc_now) -> Self:
        """The ledger at `sqlite:////path/ledger.sqlite3` or `postgresql+psycopg://…`; its tables are made or migrated.

        `clock` gives `recorded_at`; naive instants are UTC. Raises WrongLedgerUrl, LedgerUnreachable, and LedgerTooNew
        when a newer Quarterdeck wrote it.
        """
        database = Database(url)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return cls(database, clock)

    def copy(self, to: Path) -> None:
        """Writes all entries as they stand at one moment into a new SQLite file; nobody need wait for it."""
        target = Database(f"sqlite:///{to.resolve()}")
        try:
            target.migrate()
            copying.copy(self._database, target)
        finally:
            target.close()

    @classmethod
    def restored(cls, copy: Path, url: str) -> Self:
        """The ledger at a URL, filled with what `copy` wrote. Raises LedgerError when it holds entries already."""
        made, source = cls.open(url), Database(f"sqlite:///{copy.resolve()}")
        try:
            copying.copy(source, made._database)
        except BaseException:
            made.close()
            raise
        finally:
            source.close()
        return made

    def close(self) -> None:
        """Gives the connections back; the next call would take new ones."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, *streams: str) -> Iterator[Transaction]:
        """Locks the streams, in the house's order, for: read the state, decide, append. An exception undoes all.

        On SQLite it keeps every other writer waiting, so nothing slow belongs inside.
        """
        if not streams:
            raise LedgerError(f"name the streams that the transaction appends to: {', '.join(STREAMS)}")
        with self._database.writing() as connection:
            yield Transaction(connection, streams, self._clock)

    def append(
        self,
        stream: str,
        kind: str,
        payload: Mapping[str, Any],
        *,
        who: str,
        at: datetime,
        expect: int | None = None,
    ) -> Entry:
        """The new entry. `expect` is the sequence of the head that the caller saw; StaleLedger when it moved since."""
        return self.append_many([Draft(stream, kind, payload, who, at, expect)])[0]

    def append_many(self, entries: Sequence[Draft]) -> list[Entry]:
        """The new entries in the order given, across streams; all or nothing."""
        if not entries:
            return []
        with self.transaction(*(draft.stream for draft in entries)) as transaction:
            return transaction.append_many(entries)

    def append_batch(
        self, stream: str, kind: str, rows: Sequence[Mapping[str, Any]], *, who: str, at: datetime
    ) -> Entry:
        """One entry that seals all rows, for busy streams; its payload is `{"rows": [...]}`."""
        with self.transaction(stream) as transaction:
            return transaction.append_batch(stream, kind, rows, who=who, at=at)

    def entries(
        self,
        stream: str,
        *,
        kind: str | None = None,
        after: int = 0,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """The entries in order: of a kind, with a sequence above `after`, recorded by `until` (known at that time)."""
        with self._database.reading() as connection:
            return reading.entries_of(connection, stream, kind=kind, after=after, until=until, limit=limit)

    def head(self, stream: str) -> Entry | None:
        """The newest entry, None in an empty stream."""
        with self._database.reading() as connection:
            return reading.head_of(connection, stream)

    def verify(self, stream: str | None = None) -> list[str]:
        """What is broken in the chain of a stream, or of all, in words; empty when all is whole."""
        with self._database.reading() as connection:
            return verification.faults(connection, STREAMS if stream is None else (stream,))

    def erase(
        self, stream: str, sequence: int, *, who: str, at: datetime, reason: str, row: int | None = None
    ) -> Entry:
        """Removes a payload, or one `row` of a sealed batch, for good; its digest stays, so the chain holds.

        Gives the `erasure` entry that marks it (the earlier one when it was erased before). `who` and `reason` stay
        for ever: they must not repeat what is erased.
        """
        with self.transaction(stream) as transaction:
            why = Draft(stream, "", {"reason": reason}, who, at)
            marker = erasure.erase(transaction, stream, sequence, row, why)
        self._database.forget_erased()
        return marker

    def forget_erased(self) -> None:
        """Drops the database's own copies of what was erased: SQLite's log and free pages, PostgreSQL's dead rows."""
        self._database.forget_erased()

    def receive(
        self,
        table: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        source: str,
        at: datetime,
        idempotency_key: str | None = None,
    ) -> int:
        """Keeps live rows of a table as one arrival, and gives its sequence, once they are on the disk.

        What comes again under the same key of the same source is not kept twice: the first arrival's sequence is given.
        """
        with self.transaction("inbox") as transaction:
            arrival = Draft("inbox", table, {"rows": rows}, source, at)
            return inbox.receive(transaction, arrival, rows, idempotency_key)

    def inbox(
        self,
        *,
        drained: bool = False,
        table: str | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        after: int | None = None,
    ) -> list[InboxRow]:
        """The rows that the lake has not taken yet (or those that it has), in the order of their arrival.

        `limit` counts arrivals, which are never cut in two; erased rows are left out. `after` gives all rows above a
        sequence, taken or not.
        """
        with self._database.reading() as connection:
            return inbox.rows(connection, drained=drained, table=table, until=until, limit=limit, after=after)

    def drain(self, up_to: int) -> int:
        """Marks all arrivals up to this sequence as taken by the lake; gives how many were newly marked."""
        with self._database.writing() as connection:
            return inbox.drain(connection, up_to)
