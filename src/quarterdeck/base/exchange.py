"""Money of other currencies in the company's, by the newest rate of the money's day or before.

Amounts are whole minor units and stay so: the conversion is exact integer arithmetic, half a minor unit rounds away
from zero, on every engine alike. An amount without a currency is in the company's. Where no rate is old enough the
converted amount is empty; `missing` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables

if TYPE_CHECKING:
    import ibis

_MICRO = 1_000_000
"""Rates have six decimal places."""


def is_foreign(rows: ibis.Table, home: str, currency: str = "currency") -> bool:
    """Whether any row of the relation is in another currency than the company's."""
    foreign = rows.filter((rows[currency] != home).fill_null(False)).limit(1)
    return bool(foreign.count().to_pyarrow().as_py())


def rates(tables: Tables, home: str) -> pl.DataFrame:
    """Rates as exact fractions: `currency, rated_on, top, bottom`; home minor units = minor units × top ÷ bottom.

    One row a currency and day, the newest where several were given; rates that are not positive are left out.
    """
    found = tables["fx_rates"].filter(pl.col("rate") > 0).sort("currency", "rated_on", "id")
    found = found.unique(["currency", "rated_on"], keep="last", maintain_order=True)
    units = pl.col("currency").map_elements(scale, return_dtype=pl.Int64)
    top = (pl.col("rate").cast(pl.Decimal(38, 6)) * pl.lit(_MICRO).cast(pl.Decimal(38, 0))).round(0).cast(pl.Int64)
    return found.select("currency", "rated_on", top=top * scale(home), bottom=units * _MICRO)


def converted(
    rows: ibis.Table, tables: Tables, home: str, *, amount: str, day: Any, currency: str = "currency"
) -> ibis.Table:
    """The relation with `amount` in the company's minor units; `day` is an expression over the relation.

    Rows keep their number and order of columns. A row whose day is empty takes the newest rate of all. Without a row
    in another currency the relation is given back as it is.
    """
    import ibis

    if not is_foreign(rows, home, currency):
        return rows
    names = rows.columns
    marked = rows.mutate(fx_day=day.fill_null(ibis.date(9999, 12, 31)), fx_currency=rows[currency].fill_null(home))
    given = ibis.memtable(rates(tables, home).to_arrow())
    # Days of the rows are few beside the rows: the newest earlier rate is sought once for each currency and day.
    wanted = marked.filter(marked.fx_currency != home).select("fx_currency", "fx_day").distinct()
    earlier = wanted.inner_join(given, [wanted.fx_currency == given.currency, wanted.fx_day >= given.rated_on])
    newest = earlier.group_by("fx_currency", "fx_day").agg(rated_on=earlier.rated_on.max())
    exact = newest.inner_join(given, [newest.fx_currency == given.currency, newest.rated_on == given.rated_on])
    exact = exact.select(by_currency="fx_currency", by_day="fx_day", top="top", bottom="bottom")
    joined = marked.left_join(exact, [marked.fx_currency == exact.by_currency, marked.fx_day == exact.by_day])
    money = _times(joined[amount], joined.top, joined.bottom)
    return joined.mutate(**{amount: (joined.fx_currency == home).ifelse(joined[amount], money)}).select(*names)


def _times(amount: Any, top: Any, bottom: Any) -> Any:
    """amount × top ÷ bottom in whole numbers, half away from zero, in operations that every engine has.

    Both factors are taken apart by the divisor, a thousand million at most: no product but the answer's own parts
    comes near the end of 64 bits.
    """
    size = amount.abs()
    rest, over = size % bottom, top % bottom
    whole, times = _quotient(size - rest, bottom), _quotient(top - over, bottom)
    small = rest * over + _quotient(bottom - bottom % 2, 2)
    result = whole * top + rest * times + _quotient(small - small % bottom, bottom)
    return (amount < 0).ifelse(-result, result).cast("int64")


def _quotient(multiple: Any, divisor: Any) -> Any:
    """A multiple divided by its divisor: engines divide as floats, which is exact up to the half that is added."""
    return ((multiple / divisor).cast("float64") + 0.5).floor().cast("int64")


def convert(frame: pl.DataFrame, given: pl.DataFrame, home: str, *, amount: str, day: str) -> pl.DataFrame:
    """The frame with `amount` in the company's minor units by its columns `currency` and `day` (a date).

    `given` is what `rates` gives. The order of rows stays.
    """
    if frame.filter(pl.col("currency").is_not_null() & (pl.col("currency") != home)).is_empty():
        return frame
    marked = frame.with_row_index("fx_row").with_columns(
        fx_day=pl.col(day).fill_null(pl.date(9999, 12, 31)), fx_currency=pl.col("currency").fill_null(home)
    )
    joined = marked.sort("fx_day").join_asof(
        given.sort("rated_on").rename({"rated_on": "fx_rated_on", "currency": "fx_by"}),
        left_on="fx_day",
        right_on="fx_rated_on",
        by_left="fx_currency",
        by_right="fx_by",
        check_sortedness=False,
    )
    size, top, bottom = (pl.col(name).cast(pl.Int128) for name in (amount, "top", "bottom"))
    exact = ((size.abs() * top + bottom // 2) // bottom * size.sign()).cast(pl.Int64)
    money = pl.when(pl.col("fx_currency") == home).then(pl.col(amount)).otherwise(exact)
    return joined.sort("fx_row").with_columns(money.alias(amount)).select(frame.columns)


def missing(code: str, table: str, before: ibis.Table, after: ibis.Table, *, amount: str = "amount") -> list[Finding]:
    """A finding for each currency whose amounts could not be converted: `before` and `after` a conversion."""
    if before is after:
        return []
    lost = after.filter(after[amount].isnull()).select(lost_id=after.id)
    rows = before.filter(before[amount].notnull()).semi_join(lost, before.id == lost.lost_id)
    counts: pl.DataFrame = rows.group_by("currency").agg(rows=rows.count()).order_by("currency").to_polars()
    return [
        Finding(
            code=code,
            severity="warning",
            message=f"{number:,} rows of {table} are in {currency}, of which no rate of their day or before is known; "
            "their amounts are not counted.",
            fix=f"Give fx_rates with a rate of {currency} for their first day or before, or convert the amounts in "
            "the mapping.",
            table=table,
            count=number,
        )
        for currency, number in counts.iter_rows()
    ]
