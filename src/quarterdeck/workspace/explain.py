"""Where a figure comes from: definition, inputs, records behind it, the run and the decisions that touched it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.calendar import add_months, parse_period
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import empty, table
from quarterdeck.flow import STEPS

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Run, Workspace


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure and all that made it.

    `records` are the rows behind it, of the table `table`; `decisions` the choices that touched it.
    """

    name: str
    title: str
    definition: str
    value: float | None
    unit: str
    inputs: list[str]
    records: pl.DataFrame
    run_id: str
    decisions: pl.DataFrame
    table: str
    trail: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Question:
    workspace: Workspace
    run: Run
    entry: str
    period: str | None
    dimension: str
    member: str

    def span(self, *, is_past: bool = False) -> tuple[date, date, str]:
        """First day, day after the last, grain; without a period the run's month, or of the past the last whole one."""
        company = self.workspace.settings.company
        today = self.run.as_of.replace(tzinfo=UTC).astimezone(company.zone).date()
        usual = add_months(today, -1) if is_past else today
        return parse_period(self.period or f"{usual:%Y-%m}", company)

    def rows(self, name: str) -> pl.DataFrame:
        return self.workspace.table(name, run=self.run)


def explain(workspace: Workspace, run: Run, name: str, period: str | None, dimension: str, member: str) -> Explanation:
    """Explain `room.entry`; raises with the known rooms or entries when there is no such figure."""
    room, _, entry = name.partition(".")
    if room not in EXPLAINERS:
        raise QuarterdeckError(
            f"{name!r} is no figure; write one such as metrics.win_rate, demand.bookings or plan.margin; "
            f"{did_you_mean(room, EXPLAINERS)}"
        )
    if not entry:
        raise QuarterdeckError(f"Which one? Write {room}.NAME, such as {EXAMPLES[room]}.")
    return EXPLAINERS[room](_Question(workspace, run, entry, period, dimension, member))


def _trail(question: _Question, written: str) -> list[str]:
    """The steps that lead to a table, the last first, with their inputs and whether the run computed or read them."""
    steps = {step.name: step for step in STEPS}
    done = {step.name: step for step in question.run.steps}
    wanted, lines = [written], []
    for step in reversed(list(steps.values())):
        if set(step.writes) & set(wanted):
            state = done.get(step.name)
            how = (
                "not in this run"
                if state is None
                else f"key {state.key[:12]}, {'read' if state.reused else 'computed'}"
            )
            lines.append(
                f"{step.name} ({how}) from {', '.join(name for name in step.reads if name in question.run.paths)}"
            )
            wanted += [name for name in step.reads if table(name).kind == "derived"]
    return lines


