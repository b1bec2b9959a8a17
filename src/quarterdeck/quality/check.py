"""What a check is: a rule about records, with the rows that break it as a relational expression.

A check's `find` gives a relation (or a frame, where the work is on a short list of values) with the columns
`record_id`, `owner_id`, `money` (minor units at stake, or null) and whatever values its message names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
]


@dataclass(frozen=True, slots=True)
class Moment:
    """When and for whom the data is checked."""

    as_of: datetime
    today: date
    company: Company
    settings: QualitySettings


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about the records of a table.

    `message` is a template over the row's values; `needs` are the tables that it cannot do without.
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


def offending(rows: Any, money: Any = None, **values: Any) -> Any:
    """The rows as a check gives them: key, owner where the table has one, money at stake, and the message's values."""
    import ibis

    nobody, nothing = ibis.null("string"), ibis.null("int64")
    return rows.select(
        record_id=rows.id,
        owner_id=rows.owner_id if "owner_id" in rows.columns else nobody,
        money=nothing if money is None else money.cast("int64"),
        **values,
    )


def deals(tables: Tables, moment: Moment) -> Any:
    """Opportunities with `worth` in minor units: the amount, or the product's list price where none is stated."""
    rows = tables.relation("opportunities")
    products = tables.relation("products")
    prices = products.group_by(priced_id=products.id).agg(list_price=products.unit_price.cast("float64").max())
    rows = rows.left_join(prices, rows.product_id == prices.priced_id).drop("priced_id")
    price = (rows.list_price * float(scale(moment.company.currency))).round().cast("int64")
    return rows.mutate(worth=rows.amount.nullif(0).coalesce(price))


def is_blank(column: Any) -> Any:
    """The text is missing or holds nothing but spaces."""
    return column.isnull() | (column.strip() == "")
