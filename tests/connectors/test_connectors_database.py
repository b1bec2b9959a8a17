"""Databases as sources: exact types, one moment, nothing lost between syncs, no password anywhere."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from database_sources import COMPANY, DEALS, METADATA, NOW, deals_mapping, frames, pull
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck import connectors
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import empty
from quarterdeck.connectors import database_reading
from quarterdeck.connectors.database import (
    Database,
    UnreachableError,
    has_password,
    masked,
    parsed,
    without_password,
)
from quarterdeck.connectors.database_reading import propose
from quarterdeck.connectors.mapping import ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.mirror import Mirror, folder_name
from quarterdeck.connectors.reader import SET_ASIDE, TableBatch
from quarterdeck.connectors.report import FileReport, MoneySum, RowCount

MARIADB = pytest.param("mariadb", marks=pytest.mark.mariadb)
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)
ENGINES = ["sqlite", MARIADB, POSTGRESQL]


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the engine that the test is parametrised with."""
    engine = request.param
    if engine == "sqlite":
        sqlite3.connect(tmp_path / "crm.db").close()
        return f"sqlite:///{tmp_path / 'crm.db'}"
    return str(request.getfixturevalue(f"{engine}_url"))


def on(url: str) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool)


def tables(url: str) -> dict[str, Any]:
    with Database(parsed(url, Path())).snapshot() as snapshot:
        return {table.path: table for table in snapshot.tables()}


def rows(url: str, name: str) -> list[dict[str, Any]]:
    with Database(parsed(url, Path())).snapshot() as snapshot:
        (table,) = snapshot.tables({name})
        return [row for frame in snapshot.rows(table) for row in frame.to_dicts()]


# --- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.postgresql
def test_postgresql_types_are_exact_and_times_are_utc(postgresql_url: str, tmp_path: Path) -> None:
    with on(postgresql_url).begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE t (id uuid PRIMARY KEY, price numeric(14,2), rate numeric, at timestamptz, clock timestamp,"
            " day date, ok boolean, extra jsonb, tags text[], photo bytea, cash money, big bigint, part real)"
        )
        connection.exec_driver_sql(
            "INSERT INTO t VALUES ('00000000-0000-0000-0000-000000000001', 12345678901.05, 0.1,"
            " '2026-01-31 23:30:00.25+09', '2026-01-31 23:30', '2026-01-31', true, '{\"a\": 1}', '{x,y}', '\\x00', 7.5,"
            " 9007199254740993, 0.5), ('00000000-0000-0000-0000-000000000002', NULL, 'NaN', 'infinity', '0044-03-15 BC',"
            " '-infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'NaN')"
        )
        connection.exec_driver_sql("CREATE VIEW v AS SELECT id, price FROM t")
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW m AS SELECT id FROM t")
    first, second = rows(postgresql_url, "t")
    assert first == {
        "id": "00000000-0000-0000-0000-000000000001", "price": Decimal("12345678901.05"), "rate": Decimal("0.1"),
        "at": datetime.fromisoformat("2026-01-31T14:30:00.250000+00:00"), "clock": datetime(2026, 1, 31, 23, 30),
        "day": datetime(2026, 1, 31).date(), "ok": True, "extra": '{"a": 1}', "tags": "{x,y}", "cash": Decimal("7.5"),
        "big": 9007199254740993, "part": 0.5,
    }  # fmt: skip
    assert {name for name, value in second.items() if value is not None} == {"id"}
    found = tables(postgresql_url)
    assert {*found} == {"t", "v", "m"}
    assert found["t"].left_out == {"photo": "it holds binary data (bytea)"}
    assert (found["t"].key, found["v"].key) == (("id",), ())


