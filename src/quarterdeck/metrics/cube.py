"""The cube: every measure summed by bucket and member of each dimension, one query an entity; periods rolled up.

A bucket is the shortest piece of which periods are made: a calendar month, or a week where the fiscal year has whole
weeks or weeks are asked for. Sums are whole numbers, so a quarter of the cube is exactly the quarter of the records,
and members add up to the total.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Literal, cast

import polars as pl

from quarterdeck.base.calendar import next_start, period_start
from quarterdeck.base.config import Company
from quarterdeck.metrics.catalogue import YEAR_BEFORE, Catalogue
from quarterdeck.metrics.metric import TOTAL, Measure, Stock
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import Grain

Bucket = Literal["week", "month"]
KEYS = ("dimension", "member", "bucket")


def bucket_of(grain: Grain, company: Company) -> Bucket:
    """Of which buckets a grain's periods are made."""
    return "week" if grain == "week" or company.fiscal_weeks else "month"


def build(
    scope: Scope, catalogue: Catalogue, by: tuple[str, ...], measures: tuple[Measure, ...], bucket: Bucket
) -> pl.DataFrame:
    """Sums of the measures: `dimension, member, bucket` (first day) and a column a measure, without empty cells."""
    schema: dict[str, Any] = {"dimension": pl.String, "member": pl.String, "bucket": pl.Date}
    parts = [pl.DataFrame(schema=schema | {measure.name: pl.Int64 for measure in measures})]
    for entity in dict.fromkeys(measure.entity for measure in measures):
        wanted = tuple(measure for measure in measures if measure.entity == entity)
        rows = catalogue.entities[entity].relation(scope, by)
        sums = _sums(rows, by, wanted, first_day(scope.company, bucket))
        kinds = schema | {measure.name: pl.Int64 for measure in wanted}
        parts.append(sums.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items()))
    whole = pl.concat(parts, how="diagonal")
    return whole.group_by(KEYS).agg(pl.exclude(KEYS).sum())


def first_day(company: Company, bucket: Bucket) -> Any:
    """A function from a relation's day to the first day of its bucket."""
    if bucket == "month":
        return lambda day: day.truncate("M")
    import ibis

    # Engines begin weeks on Monday: the day is moved there and back.
    shift = (period_start(date(2024, 1, 1), "week", company) - date(2024, 1, 1)).days % 7

    def week(day: Any) -> Any:
        if not shift:
            return day.truncate("W")
        monday = (day - ibis.interval(days=shift)).cast("date").truncate("W")
        return (monday + ibis.interval(days=shift)).cast("date")

    return week


def _sums(rows: Any, by: tuple[str, ...], measures: tuple[Measure, ...], first: Any) -> pl.DataFrame:
    """The measures by bucket and member, for the total and for each dimension that the relation has."""
    import ibis

    dimensions = [name for name in by if name in rows.columns]
    branches = []
    for counted_on in dict.fromkeys(measure.counted_on for measure in measures):
        for dimension in dimensions or [TOTAL]:
            member = rows[dimension] if dimensions else ibis.literal(TOTAL)
            sums = {m.name: m.value(rows).cast("int64") for m in measures if m.counted_on == counted_on}
            others = {m.name: ibis.null("int64") for m in measures if m.name not in sums}
            # Records without the day make a group of their own: a filter would keep engines from preparing rows once.
            grouped = rows.group_by(bucket=first(rows[counted_on]), member=member).agg(**sums)
            grouped = grouped.mutate(dimension=ibis.literal(dimension), **others)
            branches.append(grouped.select(*KEYS, *(measure.name for measure in measures)))
    frame: pl.DataFrame = ibis.union(*branches, distinct=False).to_polars()
    frame = frame.drop_nulls("bucket")
    if not dimensions:
        return frame
    # Every record has one member of a dimension, so the members of any add up to the total.
    whole = frame.filter(pl.col("dimension") == dimensions[0])
    return pl.concat([frame, whole.with_columns(pl.lit(TOTAL).alias("dimension"), pl.lit(TOTAL).alias("member"))])


