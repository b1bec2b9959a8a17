"""Points of rules learned from what leads did in their first days and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.points import give
from quarterdeck.scoring.points_log import Entries
from quarterdeck.scoring.points_settings import EngagementSettings, PointRule
from quarterdeck.scoring.profile import FACTOR, evidence

LEAST = 40
"""Converted, and not converted, leads below which nothing is learned."""
SHRINKAGE = 20.0
MOST = 40.0


def learned(
    tables: Tables, rules: Sequence[PointRule], log: Entries, config: Config[EngagementSettings]
) -> tuple[PointRule, ...] | None:
    """The rules with learned points; None where there are too few outcomes. Rules that nobody met keep theirs.

    A rule's points tell how much the odds to convert of leads that met it in their first days differ from those of
    leads that did not (weight of evidence, shrunk; 20 points double the odds), divided by how often such a lead met it.
    Leads that were converted within their first days teach nothing: of them one cannot say what came first.
    """
    first = timedelta(days=config.settings.learn_days)
    until = pl.col("created_at") + first
    is_won = pl.col("converted_at").is_not_null() | (pl.col("status") == "converted")
    leads = tables["leads"].filter(
        pl.col("created_at").is_not_null()
        & (is_won | (pl.col("status") == "unqualified"))
        & (pl.col("converted_at").is_null() | (pl.col("converted_at") >= until))
    )
    leads = leads.select(subject_id="id", begun="created_at", ended=until, won=is_won.cast(pl.Float64))
    won = leads["won"].to_numpy()
    hits = float(won.sum())
    if min(hits, len(won) - hits) < LEAST:
        return None
    once = [rule.model_copy(update={"points": 1.0, "cap_day": None}) for rule in rules]
    early = log.of("lead").join(leads, on="subject_id", how="inner")
    early = early.filter((pl.col("at") >= pl.col("begun")) & (pl.col("at") < pl.col("ended")))
    given = give(early, once, config.company.timezone)
    met = given.group_by("rule", "subject_id").agg(times=pl.len()).join(leads, on="subject_id")
    counts = met.group_by("rule").agg(n=pl.len(), won=pl.col("won").sum(), times=pl.col("times").mean())
    found = {row["rule"]: row for row in counts.iter_rows(named=True)}
    return tuple(_taught(rule, found.get(rule.name), hits, len(won)) for rule in rules)


def _taught(rule: PointRule, met: dict[str, float] | None, hits: float, leads: int) -> PointRule:
    """The rule with points for the odds of those who met it against those who did not."""
    if met is None or met["n"] < LEAST or met["n"] > leads - LEAST:
        return rule
    won = np.array([met["won"], hits - met["won"]])
    lost = np.array([met["n"] - met["won"], leads - met["n"] - hits + met["won"]])
    yes, no = evidence(won, lost, hits / leads, SHRINKAGE)
    points = float(np.clip(FACTOR * (yes - no) / met["times"], -MOST, MOST))
    return rule.model_copy(update={"points": round(points, 1)})
