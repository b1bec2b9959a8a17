"""Which pairs are looked at: keys chosen by how few pairs they give, how many records have them, and what they add.

A key is one part of a field or two parts of different fields. True pairs are imagined that agree in each part with the
part's own chance; keys are taken one after another, each time the one that finds most of the imagined pairs not found
yet for its number of candidates, until little is gained or the budget of candidates is spent. Values that too many
records share are no key, which bounds the work whatever the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.draws import generator
from quarterdeck.quality.linkage.fields import Field

SAMPLE = 50_000
IMAGINED = 4_000
LARGEST_GROUP = 60
MOST_KEYS = 12
MANY = 100_000
"""Records beyond which candidates are dear, and fewer of them are looked at for each."""
LEAST_GAIN = 0.0005
CARELESS = 3.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key with its estimated number of candidates and the imagined pairs that it finds."""

    parts: tuple[str, ...]
    pairs: float
    found: NDArray[np.bool_]


def budget(rows: int, sample: int) -> float:
    """How many candidate pairs are looked at for so many records, of which `sample` are compared whole."""
    return 0.3 * sample**2 + 12.0 * min(rows, MANY) + 3.0 * max(0, rows - MANY)


def choose(frame: pl.DataFrame, fields: list[Field], linked: bool, most: float, seed: int) -> list[tuple[str, ...]]:
    """The chosen keys as tuples of part columns. `frame` holds the parts and `side`, `most` is the budget."""
    rows = frame.height
    sample = frame if rows <= SAMPLE else frame.sample(SAMPLE, seed=seed, shuffle=True)
    scale = (rows / max(1, sample.height)) ** 2
    candidates = _candidates(sample, fields, linked, scale, seed)
    chosen: list[tuple[str, ...]] = []
    left, missed = most, np.ones(IMAGINED, dtype=bool)
    while candidates and len(chosen) < MOST_KEYS:
        affordable = [key for key in candidates if key.pairs <= left]
        gains = [float((key.found & missed).mean()) for key in affordable]
        if not gains or max(gains) < LEAST_GAIN:
            break
        worth = [gain / (1.0 + key.pairs / rows) ** 0.5 for gain, key in zip(gains, affordable, strict=True)]
        best = affordable[int(np.argmax(worth))]
        chosen.append(best.parts)
        left -= best.pairs
        missed &= ~best.found
        candidates.remove(best)
    return chosen


def _candidates(sample: pl.DataFrame, fields: list[Field], linked: bool, scale: float, seed: int) -> list[Key]:
    owner = {part.column: number for number, field in enumerate(fields) for part in field.parts}
    agree = _imagined(sample, fields, seed)
    codes = {name: _codes(sample[name]) for name in owner}
    side = sample["side"].to_numpy()
    keys: list[tuple[str, ...]] = [(name,) for name in owner]
    keys += [(one, other) for one, other in combinations(owner, 2) if owner[one] != owner[other]]
    found = []
    for key in keys:
        hits = np.logical_and.reduce([agree[name] for name in key])
        if hits.mean() < LEAST_GAIN:
            continue
        pairs, kept = _pairs([codes[name] for name in key], side if linked else None, scale)
        if pairs > 0:
            thinned = hits & (generator(seed, "kept", *key).random(IMAGINED) < kept)
            found.append(Key(key, pairs, thinned))
    return found


def _imagined(sample: pl.DataFrame, fields: list[Field], seed: int) -> dict[str, NDArray[np.bool_]]:
    """For each part, in which of the imagined pairs it agrees. Some pairs are kept with less care than others."""
    agree: dict[str, NDArray[np.bool_]] = {}
    care = CARELESS ** (2.0 * generator(seed, "care").random(IMAGINED) - 1.0)
    for number, field in enumerate(fields):
        # Within a field the parts fail together: one draw for all, and a part that agrees more often fails less.
        chance = generator(seed, "blocking", number).random(IMAGINED)
        there = generator(seed, "blocking there", number).random(IMAGINED)
        for part in field.parts:
            share = 1.0 - sample[part.column].null_count() / max(1, sample.height)
            agree[part.column] = (chance > (1.0 - part.agreement) * care) & (there < share * share)
    return agree


def _codes(column: pl.Series) -> NDArray[np.int64]:
    """A number for each distinct value, -1 where it is missing."""
    return (column.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()


def _pairs(codes: list[NDArray[np.int64]], side: NDArray[np.int8] | None, scale: float) -> tuple[float, float]:
    """Pairs under a key, without the groups that are too large, and the share of records outside of those."""
    there = np.logical_and.reduce([code >= 0 for code in codes])
    joint = (
        codes[0][there] if len(codes) == 1 else codes[0][there] * (int(codes[1].max(initial=0)) + 1) + codes[1][there]
    )
    if not len(joint):
        return 0.0, 0.0
    order = np.argsort(joint, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(joint[order]) != 0))
    sizes = np.diff(np.append(starts, len(joint))).astype(float)
    pairs = sizes * (sizes - 1.0) / 2.0
    if side is not None:
        right = np.add.reduceat(side[there][order].astype(float), starts)
        pairs = right * (sizes - right)
    small = sizes <= max(2.0, 1.0 + (LARGEST_GROUP - 1) / scale**0.5)
    return float(pairs[small].sum()) * scale, float(sizes[small].sum() / sizes.sum())


def hashed(frame: pl.DataFrame, keys: list[tuple[str, ...]], linked: bool) -> pl.DataFrame:
    """The frame with a column a key (`b0`, `b1` …), null where a part is missing or too many records share it."""
    columns = []
    for key in keys:
        is_there = pl.all_horizontal(pl.col(name).is_not_null() for name in key)
        columns.append(pl.when(is_there).then(pl.struct(key).hash(seed=7)))
    names = [f"b{number}" for number in range(len(keys))]
    frame = frame.with_columns(column.alias(name) for name, column in zip(names, columns, strict=True))
    frame = frame.with_columns(
        pl.when(pl.len().over(name) <= LARGEST_GROUP).then(pl.col(name)).alias(name) for name in names
    )
    if not linked:
        return frame
    sides = [
        pl.when(pl.col("side") == side).then(pl.col(name)).alias(f"{name}{letter}")
        for name in names
        for side, letter in ((0, "a"), (1, "z"))
    ]
    return frame.with_columns(sides).drop(names)


def rules(number: int, linked: bool) -> list[str]:
    """The chosen keys as Splink's blocking rules."""
    if linked:
        return [f'l."b{place}a" = r."b{place}z"' for place in range(number)]
    return [f'l."b{place}" = r."b{place}"' for place in range(number)]
