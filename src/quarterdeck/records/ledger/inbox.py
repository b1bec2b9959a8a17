"""Live arrivals: sealed batches in the stream `inbox`, whose kind is their table and whose writer is their source."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from quarterdeck.records.ledger import chain, reading
from quarterdeck.records.ledger.entry import ERASURE, Draft, InboxRow
from quarterdeck.records.ledger.errors import LedgerError
from quarterdeck.records.ledger.schema import arrivals, entries, marks, streams
from quarterdeck.records.ledger.transaction import Transaction

STREAM = "inbox"
_LAKE = "lake"


def receive(
    transaction: Transaction, arrival: Draft, rows: Sequence[Mapping[str, Any]], idempotency_key: str | None
) -> int:
    """The sequence of the arrival; of the earlier one when its key is known."""
    key = None if idempotency_key is None else _key(arrival.who, idempotency_key)
    if key is not None:
        known = transaction.connection.execute(sa.select(arrivals.c.sequence).where(arrivals.c.key == key)).scalar()
        if known is not None:
            return int(known)
    entry = transaction.append_batch(STREAM, arrival.kind, rows, who=arrival.who, at=arrival.at)
    if key is not None:
        transaction.connection.execute(arrivals.insert().values(key=key, sequence=entry.sequence))
    return entry.sequence


def rows(
    connection: Connection,
    *,
    drained: bool,
    table: str | None,
    until: datetime | None,
    limit: int | None,
    after: int | None,
) -> list[InboxRow]:
    """The rows up to the lake's mark (`drained`) or after it; with `after`, all above that sequence."""
    mark = _mark(connection) if after is None else after
    wanted = sa.select(entries).where(
        entries.c.stream == STREAM,
        entries.c.sequence <= mark if drained else entries.c.sequence > mark,
        entries.c.kind != ERASURE if table is None else entries.c.kind == table,
    )
    if until is not None:
        wanted = wanted.where(entries.c.recorded_at <= chain.instant(until))
    found = reading.read(connection, wanted.order_by(entries.c.sequence).limit(limit))
    return [
        InboxRow(entry.sequence, number, entry.kind, entry.who, row, entry.at, entry.recorded_at)
        for entry in found
        for number, row in enumerate((entry.payload or {})["rows"])
        if row is not None
    ]


def drain(connection: Connection, up_to: int) -> int:
    """Moves the lake's mark forward, never back."""
    head = connection.execute(sa.select(streams.c.sequence).where(streams.c.stream == STREAM)).scalar_one()
    if up_to > head:
        raise LedgerError(f"the inbox has only {head} arrivals, not {up_to}: drain what inbox() gave")
    mark = _mark(connection, lock=True)
    if up_to <= mark:
        return 0
    connection.execute(marks.update().where(marks.c.name == _LAKE).values(sequence=up_to))
    return up_to - mark


def _mark(connection: Connection, *, lock: bool = False) -> int:
    wanted = sa.select(marks.c.sequence).where(marks.c.name == _LAKE)
    return int(connection.execute(wanted.with_for_update() if lock else wanted).scalar_one())


def _key(source: str, idempotency_key: str) -> str:
    # Keys are often e-mail addresses or names: only their digest is kept.
    return hashlib.sha256(f"{source}\x00{idempotency_key}".encode(errors="surrogatepass")).hexdigest()
