"""The first screen: where the loop stands, five figures, what matters most, what became of the last promises."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.finding import SEVERITIES
from quarterdeck.flow import STEPS
from quarterdeck.interfaces.ranking import most_important, room_of, rows_read
from quarterdeck.interfaces.report.actions import held, newest, pay_of, variance_head, variance_rows
from quarterdeck.interfaces.report.page import Count, Front, Stage, Table, Tile
from quarterdeck.interfaces.report.plan import money_of, served_odds, target_of
from quarterdeck.interfaces.report.records import unlisted
from quarterdeck.interfaces.report.source import Source

OVERRIDES = 8


def front(source: Source) -> Front:
    """The first screen of a run."""
    words, say = source.words, source.words.say
    run = source.run
    facts = [
        say("Run {run}", run=run.id),
        say("Scenario {scenario}", scenario=run.scenario),
        say("Started {at}", at=words.instant(run.started_at)),
    ]
    if run.note:
        facts.append(run.note)
    promises = newest(source)
    table = None
    note = say("Nothing was promised yet. Approve a plan; the next run holds it against the actual bookings.")
    if promises.height:
        note = held(source, promises)
        rows = variance_rows(source, promises.tail(6))
        table = Table(say("What became of the last promises"), variance_head(source), rows, (2, 3, 4))
    return Front(
        company=source.company.name,
        as_of=words.day(source.today),
        known_at=words.instant(run.known_at) if run.known_at is not None else "",
        stamp=say("PUBLISHED") if run.is_published else say("DRAFT"),
        is_published=run.is_published,
        plan_hash=run.plan_hash or "",
        approval=_publication(source),
        facts=facts,
        stages=_stages(source),
        tiles=_tiles(source),
        first=most_important(source.findings, rows=rows_read(run)),
        overrides=_overrides(source),
        promises=table,
        promises_note=note,
    )


def _publication(source: Source) -> str:
    say = source.words.say
    made = [entry for entry in source.workspace.publications() if entry.plan_hash == source.run.plan_hash]
    if not made or not source.run.is_published:
        return ""
    return say("Approved by {who}, {at}", who=made[-1].who, at=source.words.instant(made[-1].approved_at))


def _stages(source: Source) -> list[Stage]:
    """The rooms in the order of the loop with how their steps went and what they found."""
    say = source.words.say
    titles = {
        "quality": say("Quality"),
        "metrics": say("Metrics"),
        "scoring": say("Scores"),
        "demand": say("Demand"),
        "supply": say("Supply"),
        "reconcile": say("Plan"),
        "execute": say("Execution"),
        "review": say("Review"),
    }
    done = {step.name for step in source.run.steps}
    counts = _counts(source)
    stages = []
    for room, title in titles.items():
        is_done = all(step.name in done for step in STEPS if step.room == room)
        found = [Count(severity, *counts[room, severity]) for severity in SEVERITIES if (room, severity) in counts]
        stages.append(Stage(room, title, say("done") if is_done else say("not run"), found))
    return stages


def _counts(source: Source) -> dict[tuple[str, str], tuple[int, int]]:
    """Of each room and severity the records that findings stand for, and how many of them are listed one by one.

    A notice outside of the records' quality is a remark: its `count` tells what it rests on, so it counts once.
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    rows = source.findings.select("code", "severity", "count", unlisted().alias("is_rest"))
    for code, severity, count, is_rest in rows.iter_rows():
        room = room_of(code)
        records = 1 if severity == "notice" and room != "quality" else count or 1
        whole, listed = counts.get((room, severity), (0, 0))
        counts[room, severity] = (whole + records, listed + (0 if is_rest else records))
    return counts


def _overrides(source: Source) -> Table | None:
    """What people decided against the computed figures."""
    words, say = source.words, source.words.say
    overrides = source.table("overrides").sort("decided_at", "id", descending=True)
    if not overrides.height:
        return None
    nodes = dict(source.table("nodes").select("node_id", "name").iter_rows())
    rows = [
        [
            f"{row['room']}: {nodes.get(row['target'], row['target'])}",
            words.period(row["period_start"]) if row["period_start"] else say("every month"),
            words.quantity(row["value"]),
            row["who"],
            words.day(row["decided_at"].date()),
            row["reason"],
        ]
        for row in overrides.head(OVERRIDES).iter_rows(named=True)
    ]
    header = [say("What"), say("Month"), say("Value instead"), say("Who"), say("When"), say("Why")]
    left = overrides.height - len(rows)
    more = say("{count} more.", count=words.number(left)) if left else ""
    command = source.command("show", "overrides") if left else ""
    return Table(say("Overrides in force"), header, rows, (2,), more, command)


