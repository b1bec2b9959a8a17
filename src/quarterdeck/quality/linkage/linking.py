"""From stacked records to links, clusters and the model: prepare, block, compare, estimate, decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.quality.linkage import blocking, clusters
from quarterdeck.quality.linkage.columns import fields_of
from quarterdeck.quality.linkage.engine import Engine
from quarterdeck.quality.linkage.evidence import MODEL, model_frame, with_evidence
from quarterdeck.quality.linkage.expectation import Floats, Model, Patterns, estimate
from quarterdeck.quality.linkage.fields import Field

LINKS = {"left": pl.Int32, "right": pl.Int32, "probability": pl.Float64, "weight": pl.Float64, "evidence": pl.String}
REPEATED = 0.5
GROUPS = {"unique_id": pl.Int32, "cluster": pl.Int64}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller decides; None is decided by the data."""

    kinds: dict[str, str]
    threshold: float | None
    one_to_one: bool | None
    country: str | None
    seed: int
    sample: int
    apart: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """Links and groups by row number, the model, and what is to be told about them."""

    links: pl.DataFrame
    groups: pl.DataFrame
    model: pl.DataFrame
    summary: dict[str, Any]


def find(stacked: pl.DataFrame, wish: Wish) -> Found:
    """The links among the stacked records: columns `unique_id`, `side`, `__id` and the values."""
    linked = stacked["side"].n_unique() == 2
    fields = fields_of(stacked, wish.kinds, wish.country)
    possible = _possible(stacked["side"], linked)
    if not fields or possible < 1:
        return _nothing(stacked, fields)
    engine = Engine(_prepared(stacked, fields), fields, linked, wish.sample, wish.seed)
    sampled = engine.sampled()
    chance = _chance(Patterns.of(sampled, fields), engine.frame, fields, linked)
    keys: list[tuple[str, ...]] = []
    pairs = sampled
    if not engine.is_small:
        del sampled
        engine.frame, keys = _blocked(engine.frame, fields, linked, wish)
        pairs = engine.candidates(len(keys)) if keys else pairs.clear()
    if pairs.is_empty():
        return _nothing(stacked, fields)
    model = estimate(Patterns.of(pairs, fields), chance, fields, possible)
    rarity = {entry.key: _rarity(engine.frame, entry.key) for entry in fields if entry.levels[0].is_rarity}
    scored = _without(_scored(pairs, model, fields, rarity, chance), wish.apart)
    links, groups, decided = _decide(scored, fields, stacked.height, linked, wish)
    summary = {
        "records": stacked.height,
        "columns": {entry.name: entry.kind for entry in fields},
        "keys": [" and ".join(key) for key in _told(keys, fields)],
        "candidates": pairs.height,
        "links": links.height,
        "clusters": groups["cluster"].n_unique(),
        "expected_matches": model.prior * possible,
        "steps": model.steps,
        **decided,
    }
    return Found(links, groups, model_frame(fields, model), summary)


def _nothing(stacked: pl.DataFrame, fields: list[Field]) -> Found:
    summary = {
        "records": stacked.height,
        "columns": {entry.name: entry.kind for entry in fields},
        "keys": [],
        "candidates": 0,
        "links": 0,
        "clusters": 0,
        "expected_matches": 0.0,
    }
    return Found(pl.DataFrame(schema=LINKS), pl.DataFrame(schema=GROUPS), pl.DataFrame(schema=MODEL), summary)


def _possible(side: pl.Series, linked: bool) -> float:
    rows = len(side)
    if not linked:
        return rows * (rows - 1) / 2.0
    right = int(side.sum())
    return float(right) * (rows - right)


def _prepared(stacked: pl.DataFrame, fields: list[Field]) -> pl.DataFrame:
    """The prepared columns; of a column whose values repeat, each value is prepared once."""
    frame = stacked.select("unique_id", "side")
    for entry in fields:
        # A telephone number is read by its row's country.
        is_repeated = entry.kind != "phone" and stacked[entry.name].n_unique() < REPEATED * stacked.height
        values = stacked.select(entry.name).unique(maintain_order=True) if is_repeated else stacked
        for name, value in entry.prepared.items():
            values = values.with_columns(value.alias(name))
        if is_repeated:
            own = stacked.select(entry.name)
            values = own.join(values, on=entry.name, how="left", nulls_equal=True, maintain_order="left")
        frame = frame.hstack(values.select(entry.prepared.keys()))
    return frame


def _blocked(
    frame: pl.DataFrame, fields: list[Field], linked: bool, wish: Wish
) -> tuple[pl.DataFrame, list[tuple[str, ...]]]:
    """The prepared columns with the blocking keys, and the parts of each key."""
    parts = [part for entry in fields for part in entry.parts]
    keyed = frame.with_columns(part.value.alias(part.column) for part in parts)
    keys = blocking.choose(keyed, fields, linked, blocking.budget(frame.height, wish.sample), wish.seed)
    return blocking.hashed(keyed, keys, linked).drop(part.column for part in parts), keys


def _told(keys: list[tuple[str, ...]], fields: list[Field]) -> list[list[str]]:
    names = {part.column: f"{entry.label} ({part.name})" for entry in fields for part in entry.parts}
    return [[names[part] for part in key] for key in keys]


