"""What a check is: a rule about records, with the rows that break it as a relational expression.

A check's `find` gives a relation (or a frame, where the work is on a short list of values) with the columns
`record_id`, `owner_id`, `account_key` (whose owner mends the record where it has none of its own), `money` (minor units
of `money_currency` at stake, or null) and whatever values its message names. Its `mend`, where the right value is known
or can be guessed, gives the `PROPOSAL` rows for what `find` found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.finding import Severity
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.quality.settings import QualitySettings

if TYPE_CHECKING:
    import ibis

Kind = Literal[
    "completeness",
    "validity",
    "consistency",
    "timeliness",
    "uniqueness",
    "reference",
    "outlier",
    "people",
    "spelling",
    "history",
    "billing",
    "supply",
    "planning",
    "privacy",
    "stack",
    "own",
]

Found = pl.DataFrame
"""The rows that a check found, with the values that its message names."""

PROPOSAL = pl.Schema(
    {
        "table": pl.String(),
        "record_id": pl.String(),
        "column": pl.String(),
        "value_proposed": pl.String(),
        "confidence": pl.Float64(),
        "why": pl.String(),
    }
)
"""A value that would mend a record: money in major units, days and instants in ISO 8601, confidence from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for whom the data is checked."""

    as_of: datetime
    today: date
    company: Company
    settings: QualitySettings
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """A relation that several checks use, computed by the first of them."""
        if name not in self.kept:
            self.kept[name] = make().cache()
        return self.kept[name]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about the records of a table.

    `message` is a template over the row's values; `needs` are the tables that it cannot do without. `dated` is the
    column by whose day a record counts in a week or month of the trend, where it is not the table's usual one. A check
    `of_now` asks how things stand (open, unpaid, waiting): records of old are no longer so, and it has no past by the
    records' own days.
    """

    name: str
    kind: Kind
    severity: Severity
    table: str
    title: str
    why: str
    message: str
    fix: str
    find: Callable[[Tables, Moment], ibis.Table | pl.DataFrame]
    needs: tuple[str, ...] = ()
    mend: Callable[[Tables, Moment, Found], pl.DataFrame] | None = None
    dated: str = ""
    of_now: bool = False


def rule(
    find: Callable[[Tables, Moment], Any], table: str, title: str, why: str, message: str, fix: str, **others: Any
) -> Check:
    """A check that is named like its function: a notice on validity, unless said otherwise."""
    values: dict[str, Any] = {"kind": "validity", "severity": "notice"} | others
    return Check(name=find.__name__, table=table, title=title, why=why, message=message, fix=fix, find=find, **values)


def offending(rows: Any, money: Any = None, **values: Any) -> Any:
    """The rows as a check gives them: key, owner where the table has one, money at stake, and the message's values."""
    import ibis

    def either(*names: str) -> Any:
        return next((rows[name] for name in names if name in rows.columns), ibis.null("string"))

    return rows.select(
        record_id=rows.id,
        owner_id=either("owner_id"),
        account_key=either("account_id"),
        money_currency=either("money_currency", "currency"),
        money=ibis.null("int64") if money is None else money.cast("int64"),
        **values,
    )


_LEFT_OUT = ("source_id", "lead_id", "pipeline", "is_inferred", "attributes")


def deals(tables: Tables, moment: Moment) -> Any:
    """Opportunities with `worth` in minor units: the amount, or the product's list price where none is stated."""
    return moment.once("deals", lambda: _deals(tables, moment))


def _deals(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = tables.relation("opportunities").drop(*_LEFT_OUT)
    products = tables.relation("products")
    prices = products.group_by(priced_id=products.id).agg(list_price=products.unit_price.cast("float64").max())
    rows = rows.left_join(prices, rows.product_id == prices.priced_id).drop("priced_id")
    price = (rows.list_price * float(scale(moment.company.currency))).round().cast("int64")
    stated = rows.amount.nullif(0)
    return rows.mutate(
        worth=stated.coalesce(price),
        money_currency=stated.notnull().ifelse(rows.currency, ibis.null("string")),
    )


def seconds(column: Any) -> Any:
    """Whole seconds since 1970 of an instant, or of a day's beginning in UTC: differences are equal on every engine."""
    return column.cast("timestamp").epoch_seconds().cast("int64")


def proposals(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """The rows as `PROPOSAL` of one table, without those that propose nothing."""
    made = rows.with_columns(pl.lit(table).alias("table"))
    made = made.select(pl.col(name).cast(kind) for name, kind in PROPOSAL.items())
    return made.filter(pl.col("value_proposed").is_not_null() & (pl.col("value_proposed") != ""))


def is_blank(column: Any) -> Any:
    """The text is missing or holds nothing but spaces."""
    return column.isnull() | (column.strip() == "")
