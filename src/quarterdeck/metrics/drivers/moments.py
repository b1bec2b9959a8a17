"""Deals at moments of their lives: the rows of the model, and how each period ended.

The first moment lies where a deal's beginning is over, the others whole periods later, as long as the deal is open. A
period that is not over yet at as_of tells nothing and is left out, also where the deal has closed in it already: else
the newest rows would hold those that close fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import polars as pl

from quarterdeck.base.draws import generator
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers.settings import DriverSettings
from quarterdeck.metrics.drivers.trail import Floats, Ints, Trail, seconds, select

GOING_ON, WON, LOST = 0, 1, 2
MOST_PERIODS = 26
NEVER = 1 << 34
_NEEDED = ("id", "account_id", "lead_id", "owner_id", "product_id", "kind", "status", "created_at", "closed_at")


@dataclass(frozen=True)
class Moments:
    """Rows of the model.

    `deals` has a row a deal that is looked at, of `population` there are; `deal` numbers them, `at` is the moment and
    `created` the deal's creation (seconds), `age` the number of the period, `end` how the deal left the period and
    `moved` whether it had gone on to a later stage (or was won) by the period's end.
    """

    deals: pl.DataFrame
    population: int
    deal: Ints
    at: Ints
    created: Ints
    age: Ints
    end: Ints
    moved: Ints
    stage: Ints
    stages: tuple[str, ...]
    until: datetime


def every_deal(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """All dated deals known at as_of; a close that lies before the creation, or has no day, is left out."""
    deals: pl.DataFrame = tables.relation("opportunities").select(*_NEEDED).to_polars()
    closed = (pl.col("status") != "open") & (pl.col("closed_at") < as_of)
    deals = deals.with_columns(
        status=pl.when(closed).then("status").otherwise(pl.lit("open")),
        closed_at=pl.when(closed).then("closed_at"),
        is_undated=(pl.col("status") != "open") & pl.col("closed_at").is_null(),
    )
    kept = deals.filter(
        (pl.col("created_at") < as_of)
        & (pl.col("closed_at").is_null() | (pl.col("closed_at") >= pl.col("created_at")))
        & ~pl.col("is_undated")
    )
    return kept.drop("is_undated").sort("created_at", "id")


def drawn(deals: pl.DataFrame, settings: DriverSettings, as_of: datetime, seed: int) -> pl.DataFrame:
    """The deals to look at: those that lived through their beginning and a period, all or so many drawn at random."""
    beginning = pl.duration(days=settings.first_days)
    whole = pl.duration(days=settings.first_days + settings.period_days)
    lived = deals.filter(
        (pl.col("created_at") + whole <= as_of)
        & (pl.col("closed_at").is_null() | (pl.col("closed_at") >= pl.col("created_at") + beginning))
    )
    if lived.height <= settings.max_deals:
        return lived.with_columns(population=pl.lit(lived.height))
    chosen = generator(seed, "metrics.drivers").choice(lived.height, settings.max_deals, replace=False)
    return lived[np.sort(chosen)].with_columns(population=pl.lit(lived.height))


def take(deals: pl.DataFrame, history: pl.DataFrame, settings: DriverSettings, as_of: datetime) -> Moments:
    """The moments of drawn deals. `history` holds their changes: `deal` (its number), `changed_at`, `stage`."""
    created, limit = seconds(deals["created_at"]), int(seconds(pl.Series([as_of]))[0])
    closed = np.where(
        deals["closed_at"].is_null().to_numpy(),
        NEVER,
        seconds(deals["closed_at"].fill_null(as_of)),
    )
    begin, step = created + settings.first_days * 86_400, settings.period_days * 86_400
    last = np.minimum(limit - step - begin, closed - begin - 1) // step
    count = np.clip(last + 1, 0, MOST_PERIODS)
    deal = np.repeat(np.arange(deals.height), count)
    age = np.arange(len(deal)) - np.repeat(np.cumsum(count) - count, count)
    at = begin[deal] + age * step
    won = (deals["status"] == "won").to_numpy()[deal]
    ends = closed[deal] <= at + step
    end = np.where(ends, np.where(won, WON, LOST), GOING_ON)
    stages, rank = _ranked(history)
    trail = Trail(history["deal"].to_numpy().astype(np.int64), seconds(history["changed_at"]))
    rank = rank[trail.order]
    stage = select(rank, trail.last(deal, at), -1).astype(np.int64)
    until = np.minimum(at + step, np.minimum(closed[deal], limit))
    later = select(rank, trail.last(deal, until), -1).astype(np.int64)
    moved = np.where(end == LOST, LOST, np.where((end == WON) | ((later > stage) & (stage >= 0)), WON, GOING_ON))
    population = int(deals["population"][0]) if deals.height else 0
    return Moments(deals, population, deal, at, created[deal], age, end, moved, stage, stages, as_of)


def _ranked(history: pl.DataFrame) -> tuple[tuple[str, ...], Ints]:
    """Stages in the order in which deals come to them, and each change's place in it (-1 for none)."""
    first = history.drop_nulls("stage").group_by("deal", "stage").agg(pl.col("changed_at").min())
    place = first.with_columns(place=pl.col("changed_at").rank("dense").over("deal"))
    order = place.group_by("stage").agg(pl.col("place").mean(), n=pl.len()).sort("place", "stage")
    stages = tuple(order["stage"].to_list())
    rank = history["stage"].replace_strict(stages, range(len(stages)), default=-1, return_dtype=pl.Int64)
    return stages, rank.fill_null(-1).to_numpy().astype(np.int64)


def age_columns(age: Ints) -> Floats:
    """Columns for the age: early periods by themselves, later ones in groups; period 0 is held against them."""
    edges = (1, 2, 3, 4, 6, 9, 13, MOST_PERIODS + 1)
    return np.stack([(age >= low) & (age < high) for low, high in pairwise(edges)], axis=1).astype(np.float64)