def _known_member(question: _Question, rows: pl.DataFrame, column: str = "dimension") -> None:
    """Raise when the rows have no such dimension or member."""
    dimensions = rows[column].unique().to_list()
    if question.dimension not in dimensions:
        raise QuarterdeckError(
            f"Nothing is cut by {question.dimension!r}; {did_you_mean(question.dimension, dimensions)}"
        )
    members = rows.filter(pl.col(column) == question.dimension)["member"].unique().to_list()
    if question.member not in members:
        raise QuarterdeckError(
            f"There is no {question.dimension} {question.member!r}; {did_you_mean(question.member, members)}"
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"


def _part(question: _Question) -> str:
    return "the whole company" if question.dimension == "all" else f"{question.dimension} {question.member}"


def _overrides(question: _Question, room: str) -> pl.DataFrame:
    rows = question.rows("overrides")
    return rows.filter(pl.col("room") == room)


def _metric(question: _Question) -> Explanation:
    from quarterdeck import metrics

    settings = question.workspace.settings.section("metrics")
    assert isinstance(settings, metrics.MetricsSettings)
    metric = metrics.catalogue_of(settings).metric(question.entry)
    start, end, grain = question.span(is_past=True)
    values = question.rows("metric_values")
    _known_member(question, values)
    rows = values.filter(
        (pl.col("metric") == metric.name)
        & (pl.col("grain") == grain)
        & (pl.col("period_start") == start)
        & (pl.col("dimension") == question.dimension)
        & (pl.col("member") == question.member)
    )
    tables, company = question.workspace.tables_of(question.run), question.workspace.settings.company
    records = metrics.records(
        tables,
        metric.name,
        start,
        end,
        question.dimension,
        question.member,
        company=company,
        as_of=question.run.as_of,
        settings=settings,
    )
    n = rows["n"].to_list()[0] if rows.height else 0
    return Explanation(
        name=f"metrics.{metric.name}",
        title=metric.title,
        definition=metric.definition,
        value=rows["value"].to_list()[0] if rows.height else None,
        unit=metric.unit,
        inputs=[
            f"period {start} to {end} (first day after)",
            _part(question),
            f"{n:,} records",
            f"{metric.formula}, version {metric.version}, of {metric.owner}",
        ],
        records=records,
        run_id=question.run.id,
        decisions=empty("overrides"),
        table=metrics.records_in(tables, metric.name, company=company, settings=settings),
        trail=_trail(question, "metric_values"),
    )


def _demand(question: _Question) -> Explanation:
    measures = {"bookings": "amount", "deals": "quantity"}
    if question.entry not in measures:
        raise QuarterdeckError(f"There is no forecast {question.entry!r}; {did_you_mean(question.entry, measures)}")
    start, end, _ = question.span()
    node = "all" if question.member == "all" else f"{question.dimension}:{question.member}"
    nodes = question.rows("nodes")
    if node not in nodes["node_id"]:
        raise QuarterdeckError(f"There is no part {node!r} of demand; {did_you_mean(node, nodes['node_id'].to_list())}")
    lines = question.rows("demand_lines").filter(
        (pl.col("node_id") == node)
        & (pl.col("measure") == measures[question.entry])
        & (pl.col("period_start") >= start)
        & (pl.col("period_start") < end)
    )
    if lines.is_empty():
        periods = question.rows("demand_lines")["period_start"]
        raise QuarterdeckError(f"The forecast is of {periods.min()!s} to {periods.max()!s}; ask for a month of it.")
    parts = lines.select(pl.col("^from_.*$").sum()).row(0, named=True)
    deals = question.rows("opportunities").filter(pl.col("status") == "open")
    if question.member != "all":
        column = {"product": "product_id"}.get(question.dimension, question.dimension)
        deals = deals.filter(pl.col(column) == question.member)
    scores = question.rows("scores").filter(pl.col("subject") == "opportunity").select("subject_id", "probability")
    intervals = [
        f"{row['period_start']}: mean {row['mean']:,.0f}, 50 % {row['q25']:,.0f} to {row['q75']:,.0f}, "
        f"80 % {row['q10']:,.0f} to {row['q90']:,.0f}, 95 % {row['q025']:,.0f} to {row['q975']:,.0f}"
        for row in lines.sort("period_start").to_dicts()
    ]
    return Explanation(
        name=f"demand.{question.entry}",
        title=f"Expected {question.entry} of {node}",
        definition="Mean over the draws: open deals aged by their monthly odds to be won or lost, and deals to come.",
        value=float(lines["mean"].sum()),
        unit="currency" if question.entry == "bookings" else "deals",
        inputs=[*intervals, *(f"{name.replace('_', ' ')}: {value:,.0f}" for name, value in parts.items())],
        records=deals.join(scores, left_on="id", right_on="subject_id", how="left"),
        run_id=question.run.id,
        decisions=_overrides(question, "demand"),
        table="opportunities",
        trail=_trail(question, "demand_lines"),
    )


def _lines(
    question: _Question, name: str, column: str, value: str, definition: str, unit: str = "currency"
) -> Explanation:
    """Explain an entry by the rows of a derived table in which `column` is that entry."""
    rows = question.rows(name)
    known = rows[column].unique().drop_nulls().to_list()
    if question.entry not in known:
        near = [str(value) for value in known[:5]] if len(known) > 5 else known
        remedy = did_you_mean(question.entry, known) if len(known) <= 50 else f"such as {', '.join(near)}"
        raise QuarterdeckError(f"{name} has no {column} {question.entry!r}; {remedy}")
    rows = rows.filter(pl.col(column) == question.entry)
    if question.period and "period_start" in rows.columns:
        start, end, _ = question.span()
        rows = rows.filter((pl.col("period_start") >= start) & (pl.col("period_start") < end))
    if "level" in rows.columns:
        _known_member(question, rows, "level")
        rows = rows.filter((pl.col("level") == question.dimension) & (pl.col("member") == question.member))
    # What was closed is paid in any scenario; what is expected is told for the base one.
    base = rows.filter(pl.col("scenario").is_in(["base", "paid"])) if "scenario" in rows.columns else rows
    figure = float(base[value].cast(pl.Float64).to_numpy().sum()) if base.height else None
    if table(name).column(value).type == "money" and figure is not None:
        from quarterdeck.base.money import scale

        figure /= scale(question.workspace.settings.company.currency)
    step = next(step for step in STEPS if name in step.writes)
    return Explanation(
        name=f"{name}.{question.entry}",
        title=f"{question.entry} ({name})",
        definition=definition,
        value=figure,
        unit=unit,
        inputs=[f"{value} summed over {base.height} lines"],
        records=base,
        run_id=question.run.id,
        decisions=_overrides(question, step.room),
        table=name,
        trail=_trail(question, name),
    )


# Plan lines that are no money: the column that holds the figure, and its unit.
COUNTED = {
    "gap": ("gap", "currency"),
    "hires": ("supply", "people"),
    "hours": ("gap", "hours"),
    "capacity": ("supply", "deals"),
    "odds": ("supply", "odds"),
}


def _plan(question: _Question) -> Explanation:
    """A plan line, or `gap`: what can be served less the target. Beside it all lines of the same place."""
    from quarterdeck.reconcile.definitions import LINES

    name = "bookings" if question.entry == "gap" else question.entry
    known = [*LINES, "gap"]
    if question.entry not in known:
        raise QuarterdeckError(f"There is no plan line {question.entry!r}; {did_you_mean(question.entry, known)}")
    value = COUNTED.get(question.entry, ("money", "currency"))[0]
    told = _lines(replace(question, entry=name), "plan_lines", "line", value, LINES[name])
    beside = question.rows("plan_lines").filter(
        (pl.col("scenario") == "base") & pl.col("period_start").is_in(told.records["period_start"].unique().to_list())
    )
    place = (pl.col("level") == question.dimension) & (pl.col("member") == question.member)
    sums = (
        beside.filter(place).group_by("line", maintain_order=True).agg(pl.col("demand", "supply", "gap", "money").sum())
    )
    inputs = [
        f"{row['line']}: "
        + ", ".join(f"{key} {_short(row[key])}" for key in ("demand", "supply", "gap", "money") if row[key])
        for row in sums.iter_rows(named=True)
    ]
    unit = COUNTED.get(question.entry, ("money", "currency"))[1]
    title = f"Plan line {question.entry}, {_part(question)}"
    return replace(told, name=f"plan.{question.entry}", title=title, inputs=inputs, unit=unit)


def _supply(question: _Question) -> Explanation:
    definition = (
        "Mean load over the draws that nothing covers: load less own capacity, overtime, hires, orders and stock."
    )
    return _lines(question, "supply_lines", "resource_id", "shortage", definition, "units of the resource")


def _quota(question: _Question) -> Explanation:
    return _lines(question, "quotas", "person_id", "amount", table("quotas").description)


def _pay(question: _Question) -> Explanation:
    return _lines(question, "pay_lines", "person_id", "amount", table("pay_lines").description)


def _score(question: _Question) -> Explanation:
    definition = (
        "Odds that the deal is won or the lead converts, learned from those that are settled; the reasons are its "
        "three strongest influences."
    )
    return _lines(question, "scores", "subject_id", "probability", definition, "odds")


def _quality(question: _Question) -> Explanation:
    from quarterdeck import quality
    from quarterdeck.quality.settings import QualitySettings

    settings = question.workspace.settings.section("quality")
    assert isinstance(settings, QualitySettings)
    checks = quality.catalogue(settings)
    if question.entry not in checks:
        raise QuarterdeckError(f"There is no check {question.entry!r}; {did_you_mean(question.entry, checks)}")
    check = checks[question.entry]
    run = question.run
    if "quality.check" not in {step.name for step in run.steps}:
        run = question.workspace.last_run(with_step="quality.check") or run
    found = question.workspace.findings(run).filter(pl.col("code") == f"quality.{check.name}")
    return Explanation(
        name=f"quality.{check.name}",
        title=check.title,
        definition=check.why,
        value=float(found["count"].sum()),
        unit="records",
        inputs=[f"money at stake: {found['money_at_stake'].sum():,.0f}"],
        records=found,
        run_id=run.id,
        decisions=empty("overrides"),
        table="findings",
        trail=[f"quality.check of run {run.id}"],
    )


EXAMPLES = {
    "metrics": "metrics.win_rate",
    "demand": "demand.bookings",
    "plan": "plan.gap",
    "supply": "supply.sellers:East",
    "quota": "'quota.Anna Snelling' (a person's id)",
    "pay": "'pay.Anna Snelling' (a person's id)",
    "scoring": "scoring.O0000123 (a deal's id)",
    "quality": "quality.account_missing",
}

EXPLAINERS: dict[str, Callable[[_Question], Explanation]] = {
    "metrics": _metric,
    "demand": _demand,
    "plan": _plan,
    "supply": _supply,
    "quota": _quota,
    "pay": _pay,
    "scoring": _score,
    "quality": _quality,
}
