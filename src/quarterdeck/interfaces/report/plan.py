"""Sections on what can be done: supply, and the plan that reconciles it with demand and target."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.records import ROWS, rest
from quarterdeck.interfaces.report.source import Source

DRAWN = 6
LINES = ("bookings", "target", "capacity", "hires", "hours", "supply_cost", "pay_cost", "margin")


def supply(source: Source) -> Section:
    """Load against capacity of each resource, and what is short when."""
    say = source.words.say
    lines = source.table("supply_lines").filter(pl.col("scenario") == "base").sort("period_start", "resource_id")
    groups = source.groups_of("supply")
    if not lines.height:
        reason = say("Nothing limits supply that is known: there are no people with a record and no resources.")
        return Section("supply", say("Supply"), say("Can we serve it?"), findings=groups, empty=reason)
    lead = [
        say(
            "The findings tell what is short if nothing is done, for goods after the orders that they name; the table "
            "tells what is still short after the plan's hires, overtime, purchases and later dates."
        )
    ]
    blocks: list[Chart | Table] = [_loads(source, lines), _short(source, lines)]
    return Section("supply", say("Supply"), say("Can we serve it?"), lead, blocks, groups)


def _loads(source: Source, lines: pl.DataFrame) -> Chart:
    """Load against capacity of the tightest resources, a small drawing each."""
    words, say = source.words, source.words.say
    tightest = (
        lines.group_by("resource_id")
        .agg(
            pl.col("shortage_rate").max(),
            pl.col("shortage").sum(),
            (pl.col("load").sum() / pl.col("capacity").sum()).alias("use"),
        )
        .sort(
            ["shortage_rate", "shortage", "use", "resource_id"], descending=[True, True, True, False], nulls_last=True
        )
    )
    drawn = tightest.head(DRAWN)["resource_id"].to_list()
    shown = [lines.filter(pl.col("resource_id") == resource) for resource in drawn]
    rows = [
        {
            "name": f"{row['name']} ({row['unit']})",
            "period": words.period(row["period_start"]),
            "load": row["load"],
            "capacity": row["capacity"],
        }
        for part in shown
        for row in part.iter_rows(named=True)
    ]
    title = say("Load against capacity before the plan's remedies, the tightest first")
    over = sum(part.filter(pl.col("load") > pl.col("capacity")).height for part in shown)
    text = say("Mean load is above capacity in {count} of {total} months drawn.",
               count=words.number(over), total=words.number(len(rows)))  # fmt: skip
    return Chart(title, text, charts.draw(charts.small(rows, labels=(say("Load"), say("Capacity"))), title, text))


def _short(source: Source, lines: pl.DataFrame) -> Table:
    """Months in which a resource is short after the plan's remedies, worst first; when none is, the tightest."""
    words, say = source.words, source.words.say
    order = lines.sort(
        ["shortage_rate", "shortage", "period_start", "resource_id"], descending=[True, True, False, False]
    )
    rows: list[list[Cell]] = []
    for row in order.head(ROWS).iter_rows(named=True):
        rate = row["shortage_rate"]
        tone = "bad" if rate > 0.5 else "warn" if rate > 0.1 else ""
        rows.append(
            [
                words.period(row["period_start"]),
                row["name"],
                row["unit"],
                words.quantity(row["load"]),
                words.quantity(row["capacity"]),
                words.quantity(row["hire"]),
                words.quantity(row["overtime"]),
                words.quantity(row["buy"]),
                words.quantity(row["shortage"]),
                Mark(words.percent(rate, 0), tone),
            ]
        )
    header = [
        *(say("Month"), say("Resource"), say("Unit"), say("Load"), say("Capacity")),
        *(say("Plan hires"), say("Plan overtime"), say("Plan buys")),
        *(say("Short after that"), say("Odds of late or short after that")),
    ]
    more, command = rest(source, order.height, "supply", "--limit", "0")
    return Table(say("What is short after the plan's remedies"), header, rows, range(3, 10), more, command)


def stamp(source: Source) -> str:
    """PUBLISHED, or DRAFT while nobody has approved the plan."""
    return source.words.say("PUBLISHED") if source.run.is_published else source.words.say("DRAFT")


