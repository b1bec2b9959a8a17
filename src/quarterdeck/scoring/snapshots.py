"""Past deals as they stood at moments of their lives, with what became of them.

A deal that was won says little about open deals unless it is seen as it was while open. So each past deal is looked at
every few weeks of its life. Deals that are still open count too: leaving them out would make old deals look better
than they are. What is not known yet is made up for by weighting what is (inverse probability of censoring weights;
Robins and Rotnitzky 1992).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import generator

DAY = 86_400_000_000
MAX_WEIGHT = 10.0
LIFE_QUANTILE = 0.98
LEAST_FOLLOW = 30.0

Array = NDArray[np.float64]


def observed_from(deals: pl.DataFrame, as_of: datetime) -> datetime:
    """The day from which closings are observed; the earliest 0.5 % may be stray."""
    closed = deals.filter((pl.col("status") != "open") & (pl.col("closed_at") < as_of))["closed_at"].sort()
    if closed.is_empty():
        return as_of
    first: datetime = closed[int(0.005 * len(closed))]
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


def life_days(deals: pl.DataFrame) -> float:
    """Days within which nearly all deals that close have closed."""
    closed = deals.filter((pl.col("status") != "open") & pl.col("created_at").is_not_null())
    days = (closed["closed_at"] - closed["created_at"]).dt.total_days()
    found = days.quantile(LIFE_QUANTILE) if len(days) else None
    return max(float(found or 0.0), 30.0)


def take(deals: pl.DataFrame, as_of: datetime, every: int, limit: int, seed: int) -> pl.DataFrame:
    """Moments of the deals' lives before as_of: `id, at, won, is_closed, follow_days, age_days`.

    One moment falls in each stretch of `every` days of a life, at a place drawn for each deal; the newest `limit`.
    `won` and `is_closed` are as of as_of, `follow_days` the days from the moment to closing or as_of.
    """
    start = observed_from(deals, as_of)
    longest = 2 * life_days(deals)
    lives = deals.filter(
        (pl.col("created_at") < as_of) & (pl.col("closed_at").is_null() | (pl.col("closed_at") >= start))
    )
    lives = lives.sort("created_at", "id")
    closed = (pl.col("status") != "open") & (pl.col("closed_at") < as_of)
    offset = generator(seed, "scoring.snapshots").random(lives.height)
    lives = lives.select(
        "id",
        "created_at",
        is_closed=closed.fill_null(False),
        won=(closed & (pl.col("status") == "won")).fill_null(False),
        end=pl.when(closed).then("closed_at").otherwise(pl.lit(as_of).cast(pl.Datetime("us"))),
        offset=pl.Series(offset),
    )
    days = (pl.col("end") - pl.col("created_at")).dt.total_microseconds() / DAY
    rows = lives.with_columns(place=pl.int_ranges(0, (days.clip(0, longest) / every).floor().cast(pl.Int64) + 1))
    rows = rows.explode("place").with_columns(
        at=pl.col("created_at")
        + pl.duration(microseconds=((pl.col("place") + pl.col("offset")) * every * DAY).cast(pl.Int64))
    )
    rows = rows.filter((pl.col("at") < pl.col("end")) & (pl.col("at") >= start)).sort("at", "id")
    if rows.height > limit:
        rows = rows.sample(limit, seed=seed).sort("at", "id")
    follow = (pl.col("end") - pl.col("at")).dt.total_microseconds() / DAY
    age = (pl.col("at") - pl.col("created_at")).dt.total_microseconds() / DAY
    return rows.select("id", "at", "won", "is_closed", follow_days=follow, age_days=age)


def labelled(moments: pl.DataFrame, life: float) -> pl.DataFrame:
    """The moments of which the end is known, with `weight` standing for those of which it is not.

    A deal that did not close within a whole life of its opening, and for a month after the moment, counts as not won.
    """
    if moments.is_empty():
        return moments.with_columns(weight=pl.lit(1.0))
    needed = np.clip(life - moments["age_days"].to_numpy(), LEAST_FOLLOW, life)
    followed = moments["follow_days"].to_numpy()
    survival = _uncensored(followed, ~moments["is_closed"].to_numpy(), int(life) + 1)
    days = np.minimum(followed, needed).astype(np.int64)
    weight = np.minimum(1 / np.maximum(survival[days], 1e-9), MAX_WEIGHT)
    known = moments.with_columns(weight=pl.Series(weight), needed=pl.Series(needed))
    return known.filter(pl.col("is_closed") | (pl.col("follow_days") >= pl.col("needed"))).drop("needed")


def _uncensored(days: Array, censored: NDArray[np.bool_], horizon: int) -> Array:
    """Probability to be still followed at the start of each day 0 … horizon: Kaplan–Meier of the end of follow-up."""
    whole = np.minimum(days.astype(np.int64), horizon)
    at_risk = len(days) - np.concatenate([[0], np.cumsum(np.bincount(whole, minlength=horizon + 1))[:-1]])
    lost = np.bincount(whole[censored], minlength=horizon + 1)
    lost[horizon] = 0
    kept = 1 - lost / np.maximum(at_risk, 1)
    return np.concatenate([[1.0], np.cumprod(kept)[:-1]])


def cut(start: datetime, as_of: datetime, share: float = 0.6) -> datetime:
    """The moment that parts what is learned from what is foretold in the test."""
    return start + timedelta(seconds=(as_of - start).total_seconds() * share)
