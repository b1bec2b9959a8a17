"""Rows of the table `scores`: odds, their rank, fit, engagement, grade and reasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.schema import conform
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.calibration import sigmoid
from quarterdeck.scoring.reasons import Group, effects, reasons, shares
from quarterdeck.scoring.scorer import LeadScorer

Array = NDArray[np.float64]
LETTERS = ("C", "B", "A")
CHUNK = 50_000
"""Records that are explained at a time."""


def rated(
    subject: str, ids: pl.Series, scorer: LeadScorer, columns: list[str], known: pl.DataFrame, groups: Sequence[Group]
) -> pl.DataFrame:
    """A row of `scores` for each row of `known`, which holds all features; the scorer learned from `columns`.

    Fit ranks by what the groups that tell of fit add to the odds, engagement by what the others do.
    """
    lively = np.array([group.is_engagement for group in groups])
    odds, fit, engagement = (np.zeros(known.height) for _ in range(3))
    why = []
    for start in range(0, known.height, CHUNK):
        part = known[start : start + CHUNK]
        rows = slice(start, start + part.height)
        found, usual = shares(scorer, part.select(columns), groups)
        odds[rows] = sigmoid(usual + found.sum(axis=1))
        fit[rows], engagement[rows] = found[:, ~lively].sum(axis=1), found[:, lively].sum(axis=1)
        why.append(reasons(effects(found, usual), groups, part))
    ranked = [rank(values) for values in (fit, engagement)]
    table = pl.DataFrame(
        {
            "subject": [subject] * known.height,
            "subject_id": ids,
            "fit": ranked[0],
            "engagement": ranked[1],
            "probability": np.round(odds, 6),
            "score": rank(odds),
            "grade": grades(*ranked),
            "reasons": pl.concat(why) if why else pl.Series([], dtype=pl.String),
            "model": [scorer.chosen_] * known.height,
        }
    )
    return conform("scores", table)


def graded(scores: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The rows with fit, engagement and grade by the profile and the points, of subjects that these know.

    The letter is the profile's (A to F; D where a record has none), the number the points' level (4 without any).
    """
    fits, engagement = tables["fits"], tables["engagement"]
    told = fits.select("subject", "subject_id", "letter", own_fit="fit")
    points = engagement.select("subject", "subject_id", "level", own_engagement="engagement")
    keys = ["subject", "subject_id"]
    joined = scores.join(told, on=keys, how="left", maintain_order="left").join(
        points, on=keys, how="left", maintain_order="left"
    )
    is_known = pl.col("letter").is_not_null() | pl.col("level").is_not_null()
    grade = pl.format("{}{}", pl.col("letter").fill_null("D"), pl.col("level").fill_null(4))
    joined = joined.with_columns(
        fit=pl.coalesce("own_fit", "fit"),
        engagement=pl.when(is_known).then(pl.col("own_engagement").fill_null(0.0)).otherwise("engagement"),
        grade=pl.when(is_known).then(grade).otherwise("grade"),
    )
    return conform("scores", joined)


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
