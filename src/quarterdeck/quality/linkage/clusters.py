"""From pairs with weights to links and clusters, without labels."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

SWAY = 10.0
UNSEEN = -1.0
NEVER = -1e9


def best_threshold(probability: pl.Series) -> tuple[float, dict[str, float]]:
    """The probability from which on pairs are links: where the expected F1 is best, given that probabilities hold.

    Taking the k likeliest pairs gives as many expected hits as their probabilities sum to; precision and recall follow.
    """
    if probability.is_empty():
        return 0.5, {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    ordered = np.sort(probability.to_numpy())[::-1]
    hits = np.cumsum(ordered)
    taken = np.arange(1, len(ordered) + 1)
    f1 = 2.0 * hits / (taken + hits[-1])
    best = int(np.argmax(f1))
    threshold = max(0.5, float(ordered[best]))
    kept = ordered >= threshold
    precision = float(ordered[kept].mean()) if kept.any() else 1.0
    recall = float(ordered[kept].sum() / max(hits[-1], 1e-9))
    return threshold, {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
    }


def looks_one_to_one(links: pl.DataFrame) -> bool:
    """Hardly any record of either side has two sure partners: each side holds every thing once."""
    sure = links.filter(pl.col("probability") >= 0.95)
    if sure.is_empty():
        return False
    shares = []
    for side in ("left", "right"):
        partners = sure.group_by(side).len()
        shares.append(float((partners["len"] > 1).mean() or 0.0))  # type: ignore[arg-type]
    return max(shares) < 0.05


def one_to_one(links: pl.DataFrame) -> pl.DataFrame:
    """At most one link a record: the weightiest first."""
    ordered = links.sort(["weight", "left", "right"], descending=[True, False, False])
    left, right = ordered["left"].to_numpy(), ordered["right"].to_numpy()
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    kept = np.zeros(len(left), dtype=bool)
    for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        if one not in taken_left and other not in taken_right:
            kept[place] = True
            taken_left.add(one)
            taken_right.add(other)
    return ordered.filter(pl.Series(kept)).sort("left", "right")


def components(rows: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of its connected component for each of `rows` records."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(left), dtype=np.int8), (left, right)), shape=(rows, rows))
    label: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def coherent(scored: pl.DataFrame, is_link: NDArray[np.bool_], rows: int) -> NDArray[np.int64]:
    """The number of its group for each of `rows` records: connected components, divided where they do not hold.

    In a component in which not all pairs are links, groups grow from the weightiest link on; two groups become one
    when the weights of all pairs between them, each within ±`SWAY`, add up to more than nothing. A pair that was no
    candidate counts `UNSEEN`: most that are one would have been.
    """
    left, right = scored["left"].to_numpy().astype(np.int64), scored["right"].to_numpy().astype(np.int64)
    label = components(rows, left[is_link], right[is_link])
    sizes = np.bincount(label, minlength=1)
    links = np.bincount(label[left[is_link]], minlength=len(sizes))
    is_open = (sizes >= 3) & (links < sizes * (sizes - 1) // 2)
    inside = (label[left] == label[right]) & is_open[label[left]]
    if not inside.any():
        return label
    given = scored["weight"].to_numpy()[inside]
    weight = np.where(given <= NEVER, NEVER, np.clip(given, -SWAY, SWAY))
    order = np.lexsort((right[inside], left[inside], -weight))
    parent = _grown(left[inside][order].tolist(), right[inside][order].tolist(), weight[order].tolist())
    for record, root in parent.items():
        label[record] = rows + root
    return label


def _grown(left: list[int], right: list[int], weight: list[float]) -> dict[int, int]:
    """Group of each record, by greedy growth along pairs in the order of falling weight."""
    between: dict[int, dict[int, float]] = {}
    for one, other, value in zip(left, right, weight, strict=True):
        between.setdefault(one, {})[other] = value - UNSEEN
        between.setdefault(other, {})[one] = value - UNSEEN
    members = {record: [record] for record in between}
    root = {record: record for record in between}
    for one, other, value in zip(left, right, weight, strict=True):
        if value <= 0:
            break
        a, b = root[one], root[other]
        if a == b or between[a][b] + UNSEEN * len(members[a]) * len(members[b]) <= 0:
            continue
        if len(members[a]) < len(members[b]):
            a, b = b, a
        for record in members[b]:
            root[record] = a
        members[a] += members.pop(b)
        for third, value_third in between.pop(b).items():
            del between[third][b]
            if third != a:
                total = between[a].get(third, 0.0) + value_third
                between[a][third] = between[third][a] = total
    return root
