"""The section on demand: what is to come with its intervals, what it is made of, and whether it was right before."""

from __future__ import annotations

import polars as pl

from quarterdeck.interfaces.report import charts
from quarterdeck.interfaces.report.page import Cell, Chart, Mark, Section, Table
from quarterdeck.interfaces.report.records import ROWS, rest, values
from quarterdeck.interfaces.report.source import Source

HISTORY = 18
QUANTILES = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")
PARTS = ("from_open", "from_new", "from_renewal", "from_override")


def demand(source: Source) -> Section:
    """Bookings by month, region and product."""
    say = source.words.say
    lines = source.table("demand_lines").filter(pl.col("measure") == "amount").sort("period_start")
    total = lines.filter(pl.col("node_id") == "all")
    if not total.height:
        return Section(
            "demand",
            say("Demand"),
            say("How much, of what, where and when?"),
            findings=source.groups_of("demand"),
            empty=say("There is no forecast: no deal with a date and an amount has been closed."),
        )
    blocks: list[Chart | Table] = [_fan(source, total), _months(source, total), _parts(source, total)]
    for level, title in (("region", say("Region")), ("product", say("Product"))):
        if table := _members(source, lines, level, title):
            blocks.append(table)
    blocks += _backtest(source)
    return Section(
        "demand",
        say("Demand"),
        say("How much, of what, where and when?"),
        [say("Bookings count in the month in which deals close.")],
        blocks,
        source.groups_of("demand"),
    )


def _fan(source: Source, total: pl.DataFrame) -> Chart:
    words, say = source.words, source.words.say
    first = total["period_start"][0]
    history = values(source, "won_value", "month").filter(pl.col("period_start") < first).tail(HISTORY)
    largest = max([*total["q975"], *(value or 0 for value in history["value"])])
    size, axis = words.scale(largest)
    came = [
        {"period": words.period(row["period_start"]), "value": (row["value"] or 0) / size}
        for row in history.iter_rows(named=True)
    ]
    bands = [
        {"period": words.period(row["period_start"])} | {name: row[name] / size for name in QUANTILES}
        for row in total.iter_rows(named=True)
    ]
    labels = [say("Won"), "95 %", "80 %", "50 %"]
    title = say("Bookings by month, won and to come")
    text = say(
        "{first} to {last}: means between {low} and {high} a month. Bands: 50, 80 and 95 %; the tick is the median.",
        first=words.period(first),
        last=words.period(total["period_start"][-1]),
        low=words.compact(total["mean"].min()),  # type: ignore[arg-type]
        high=words.compact(total["mean"].max()),  # type: ignore[arg-type]
    )
    return Chart(title, text, charts.draw(charts.fan(came, bands, axis=axis, labels=labels), title, text))


def _months(source: Source, total: pl.DataFrame) -> Table:
    words, say = source.words, source.words.say
    rows = [
        [
            words.period(row["period_start"]),
            words.number(row["mean"]),
            words.number(row["q50"]),
            f"{words.number(row['q10'])} – {words.number(row['q90'])}",
            f"{words.number(row['q025'])} – {words.number(row['q975'])}",
        ]
        for row in total.iter_rows(named=True)
    ]
    header = [say("Month"), words.money_head(say("Mean")), say("Median"), say("80 % interval"), say("95 % interval")]
    return Table(say("Bookings to come"), header, rows, range(1, 5), "", source.command("forecast"))


def _parts(source: Source, total: pl.DataFrame) -> Chart:
    words, say = source.words, source.words.say
    names = {
        "from_open": say("Open deals"),
        "from_new": say("Deals not yet known"),
        "from_renewal": say("Renewals"),
        "from_override": say("Overrides"),
    }
    kept = [part for part in PARTS if total[part].abs().sum() > 0]
    size, axis = words.scale(max(total["mean"]))
    rows = [
        {"period": words.period(row["period_start"]), "part": names[part], "value": row[part] / size}
        for row in total.iter_rows(named=True)
        for part in kept
    ]
    title = say("What the mean is made of")
    whole = sum(total["mean"]) or 1.0
    text = ", ".join(f"{names[part]} {words.percent(sum(total[part]) / whole, 0)}" for part in kept)
    table = Table(
        say("Numbers: {title}", title=title),
        [say("Month"), *(words.money_head(names[part]) for part in kept)],
        [
            [words.period(row["period_start"]), *(words.number(row[part]) for part in kept)]
            for row in total.iter_rows(named=True)
        ],
        range(1, len(kept) + 1),
        is_folded=True,
    )
    drawn = charts.stacked(rows, axis=axis, parts=[names[part] for part in kept])
    return Chart(title, text, charts.draw(drawn, title, text), table)


