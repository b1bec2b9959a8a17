"""The step `scoring.score`: open deals with odds, fit, engagement, a grade and three reasons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import clone

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import lead_scores, snapshots
from quarterdeck.scoring.features import (
    ENDING,
    FILLED_BY_PEOPLE,
    GROUPS,
    columns_of,
    filled_at_closing,
    known_at,
    left_out,
    useful,
)
from quarterdeck.scoring.rating import graded, rated
from quarterdeck.scoring.scorer import LeadScorer
from quarterdeck.scoring.settings import ScoringSettings


@dataclass(frozen=True)
class Moments:
    """Moments of past deals with what became of them: all, and those before and after the cut of the test."""

    every: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame


@dataclass(frozen=True)
class Lesson:
    """What past deals teach: the fitted scorer and the columns that it uses."""

    scorer: LeadScorer
    columns: list[str]


def score(tables: Tables, config: Config[ScoringSettings]) -> Result:
    """Writes `scores`, a row an open deal or lead. `score` is the rank of its odds among its like, 0 to 100."""
    parts, findings = [], []
    for scores, found in (score_deals(tables, config), lead_scores.score_leads(tables, config)):
        parts.append(scores)
        findings += found
    return Result({"scores": graded(pl.concat(parts), tables)}, findings)


def score_deals(tables: Tables, config: Config[ScoringSettings]) -> tuple[pl.DataFrame, list[Finding]]:
    """The open deals' rows of `scores`, and findings."""
    settings = config.settings
    deals = columns_of(tables, "opportunities", "id", "created_at", *ENDING, *FILLED_BY_PEOPLE)
    current = deals.filter(pl.col("status") == "open").sort("id").select("id", "created_at")
    closed = deals.filter((pl.col("status") != "open") & pl.col("closed_at").is_not_null()).height
    late = filled_at_closing(deals)
    findings = _missing(tables, current, late)
    if current.is_empty():
        return empty("scores"), findings
    model = settings.model if closed >= settings.min_closed else "base"
    moments = past(deals, config)
    del deals
    now = current.select("id", at=pl.lit(config.as_of).cast(pl.Datetime("us")))
    parts = [now, *(part.select("id", "at") for part in (moments.every, moments.before, moments.after))]
    known = known_at(pl.concat(parts), tables, settings.recent_days)
    lesson = learn(moments, known[now.height :], late, LeadScorer(model, base="age_days", random_state=config.seed))
    findings += _verdict(lesson, closed, settings)
    scorer, columns = lesson.scorer, lesson.columns
    return rated("opportunity", current["id"], scorer, columns, known[: now.height], GROUPS), findings


def past(deals: pl.DataFrame, config: Config[ScoringSettings]) -> Moments:
    """Moments to learn from, at most `max_snapshots` in each part, drawn before anything else about them is read."""
    every, limit = config.settings.snapshot_days, config.settings.max_snapshots
    life = snapshots.life_days(deals)
    edge = snapshots.cut(snapshots.observed_from(deals, config.as_of), config.as_of)
    take = snapshots.take(deals, config.as_of, every, limit, config.seed)
    before = snapshots.take(deals, edge, every, limit, config.seed)
    return Moments(
        every=snapshots.labelled(take, life),
        before=snapshots.labelled(before, life),
        after=snapshots.labelled(take.filter(pl.col("at") >= edge), life),
    )


def learn(moments: Moments, known: pl.DataFrame, late: list[str], scorer: LeadScorer) -> Lesson:
    """Learns from moments of past deals; which model, by moments after a cut from which nothing was learned.

    `known` are the features of every moment, then of those before and after the cut. `late` are columns of deals that
    are filled in at closing.
    """
    edges = np.cumsum([0, moments.every.height, moments.before.height, moments.after.height])
    features, before, after = (known[start:end] for start, end in pairwise(edges.tolist()))
    names = [name for name in useful(features) if name not in left_out(late)] if scorer.model != "base" else []
    columns = ["age_days", *(name for name in names if name != "age_days")]
    chooser = clone(scorer)
    test = (after.select(columns), moments.after["won"].to_numpy(), moments.after["weight"].to_numpy())
    won, weight = moments.before["won"].to_numpy(), moments.before["weight"].to_numpy()
    chooser.fit(before.select(columns), won, weight, test=test)
    won, weight = moments.every["won"].to_numpy(), moments.every["weight"].to_numpy()
    return Lesson(scorer.adopt(chooser, features.select(columns), won, weight), columns)


def _missing(tables: Tables, current: pl.DataFrame, late: list[str]) -> list[Finding]:
    gains: list[tuple[str, str]] = [
        ("activities", "how alive a deal is: its calls, emails and meetings, and how long it has been quiet"),
        ("opportunity_history", "the stage and the stated value of each deal as they changed"),
        ("accounts", "industry and size of the companies that buy"),
    ]
    found = [
        Finding(
            code="scoring.missing_input",
            severity="notice",
            message=f"The table {name} is empty; it would tell {gain}.",
            fix=f"Map a file or an export to the table {name}.",
            table=name,
        )
        for name, gain in gains
        if not tables.has(name)
    ]
    if late:
        found.append(
            Finding(
                code="scoring.filled_at_closing",
                severity="notice",
                message=f"{' and '.join(late)}: filled in at closing and so left out: it says nothing of open deals.",
                fix="Enter it when the deal is opened.",
                table="opportunities",
            )
        )
    undated = current["created_at"].null_count()
    if undated:
        found.append(
            Finding(
                code="scoring.undated_deals",
                severity="notice",
                message=f"{undated} open deals have no day of opening; they are scored as if opened today.",
                fix="Fill in the day on which work on each deal began.",
                table="opportunities",
                count=undated,
            )
        )
    return found


def _verdict(lesson: Lesson, closed: int, settings: ScoringSettings) -> list[Finding]:
    """How far the scores can be trusted: the test on later deals, or that there were too few."""
    report: dict[str, Any] = lesson.scorer.report_
    if closed < settings.min_closed:
        return [
            Finding(
                code="scoring.little_data",
                severity="warning",
                message=f"{closed} closed deals are too few to tell deals apart; each has the odds of its age.",
                fix=f"Load older deals; {settings.min_closed} closed ones are the least.",
                table="opportunities",
            )
        ]
    if not report:
        return []
    chosen = lesson.scorer.chosen_
    best = min((name for name in report if name != "base"), key=lambda name: report[name]["log_loss"], default="base")
    base, other = report["base"], report[best]
    figures = "; ".join(
        f"{title} {other[measure]:.3f} against {base[measure]:.3f}"
        for measure, title in (("auc", "AUC"), ("brier", "Brier score"), ("log_loss", "log loss"))
    )
    if chosen == "base":
        return [
            Finding(
                code="scoring.base_rate_only",
                severity="notice",
                message=f"{best} foretold later deals no better than their age alone ({figures}); scores follow age.",
                fix="Record activities, stages and stated values: they tell deals of one age apart.",
                table="opportunities",
            )
        ]
    return [
        Finding(
            code="scoring.model_report",
            severity="notice",
            message=f"Scores come from {chosen}; on later deals, against their age alone: {figures}.",
            fix="Nothing to mend: it says how far to trust the odds.",
            table="opportunities",
        )
    ]