def densify(cube: pl.DataFrame, stocks: Iterable[Stock], last: date, company: Company, bucket: Bucket) -> pl.DataFrame:
    """Every bucket of each member from its first to the last, empty ones with 0, and the stocks at end and beginning.

    The total has every bucket since the first record.
    """
    if cube.is_empty():
        return cube
    earliest = cast("date", cube["bucket"].min())
    buckets = pl.DataFrame({"bucket": buckets_between(min(earliest, last), last, company, bucket)})
    firsts = cube.group_by("dimension", "member").agg(first=pl.col("bucket").min())
    grid = firsts.join(buckets, how="cross").filter(pl.col("bucket") >= pl.col("first")).drop("first")
    dense = grid.join(cube, on=list(KEYS), how="left").fill_null(0).sort(KEYS)
    for stock in stocks:
        if not {stock.enters, stock.leaves or stock.enters} <= set(dense.columns):
            continue
        change = pl.col(stock.enters) - pl.col(stock.leaves) if stock.leaves else pl.col(stock.enters)
        dense = dense.with_columns(change.cum_sum().over("dimension", "member").alias(stock.name))
        dense = dense.with_columns((pl.col(stock.name) - change).alias(f"{stock.name}_before"))
    return dense


def buckets_between(first: date, last: date, company: Company, bucket: Bucket) -> list[date]:
    """First days of the buckets from that which holds the first day to that which holds the last."""
    found = [_start(first, company, bucket)]
    while (following := _next(found[-1], company, bucket)) <= last:
        found.append(following)
    return found


def _start(day: date, company: Company, bucket: Bucket) -> date:
    return day.replace(day=1) if bucket == "month" else period_start(day, "week", company)


def _next(start: date, company: Company, bucket: Bucket) -> date:
    return next_start(start, bucket, company)


def roll_up(
    dense: pl.DataFrame, grain: Grain, scope: Scope, stocks: Iterable[Stock], *, to_date: bool = False
) -> pl.DataFrame:
    """The dense cube by period of a grain: measures summed, stocks at the period's end and beginning, never summed.

    `aimed` is 1 where every bucket of the period has a target. The column `bucket` becomes `period_start`; `days` are
    those of the period that have passed, `end_day` the number of the day after the last of them. With `to_date` a
    period holds everything since its fiscal year began.
    """
    company = scope.company
    buckets = dense["bucket"].unique().sort()
    starts = [buckets[0] if grain == "all" else period_start(day, grain, company) for day in buckets]
    calendar = pl.DataFrame({"bucket": buckets, "period_start": starts}, schema_overrides={"period_start": pl.Date})
    rows = dense.join(calendar, on="bucket", how="left")
    ends = [stock.name for stock in stocks if stock.name in dense.columns]
    begins = [f"{name}_before" for name in ends]
    flows = [name for name in dense.columns if name not in {*KEYS, *ends, *begins, "aimed"}]
    keys = ["dimension", "member", "period_start"]
    ordered = rows.sort("dimension", "member", "bucket")
    periods = ordered.group_by(keys, maintain_order=True).agg(
        pl.col(flows).sum(), pl.col(ends).last(), pl.col(begins).first(), pl.col("^aimed$").min()
    )
    since = {start: start for start in starts}
    if to_date and grain != "all":
        since = {start: period_start(start, "year", company) for start in starts}
        years = pl.DataFrame({"period_start": list(since), "year": list(since.values())}).cast(pl.Date)
        over = ["dimension", "member", "year"]
        periods = periods.join(years, on="period_start", how="left").with_columns(
            pl.col(flows).cum_sum().over(over),
            pl.col(begins).first().over(over),
            pl.col("^aimed$").cum_min().over(over),
        )
    return _with_days(periods.drop("year", strict=False), grain, scope, since)


def _with_days(periods: pl.DataFrame, grain: Grain, scope: Scope, since: dict[date, date]) -> pl.DataFrame:
    after = scope.today + timedelta(days=1)
    ends = {start: after if grain == "all" else min(after, next_start(start, grain, scope.company)) for start in since}
    calendar = pl.DataFrame(
        {
            "period_start": list(since),
            "days": [(ends[start] - since[start]).days for start in since],
            "end_day": [(ends[start] - date(1970, 1, 1)).days for start in since],
        },
        schema={"period_start": pl.Date, "days": pl.Int64, "end_day": pl.Int64},
    )
    return periods.join(calendar, on="period_start", how="left")


def with_year_before(periods: pl.DataFrame, before: dict[date, date | None], names: list[str]) -> pl.DataFrame:
    """The periods with the named sums of the same period of the year before, empty where there is none."""
    if not names:
        return periods
    keys = ["dimension", "member", "period_start"]
    pairs = pl.DataFrame(
        {"at": list(before), "period_start": list(before.values())}, schema={"at": pl.Date, "period_start": pl.Date}
    ).drop_nulls()
    earlier = periods.select(*keys, *(pl.col(name).alias(name + YEAR_BEFORE) for name in names))
    earlier = earlier.join(pairs, on="period_start").drop("period_start").rename({"at": "period_start"})
    return periods.join(earlier, on=keys, how="left")
