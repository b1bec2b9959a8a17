"""Erasure of a payload: its text goes, its digest and the chain stay, and an entry says who did it and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from quarterdeck.records.ledger.entry import ERASURE, Draft, Entry
from quarterdeck.records.ledger.errors import LedgerError
from quarterdeck.records.ledger.schema import entries, payloads
from quarterdeck.records.ledger.transaction import Transaction


def erase(transaction: Transaction, stream: str, sequence: int, row: int | None, why: Draft) -> Entry:
    """The marker entry; see `Ledger.erase`. Without `row` a sealed batch is erased whole."""
    at = (entries.c.stream == stream, entries.c.sequence == sequence)
    found = transaction.connection.execute(sa.select(entries.c.kind, entries.c.batch_rows).where(*at)).one_or_none()
    if found is None:
        raise LedgerError(f"the stream {stream!r} has no entry {sequence}: see entries({stream!r})")
    if found.kind == ERASURE:
        raise LedgerError(f"entry {sequence} of {stream!r} says that another one was erased; it must stay")
    if row is not None and not 0 <= row < (found.batch_rows or 0):
        raise LedgerError(f"entry {sequence} of {stream!r} has no row {row}: it has {found.batch_rows or 'no'} rows")
    target: dict[str, Any] = {"sequence": sequence, "row": row}
    for marker in transaction.entries(stream, kind=ERASURE, after=sequence):
        payload = marker.payload or {}
        if payload["sequence"] == sequence and payload["row"] in (None, row):
            return marker
    gone = payloads.update().where(payloads.c.stream == stream, payloads.c.sequence == sequence)
    if row is not None:
        gone = gone.where(payloads.c.number == row)
    transaction.connection.execute(gone.values(content=None, salt=None))
    return transaction.mark_erased(replace(why, kind=ERASURE, payload={**target, **why.payload}))
