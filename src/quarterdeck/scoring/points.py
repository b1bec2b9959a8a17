"""Points for engagement as a pure function of the log of what people did: the same for every past moment.

An entry's given points depend on earlier entries alone (how often its rule counted, what the day already gave). At a
moment each earlier entry is worth its given points, halved with every half-life and nothing after its expiry; then all
entries of a rule shrink alike to the rule's cap, and all of a group to the group's limit. The total is the sum of what
the entries are worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from quarterdeck.scoring.points_settings import PointRule

LOG = {"subject_id": pl.String(), "rule": pl.String(), "at": pl.Datetime("us"), "key": pl.String()}
"""Columns of a log: whose entry, by which rule, when, and what tells it from others of that moment."""


def give(log: pl.DataFrame, rules: Sequence[PointRule], timezone: str = "UTC") -> pl.DataFrame:
    """The log with `given` points, rule by rule; entries that count no more are left out.

    Days and periods begin at midnight in the time zone; periods are counted from 1970-01-01.
    """
    # Numbers are sorted and grouped faster than names.
    log = log.with_columns(who=pl.col("subject_id").cast(pl.Categorical).to_physical())
    by_rule = log.partition_by("rule", as_dict=True)
    parts = [_give(by_rule[rule.name,], rule, timezone) for rule in rules if (rule.name,) in by_rule]
    nothing = pl.DataFrame(schema={**LOG, "given": pl.Float64()})
    return pl.concat([nothing, *(part.select(nothing.columns) for part in parts)])


def _give(log: pl.DataFrame, rule: PointRule, timezone: str) -> pl.DataFrame:
    if not rule.points:
        return log.clear().with_columns(given=pl.lit(0.0))
    if rule.times is None and rule.cap_day is None:
        return log.with_columns(given=pl.lit(float(rule.points)))
    local = pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.date()
    log = log.with_columns(day=local.cast(pl.Int32)).sort("who", "at", "key")
    if rule.times is not None:
        period = pl.col("day") // rule.per_days if rule.per_days else pl.lit(0, dtype=pl.Int32)
        log = log.with_columns(period=period)
        log = log.filter(pl.int_range(pl.len()).over("who", "period") < rule.times)
    if rule.cap_day is None:
        return log.with_columns(given=pl.lit(float(rule.points)))
    size, cap = abs(rule.points), rule.cap_day
    upto = (pl.int_range(1, pl.len() + 1).over("who", "day") * size).clip(upper_bound=cap)
    before = (pl.int_range(pl.len()).over("who", "day") * size).clip(upper_bound=cap)
    log = log.with_columns(given=(upto - before) * (1.0 if rule.points > 0 else -1.0))
    return log.filter(pl.col("given") != 0)


def worth(
    given: pl.DataFrame,
    moment: datetime | pl.Expr,
    rules: Sequence[PointRule],
    *,
    half_life_days: float = 30.0,
    groups: Mapping[str, float] | None = None,
    by: str = "subject_id",
) -> pl.DataFrame:
    """Entries before the moment with `points`, what each is worth then.

    `moment` is an instant or an expression of one for each row; caps and limits are of all rows of one `by`.
    """
    at = pl.lit(moment, dtype=pl.Datetime("us")) if isinstance(moment, datetime) else moment
    lives = {rule.name: _life(rule, half_life_days) for rule in rules}
    ends = {rule.name: rule.expires_days if rule.expires_days else float("inf") for rule in rules}
    age = (at - pl.col("at")).dt.total_microseconds() / 86_400_000_000
    entries = given.filter(pl.col("at") < at).with_columns(age=age)
    entries = entries.filter(pl.col("age") < _of_rule(ends))
    entries = entries.with_columns(points=pl.col("given") * (pl.lit(0.5) ** (pl.col("age") / _of_rule(lives))))
    caps = {rule.name: rule.cap for rule in rules if rule.cap is not None}
    entries = _limit(entries, by, "rule", caps)
    members = {rule.name: rule.group for rule in rules if rule.group}
    if groups and members:
        group = pl.col("rule").replace_strict(members, default=None, return_dtype=pl.String)
        entries = _limit(entries.with_columns(group=group), by, "group", dict(groups)).drop("group")
    return entries.drop("age")


def _life(rule: PointRule, usual: float) -> float:
    if rule.keeps or rule.looks_at in ("lead", "contact", "account"):
        return rule.half_life_days or float("inf")
    return rule.half_life_days or usual


def _of_rule(values: Mapping[str, float]) -> pl.Expr:
    return pl.col("rule").replace_strict(dict(values), default=float("inf"), return_dtype=pl.Float64)


def _limit(entries: pl.DataFrame, by: str, member: str, limits: Mapping[str, float]) -> pl.DataFrame:
    """Shrinks the entries of a rule or group whose sum, in either direction, is over its limit."""
    if not limits:
        return entries
    limit = pl.col(member).replace_strict(dict(limits), default=None, return_dtype=pl.Float64)
    sums = entries.filter(limit.is_not_null()).group_by(by, member).agg(total=pl.col("points").sum().abs())
    over = sums.with_columns(factor=limit / pl.col("total")).filter(pl.col("factor") < 1).drop("total")
    if over.is_empty():
        return entries
    return (
        entries.join(over, on=[by, member], how="left", maintain_order="left")
        .with_columns(points=pl.col("points") * pl.col("factor").fill_null(1.0))
        .drop("factor")
    )


def points_at(
    given: pl.DataFrame,
    moments: pl.DataFrame,
    rules: Sequence[PointRule],
    *,
    half_life_days: float = 30.0,
    groups: Mapping[str, float] | None = None,
) -> pl.DataFrame:
    """Totals at many moments: `row, points, events, last_at` for `row, subject_id, at`, from entries before `at` alone.

    Moments without an entry have 0 points, 0 events and no `last_at`; rows come in the order of `moments`.
    """
    asked = moments.select("row", "subject_id", moment="at")
    met = asked.join(given, on="subject_id", how="inner")
    entries = worth(met, pl.col("moment"), rules, half_life_days=half_life_days, groups=groups, by="row")
    totals = entries.group_by("row").agg(points=pl.col("points").sum(), events=pl.len(), last_at=pl.col("at").max())
    return (
        asked.select("row")
        .join(totals, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("points").fill_null(0.0), pl.col("events").cast(pl.Int64).fill_null(0))
    )


def together(people: pl.DataFrame, share: float) -> pl.DataFrame:
    """An account's points from its people's `subject_id, person, points`: adds each person's `part` of the total.

    The person with the most points counts whole, each next one by `share` of the one before: a second engaged person
    matters, a tenth hardly. Equal ones are taken in the order of their keys; whoever has fewer than no points counts
    whole.
    """
    ordered = people.sort("subject_id", "points", "person", descending=[False, True, False])
    rank = pl.int_range(pl.len()).over("subject_id")
    weight = pl.when(pl.col("points") > 0).then(pl.lit(share) ** rank).otherwise(1.0)
    return ordered.with_columns(weight=weight).with_columns(part=pl.col("points") * pl.col("weight"))
