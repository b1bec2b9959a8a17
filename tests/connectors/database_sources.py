"""What the tests of databases share: tables made on any of the three engines, and the pulling of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from quarterdeck.base.config import Company
from quarterdeck.connectors.database import Database, parsed
from quarterdeck.connectors.database_reading import read
from quarterdeck.connectors.mapping import ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.mirror import Mirror
from quarterdeck.connectors.pull import Habits, TablePull

NOW = datetime(2026, 7, 1, 9, 0)
COMPANY = Company(name="Acme")
METADATA = sa.MetaData()
DEALS = sa.Table(
    "deals", METADATA,
    sa.Column("id", sa.String(20), primary_key=True),
    sa.Column("title", sa.String(80)),
    sa.Column("state", sa.String(10)),
    sa.Column("amount", sa.Numeric(14, 2)),
    sa.Column("updated_at", sa.DateTime),
)  # fmt: skip


def deals_mapping(stamp: str = "updated_at", overlap: int = 15) -> Mapping:
    """The mapping of DEALS."""
    columns = {"id": "id", "title": "name", "state": "status", "amount": "amount"}
    return Mapping(
        source="crm",
        files=(
            FileMapping(
                path="deals", table="opportunities", stamp=stamp, overlap_minutes=overlap,
                columns=tuple(ColumnMapping(column=column, target=target) for column, target in columns.items()),
            ),
        ),
    )  # fmt: skip


def pull(url: str, folder: Path, mapping: Mapping | None = None, **habits: int) -> TablePull:
    """Pull DEALS into a mirror; the one table's pull."""
    database = Database(parsed(url, folder))
    pulls, _ = Mirror(folder).pull(database, mapping or deals_mapping(), now=NOW, habits=Habits(**habits))
    return pulls[0]


def frames(folder: Path, mapping: Mapping) -> dict[str, pl.DataFrame]:
    """Canonical frames by table, sorted by id."""
    found: dict[str, list[pl.DataFrame]] = {}
    for batch in read(mapping, Mirror(folder), company=COMPANY):
        found.setdefault(batch.table, []).append(batch.frame)
    return {name: pl.concat(parts).sort("id") for name, parts in found.items()}
