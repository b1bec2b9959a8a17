"""The step `reconcile.frame`: targets by month and region, and the scenarios."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale, to_minor
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Futures, read_futures
from quarterdeck.reconcile.overrides import by_target, override_findings
from quarterdeck.reconcile.settings import ReconcileSettings
from quarterdeck.reconcile.sold import sold
from quarterdeck.reconcile.targets import History, assumed, month_target, overridden, region_targets, row, typed


def frame(tables: Tables, config: Config[ReconcileSettings]) -> Result:
    """Targets of the horizon's months and the base, best and worst scenario.

    The base scenario is all draws; best and worst are the share `tail` of them with the highest and lowest bookings.
    """
    futures = read_futures(tables, config.company.currency)
    if futures is None:
        finding = Finding(
            code="reconcile.no_demand",
            severity="warning",
            table="demand_draws",
            message="There is no demand, so there is nothing to hold against a target.",
            fix="Run the demand room first; it needs closed deals.",
        )
        return Result({"plan_targets": empty("plan_targets"), "scenarios": empty("scenarios")}, [finding])
    findings: list[Finding] = []
    rows = _targets(tables, config, futures, findings)
    targets = conform("plan_targets", pl.DataFrame(rows, infer_schema_length=None))
    aimed = targets.filter(pl.col("level") == "all")["amount"].sum() / scale(config.company.currency)
    scenarios = conform("scenarios", pl.DataFrame(_scenarios(futures.total, float(aimed), config.settings.tail)))
    return Result({"plan_targets": targets, "scenarios": scenarios}, findings)


def _targets(
    tables: Tables, config: Config[ReconcileSettings], futures: Futures, findings: list[Finding]
) -> list[dict[str, Any]]:
    overrides, currency = tables["overrides"], config.company.currency
    rows = _target_rows(tables, config, futures, overrides)
    if overrides.filter(pl.col("room") == "reconcile").height:
        before = _target_rows(tables, config, futures, overrides.clear())
        findings += override_findings(overrides, by_target(before), by_target(rows), currency)
    findings += _findings(rows)
    findings += _other_currency(tables["targets"], currency)
    return rows


def _target_rows(
    tables: Tables, config: Config[ReconcileSettings], futures: Futures, overrides: pl.DataFrame
) -> list[dict[str, Any]]:
    months, unit, currency = futures.months, scale(config.company.currency), config.company.currency
    before = sold(tables, currency)
    history = History.read(before, months[0])
    given = tables["targets"]
    by_region = {}
    for region in futures.regions:
        own = typed(given, "region", region, months, history)
        by_region[region] = own | overridden(overrides, f"region:{region}", months, unit)
    decided = overridden(overrides, "all:all", months, unit)
    total = typed(given, "all", "all", months, history)
    weights = _weights(before, futures, months[0])
    expected = futures.amount.mean(axis=2).sum(axis=0)
    rows = []
    for t, month in enumerate(months):
        fallback = assumed(month, history, config.settings.growth, to_minor(float(expected[t]), currency))
        target = month_target((decided, total, by_region), month, fallback)
        rows.append(row(month, "all", "all", target))
        if weights:
            regional = region_targets(target, month, by_region, weights)
            rows += [row(month, "region", name, part) for name, part in regional.items()]
    return rows


def _weights(before: pl.DataFrame, futures: Futures, first: date) -> dict[str, int]:
    """Bookings of the last 12 months by region of the demand."""
    won = before.filter(pl.col("closed_at").dt.date().is_between(add_months(first, -12), first, closed="left"))
    sums: dict[str, int] = dict(won.group_by("region").agg(pl.col("amount").sum()).iter_rows())
    return {region: max(sums.get(region, 0), 0) for region in futures.regions}


def _scenarios(total: np.ndarray[Any, Any], target: float, tail: float) -> list[dict[str, Any]]:
    order = np.lexsort((np.arange(len(total)), total))
    size = max(1, int(np.ceil(tail * len(total))))
    cuts = (
        ("base", "All futures", np.arange(len(total))),
        ("best", f"The {tail:.0%} of futures with the highest bookings", order[-size:]),
        ("worst", f"The {tail:.0%} of futures with the lowest bookings", order[:size]),
    )
    return [
        {
            "scenario": name,
            "title": title,
            "draws": json.dumps(sorted(int(draw) for draw in draws)),
            "mean": float(total[draws].mean()),
            "probability": float((total[draws] >= target).mean()),
        }
        for name, title, draws in cuts
    ]


def _findings(rows: Sequence[dict[str, Any]]) -> list[Finding]:
    found = []
    guessed = [line for line in rows if line["level"] == "all" and line["is_assumed"]]
    if guessed:
        ways = ", ".join(sorted({line["basis"].removeprefix("assumed: ") for line in guessed}))
        found.append(
            Finding(
                code="reconcile.target_assumed",
                severity="warning",
                table="targets",
                message=f"Nobody typed a target for {len(guessed)} of the plan's months; assumed: {ways}.",
                fix="Give `targets` (month, quarter or year), or decide on one (an override of all:all in reconcile).",
                count=len(guessed),
            )
        )
    scaled = {line["period_start"] for line in rows if line["basis"].endswith("scaled to the total")}
    if scaled:
        found.append(
            Finding(
                code="reconcile.targets_disagree",
                severity="warning",
                table="targets",
                message=f"In {len(scaled)} months the regions' targets do not add up to the total's; "
                "they are scaled to it.",
                fix="Correct the regional targets or the total.",
                count=len(scaled),
            )
        )
    return found


def _other_currency(targets: pl.DataFrame, currency: str) -> list[Finding]:
    other = targets.filter(pl.col("currency").is_not_null() & (pl.col("currency") != currency))
    if other.is_empty():
        return []
    return [
        Finding(
            code="reconcile.target_currency",
            severity="error",
            table="targets",
            message=f"{other.height} targets are in another currency than {currency}; they are taken one to one.",
            fix=f"Type targets in {currency}.",
            count=other.height,
        )
    ]
