"""What moved and what moves it: the pipeline's bars, the funnel, cohorts, targets of metrics, drivers of deals."""

from __future__ import annotations

from datetime import date

import polars as pl

from quarterdeck.base import calendar
from quarterdeck.base.money import to_major
from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Table
from quarterdeck.interfaces.report.records import titles
from quarterdeck.interfaces.report.source import Source

AGES = (0, 1, 2, 3, 4, 5, 6, 9, 12, 18, 24)
COHORTS, TARGETS, DRIVERS = 12, 15, 8
GRAINS: tuple[calendar.Grain, ...] = ("quarter", "month")


def waterfall(source: Source) -> Chart | None:
    """Why the open pipeline changed in the last quarter, else month; the bars add up."""
    words, say = source.words, source.words.say
    for grain in GRAINS:
        lines = source.rows("flow_lines").filter(pl.col("dimension") == "all", pl.col("grain") == grain).collect()
        lines = lines.filter(pl.col("period_start") == pl.col("period_start").max())
        if lines.height:
            break
    else:
        return None
    names = {
        "opening": say("Open at the start"), "new": say("New"), "reopened": say("Reopened"),
        "pulled in": say("Pulled in"), "pushed in": say("Pushed in"), "raised": say("Raised"), "cut": say("Cut"),
        "pushed out": say("Pushed out"), "pulled out": say("Pulled out"), "won": say("Won"), "lost": say("Lost"),
        "closing": say("Open at the end"),
    }  # fmt: skip
    amounts = {row["bar"]: float(to_major(row["amount"], words.currency)) for row in lines.iter_rows(named=True)}
    start = lines["period_start"][0]
    opening, closing = amounts.get("opening", 0.0), amounts.get("closing", 0.0)
    size, axis = words.scale(max(opening, closing, *map(abs, amounts.values())))
    changes = [(name, amounts[bar] / size) for bar, name in names.items() if bar not in ENDS and bar in amounts]
    rows = charts.floating((names["opening"], opening / size), changes, names["closing"])
    title = say("What moved in the open pipeline, {period}", period=words.period(start, grain))
    text = say(
        "From {opening} to {closing}: {new} new, {won} won, {lost} lost.",
        opening=words.compact(opening),
        closing=words.compact(closing),
        new=words.compact(amounts.get("new", 0.0)),
        won=words.compact(abs(amounts.get("won", 0.0))),
        lost=words.compact(abs(amounts.get("lost", 0.0))),
    )
    labels = (say("Level"), say("More"), say("Less"))
    return Chart(title, text, charts.draw(charts.waterfall(rows, axis=axis, labels=labels), title, text))


ENDS = ("opening", "closing")


def funnel(source: Source) -> Table | None:
    """How far all deals came, stage by stage."""
    words, say = source.words, source.words.say
    whole = (pl.col("dimension") == "all") & (pl.col("grain") == "all") & (pl.col("view") == "cohort")
    lines = source.rows("funnel_lines").filter(whole).sort("place").collect()
    if not lines.height:
        return None
    first, last = lines["reached"][0] or 1, lines.height - 1
    rows = [
        [
            say("Won") if row["place"] == lines["place"][-1] else row["stage"],
            words.number(row["reached"]),
            words.percent(row["reached"] / first),
            words.percent(row["rate"]) if place < last else "–",
            words.quantity(row["median_days"]),
        ]
        for place, row in enumerate(lines.iter_rows(named=True))
    ]
    header = [say("Stage"), say("Deals that reached it"), say("Of all"), say("Went on"), say("Median days to the next")]
    return Table(say("How far deals come"), header, rows, range(1, 5), note=say("Over the whole history."))


