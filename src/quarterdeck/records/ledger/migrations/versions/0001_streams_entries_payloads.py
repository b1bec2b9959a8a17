"""Streams with their heads, entries, payloads, arrivals and marks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    streams = op.create_table(
        "ledger_streams",
        sa.Column("stream", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False, comment="of the newest entry, 0 when there is none"),
        sa.Column("hash", sa.String(64), nullable=False, comment="of the newest entry"),
        comment="the head of each stream; its row is the stream's lock",
    )
    names = ("decisions", "publications", "routing", "pay", "outbox", "runs", "inbox")
    op.bulk_insert(streams, [{"stream": name, "sequence": 0, "hash": "0" * 64} for name in names])
    op.create_table(
        "ledger_entries",
        sa.Column("stream", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
        sa.Column("batch_rows", sa.Integer, comment="of a sealed batch; null for a single payload"),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["stream"], ["ledger_streams.stream"], name="ledger_entries_of_stream"),
        comment="the chain, without what a person may ask to have erased",
    )
    op.create_index("ledger_entries_by_kind", "ledger_entries", ["stream", "kind", "sequence"])
    op.create_table(
        "ledger_payloads",
        sa.Column("stream", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "number",
            sa.Integer,
            primary_key=True,
            autoincrement=False,
            comment="of the row in a sealed batch, else 0",
        ),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(32), comment="null once erased"),
        sa.Column("content", sa.Text, comment="canonical JSON; null once erased"),
        sa.ForeignKeyConstraint(
            ["stream", "sequence"],
            ["ledger_entries.stream", "ledger_entries.sequence"],
            name="ledger_payloads_of_entry",
        ),
    )
    op.create_table(
        "ledger_arrivals",
        sa.Column("key", sa.String(64), primary_key=True, comment="SHA-256 of the source and its idempotency key"),
        sa.Column("sequence", sa.BigInteger, nullable=False, comment="of the inbox entry that the key made"),
    )
    marks = op.create_table(
        "ledger_marks",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        comment="how far a reader of a stream has come",
    )
    op.bulk_insert(marks, [{"name": "lake", "sequence": 0}])
