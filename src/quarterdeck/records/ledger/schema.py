"""The ledger's tables. What changes here needs a migration in `migrations/versions` and a new `REVISION`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

REVISION = "0001"
"""The newest migration; a ledger that stands at it is opened without loading the migration tool."""

VERSION_TABLE = "ledger_version"

metadata = MetaData()

streams = Table(
    "ledger_streams",
    metadata,
    Column("stream", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False, comment="of the newest entry, 0 when there is none"),
    Column("hash", String(64), nullable=False, comment="of the newest entry"),
    comment="the head of each stream; its row is the stream's lock",
)

entries = Table(
    "ledger_entries",
    metadata,
    Column("stream", String(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("recorded_at", DateTime, nullable=False),
    Column("batch_rows", Integer, comment="of a sealed batch; null for a single payload"),
    Column("digest", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    ForeignKeyConstraint(["stream"], ["ledger_streams.stream"], name="ledger_entries_of_stream"),
    Index("ledger_entries_by_kind", "stream", "kind", "sequence"),
    comment="the chain, without what a person may ask to have erased",
)

payloads = Table(
    "ledger_payloads",
    metadata,
    Column("stream", String(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="of the row in a sealed batch, else 0"),
    Column("digest", String(64), nullable=False),
    Column("salt", String(32), comment="null once erased"),
    Column("content", Text, comment="canonical JSON; null once erased"),
    ForeignKeyConstraint(
        ["stream", "sequence"], ["ledger_entries.stream", "ledger_entries.sequence"], name="ledger_payloads_of_entry"
    ),
)

arrivals = Table(
    "ledger_arrivals",
    metadata,
    Column("key", String(64), primary_key=True, comment="SHA-256 of the source and its idempotency key"),
    Column("sequence", BigInteger, nullable=False, comment="of the inbox entry that the key made"),
)

marks = Table(
    "ledger_marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    comment="how far a reader of a stream has come",
)
