"""The tables that the migrations make are those that the code means; a ledger is opened safely by many and by old."""

from __future__ import annotations

from importlib.resources import files

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from quarterdeck.records.ledger import STREAMS, Ledger, LedgerTooNew
from quarterdeck.records.ledger.chain import GENESIS
from quarterdeck.records.ledger.schema import REVISION, VERSION_TABLE, metadata, streams


def test_all_migrations_together_make_the_schema(ledger: Ledger, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        assert differences == []
        inspector = sa.inspect(connection)
        for table in metadata.sorted_tables:
            made = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert made == {column.name: column.nullable for column in table.columns}
            assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
    engine.dispose()


def test_a_new_ledger_has_every_stream_at_its_start(ledger: Ledger, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        heads = {row.stream: (row.sequence, row.hash) for row in connection.execute(sa.select(streams))}
    engine.dispose()
    assert heads == dict.fromkeys(STREAMS, (0, GENESIS))


def test_the_revision_in_the_code_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(files("quarterdeck.records.ledger") / "migrations"))
    assert scripts.get_heads() == [REVISION]


def test_a_ledger_of_a_newer_quarterdeck_is_left_alone(ledger: Ledger, url: str, tamper: object) -> None:
    assert callable(tamper)
    tamper(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(LedgerTooNew, match=r"written by a newer Quarterdeck \(its tables are version 9999.*install"):
        Ledger.open(url)
