"""Why a record has its odds: what each thing about it adds to the odds of the usual one, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.scoring.calibration import sigmoid
from quarterdeck.scoring.scorer import LeadScorer

Array = NDArray[np.float64]
REASONS = 3
NEGLIGIBLE = 0.05
"""Percentage points below which an effect is called none."""


@dataclass(frozen=True)
class Group:
    """Columns that are explained together; `words` says, of a record, what is so about it (an expression of text).

    Groups of `is_engagement` tell how alive a record is, the others how well it fits.
    """

    name: str
    columns: tuple[str, ...]
    words: pl.Expr
    is_engagement: bool = False


def shares(scorer: LeadScorer, features: pl.DataFrame, groups: Sequence[Group]) -> tuple[Array, float]:
    """What each group adds to the log odds of the usual record: array (rows, groups), and those log odds."""
    return scorer.shares(features, [group.columns for group in groups])


def effects(shares: Array, usual: float) -> Array:
    """The shares as percentage points of the odds, in the same proportions.

    A row's effects sum to its odds less the usual record's: 100 (p - p of the usual one).
    """
    total = shares.sum(axis=1)
    rise = sigmoid(usual + total) - sigmoid(np.array([usual]))
    at_usual = float(sigmoid(np.array([usual]))[0])
    flat = np.abs(total) < 1e-9
    steepness = np.where(flat, at_usual * (1 - at_usual), rise / np.where(flat, 1.0, total))
    return np.asarray(100 * shares * steepness[:, None], dtype=np.float64)


def reasons(effects: Array, groups: Sequence[Group], known: pl.DataFrame) -> pl.Series:
    """JSON of the three strongest reasons a row, the strongest first: `text` and `effect` in percentage points.

    `known` holds all features, also those that the model does not use: they stand in, without effect, where the model
    uses fewer than three groups.
    """
    count = min(REASONS, len(groups))
    order = np.argsort(-np.abs(np.round(effects, 4)), axis=1, kind="stable")[:, :count]
    words = known.select(group.words.cast(pl.String).alias(f"words_{place}") for place, group in enumerate(groups))
    # Every row has words for every group; those that are asked for are picked out of one long column.
    texts = pl.concat([words[:, place] for place in range(len(groups))], rechunk=True) if known.height else None
    if texts is None:
        return pl.Series([], dtype=pl.String)
    rows = np.arange(known.height)
    picked = {}
    for rank in range(count):
        effect = effects[rows, order[:, rank]]
        verb = np.where(effect > 0, "raises the odds", "lowers the odds")
        verb = np.where(np.abs(effect) < NEGLIGIBLE, "makes no difference here", verb)
        told = texts.gather(order[:, rank] * known.height + rows)
        picked[f"text_{rank}"] = told + pl.Series(np.char.add(": ", verb).tolist())
        picked[f"effect_{rank}"] = pl.Series(np.round(effect, 1) + 0.0)
    pairs = [pl.struct(text=f"text_{rank}", effect=f"effect_{rank}").struct.json_encode() for rank in range(count)]
    said = pl.concat_str([pl.lit("["), pl.concat_str(pairs, separator=", "), pl.lit("]")])
    return pl.DataFrame(picked).select(reasons=said).to_series()
