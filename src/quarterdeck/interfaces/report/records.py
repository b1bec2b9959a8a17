"""Sections on what is known: quality, metrics, scores."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.source import Source

ROWS = 20
TONES = {"error": "bad", "warning": "warn", "notice": "soft"}


def quality(source: Source) -> Section:
    """Counts by check, and every kind of finding with its fix and who should mend it."""
    words, say = source.words, source.words.say
    groups = source.groups_of("quality")
    blocks: list[Chart | Table] = []
    counted = [group for group in groups if group.severity != "notice"]
    if counted:
        names = {"error": say("Errors"), "warning": say("Warnings")}
        rows = [
            {"name": group.code.partition(".")[2], "value": group.count, "tone": names[group.severity]}
            for group in sorted(counted, key=lambda group: -group.count)[:12]
        ]
        tones = {names["error"]: charts.BAD, names["warning"]: charts.SECOND}
        title = say("Records touched, by check")
        most = max(group.count for group in counted)
        drawn = charts.ranked(rows, axis=say("records"), width=560, tones=tones)
        first = say("Most records: {check}, {count}.", check=rows[0]["name"], count=words.number(most))
        blocks.append(Chart(title, first, charts.draw(drawn, title, first)))
    if owners := _owners(source):
        blocks.append(owners)
    opportunities = source.table("opportunities")
    lead = [
        say(
            "{deals} deals, {accounts} accounts and {people} people are known at this date.",
            deals=words.number(opportunities.height),
            accounts=words.number(source.table("accounts").height),
            people=words.number(source.table("people").height),
        )
    ]
    empty = "" if groups else say("No check found anything to mend.")
    return Section("quality", say("Quality"), say("Is the data right?"), lead, blocks, groups, empty=empty)


def _owners(source: Source) -> Table | None:
    """Who has how much to mend."""
    words, say = source.words, source.words.say
    findings = source.findings.filter(pl.col("code").str.starts_with("quality."), pl.col("owner_id").is_not_null())
    if not findings.height:
        return None
    counted = (
        findings.group_by("owner_id")
        .agg(pl.col("count").sum(), pl.col("money_at_stake").sum(), pl.col("code").n_unique().alias("checks"))
        .sort(["count", "owner_id"], descending=[True, False])
    )
    rows = [
        [source.names.get(row["owner_id"], row["owner_id"]), words.number(row["count"]), words.number(row["checks"])]
        for row in counted.head(ROWS).iter_rows(named=True)
    ]
    return Table(
        say("Who has what to mend"),
        [say("Owner"), say("Records"), say("Checks")],
        rows,
        (1, 2),
        *rest(source, counted.height, "check"),
        is_folded=True,
    )


def rest(source: Source, total: int, *command: str) -> tuple[str, str]:
    """How many rows are not shown and the command that shows them."""
    if total <= ROWS:
        return "", ""
    more = source.words.say("{count} more.", count=source.words.number(total - ROWS))
    return more, source.command(*command)


def values(source: Source, metric: str, grain: str, dimension: str = "all") -> pl.DataFrame:
    """A metric's values, oldest first."""
    return (
        source.table("metric_values")
        .filter(pl.col("metric") == metric, pl.col("grain") == grain, pl.col("dimension") == dimension)
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
    frame = source.table("metric_values").filter(pl.col("grain") == "quarter", pl.col("dimension") == "all")
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


def scoring(source: Source) -> Section:
    """Open deals by their odds; the best and the worst with their reasons."""
    words, say = source.words, source.words.say
    scores = source.table("scores").filter(pl.col("subject") == "opportunity").sort("probability", descending=True)
    if not scores.height:
        return Section(
            "scoring",
            say("Scores"),
            say("Who will buy?"),
            findings=source.groups_of("scoring"),
            empty=say("There is no open deal to score."),
        )
    odds = scores["probability"].to_list()
    edges = [place / 10 for place in range(10)]
    rows = [
        {
            "period": f"{int(edge * 100)}–{int(edge * 100) + 10}",
            "value": sum(edge <= value < edge + 0.1 or (edge == 0.9 and value >= 1) for value in odds),
        }
        for edge in edges
    ]
    title = say("Open deals by their odds, %")
    text = say(
        "{count} open deals; mean odds {mean}.",
        count=words.number(len(odds)),
        mean=words.percent(sum(odds) / len(odds)),
    )
    chart = Chart(title, text, charts.draw(charts.bars(rows, axis=say("deals"), width=560), title, text))
    shown = [*scores["subject_id"].head(10), *scores["subject_id"].tail(5)]
    rows_of = source.table("opportunities").filter(pl.col("id").is_in(shown))
    deals = {row["id"]: row for row in rows_of.iter_rows(named=True)}
    best = _scored(source, scores.head(10), deals, say("Best odds"), folded=False)
    worst = _scored(source, scores.tail(5).reverse(), deals, say("Worst odds"), folded=True)
    more, command = rest(source, scores.height + ROWS - 15, "score", "--limit", "0")
    last = Table(worst.title, worst.header, worst.rows, worst.numeric, more, command, is_folded=True)
    return Section("scoring", say("Scores"), say("Who will buy?"), (), [chart, best, last], source.groups_of("scoring"))


def _scored(
    source: Source, scores: pl.DataFrame, deals: dict[str, dict[str, object]], title: str, *, folded: bool
) -> Table:
    words, say = source.words, source.words.say
    rows: list[list[Cell]] = []
    for row in scores.iter_rows(named=True):
        deal = deals.get(row["subject_id"], {})
        account = deal.get("account_id")
        rows.append(
            [
                str(deal.get("name") or row["subject_id"]),
                source.names.get(str(account), str(account)) if account else "–",
                source.names.get(str(deal.get("owner_id")), "–"),
                words.percent(row["probability"], 0),
                row["grade"],
                Mark(_reasons(row["reasons"]), "soft"),
            ]
        )
    header = [
        say("Deal"),
        say("Account"),
        say("Owner"),
        say("Odds"),
        say("Grade"),
        say("Reasons, in percentage points"),
    ]
    return Table(title, header, rows, (3,), is_folded=folded)


def _reasons(text: str | None) -> str:
    """Reasons as one line; whatever shape they have is shown, never evaluated."""
    if not text:
        return ""
    try:
        parts = json.loads(text)
    except ValueError:
        return text
    return "; ".join(_reason(part) for part in parts) if isinstance(parts, list) else text


def _reason(part: object) -> str:
    if isinstance(part, dict):
        effect = next((value for value in part.values() if isinstance(value, int | float)), None)
        name = next((value for value in part.values() if isinstance(value, str)), "")
    elif isinstance(part, Sequence) and not isinstance(part, str):
        name = str(part[0]) if part else ""
        effect = part[1] if len(part) > 1 and isinstance(part[1], int | float) else None
    else:
        return str(part)
    return f"{name} ({effect:+.0f})" if effect is not None else str(name)
