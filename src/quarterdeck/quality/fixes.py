"""Values that would mend the records."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.money import digits
from quarterdeck.base.schema import conform, empty, table
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import PROPOSAL, Moment

PROPOSED = pl.Schema({"check": pl.String(), **PROPOSAL})


def fixes_frame(proposed: pl.DataFrame, tables: Tables, moment: Moment) -> pl.DataFrame:
    """Rows of the table `fixes`: the surest proposal for a record's column, with the value as it stands.

    A proposal that is what stands there already is none.
    """
    best = proposed.sort("confidence", "check", descending=[True, False], nulls_last=True)
    best = best.unique(["table", "record_id", "column"], keep="first", maintain_order=True)
    parts = [
        _beside_what_stands(str(name), str(column), rows, tables, moment)
        for (name, column), rows in best.group_by("table", "column", maintain_order=True)
    ]
    made = pl.concat(parts) if parts else empty("fixes")
    made = made.filter(pl.col("value_proposed").ne_missing(pl.col("value_now")))
    return conform("fixes", made).sort("table", "record_id", "column")


def _beside_what_stands(name: str, column: str, proposed: pl.DataFrame, tables: Tables, moment: Moment) -> pl.DataFrame:
    columns = table(name).names
    rows = tables.relation(name)
    wanted = [key for key in dict.fromkeys(("id", "source", "source_id", column, "currency")) if key in columns]
    found = (
        rows.filter(rows.id.isin(proposed["record_id"].to_list())).select(*wanted)
        if proposed.height < 5000
        else (rows.select(*wanted))
    )
    now = found.to_polars().with_columns(_as_text(name, column, "currency" in columns, moment).alias("value_now"))
    nothing = [pl.lit(None, pl.String).alias(key) for key in ("source", "source_id") if key not in columns]
    now = now.with_columns(nothing).select("id", "source", "source_id", "value_now")
    return conform("fixes", proposed.join(now, left_on="record_id", right_on="id"))


def _as_text(name: str, column: str, has_currency: bool, moment: Moment) -> pl.Expr:
    """A value as an export writes it."""
    kind = table(name).column(column).type
    value = pl.col(column)
    if kind == "money":
        currency = pl.col("currency").fill_null(moment.company.currency) if has_currency else pl.lit("")
        return pl.struct(value.alias("_value"), currency.alias("_currency")).map_elements(
            lambda row: money_text(row["_value"], row["_currency"]), return_dtype=pl.String, skip_nulls=False
        )
    if kind == "instant":
        return value.dt.to_string("%Y-%m-%dT%H:%M:%S")
    return value.cast(pl.String)


def money_text(minor: int | None, currency: str) -> str | None:
    """Minor units as a decimal number in major units.

    >>> money_text(-1001, "USD"), money_text(1200, "KRW")
    ('-10.01', '1200')
    """
    if minor is None:
        return None
    places = digits(currency)
    whole, part = divmod(abs(minor), 10**places)
    text = f"{whole}.{part:0{places}d}" if places else str(whole)
    return f"-{text}" if minor < 0 else text
