"""Draws: joint sample paths of demand. All parts use the same draws in the same order, so parts add up to totals."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

QUANTILES = {"q025": 0.025, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q975": 0.975}

Draws = NDArray[np.float32]


def generator(seed: int, *key: object) -> np.random.Generator:
    """Random numbers that depend on the seed and the key alone (a node, a month), not on the order of calls."""
    text = "\x1f".join(str(part) for part in (seed, *key))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))


def matrix(column: pl.Series) -> Draws:
    """A column of draws as an array (rows, draws)."""
    if column.is_empty():
        return np.zeros((0, 0), dtype=np.float32)
    return np.vstack(column.to_list()).astype(np.float32)


def column(values: NDArray[np.floating]) -> pl.Series:
    """An array (rows, draws) as a column of draws."""
    return pl.Series(np.ascontiguousarray(values, dtype=np.float32).tolist(), dtype=pl.List(pl.Float32))


def quantiles(values: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Mean and the house's quantiles along the last axis: keys mean, q025 … q975."""
    found = np.quantile(values.astype(np.float64), list(QUANTILES.values()), axis=-1)
    return {"mean": values.mean(axis=-1, dtype=np.float64), **dict(zip(QUANTILES, found, strict=True))}
