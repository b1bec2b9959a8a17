"""Targets by month and member: a target of a quarter or a year counts evenly in its months."""

from __future__ import annotations

from datetime import date

import polars as pl

from quarterdeck.base.calendar import MONTHS, add_months
from quarterdeck.base.money import split
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.metric import TOTAL

_DIMENSION = {"all": TOTAL, "region": "region", "team": "team", "person": "owner", "product": "product"}


def monthly(tables: Tables, by: tuple[str, ...], last: date) -> pl.DataFrame:
    """`dimension, member, month, target` (minor units) up to the month of `last`.

    Where nobody set a target for the whole, it is the sum of the first level that has targets: regions, teams, people,
    products.
    """
    rows = []
    for target in tables["targets"].filter(pl.col("measure").fill_null("bookings") == "bookings").iter_rows(named=True):
        months = MONTHS.get(target["grain"] or "month", 1)
        for place, share in enumerate(split(target["amount"] or 0, [1] * months)):
            month = add_months(target["period_start"], place)
            level = target["level"] or "all"
            dimension = _DIMENSION.get(level, level)
            rows.append((dimension, TOTAL if level == "all" else target["member"], month, share))
    schema = {"dimension": pl.String, "member": pl.String, "month": pl.Date, "target": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("month") <= last)
    frame = frame.group_by("dimension", "member", "month").agg(pl.col("target").sum())
    whole = _whole(frame)
    return pl.concat([frame.filter(pl.col("dimension").is_in([TOTAL, *by])), whole])


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """The total of the first level that has targets, when the whole has none."""
    levels = set(frame["dimension"].unique())
    below = [level for level in ("region", "team", "owner", "product") if level in levels]
    if TOTAL in levels or not below:
        return frame.clear()
    parts = frame.filter(pl.col("dimension") == below[0])
    total = parts.group_by("month").agg(pl.col("target").sum())
    return total.select(dimension=pl.lit(TOTAL), member=pl.lit(TOTAL), month="month", target="target")
