"""The section on quality: what is wrong, whether it gets better, what it costs, what would mend it, who is the same."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from quarterdeck.interfaces.ranking import Group
from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.records import BARS, ROWS, check_title, rest, unlisted
from quarterdeck.interfaces.report.source import Source

MONTHS, WORST, FEWEST = 24, 4, 5
"""Months of the trend, members of a dimension that are named, and records without which a rate says nothing."""


def quality(source: Source) -> Section:
    """Counts by check, and every kind of finding with its fix and who should mend it."""
    words, say = source.words, source.words.say
    groups = source.groups_of("quality")
    blocks: list[Chart | Table] = []
    # Findings on a whole table, such as that there is none, touch no record.
    if touching := [group for group in groups if group.record_id is not None]:
        blocks.append(_touched(source, touching))
    made = (_trend(source), _worst(source), _effects(source), _fixes(source), _duplicates(source), _same(source))
    blocks += [block for block in (*made, _owners(source), _sync(source)) if block is not None]
    lead = [
        say(
            "{deals} deals, {accounts} accounts and {people} people are known at this date.",
            deals=words.number(source.count("opportunities")),
            accounts=words.number(source.count("accounts")),
            people=words.number(source.count("people")),
        )
    ]
    if sentence := _adds_up(source):
        lead.append(sentence)
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
    return Chart(
        title,
        text,
        charts.draw(charts.ranked(rows, axis=say("records"), width=charts.NARROW, tones=tones), title, text),
    )


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


def _rates(source: Source, dimension: str) -> pl.DataFrame:
    """Records and errors by month and member: of open deals as they stood, else of all records by their day."""
    rates = (
        source.rows("error_rates")
        .filter(pl.col("check") == "any", pl.col("grain") == "month", pl.col("dimension") == dimension)
        .collect()
    )
    state = rates.filter(pl.col("basis") == "state")
    counted = state if state["period_start"].n_unique() > 1 else rates.filter(pl.col("basis") == "dated")
    summed = counted.group_by("basis", "member", "period_start").agg(pl.col("records", "errors").sum())
    before = pl.col("rate").shift(1).over("member", order_by="period_start")
    rated = summed.with_columns(rate=pl.col("errors") / pl.col("records"))
    return rated.with_columns(change=pl.col("rate") - before).sort("period_start", "member")


def _trend(source: Source) -> Chart | None:
    words, say = source.words, source.words.say
    rates = _rates(source, "all").tail(MONTHS)
    if rates.height < 2:
        return None
    rows = [{"period": words.period(row["period_start"]), "value": row["rate"]} for row in rates.iter_rows(named=True)]
    last = rates.row(-1, named=True)
    is_state = last["basis"] == "state"
    title = say("Open deals with an error, by month") if is_state else say("Records with an error, by month")
    text = say(
        "Last in {period}: {rate}, {errors} of {records}; {change} percentage points on the month before.",
        period=words.period(last["period_start"]),
        rate=words.percent(last["rate"]),
        errors=words.number(last["errors"]),
        records=words.number(last["records"]),
        change=words.points(last["change"]),
    )
    drawn = charts.line(rows, axis="", percent=True)
    return Chart(title, text, charts.draw(drawn, title, text))


def _worst(source: Source) -> Table | None:
    """The teams, people and sources with the highest rate in the last month, with its change."""
    words, say = source.words, source.words.say
    kinds = {"team": say("Team"), "owner": say("Person"), "source": say("Source")}
    rows: list[list[Cell]] = []
    for dimension, kind in kinds.items():
        rates = _rates(source, dimension)
        last = rates.filter(pl.col("period_start") == pl.col("period_start").max(), pl.col("records") >= FEWEST)
        order = last.filter(pl.col("errors") > 0).sort(["rate", "member"], descending=[True, False])
        for row in order.head(WORST).iter_rows(named=True):
            change = row["change"] or 0.0
            tone = "bad" if change > 0 else "good" if change < 0 else "soft"
            rows.append(
                [
                    source.names.get(row["member"], row["member"]),
                    kind,
                    words.number(row["records"]),
                    words.number(row["errors"]),
                    words.percent(row["rate"]),
                    Mark(words.points(row["change"]), tone),
                ]
            )
    if not rows:
        return None
    header = [say("Who"), say("Kind"), say("Records"), say("Wrong"), say("Error rate"), say("Change, points")]
    note = say("In the last month; from {count} records on.", count=FEWEST)
    return Table(say("Where most is wrong"), header, rows, range(2, 6), note=note)


def _effects(source: Source) -> Table | None:
    """What the last quarter's wrong entries did to what the deals' own dates and amounts promised."""
    words, say = source.words, source.words.say
    effects = source.table("error_effects").filter(pl.col("grain") == "quarter")
    last = effects.filter(pl.col("period_start") == pl.col("period_start").max())
    whole = last.filter(pl.col("class") == "all")
    if not whole.height:
        return None
    titles = {"clean": say("Nothing wrong"), "new": say("Came later"), "all": say("All")}
    order = last.sort(pl.col("class") == "all", pl.col("miss").abs(), descending=[False, True])
    rows = [
        [
            titles.get(row["class"]) or check_title(f"quality.{row['class']}"),
            words.number(row["deals"]),
            words.number(row["promised"]),
            words.number(row["came"]),
            words.number(row["miss"]),
            words.percent(row["share"], 0),
        ]
        for row in order.tail(ROWS).iter_rows(named=True)
    ]
    one = whole.row(0, named=True)
    note = say(
        "{period}: the deals' own dates and amounts promised {promised}; {came} came. Money in {currency}.",
        period=words.period(one["period_start"], "quarter"),
        promised=words.compact(one["promised"]),
        came=words.compact(one["came"]),
        currency=words.currency,
    )
    header = [say("What was wrong with the deal"), say("Deals"), say("Promised"), say("Came"), say("Miss"),
              say("Share of the miss")]  # fmt: skip
    return Table(say("What errors did to the forecast"), header, rows, range(1, 6), note=note)


def _fixes(source: Source) -> Table | None:
    """How many values are ready to be taken into each table's source."""
    words, say = source.words, source.words.say
    counted = (
        source.rows("fixes")
        .group_by("table")
        .agg(pl.len().alias("values"), pl.col("record_id").n_unique().alias("records"), pl.col("confidence").mean())
        .sort("table")
        .collect()
    )
    if not counted.height:
        return None
    rows = [
        [table, words.number(values), words.number(records), words.percent(sure, 0)]
        for table, values, records, sure in counted.iter_rows()
    ]
    header = [say("Table"), say("Values"), say("Records"), say("How sure, mean")]
    note = say("Written as files for each source's own import:")
    command = source.command("fixes", "--to", "FOLDER")
    return Table(say("Fixes that are ready"), header, rows, range(1, 4), "", command, note)


