"""The step that says who is engaged: points and levels of leads, contacts, accounts and open deals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.points import give, together, worth
from quarterdeck.scoring.points_learning import learned
from quarterdeck.scoring.points_log import Entries, entries, of_open_deals, people_of_accounts
from quarterdeck.scoring.points_settings import EngagementSettings, PointRule, usual_rules
from quarterdeck.scoring.profile_step import share

SUBJECTS = ("lead", "contact", "account", "opportunity")
REASONS = 3


def engage(tables: Tables, config: Config[EngagementSettings]) -> Result:
    """Tables `engagement`, a row for everyone with an entry in the log, and `engagement_rules`, the rules in force."""
    rules = rules_in_force(config.settings)
    log = entries(tables, rules)
    taught = learned(tables, rules, log, config) if config.settings.learned else None
    rules = taught or rules
    parts = [_rows(subject, log_of(subject, log, tables, rules, config), config) for subject in SUBJECTS]
    return Result(
        {
            "engagement": conform("engagement", pl.concat([empty("engagement"), *parts])),
            "engagement_rules": conform("engagement_rules", _rules(rules, log, config.settings, taught is not None)),
        },
        _findings(tables, log, config.settings),
    )


def rules_in_force(settings: EngagementSettings) -> tuple[PointRule, ...]:
    """The user's rules, else the usual ones."""
    return settings.rules or usual_rules()


def log_of(
    subject: str,
    log: Entries,
    tables: Tables,
    rules: Sequence[PointRule],
    config: Config[EngagementSettings],
    moment: datetime | None = None,
) -> pl.DataFrame:
    """All entries of a subject's records with what each is worth at the moment (by default `as_of`).

    Columns `subject_id, person, rule, at, key, given, points`; a record's total is the sum of its entries' points.
    """
    settings = config.settings
    at = moment or config.as_of
    limits = {"half_life_days": settings.half_life_days, "groups": settings.groups}
    if subject != "account":
        own = of_open_deals(log, tables) if subject == "opportunity" else log.of(subject)
        given = give(own, rules, config.company.timezone)
        return worth(given, at, rules, **limits).with_columns(person=pl.lit(None, dtype=pl.String))  # type: ignore[arg-type]
    people = people_of_accounts(log, tables)
    who = people.select("subject_id", "account", "person").unique()
    given = give(people, rules, config.company.timezone)
    each = worth(given, at, rules, **limits)  # type: ignore[arg-type]
    totals = each.group_by("subject_id").agg(points=pl.col("points").sum()).join(who, on="subject_id")
    parts = together(totals.select("points", "person", whose="subject_id", subject_id="account"), settings.person_share)
    each = each.join(parts.select("weight", "person", account="subject_id", subject_id="whose"), on="subject_id")
    return each.with_columns(points=pl.col("points") * pl.col("weight"), subject_id=pl.col("account")).drop(
        "account", "weight"
    )


def _rows(subject: str, log: pl.DataFrame, config: Config[EngagementSettings]) -> pl.DataFrame:
    """The rows of `engagement` of a subject."""
    totals = (
        log.group_by("subject_id")
        .agg(points=pl.col("points").sum(), last_at=pl.col("at").max(), events=pl.len())
        .sort("subject_id")
        .join(_reasons(log), on="subject_id", how="left", maintain_order="left")
    )
    points = totals["points"].round(6).to_numpy()
    table = totals.with_columns(
        pl.Series("level", levels(points, config.settings)),
        pl.Series("engagement", share(points)),
        subject=pl.lit(subject),
    )
    return conform("engagement", table)


def levels(points: np.ndarray[tuple[int], np.dtype[np.float64]], settings: EngagementSettings) -> list[int]:
    """Levels 1 (the liveliest) to 4: by points where the settings give them, else by shares of those engaged at all."""
    if settings.level_points is not None:
        edges = np.array(settings.level_points)
        return [int(level) for level in 1 + (points[:, None] < edges[None, :]).sum(axis=1)]
    engaged = points >= settings.least_points
    below = np.zeros(len(points))
    below[engaged] = share(points[engaged]) / 100
    first, second = settings.level_shares
    lively = np.where(below >= first, 1, np.where(below >= second, 2, 3))
    return [int(level) for level in np.where(engaged, lively, 4)]


def _reasons(log: pl.DataFrame) -> pl.DataFrame:
    """JSON of the three rules that are worth most to each subject: `text` and `effect` in points."""
    sums = log.group_by("subject_id", "rule").agg(effect=pl.col("points").sum(), n=pl.len())
    sums = sums.sort("subject_id", pl.col("effect").abs(), "rule", descending=[False, True, False])
    best = sums.group_by("subject_id", maintain_order=True).head(REASONS)
    names = {name: json.dumps(name, ensure_ascii=False)[1:-1] for name in best["rule"].unique()}
    times = pl.when(pl.col("n") > 1).then(pl.format(" ({} times)", "n")).otherwise(pl.lit(""))
    name = pl.col("rule").replace_strict(names, default="", return_dtype=pl.String)
    effect = pl.col("effect").round(1).cast(pl.String)
    said = pl.concat_str(pl.lit('{"text": "'), name, times, pl.lit('", "effect": '), effect, pl.lit("}"))
    lists = best.select("subject_id", said=said).group_by("subject_id", maintain_order=True).agg(pl.col("said"))
    return lists.select("subject_id", reasons=pl.concat_str(pl.lit("["), pl.col("said").list.join(", "), pl.lit("]")))


def _rules(rules: Sequence[PointRule], log: Entries, settings: EngagementSettings, is_learned: bool) -> pl.DataFrame:
    counts = dict(log.frame["rule"].value_counts().iter_rows())
    return pl.DataFrame(
        [
            {
                "rule": rule.name,
                "place": place,
                "looks_at": rule.looks_at,
                "kinds": ", ".join((*rule.kinds, *rule.outcomes)) or None,
                "points": rule.points,
                "times": rule.times,
                "per_days": rule.per_days,
                "cap_day": rule.cap_day,
                "cap": rule.cap,
                "expires_days": rule.expires_days,
                "half_life_days": None if rule.keeps else rule.half_life_days or settings.half_life_days,
                "in_group": rule.group,
                "origin": "learned" if is_learned else "by hand" if settings.rules else "usual",
                "entries": counts.get(rule.name, 0),
            }
            for place, rule in enumerate(rules)
        ],
        infer_schema_length=None,
    )


def _findings(tables: Tables, log: Entries, settings: EngagementSettings) -> list[Finding]:
    gains = {
        "events": "who visits, opens, clicks, signs up and uses the product",
        "activities": "who was met, called and shown a demo, and what they said",
    }
    found = [
        Finding(
            code="scoring.no_engagement",
            severity="notice",
            message=f"The table {name} is empty; it would tell {gain}.",
            fix=f"Map a file or an export to the table {name}.",
            table=name,
        )
        for name, gain in gains.items()
        if not tables.has(name)
    ]
    silent = [rule.name for rule in settings.rules if rule.name not in set(log.frame["rule"].unique())]
    if silent and (tables.has("events") or tables.has("activities")):
        found.append(
            Finding(
                code="scoring.rule_without_entries",
                severity="warning",
                message=f"Nothing in the records matches {', '.join(silent)}.",
                fix="Compare the kinds and outcomes of the rule in quarterdeck.yaml with those in the records.",
                table="events",
                count=len(silent),
            )
        )
    return found