def target_of(source: Source) -> tuple[float | None, bool]:
    """The whole target over the horizon in major units, and whether it is assumed. None without a target."""
    from quarterdeck.base.money import to_major

    targets = source.table("plan_targets").filter(pl.col("level") == "all")
    if not targets.height:
        return None, False
    return float(to_major(int(targets["amount"].sum()), source.company.currency)), bool(targets["is_assumed"].any())


def served_odds(source: Source) -> float | None:
    """Share of the base scenario's futures in which what can be served reaches the target as it stands.

    None without a plan.
    """
    odds = source.table("plan_lines").filter((pl.col("scenario") == "base") & (pl.col("line") == "odds"))
    return float(odds["supply"][0]) if odds.height else None


def demand_odds(source: Source) -> float | None:
    """Share of the base scenario's futures in which demand alone would reach the target."""
    base = source.table("scenarios").filter(pl.col("scenario") == "base")
    return float(base["probability"][0]) if base.height else None


def reconcile(source: Source) -> Section:
    """Target against what is expected, scenarios, options."""
    words, say = source.words, source.words.say
    groups = source.groups_of("reconcile")
    blocks: list[Chart | Table] = []
    for made in (_months(source), _scenarios(source), _options(source), _lines(source)):
        if made is not None:
            blocks.append(made)
    lead = []
    target, is_assumed = target_of(source)
    if target is not None:
        lead.append(say("Target over the horizon: {target}.", target=words.compact(target)))
        basis = source.table("plan_targets").filter(pl.col("level") == "all")["basis"]
        if is_assumed:
            lead.append(say("Nobody typed the target; its basis is: {basis}.", basis=basis[0]))
    served, alone = served_odds(source), demand_odds(source)
    if target is not None and served is not None and alone is not None:
        lead.append(
            say(
                "What can be served reaches the target in {served} of the futures; demand, were all of it served, in "
                "{alone}.",
                served=words.percent(served, 0),
                alone=words.percent(alone, 0),
            )
        )
    empty = "" if blocks else say("There is no plan: demand and target are missing.")
    return Section("reconcile", say("Plan"), say("Which plan?"), lead, blocks, groups, stamp(source), empty)


def _months(source: Source) -> Chart | None:
    """Bookings that are expected by month, against the target."""
    from quarterdeck.base.money import to_major

    words, say = source.words, source.words.say
    lines = (
        source.table("demand_lines")
        .filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
        .sort("period_start")
    )
    if not lines.height:
        return None
    targets = source.table("plan_targets").filter(pl.col("level") == "all")
    aims = {
        start: float(to_major(amount, source.company.currency))
        for start, amount in targets.select("period_start", "amount").iter_rows()
    }
    title = say("Expected bookings against the target")
    text = say(
        "Expected {expected}, target {target}.",
        expected=words.compact(float(lines["mean"].sum())),
        target=words.compact(sum(aims.values()) if aims else None),
    )
    svg = charts.draw(_against(source, lines, aims), title, text)
    return Chart(title, text, svg, _differences(source, lines, aims, title))


def _against(source: Source, lines: pl.DataFrame, aims: dict[date, float]) -> Any:
    words, say = source.words, source.words.say
    size, axis = words.scale(max([*lines["q90"], *aims.values()]))
    rows = [
        {
            "period": words.period(row["period_start"]),
            "value": row["mean"] / size,
            "low": row["q10"] / size,
            "high": row["q90"] / size,
            "mark": aims[row["period_start"]] / size if row["period_start"] in aims else None,
        }
        for row in lines.iter_rows(named=True)
    ]
    labels = (say("Expected bookings"), say("Target"), say("80 % interval"))
    return charts.against(rows, axis=axis, labels=labels)


def _differences(source: Source, lines: pl.DataFrame, aims: dict[date, float], title: str) -> Table:
    words, say = source.words, source.words.say
    rows = [
        [
            words.period(start),
            words.number(aims.get(start)),
            words.number(mean),
            words.number(mean - aims[start]) if start in aims else "–",
        ]
        for start, mean in lines.select("period_start", "mean").iter_rows()
    ]
    money = (words.money_head(say("Target")), words.money_head(say("Expected")), words.money_head(say("Difference")))
    return Table(say("Numbers: {title}", title=title), [say("Month"), *money], rows, (1, 2, 3), is_folded=True)