def _twice(source: Source) -> pl.LazyFrame:
    return source.rows("links").filter(pl.col("survivor_table") == pl.col("table"))


def _duplicates(source: Source) -> Table | None:
    """How many records are there twice."""
    words, say = source.words, source.words.say
    counted = (
        _twice(source)
        .group_by("table")
        .agg(pl.len().alias("records"), pl.col("cluster").n_unique().alias("clusters"))
        .sort("table")
        .collect()
    )
    if not counted.height:
        return None
    rows = [[table, words.number(records), words.number(clusters)] for table, records, clusters in counted.iter_rows()]
    header = [say("Table"), say("Records to spare"), say("Groups of one and the same")]
    attached = (
        source.rows("links").filter(pl.col("survivor_table") != pl.col("table")).select(pl.len()).collect().item()
    )
    note = say("{count} leads belong to an account that is known.", count=words.number(attached)) if attached else ""
    return Table(say("Who is there twice"), header, rows, (1, 2), "", source.command("show", "links"), note)


def _same(source: Source) -> Table | None:
    """A pair of each of the first groups, with what speaks for it."""
    words, say = source.words, source.words.say
    chosen = (
        _twice(source)
        .sort("table", "cluster", "record_id")
        .group_by("table", "cluster", maintain_order=True)
        .agg(pl.all().first(), pl.len().alias("size"))
        .sort(["table", "size", "cluster"], descending=[False, True, False])
        .group_by("table", maintain_order=True)
        .head(WORST)
        .collect()
    )
    if not chosen.height:
        return None
    rows: list[list[Cell]] = []
    for (table,), part in chosen.group_by("table", maintain_order=True):
        keys = {*part["record_id"], *part["survivor_id"]}
        known = source.rows(str(table)).filter(pl.col("id").is_in(list(keys))).select("id", "name").collect()
        names = dict(known.iter_rows())
        for row in part.iter_rows(named=True):
            here, there = (f"{names.get(row[key]) or '–'} ({row[key]})" for key in ("record_id", "survivor_id"))
            odds = words.percent(row["probability"], 1)
            rows.append([here, there, str(table), odds, words.number(row["size"]), Mark(row["evidence"], "soft")])
    header = [say("Record"), say("Is the same as"), say("Table"), say("Odds"), say("Records to spare"),
              say("Evidence, bits")]  # fmt: skip
    note = say("Nothing is merged before a person decides:")
    command = source.command("merge", "TABLE", "DUPLICATE", "SURVIVOR", "--who", "NAME", "--reason", "TEXT")
    return Table(say("The largest groups"), header, rows, (3, 4), "", command, note, is_folded=True)


