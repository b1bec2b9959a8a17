"""The pipeline between two dates: what it opened with, every reason for which it changed, what it closed with.

Each deal is followed from state to state, and every step is put down to one reason, so the bars add up to the cent and
what came and went within the period is seen too.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from quarterdeck.base.calendar import Grain, next_start, period_start
from quarterdeck.base.config import Company, instant
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.metric import TOTAL
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.states import deals, local, states

BARS = (
    "new",
    "reopened",
    "pulled in",
    "pushed in",
    "raised",
    "cut",
    "pushed out",
    "pulled out",
    "won",
    "lost",
)
"""Why the pipeline changes: `raised` and `cut` are amounts, `pulled` and `pushed` an earlier and a later close."""

Window = tuple[date, date]


def moves(history: pl.DataFrame, closing: Window | None = None) -> pl.DataFrame:
    """`id, at, bar, amount` (minor units): every step of every deal with its reason.

    With `closing` the pipeline is that which is expected to close from the first day to before the second.
    """
    counted = pl.col("outcome") == "open"
    if closing:
        counted &= pl.col("close_on").is_between(*closing, closed="left").fill_null(False)
    frame = history.with_columns(worth=pl.col("worth").fill_null(0), is_in=counted)
    frame = frame.with_columns(
        pl.col("worth", "is_in", "outcome", "close_on").shift().over("id").name.prefix("past_")
    ).with_columns(was_in=pl.col("past_is_in").fill_null(False), is_open=pl.col("outcome") == "open")
    is_born = pl.col("past_outcome").is_null()
    was_open = pl.col("past_outcome") == "open"
    closes = pl.col("was_in") & ~pl.col("is_open")
    stays = pl.col("was_in") & pl.col("is_in")
    worth, past = pl.col("worth"), pl.col("past_worth")
    later = (pl.col("close_on") > pl.col("past_close_on")).fill_null(True)
    enters = ~pl.col("was_in") & pl.col("is_in") & was_open.fill_null(False)
    leaves = pl.col("was_in") & ~pl.col("is_in") & pl.col("is_open")
    change = pl.when(stays | closes).then(worth - past).otherwise(0)
    parts = [
        (pl.lit("new"), is_born & pl.col("is_in"), worth),
        (pl.lit("reopened"), pl.col("is_in") & ~is_born & ~was_open.fill_null(True), worth),
        (pl.when(later).then(pl.lit("pushed in")).otherwise(pl.lit("pulled in")), enters, worth),
        (pl.lit("raised"), change > 0, change),
        (pl.lit("cut"), change < 0, change),
        (pl.when(later).then(pl.lit("pushed out")).otherwise(pl.lit("pulled out")), leaves, -past),
        (pl.col("outcome"), closes, -worth),
    ]
    found = [frame.filter(which).select("id", "at", bar=bar, amount=amount) for bar, which, amount in parts]
    return pl.concat(found).sort("id", "at")


def waterfall(
    tables: Tables,
    start: date,
    end: date,
    *,
    by: str | None = None,
    closing: Window | None = None,
    company: Company | None = None,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """The pipeline from a day to before another: `dimension, member, bar, deals, amount` (minor units).

    Bars are opening, those of `BARS` and closing; opening and the bars between add up to closing exactly. `by` cuts it
    by a dimension, by the members that deals have now. `closing` bounds the days on which deals are expected to close.
    Amounts in other currencies are taken at the newest rate throughout, so a rate moves no bar.
    """
    company = company or Company()
    scope = Scope(tables, company, as_of or instant(end, company))
    found, steps = _steps(scope, by, closing)
    first, last = instant(start, company), instant(end, company)
    inside = steps.filter(pl.col("at").is_between(first, last, closed="left"))
    parts = [
        steps.filter(pl.col("at") < first).with_columns(bar=pl.lit("opening")),
        inside,
        steps.filter(pl.col("at") < last).with_columns(bar=pl.lit("closing")),
    ]
    standing = ("opening", "closing")
    rows = pl.concat(parts).group_by("bar", "id").agg(pl.col("amount").sum(), pl.len())
    members = found.select("id", member=by) if by else found.select("id", member=pl.lit(TOTAL))
    rows = rows.join(members, on="id")
    open_at = {"opening": _open_at(found, scope, first, closing), "closing": _open_at(found, scope, last, closing)}
    at_opening = pl.when(pl.col("bar") == "opening").then(pl.col("id").is_in(open_at["opening"].implode()))
    is_there = at_opening.when(pl.col("bar") == "closing").then(pl.col("id").is_in(open_at["closing"].implode()))
    rows = rows.with_columns(is_there=is_there.otherwise(pl.lit(True)))
    sums = rows.group_by("member", "bar").agg(
        deals=pl.col("is_there").sum().cast(pl.Int64), amount=pl.col("amount").sum()
    )
    names = (standing[0], *BARS, standing[1])
    everyone = sums.select("member").unique() if by else pl.DataFrame({"member": [TOTAL]})
    grid = everyone.join(pl.DataFrame({"bar": names, "place": range(len(names))}), how="cross")
    lines = grid.join(sums, on=["member", "bar"], how="left").sort("member", "place")
    return lines.select(
        pl.lit(by or TOTAL).alias("dimension"),
        "member",
        "bar",
        pl.col("deals").fill_null(0),
        pl.col("amount").fill_null(0),
    )


def waterfall_deals(
    tables: Tables,
    start: date,
    end: date,
    bar: str,
    *,
    closing: Window | None = None,
    company: Company | None = None,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """The deals behind a bar: `id, amount` (minor units), the largest first; they add up to the bar."""
    company = company or Company()
    scope = Scope(tables, company, as_of or instant(end, company))
    _, steps = _steps(scope, None, closing)
    first, last = instant(start, company), instant(end, company)
    if bar in ("opening", "closing"):
        steps = steps.filter(pl.col("at") < (first if bar == "opening" else last))
    else:
        steps = steps.filter((pl.col("bar") == bar) & pl.col("at").is_between(first, last, closed="left"))
    sums = steps.group_by("id").agg(pl.col("amount").sum())
    if bar in ("opening", "closing"):
        sums = sums.filter(pl.col("amount") != 0)
    return sums.sort(pl.col("amount").abs(), "id", descending=[True, False])


def _steps(scope: Scope, by: str | None, closing: Window | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = deals(scope, (by,) if by else ())
    return found, moves(states(scope, found), closing)


def _open_at(found: pl.DataFrame, scope: Scope, moment: datetime, closing: Window | None) -> pl.Series:
    """Deals that are in the pipeline at a moment."""
    last = states(scope, found).filter(pl.col("at") < moment).unique("id", keep="last", maintain_order=True)
    is_in = pl.col("outcome") == "open"
    if closing:
        is_in &= pl.col("close_on").is_between(*closing, closed="left").fill_null(False)
    return last.filter(is_in)["id"]


def lines(scope: Scope, dimensions: tuple[str, ...], grains: tuple[Grain, ...], months: int) -> pl.DataFrame:
    """The table `flow_lines`: waterfalls of the whole pipeline by period, for the total and the dimensions' members."""
    found = deals(scope, dimensions)
    steps = moves(states(scope, found)).join(found.select("id", *dimensions), on="id")
    steps = steps.with_columns(day=local(scope, "at"))
    parts = []
    for grain in grains:
        if steps.is_empty():
            continue
        starts = {day: period_start(day, grain, scope.company) for day in steps["day"].unique()}
        dated = steps.with_columns(period_start=pl.col("day").replace_strict(starts, return_dtype=pl.Date))
        first = period_start(scope.today - timedelta(days=30 * months), grain, scope.company)
        periods = [first]
        while (following := next_start(periods[-1], grain, scope.company)) <= scope.today:
            periods.append(following)
        for dimension in (TOTAL, *dimensions):
            member = pl.lit(TOTAL) if dimension == TOTAL else pl.col(dimension)
            rows = _of_periods(dated.with_columns(member=member), periods)
            parts.append(rows.with_columns(grain=pl.lit(grain), dimension=pl.lit(dimension)))
    columns = ["grain", "period_start", "dimension", "member", "bar", "deals", "amount"]
    schema: dict[Any, Any] = {"grain": pl.String, "period_start": pl.Date, "dimension": pl.String, "member": pl.String}
    schema |= {"bar": pl.String, "deals": pl.Int64, "amount": pl.Int64}
    return pl.concat([part.select(columns) for part in parts]).cast(schema) if parts else pl.DataFrame(schema=schema)


