"""What a scenario would pay: the plan's own rules on a person's part of the bookings in many futures, then the mean.

The mean of the pay is not the pay of the mean: with an accelerator, good months cost more than bad months save.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from quarterdeck.base import draws as futures
from quarterdeck.base.calendar import period_start
from quarterdeck.base.config import Company
from quarterdeck.base.money import scale
from quarterdeck.execute.commission.earnings import pay
from quarterdeck.execute.commission.plan import Plan

BOOKED = "booked before"
MARK = "\x1f"


@dataclass(frozen=True)
class Horizon:
    """The plan, its months and the draws on which it is evaluated."""

    plan: Plan
    months: tuple[date, ...]
    draws: tuple[int, ...]
    company: Company


def expected(
    horizon: Horizon, draws: pl.DataFrame, nodes: pl.DataFrame, quotas: pl.DataFrame, deals: pl.DataFrame
) -> pl.DataFrame:
    """Mean pay by person, month and rule, in the columns of `pay`; each person has the quota's part of the region's
    bookings in each draw, on top of what the person closed in the plan period before."""
    facts = _facts(horizon, draws, nodes, quotas)
    if facts.is_empty():
        return pay(horizon.plan, facts, quotas, horizon.company)
    number = pl.DataFrame({"draw": [str(draw) for draw in horizon.draws]})
    before = _before(horizon, deals).join(number, how="cross").select(_copy(), "closed_on", "amount", "count")
    copies = quotas.join(number, how="cross").select(_copy(), "period_start", "amount")
    every = pl.concat([facts, before.with_columns(opportunity_id=pl.lit(BOOKED)).select(facts.columns)])
    lines = pay(horizon.plan, every, copies, horizon.company).filter(
        (pl.col("opportunity_id") != BOOKED).fill_null(True) & (pl.col("period_start") >= horizon.months[0])
    )
    return _mean(lines, horizon)


def _copy() -> pl.Expr:
    """A person in a draw, as a person of its own."""
    return pl.concat_str("person_id", pl.lit(MARK), "draw").alias("person_id")


def _before(horizon: Horizon, deals: pl.DataFrame) -> pl.DataFrame:
    """What each person closed in the plan period in which the horizon begins."""
    since = period_start(horizon.months[0], horizon.plan.period, horizon.company)
    return (
        deals.filter(pl.col("closed_on") >= since)
        .group_by("person_id")
        .agg(closed_on=pl.lit(since), amount=pl.col("amount").sum(), count=pl.len().cast(pl.Int64))
        .sort("person_id")
    )


def _facts(horizon: Horizon, draws: pl.DataFrame, nodes: pl.DataFrame, quotas: pl.DataFrame) -> pl.DataFrame:
    """Bookings of each person in each month and draw, as one fact with its number of deals."""
    held = quotas.filter(pl.col("period_start").is_in(list(horizon.months)))
    regional = draws.join(nodes.select("node_id", "region"), on="node_id", how="left").filter(
        pl.col("period_start").is_in(list(horizon.months))
    )
    staffed = held.select("period_start", "region", is_staffed=pl.lit(True)).drop_nulls("region").unique()
    regional = regional.join(staffed, on=["period_start", "region"], how="left")
    # What no seller's region brings is everyone's.
    regional = regional.with_columns(pool=pl.when("is_staffed").then("region"))
    frames = []
    for (month, pool), part in regional.group_by("period_start", "pool", maintain_order=True):
        team = held.filter(pl.col("period_start") == month)
        team = team if pool is None else team.filter(pl.col("region") == pool)
        total = team["amount"].sum()
        if not team.height or total <= 0:
            continue
        share = (team["amount"] / total).to_numpy()[:, None]
        amount = futures.matrix(part["amount"])[:, horizon.draws].sum(axis=0, dtype=np.float64)
        count = futures.matrix(part["quantity"])[:, horizon.draws].sum(axis=0, dtype=np.float64)
        frames.append(_spread(team["person_id"], month, (share * amount, share * count), horizon))
    if not frames:
        return _empty()
    return (
        pl.concat(frames)
        .group_by("person_id", "closed_on")
        .agg(
            amount=(pl.col("amount").sum() * scale(horizon.company.currency)).round().cast(pl.Int64),
            count=pl.col("count").sum().round().clip(lower_bound=1).cast(pl.Int64),
        )
        .with_columns(opportunity_id=pl.lit(None, dtype=pl.String))
        .sort("person_id", "closed_on")
    )


def _empty() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"person_id": pl.String, "closed_on": pl.Date, "amount": pl.Int64, "count": pl.Int64,
                "opportunity_id": pl.String}
    )  # fmt: skip


def _spread(people: pl.Series, month: object, values: tuple[np.ndarray, np.ndarray], horizon: Horizon) -> pl.DataFrame:
    size = len(horizon.draws)
    keys = [f"{person}{MARK}{draw}" for person in people for draw in horizon.draws]
    return pl.DataFrame(
        {
            "person_id": keys,
            "closed_on": pl.Series([month], dtype=pl.Date).new_from_index(0, len(people) * size),
            "amount": values[0].ravel(),
            "count": values[1].ravel(),
        }
    )


def _mean(lines: pl.DataFrame, horizon: Horizon) -> pl.DataFrame:
    """The mean over the draws, by person, month and rule."""
    size, unit = len(horizon.draws), scale(horizon.company.currency)
    per_draw = (
        lines.with_columns(pl.col("person_id").str.split(MARK))
        .with_columns(person=pl.col("person_id").list.get(0), draw=pl.col("person_id").list.get(1))
        .group_by("person", "period_start", "plan", "rule", "draw")
        .agg(pl.col("base", "amount").sum())
    )
    found = per_draw.group_by("person", "period_start", "plan", "rule").agg(
        base=(pl.col("base").sum() / size).round().cast(pl.Int64),
        amount=(pl.col("amount").sum() / size).round().cast(pl.Int64),
        low=pl.col("amount").quantile(0.1) / unit,
        high=pl.col("amount").quantile(0.9) / unit,
    )
    money = [pl.col(name).round(0).cast(pl.Int64).cast(pl.String) for name in ("low", "high")]
    return found.sort("person", "period_start", "rule").select(
        id=pl.concat_str("person", pl.col("period_start").dt.to_string("%Y-%m"), "rule", separator="|"),
        person_id="person",
        period_start="period_start",
        plan="plan",
        rule="rule",
        opportunity_id=pl.lit(None, dtype=pl.String),
        base="base",
        rate=pl.when(pl.col("base") != 0).then(pl.col("amount") / pl.col("base")).otherwise(0.0).round(6),
        amount="amount",
        reason=pl.format(
            "Mean of {} futures, in most between {} and {} {}: the person's part of the bookings, by quota.",
            pl.lit(size),
            *money,
            pl.lit(horizon.company.currency),
        ),
    )
