"""Metrics against what they should be: kept or missed by period, and told when missed several periods running."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, cast

import polars as pl

from quarterdeck.base.calendar import MONTHS, Grain, label, next_start
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, empty
from quarterdeck.metrics.aimed import MetricTarget
from quarterdeck.metrics.catalogue import Catalogue
from quarterdeck.metrics.engine import evaluate, is_measurable
from quarterdeck.metrics.metric import TOTAL, Metric
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.targets import DIMENSION

_BOUND = ("at_least", "at_most")


def lines(scope: Scope, catalogue: Catalogue) -> pl.DataFrame:
    """The table `target_lines`: every finished period of every metric that has a target, with how long it is missed.

    Targets are those of the settings, which hold in every period, and those of the table `targets` that name a metric
    in money, or bookings, as their measure.
    """
    parts = [_of_setting(scope, catalogue, aim) for aim in scope.settings.targets]
    parts += _of_table(scope, catalogue)
    found = [part for part in parts if part.height]
    if not found:
        return empty("target_lines")
    rows = pl.concat(found).unique(["metric", "grain", "period_start", "dimension", "member"], keep="first")
    misses = (pl.col("value") < pl.col("at_least")).fill_null(False) | (pl.col("value") > pl.col("at_most")).fill_null(
        False
    )
    keys = ["metric", "grain", "dimension", "member"]
    rows = rows.sort(*keys, "period_start").with_columns(is_met=~misses)
    streak = pl.col("is_met").cum_sum().over(keys)
    running = (~pl.col("is_met")).cum_sum().over(*keys, streak)
    return conform("target_lines", rows.with_columns(running=running.cast(pl.Int64)))


def _values(scope: Scope, catalogue: Catalogue, metric: Metric, dimension: str, grain: Grain) -> pl.DataFrame:
    """Values of a metric in the periods that are over."""
    if not is_measurable(metric, scope.tables):
        return empty("metric_values")
    by = () if dimension == TOTAL else (dimension,)
    values = evaluate(scope, catalogue, [metric], by, (grain,)).filter(pl.col("dimension") == dimension)
    ends = {start: next_start(start, grain, scope.company) for start in values["period_start"].unique()}
    over = [start for start, end in ends.items() if end <= _tomorrow(scope)]
    return values.filter(pl.col("period_start").is_in(over) & pl.col("value").is_not_null())


def _tomorrow(scope: Scope) -> date:
    return scope.today + timedelta(days=1)


def _of_setting(scope: Scope, catalogue: Catalogue, aim: MetricTarget) -> pl.DataFrame:
    values = _values(scope, catalogue, catalogue.metric(aim.metric), aim.dimension, aim.grain)
    if aim.member != TOTAL:
        values = values.filter(pl.col("member") == aim.member)
    bounds = [pl.lit(getattr(aim, name), dtype=pl.Float64).alias(name) for name in _BOUND]
    return _columns(values.with_columns(bounds))


def _of_table(scope: Scope, catalogue: Catalogue) -> list[pl.DataFrame]:
    # Bookings are what the plan aims at; the value of won deals is what came of them.
    aimed = scope.tables["targets"].with_columns(pl.col("measure").replace("bookings", "won_value"))
    rows = aimed.filter(pl.col("measure").is_in(list(catalogue.metrics)))
    parts = []
    for key, group in rows.group_by("measure", "grain", "level", maintain_order=True):
        measure, grain, level = (cast("str | None", part) for part in key)
        metric = catalogue.metric(measure or "")
        dimension = DIMENSION.get(level or "all", level or "all")
        if metric.unit != "money" or (grain or "month") not in MONTHS or dimension not in catalogue.dimensions(metric):
            continue
        aims = group.select(
            "period_start",
            member=pl.lit(TOTAL) if dimension == TOTAL else pl.col("member"),
            at_least=pl.col("amount") / scale(scope.company.currency),
        ).with_columns(at_most=pl.lit(None, dtype=pl.Float64))
        values = _values(scope, catalogue, metric, dimension, cast("Grain", grain or "month"))
        parts.append(_columns(values.join(aims, on=["period_start", "member"])))
    return parts


def _columns(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("metric", "grain", "period_start", "dimension", "member", "value", "n", "at_least", "at_most")


def findings(scope: Scope, catalogue: Catalogue, rows: pl.DataFrame, aims: Sequence[MetricTarget]) -> list[Finding]:
    """A finding for each target that was missed in its last periods, as many running as the target says."""
    last = rows.group_by("metric", "grain", "dimension", "member", maintain_order=True).tail(1)
    found = []
    for row in last.filter(~pl.col("is_met")).iter_rows(named=True):
        aim = next((aim for aim in aims if _is_of(aim, row)), None)
        if row["running"] < (aim.periods if aim else 2):
            continue
        past = rows.filter(
            pl.all_horizontal(pl.col(name) == row[name] for name in ("metric", "grain", "dimension", "member"))
        ).tail(row["running"])
        found.append(_finding(scope, catalogue, row, past, aim))
    return found


def _is_of(aim: MetricTarget, row: dict[str, Any]) -> bool:
    is_same = (aim.metric, aim.grain, aim.dimension) == (row["metric"], row["grain"], row["dimension"])
    return is_same and aim.member in (TOTAL, row["member"])


def _finding(
    scope: Scope, catalogue: Catalogue, row: dict[str, Any], past: pl.DataFrame, aim: MetricTarget | None
) -> Finding:
    metric = catalogue.metric(row["metric"])
    is_below = row["at_least"] is not None and row["value"] < row["at_least"]
    bound = row["at_least"] if is_below else row["at_most"]
    part = "" if row["dimension"] == TOTAL else f" of {row['dimension']} {row['member']}"
    figures = ", ".join(
        f"{label(start, row['grain'], scope.company)}: {_written(value, metric)} (n {n:,})"
        for start, value, n in past.tail(6).select("period_start", "value", "n").iter_rows()
    )
    return Finding(
        code="metrics.alert",
        severity=aim.severity if aim else "warning",
        message=(
            f"{metric.title}{part} is {'below' if is_below else 'above'} its target of {_written(bound, metric)} "
            f"{row['running']} {row['grain']}{'s' if row['running'] > 1 else ''} running: {figures}."
        ),
        fix=f"See what is behind it with explain metrics.{metric.name}, or set another target in metrics.targets.",
        owner_id=aim.owner if aim else None,
        count=row["running"],
    )


def _written(value: float, metric: Metric) -> str:
    if metric.unit == "rate":
        return f"{value:.1%}"
    return f"{value:,.2f}" if metric.unit == "money" else f"{value:,.4g}"
