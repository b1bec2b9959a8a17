"""The forecast made again at earlier dates from what was known then, held against what came."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Config, instant
from quarterdeck.base.draws import quantiles
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.demand.deals import Clock, first_month, hierarchy, month_day, prepare
from quarterdeck.demand.overrides import members
from quarterdeck.demand.pipeline import PipelineModel
from quarterdeck.demand.settings import DemandSettings

Array = NDArray[np.float64]
LEVELS = ("all", "region", "product")
SEASON = 12


def origins(first: int, last: int, settings: DemandSettings) -> list[int]:
    """Month numbers at which the forecast is made again, newest first.

    They lie `origin_step` months apart; closer, but never less than a month, where the history is too short for that.

    >>> origins(0, 7, DemandSettings()), origins(0, 24, DemandSettings())
    ([6, 5, 4], [21, 18, 15])
    """
    earliest = first + settings.min_history
    step = min(settings.origin_step, max((last - earliest) // settings.origins, 1))
    return [last - step * (number + 1) for number in range(settings.origins) if last - step * (number + 1) >= earliest]


def rewind(deals: pl.DataFrame, origin: int, stated: pl.DataFrame) -> pl.DataFrame:
    """The deals as they stood on the first day of month `origin`.

    Deals opened later are gone, deals closed later are open again. What an open deal was thought to be worth then is
    known from its history (`stated`: `id, amount`) alone. An undated deal is kept where it was closed already.
    """
    there = deals.filter(
        pl.col("opened").lt(origin)
        | (pl.col("opened").is_null() & pl.col("closed").is_not_null() & (pl.col("closed") < origin))
    )
    is_open = pl.col("closed").is_null() | (pl.col("closed") >= origin)
    return (
        there.join(stated.rename({"amount": "then"}), on="id", how="left", maintain_order="left")
        .with_columns(
            status=pl.when(is_open).then(pl.lit("open")).otherwise("status"),
            amount=pl.when(is_open).then("then").otherwise("amount"),
            closed=pl.when(is_open).then(None).otherwise("closed"),
        )
        .drop("then")
    )


def stated_amounts(history: pl.DataFrame, day: date, config: Config[DemandSettings]) -> pl.DataFrame:
    """What deals were said to be worth on a day, major units: the last value before it in their history."""
    from quarterdeck.base import money

    before = history.filter((pl.col("changed_at") < instant(day, config.company)) & (pl.col("amount") > 0))
    newest = before.sort("changed_at").group_by("opportunity_id", maintain_order=True).last()
    scale = {name: money.scale(name) for name in newest["currency"].drop_nulls().unique()}
    unit = pl.col("currency").replace_strict(scale, default=money.scale(config.company.currency), return_dtype=pl.Int64)
    return newest.select(id="opportunity_id", amount=pl.col("amount") / unit)


def bookings(deals: pl.DataFrame, leaves: tuple[str, ...], first: int, last: int) -> Array:
    """Value of won deals, array (leaves, months from `first` to before `last`)."""
    found = np.zeros((len(leaves), last - first))
    place = {leaf: number for number, leaf in enumerate(leaves)}
    won = deals.filter((pl.col("status") == "won") & pl.col("closed").is_between(first, last - 1))
    for node_id, closed, amount in won.group_by("node_id", "closed").agg(pl.col("amount").sum()).iter_rows():
        found[place[node_id], closed - first] = amount
    return found


def naive(past: Array, ahead: int) -> Array:
    """Last year's same months where a year is known, else the mean of the last three. Series along the last axis.

    >>> naive(np.array([[9.0, 1.0, 2.0, 3.0]]), 2)
    array([[2., 2.]])
    """
    if past.shape[1] > SEASON:
        return np.stack([past[:, past.shape[1] - SEASON + step % SEASON] for step in range(ahead)], axis=1)
    return np.repeat(past[:, -3:].mean(axis=1, keepdims=True), ahead, axis=1)


def backtest(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Writes `demand_accuracy`: forecasts at earlier dates for all, regions and products against their bookings."""
    settings = config.settings
    deals = prepare(tables["opportunities"], config.company)
    clock = Clock.at(config.today)
    first = first_month(deals, clock, 10**6)
    dates = origins(first, clock.month, settings)
    if not dates:
        return Result({"demand_accuracy": empty("demand_accuracy")}, [_too_short(clock.month - first)])
    nodes = hierarchy(deals, {})
    frames = [_one(deals, nodes, tables["opportunity_history"], origin, config) for origin in dates]
    table = conform("demand_accuracy", pl.concat(frames).sort("origin", "period_start", "node_id"))
    return Result({"demand_accuracy": table}, _lessons(table, len(dates), settings))