def _scenarios(source: Source) -> Table | None:
    words, say = source.words, source.words.say
    scenarios = source.table("scenarios")
    if not scenarios.height:
        return None
    money = _sums(source)
    titles = {"base": say("Base"), "best": say("Best"), "worst": say("Worst")}
    rows = [
        [
            titles.get(row["scenario"], row["scenario"]),
            row["title"],
            words.number(row["mean"]),
            words.percent(row["probability"], 0),
            words.number(money.get((row["scenario"], "supply_cost"))),
            words.number(money.get((row["scenario"], "pay_cost"))),
            words.number(money.get((row["scenario"], "margin"))),
        ]
        for row in scenarios.iter_rows(named=True)
    ]
    header = [
        say("Scenario"),
        say("Stands for"),
        words.money_head(say("Bookings")),
        say("Demand reaches the target"),
        say("Supply cost"),
        say("Pay"),
        say("Margin"),
    ]
    return Table(say("Scenarios"), header, rows, range(2, 7), "", source.command("plan"))


def _sums(source: Source) -> dict[tuple[str, str], float]:
    """Money of each scenario's lines over the horizon."""
    lines = source.table("plan_lines").filter(pl.col("level") == "all", pl.col("money").is_not_null())
    return {
        (scenario, line): money
        for scenario, line, money in lines.group_by("scenario", "line").agg(pl.col("money").sum()).iter_rows()
    }


def money_of(source: Source, line: str) -> float | None:
    """Money of a line of the base scenario over the horizon."""
    return _sums(source).get(("base", line))


def _options(source: Source) -> Table | None:
    words, say = source.words, source.words.say
    options = source.table("plan_options")
    if not options.height:
        return None
    rows: list[list[Cell]] = [
        [
            row["title"],
            words.number(row["gain"]),
            words.number(row["cost"]),
            words.number(row["gap_after"]),
            _odds_of(source, row),
            say("yes") if row["is_feasible"] else Mark(say("no"), "bad"),
            Mark(row["reason"], "soft"),
        ]
        for row in options.iter_rows(named=True)
    ]
    header = [
        say("Option"),
        words.money_head(say("Adds")),
        words.money_head(say("Costs")),
        say("Gap left"),
        say("Odds of the target"),
        say("Can be done"),
        say("How it was computed"),
    ]
    return Table(say("Options"), header, rows, range(1, 5))


def _odds_of(source: Source, row: dict[str, Any]) -> str:
    """Odds of an option; those of another target are said to be such."""
    odds = source.words.percent(row["probability"], 0)
    if row["option"] in ("lower_target", "raise_target"):
        return source.words.say("{odds} of the new target", odds=odds)
    return odds


def _lines(source: Source) -> Table | None:
    """The base scenario's lines by month."""
    words, say = source.words, source.words.say
    lines = source.table("plan_lines").filter(pl.col("scenario") == "base", pl.col("level") == "all")
    if not lines.height:
        return None
    starts = sorted(lines["period_start"].unique())
    titles = {
        "bookings": words.money_head(say("Bookings")),
        "target": words.money_head(say("Target")),
        "capacity": words.money_head(say("Capacity")),
        "hires": say("Hires"),
        "hours": say("Hours"),
        "supply_cost": words.money_head(say("Supply cost")),
        "pay_cost": words.money_head(say("Pay")),
        "margin": words.money_head(say("Margin")),
    }
    cells = {(row["line"], row["period_start"]): row for row in lines.iter_rows(named=True)}
    rows = [
        [titles[line], *(words.quantity(_shown(cells.get((line, start)))) for start in starts)]
        for line in LINES
        if any((line, start) in cells for start in starts)
    ]
    header = [say("Line"), *(words.period(start) for start in starts)]
    return Table(
        say("The base plan by month"),
        header,
        rows,
        range(1, len(header)),
        "",
        source.command("show", "plan_lines"),
        is_folded=True,
    )


def _shown(row: dict[str, float | None] | None) -> float | None:
    """Money where the line is money, else what is served, else what is wanted."""
    if row is None:
        return None
    return next((row[key] for key in ("money", "supply", "demand") if row[key] is not None), None)
