"""SQL databases as sources: their tables and views, read in one read-only snapshot, in chunks, with exact types.

A snapshot is one transaction that sees one moment of the whole database: REPEATABLE READ on PostgreSQL, WITH CONSISTENT
SNAPSHOT on MariaDB and MySQL (tables of transactional engines), one read transaction on SQLite. Passwords come from
environment variables and stand in no message.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.connectors.database_types import Kind, SourceColumn, columns_of, loose_kind, series

CHUNK = 50_000
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite",
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STAND_IN = "__variable__{}__"


class UnreachableError(QuarterdeckError):
    """The database does not answer or refuses; the message says which and what to do, never a password."""


def is_url(text: str) -> bool:
    """The text is the URL of a database that can be a source, not a folder."""
    return text.partition("://")[0].partition("+")[0] in _DRIVERS and "://" in text


def parsed(url: str, root: Path, environ: Mapping[str, str] | None = None) -> sa.URL:
    """The URL with the values of `${NAME}` from the environment, our driver, and a SQLite file found from `root`.

    Raises when a variable is not set or the URL cannot be read.
    """
    known = os.environ if environ is None else environ
    missing = sorted({name for name in _VARIABLE.findall(url) if name not in known})
    if missing:
        raise QuarterdeckError(f"{', '.join(missing)} is not set; export it before this command ({masked(url)}).")
    made = _parts(url)
    filled = {
        part: _VARIABLE.sub(lambda found: known[found[1]], str(value)) if (value := getattr(made, part)) else value
        for part in ("username", "password", "host", "database")
    }
    made = made.set(**filled)  # type: ignore[arg-type]
    system, _, driver = made.drivername.partition("+")
    if system not in _DRIVERS:
        raise QuarterdeckError(f"{masked(url)}: {system!r} is no database that can be read; use postgresql, mysql, "
                               "mariadb or sqlite.")  # fmt: skip
    made = made.set(drivername=made.drivername if driver else _DRIVERS[system])
    if system == "sqlite":
        path = (root / (made.database or "")).resolve()
        if not path.is_file():
            raise UnreachableError(f"There is no SQLite file {path}; look at the source's url.")
        made = made.set(database=str(path))
    return made


def _parts(url: str) -> sa.URL:
    """The URL taken apart; a variable in it may stand anywhere, so it is hidden from the parser."""
    names: list[str] = []

    def hide(found: re.Match[str]) -> str:
        names.append(found[0])
        return _STAND_IN.format(len(names) - 1)

    hidden = _VARIABLE.sub(hide, url)
    try:
        made = sa.make_url(hidden)
    except (sa.exc.ArgumentError, ValueError):
        raise QuarterdeckError("A source's url cannot be read; write one such as postgresql://user:${CRM_PASSWORD}"
                               "@host/name, mysql+pymysql://… or sqlite:///file.db.") from None  # fmt: skip

    def shown(value: Any) -> Any:
        if value is None:
            return None
        for place, name in enumerate(names):
            value = str(value).replace(_STAND_IN.format(place), name)
        return value

    return made.set(
        username=shown(made.username), password=shown(made.password), host=shown(made.host),
        database=shown(made.database),
    )  # fmt: skip


def masked(url: str) -> str:
    """The URL without what may be secret: for messages, logs and mappings."""
    bare = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"(?i)(password|passwd|pwd|secret|token)=[^&]*", r"\1=***", bare)


def has_password(url: str) -> bool:
    """A password stands in the URL in clear, not as `${NAME}`."""
    if re.search(r"(?i)[?&](password|passwd|pwd|secret|token)=(?!\$\{)", url):
        return True
    password = _parts(url).password
    return bool(password) and _VARIABLE.fullmatch(str(password)) is None


def without_password(url: str, variable: str) -> tuple[str, str | None]:
    """The URL with `${variable}` in the password's place, and the password; (url, None) where none stands in clear."""
    if not has_password(url):
        return url, None
    made = _parts(url)
    password = made.password
    if password is None:
        raise QuarterdeckError("A password stands in the url's query; write it as user:${NAME}@host instead.")
    hidden = made.set(password=_STAND_IN.format("p")).render_as_string(hide_password=False)
    return hidden.replace(_STAND_IN.format("p"), f"${{{variable}}}"), str(password)