def _one(
    deals: pl.DataFrame, nodes: pl.DataFrame, history: pl.DataFrame, origin: int, config: Config[DemandSettings]
) -> pl.DataFrame:
    settings = config.settings
    last = Clock.at(config.today).month
    ahead = min(settings.horizon, last - origin)
    known = rewind(deals, origin, stated_amounts(history, month_day(origin), config))
    model = PipelineModel.learn(known, month_day(origin), settings, config.company, {})
    paths = model.paths(known, ahead, settings.draws, config.seed)
    forecast = paths.amount.sum(axis=1)
    leaves = tuple(nodes.filter("is_leaf")["node_id"])
    begin = first_month(known, Clock(origin, 1.0), 10**6)
    came = bookings(deals, leaves, begin, last)
    baseline = naive(came[:, : origin - begin], ahead)
    all_below, model_below = members(nodes, leaves), members(model.nodes, paths.leaves)
    frames = []
    for node_id in nodes.filter(pl.col("level").is_in(LEVELS))["node_id"]:
        places = model_below.get(node_id, np.zeros(0, dtype=np.int64))
        below = all_below[node_id]
        frames.append(
            pl.DataFrame(
                {
                    "origin": [month_day(origin)] * ahead,
                    "period_start": [month_day(origin + step) for step in range(ahead)],
                    "node_id": [node_id] * ahead,
                    "horizon": list(range(1, ahead + 1)),
                    **quantiles(forecast[places].sum(axis=0)),
                    "baseline": baseline[below].sum(axis=0),
                    "actual": came[below, origin - begin : origin - begin + ahead].sum(axis=0),
                }
            )
        )
    return pl.concat(frames)


def weighted_error(table: pl.DataFrame, column: str) -> float:
    """Sum of absolute errors over the sum of what came (WAPE)."""
    came = float(table["actual"].abs().sum())
    return float((table[column] - table["actual"]).abs().sum()) / came if came else float("nan")


def coverage(table: pl.DataFrame, low: str = "q10", high: str = "q90") -> float:
    """Share of the rows whose actual lies in the interval."""
    inside = table.filter((pl.col("actual") >= pl.col(low)) & (pl.col("actual") <= pl.col(high)))
    return inside.height / max(table.height, 1)


def _too_short(months: int) -> Finding:
    return Finding(
        code="demand.no_backtest",
        severity="notice",
        message=f"{months} whole months with closed deals are too few to make the forecast again at an earlier date.",
        fix="Load older deals, or lower demand.min_history.",
        table="opportunities",
    )


def _lessons(table: pl.DataFrame, dates: int, settings: DemandSettings) -> list[Finding]:
    total = table.filter(pl.col("node_id") == "all")
    mine, theirs = weighted_error(total, "mean"), weighted_error(total, "baseline")
    inside = coverage(total)
    found = []
    if dates < settings.origins:
        found.append(
            Finding(
                code="demand.short_backtest",
                severity="notice",
                message=f"The history carries {dates} of {settings.origins} earlier forecasts.",
                fix="Load older deals to test the forecast at more dates.",
                table="opportunities",
            )
        )
    if mine > theirs:
        found.append(
            Finding(
                code="demand.loses_to_naive",
                severity="warning",
                message=f"At earlier dates the forecast erred by {mine:.0%} of bookings, the naive by {theirs:.0%}.",
                fix="Read the forecast beside the naive one; look for months in which the way of selling changed.",
            )
        )
    if len(total) >= 6 and inside < 0.6:
        found.append(
            Finding(
                code="demand.narrow_intervals",
                severity="warning",
                message=f"Only {inside:.0%} of {len(total)} months came in the interval that should hold 80 %.",
                fix="Count on a wider range than the intervals show.",
            )
        )
    return found
