"""One definition everywhere: DuckDB, PostgreSQL and Spark give equal values for the whole catalogue.

The company is simulated, with hand-made rows on top for what engines treat differently: empty values, ties, dates that
contradict each other, instants at the edges of days, months and summer time, a leap day, other currencies, returns,
keys that stand twice.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from quarterdeck.base.backend import BackendTables
from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, table
from quarterdeck.base.schema import tables as every_table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import METRICS, measure, measure_step, records
from quarterdeck.metrics.catalogue import BUILT_IN, YEAR_BEFORE
from quarterdeck.metrics.cube import densify
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.simulate import World, WorldSpec

AS_OF = datetime(2024, 7, 1, 4)
CONFIG = Config(
    as_of=AS_OF,
    settings=MetricsSettings(dimensions=("region", "family", "segment", "team")),
    company=Company(timezone="America/New_York", fiscal_year_start=4),
)
KEYS = ["metric", "grain", "period_start", "dimension", "member"]
SPEC = WorldSpec(
    kind="manufacturer", opportunities=260, months=16, start=date(2023, 3, 1), seed=3, faults=2.0, detail=0.5
)

EDGES = (
    datetime(2024, 2, 29, 4, 59, 59),
    datetime(2024, 2, 29, 5),
    datetime(2024, 3, 1, 4, 59, 59, 999_999),
    datetime(2024, 3, 10, 6, 59, 59),
    datetime(2024, 3, 10, 7),
    datetime(2023, 11, 5, 5, 30),
    datetime(2023, 11, 5, 6, 30),
    datetime(2024, 1, 1, 4, 59),
    datetime(2024, 1, 1, 5),
)
"""Instants (UTC) at the edges of New York's leap day, months, years and changes of summer time."""


def company() -> dict[str, pl.DataFrame]:
    """The simulated company's tables, with hand-made rows on top."""
    world, parts = World(SPEC), {}
    for _ in range(SPEC.months):
        for name, frame in world.step().items():
            parts.setdefault(name, []).append(frame)
    found = {}
    for name in parts.keys() & every_table().keys():
        frame = pl.concat(parts[name], how="diagonal_relaxed")
        frame = frame.unique(list(table(name).key), keep="last", maintain_order=True)
        money = [column.name for column in table(name).columns if column.type == "money"]
        units = pl.col(*[column for column in money if column in frame.columns]) if money else None
        if units is not None:
            frame = frame.with_columns((units * scale(SPEC.currency)).round().cast(pl.Int64))
        found[name] = conform(name, frame)
    found["opportunities"] = conform("opportunities", pl.concat([found["opportunities"], traps()], how="diagonal"))
    twice = found["accounts"].head(40).with_columns(name=pl.lit("The same account again"))
    found["accounts"] = pl.concat([found["accounts"], twice])
    returned = (
        found["invoices"].head(5).with_columns(pl.concat_str(pl.lit("back-"), "id").alias("id"), -pl.col("amount"))
    )
    found["invoices"] = pl.concat([found["invoices"], returned])
    found |= untold(found)
    days = [date(2023, 7, 1) + timedelta(days=30 * number) for number in range(12)]
    found["fx_rates"] = conform(
        "fx_rates",
        pl.DataFrame(
            {
                "id": [f"{currency}-{day}" for currency in ("EUR", "JPY") for day in days],
                "currency": [currency for currency in ("EUR", "JPY") for _ in days],
                "rated_on": days * 2,
                "rate": [1.07 + 0.01 * number for number in range(12)] + [0.0067] * 12,
            }
        ),
    )
    return found


