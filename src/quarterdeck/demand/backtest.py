"""The forecast made again at earlier dates from what was known then, held against what came."""

from __future__ import annotations

from dataclasses import dataclass
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
from quarterdeck.demand import baselines, combine, extrapolate
from quarterdeck.demand.bookings import Bookings, of_deals
from quarterdeck.demand.combine import Weights
from quarterdeck.demand.deals import Clock, hierarchy, month_day, prepare
from quarterdeck.demand.overrides import members
from quarterdeck.demand.paths import Paths
from quarterdeck.demand.pipeline import PipelineModel
from quarterdeck.demand.settings import DemandSettings

Array = NDArray[np.float64]
LEVELS = ("all", "region", "product")
MOST, LEAST = 200_000, 100
"""Leaves times draws of an earlier forecast, at most, and draws at least: all dates are held in memory at once."""
CLEARLY = 1.05
"""How much larger the forecast's error must be than the naive one's before a person is told."""
WRITES = ("demand_accuracy", "method_accuracy", "demand_weights")


@dataclass(frozen=True)
class Trial:
    """The forecasts made again at an earlier date.

    `pipeline` is None where bookings come from orders or invoices. `nodes` are those that were known then, `means` what
    the simple methods said by leaf and month of `leaves`, and `came` what came.
    """

    nodes: pl.DataFrame
    pipeline: Paths | None
    history: Paths
    leaves: tuple[str, ...]
    means: dict[str, Array]
    came: Array

    @property
    def origin(self) -> int:
        return self.history.months[0]

    def combined(self, weights: Weights) -> Paths:
        """Both at their weights; history alone where there is no pipeline."""
        months = len(self.history.months)
        held = Weights(weights.pipeline[:, :months], weights.width[:, :months])
        return combine.combine(self.pipeline or self.history, self.history, held)


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


