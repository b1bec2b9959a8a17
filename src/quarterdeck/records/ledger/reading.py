"""Entries read back from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from quarterdeck.records.ledger import chain
from quarterdeck.records.ledger.entry import Entry, in_lock_order
from quarterdeck.records.ledger.schema import entries, payloads


def entries_of(
    connection: Connection,
    stream: str,
    *,
    kind: str | None = None,
    after: int = 0,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[Entry]:
    """The stream's entries in order; see `Ledger.entries`."""
    in_lock_order((stream,))
    wanted = sa.select(entries).where(entries.c.stream == stream, entries.c.sequence > after)
    if kind is not None:
        wanted = wanted.where(entries.c.kind == kind)
    if until is not None:
        wanted = wanted.where(entries.c.recorded_at <= chain.instant(until))
    return read(connection, wanted.order_by(entries.c.sequence).limit(limit))


def head_of(connection: Connection, stream: str) -> Entry | None:
    """The stream's newest entry, None when there is none."""
    in_lock_order((stream,))
    newest = sa.select(entries).where(entries.c.stream == stream).order_by(entries.c.sequence.desc()).limit(1)
    found = read(connection, newest)
    return found[0] if found else None


def entry_of(link: Mapping[str, Any], contents: Sequence[str | None]) -> Entry:
    """The entry of a row of `ledger_entries` and its payloads' texts, None for an erased one."""
    decoded = [None if content is None else chain.decode(content) for content in contents]
    return Entry(
        stream=link["stream"],
        sequence=link["sequence"],
        kind=link["kind"],
        payload=decoded[0] if link["batch_rows"] is None else {"rows": decoded},
        who=link["who"],
        at=link["at"],
        digest=link["digest"],
        previous=link["previous"],
        hash=link["hash"],
        recorded_at=link["recorded_at"],
    )


def read(connection: Connection, wanted: sa.Select[Any]) -> list[Entry]:
    # One statement, so that an erasure between two could not be seen by halves.
    links = wanted.subquery()
    parts = payloads.alias()
    joined = links.outerjoin(parts, (parts.c.stream == links.c.stream) & (parts.c.sequence == links.c.sequence))
    rows = connection.execute(
        sa.select(links, parts.c.content).select_from(joined).order_by(links.c.sequence, parts.c.number)
    )
    found = []
    for _, group in groupby(rows, key=lambda row: row.sequence):
        together = [row._asdict() for row in group]
        # A sealed batch of no rows still gives one joined row, with nothing in it.
        count = 1 if together[0]["batch_rows"] is None else together[0]["batch_rows"]
        found.append(entry_of(together[0], [row["content"] for row in together][:count]))
    return found
