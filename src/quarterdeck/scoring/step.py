"""The step `scoring.score`: open deals with odds, fit, engagement, a grade and three reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import snapshots
from quarterdeck.scoring.features import ENGAGEMENT, GROUPS, filled_at_closing, known_at, left_out, useful
from quarterdeck.scoring.reasons import effects, reasons, usual
from quarterdeck.scoring.scorer import LeadScorer
from quarterdeck.scoring.settings import ScoringSettings

Array = NDArray[np.float64]
LETTERS = ("C", "B", "A")


@dataclass(frozen=True)
class Lesson:
    """What past deals teach: the fitted scorer and the columns that it uses."""

    scorer: LeadScorer
    columns: list[str]
    moments: int


def score(tables: Tables, config: Config[ScoringSettings]) -> Result:
    """Writes `scores`, a row an open deal. `score` is the rank of its odds among the open deals, 0 to 100."""
    deals = tables["opportunities"]
    current = deals.filter(pl.col("status") == "open").sort("id")
    closed = deals.filter((pl.col("status") != "open") & pl.col("closed_at").is_not_null())
    findings = _missing(tables, current)
    if current.is_empty():
        return Result({"scores": empty("scores")}, findings)
    lesson = learn(tables, config)
    findings += _verdict(lesson, closed.height, config.settings)
    moments = current.select("id", at=pl.lit(config.as_of).cast(pl.Datetime("us")))
    known = known_at(moments, tables, config.settings.recent_days)
    features = known.select(lesson.columns)
    odds = lesson.scorer.predict_proba(features)[:, 1]
    fit = rank(_without(lesson.scorer, features, ENGAGEMENT))
    engagement = rank(_without(lesson.scorer, features, tuple(group for group in GROUPS if group not in ENGAGEMENT)))
    table = pl.DataFrame(
        {
            "subject": ["opportunity"] * current.height,
            "subject_id": current["id"],
            "fit": fit,
            "engagement": engagement,
            "probability": np.round(odds, 6),
            "score": rank(odds),
            "grade": grades(fit, engagement),
            "reasons": reasons(effects(lesson.scorer, features), known),
            "model": [lesson.scorer.chosen_] * current.height,
        }
    )
    return Result({"scores": conform("scores", table)}, findings)


def learn(tables: Tables, config: Config[ScoringSettings]) -> Lesson:
    """Learns from moments of past deals; which model, by moments after a cut from which nothing was learned."""
    settings, deals = config.settings, tables["opportunities"]
    life = snapshots.life_days(deals)
    start = snapshots.observed_from(deals, config.as_of)
    edge = snapshots.cut(start, config.as_of)
    every = settings.snapshot_days
    take = snapshots.take(deals, config.as_of, every, settings.max_snapshots, config.seed)
    before = snapshots.labelled(snapshots.take(deals, edge, every, settings.max_snapshots, config.seed), life)
    after = snapshots.labelled(take.filter(pl.col("at") >= edge), life)
    every_moment = snapshots.labelled(take, life)
    closed = deals.filter(pl.col("status") != "open").height
    model = settings.model if closed >= settings.min_closed else "base"
    features = known_at(every_moment, tables, settings.recent_days)
    late = left_out(filled_at_closing(deals))
    columns = [name for name in useful(features) if name not in late] if model != "base" else []
    columns = ["age_days", *(name for name in columns if name != "age_days")]
    scorer = LeadScorer(model=model, base="age_days", random_state=config.seed)
    frames = [known_at(part, tables, settings.recent_days).select(columns) for part in (before, after)]
    chooser = LeadScorer(model=model, base="age_days", random_state=config.seed)
    test = (frames[1], after["won"].to_numpy(), after["weight"].to_numpy())
    chooser.fit(frames[0], before["won"].to_numpy(), before["weight"].to_numpy(), test=test)
    scorer.adopt(chooser, features.select(columns), every_moment["won"].to_numpy(), every_moment["weight"].to_numpy())
    return Lesson(scorer, columns, every_moment.height)


def _without(scorer: LeadScorer, features: pl.DataFrame, groups: tuple[str, ...]) -> Array:
    """Odds with these groups at their reference: what the others alone say."""
    columns = [name for group in groups for name in GROUPS[group] if name in features.columns]
    odds: Array = scorer.predict_proba(usual(scorer, features, columns) if columns else features)[:, 1]
    return odds


def rank(values: Array) -> Array:
    """Place among all from 0 to 100; equals share the middle of theirs, and all equal is 50.

    >>> rank(np.array([0.1, 0.9, 0.5, 0.5]))
    array([ 12.5,  87.5,  50. ,  50. ])
    """
    rounded = np.round(values, 9)
    ordered = np.sort(rounded)
    below, upto = np.searchsorted(ordered, rounded, "left"), np.searchsorted(ordered, rounded, "right")
    return np.asarray(100 * (below + upto) / 2 / max(len(values), 1), dtype=np.float64)


def grades(fit: Array, engagement: Array) -> list[str]:
    """A1 to C3: a letter a third of fit, a number a third of engagement (1 is the liveliest).

    >>> grades(np.array([90.0, 40.0]), np.array([10.0, 80.0]))
    ['A3', 'B1']
    """
    thirds = [np.minimum((values / (100 / 3)).astype(np.int64), 2) for values in (fit, engagement)]
    return [f"{LETTERS[letter]}{3 - number}" for letter, number in zip(*thirds, strict=True)]


def _missing(tables: Tables, current: pl.DataFrame) -> list[Finding]:
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
    late = filled_at_closing(tables["opportunities"])
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
