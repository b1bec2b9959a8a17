"""The metric engine: measures in one query an entity, periods and members from their sums, formulas last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from quarterdeck.base import exchange
from quarterdeck.base.calendar import add_months, period_start, previous_start, year_before
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import cube, targets
from quarterdeck.metrics.catalogue import YEAR_BEFORE, Catalogue
from quarterdeck.metrics.metric import DIMENSIONS, TOTAL, Metric
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import Grain

KEYS = ["dimension", "member", "period_start"]
_MONEY = {
    "opportunities": ("amount", "closed_at"),
    "orders": ("amount", "ordered_at"),
    "invoices": ("amount", "invoiced_at"),
}


def is_measurable(metric: Metric, tables: Tables) -> bool:
    """Every table that the metric needs holds a row."""
    return all(tables.has(table) for table in metric.needs)


def evaluate(
    scope: Scope, catalogue: Catalogue, metrics: Sequence[Metric], dimensions: Sequence[str], grains: Sequence[Grain]
) -> pl.DataFrame:
    """Values of the metrics as rows of `metric_values`; members for which no record speaks have no row."""
    by = tuple(name for name in dict.fromkeys(dimensions) if name in DIMENSIONS)
    measures = catalogue.measures_of(metrics)
    parts = []
    for bucket in dict.fromkeys(cube.bucket_of(grain, scope.company) for grain in grains):
        sums = cube.build(scope, catalogue, by, measures, bucket)
        if any("targets" in metric.needs for metric in metrics):
            aims = targets.by_bucket(scope, by, scope.today, bucket)
            sums = sums.join(aims, on=list(cube.KEYS), how="full", coalesce=True).fill_null(0)
        dense = cube.densify(sums, catalogue.stocks.values(), scope.today, scope.company, bucket)
        if dense.is_empty():
            continue
        if "target" in dense.columns:
            dense = dense.with_columns(aimed=(pl.col("target") > 0).cast(pl.Int64))
        for grain in dict.fromkeys(grains):
            if cube.bucket_of(grain, scope.company) == bucket:
                parts.append(_of_grain(dense, grain, scope, catalogue, metrics))
    return conform("metric_values", pl.concat(parts)) if parts else empty("metric_values")


def _of_grain(
    dense: pl.DataFrame, grain: Grain, scope: Scope, catalogue: Catalogue, metrics: Sequence[Metric]
) -> pl.DataFrame:
    """Values of a grain, with those of the period before, of the year before and of the year to date."""
    wide = _wide(dense, grain, scope, catalogue, metrics)
    to_date = _wide(dense, grain, scope, catalogue, metrics, to_date=True)
    starts = wide["period_start"].unique().to_list()
    shifted = [wide]
    if grain != "all":
        company = scope.company
        previous = {start: previous_start(start, grain, company) for start in starts}
        earlier = {start: year_before(start, grain, company) for start in starts}
        shifted += [_shifted(wide, previous), _shifted(wide, earlier), to_date]
    since = _since(scope, grain)
    if since:
        shifted = [frame.filter(pl.col("period_start") >= since) for frame in shifted]
    base = shifted[0]
    others = [base.select(KEYS).join(frame, on=KEYS, how="left", maintain_order="left") for frame in shifted[1:]]
    names = ("previous", "year_before", "to_date")
    parts = []
    for metric in metrics:
        columns = [frame[metric.name].alias(name) for name, frame in zip(names, others, strict=False)]
        rows = base.select(
            *KEYS, value=metric.name, n=f"{metric.name} n", metric=pl.lit(metric.name), unit=pl.lit(metric.unit)
        ).with_columns(columns)
        is_asked = pl.col("dimension").is_in(catalogue.dimensions(metric))
        parts.append(rows.filter(is_asked & ((pl.col("dimension") == TOTAL) | (pl.col("n") > 0))))
    return conform("metric_values", pl.concat(parts, how="diagonal").with_columns(grain=pl.lit(grain)))


def _shifted(wide: pl.DataFrame, pairs: dict[date, date | None] | dict[date, date]) -> pl.DataFrame:
    """The values of another period under the period that asks for them."""
    frame = pl.DataFrame(
        {"asks": list(pairs), "period_start": list(pairs.values())}, schema={"asks": pl.Date, "period_start": pl.Date}
    ).drop_nulls()
    return wide.join(frame, on="period_start").drop("period_start").rename({"asks": "period_start"})


def _wide(
    dense: pl.DataFrame,
    grain: Grain,
    scope: Scope,
    catalogue: Catalogue,
    metrics: Sequence[Metric],
    *,
    to_date: bool = False,
) -> pl.DataFrame:
    """A column a metric and one for its n, a row a period and member."""
    rows = cube.roll_up(dense, grain, scope, catalogue.stocks.values(), to_date=to_date)
    rows = _in_major_units(rows, scope, catalogue)
    asked = {name for metric in metrics for name in metric.names if name.endswith(YEAR_BEFORE)}
    if asked:
        starts = rows["period_start"].unique().to_list()
        before = {start: None if grain == "all" else year_before(start, grain, scope.company) for start in starts}
        rows = cube.with_year_before(rows, before, sorted(name.removesuffix(YEAR_BEFORE) for name in asked))
    return rows.select(*KEYS, *(expression for metric in metrics for expression in _figure(metric)))


def _figure(metric: Metric) -> tuple[pl.Expr, pl.Expr]:
    """Value and n of a metric: without a value no record counts, without a record there is no value."""
    value, n = metric.value.cast(pl.Float64), metric.n.cast(pl.Int64).fill_null(0)
    is_there = (n != 0) & value.is_not_null() & value.is_finite()
    return (
        pl.when(is_there).then(value).alias(metric.name),
        pl.when(is_there).then(n).otherwise(0).alias(f"{metric.name} n"),
    )


def _since(scope: Scope, grain: Grain) -> date | None:
    """First day of what is given: whole periods of the grain, from that which holds the earliest wanted month."""
    months = scope.settings.months
    if months is None or grain == "all":
        return None
    return period_start(add_months(scope.today, 1 - months), grain, scope.company)


def _in_major_units(rows: pl.DataFrame, scope: Scope, catalogue: Catalogue) -> pl.DataFrame:
    money = [measure.name for measure in catalogue.measures.values() if measure.is_money] + ["target"]
    for stock in catalogue.stocks.values():
        if stock.is_money:
            money += [stock.name, f"{stock.name}_before"]
    return rows.with_columns(pl.col(name) / scale(scope.company.currency) for name in money if name in rows.columns)


def findings(scope: Scope, catalogue: Catalogue, chosen: list[Metric]) -> list[Finding]:
    """What could not be measured for want of which tables, and whose amounts could not be converted."""
    findings = []
    tables = scope.tables
    missing = [metric for metric in catalogue.metrics.values() if metric not in chosen]
    if missing:
        wanted = sorted({table for metric in missing for table in metric.needs if not tables.has(table)})
        findings.append(
            Finding(
                code="metrics.not_measured",
                severity="notice",
                message=f"Not measured for want of a table: {', '.join(metric.title for metric in missing)}.",
                fix=f"Give the tables {', '.join(wanted)} to measure them.",
            )
        )
    for name, (amount, instant) in _MONEY.items():
        if tables.has(name):
            before = tables.relation(name)
            after = scope.converted(before, name, amount, scope.day(before[instant]))
            findings += exchange.missing("metrics.rate_missing", name, before, after, amount=amount)
    return findings