def backtest(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Forecasts at earlier dates against what came, for all, regions and products, and the weights that follow.

    Writes `demand_accuracy` (the combination), `method_accuracy` (each way of forecasting) and `demand_weights`. What
    the combination said at a date is told with weights from the other dates.
    """
    settings, clock = config.settings, Clock.at(config.today)
    deals = prepare(tables["opportunities"], config.company)
    past = Bookings.of_table(tables["bookings"], tables["nodes"], clock)
    if past.source == "deals":
        past = of_deals(deals, clock)
    dates = origins(past.first, clock.month, settings)
    if not dates:
        nothing = {name: empty(name) for name in WRITES}
        return Result(nothing, [_too_short(clock.month - past.first, past)])
    nodes = hierarchy(deals, {}) if past.source == "deals" else tables["nodes"]
    trials = [
        again(deals, tables["opportunity_history"], past, nodes, (origin, min(settings.horizon, clock.month - origin)),
              config=config)
        for origin in dates
    ]  # fmt: skip
    made = judge(trials, nodes, settings.horizon)
    return Result(made, _lessons(made["demand_accuracy"], len(dates), settings))


def again(
    deals: pl.DataFrame,
    history: pl.DataFrame,
    past: Bookings,
    nodes: pl.DataFrame,
    when: tuple[int, int],
    *,
    config: Config[DemandSettings],
) -> Trial:
    """The forecasts of `when[1]` months from the first day of month `when[0]`, from what was known then."""
    (origin, ahead), settings = when, config.settings
    leaves = tuple(nodes.filter("is_leaf")["node_id"])
    random = (min(settings.draws, max(MOST // max(len(leaves), 1), LEAST)), config.seed)
    before, came = past.arrays(leaves, origin)[1], past.arrays(leaves, origin + ahead)[1][:, -ahead:]
    means = {"last_year": baselines.naive(before, ahead)}
    if past.source != "deals":
        return Trial(
            nodes, None, extrapolate.simulate(past, nodes, Clock(origin, 1.0), ahead, *random), leaves, means, came
        )
    day = month_day(origin)
    known = rewind(deals, origin, stated_amounts(history, day, config))
    model = PipelineModel.learn(known, day, settings, config.company, {})
    pipeline = model.paths(known, ahead, *random)
    means |= baselines.by_people(known, history, when, leaves, config.company)
    by_history = extrapolate.simulate(past, model.nodes, model.clock, ahead, *random)
    return Trial(model.nodes, pipeline, by_history, leaves, means, came)


def judge(trials: list[Trial], nodes: pl.DataFrame, horizons: int) -> dict[str, pl.DataFrame]:
    """The tables of the back-test from its trials."""
    sources = [_sources(trial, nodes) for trial in trials]
    has_pipeline = trials[0].pipeline is not None
    learned = [_learned(sources, place, horizons, has_pipeline) for place in (*range(len(trials)), None)]
    first = [_rows(trial.combined(learned[place]), trial, nodes) for place, trial in enumerate(trials)]
    set_wide = [
        combine.widths(pl.concat(_others(first, place)), learned[place]) if len(first) > 1 else learned[place]
        for place in range(len(trials))
    ]
    rows = [_rows(trial.combined(set_wide[place]), trial, nodes) for place, trial in enumerate(trials)]
    final = combine.widths(pl.concat(first), learned[-1])
    accuracy = conform("demand_accuracy", pl.concat(rows).sort("origin", "period_start", "node_id"))
    methods = pl.concat([_by_method(trial, nodes, said) for trial, said in zip(trials, rows, strict=True)])
    key = ["origin", "node_id", "horizon"]
    said = pl.concat(sources).join(pl.concat(rows).select(*key, combined="mean"), on=key)
    return {
        "demand_accuracy": accuracy,
        "method_accuracy": conform("method_accuracy", methods.sort("method", "origin", "period_start", "node_id")),
        "demand_weights": combine.table(final, said),
    }


def _others(frames: list[pl.DataFrame], place: int | None) -> list[pl.DataFrame]:
    return [frame for number, frame in enumerate(frames) if number != place]


def _learned(sources: list[pl.DataFrame], without: int | None, horizons: int, has_pipeline: bool) -> Weights:
    """Weights from all dates but one."""
    if not has_pipeline:
        return Weights.plain(horizons, 0.0)
    left = _others(sources, without)
    return combine.learn(pl.concat(left) if left else sources[0].clear(), horizons)


def _sources(trial: Trial, nodes: pl.DataFrame) -> pl.DataFrame:
    """What pipeline and history said and what came: `origin, node_id, level, horizon, pipeline, history, actual`."""
    rows = _rows(trial.history, trial, nodes).rename({"mean": "history"})
    if trial.pipeline is None:
        return rows.select("origin", "node_id", "level", "horizon", "history", "actual", pipeline="history")
    return rows.with_columns(pipeline=_rows(trial.pipeline, trial, nodes)["mean"]).select(
        "origin", "node_id", "level", "horizon", "history", "actual", "pipeline"
    )


def _rows(paths: Paths, trial: Trial, nodes: pl.DataFrame) -> pl.DataFrame:
    """Rows of `demand_accuracy` with each node's level."""
    months = len(paths.months)
    below, model_below = members(nodes, trial.leaves), members(trial.nodes, paths.leaves)
    forecast = paths.amount.sum(axis=1)
    frames = []
    for node_id, level in nodes.filter(pl.col("level").is_in(LEVELS)).select("node_id", "level").iter_rows():
        places = model_below.get(node_id, np.zeros(0, dtype=np.int64))
        frames.append(
            pl.DataFrame(
                {
                    "origin": [month_day(trial.origin)] * months,
                    "period_start": [month_day(month) for month in paths.months],
                    "node_id": [node_id] * months,
                    "level": [level] * months,
                    "horizon": list(range(1, months + 1)),
                    **quantiles(forecast[places].sum(axis=0)),
                    "baseline": trial.means["last_year"][below[node_id]].sum(axis=0),
                    "actual": trial.came[below[node_id]].sum(axis=0),
                }
            )
        )
    return pl.concat(frames)


def _by_method(trial: Trial, nodes: pl.DataFrame, combined: pl.DataFrame) -> pl.DataFrame:
    """Rows of `method_accuracy` of one date."""
    with_draws = {"combined": combined, "history": _rows(trial.history, trial, nodes)}
    if trial.pipeline is not None:
        with_draws["pipeline"] = _rows(trial.pipeline, trial, nodes)
    below = members(nodes, trial.leaves)
    frames = [rows.with_columns(method=pl.lit(name)) for name, rows in with_draws.items()]
    for name, means in trial.means.items():
        said = [means[below[node_id]].sum(axis=0) for node_id in combined["node_id"].unique(maintain_order=True)]
        unknown = [pl.lit(None, pl.Float64).alias(column) for column in ("q10", "q50", "q90")]
        frames.append(
            combined.with_columns(method=pl.lit(name), mean=pl.Series(np.concatenate(said))).with_columns(unknown)
        )
    columns = [column for column in frames[0].columns if column != "baseline"]
    return pl.concat([frame.select(columns) for frame in frames])


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
    if mine > CLEARLY * theirs:
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
