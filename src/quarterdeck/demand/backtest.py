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
from quarterdeck.demand import extrapolate
from quarterdeck.demand.bookings import Bookings, of_deals
from quarterdeck.demand.deals import Clock, hierarchy, month_day, prepare
from quarterdeck.demand.overrides import members
from quarterdeck.demand.paths import Paths
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
    settings, clock = config.settings, Clock.at(config.today)
    deals = prepare(tables["opportunities"], config.company)
    past = Bookings.of_table(tables["bookings"], tables["nodes"], clock)
    if past.source == "deals":
        past = of_deals(deals, clock)
    dates = origins(past.first, clock.month, settings)
    if not dates:
        return Result({"demand_accuracy": empty("demand_accuracy")}, [_too_short(clock.month - past.first, past)])
    frames = []
    for origin in dates:
        ahead = min(settings.horizon, clock.month - origin)
        if past.source == "deals":
            nodes = hierarchy(deals, {})
            paths, known = _by_pipeline(deals, tables["opportunity_history"], (origin, ahead), config)
        else:
            nodes = known = tables["nodes"]
            paths = _by_history(past, nodes, (origin, ahead), config)
        frames.append(_held(paths, known, past, nodes))
    table = conform("demand_accuracy", pl.concat(frames).sort("origin", "period_start", "node_id"))
    return Result({"demand_accuracy": table}, _lessons(table, len(dates), settings))


def _by_pipeline(
    deals: pl.DataFrame, history: pl.DataFrame, when: tuple[int, int], config: Config[DemandSettings]
) -> tuple[Paths, pl.DataFrame]:
    """Paths from the deals as they stood, and the nodes that were known."""
    (origin, ahead), settings = when, config.settings
    known = rewind(deals, origin, stated_amounts(history, month_day(origin), config))
    model = PipelineModel.learn(known, month_day(origin), settings, config.company, {})
    return model.paths(known, ahead, settings.draws, config.seed), model.nodes


def _by_history(past: Bookings, nodes: pl.DataFrame, when: tuple[int, int], config: Config[DemandSettings]) -> Paths:
    """Paths from the bookings before the origin."""
    origin, ahead = when
    leaves = tuple(nodes.filter("is_leaf")["node_id"])
    quantity, amount = past.arrays(leaves, origin)
    expected = extrapolate.outlook(amount, nodes, leaves, ahead)
    price = extrapolate.usual_price(quantity, amount)
    return extrapolate.paths(expected, price, leaves, Clock(origin, 1.0), config.settings.draws, config.seed)


def _held(paths: Paths, known: pl.DataFrame, past: Bookings, nodes: pl.DataFrame) -> pl.DataFrame:
    """Rows of `demand_accuracy`: paths, over the nodes that were known, against the bookings of the months."""
    origin, ahead = paths.months[0], len(paths.months)
    leaves = tuple(nodes.filter("is_leaf")["node_id"])
    before, came = past.arrays(leaves, origin)[1], past.arrays(leaves, origin + ahead)[1][:, -ahead:]
    forecast, baseline = paths.amount.sum(axis=1), naive(before, ahead)
    below, model_below = members(nodes, leaves), members(known, paths.leaves)
    frames = []
    for node_id in nodes.filter(pl.col("level").is_in(LEVELS))["node_id"]:
        places = model_below.get(node_id, np.zeros(0, dtype=np.int64))
        frames.append(
            pl.DataFrame(
                {
                    "origin": [month_day(origin)] * ahead,
                    "period_start": [month_day(month) for month in paths.months],
                    "node_id": [node_id] * ahead,
                    "horizon": list(range(1, ahead + 1)),
                    **quantiles(forecast[places].sum(axis=0)),
                    "baseline": baseline[below[node_id]].sum(axis=0),
                    "actual": came[below[node_id]].sum(axis=0),
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


def _too_short(months: int, past: Bookings) -> Finding:
    closed = "closed deals" if past.source == "deals" else past.source
    return Finding(
        code="demand.no_backtest",
        severity="notice",
        message=f"{months} whole months with {closed} are too few to make the forecast again at an earlier date.",
        fix=f"Load older {closed.removeprefix('closed ')}, or lower demand.min_history.",
        table="opportunities" if past.source == "deals" else past.source,
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
