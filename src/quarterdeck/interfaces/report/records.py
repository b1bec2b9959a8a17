"""Sections on what is known: quality, metrics, scores."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from quarterdeck.interfaces.ranking import Group
from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Section, Table
from quarterdeck.interfaces.report.source import Source

ROWS, BARS = 20, 12


def quality(source: Source) -> Section:
    """Counts by check, and every kind of finding with its fix and who should mend it."""
    words, say = source.words, source.words.say
    groups = source.groups_of("quality")
    blocks: list[Chart | Table] = []
    # Findings on a whole table, such as that there is none, touch no record.
    if touching := [group for group in groups if group.record_id is not None]:
        blocks.append(_touched(source, touching))
    if owners := _owners(source):
        blocks.append(owners)
    lead = [
        say(
            "{deals} deals, {accounts} accounts and {people} people are known at this date.",
            deals=words.number(source.count("opportunities")),
            accounts=words.number(source.count("accounts")),
            people=words.number(source.count("people")),
        )
    ]
    empty = "" if groups else say("No check found anything to mend.")
    return Section("quality", say("Quality"), say("Is the data right?"), lead, blocks, groups, empty=empty)


def _touched(source: Source, groups: Sequence[Group]) -> Chart:
    """Records of each check, whatever its severity."""
    words, say = source.words, source.words.say
    names = {"error": say("Errors"), "warning": say("Warnings"), "notice": say("Notices")}
    ranked = sorted(groups, key=lambda group: -group.count)[:BARS]
    rows = [{"name": check_title(group.code), "value": group.count, "tone": names[group.severity]} for group in ranked]
    tones = {
        names[severity]: colour
        for severity, colour in (("error", charts.BAD), ("warning", charts.SECOND), ("notice", charts.SOFT))
        if any(group.severity == severity for group in ranked)
    }
    title = say("Records touched, by check")
    text = say("Most records: {check}, {count}.", check=rows[0]["name"], count=words.number(ranked[0].count))
    if len(groups) > BARS:
        text += " " + say("The first {shown} of {total} checks.", shown=words.number(BARS),
                          total=words.number(len(groups)))  # fmt: skip
    return Chart(title, text, charts.draw(charts.ranked(rows, axis=say("records"), tones=tones), title, text))


def check_title(code: str) -> str:
    """What a check looks for, in words."""
    from quarterdeck.interfaces.reference import entries

    name = code.partition(".")[2]
    titles = {check.name: str(check.title) for check in entries("checks")}
    return titles.get(name, name.replace("_", " ").capitalize())


def unlisted() -> pl.Expr:
    """Findings that stand for the records of a check beyond those that it lists one by one."""
    is_rest = pl.col("record_id").is_null() & pl.col("record_id").is_not_null().any().over("code")
    return pl.col("code").str.starts_with("quality.") & is_rest


def _owners(source: Source) -> Table | None:
    """Who has how much to mend, of the records that are listed."""
    words, say = source.words, source.words.say
    findings = source.findings.filter(pl.col("code").str.starts_with("quality."), pl.col("owner_id").is_not_null())
    if not findings.height:
        return None
    counted = (
        findings.group_by("owner_id")
        .agg(pl.col("count").sum(), pl.col("code").n_unique().alias("checks"))
        .sort(["count", "owner_id"], descending=[True, False])
    )
    rows = [
        [source.names.get(row["owner_id"], row["owner_id"]), words.number(row["count"]), words.number(row["checks"])]
        for row in counted.head(ROWS).iter_rows(named=True)
    ]
    left = int(source.findings.filter(unlisted())["count"].sum())
    note = (
        say(
            "Only records that are listed one by one count here; {count} more have no owner in this table.",
            count=words.number(left),
        )
        if left
        else ""
    )
    header = [say("Owner"), say("Records"), say("Checks")]
    more, command = rest(source, counted.height, "check")
    return Table(say("Who has what to mend"), header, rows, (1, 2), more, command, note, is_folded=True)


def rest(source: Source, total: int, *command: str) -> tuple[str, str]:
    """How many rows are not shown and the command that shows them."""
    if total <= ROWS:
        return "", ""
    more = source.words.say("{count} more.", count=source.words.number(total - ROWS))
    return more, source.command(*command)


def values(source: Source, metric: str, grain: str, dimension: str = "all") -> pl.DataFrame:
    """A metric's values, oldest first."""
    return (
        source.rows("metric_values")
        .filter(pl.col("metric") == metric, pl.col("grain") == grain, pl.col("dimension") == dimension)
        .collect()
        .sort("period_start", "member")
    )


