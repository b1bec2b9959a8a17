"""Why a deal has its odds: what they would be if one thing about it were as usual."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.scoring.features import GROUPS
from quarterdeck.scoring.scorer import LeadScorer

Array = NDArray[np.float64]
REASONS = 3
NEGLIGIBLE = 0.05
"""Percentage points below which an effect is called none."""


def effects(scorer: LeadScorer, features: pl.DataFrame) -> dict[str, Array]:
    """For each group of columns, the odds minus those with the group at its reference: percentage points, a row a deal.

    The reference is the median of a number and the most common category of the rows that the scorer learned from.
    """
    odds = scorer.predict_proba(features)[:, 1]
    found = {}
    for group, columns in GROUPS.items():
        present = [name for name in columns if name in features.columns]
        if present:
            changed = usual(scorer, features, present)
            other = features.select(
                pl.any_horizontal(pl.col(name).ne_missing(changed[name]) for name in present)
            ).to_series()
            effect = np.zeros(features.height)
            if other.any():
                odds_if = scorer.predict_proba(changed.filter(other))[:, 1]
                effect[other.to_numpy()] = 100 * (odds[other.to_numpy()] - odds_if)
            found[group] = effect
    return found


def usual(scorer: LeadScorer, features: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The features with these columns at their reference."""
    return features.with_columns(
        pl.lit(scorer.encoder_.reference(name)).cast(features.schema[name]).alias(name) for name in columns
    )


def reasons(effects_by_group: dict[str, Array], known: pl.DataFrame) -> list[str]:
    """JSON of exactly three reasons a row, the strongest first: `text` and `effect` in percentage points.

    `known` holds all features, also those that the model does not use: they stand in, without effect, where the model
    uses fewer than three groups.
    """
    rows = known.height
    groups = list(GROUPS)
    matrix = np.column_stack([effects_by_group.get(group, np.zeros(rows)) for group in groups])
    order = np.argsort(-np.abs(np.round(matrix, 4)), axis=1, kind="stable")[:, :REASONS]
    words = [_WORDS[group](known) for group in groups]
    found = []
    for row in range(rows):
        three = [
            {
                "text": _sentence(words[place][row], matrix[row, place]),
                "effect": round(float(matrix[row, place]), 1) + 0.0,
            }
            for place in order[row]
        ]
        found.append(json.dumps(three, ensure_ascii=False))
    return found


def _sentence(text: str, effect: float) -> str:
    if abs(effect) < NEGLIGIBLE:
        return f"{text}: makes no difference here"
    return f"{text}: {'raises' if effect > 0 else 'lowers'} the odds"


def _each(known: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return known.select(columns).rows()


def _age(known: pl.DataFrame) -> list[str]:
    return [f"Open for {days:.0f} days" for (days,) in _each(known, "age_days")]


def _product(known: pl.DataFrame) -> list[str]:
    return [f"Product {name}" if name else "No product stated" for (name,) in _each(known, "product_name")]


def _region(known: pl.DataFrame) -> list[str]:
    return [f"Region {name}" if name else "No region stated" for (name,) in _each(known, "region")]


def _owner(known: pl.DataFrame) -> list[str]:
    rows = _each(known, "owner_win_rate", "owner_closed")
    return [
        f"Owner's record: {rate:.0%} won of {closed:.0f} closed deals" if closed else "The owner has no record yet"
        for rate, closed in rows
    ]


def _account(known: pl.DataFrame) -> list[str]:
    found = []
    for wins, closed, there in _each(known, "account_wins", "account_closed", "has_account"):
        if not there:
            found.append("No account stated")
        else:
            found.append(f"The account bought in {wins:.0f} of {closed:.0f} earlier deals")
    return found


def _company(known: pl.DataFrame) -> list[str]:
    found = []
    for industry, employees in _each(known, "industry", "employees"):
        parts = [f"industry {industry}"] if industry else []
        parts += [f"{employees:,.0f} employees"] if employees is not None else []
        found.append("Company: " + ", ".join(parts) if parts else "Nothing known about the company")
    return found


def _season(known: pl.DataFrame) -> list[str]:
    return [f"Day {day + 1:.0f} of the quarter" for (day,) in _each(known, "quarter_day")]  # type: ignore[operator]


def _activity(known: pl.DataFrame) -> list[str]:
    found = []
    for recent, quiet in _each(known, "recent_activities", "quiet_days"):
        if recent is None or quiet is None:
            found.append("No activities recorded")
        else:
            found.append(f"{recent:.0f} activities lately, {quiet:.0f} days quiet")
    return found


def _stage(known: pl.DataFrame) -> list[str]:
    return [f"Stage {name}" if name else "No stage history" for (name,) in _each(known, "stage")]


def _amount(known: pl.DataFrame) -> list[str]:
    rows = _each(known, "stated_amount")
    return ["The stated value" if amount is not None else "No value stated" for (amount,) in rows]


_WORDS: dict[str, Callable[[pl.DataFrame], list[str]]] = {
    "age": _age,
    "product": _product,
    "region": _region,
    "owner": _owner,
    "account": _account,
    "company": _company,
    "season": _season,
    "activity": _activity,
    "stage": _stage,
    "amount": _amount,
}
