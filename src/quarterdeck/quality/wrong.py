"""The records that a check found wrong: who mends them, what money is at stake, in which week they count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from quarterdeck.base.finding import Severity
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment

DATED: dict[str, str] = {
    "accounts": "created_at",
    "contacts": "created_at",
    "leads": "created_at",
    "opportunities": "created_at",
    "opportunity_history": "changed_at",
    "activities": "started_at",
    "events": "occurred_at",
    "orders": "ordered_at",
    "invoices": "invoiced_at",
    "people": "hired_on",
    "training": "completed_on",
    "stock": "counted_on",
    "fx_rates": "rated_on",
    "targets": "period_start",
}
"""The column by whose day a record counts in a week or month, where the check does not say otherwise."""

LONG = 300_000
"""Rows from which on a table is not read whole for the few of its records that are wrong."""


@dataclass
class Context:
    """What all checks of a run share; each part is read once."""

    tables: Tables
    moment: Moment
    _owners: dict[str, str] | None = None
    _rates: dict[str, float] | None = None
    _indexes: dict[str, pl.DataFrame] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)

    def owners(self) -> dict[str, str]:
        """Owner of each account that has one."""
        if self._owners is None:
            rows = self.tables.relation("accounts")
            frame = rows.filter(rows.owner_id.notnull()).select("id", "owner_id").to_polars()
            self._owners = dict(frame.iter_rows())
        return self._owners

    def rates(self) -> dict[str, float]:
        """Money units of the company for one minor unit of a currency, by the newest rate."""
        if self._rates is None:
            rates = self.tables["fx_rates"].sort("rated_on", "id").group_by("currency").agg(pl.col("rate").last())
            self._rates = {name: float(rate) / scale(name) for name, rate in rates.iter_rows() if rate is not None}
            company = self.moment.company.currency
            self._rates[company] = 1 / scale(company)
        return self._rates

    def index(self, name: str) -> pl.DataFrame:
        """Key, source, owner and dates of a table's records."""
        if name not in self._indexes:
            self._indexes[name] = self.told(name).to_polars()
        return self._indexes[name]

    def index_of(self, name: str, ids: pl.Series) -> pl.DataFrame:
        """The index with these records at least; of a long table it is not read whole."""
        if name in self._indexes or not self.is_long(name):
            return self.index(name)
        import ibis

        rows = self.told(name)
        asked = ibis.memtable(pl.DataFrame({"asked_id": ids.unique()}).to_arrow())
        found: pl.DataFrame = rows.semi_join(asked, rows.id == asked.asked_id).to_polars()
        return found

    def is_long(self, name: str) -> bool:
        """The table has too many rows to be read whole."""
        if name not in self._sizes:
            self._sizes[name] = int(self.tables.relation(name).count().to_pyarrow().as_py())
        return self._sizes[name] > LONG

    def told(self, name: str) -> Any:
        """The index as a relation."""
        columns = {column.name: column.type for column in table(name).columns}
        keys: tuple[str, ...] = ("id", "source", "owner_id", "person_id")
        wanted = [key for key in keys if key in columns]
        wanted += [key for key, kind in columns.items() if kind in {"instant", "day"}]
        return self.tables.relation(name).select(*wanted)


def wrong_rows(entry: Check, context: Context) -> pl.DataFrame:
    """What the check finds, the most money first: its own columns, `table`, `owner_id`, `money_at_stake` (major)."""
    found: Any = entry.find(context.tables, context.moment)
    rows: pl.DataFrame = found if isinstance(found, pl.DataFrame) else found.to_polars()
    nothing = {"table": entry.table, "owner_id": None, "account_key": None, "money_currency": None, "money": None}
    rows = rows.with_columns(pl.lit(value).alias(name) for name, value in nothing.items() if name not in rows.columns)
    rows = rows.with_columns(
        pl.col("record_id", "owner_id", "account_key", "money_currency").cast(pl.String),
        pl.col("money").cast(pl.Int64),
    )
    rows = _with_money(rows, context)
    rows = rows.with_columns(pl.col("owner_id").replace("", None))
    if rows["owner_id"].null_count():
        rows = _with_owner(rows, context)
    if "records" in rows.columns:
        return rows.sort("records", "record_id", descending=[True, False])
    return rows.sort(pl.col("money_at_stake").abs(), "record_id", descending=[True, False], nulls_last=True)


def _with_money(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    company = context.moment.company.currency
    currency = pl.col("money_currency").replace("", None).fill_null(company)
    rate = currency.replace_strict(context.rates(), default=None, return_dtype=pl.Float64)
    own = pl.col("money") / scale(company)
    return rows.with_columns(
        pl.when(currency == company).then(own).otherwise(pl.col("money") * rate).alias("money_at_stake")
    )


def _with_owner(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The record's owner, else its account's, else the steward of the table."""
    owners: Mapping[str, str] = context.owners() if rows["account_key"].count() else {}
    stewards = context.moment.settings.stewards
    account = pl.col("account_key").replace_strict(owners, default=None, return_dtype=pl.String)
    steward = pl.col("table").replace_strict(stewards, default=stewards.get("all"), return_dtype=pl.String)
    return rows.with_columns(pl.coalesce("owner_id", account, steward).alias("owner_id"))


def errors_of(
    entry: Check, severity: Severity, wrong: pl.DataFrame, mended: pl.DataFrame, context: Context
) -> pl.DataFrame:
    """Rows of the table `errors`: one a record. Where the check names a value, each record that holds it is one."""
    if "records" in wrong.columns:
        rows = (
            mended.select("table", "record_id")
            .unique(maintain_order=True)
            .with_columns(pl.lit(None, pl.String).alias("owner_id"), pl.lit(None, pl.Float64).alias("money_at_stake"))
        )
    else:
        rows = wrong.select("table", "record_id", "owner_id", "money_at_stake")
        rows = rows.filter(pl.col("record_id").is_not_null()).unique(["table", "record_id"], maintain_order=True)
    parts = [
        part.join(
            _dated(name, entry, part["record_id"], context), left_on="record_id", right_on="id", how="left"
        ).with_columns(pl.coalesce("owner_id", "record_owner").alias("owner_id"))
        for (name,), part in rows.group_by("table", maintain_order=True)
    ]
    frame = pl.concat(parts) if parts else pl.DataFrame()
    return conform("errors", frame.with_columns(pl.lit(entry.name).alias("check"), pl.lit(severity).alias("severity")))


def _dated(name: Any, entry: Check, ids: pl.Series, context: Context) -> pl.DataFrame:
    index = context.index_of(str(name), ids)
    column = entry.dated or DATED.get(str(name), "")
    return index.select(
        "id",
        pl.col("source") if "source" in index.columns else pl.lit(None, pl.String).alias("source"),
        (pl.col("owner_id") if "owner_id" in index.columns else pl.lit(None, pl.String)).alias("record_owner"),
        local_day(index, column, context.moment).alias("dated_on"),
    )


def local_day(frame: pl.DataFrame, column: str, moment: Moment) -> pl.Expr:
    """The company's day of an instant or day column; null where the frame has none of that name."""
    if column not in frame.columns:
        return pl.lit(None, pl.Date)
    if frame.schema[column] == pl.Date:
        return pl.col(column)
    utc = pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return utc.dt.convert_time_zone(moment.company.timezone).dt.date()
