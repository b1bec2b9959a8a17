"""What moved between states: flows between two dates, and funnels between any stages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import polars as pl

from quarterdeck.base.calendar import period_start
from quarterdeck.base.config import Company, instant
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.metric import TOTAL
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import Grain
from quarterdeck.metrics.states import deals, local, states

Counted = Literal["opportunities", "leads", "people", "invoices"]
_SAMPLE = 20_000


def flow(changes: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """What became of things between two instants: a row a state.

    `changes` has `id, at, state`: the state that a thing is in from an instant on, null when it is gone. Columns:
    opening and closing (things in the state at either end), started and ended (that were not there at the other end),
    gained and lost (that were in another state there), entered and left (every move within, also those taken back).
    opening + started + gained - ended - lost = closing, and opening + entered - left = closing.
    """
    ordered = changes.sort("at", maintain_order=True).filter(pl.col("at") < end)
    before = ordered.filter(pl.col("at") < start).group_by("id").agg(was=pl.col("state").last())
    after = ordered.group_by("id").agg(is_now=pl.col("state").last())
    both = before.join(after, on="id", how="full", coalesce=True)
    was, now = pl.col("was"), pl.col("is_now")
    moved = was.is_not_null() & now.is_not_null() & (was != now)
    steps = ordered.with_columns(past=pl.col("state").shift().over("id")).filter(pl.col("at") >= start)
    steps = steps.filter(pl.col("state").ne_missing(pl.col("past")))
    counts = {
        "opening": both.select(state="was"),
        "started": both.filter(was.is_null()).select(state="is_now"),
        "gained": both.filter(moved).select(state="is_now"),
        "ended": both.filter(now.is_null()).select(state="was"),
        "lost": both.filter(moved).select(state="was"),
        "entered": steps.select("state"),
        "left": steps.select(state="past"),
        "closing": both.select(state="is_now"),
    }
    parts = [frame.drop_nulls().with_columns(count=pl.lit(name)) for name, frame in counts.items()]
    rows = pl.concat(parts).group_by("state", "count").len()
    names = sorted(rows["state"].unique().to_list())
    found = pl.DataFrame({"state": names}, schema={"state": pl.String})
    for name in counts:
        part = rows.filter(pl.col("count") == name).select("state", pl.col("len").cast(pl.Int64).alias(name))
        found = found.join(part, on="state", how="left", maintain_order="left")
    return found.fill_null(0)


def flow_between(
    tables: Tables, start: date, end: date, counted: Counted = "opportunities", *, company: Company | None = None
) -> pl.DataFrame:
    """The flow of deals by stage, leads by progress, people by employment or invoices by payment, from a day to before
    another, as `flow` gives it."""
    company = company or Company()
    scope = Scope(tables, company, instant(end, company))
    known = ("opportunities", "leads", "people", "invoices")
    if counted not in known:
        raise QuarterdeckError(f"There are no states of {counted!r}; {did_you_mean(counted, known)}")
    return flow(_changes(scope, counted), instant(start, company), instant(end, company))


def _changes(scope: Scope, counted: Counted) -> pl.DataFrame:
    if counted == "opportunities":
        history = states(scope, deals(scope))
        state = pl.when(pl.col("outcome") == "open").then(pl.col("stage").fill_null("open")).otherwise("outcome")
        return history.select("id", "at", state=state)
    dated = {
        "leads": (("created_at", "new"), ("responded_at", "answered"), ("converted_at", "converted")),
        "people": (("hired_on", "here"), ("left_on", None)),
        "invoices": (("invoiced_at", "open"), ("due_on", "overdue"), ("paid_at", "paid")),
    }[counted]
    frame = scope.tables[counted]
    parts = [
        frame.select("id", at=pl.col(column).cast(pl.Datetime("us")), state=pl.lit(state, dtype=pl.String))
        for column, state in dated
    ]
    rows = pl.concat([part.with_columns(place=pl.lit(place)) for place, part in enumerate(parts)]).drop_nulls("at")
    if counted == "invoices":
        paid = frame.select("id", "paid_at").drop_nulls()
        rows = rows.join(paid, on="id", how="left").filter(
            (pl.col("state") != "overdue") | pl.col("paid_at").is_null() | (pl.col("at") < pl.col("paid_at"))
        )
    return rows.sort("at", "place").select("id", "at", "state")


def stage_order(history: pl.DataFrame) -> list[str]:
    """Stages in the order in which deals mostly go through them: each by how many others it mostly comes before."""
    first = history.filter((pl.col("outcome") == "open") & pl.col("stage").is_not_null())
    first = first.group_by("id", "stage").agg(at=pl.col("at").min()).sort("id", "stage")
    kept = first["id"].unique(maintain_order=True).head(_SAMPLE)
    first = first.filter(pl.col("id").is_in(kept.implode()))
    pairs = first.join(first, on="id", suffix="_other").filter(pl.col("stage") != pl.col("stage_other"))
    wins = pairs.group_by("stage", "stage_other").agg(earlier=(pl.col("at") < pl.col("at_other")).mean())
    score = wins.group_by("stage").agg(before=(pl.col("earlier") > 0.5).sum(), share=pl.col("earlier").mean())
    ranked = first.select("stage").unique().join(score, on="stage", how="left").fill_null(0)
    return ranked.sort("before", "share", "stage", descending=[True, True, False])["stage"].to_list()


def reached(history: pl.DataFrame, stages: list[str]) -> pl.DataFrame:
    """`id, place, stage, at`: when each deal first was in a stage or beyond it; a stage that was skipped was reached.

    The last place is the win.
    """
    places = {stage: place for place, stage in enumerate(stages)}
    place = pl.when(pl.col("outcome") == "won").then(len(stages)).when(pl.col("outcome") == "open")
    placed = history.with_columns(
        place=place.then(pl.col("stage").replace_strict(places, default=0, return_dtype=pl.Int64))
    )
    placed = placed.drop_nulls("place")
    ladder = pl.DataFrame(
        {"step": range(len(stages) + 1), "name": [*stages, "won"]}, schema_overrides={"step": pl.Int64}
    )
    # The first time at or beyond each place: the earliest of those at higher places too.
    best = placed.group_by("id", "place").agg(at=pl.col("at").min())
    wide = best.join(ladder, how="cross").filter(pl.col("step") <= pl.col("place"))
    return wide.group_by("id", place="step", stage="name").agg(at=pl.col("at").min()).sort("id", "place")


def funnel(
    tables: Tables,
    stages: tuple[str, ...] = (),
    *,
    by: str | None = None,
    grain: Grain = "all",
    view: Literal["cohort", "period"] = "cohort",
    company: Company | None = None,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """How far deals come: `period_start, dimension, member, place, stage, reached, advanced, rate, median_days`.

    `stages` are any stages in their order, by default all in the order in which deals mostly go through them; the win
    is the last. `reached` are deals that were in the stage or beyond it, `advanced` those of them that reached the
    next one, `median_days` what it took these. A `cohort` is the deals created in a period, a `period` counts deals
    when they reached the stage.
    """
    company = company or Company()
    if as_of is None:
        from quarterdeck.metrics.library import latest

        as_of = latest(tables)
    scope = Scope(tables, company, as_of)
    found = deals(scope, (by,) if by else ())
    history = states(scope, found)
    known = stage_order(history)
    for stage in stages:
        if stage not in known:
            raise QuarterdeckError(f"No deal was in stage {stage!r}; {did_you_mean(stage, known)}")
    return _funnel(scope, found, reached(history, list(stages) or known), by, grain, view)


def _funnel(
    scope: Scope, found: pl.DataFrame, steps: pl.DataFrame, by: str | None, grain: Grain, view: str
) -> pl.DataFrame:
    member = pl.col(by) if by else pl.lit(TOTAL)
    rows = steps.sort("id", "place").with_columns(following=pl.col("at").shift(-1).over("id"))
    rows = rows.join(found.select("id", "created_at", member=member), on="id")
    rows = rows.with_columns(day=local(scope, "created_at" if view == "cohort" else "at"))
    starts = {
        day: rows["day"].min() if grain == "all" else period_start(day, grain, scope.company)
        for day in rows["day"].unique()
    }
    period = pl.col("day").replace_strict(starts, return_dtype=pl.Date) if starts else pl.col("day")
    seconds = (pl.col("following") - pl.col("at")).dt.total_seconds()
    sums = rows.group_by(period.alias("period_start"), "member", "place", "stage").agg(
        reached=pl.len().cast(pl.Int64),
        advanced=pl.col("following").is_not_null().sum().cast(pl.Int64),
        median_days=(seconds / 86_400).median(),
    )
    return sums.sort("period_start", "member", "place").select(
        "period_start",
        pl.lit(by or TOTAL).alias("dimension"),
        "member",
        "place",
        "stage",
        "reached",
        "advanced",
        (pl.col("advanced") / pl.col("reached")).alias("rate"),
        "median_days",
    )


def lines(scope: Scope, dimensions: tuple[str, ...], grains: tuple[Grain, ...]) -> pl.DataFrame:
    """The table `funnel_lines`: funnels over all stages by cohort and by period, for the total and the members."""
    found = deals(scope, dimensions)
    history = states(scope, found)
    steps = reached(history, stage_order(history))
    parts = []
    for view in ("cohort", "period"):
        for grain in grains:
            for by in (None, *dimensions):
                part = _funnel(scope, found, steps, by, grain, view)
                parts.append(part.with_columns(view=pl.lit(view), grain=pl.lit(grain)))
    return pl.concat(parts)
