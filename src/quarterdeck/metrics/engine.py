"""The metric engine: measures in one query, periods and members from their sums, formulas last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from quarterdeck.base.calendar import add_months, period_start
from quarterdeck.base.config import Company, Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import cube, targets
from quarterdeck.metrics.catalogue import MEASURES, METRICS, STOCKS
from quarterdeck.metrics.metric import DIMENSIONS, TOTAL, Metric
from quarterdeck.metrics.settings import Grain, MetricsSettings


def measure_step(tables: Tables, config: Config[MetricsSettings]) -> Result:
    """All metrics that the tables can tell, for the settings' dimensions and grains: the table `metric_values`."""
    settings = config.settings
    chosen = [metric for metric in METRICS.values() if all(tables.has(table) for table in metric.needs)]
    values = evaluate(tables, config.company, config.as_of, chosen, settings)
    return Result({"metric_values": values}, _findings(tables, config.company, chosen))


def evaluate(
    tables: Tables, company: Company, as_of: datetime, metrics: Sequence[Metric], settings: MetricsSettings
) -> pl.DataFrame:
    """Values of the metrics as rows of `metric_values`."""
    by = tuple(name for name in dict.fromkeys(settings.dimensions) if name in DIMENSIONS)
    last = (as_of - timedelta(microseconds=1)).replace(tzinfo=None)
    names = dict.fromkeys(name for metric in metrics for name in metric.measures)
    measures = tuple(MEASURES[name] for name in names)
    sums = cube.build(tables, company, as_of, by, measures)
    today = Config(as_of=last, settings=settings, company=company).today
    if any("targets" in metric.needs for metric in metrics):
        aims = targets.monthly(tables, by, add_months(today, 0))
        sums = sums.join(aims, on=list(cube.KEYS), how="full", coalesce=True).fill_null(0)
    if sums.is_empty():
        return empty("metric_values")
    dense = cube.densify(sums, STOCKS, today)
    if "target" in dense.columns:
        dense = dense.with_columns(aimed=(pl.col("target") > 0).cast(pl.Int64))
    parts = []
    for grain in dict.fromkeys(settings.grains):
        since = _since(settings, grain, company, today)
        kept = dense.filter(pl.col("month") >= since) if since else dense
        rows = _in_major_units(cube.roll_up(kept, grain, company, STOCKS), company)
        parts += [_values(rows, metric, grain) for metric in metrics]
    return conform("metric_values", pl.concat(parts))


def _since(settings: MetricsSettings, grain: Grain, company: Company, today: date) -> date | None:
    """First day of what is given: whole periods of the grain, from that which holds the earliest wanted month."""
    if settings.months is None:
        return None
    first = add_months(today, 1 - settings.months)
    return first if grain == "all" else period_start(first, grain, company)


def _in_major_units(rows: pl.DataFrame, company: Company) -> pl.DataFrame:
    money = [measure.name for measure in MEASURES.values() if measure.is_money] + ["target"]
    for stock in STOCKS:
        if stock.is_money:
            money += [stock.name, f"{stock.name}_before"]
    return rows.with_columns(pl.col(name) / scale(company.currency) for name in money if name in rows.columns)


def _values(rows: pl.DataFrame, metric: Metric, grain: Grain) -> pl.DataFrame:
    n = metric.n.cast(pl.Int64)
    kept = rows if metric.entity == "deals" else rows.filter(pl.col("dimension").is_in(_dimensions(metric)))
    return kept.select(
        metric=pl.lit(metric.name),
        grain=pl.lit(grain),
        period_start="period_start",
        dimension="dimension",
        member="member",
        value=pl.when(n != 0).then(metric.value.cast(pl.Float64)),
        n=n,
        unit=pl.lit(metric.unit),
    )


def _dimensions(metric: Metric) -> list[str]:
    from quarterdeck.metrics import leads

    return [TOTAL, *(leads.OWN if metric.entity == "leads" else DIMENSIONS)]


def _findings(tables: Tables, company: Company, chosen: list[Metric]) -> list[Finding]:
    """What could not be measured for want of which tables, and what was taken at face value."""
    findings = []
    missing = [metric for metric in METRICS.values() if metric not in chosen]
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
    if tables.has("opportunities"):
        findings += _foreign(tables, company)
    return findings


def _foreign(tables: Tables, company: Company) -> list[Finding]:
    """Amounts in other currencies, which are taken as if they were in the company's."""
    rows = tables.relation("opportunities")
    rows = rows.filter(rows.amount.notnull() & (rows.currency != company.currency))
    counts: pl.DataFrame = rows.group_by("currency").agg(deals=rows.count()).order_by("currency").to_polars()
    if counts.is_empty():
        return []
    named = ", ".join(f"{currency} ({deals:,})" for currency, deals in counts.iter_rows())
    return [
        Finding(
            code="metrics.currency_not_converted",
            severity="warning",
            message=f"Deals with amounts in another currency are taken as {company.currency}: {named}.",
            fix=f"Convert them to {company.currency} where the data comes from, or in the mapping.",
            table="opportunities",
            count=int(counts["deals"].sum()),
        )
    ]