def _of_periods(steps: pl.DataFrame, periods: list[date]) -> pl.DataFrame:
    """Bars by period and member, with opening and closing where they are not both empty."""
    keys = ["period_start", "member", "bar"]
    bars = steps.group_by(keys).agg(deals=pl.col("id").n_unique().cast(pl.Int64), amount=pl.col("amount").sum())
    count = (
        pl.when(pl.col("bar").is_in(["new", "reopened"])).then(1).when(pl.col("bar").is_in(["won", "lost"])).then(-1)
    )
    net = steps.group_by("period_start", "member").agg(
        change=pl.col("amount").sum(), standing=count.otherwise(0).sum().cast(pl.Int64)
    )
    every = sorted({*periods, *steps["period_start"].unique().to_list()})
    grid = pl.DataFrame({"period_start": every}, schema={"period_start": pl.Date})
    grid = grid.join(steps.select("member").unique(), how="cross").join(net, on=["period_start", "member"], how="left")
    grid = (
        grid.fill_null(0)
        .sort("member", "period_start")
        .with_columns(
            closing=pl.col("change").cum_sum().over("member"), open=pl.col("standing").cum_sum().over("member")
        )
    )
    before = grid.with_columns(deals=pl.col("open") - pl.col("standing"), amount=pl.col("closing") - pl.col("change"))
    opening = before.select("period_start", "member", pl.lit("opening").alias("bar"), "deals", "amount")
    closing = grid.select("period_start", "member", pl.lit("closing").alias("bar"), deals="open", amount="closing")
    rows = pl.concat([opening, bars, closing])
    kept = (pl.col("period_start") >= periods[0]) & ((pl.col("amount") != 0) | (pl.col("deals") != 0))
    return rows.filter(kept)
