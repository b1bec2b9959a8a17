"""Targets by bucket and member: a target of a quarter or a year counts evenly in its months, or its weeks."""

from __future__ import annotations

from datetime import date

import polars as pl

from quarterdeck.base import exchange
from quarterdeck.base.calendar import MONTHS, add_months, next_start, period_start
from quarterdeck.base.money import split
from quarterdeck.metrics.cube import Bucket, buckets_between
from quarterdeck.metrics.metric import TOTAL
from quarterdeck.metrics.scope import Scope

DIMENSION = {"all": TOTAL, "region": "region", "team": "team", "person": "owner", "product": "product"}


def by_bucket(scope: Scope, by: tuple[str, ...], last: date, bucket: Bucket) -> pl.DataFrame:
    """`dimension, member, bucket, target` (the company's minor units) up to the bucket of `last`.

    Where nobody set a target for the whole, it is the sum of the first level that has targets: regions, teams, people,
    products.
    """
    rows = []
    for target in bookings(scope).iter_rows(named=True):
        days = _buckets(target["period_start"], target["grain"] or "month", scope, bucket)
        level = target["level"] or "all"
        dimension = DIMENSION.get(level, level)
        for day, share in zip(days, split(target["amount"] or 0, [1] * len(days)), strict=True):
            rows.append((dimension, TOTAL if level == "all" else target["member"], day, share))
    schema = {"dimension": pl.String, "member": pl.String, "bucket": pl.Date, "target": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("bucket") <= last)
    frame = frame.group_by("dimension", "member", "bucket").agg(pl.col("target").sum())
    whole = _whole(frame)
    return pl.concat([frame.filter(pl.col("dimension").is_in([TOTAL, *by])), whole])


def bookings(scope: Scope) -> pl.DataFrame:
    """Targets of what is to be won, in the company's currency at the rate of the period's first day."""
    found = scope.tables["targets"].filter(pl.col("measure").fill_null("bookings") == "bookings")
    home = scope.company.currency
    if found.filter(pl.col("currency") != home).is_empty():
        return found
    given = exchange.rates(scope.tables, home)
    return exchange.convert(found, given, home, amount="amount", day="period_start")


def _buckets(start: date, grain: str, scope: Scope, bucket: Bucket) -> list[date]:
    """The buckets in which a target counts: its months, or the weeks that begin in it."""
    company = scope.company
    months = MONTHS.get(grain, 1)  # type: ignore[call-overload]
    if bucket == "month":
        return [add_months(start, place) for place in range(months)]
    if company.fiscal_weeks:
        first = period_start(start, "month", company)
        end = first
        for _ in range(months):
            end = next_start(end, "month", company)
    else:
        first, end = start, add_months(start, months)
    weeks = [day for day in buckets_between(first, end, company, bucket) if first <= day < end]
    return weeks or [period_start(first, "week", company)]


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """The total of the first level that has targets, when the whole has none."""
    levels = set(frame["dimension"].unique())
    below = [level for level in ("region", "team", "owner", "product") if level in levels]
    if TOTAL in levels or not below:
        return frame.clear()
    parts = frame.filter(pl.col("dimension") == below[0])
    total = parts.group_by("bucket").agg(pl.col("target").sum())
    return total.select(dimension=pl.lit(TOTAL), member=pl.lit(TOTAL), bucket="bucket", target="target")
