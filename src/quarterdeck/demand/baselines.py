"""Forecasts that people make without a model, as they would have made them at an earlier date.

* last_year: the same month of the year before, else the mean of the last three months.
* stage_weighted: open deals at their amount times the odds of their stage, in the month in which their owners expect
  them.
* owner_commit: open deals that their owners have in the category commit, at their whole amount, in that month.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base import money
from quarterdeck.base.config import Company, instant
from quarterdeck.demand.deals import month_day

Array = NDArray[np.float64]
SEASON = 12
COMMIT = "commit"


def naive(past: Array, ahead: int) -> Array:
    """Last year's same months where a year is known, else the mean of the last three. Series along the last axis.

    >>> naive(np.array([[9.0, 1.0, 2.0, 3.0]]), 2)
    array([[2., 2.]])
    """
    if past.shape[1] > SEASON:
        return np.stack([past[:, past.shape[1] - SEASON + step % SEASON] for step in range(ahead)], axis=1)
    return np.repeat(past[:, -3:].mean(axis=1, keepdims=True), ahead, axis=1)


def said(history: pl.DataFrame, day: date, company: Company) -> pl.DataFrame:
    """What the records said of each deal on a day: `id, stage, amount` (major units)`, expected_close_on, category`.

    Each column holds its last value before the day.
    """
    before = history.filter(pl.col("changed_at") < instant(day, company)).sort("changed_at", "id")
    scale = {name: money.scale(name) for name in before["currency"].drop_nulls().unique()}
    unit = pl.col("currency").replace_strict(scale, default=money.scale(company.currency), return_dtype=pl.Int64)
    last = [pl.col(name).drop_nulls().last() for name in ("stage", "amount", "currency", "expected_close_on")] + [
        pl.col("forecast_category").drop_nulls().last().alias("category")
    ]
    return (
        before.group_by("opportunity_id", maintain_order=True)
        .agg(last)
        .select("stage", "expected_close_on", "category", id="opportunity_id", amount=pl.col("amount") / unit)
    )


def stage_odds(history: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    """Share won of the closed deals that were ever in a stage: `stage, odds`. `closed` has `id, status`."""
    seen = history.filter(pl.col("stage").is_not_null()).select("stage", id="opportunity_id").unique()
    return (
        seen.join(closed.select("id", won=pl.col("status") == "won"), on="id")
        .group_by("stage")
        .agg(odds=pl.col("won").mean())
    )


def by_people(
    known: pl.DataFrame, history: pl.DataFrame, when: tuple[int, int], leaves: tuple[str, ...], company: Company
) -> dict[str, Array]:
    """`stage_weighted` and `owner_commit` by leaf and month, arrays (leaves, months).

    `known` are the deals as they stood on the first day of month `when[0]`, for the `when[1]` months from it. A method
    whose inputs nobody recorded is missing.
    """
    origin, ahead = when
    day = month_day(origin)
    told = said(history, day, company)
    current = known.filter(pl.col("status") == "open").select("id", "node_id").join(told, on="id")
    placed = current.filter(pl.col("expected_close_on").is_not_null() & pl.col("amount").is_not_null())
    if placed.is_empty():
        return {}
    month = pl.col("expected_close_on").dt.year().cast(pl.Int64) * 12 + pl.col("expected_close_on").dt.month() - 1
    placed = placed.with_columns(step=(month - origin).clip(lower_bound=0))
    before = history.filter(pl.col("changed_at") < instant(day, company))
    odds = stage_odds(before, known.filter(pl.col("status") != "open"))
    found = {}
    weighted = placed.join(odds, on="stage", how="left").with_columns(
        value=pl.col("amount") * pl.col("odds").fill_null(0)
    )
    if odds.height and placed["stage"].null_count() < placed.height:
        found["stage_weighted"] = _spread(weighted, leaves, ahead)
    if (placed["category"] == COMMIT).any():
        committed = placed.filter(pl.col("category") == COMMIT).with_columns(value="amount")
        found["owner_commit"] = _spread(committed, leaves, ahead)
    return found


def _spread(deals: pl.DataFrame, leaves: tuple[str, ...], ahead: int) -> Array:
    values = np.zeros((len(leaves), ahead))
    place = {leaf: number for number, leaf in enumerate(leaves)}
    inside = deals.filter(pl.col("step") < ahead).group_by("node_id", "step").agg(pl.col("value").sum())
    for node_id, step, value in inside.iter_rows():
        values[place[node_id], step] = value
    return values