def untold(found: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What a manufacturer's records lack for some metrics: subscriptions, costs, deals without lines."""
    products, events, lines = (found[name] for name in ("products", "events", "opportunity_lines"))
    first = pl.int_range(pl.len()) < 2
    spent = pl.int_range(pl.len()) % 50 == 0
    return {
        "products": products.with_columns(
            is_subscription=first, term_months=pl.when(first).then(pl.lit(12, dtype=pl.Int64)).otherwise("term_months")
        ),
        "events": events.with_columns(
            kind=pl.when(spent).then(pl.lit("cost")).otherwise("kind"),
            value=pl.when(spent).then(pl.lit(123.456)).otherwise("value"),
        ),
        "opportunity_lines": lines.filter(pl.col("opportunity_id").hash(1) % 3 > 0),
    }


def traps() -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, edge in enumerate(EDGES):
        status = ("won", "lost")[number % 2]
        same = {"status": status, "owner_id": "P0000003", "product_id": "none such"}
        rows += [
            same | {"created_at": edge, "closed_at": edge, "amount": 0, "currency": "USD"},
            same | {"created_at": edge - timedelta(days=40), "closed_at": edge, "amount": 123_457, "currency": "EUR"},
            same | {"created_at": edge, "closed_at": edge - timedelta(days=3), "amount": None, "currency": "JPY"},
            same | {"created_at": edge, "closed_at": None, "amount": -5_000, "region": None, "owner_id": None},
        ]
    rows += [{"status": "open"}, {"status": "won"}, {"status": "lost", "closed_at": EDGES[0], "account_id": "nobody"}]
    return pl.DataFrame([{"id": f"trap {number}", **row} for number, row in enumerate(rows)], infer_schema_length=None)


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return company()


@pytest.fixture(scope="module")
def expected(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return measure_step(Tables(**frames), CONFIG).tables["metric_values"].sort(KEYS)


@pytest.fixture
def postgresql(postgresql_url: str, frames: dict[str, pl.DataFrame]) -> Iterator[Any]:
    import ibis

    url = sa.make_url(postgresql_url)
    given = {"host": url.host, "user": url.username, "password": url.password, "database": url.database}
    given |= {"port": url.port} if url.port else {}
    query = dict(url.query)
    query["options"] = f"{query['options']} -ctimezone=UTC"
    connection = ibis.postgres.connect(**{name: value for name, value in (given | query).items() if value})
    for name, frame in frames.items():
        connection.create_table(name, frame.to_arrow())
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def spark(frames: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Spark in this process. Code generation is off: compiling takes longer than a small company."""
    pytest.importorskip("pyspark")
    import ibis
    from pyspark.sql import SparkSession

    folder: Path = tmp_path_factory.mktemp("spark")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "local"),
    }
    builder = SparkSession.builder.master("local[2]").appName("parity")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    connection = ibis.pyspark.connect(session)
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")
        session.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
    yield connection
    session.stop()
    del connection, session, builder
    gc.collect()


class Aggregating(BackendTables):
    """Tables of an engine that are never fetched whole, except small ones that people type."""

    def __getitem__(self, name: str) -> pl.DataFrame:
        assert name in SMALL, f"{name} was fetched whole; sum it where it lies (tables.relation)"
        return super().__getitem__(name)


SMALL = {"targets", "fx_rates", "people", "products", "holidays", "days", "sites", "resources", "tools", "channels"}


def equal(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """Counts are the same, ratios to 1e-9 of their size."""
    found = found.sort(KEYS)
    assert found.select(KEYS).equals(expected.select(KEYS))
    assert found["n"].equals(expected["n"])
    both = pl.DataFrame({"metric": expected["metric"], "here": expected["value"], "there": found["value"]})
    gap = (pl.col("here") - pl.col("there")).abs() > 1e-9 * pl.max_horizontal(pl.col("here").abs(), pl.lit(1.0))
    wrong = both.filter(gap | (pl.col("here").is_null() != pl.col("there").is_null()))
    assert wrong.is_empty(), wrong


def test_the_company_tells_every_metric(expected: pl.DataFrame) -> None:
    """Else the comparisons below would compare nothing with nothing."""
    told = expected.filter(pl.col("n") > 0)["metric"].unique()
    assert set(METRICS) - set(told) == set()


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_asked_for_alone(name: str) -> None:
    """Its sums suffice, with whatever stocks come along."""
    metric, days = METRICS[name], [date(2024, 1, 1), date(2024, 2, 1)]
    sums = {measure.name: [3, 4] for measure in BUILT_IN.measures_of([metric])}
    aims = {"target": [5, 6], "aimed": [1, 1]} if "targets" in metric.needs else {}
    cube = pl.DataFrame({"dimension": "all", "member": "all", "bucket": days} | sums | aims)
    dense = densify(cube, BUILT_IN.stocks.values(), days[1], Company(), "month")
    given = {"days": 29, "end_day": 19_783} | {part: 1 for part in metric.names if part.endswith(YEAR_BEFORE)}
    dense.with_columns(pl.lit(value).alias(part) for part, value in given.items()).select(
        metric.value, n=metric.n.cast(pl.Int64)
    )


@pytest.mark.postgresql
def test_postgresql_gives_the_values_of_duckdb(postgresql: Any, expected: pl.DataFrame) -> None:
    equal(measure_step(Aggregating(postgresql), CONFIG).tables["metric_values"], expected)


@pytest.mark.postgresql
def test_records_behind_a_figure_come_from_the_database(postgresql: Any, frames: dict[str, pl.DataFrame]) -> None:
    asked = ("win_rate", date(2024, 2, 1), date(2024, 3, 1))
    given = {"company": CONFIG.company, "as_of": AS_OF}
    there = records(BackendTables(postgresql), *asked, **given)
    here = records(Tables(**frames), *asked, **given)
    assert there.height > 5
    assert sorted(there["id"]) == sorted(here["id"])


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # py4j leaves closing to the collector
def test_spark_gives_the_values_of_duckdb(spark: Any, expected: pl.DataFrame) -> None:
    """By one dimension of the records themselves and one that is joined: planning takes Spark most of the time."""
    few = ("region", "segment")
    found = measure_step(Aggregating(spark), replace(CONFIG, settings=MetricsSettings(dimensions=few)))
    equal(found.tables["metric_values"], expected.filter(pl.col("dimension").is_in(["all", *few])))


@pytest.fixture
def duckdb() -> Iterator[Any]:
    import ibis

    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


lists_tables = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")  # Ibis 12 on DuckDB 1.5


def deals(**columns: Any) -> Any:
    base = {"id": ["a", "b"], "status": ["won", "lost"], "closed_at": [datetime(2024, 5, 1)] * 2}
    return pl.DataFrame(base | columns).to_arrow()


@lists_tables
def test_measure_takes_tables_of_a_connection_under_other_names(duckdb: Any) -> None:
    duckdb.create_table("crm_deals", deals(amount=[1000, 0], something_else=["x", "y"]))
    tables = BackendTables(duckdb, {"opportunities": "crm_deals"})
    assert list(tables) == ["opportunities"]
    values = measure(tables, ["win_rate", "won_value"])
    assert dict(zip(values["metric"], values["value"], strict=True)) == {"win_rate": 0.5, "won_value": 10.0}


@lists_tables
def test_a_table_that_is_not_there_is_empty_and_a_wrong_name_is_told(duckdb: Any) -> None:
    duckdb.create_table("opportunities", deals())
    tables = BackendTables(duckdb)
    assert tables.has("opportunities")
    assert not tables.has("leads")
    assert tables.relation("leads").count().to_pyarrow().as_py() == 0
    assert tables["opportunities"].columns == list(table("opportunities").names)
    with pytest.raises(QuarterdeckError, match=r"no table 'oportunities' for opportunities.*opportunities"):
        BackendTables(duckdb, {"opportunities": "oportunities"})


@lists_tables
@pytest.mark.parametrize("amount", [[10.5, 3.0], ["1", "2"]], ids=["fractions", "text"])
def test_money_that_is_not_whole_minor_units_is_refused(duckdb: Any, amount: list[object]) -> None:
    duckdb.create_table("opportunities", deals(amount=amount))
    with pytest.raises(QuarterdeckError, match=r"opportunities\.amount holds .* whole minor units"):
        BackendTables(duckdb).relation("opportunities")