def _members(source: Source, lines: pl.DataFrame, level: str, title: str) -> Table | None:
    """A row a member, a column a month, the largest first."""
    words, say = source.words, source.words.say
    nodes = source.table("nodes").filter(pl.col("level") == level)
    names = dict(nodes.select("node_id", "name").iter_rows())
    frame = lines.filter(pl.col("node_id").is_in(list(names)))
    if not frame.height:
        return None
    starts = sorted(frame["period_start"].unique())
    sums = frame.group_by("node_id").agg(pl.col("mean").sum()).sort(["mean", "node_id"], descending=[True, False])
    cells = {(row["node_id"], row["period_start"]): row["mean"] for row in frame.iter_rows(named=True)}
    rows = [
        [names[node], *(words.number(cells.get((node, start))) for start in starts), words.number(whole)]
        for node, whole in sums.head(ROWS).iter_rows()
    ]
    header = [title, *(words.period(start) for start in starts), words.money_head(say("Sum"))]
    whole = say("Expected bookings by {dimension}", dimension=title.lower())
    return Table(whole, header, rows, range(1, len(header)), *rest(source, sums.height, "forecast"))


def _backtest(source: Source) -> list[Chart | Table]:
    """Earlier forecasts of the whole against what came, with coverage and error beside the naive forecast."""
    words, say = source.words, source.words.say
    held = source.table("demand_accuracy").filter(pl.col("node_id") == "all").sort("origin", "period_start")
    if not held.height:
        return []
    size, axis = words.scale(max([*held["q90"], *held["actual"]]))
    latest = held.unique("period_start", keep="last", maintain_order=True).sort("period_start")
    rows = [
        {
            "period": words.period(row["period_start"]),
            "value": row["actual"] / size,
            "mark": row["mean"] / size,
            "low": row["q10"] / size,
            "high": row["q90"] / size,
        }
        for row in latest.iter_rows(named=True)
    ]
    title = say("Earlier forecasts against the actual bookings")
    inside = latest.filter(pl.col("actual").is_between(pl.col("q10"), pl.col("q90"))).height
    text = say(
        "The latest forecast of each month: {inside} of {count} months lay inside the 80 % interval.",
        inside=words.number(inside),
        count=words.number(latest.height),
    )
    labels = (say("Actual"), say("Forecast, mean"), say("80 % interval"))
    chart = Chart(title, text, charts.draw(charts.against(rows, axis=axis, labels=labels), title, text))
    return [chart, _origins(source, held)]


def _origins(source: Source, held: pl.DataFrame) -> Table:
    words, say = source.words, source.words.say
    rows: list[list[Cell]] = []
    for (origin,), part in held.group_by("origin", maintain_order=True):
        whole = float(part["actual"].abs().sum()) or 1.0
        error = float((part["mean"] - part["actual"]).abs().sum()) / whole
        naive = part.filter(pl.col("baseline").is_not_null())
        naive_whole = float(naive["actual"].abs().sum()) or 1.0
        naive_error = float((naive["baseline"] - naive["actual"]).abs().sum()) / naive_whole if naive.height else None
        inside = part.filter(pl.col("actual").is_between(pl.col("q10"), pl.col("q90"))).height / part.height
        tone = "" if naive_error is None else "good" if error <= naive_error else "warn"
        rows.append(
            [
                str(origin),
                words.number(part.height),
                words.percent(inside, 0),
                Mark(words.percent(error), tone),
                words.percent(naive_error),
            ]
        )
    header = [
        say("Made on"),
        say("Months"),
        say("Inside 80 %"),
        say("Forecast error"),
        say("Error of the naive forecast"),
    ]
    note = say("Forecast error: the sum of the monthly misses as a share of the actual bookings.")
    return Table(say("Would it have been right before?"), header, rows, range(1, 5), note=note)