def _adds_up(source: Source) -> str:
    """Whether what was read is what the sources say they hold."""
    words, say = source.words, source.words.say
    lines = source.reconciliation
    counts = lines.filter(pl.col("measure") == "rows")
    if not counts.height:
        return ""
    told = lines.filter(pl.col("agrees").is_not_null())
    return say(
        "The last sync read {read} rows, kept {kept} and set {aside} aside; "
        "{agree} of {told} counts agree with the sources' own.",
        read=words.number(float(counts["read"].fill_null(0).sum())),
        kept=words.number(float(counts["kept"].fill_null(0).sum())),
        aside=words.number(float(counts["set_aside"].fill_null(0).sum())),
        agree=words.number(int(told["agrees"].sum())),
        told=words.number(told.height),
    )


def _sync(source: Source) -> Table | None:
    """Rows and money of each file: read, kept, set aside; what does not agree first."""
    words, say = source.words, source.words.say
    lines = source.reconciliation.filter(pl.col("measure") != "held")
    if not lines.height:
        return None
    order = lines.sort(pl.col("agrees").fill_null(True), maintain_order=True)
    verdicts = {True: Mark(say("agrees"), "good"), False: Mark(say("differs"), "bad")}
    rows: list[list[Cell]] = []
    for row in order.head(ROWS).iter_rows(named=True):
        what = say("rows") if row["measure"] == "rows" else f"{row['measure']} {row['currency'] or ''}".strip()
        counts = [None if row[key] is None else float(row[key]) for key in ("read", "kept", "set_aside")]
        verdict = verdicts.get(row["agrees"], Mark(say("not told"), "soft"))
        rows.append([row["file"] or row["source"], row["table"], what, *map(words.number, counts), verdict])
    header = [say("File"), say("Table"), say("What"), say("Read"), say("Kept"), say("Set aside"),
              say("The source's own count")]  # fmt: skip
    more, command = rest(source, lines.height, "show", "reconciliation")
    command = command or source.command("show", "reconciliation")
    return Table(say("Does it add up?"), header, rows, (3, 4, 5), more, command, is_folded=True)