def cohorts(source: Source) -> list[Table]:
    """What became of the last months' deals, and of those months' first customers."""
    words, say = source.words, source.words.say
    made = []
    kinds = {
        "deals": (say("Cohorts of deals: share won by then"), say("Created in"), say("Deals")),
        "customers": (say("Cohorts of customers: share that bought in the month"), say("First bought in"),
                      say("Customers")),
    }  # fmt: skip
    for kind, (title, when, what) in kinds.items():
        lines = source.rows("cohort_lines").filter(pl.col("dimension") == "all", pl.col("kind") == kind).collect()
        months = sorted(lines["cohort"].unique())[-COHORTS:]
        if not months:
            continue
        lines = lines.filter(pl.col("cohort") >= months[0])
        sizes = dict(lines.select("cohort", "size").iter_rows())
        ages = [age for age in AGES if age in set(lines["age"])]
        shares: dict[tuple[date, int], float] = {
            (cohort, age): share for cohort, age, share in lines.select("cohort", "age", "share").iter_rows()
        }
        rows = [
            [
                words.period(month),
                words.number(sizes[month]),
                *(words.percent(shares[month, age], 0) if (month, age) in shares else "" for age in ages),
            ]
            for month in months
        ]
        header = [when, what, *(say("+{months} months", months=age) for age in ages)]
        made.append(Table(title, header, rows, range(1, len(header)), is_folded=True))
    return made


def targets(source: Source) -> Table | None:
    """Each metric's last period against its target, the longest missed first."""
    words, say = source.words, source.words.say
    key = ("metric", "grain", "dimension", "member")
    lines = source.rows("target_lines").collect().sort("period_start").unique(key, keep="last", maintain_order=True)
    if not lines.height:
        return None
    known = titles(source)
    units = dict(source.rows("metric_values").select("metric", "unit").unique().collect().iter_rows())
    rows: list[list[Cell]] = []
    for row in (
        lines.sort(["running", *key], descending=[True, *(False for _ in key)]).head(TARGETS).iter_rows(named=True)
    ):

        def shown(value: float | None, unit: str = units.get(row["metric"], "")) -> str:
            return words.percent(value) if unit == "rate" else words.quantity(value)

        limits = [
            f"{sign} {shown(row[name])}"
            for sign, name in (("≥", "at_least"), ("≤", "at_most"))
            if row[name] is not None
        ]
        member = say("All") if row["member"] == "all" else source.names.get(row["member"], row["member"])
        verdict = Mark(say("met"), "good") if row["is_met"] else Mark(say("missed"), "bad")
        name = known.get(row["metric"]) or row["metric"].replace("_", " ").capitalize()
        period = words.period(row["period_start"], row["grain"])
        rows.append(
            [name, member, period, shown(row["value"]), ", ".join(limits), verdict, words.number(row["running"])]
        )
    header = [say("Metric"), say("Member"), say("Period"), say("Value"), say("Target"), say("Met or missed"),
              say("Missed in a row")]  # fmt: skip
    left = lines.height - len(rows)
    more = say("{count} more.", count=words.number(left)) if left else ""
    return Table(say("Targets of metrics"), header, rows, (3, 4, 6), more, source.command("show", "target_lines"))


def drivers(source: Source) -> Table | None:
    """What clearly goes before wins, losses and progress, with why it may not be the cause."""
    say = source.words.say
    lines = source.table("deal_drivers")
    if not lines.height:
        return None
    clear = lines.filter("is_clear").sort("q_value", "outcome", "input")
    rows: list[list[Cell]] = [
        [row["sentence"], Mark(row["caveat"], "soft")] for row in clear.head(DRIVERS).iter_rows(named=True)
    ]
    if not rows:
        rows = [[say("Nothing that goes before is clear among {count} effects looked at.", count=lines.height), ""]]
    left = clear.height - len(rows)
    more = say("{count} more.", count=source.words.number(left)) if left > 0 else ""
    command = source.command("show", "deal_drivers")
    return Table(say("What moves deals"), [say("What goes with what"), say("Why it may not be the cause")], rows,
                 (), more, command)  # fmt: skip