def _chance(patterns: Patterns, frame: pl.DataFrame, fields: list[Field], linked: bool) -> list[Floats]:
    """Shares of the degrees among all pairs: equality by counting, the rest from the sample."""
    found = []
    for place, entry in enumerate(fields):
        shares, total = patterns.shares(place, len(entry.levels) + 1)
        equal, pairs = _equal(frame, entry.key, linked)
        floor = 0.3 / max(total, 1.0)
        rest = np.maximum(shares[:-1], floor)
        same = max(equal, 0.5 / max(pairs, 1.0))
        found.append(np.append(rest / rest.sum() * (1.0 - min(same, 0.99)), min(same, 0.99)))
    return found


def _equal(frame: pl.DataFrame, column: str, linked: bool) -> tuple[float, float]:
    """Share of the pairs that have the same value, and the number of pairs that have any."""
    there = frame.lazy().filter(pl.col(column).is_not_null())
    if linked:
        counts = there.group_by(column).agg(a=(pl.col("side") == 0).sum(), b=(pl.col("side") == 1).sum())
        counts = counts.with_columns(pl.col("a", "b").cast(pl.Int64))
        sums = counts.select(same=(pl.col("a") * pl.col("b")).sum(), a=pl.col("a").sum(), b=pl.col("b").sum())
        same, one, other = sums.collect().row(0)
        pairs = float(one) * float(other)
    else:
        counts = there.group_by(column).agg(n=pl.len().cast(pl.Int64))
        both = counts.select(same=(pl.col("n") * (pl.col("n") - 1) // 2).sum(), rows=pl.col("n").sum())
        same, rows = both.collect().row(0)
        pairs = float(rows) * (float(rows) - 1) / 2
    return float(same) / max(pairs, 1.0), pairs


def _rarity(frame: pl.DataFrame, column: str) -> Floats:
    """Share of the records that have the record's value, by record; not a number where it has none."""
    share = pl.len().over(column) / pl.col(column).is_not_null().sum()
    return frame.select(pl.when(pl.col(column).is_not_null()).then(share).alias("share"))["share"].to_numpy()


def _scored(
    pairs: pl.DataFrame, model: Model, fields: list[Field], rarity: dict[str, Floats], chance: list[Floats]
) -> pl.DataFrame:
    """The pairs with `w_<field>`, `weight` and `probability`; to share a rare value says more than a common one."""
    total = np.full(pairs.height, model.base)
    left = pairs["left"].to_numpy()
    columns = []
    for entry, lookup, rates in zip(fields, model.table(), chance, strict=True):
        degree = pairs[entry.key].to_numpy().astype(np.int64)
        weight = lookup[degree + 1]
        if entry.key in rarity:
            same = degree == len(entry.levels)
            weight[same] += np.log2(rates[-1] / rarity[entry.key][left[same]])
        total += weight
        columns.append(pl.Series(f"w_{entry.key}", weight.astype(np.float32)))
    probability = 1.0 / (1.0 + np.exp2(-np.clip(total, -1000, 1000)))
    return pairs.with_columns(*columns, pl.Series("weight", total), pl.Series("probability", probability))


def _without(scored: pl.DataFrame, apart: frozenset[tuple[int, int]]) -> pl.DataFrame:
    """The pairs with those that are known not to be one made impossible, so that no cluster holds both either."""
    if not apart:
        return scored
    known = pl.DataFrame(sorted(apart), schema={"left": pl.Int32, "right": pl.Int32}, orient="row")
    known = known.filter(pl.col("left") < pl.col("right")).with_columns(is_apart=pl.lit(True))
    marked = scored.join(known, on=["left", "right"], how="full", coalesce=True, maintain_order="left")
    never = pl.col("is_apart").fill_null(False)
    return marked.with_columns(
        pl.when(never).then(clusters.NEVER).otherwise(pl.col("weight")).alias("weight"),
        pl.when(never).then(0.0).otherwise(pl.col("probability")).alias("probability"),
    ).drop("is_apart")


def _decide(
    scored: pl.DataFrame, fields: list[Field], rows: int, linked: bool, wish: Wish
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Links, groups, and how they were decided."""
    threshold, expected = clusters.best_threshold(scored["probability"])
    if wish.threshold is not None:
        threshold = wish.threshold
    links = scored.filter(pl.col("probability") >= threshold)
    single = linked and (wish.one_to_one if wish.one_to_one is not None else clusters.looks_one_to_one(links))
    if single:
        links = clusters.one_to_one(links)
        label = clusters.components(rows, links["left"].to_numpy(), links["right"].to_numpy())
    else:
        label = clusters.coherent(scored, (scored["probability"] >= threshold).to_numpy(), rows)
        links = links.filter(pl.Series(label[links["left"].to_numpy()] == label[links["right"].to_numpy()]))
    links = with_evidence(links, fields).select(pl.col(name).cast(kind) for name, kind in LINKS.items())
    decided = {"threshold": threshold, "one_to_one": single, "expected": expected}
    return links, _groups(links, label), decided


def _groups(links: pl.DataFrame, label: NDArray[np.int64]) -> pl.DataFrame:
    """The records that have a link, with the number of their cluster, counted from 1 in the order of the records."""
    members = np.unique(np.concatenate([links["left"].to_numpy(), links["right"].to_numpy()])).astype(np.int64)
    if not len(members):
        return pl.DataFrame(schema=GROUPS)
    _, first, inverse = np.unique(label[members], return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(1, len(first) + 1)
    return pl.DataFrame({"unique_id": members, "cluster": number[inverse]}, schema=GROUPS)