@dataclass(frozen=True)
class SourceTable:
    """A table or view. `path` is its name in the mapping, `key` the primary key's columns (none of a view)."""

    path: str
    schema: str | None
    name: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that are not read, such as binary ones, with the reason."""

    @property
    def polars(self) -> dict[str, pl.DataType]:
        """Column name to polars type, in order."""
        return {column.name: column.polars for column in self.columns}

    def column(self, name: str) -> SourceColumn | None:
        """The column of that name, None when there is none."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def relation(self) -> sa.TableClause:
        return sa.table(self.name, *(sa.column(column.name) for column in self.columns), schema=self.schema)


class Database:
    """A database at a URL; nothing is ever written to it."""

    def __init__(self, url: sa.URL, schemas: Sequence[str] = ()) -> None:
        self._url, self._schemas = url, tuple(schemas)
        options: dict[str, Any] = {}
        if self.system == "sqlite":
            location = f"file:{Path(str(url.database)).as_uri().removeprefix('file://')}?mode=ro"
            url = sa.URL.create("sqlite", database=location, query={"uri": "true"})
        elif self.system == "postgresql":
            options["connect_args"] = {"connect_timeout": 15, "application_name": "quarterdeck"}
        else:
            options["connect_args"] = {"connect_timeout": 15}
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, **options)
        if self.system == "sqlite":
            sa.event.listen(self._engine, "connect", _replace_broken_text)

    @property
    def system(self) -> str:
        """postgresql, mysql (MariaDB too) or sqlite."""
        name = self._url.get_backend_name()
        return "mysql" if name == "mariadb" else name

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One moment of the database, read only. Raises UnreachableError."""
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                for statement in _BEGIN[self.system]:
                    connection.exec_driver_sql(statement)
                yield Snapshot(connection, self.system, self._schemas)
                connection.exec_driver_sql("ROLLBACK")
        except sa.exc.SQLAlchemyError as error:
            raise UnreachableError(self._told(error)) from None

    def _told(self, error: sa.exc.SQLAlchemyError) -> str:
        cause = getattr(error, "orig", None) or error
        text = str(cause.args[-1] if getattr(cause, "args", ()) else cause).strip().splitlines()
        told = (text[0] if text else type(cause).__name__)[:300]
        if self._url.password:
            told = told.replace(str(self._url.password), "***")
        return (
            f"{self._url.render_as_string(hide_password=True)} cannot be read: {told}. Look at the source's url, "
            "the password's variable and whether the server runs."
        )


_BEGIN = {
    "postgresql": (
        "SET SESSION TIME ZONE 'UTC'",
        "SET SESSION DATESTYLE TO ISO",
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ),
    "mysql": (
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    "sqlite": ("PRAGMA query_only = 1", "BEGIN"),
}


def _replace_broken_text(connection: Any, _: object) -> None:
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


class Snapshot:
    """Reading within one transaction. `unread` counts the values of each (table, column) that are none of its type."""

    def __init__(self, connection: sa.Connection, system: str, schemas: tuple[str, ...]) -> None:
        self._connection, self._system, self._schemas = connection, system, schemas
        self.unread: Counter[tuple[str, str]] = Counter()

    def tables(self, only: set[str] | None = None) -> list[SourceTable]:
        """The tables and views of the default schema and of those asked for, by name, with their columns."""
        inspector = sa.inspect(self._connection)
        found = []
        for schema in (None, *self._schemas):
            names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
            if self._system == "postgresql":
                names += inspector.get_materialized_view_names(schema=schema)
            for name in sorted(set(names)):
                path = f"{schema}.{name}" if schema else name
                if only is None or path in only:
                    found.append(self._table(inspector, path, schema, name))
        return found

    def _table(self, inspector: Any, path: str, schema: str | None, name: str) -> SourceTable:
        columns, left_out = columns_of(inspector.get_columns(name, schema=schema), self._system)
        key = tuple(inspector.get_pk_constraint(name, schema=schema).get("constrained_columns") or ())
        made = SourceTable(path, schema, name, columns, key, left_out)
        return self._loose(made) if self._system == "sqlite" and columns else made

    def _loose(self, table: SourceTable) -> SourceTable:
        """SQLite's columns by what they hold: a declared type binds no value there."""
        held = [sa.func.group_concat(sa.distinct(sa.func.typeof(sa.column(column.name)))) for column in table.columns]
        row = self._connection.execute(sa.select(*held).select_from(table.relation)).one()
        left_out = dict(table.left_out)
        columns = []
        for column, types in zip(table.columns, row, strict=True):
            kinds = set((types or "null").split(","))
            if kinds <= {"blob", "null"} and "blob" in kinds:
                left_out[column.name] = "it holds binary data"
            else:
                columns.append(SourceColumn(column.name, loose_kind(kinds, column.declared), column.declared))
        return SourceTable(table.path, table.schema, table.name, tuple(columns), table.key, left_out)

    def rows(
        self,
        table: SourceTable,
        *,
        columns: Sequence[str] | None = None,
        where: sa.ColumnElement[bool] | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        chunk: int = CHUNK,
    ) -> Iterator[pl.DataFrame]:
        """Rows in chunks, with a cursor on the server's side. Each frame has the table's types."""
        wanted = [column for column in table.columns if columns is None or column.name in columns]
        if not wanted:
            return
        query = sa.select(*(column.selected(self._system).label(f"quarterdeck_{n}") for n, column in enumerate(wanted)))
        query = query.select_from(table.relation)
        if where is not None:
            query = query.where(where)
        query = query.order_by(*(sa.column(name) for name in order)).limit(limit)
        options = {"stream_results": True, "yield_per": chunk}
        with self._connection.execute(query, execution_options=options) as result:
            while rows := result.fetchmany(chunk):
                values = zip(*rows, strict=True)
                yield pl.DataFrame(
                    [self._series(table, column, list(given)) for column, given in zip(wanted, values, strict=True)]
                )

    def _series(self, table: SourceTable, column: SourceColumn, values: list[Any]) -> pl.Series:
        made = series(column, values)
        lost = made.null_count() - sum(value is None for value in values)
        if lost:
            self.unread[(table.path, column.name)] += lost
        return made

    def totals(self, table: SourceTable, money: Sequence[str]) -> tuple[int, dict[str, Decimal]]:
        """The source's own count of the table's rows, and its own sums of the columns that are numbers."""
        summed = [name for name in money if (column := table.column(name)) and column.kind in _SUMMED]
        sums: list[Any] = [sa.func.sum(sa.column(name)) for name in summed]
        row = self._connection.execute(sa.select(sa.func.count(), *sums).select_from(table.relation)).one()
        return int(row[0]), {name: Decimal(str(value or 0)) for name, value in zip(summed, row[1:], strict=True)}

    def query(self, text: str, keys: Sequence[str]) -> pl.DataFrame:
        """What a query with the parameter `:keys` gives for some keys, as text."""
        statement = sa.text(text)
        if ":keys" in text:
            statement = statement.bindparams(sa.bindparam("keys", value=list(keys), expanding=True))
        result = self._connection.execute(statement)
        names, rows = list(result.keys()), result.fetchall()
        columns = [SourceColumn(name, "text", "") for name in names]
        values = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        return pl.DataFrame([series(column, list(given)) for column, given in zip(columns, values, strict=True)])

    def now(self) -> datetime:
        """The source's clock, UTC."""
        clock = {"postgresql": "SELECT clock_timestamp()::text", "mysql": "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)"}
        told = self._connection.exec_driver_sql(clock.get(self._system, "SELECT datetime('now')")).scalar_one()
        return datetime.fromisoformat(str(told)[:19])


_SUMMED: tuple[Kind, ...] = ("integer", "decimal", "number")
