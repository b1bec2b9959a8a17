"""Tables that lie in somebody's own database or cluster: relations of an Ibis connection, computed where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import Column, conform, table, tables
from quarterdeck.base.tables import Tables

if TYPE_CHECKING:
    import ibis


class BackendTables(Tables):
    """The canonical tables of an Ibis connection (DuckDB, PostgreSQL, PySpark).

    `names` says what a canonical table is called there, `{"opportunities": "crm_deals"}`; without it each goes by its
    own name, and those that are not there are empty. Columns are those of the schema; missing ones are null, others
    are not looked at. Money is in whole minor units, instants are UTC: a connection whose tables hold zoned instants
    must have UTC as its session's zone. What is asked as a relation is computed there and only its answer comes here;
    `tables["people"]` brings a whole table.

    >>> import ibis
    >>> connection = ibis.duckdb.connect()
    >>> _ = connection.create_table("deals", pl.DataFrame({"id": ["a"], "status": ["won"]}).to_arrow())
    >>> BackendTables(connection, {"opportunities": "deals"})["opportunities"]["status"].to_list()
    ['won']
    """

    def __init__(self, connection: Any, names: Mapping[str, str] | None = None) -> None:
        super().__init__()
        there = set(connection.list_tables())
        for name, source in (names or {}).items():
            table(name)
            if source not in there:
                raise QuarterdeckError(
                    f"The connection has no table {source!r} for {name}; {did_you_mean(source, there)}"
                )
        self._connection = connection
        self._sources = dict(names) if names is not None else {name: name for name in tables() if name in there}
        self._full: dict[str, bool] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        table(name)
        if name not in self._sources:
            return super().__getitem__(name)
        frame: pl.DataFrame = self.relation(name).to_polars()
        return conform(name, frame)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def has(self, name: str) -> bool:
        if name not in self._sources:
            return False
        if name not in self._full:
            self._full[name] = self.relation(name).limit(1).count().to_pyarrow().as_py() > 0
        return self._full[name]

    def relation(self, name: str) -> ibis.Table:
        if name not in self._relations:
            self._relations[name] = self._conformed(name)
        return self._relations[name]

    def _conformed(self, name: str) -> ibis.Table:
        """The schema's columns and types, as expressions of the connection."""
        import ibis

        if name not in self._sources:
            # No row, in the engine itself: some engines take a table of memory only beside others of their own.
            columns = {column.name: ibis.null(_IBIS[column.type]) for column in table(name).columns}
            anchor = self._connection.table(next(iter(self._sources.values())))
            empty: ibis.Table = anchor.select(**columns).filter(ibis.literal(False))
            return empty
        rows = self._connection.table(self._sources[name])
        return rows.select(**{column.name: self._column(rows, name, column) for column in table(name).columns})

    def _column(self, rows: ibis.Table, name: str, column: Column) -> Any:
        import ibis

        kind = _IBIS[column.type]
        if column.name not in rows.columns:
            return ibis.null(kind).name(column.name)
        values = rows[column.name]
        have = values.type()
        if column.type == "money" and not (have.is_integer() or have.is_null()):
            raise QuarterdeckError(
                f"{name}.{column.name} holds {have}; give whole minor units, such as cents, as an integer column: "
                "CAST(round(amount * 100) AS BIGINT) in a view"
            )
        return values if have == ibis.dtype(kind) else values.cast(kind)


_IBIS = {
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "flag": "boolean",
    "instant": "timestamp",
    "day": "date",
    "money": "int64",
    "decimal": "decimal(18, 6)",
    "json": "string",
    "draws": "array<float32>",
}
