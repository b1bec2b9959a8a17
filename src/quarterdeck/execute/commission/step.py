"""The step `execute.commission`: what closed deals pay, and what each scenario would cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from quarterdeck.base.calendar import add_months, period_start
from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.execute.commission.earnings import pay
from quarterdeck.execute.commission.expected import Horizon, expected
from quarterdeck.execute.commission.plan import DEFAULT, Plan, parse
from quarterdeck.execute.commission.settings import CommissionSettings


@dataclass
class Plans:
    """The plan that holds in each month, and what was found on the way."""

    config: Config[CommissionSettings]
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_assumed(self) -> bool:
        parameters = self.config.parameters
        return "pay_plan" not in parameters or parameters["pay_plan"].is_assumed

    def spans(self, months: list[date]) -> Iterator[tuple[Plan, list[date]]]:
        """Consecutive months of one plan. Months before the first plan are left out, with a finding."""
        parameters = self.config.parameters
        if "pay_plan" in parameters:
            first = parameters["pay_plan"].values[0][0]
            early = [month for month in months if month < first]
            if early:
                self.findings.append(_no_plan_then(early, first))
            months = [month for month in months if month >= first]
        spans: list[tuple[Any, list[date]]] = []
        for month in months:
            value = parameters.at("pay_plan", month, DEFAULT)
            if not spans or spans[-1][0] != value:
                spans.append((value, []))
            spans[-1][1].append(month)
        for value, held in spans:
            yield parse(value), held


def design(tables: Tables, config: Config[CommissionSettings]) -> Result:
    """Pay lines: `paid` for what was closed in the last months, and the expected pay of each scenario's months."""
    plans = Plans(config)
    deals = _closed(tables, config, plans.findings)
    this = config.today.replace(day=1)
    months = [add_months(this, -back) for back in range(config.settings.paid_months, -1, -1)]
    parts = [empty("pay_lines")]
    for plan, held in plans.spans(months):
        lines = _paid(plan, held, deals, tables["quotas"], config)
        parts.append(_labelled(lines, "paid", plans.is_assumed))
    for row in tables["scenarios"].sort("scenario").iter_rows(named=True):
        parts += _scenario(row, tables, deals, plans)
    lines = pl.concat(parts)
    findings = plans.findings + _missing(tables, lines, months, plans.is_assumed)
    return Result({"pay_lines": lines.sort("scenario", "id")}, _once(findings))


def _once(findings: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _labelled(lines: pl.DataFrame, scenario: str, is_assumed: bool) -> pl.DataFrame:
    return conform(
        "pay_lines",
        lines.with_columns(
            id=pl.concat_str(pl.lit(scenario), "id", separator="|"),
            scenario=pl.lit(scenario),
            is_assumed=pl.lit(is_assumed),
        ),
    )


def _closed(tables: Tables, config: Config[CommissionSettings], findings: list[Finding]) -> pl.DataFrame:
    """Won deals as facts: `person_id, opportunity_id, closed_on, amount`."""
    won = tables["opportunities"].filter(
        (pl.col("status") == "won") & pl.col("closed_at").is_not_null() & pl.col("owner_id").is_not_null()
    )
    foreign = won.filter(pl.col("currency") != config.company.currency)
    if foreign.height:
        findings.append(
            Finding(
                "commission.currency",
                "warning",
                f"{foreign.height} won deals are in another currency than {config.company.currency} and were taken one "
                "to one.",
                "Bring the deals in converted to the company's currency.",
                table="opportunities",
                count=foreign.height,
            )
        )
    local = pl.col("closed_at").dt.replace_time_zone("UTC").dt.convert_time_zone(config.company.timezone).dt.date()
    return won.select(person_id="owner_id", opportunity_id="id", closed_on=local, amount=pl.col("amount").fill_null(0))


def _paid(
    plan: Plan, months: list[date], deals: pl.DataFrame, quotas: pl.DataFrame, config: Config[CommissionSettings]
) -> pl.DataFrame:
    """Lines of the months, computed on their whole plan periods."""
    since = period_start(months[0], plan.period, config.company)
    facts = deals.filter((pl.col("closed_on") >= since) & (pl.col("closed_on") < add_months(months[-1], 1)))
    lines = pay(plan, facts, quotas, config.company)
    return lines.filter(pl.col("period_start") >= months[0])


def _scenario(row: dict[str, Any], tables: Tables, deals: pl.DataFrame, plans: Plans) -> list[pl.DataFrame]:
    """Expected pay lines of a scenario."""
    draws = tables["demand_draws"]
    if draws.is_empty() or tables["quotas"].is_empty():
        return []
    months = draws["period_start"].unique().sort().to_list()
    chosen = _spread(json.loads(row["draws"]), plans.config.settings.draws)
    found = []
    for plan, held in plans.spans(months):
        horizon = Horizon(plan, tuple(held), tuple(chosen), plans.config.company)
        lines = expected(horizon, draws, tables["nodes"], tables["quotas"], deals)
        found.append(_labelled(lines, row["scenario"], plans.is_assumed))
    return found


def _spread(draws: list[int], count: int) -> list[int]:
    """So many of the draws, evenly spread over them."""
    if len(draws) <= count:
        return draws
    return [draws[place * len(draws) // count] for place in range(count)]


def _no_plan_then(early: list[date], first: date) -> Finding:
    return Finding(
        "commission.no_plan_then",
        "warning",
        f"No pay plan holds from {early[0]:%Y-%m} to {early[-1]:%Y-%m}: the first begins on {first}. "
        "Nothing is paid there.",
        "Add an earlier value to parameters/pay_plan.yaml.",
        count=len(early),
    )


def _missing(tables: Tables, lines: pl.DataFrame, months: list[date], is_assumed: bool) -> list[Finding]:
    found = []
    if is_assumed:
        found.append(
            Finding(
                "commission.plan_assumed",
                "notice",
                f"No pay plan was written: pay is computed with Quarterdeck's own default, {DEFAULT['name']}.",
                "Write the plan's rules in parameters/pay_plan.yaml; docs/how-to/pay-plans.md shows each rule.",
            )
        )
    known = set(tables["quotas"]["period_start"].to_list())
    without = [month for month in months if month not in known]
    if without and lines.filter(pl.col("scenario") == "paid").height:
        found.append(
            Finding(
                "commission.no_quota",
                "notice",
                f"No quotas are known for {', '.join(f'{month:%Y-%m}' for month in without)}: closed deals are paid as "
                "below quota there, without accelerator.",
                "Approve and publish a plan before the month begins: its quotas then stand for the month.",
                table="quotas",
                count=len(without),
            )
        )
    if tables.has("scenarios") and not tables.has("quotas"):
        found.append(
            Finding(
                "commission.no_expected_cost",
                "warning",
                "Nobody has a quota, so the scenarios' pay could not be computed.",
                "Bring people and targets in: they give quotas, and quotas give the cost of pay.",
                table="quotas",
            )
        )
    return found