def _tiles(source: Source) -> list[Tile]:
    words, say = source.words, source.words.say
    return [
        _demand(source),
        _supply(source),
        _target(source),
        _odds(source),
        _money(source, words.compact(pay_of(source)), say("Margin")),
    ]


def _demand(source: Source) -> Tile:
    words, say = source.words, source.words.say
    paths = source.horizon_paths
    lines = source.table("demand_lines").filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
    if not lines.height:
        return Tile(say("Demand"), "–", say("no forecast"), "soft", "demand")
    mean = float(lines["mean"].sum())
    if paths:
        ordered = pl.Series(paths)
        low, high = (float(ordered.quantile(level, "linear") or 0.0) for level in (0.1, 0.9))
        note = say(
            "80 %: {low} to {high}, {months} months",
            low=words.compact(low),
            high=words.compact(high),
            months=lines.height,
        )
    else:
        note = say("{months} months", months=lines.height)
    return Tile(say("Demand"), words.compact(mean), note, "", "demand")


def _supply(source: Source) -> Tile:
    words, say = source.words, source.words.say
    lines = source.table("plan_lines").filter(
        pl.col("scenario") == "base", pl.col("level") == "all", pl.col("line") == "capacity"
    )
    capacity = float(source.rows("seller_capacity").select(pl.col("amount").sum()).collect().item() or 0.0)
    if lines.height and lines["money"].is_not_null().any():
        capacity = float(lines["money"].sum())
    if not capacity:
        return Tile(say("Supply"), "–", say("no capacity known"), "soft", "supply")
    limits = source.table("supply_lines").filter(pl.col("scenario") == "base", pl.col("shortage_rate") > 0.5)
    tone, note = (
        (
            "warn",
            say(
                "short after the plan's remedies: {names}",
                names=_first(limits["name"].unique(maintain_order=True).to_list()),
            ),
        )
        if limits.height
        else ("good", say("enough, after the plan's remedies"))
    )
    return Tile(say("Sellers' capacity"), words.compact(capacity), note, tone, "supply")


def _first(names: list[str], most: int = 2) -> str:
    return ", ".join(names[:most]) + (f" +{len(names) - most}" if len(names) > most else "")


def _target(source: Source) -> Tile:
    words, say = source.words, source.words.say
    target, is_assumed = target_of(source)
    if target is None:
        return Tile(say("Target"), "–", say("no target"), "soft", "reconcile")
    title = say("Target, assumed") if is_assumed else say("Target")
    lines = source.table("plan_lines").filter(
        pl.col("scenario") == "base",
        pl.col("level") == "all",
        pl.col("line") == "bookings",
        pl.col("gap").is_not_null(),
    )
    if lines.height:
        gap = float(lines["gap"].sum())
    else:
        demand = source.table("demand_lines").filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
        gap = float(demand["mean"].sum()) - target
    note = say("gap {gap}", gap=words.compact(gap)) if gap < 0 else say("{gap} above it", gap=words.compact(gap))
    return Tile(title, words.compact(target), note, "bad" if gap < 0 else "good", "reconcile")


def _odds(source: Source) -> Tile:
    words, say = source.words, source.words.say
    odds = served_odds(source)
    if odds is None:
        return Tile(say("Odds of the target"), "–", say("no plan"), "soft", "reconcile")
    tone = "good" if odds >= 0.6 else "warn" if odds >= 0.3 else "bad"
    note = say("of futures reach it with what can be served")
    return Tile(say("Odds of the target"), words.percent(odds, 0), note, tone, "reconcile")


def _money(source: Source, pay: str, title: str) -> Tile:
    words, say = source.words, source.words.say
    margin = money_of(source, "margin")
    if margin is None:
        return Tile(say("Pay"), pay, say("margin unknown"), "", "execute")
    return Tile(
        title, words.compact(margin), say("after pay of {pay}", pay=pay), "bad" if margin < 0 else "", "execute"
    )
