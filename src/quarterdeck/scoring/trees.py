"""What each group of columns adds to the sum of a boosting's trees: exact Shapley values against one usual row.

The game of a row (interventional Shapley values with one reference; Lundberg et al. 2020, Nature Machine Intelligence
2): a set of groups takes its values from the row, the others theirs from the usual row. A leaf is reached when each
group on its path fits, from where its values come; so a leaf counts for the groups that only the row fits (n of them)
and against those that only the usual row fits (m), with the weights (n-1)! m! / (n+m)! and n! (m-1)! / (n+m)!. Within a
tree all rows that fall alike at its splits have the same shares, which makes a million rows a matter of seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 256
MISSING = 255
MOST_SPLITS = 16
"""Splits of a tree: its rows are told apart by a table of two to this power."""


@dataclass(frozen=True)
class Tree:
    """A tree with L leaves, S splits and G groups.

    `feature` (S) is the column of each split, `is_left` (S, 256) whether a bin goes left, `to_left` and `to_right`
    (L, G, S) whether a leaf's path, of that group, asks for left or right at a split; `value` (L) is what a leaf adds.
    """

    feature: NDArray[np.intp]
    is_left: NDArray[np.bool_]
    to_left: NDArray[np.float32]
    to_right: NDArray[np.float32]
    value: Array


@dataclass(frozen=True)
class Trees:
    """A fitted HistGradientBoostingClassifier's trees beside a usual row, whose log odds are `usual`."""

    estimator: Any
    trees: list[Tree]
    usual_fits: list[NDArray[np.bool_]]
    usual: float
    groups: int

    def shares(self, codes: Array) -> Array:
        """Array (rows, groups): what each group adds to the usual row's logit; they sum to the row's own less it."""
        binned = self.estimator._bin_mapper.transform(self.estimator._preprocess_X(codes, reset=False))
        found = np.zeros((len(binned), self.groups))
        for tree, usual_fits in zip(self.trees, self.usual_fits, strict=True):
            key = np.zeros(len(binned), dtype=np.int64)
            for split, feature in enumerate(tree.feature):
                key |= tree.is_left[split][binned[:, feature]].astype(np.int64) << split
            if len(binned) == 1:
                found += _shares(tree, key, usual_fits)
                continue
            seen = np.zeros(1 << len(tree.feature), dtype=np.bool_)
            seen[key] = True
            found += _shares(tree, np.flatnonzero(seen), usual_fits)[(np.cumsum(seen) - 1)[key]]
        return found


def learn(estimator: Any, usual: Array, owner: list[int], groups: int) -> Trees:
    """The trees of a fitted estimator; `usual` (1, columns) is the usual row, `owner` the group of each column."""
    order = _order(estimator, len(owner))
    binned = estimator._bin_mapper.transform(estimator._preprocess_X(usual, reset=False))[0]
    trees, fits = [], []
    for (predictor,) in estimator._predictors:
        tree = _tree(predictor, [owner[column] for column in order], groups)
        key = sum(int(tree.is_left[split][binned[feature]]) << split for split, feature in enumerate(tree.feature))
        trees.append(tree)
        fits.append(_fits(tree, np.array([key]))[:, :, 0])
    return Trees(estimator, trees, fits, float(estimator._raw_predict(usual)[0, 0]), groups)


def _order(estimator: Any, columns: int) -> list[int]:
    """The estimator puts categories before numbers."""
    categories = estimator.is_categorical_
    if categories is None:
        return list(range(columns))
    return [*np.flatnonzero(categories).tolist(), *np.flatnonzero(~categories).tolist()]


def _tree(predictor: Any, owner: list[int], groups: int) -> Tree:
    nodes = predictor.nodes
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    if len(inner) > MOST_SPLITS:
        raise ValueError(f"A tree has {len(inner)} splits; shares are worked out for at most {MOST_SPLITS}.")
    place = {int(node): split for split, node in enumerate(inner)}
    is_left = np.zeros((len(inner), BINS), dtype=np.bool_)
    for split, node in enumerate(nodes[inner]):
        if node["is_categorical"]:
            bits = predictor.binned_left_cat_bitsets[node["bitset_idx"]]
            is_left[split] = (np.repeat(bits, 32) >> np.tile(np.arange(32, dtype=np.uint32), 8)) & 1
        else:
            is_left[split, : int(node["bin_threshold"]) + 1] = True
        is_left[split, MISSING] = bool(node["missing_go_to_left"])
    paths = _paths(nodes)
    to_left = np.zeros((len(paths), groups, len(inner)), dtype=np.float32)
    to_right = np.zeros_like(to_left)
    for leaf, (_, path) in enumerate(paths):
        for node, left in path:
            (to_left if left else to_right)[leaf, owner[nodes[node]["feature_idx"]], place[node]] = 1
    value = np.array([nodes[leaf]["value"] for leaf, _ in paths])
    return Tree(nodes[inner]["feature_idx"].astype(np.intp), is_left, to_left, to_right, value)


def _paths(nodes: Any) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Each leaf with the nodes above it and whether the way to it goes left there."""
    waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    found = []
    while waiting:
        node, path = waiting.pop()
        if nodes[node]["is_leaf"]:
            found.append((node, path))
        else:
            waiting.append((int(nodes[node]["left"]), [*path, (node, True)]))
            waiting.append((int(nodes[node]["right"]), [*path, (node, False)]))
    return found


def _fits(tree: Tree, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Array (L, G, keys): no split of the group on the leaf's path sends these rows elsewhere."""
    left = ((keys[None, :] >> np.arange(len(tree.feature))[:, None]) & 1).astype(np.float32)
    misses = tree.to_left @ (1 - left) + tree.to_right @ left
    return np.asarray(misses == 0)


def _shares(tree: Tree, keys: NDArray[np.int64], usual_fits: NDArray[np.bool_]) -> Array:
    """Array (keys, G): the groups' shares of rows that fall at the splits as the keys' bits say."""
    fits, usual = _fits(tree, keys), usual_fits[:, :, None]
    only_row, only_usual = fits & ~usual, usual & ~fits
    reachable = (fits | usual).all(axis=1)
    n, m = only_row.sum(axis=1), only_usual.sum(axis=1)
    gain = np.where(reachable, tree.value[:, None] * _GAIN[n, m], 0.0)
    loss = np.where(reachable, tree.value[:, None] * _LOSS[n, m], 0.0)
    return np.asarray(np.einsum("lgk,lk->kg", only_row, gain) - np.einsum("lgk,lk->kg", only_usual, loss))


def _weights() -> tuple[Array, Array]:
    most = MOST_SPLITS + 1
    gain, loss = np.zeros((most, most)), np.zeros((most, most))
    for n in range(most):
        for m in range(most):
            if n:
                gain[n, m] = factorial(n - 1) * factorial(m) / factorial(n + m)
            if m:
                loss[n, m] = factorial(n) * factorial(m - 1) / factorial(n + m)
    return gain, loss


_GAIN, _LOSS = _weights()
