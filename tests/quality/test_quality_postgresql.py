"""The checks say the same on PostgreSQL as on DuckDB: their expressions are portable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import ibis
import polars as pl
import pytest
import sqlalchemy as sa

from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import facts, table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import measure_step
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.quality import check
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.simulate import WorldSpec, write

pytestmark = pytest.mark.postgresql

SPEC = WorldSpec(opportunities=400, months=12, start=date(2023, 7, 1), faults=3.0, detail=0.2, seed=3)
AS_OF = datetime(2024, 7, 1)


class DatabaseTables(Tables):
    """Tables whose relations lie in a database."""

    def __init__(self, backend: Any, **frames: pl.DataFrame) -> None:
        super().__init__(**frames)
        self._backend = backend
        for name in facts():
            if table(name).columns:
                backend.create_table(name, self[name].to_arrow(), temp=True)

    def relation(self, name: str) -> ibis.Table:
        return self._backend.table(name)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("world")
    write(SPEC, folder, replicas=0)
    return {path.stem: pl.read_parquet(path) for path in (folder / "export").glob("*.parquet")}


@pytest.fixture
def database(postgresql_url: str, export: dict[str, pl.DataFrame]) -> Iterator[DatabaseTables]:
    url = sa.make_url(postgresql_url)
    backend = ibis.postgres.connect(
        host=url.host or url.query["host"], port=url.port or 5432, user=url.username, password=url.password,
        database=url.database,
    )  # fmt: skip
    yield DatabaseTables(backend, **export)
    backend.disconnect()


def test_findings_are_the_same_on_both(database: DatabaseTables, export: dict[str, pl.DataFrame]) -> None:
    config = Config(as_of=AS_OF, settings=QualitySettings())
    ours, theirs = check(Tables(**export), config).findings, check(database, config).findings
    assert len({finding.code for finding in ours}) > 15
    assert theirs == ours


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_metrics_are_the_same_on_both(database: DatabaseTables, export: dict[str, pl.DataFrame], zone: str) -> None:
    config = Config(as_of=AS_OF, settings=MetricsSettings(), company=Company(timezone=zone))
    keys = ["metric", "grain", "period_start", "dimension", "member"]
    ours = measure_step(Tables(**export), config).tables["metric_values"].sort(keys)
    theirs = measure_step(database, config).tables["metric_values"].sort(keys)
    assert ours.height > 1000
    assert theirs.equals(ours)