def metrics(source: Source) -> Section:
    """Won value and win rate by month and quarter, then by region and seller."""
    say = source.words.say
    blocks: list[Chart | Table] = []
    for made in (_won_value(source), _win_rate(source), _quarters(source)):
        if made is not None:
            blocks.append(made)
    for dimension, title in (("region", say("Region")), ("owner", say("Seller"))):
        if table := _members(source, dimension, title):
            blocks.append(table)
    return Section(
        "metrics",
        say("Metrics"),
        say("What does it say?"),
        (),
        blocks,
        source.groups_of("metrics"),
        empty="" if blocks else say("No deal has been closed yet, so there is nothing to measure."),
    )


def _won_value(source: Source) -> Chart | None:
    words, say = source.words, source.words.say
    frame = values(source, "won_value", "month").tail(24)
    if not frame.height:
        return None
    size, axis = words.scale(max(value or 0 for value in frame["value"]))
    rows = [
        {"period": words.period(row["period_start"]), "value": (row["value"] or 0) / size}
        for row in frame.iter_rows(named=True)
    ]
    best = frame.sort("value", descending=True, nulls_last=True).row(0, named=True)
    title = say("Won value by month")
    text = say(
        "Highest in {period}: {value}.", period=words.period(best["period_start"]), value=words.compact(best["value"])
    )
    return Chart(title, text, charts.draw(charts.bars(rows, axis=axis), title, text))


def _win_rate(source: Source) -> Chart | None:
    words, say = source.words, source.words.say
    frame = values(source, "win_rate", "month").filter(pl.col("value").is_not_null()).tail(24)
    if not frame.height:
        return None
    rows = [{"period": words.period(row["period_start"]), "value": row["value"]} for row in frame.iter_rows(named=True)]
    last = frame.row(-1, named=True)
    title = say("Win rate by month")
    text = say(
        "Last in {period}: {value} of {n} closed deals.",
        period=words.period(last["period_start"]),
        value=words.percent(last["value"]),
        n=words.number(last["n"]),
    )
    return Chart(title, text, charts.draw(charts.line(rows, axis="", percent=True), title, text))


SHOWN = ("won_value", "won_deals", "win_rate", "average_deal", "cycle_days", "new_deals", "open_deals", "open_pipeline")


def _quarters(source: Source) -> Table | None:
    """A row a metric, a column a quarter."""
    words, say = source.words, source.words.say
    whole = pl.col("metric").is_in(SHOWN) & (pl.col("grain") == "quarter") & (pl.col("dimension") == "all")
    frame = source.rows("metric_values").filter(whole).collect()
    starts = sorted(frame["period_start"].unique())[-6:]
    if not starts:
        return None
    titles = _titles(source)
    cells = {(row["metric"], row["period_start"]): row for row in frame.iter_rows(named=True)}
    rows: list[list[Cell]] = []
    for metric in SHOWN:
        found = [cells.get((metric, start)) for start in starts]
        if any(found):
            rows.append([titles[metric], *(figure(source, row) for row in found)])
    header = [say("Quarter"), *(words.period(start, "quarter") for start in starts)]
    note = say("Money in {currency}.", currency=words.currency)
    return Table(say("By quarter"), header, rows, range(1, len(header)), "", source.command("measure"), note)


def figure(source: Source, row: dict[str, object] | None) -> str:
    """A metric's value as its unit wants it."""
    words = source.words
    if row is None or row["value"] is None:
        return "–"
    value = float(str(row["value"]))
    return words.percent(value) if row["unit"] == "rate" else words.quantity(value)


def _titles(source: Source) -> dict[str, str]:
    say = source.words.say
    return {
        "won_value": say("Won value"),
        "won_deals": say("Won deals"),
        "win_rate": say("Win rate"),
        "average_deal": say("Average deal"),
        "cycle_days": say("Cycle time, days"),
        "new_deals": say("New deals"),
        "open_deals": say("Open deals at the end"),
        "open_pipeline": say("Open pipeline at the end"),
    }


def _members(source: Source, dimension: str, title: str) -> Table | None:
    """Won value, deals and win rate of each member over the whole history."""
    words, say = source.words, source.words.say
    won = values(source, "won_value", "all", dimension).sort("value", descending=True, nulls_last=True)
    if not won.height:
        return None
    rate = {row["member"]: row for row in values(source, "win_rate", "all", dimension).iter_rows(named=True)}
    rows = []
    for row in won.head(ROWS).iter_rows(named=True):
        other = rate.get(row["member"])
        rows.append(
            [
                source.names.get(row["member"], row["member"]),
                words.number(row["value"]),
                words.number(row["n"]),
                words.percent(other["value"]) if other else "–",
                words.number(other["n"]) if other else "–",
            ]
        )
    header = [title, words.money_head(say("Won value")), say("Won deals"), say("Win rate"), say("Closed deals")]
    more, command = rest(source, won.height, "measure", "--grain", "all", "--by", dimension)
    whole = say("Results by {dimension}", dimension=title.lower())
    return Table(whole, header, rows, range(1, 5), more, command, say("Over the whole history."), dimension == "owner")
