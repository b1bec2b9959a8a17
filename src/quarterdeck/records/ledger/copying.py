"""A ledger's rows from one database to another, as they stood at one moment: for backups, whatever holds them."""

from __future__ import annotations

import sqlalchemy as sa

from quarterdeck.records.ledger.database import Database
from quarterdeck.records.ledger.errors import LedgerError
from quarterdeck.records.ledger.schema import arrivals, entries, marks, payloads, streams

TABLES = (streams, entries, payloads, arrivals, marks)
ROWS = 1000


def copy(source: Database, target: Database) -> None:
    """Copy all rows; writers of the source need not wait. Raises LedgerError when the target holds an entry."""
    with source.reading() as given, target.writing() as taken:
        if taken.execute(sa.select(sa.func.count()).select_from(entries)).scalar_one():
            raise LedgerError(f"the ledger at {target.shown} holds entries: restore into an empty one")
        for table in (marks, streams):
            taken.execute(table.delete())
        for table in TABLES:
            rows = given.execution_options(yield_per=ROWS).execute(sa.select(table))
            for part in rows.mappings().partitions(ROWS):
                taken.execute(table.insert(), [dict(row) for row in part])
