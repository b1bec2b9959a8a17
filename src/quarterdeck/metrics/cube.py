"""The cube: every measure summed by month and member of each dimension, in one query; periods are rolled up from it.

Sums are whole numbers, so a quarter of the cube is exactly the quarter of the records, and members add up to the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, cast

import polars as pl

from quarterdeck.base.calendar import add_months, period_start
from quarterdeck.base.config import Company
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import deals, leads
from quarterdeck.metrics.metric import TOTAL, Entity, Measure, Stock
from quarterdeck.metrics.settings import Grain

KEYS = ("dimension", "member", "month")

Prepare = Callable[[Tables, Company, datetime, tuple[str, ...]], Any]
_ENTITIES: dict[Entity, tuple[Prepare, frozenset[str]]] = {
    "deals": (deals.prepare, frozenset((*deals.OWN, *deals.JOINED))),
    "leads": (leads.prepare, frozenset(leads.OWN)),
}


def prepared(entity: Entity, tables: Tables, company: Company, as_of: datetime, by: Iterable[str]) -> Any:
    """The entity's prepared relation, with those of the dimensions that it has."""
    prepare, dimensions = _ENTITIES[entity]
    return prepare(tables, company, as_of, tuple(name for name in by if name in dimensions))


def build(
    tables: Tables, company: Company, as_of: datetime, by: tuple[str, ...], measures: tuple[Measure, ...]
) -> pl.DataFrame:
    """Sums of the measures: `dimension, member, month` (first day) and a column a measure, without empty cells."""
    schema: dict[str, Any] = {"dimension": pl.String, "member": pl.String, "month": pl.Date}
    parts = [pl.DataFrame(schema=schema | {measure.name: pl.Int64 for measure in measures})]
    for entity in _ENTITIES:
        wanted = tuple(measure for measure in measures if measure.entity == entity)
        if wanted:
            sums = _sums(prepared(entity, tables, company, as_of, by), by, wanted)
            parts.append(sums.with_columns(pl.col(name).cast(kind) for name, kind in schema.items()))
    whole = pl.concat(parts, how="diagonal")
    return whole.group_by(KEYS).agg(pl.exclude(KEYS).sum())


def _sums(rows: Any, by: tuple[str, ...], measures: tuple[Measure, ...]) -> pl.DataFrame:
    """The measures by month and member, for the total and for each dimension that the relation has."""
    import ibis

    dimensions = [name for name in by if name in rows.columns]
    branches = []
    for counted_on in dict.fromkeys(measure.counted_on for measure in measures):
        for dimension in dimensions or [TOTAL]:
            member = rows[dimension] if dimensions else ibis.literal(TOTAL)
            sums = {m.name: m.value(rows).cast("int64") for m in measures if m.counted_on == counted_on}
            others = {m.name: ibis.null("int64") for m in measures if m.name not in sums}
            # Records without the date make a group of their own: a filter would keep engines from preparing rows once.
            grouped = rows.group_by(month=rows[counted_on], member=member).agg(**sums)
            grouped = grouped.mutate(dimension=ibis.literal(dimension), **others)
            branches.append(grouped.select(*KEYS, *(measure.name for measure in measures)))
    frame: pl.DataFrame = ibis.union(*branches, distinct=False).to_polars()
    frame = frame.drop_nulls("month")
    if not dimensions:
        return frame
    # Every record has one member of a dimension, so the members of any add up to the total.
    whole = frame.filter(pl.col("dimension") == dimensions[0])
    return pl.concat([frame, whole.with_columns(pl.lit(TOTAL).alias("dimension"), pl.lit(TOTAL).alias("member"))])


def densify(cube: pl.DataFrame, stocks: tuple[Stock, ...], last: date) -> pl.DataFrame:
    """Every month of each member from its first to the last, empty ones with 0, and the stocks at end and beginning.

    The total has every month since the first record.
    """
    if cube.is_empty():
        return cube
    earliest = cast("date", cube["month"].min())
    months = pl.DataFrame({"month": _months(min(earliest, last), last)})
    firsts = cube.group_by("dimension", "member").agg(first=pl.col("month").min())
    grid = firsts.join(months, how="cross").filter(pl.col("month") >= pl.col("first")).drop("first")
    dense = grid.join(cube, on=list(KEYS), how="left").fill_null(0).sort(KEYS)
    for stock in stocks:
        if stock.enters not in dense.columns:
            continue
        change = pl.col(stock.enters) - pl.col(stock.leaves)
        dense = dense.with_columns(change.cum_sum().over("dimension", "member").alias(stock.name))
        dense = dense.with_columns((pl.col(stock.name) - change).alias(f"{stock.name}_before"))
    return dense


def _months(first: date, last: date) -> list[date]:
    months = [date(first.year, first.month, 1)]
    while months[-1] < date(last.year, last.month, 1):
        months.append(add_months(months[-1], 1))
    return months


def roll_up(dense: pl.DataFrame, grain: Grain, company: Company, stocks: tuple[Stock, ...]) -> pl.DataFrame:
    """The dense cube by period of a grain: measures summed, stocks at the period's end and beginning, never summed.

    `aimed` is 1 where every month of the period has a target.
    The column `month` becomes `period_start`.
    """
    months = dense["month"].unique().sort()
    starts = [months[0] if grain == "all" else period_start(month, grain, company) for month in months]
    calendar = pl.DataFrame({"month": months, "period_start": starts}, schema_overrides={"period_start": pl.Date})
    rows = dense.join(calendar, on="month", how="left")
    ends = [stock.name for stock in stocks if stock.name in dense.columns]
    begins = [f"{name}_before" for name in ends]
    flows = [name for name in dense.columns if name not in {*KEYS, *ends, *begins, "aimed"}]
    if grain == "month":
        return rows.drop("month")
    keys = ["dimension", "member", "period_start"]
    ordered = rows.sort("dimension", "member", "month")
    return ordered.group_by(keys, maintain_order=True).agg(
        pl.col(flows).sum(), pl.col(ends).last(), pl.col(begins).first(), pl.col("^aimed$").min()
    )
