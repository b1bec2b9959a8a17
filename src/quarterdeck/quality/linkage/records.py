"""`link_records`: which records are the same person, company, product or publication, without labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.quality.linkage.frames import as_given, as_polars
from quarterdeck.quality.linkage.linking import Wish, find

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Linkage(Generic[F]):
    """What `link_records` found, in frames of the kind that was given.

    `links`: `<id>_left`, `<id>_right`, `probability`, `weight` (log2 of the odds) and `evidence` in words, the
    weightiest first, one row a link. `clusters`: `side` (left or right), the id, and `cluster`, the number of the group
    of records that are one; records without a link are left out. `model`: one row a column and degree of agreement,
    with its shares among records that are one (`m`) and two (`u`) and its `weight`.

    `summary` has the numbers of records, candidates and links, the keys, the threshold, and the precision, recall and
    F1 that the probabilities themselves lead one to expect.
    """

    links: F
    clusters: F
    model: F
    summary: dict[str, Any]


def link_records(
    left: F,
    right: F | None = None,
    *,
    id: str,  # noqa: A002
    columns: Sequence[str] | Mapping[str, str | None] | None = None,
    one_to_one: bool | None = None,
    threshold: float | None = None,
    country: str | None = None,
    apart: Iterable[tuple[Any, Any]] = (),
    sample: int = 1_000,
    seed: int = 1,
) -> Linkage[F]:
    """Records of one frame that are the same thing or, given two frames, pairs of a left and a right one.

    `left` and `right` are Polars, pandas or Arrow tables whose rows `id` tells apart. `columns` says which
    to compare (all that both have, by default), as a mapping with the kind of each where name and values do not tell.
    `one_to_one` allows a record one link at most; None decides by whether records have two sure partners. `threshold`
    is the probability of a link; None takes the one of the best expected F1. `country` (ISO 3166) completes telephone
    numbers without a country code where no country column does. `apart` are pairs of ids that are known not to be one,
    `sample` is the number of records among which all pairs are compared to learn what agrees by chance (tables of no
    more records are compared whole).

    The model is Fellegi and Sunter's, on Splink's comparisons; the same input gives the same result.

    Raises QuarterdeckError when a column is missing, an id is missing or stands twice, or a kind does not exist.
    """
    first, second = as_polars(left, "left"), None if right is None else as_polars(right, "right")
    chosen = _checked(first, second, id, columns)
    stacked = _stacked(first, second, id, list(chosen))
    kinds = {name: kind for name, kind in chosen.items() if kind}
    ids = stacked.select("unique_id", "__id", "side")
    found = find(stacked, Wish(kinds, threshold, one_to_one, country, seed, sample, _apart(apart, ids)))
    return Linkage(
        as_given(_links(found.links, ids, id), left),
        as_given(_clusters(found.groups, ids, id), left),
        as_given(found.model, left),
        found.summary,
    )


def _checked(
    left: pl.DataFrame, right: pl.DataFrame | None, key: str, columns: Sequence[str] | Mapping[str, str | None] | None
) -> dict[str, str | None]:
    for frame, side in ((left, "left"), (right, "right")):
        if frame is None:
            continue
        for name in (key, *(columns or ())):
            if name not in frame.columns:
                raise QuarterdeckError(f"The {side} frame has no column {name!r}; {did_you_mean(name, frame.columns)}")
        ids = frame[key]
        if ids.null_count() or ids.n_unique() < len(ids):
            raise QuarterdeckError(
                f"Column {key!r} of the {side} frame has {ids.null_count():,} missing and "
                f"{len(ids) - ids.n_unique():,} repeated values; give a column that tells every row apart"
            )
    if columns is None:
        both = left.columns if right is None else [name for name in left.columns if name in right.columns]
        return dict.fromkeys(name for name in both if name != key)
    return dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns)


def _stacked(left: pl.DataFrame, right: pl.DataFrame | None, key: str, columns: list[str]) -> pl.DataFrame:
    sides = [
        frame.select(pl.col(key).alias("__id"), pl.lit(number, pl.Int8).alias("side"), *columns)
        for number, frame in enumerate((left, right))
        if frame is not None
    ]
    if len(sides) == 2:
        apart = [name for name in ("__id", *columns) if sides[0].schema[name] != sides[1].schema[name]]
        sides = [side.with_columns(pl.col(apart).cast(pl.String)) for side in sides] if apart else sides
    return pl.concat(sides).with_row_index("unique_id").with_columns(pl.col("unique_id").cast(pl.Int32))


def _apart(pairs: Iterable[tuple[Any, Any]], ids: pl.DataFrame) -> frozenset[tuple[int, int]]:
    """The row numbers of pairs of ids, both ways round."""
    pairs = list(pairs)
    if not pairs:
        return frozenset()
    rows: dict[Any, list[int]] = {}
    for number, key in ids.select("unique_id", "__id").iter_rows():
        rows.setdefault(key, []).append(number)
    found = {(a, b) for one, other in pairs for a in rows.get(one, ()) for b in rows.get(other, ())}
    return frozenset(found | {(b, a) for a, b in found})


def _links(links: pl.DataFrame, ids: pl.DataFrame, key: str) -> pl.DataFrame:
    for side in ("left", "right"):
        named = ids.select(pl.col("unique_id").alias(side), pl.col("__id").alias(f"{key}_{side}"))
        links = links.join(named, on=side, how="left", maintain_order="left")
    return links.select(f"{key}_left", f"{key}_right", "probability", "weight", "evidence")


def _clusters(groups: pl.DataFrame, ids: pl.DataFrame, key: str) -> pl.DataFrame:
    found = groups.join(ids, on="unique_id", how="left", maintain_order="left").sort("cluster", "unique_id")
    side = pl.when(pl.col("side") == 0).then(pl.lit("left")).otherwise(pl.lit("right"))
    return found.select(side.alias("side"), pl.col("__id").alias(key), "cluster")
