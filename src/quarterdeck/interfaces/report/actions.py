"""Sections on what is done and what came of it: territories, quotas, pay; and the review."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.money import to_major
from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.plan import stamp
from quarterdeck.interfaces.report.records import ROWS, rest
from quarterdeck.interfaces.report.source import Source

LABELS = ("publication", "draft", "hindcast")
"""Kinds of promises, the most binding first."""


def execute(source: Source) -> Section:
    """Who looks after whom, who carries which part, what it pays."""
    say = source.words.say
    blocks: list[Chart | Table] = []
    for made in (_balance(source), _territories(source), _quotas(source), _pay(source)):
        if made is not None:
            blocks.append(made)
    return Section(
        "execute",
        say("Execution"),
        say("Who does what, and what does it pay?"),
        [say("Nothing here is acted on before the plan is approved.")] if not source.run.is_published else [],
        blocks,
        source.groups_of("execute"),
        stamp(source),
        "" if blocks else say("There are no sellers, so there are no territories, quotas or pay."),
    )


def _per_owner(source: Source) -> pl.DataFrame:
    return (
        source.rows("territories")
        .group_by("owner_id")
        .agg(
            pl.col("load").sum(),
            pl.col("potential").sum(),
            pl.len().alias("members"),
            pl.col("is_moved").sum().alias("moved"),
        )
        .collect()
        .sort(["load", "owner_id"], descending=[True, False])
    )


def _balance(source: Source) -> Chart | None:
    words, say = source.words, source.words.say
    owners = _per_owner(source)
    if not owners.height:
        return None
    rows = [
        {"name": source.names.get(row["owner_id"], row["owner_id"]), "value": row["load"]}
        for row in owners.head(ROWS).iter_rows(named=True)
    ]
    title = say("Work in each territory")
    mean = float(owners["load"].mean() or 0.0)  # type: ignore[arg-type]
    spread = float(owners["load"].max() or 0.0) / mean - 1 if mean else 0.0  # type: ignore[arg-type]
    text = say("The fullest territory holds {spread} more than the mean.", spread=words.percent(spread, 0))
    return Chart(title, text, charts.draw(charts.ranked(rows, axis=say("deals")), title, text))


def _territories(source: Source) -> Table | None:
    words, say = source.words, source.words.say
    owners = _per_owner(source)
    if not owners.height:
        return None
    rows = [
        [
            source.names.get(row["owner_id"], row["owner_id"]),
            words.number(row["members"]),
            words.quantity(row["load"]),
            words.number(row["potential"]),
            words.number(row["moved"]),
        ]
        for row in owners.head(ROWS).iter_rows(named=True)
    ]
    header = [
        say("Owner"),
        say("Accounts and cells"),
        say("Work, deals"),
        words.money_head(say("Potential")),
        say("New to the owner"),
    ]
    more, command = rest(source, owners.height, "show", "territories")
    return Table(
        say("Territories"),
        header,
        rows,
        range(1, 5),
        more,
        command or source.command("show", "territories"),
        is_folded=True,
    )


def _quotas(source: Source) -> Table | None:
    """A row a person with the sum over the horizon; the foot holds the exact sum."""
    words, say = source.words, source.words.say
    people = (
        source.rows("quotas")
        .group_by("person_id", "region")
        .agg(pl.col("amount").sum(), pl.col("share").mean())
        .collect()
        .sort(["amount", "person_id"], descending=[True, False])
    )
    if not people.height:
        return None
    rows: list[list[Cell]] = [
        [
            source.names.get(row["person_id"], row["person_id"]),
            row["region"] or "–",
            words.amount(row["amount"]),
            words.percent(row["share"]),
        ]
        for row in people.head(ROWS).iter_rows(named=True)
    ]
    whole = int(people["amount"].sum())
    targets = source.table("plan_targets").filter(pl.col("level") == "all")
    note = say("All quotas: {sum} {currency}.", sum=words.amount(whole), currency=words.currency)
    if targets.height:
        aim = int(targets["amount"].sum())
        difference = words.amount(whole - aim)
        note += " " + (
            say("They add up to the target exactly.")
            if whole == aim
            else say("They differ from the target by {difference}.", difference=difference)
        )
    header = [say("Person"), say("Region"), words.money_head(say("Quota over the horizon")), say("Share")]
    more, command = rest(source, people.height, "show", "quotas")
    return Table(say("Quotas"), header, rows, (2, 3), more, command or source.command("show", "quotas"), note)


def _pay(source: Source) -> Table | None:
    """Pay by scenario and rule."""
    words, say = source.words, source.words.say
    sums = (
        source.rows("pay_lines")
        .group_by("scenario", "plan", "rule")
        .agg(
            pl.col("amount").sum(),
            pl.col("person_id").n_unique().alias("people"),
            pl.len().alias("lines"),
            pl.col("is_assumed").any(),
        )
        .collect()
        .sort("scenario", "plan", "rule")
    )
    if not sums.height:
        return None
    titles = {"paid": say("Closed deals"), "base": say("Base"), "best": say("Best"), "worst": say("Worst")}
    rows = [
        [
            titles.get(row["scenario"], row["scenario"]),
            row["plan"],
            row["rule"],
            words.number(row["people"]),
            words.number(row["lines"]),
            words.amount(row["amount"]),
        ]
        for row in sums.head(ROWS).iter_rows(named=True)
    ]
    note = say("The pay plan is assumed. Write yours into parameters/.") if sums["is_assumed"].any() else ""
    header = [say("Scenario"), say("Pay plan"), say("Rule"), say("People"), say("Lines"), words.money_head(say("Pay"))]
    more, command = rest(source, sums.height, "show", "pay_lines")
    return Table(
        say("What it pays"), header, rows, (3, 4, 5), more, command or source.command("show", "pay_lines"), note
    )


def promised(source: Source) -> pl.DataFrame:
    """Variances of the latest publication, else of the latest draft, else of the longest forecast made afterwards."""
    lines = source.table("variances")
    for label in LABELS:
        of_label = lines.filter(pl.col("label") == label)
        if of_label.height:
            over = of_label.group_by("reference").agg(
                pl.col("period_start").filter("is_complete").n_unique().alias("n")
            )
            order = ["n", "reference"] if label == "hindcast" else ["reference"]
            return of_label.filter(pl.col("reference") == over.sort(order)["reference"][-1])
    return lines


def kept(source: Source) -> pl.DataFrame:
    """What became of the promises on the whole, months that are over only."""
    return promised(source).filter(pl.col("level") == "all", pl.col("is_complete")).sort("period_start")


def newest(source: Source) -> pl.DataFrame:
    """What became of the promises on the whole: of each month that is over the newest promise alone."""
    lines = source.table("variances").filter(pl.col("level") == "all", pl.col("is_complete"))
    for label in LABELS:
        of_label = lines.filter(pl.col("label") == label)
        if of_label.height:
            return of_label.sort("reference").unique("period_start", keep="last").sort("period_start")
    return lines


def variance_rows(source: Source, lines: pl.DataFrame) -> list[list[Cell]]:
    """Promised, actual, difference and whether it lay inside the interval."""
    words, say = source.words, source.words.say
    rows: list[list[Cell]] = []
    for row in lines.iter_rows(named=True):
        inside = row["is_inside"]
        verdict: Cell = (
            "–" if inside is None else Mark(say("inside"), "good") if inside else Mark(say("outside"), "bad")
        )
        rows.append(
            [
                words.period(row["period_start"]),
                source.names.get(row["member"], row["member"]) if row["member"] != "all" else say("All"),
                words.number(row["planned"]),
                words.number(row["actual"]),
                words.number(row["variance"]),
                verdict if row["is_complete"] else Mark(say("running"), "soft"),
                Mark(row["reason"], "soft"),
            ]
        )
    return rows


def variance_head(source: Source) -> list[str]:
    words, say = source.words, source.words.say
    return [
        say("Month"),
        say("Member"),
        words.money_head(say("Promised")),
        words.money_head(say("Actual")),
        say("Difference"),
        say("80 % interval"),
        say("What made the difference"),
    ]


def label_of(source: Source, label: str) -> str:
    """What a promise was."""
    say = source.words.say
    return {
        "publication": say("the latest publication"),
        "draft": say("the latest draft, approved by nobody"),
        "hindcast": say("forecasts made afterwards for that date, promised to nobody"),
    }.get(label, label)


def held(source: Source, lines: pl.DataFrame) -> str:
    """What the variances are held against."""
    say = source.words.say
    label = lines["label"][0]
    references = lines["reference"].unique(maintain_order=True).str.strip_prefix("hindcast ").to_list()
    return say("Held against {label} ({reference}).", label=label_of(source, label), reference=", ".join(references))


def review(source: Source) -> Section:
    """What was promised against what happened since."""
    words, say = source.words, source.words.say
    groups = source.groups_of("review")
    lines = promised(source).sort(
        [pl.col("level") != "all", pl.col("period_start"), pl.col("variance").abs()], descending=[False, True, True]
    )
    if not lines.height:
        reason = say("Nothing was promised yet. Approve a plan; the next run holds it against the actual bookings.")
        return Section("review", say("Review"), say("What came of what was promised?"), findings=groups, empty=reason)
    blocks: list[Chart | Table] = []
    whole = kept(source)
    if whole.height:
        size, axis = words.scale(max([*whole["planned"], *whole["actual"]]))
        rows = [
            {"period": words.period(row["period_start"]), "value": row["actual"] / size, "mark": row["planned"] / size}
            for row in whole.iter_rows(named=True)
        ]
        title = say("Promised against actual bookings")
        text = say(
            "Promised {planned}, actual {actual}.",
            planned=words.compact(float(whole["planned"].sum())),
            actual=words.compact(float(whole["actual"].sum())),
        )
        labels = (say("Actual"), say("Promised"), say("80 % interval"))
        blocks.append(Chart(title, text, charts.draw(charts.against(rows, axis=axis, labels=labels), title, text)))
    more, command = rest(source, lines.height, "show", "variances")
    table = Table(
        say("Variances"), variance_head(source), variance_rows(source, lines.head(ROWS)), (2, 3, 4), more, command
    )
    blocks.append(table)
    lead = [held(source, lines)]
    return Section("review", say("Review"), say("What came of what was promised?"), lead, blocks, groups)


def pay_of(source: Source) -> float | None:
    """Pay of the base scenario over the horizon, major units."""
    lines = source.rows("pay_lines").filter(pl.col("scenario") == "base").select(pl.col("amount").sum(), n=pl.len())
    amount, count = lines.collect().row(0)
    return float(to_major(int(amount), source.company.currency)) if count else None
