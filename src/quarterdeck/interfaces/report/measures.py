"""The section on metrics: what was won or sold, what moved, how far deals come, what kept its target."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.interfaces.report import charts, movement
from quarterdeck.interfaces.report.page import Cell, Chart, Section, Table
from quarterdeck.interfaces.report.records import ROWS, rest, titles, values
from quarterdeck.interfaces.report.source import Source


def metrics(source: Source) -> Section:
    """Won or sold by month and quarter, what moved and what moves it, then results by region and seller."""
    say = source.words.say
    sold: list[Chart | Table | None] = [_by_month(source, *measure) for measure in _firsts(source)]
    tables = [_quarters(source, *chosen) for chosen in _groups(source)]
    moved = [movement.waterfall(source), movement.funnel(source), *movement.cohorts(source)]
    made = [*sold, _win_rate(source), *tables, *moved, movement.targets(source), movement.drivers(source)]
    blocks = [block for block in made if block is not None]
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
        empty="" if blocks else say("Nothing has been sold and no lead has come yet, so there is nothing to measure."),
    )


def _has(source: Source, metric: str) -> bool:
    """The metric was measured on at least one record."""
    rows = source.rows("metric_values").filter(pl.col("metric") == metric, pl.col("n") > 0)
    return bool(rows.head(1).collect().height)


def _firsts(source: Source) -> list[tuple[str, str]]:
    """What is drawn by month: won value, else what was billed or ordered; leads where there are no deals."""
    say = source.words.say
    if _has(source, "won_value"):
        return [("won_value", say("Won value by month"))]
    sales = {"revenue": say("Sales by month, from invoices"), "order_value": say("Sales by month, from orders")}
    found = [(metric, title) for metric, title in sales.items() if _has(source, metric)][:1]
    return [*found, ("new_leads", say("New leads by month"))]


def _groups(source: Source) -> list[tuple[str, tuple[str, ...]]]:
    """The tables by quarter, with a title and their metrics."""
    say = source.words.say
    first = (say("By quarter"), DEALS) if _has(source, "won_value") else (say("Sales by quarter"), SALES)
    return [first, (say("Leads by quarter"), LEADS)]


def _by_month(source: Source, metric: str, title: str) -> Chart | None:
    words, say = source.words, source.words.say
    frame = values(source, metric, "month").tail(24)
    if not frame.height or not frame["value"].is_not_null().any():
        return None
    is_money = frame["unit"][0] == "money"
    size, axis = words.scale(max(value or 0 for value in frame["value"])) if is_money else (1.0, "")
    rows = [
        {"period": words.period(row["period_start"]), "value": (row["value"] or 0) / size}
        for row in frame.iter_rows(named=True)
    ]
    best = frame.sort("value", descending=True, nulls_last=True).row(0, named=True)
    text = say(
        "Highest in {period}: {value}.",
        period=words.period(best["period_start"]),
        value=words.compact(best["value"]) if is_money else words.number(best["value"]),
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


DEALS = ("won_value", "won_deals", "win_rate", "average_deal", "cycle_days", "new_deals", "open_deals", "open_pipeline")
SALES = ("revenue", "invoices", "average_invoice", "order_value", "orders", "average_order",
         "customers", "new_customers", "repeat_rate", "churn_rate", "revenue_per_customer", "credit_rate",
         "receivables")  # fmt: skip
LEADS = ("new_leads", "qualified_leads", "qualification_rate", "lead_conversion", "conversion_days", "response_hours")
QUARTERS = 5


def _quarters(source: Source, title: str, metrics: tuple[str, ...]) -> Table | None:
    """A row a metric, a column a quarter; the last beside the one before, the year before and the year to date."""
    words, say = source.words, source.words.say
    whole = pl.col("metric").is_in(metrics) & (pl.col("grain") == "quarter") & (pl.col("dimension") == "all")
    frame = source.rows("metric_values").filter(whole).collect()
    measured = frame.filter(pl.col("value").is_not_null() & (pl.col("n") > 0))
    starts = sorted(measured["period_start"].unique())[-QUARTERS:]
    if not starts:
        return None
    named = titles(source)
    kept = set(measured["metric"])
    cells = {(row["metric"], row["period_start"]): row for row in frame.iter_rows(named=True)}
    rows: list[list[Cell]] = []
    for metric in (name for name in metrics if name in kept):
        found = [cells.get((metric, start)) for start in starts]
        last = found[-1]
        compared = [_change(source, last, key) for key in ("previous", "year_before")]
        to_date = figure(source, last and last | {"value": last["to_date"]})
        rows.append([named[metric], *(figure(source, row) for row in found), *compared, to_date])
    against = [say("On the quarter before"), say("On the year before"), say("Year to date")]
    header = [say("Quarter"), *(words.period(start, "quarter") for start in starts), *against]
    note = say("Money in {currency}; changes of rates in percentage points.", currency=words.currency)
    return Table(title, header, rows, range(1, len(header)), "", source.command("measure"), note)


def _change(source: Source, row: dict[str, Any] | None, key: str) -> str:
    """The value against an earlier one: rates in percentage points, all else as a share."""
    if row is None or row["value"] is None or row[key] is None:
        return "–"
    if row["unit"] == "rate":
        return source.words.points(row["value"] - row[key])
    return source.words.change(row["value"], row[key])


def figure(source: Source, row: dict[str, Any] | None) -> str:
    """A metric's value as its unit wants it."""
    words = source.words
    if row is None or row["value"] is None:
        return "–"
    value = float(str(row["value"]))
    return words.percent(value) if row["unit"] == "rate" else words.quantity(value)


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