@pytest.mark.postgresql
def test_impossible_values_and_binary_columns_are_told(postgresql_url: str, tmp_path: Path) -> None:
    with on(postgresql_url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE deals (id text PRIMARY KEY, at timestamptz, photo bytea)")
        connection.exec_driver_sql("INSERT INTO deals VALUES ('a', 'infinity', NULL), ('b', now(), NULL)")
    mapping = Mapping(
        source="crm",
        files=(FileMapping(path="deals", table="leads", columns=(ColumnMapping(column="id", target="id"),)),),
    )
    _, findings = Mirror(tmp_path / "m").pull(Database(parsed(postgresql_url, tmp_path)), mapping, now=NOW)
    told = {finding.code: (finding.severity, finding.count, finding.message) for finding in findings}
    assert told["connectors.value_impossible"][:2] == ("warning", 1)
    assert "deals.at" in told["connectors.value_impossible"][2]
    assert told["connectors.column_binary"][0] == "notice"


@pytest.mark.mariadb
def test_mariadb_zero_dates_are_no_dates_and_one_digit_integers_are_numbers(mariadb_url: str) -> None:
    with on(mariadb_url).begin() as connection:
        connection.exec_driver_sql("SET SESSION sql_mode = ''")
        connection.exec_driver_sql("SET SESSION time_zone = '+09:00'")
        connection.exec_driver_sql(
            "CREATE TABLE t (id int PRIMARY KEY, day date, clock datetime, at timestamp NULL, ok tinyint(1), b bit(1),"
            " big bigint unsigned, price decimal(14,2), note text, photo blob, late time, y year)"
        )
        connection.exec_driver_sql(
            "INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '2026-02-01 09:30:00', 1, b'1',"
            " 18446744073709551615, -0.05, '가격 💶', 'x', '10:30:00', 2026),"
            " (2, '2026-01-31', '2026-01-31 10:00:00', NULL, 0, b'0', 0, 9999.99, '', NULL, NULL, NULL)"
        )
    first, second = rows(mariadb_url, "t")
    assert (first["day"], first["clock"]) == (None, None)
    assert first["at"] == datetime.fromisoformat("2026-02-01T00:30:00+00:00")
    assert (first["ok"], first["b"], second["ok"], second["b"]) == (1, 1, 0, 0)
    assert first["big"] == Decimal("18446744073709551615")
    assert (first["price"], second["price"]) == (Decimal("-0.05"), Decimal("9999.99"))
    assert (first["note"], first["late"], first["y"]) == ("가격 💶", "10:30:00", 2026)
    assert (second["day"], second["clock"]) == (datetime(2026, 1, 31).date(), datetime(2026, 1, 31, 10))
    assert "photo" not in first


def test_sqlite_columns_are_what_they_hold_not_what_they_are_declared(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, price DECIMAL(10,2), mixed INTEGER, day DATE, raw BLOB, n)")
        connection.execute("INSERT INTO t VALUES (1, 10.5, 7, '2026-01-31', x'00', 1)")
        connection.execute("INSERT INTO t VALUES (2, 3, 'seven', 'soon', x'01', 2.5)")
        connection.execute("INSERT INTO t VALUES (3, NULL, CAST(x'ff41' AS TEXT), NULL, NULL, NULL)")
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert rows(url, "t") == [
        {"id": 1, "price": 10.5, "mixed": "7", "day": "2026-01-31", "n": 1.0},
        {"id": 2, "price": 3.0, "mixed": "seven", "day": "soon", "n": 2.5},
        {"id": 3, "price": None, "mixed": "�A", "day": None, "n": None},
    ]
    assert tables(url)["t"].left_out == {"raw": "it holds binary data (blob)"}


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_nothing_can_be_written_to_a_source(url: str) -> None:
    METADATA.create_all(on(url))
    with pytest.raises(UnreachableError), Database(parsed(url, Path())).snapshot() as snapshot:
        snapshot._connection.exec_driver_sql("DELETE FROM deals")


# --- one moment -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [MARIADB, POSTGRESQL], indirect=True)
def test_all_tables_are_of_the_moment_at_which_the_snapshot_began(url: str) -> None:
    engine = on(url)
    with engine.begin() as connection:
        for name in ("a", "b"):
            connection.exec_driver_sql(f"CREATE TABLE {name} (id int PRIMARY KEY)")
            connection.exec_driver_sql(f"INSERT INTO {name} VALUES (1)")
    with Database(parsed(url, Path())).snapshot() as snapshot:
        first, second = snapshot.tables()
        assert snapshot.totals(first, [])[0] == 1
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO b VALUES (2)")
        assert snapshot.totals(second, [])[0] == 1
        assert sum(frame.height for frame in snapshot.rows(second)) == 1
    assert len(rows(url, "b")) == 2


# --- changes ----------------------------------------------------------------------------------------------------------

DAY = datetime(2026, 6, 1, 12)


def deal(key: int, amount: str = "1.00", at: datetime = DAY, title: str = "a") -> dict[str, Any]:
    return {"id": f"d{key}", "title": title, "state": "open", "amount": Decimal(amount), "updated_at": at}


def put(url: str, *given: dict[str, Any]) -> None:
    with on(url).begin() as connection:
        for row in given:
            connection.execute(DEALS.delete().where(DEALS.c.id == row["id"]))
            connection.execute(DEALS.insert(), [row])


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_a_later_sync_reads_what_changed_and_ends_with_the_source(url: str, tmp_path: Path) -> None:
    METADATA.create_all(on(url))
    put(url, *(deal(n, at=DAY + timedelta(hours=n)) for n in range(50)))
    mirror = tmp_path / "mirror"
    assert (pull(url, mirror).how, pull(url, mirror).fetched) == ("whole", 1)
    put(url, deal(3, "9.99", DAY + timedelta(hours=60)), deal(99, at=DAY + timedelta(hours=61)))
    with on(url).begin() as connection:
        connection.execute(DEALS.delete().where(DEALS.c.id == "d7"))
    taken = pull(url, mirror)
    assert (taken.how, taken.gone, taken.rows, taken.source_rows) == ("changes", 1, 50, 50)
    assert taken.fetched <= 3
    assert Decimal(taken.source_sums["amount"]) == Decimal("58.99")
    found = frames(mirror, deals_mapping())["opportunities"]
    assert found.height == 50
    assert found.filter(pl.col("id") == "d3")["amount"].to_list() == [999]
    assert not found["id"].is_in(["d7"]).any()


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_more_rows_with_one_stamp_than_a_page_are_all_read(url: str, tmp_path: Path) -> None:
    METADATA.create_all(on(url))
    put(url, deal(0))
    pull(url, tmp_path / "m", page=3, cheap=0)
    late = DAY + timedelta(hours=1)
    put(url, *(deal(n, at=late) for n in range(1, 12)))
    # without a comparison of keys the pages alone must bring them
    taken = pull(url, tmp_path / "m", page=3, cheap=0)
    assert (taken.how, taken.fetched, taken.rows) == ("changes", 12, 12)


def test_a_commit_within_the_overlap_is_read_and_one_beyond_it_by_its_key_or_by_the_source_s_count(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    sqlite3.connect(tmp_path / "crm.db").close()
    METADATA.create_all(on(url))
    put(url, deal(0))
    pull(url, tmp_path / "m", cheap=0)
    put(url, deal(1, at=DAY - timedelta(minutes=10)))
    within = pull(url, tmp_path / "m", cheap=0)
    assert (within.how, within.rows) == ("changes", 2)
    put(url, deal(2, at=DAY - timedelta(days=10)))
    by_count = pull(url, tmp_path / "m", cheap=0)
    assert (by_count.how, by_count.rows, by_count.why) == (
        "whole", 3, "the source's own count or sums were not ours",
    )  # fmt: skip
    put(url, deal(3, at=DAY - timedelta(days=20)))
    by_key = pull(url, tmp_path / "m")
    assert (by_key.how, by_key.rows) == ("changes", 4)


def test_a_stamp_in_the_future_does_not_hide_what_comes_after_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    sqlite3.connect(tmp_path / "crm.db").close()
    METADATA.create_all(on(url))
    put(url, deal(0), deal(1, at=datetime(9999, 1, 1)))
    pull(url, tmp_path / "m", cheap=0)
    put(url, deal(0, "1.00", DAY + timedelta(days=1), title="new"))
    assert pull(url, tmp_path / "m").rows == 2
    assert frames(tmp_path / "m", deals_mapping())["opportunities"]["name"].to_list() == ["new", "a"]


def test_a_pull_that_dies_keeps_what_was_there_and_skips_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    sqlite3.connect(tmp_path / "crm.db").close()
    METADATA.create_all(on(url))
    put(url, deal(0))
    pull(url, tmp_path / "m")
    before = Mirror(tmp_path / "m").content
    put(url, deal(1, at=DAY + timedelta(hours=1)))
    with monkeypatch.context() as broken:
        broken.setattr(Mirror, "_commit", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            pull(url, tmp_path / "m")
    assert Mirror(tmp_path / "m").content == before
    assert pull(url, tmp_path / "m").rows == 2
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["00000002", "current.json"]


STEP = st.tuples(
    st.sampled_from(["insert", "update", "delete", "late", "sync"]),
    st.integers(0, 7),
    st.integers(0, 99_999),
    st.integers(-40, 40),
)


@pytest.mark.parametrize("url", ENGINES, indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=25))
def test_changes_between_syncs_end_as_a_whole_read_does(
    url: str, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("mirrors")
    engine = on(url)
    METADATA.drop_all(engine)
    METADATA.create_all(engine)
    clock = DAY
    pull(url, folder / "by_changes", page=2)
    for what, key, amount, minutes in steps:
        # the clock may step back, a late commit carries a stamp of long ago
        clock += timedelta(minutes=minutes)
        at = clock - timedelta(days=3) if what == "late" else clock
        with engine.begin() as connection:
            if what == "sync":
                pull(url, folder / "by_changes", page=2)
            elif what == "delete":
                connection.execute(DEALS.delete().where(DEALS.c.id == f"d{key}"))
            else:
                connection.execute(DEALS.delete().where(DEALS.c.id == f"d{key}"))
                connection.execute(DEALS.insert(), [deal(key, str(Decimal(amount).scaleb(-2)), at)])
    pull(url, folder / "by_changes", page=2)
    pull(url, folder / "whole")
    mapping = deals_mapping()
    ours, whole = frames(folder / "by_changes", mapping), frames(folder / "whole", mapping)
    assert ours["opportunities"].equals(whole["opportunities"])


# --- the same as CSV ---------------------------------------------------------------------------------------------------

EXPORT: dict[str, tuple[dict[str, sa.types.TypeEngine[Any]], list[list[Any]]]] = {
    "accounts": (
        {"id": sa.String(20), "name": sa.String(80), "industry": sa.String(40), "employees": sa.Integer(),
         "annual_revenue": sa.Numeric(16, 2), "created_at": sa.DateTime()},
        [[f"A{n}", f"Firma {n} Größe", ["Retail", "Health"][n % 2], 10 * n + 1, Decimal(n * 1000) / 100,
          datetime(2024, 1, 1 + n % 28, 10)] for n in range(40)],
    ),
    "deals": (
        {"id": sa.String(20), "name": sa.String(80), "account_id": sa.String(20), "stage": sa.String(20),
         "amount": sa.Numeric(14, 2), "created_at": sa.DateTime(), "close_date": sa.Date(), "notes": sa.String(200),
         "updated_at": sa.DateTime()},
        [[f"D{n:03}", f'Deal "{n}", big', f"A{n % 40}", ["Won", "Lost", "Proposal"][n % 3],
          Decimal(n * 12345 - 50000) / 100, datetime(2025, 1 + n % 12, 3, 8, 30), datetime(2025, 1 + n % 12, 25).date(),
          "line\nbreak" if n % 7 == 0 else None, datetime(2026, 1, 1, 0, n % 60)] for n in range(120)],
    ),
}  # fmt: skip


def write_csv(folder: Path) -> None:
    for name, (columns, lines) in EXPORT.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows([["" if value is None else value for value in line] for line in lines])


def write_tables(url: str) -> None:
    metadata = sa.MetaData()
    with on(url).begin() as connection:
        for name, (columns, lines) in EXPORT.items():
            made = sa.Table(
                name, metadata, *(sa.Column(key, kind, primary_key=key == "id") for key, kind in columns.items())
            )
            made.create(connection)
            connection.execute(made.insert(), [dict(zip(columns, line, strict=True)) for line in lines])


def plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows whose attributes are compared as text: a database's number is one, a CSV's is text."""
    out = []
    for row in frame.sort("id").to_dicts():
        kept = json.loads(row.get("attributes") or "{}")
        out.append({**row, "attributes": {key: str(value)[:19] for key, value in kept.items()}})
    return out


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_an_export_as_csv_and_as_a_database_is_the_same(url: str, tmp_path: Path) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "scratch").mkdir()
    write_csv(tmp_path / "csv")
    write_tables(url)
    of_files = connectors.propose(tmp_path / "csv", "crm")
    database = Database(parsed(url, tmp_path))
    of_tables, _ = propose(database, "crm", tmp_path / "scratch")
    assert [(entry.path.removesuffix(".csv"), entry.table) for entry in of_files.files] == [
        (entry.path, entry.table) for entry in of_tables.files
    ]
    assert {entry.path: entry.stamp for entry in of_tables.files} == {"accounts": "", "deals": "updated_at"}
    expected: dict[str, list[pl.DataFrame]] = {}
    for batch in connectors.read(of_files, tmp_path / "csv", company=COMPANY):
        expected.setdefault(batch.table, []).append(batch.frame)
    Mirror(tmp_path / "mirror").pull(database, of_tables, now=NOW)
    found = frames(tmp_path / "mirror", of_tables)
    assert {*found} == {*expected} == {"accounts", "opportunities"}
    for name, parts in expected.items():
        assert plain(found[name]) == plain(pl.concat(parts)), name


def test_a_report_holds_the_source_s_own_count_and_sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    sqlite3.connect(tmp_path / "crm.db").close()
    METADATA.create_all(on(url))
    put(url, deal(1, "10.50"), deal(2, "-3.25"))
    pull(url, tmp_path / "m")
    report = FileReport(
        "crm", "deals/", "opportunities", True, (RowCount("", 1), RowCount("value_missing", 1)),
        (MoneySum("amount", "USD", "", 1050, 1), MoneySum("amount", "USD", "value_missing", -325, 1)),
    )  # fmt: skip
    aside = pl.DataFrame(schema=SET_ASIDE)
    batch = TableBatch("opportunities", "deals/", empty("opportunities"), 2, aside, report=report)
    monkeypatch.setattr(database_reading, "read_files", lambda *_, **__: iter([batch]))
    (found,) = database_reading.read(deals_mapping(), Mirror(tmp_path / "m"), company=COMPANY)
    assert found.report is not None
    assert (found.file, found.report.file) == ("deals", "deals")
    assert [(own.measure, own.theirs, own.ours, own.told_by) for own in found.report.own] == [
        ("rows", 2, 2, "count(*) in the database"),
        ("sum", 725, 725, "sum(amount) in the database"),
    ]


# --- urls -------------------------------------------------------------------------------------------------------------


def test_a_password_comes_from_the_environment_and_stands_in_no_message(tmp_path: Path) -> None:
    url = "postgresql://reader:${CRM_PASSWORD}@db.example:5433/crm?sslmode=require"
    made = parsed(url, tmp_path, {"CRM_PASSWORD": "p@ss/w:rd"})
    assert (made.password, made.host, made.port, made.drivername) == (
        "p@ss/w:rd", "db.example", 5433, "postgresql+psycopg",
    )  # fmt: skip
    with pytest.raises(QuarterdeckError, match="CRM_PASSWORD is not set"):
        parsed(url, tmp_path, {})
    with (
        pytest.raises(UnreachableError) as caught,
        Database(parsed("mysql+pymysql://reader:${P}@127.0.0.1:1/crm", tmp_path, {"P": "geheim"})).snapshot(),
    ):
        pass
    assert "geheim" not in str(caught.value)
    assert "reader:***@127.0.0.1:1/crm cannot be read" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_in_clear_is_seen_and_taken_out() -> None:
    assert [has_password(url) for url in (
        "postgresql://u:p@h/d", "postgresql://u:${P}@h/d", "postgresql://u@h/d", "mysql+pymysql://h/d?password=x",
        "sqlite:///a.db",
    )] == [True, False, False, True, False]  # fmt: skip
    assert without_password("postgresql://u:p%40ss@h:5/d?sslmode=require", "CRM_PASSWORD") == (
        "postgresql://u:${CRM_PASSWORD}@h:5/d?sslmode=require", "p@ss",
    )  # fmt: skip
    assert masked("postgresql://u:p@ss@h/d?password=x&a=1") == "postgresql://u:***@h/d?password=***&a=1"


@pytest.mark.parametrize("name", ["deals", "sales.deals", "../up", "_hidden", ".dot", "a/b", "고객"])
def test_a_table_of_any_name_has_a_folder_of_its_own(name: str, tmp_path: Path) -> None:
    made = tmp_path / folder_name(name)
    assert made.parent == tmp_path
    assert made.resolve().parent == tmp_path.resolve()
    assert not made.name.startswith((".", "_"))
