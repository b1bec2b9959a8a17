"""A hierarchy of series: its nodes from the columns of long rows, and the matrix that sums leaves into nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from quarterdeck.base.errors import QuarterdeckError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TOTAL = "total"
MISSING = "(none)"
"""Name of the member to which rows with an empty value in a column of a level belong."""


@dataclass(frozen=True)
class Structure:
    """`nodes`: `unique_id, level`, and the levels' columns (null above the level); the leaves are the last rows.

    `summing` is the sparse matrix (nodes, leaves) of ones: a node is the sum of its leaves.
    """

    nodes: pl.DataFrame
    summing: csr_matrix
    levels: tuple[str, ...]

    @property
    def leaves(self) -> int:
        return int(self.summing.shape[1])


def spec(levels: Sequence[str | Sequence[str]], columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The levels as tuples of columns, fewest first. A plain list of names is a nesting: each is split by the next.

    Raises where a column is missing or the last level does not hold all columns of the others.

    >>> spec(["state", "region"], ["state", "region"])
    [('state',), ('state', 'region')]
    """
    if not levels:
        raise QuarterdeckError("A hierarchy needs levels, such as ['region', 'product'].")
    if all(isinstance(level, str) for level in levels):
        names = [str(level) for level in levels]
        found = [tuple(names[: number + 1]) for number in range(len(names))]
    else:
        found = [(level,) if isinstance(level, str) else tuple(level) for level in levels]
    found = sorted(dict.fromkeys(found), key=len)
    every = {name for level in found for name in level}
    missing = sorted(every - set(columns))
    if missing:
        raise QuarterdeckError(f"The history has no column {missing[0]!r} for its levels; it has {', '.join(columns)}.")
    if every != set(found[-1]):
        raise QuarterdeckError(
            f"The last level must hold the columns of all others: add {sorted(every - set(found[-1]))} to it."
        )
    return [level for level in found if level]


def build(history: pl.DataFrame, levels: Sequence[str | Sequence[str]]) -> tuple[Structure, pl.DataFrame]:
    """The hierarchy of a long frame with the levels' columns, `ds` and `y`, and its leaves' rows `leaf, ds, y`."""
    from scipy.sparse import csr_matrix

    wanted = spec(levels, [name for name in history.columns if name not in ("ds", "y")])
    bottom = list(wanted[-1])
    named = history.with_columns(pl.col(bottom).cast(pl.String).fill_null(MISSING))
    leaves = named.select(bottom).unique().sort(bottom).with_row_index("leaf")
    rows = named.join(leaves, on=bottom).select("leaf", "ds", "y")
    frames = [pl.DataFrame({"unique_id": [TOTAL], "level": [TOTAL]})]
    members = [np.zeros(leaves.height, dtype=np.int64)]
    count = 1
    for level in wanted:
        own = leaves.select(level).unique().sort(level).with_row_index("_node", offset=count)
        members.append(leaves.join(own, on=level, maintain_order="left")["_node"].to_numpy().astype(np.int64))
        name = "/".join(level)
        key = pl.concat_str([pl.col(column) for column in level], separator="/")
        frames.append(own.select(key.alias("unique_id"), pl.lit(name).alias("level"), *level))
        count += own.height
    nodes = pl.concat(frames, how="diagonal")
    if nodes["unique_id"].is_duplicated().any():
        nodes = nodes.with_columns(unique_id=pl.col("level") + "=" + pl.col("unique_id"))
    row = np.concatenate(members)
    column = np.tile(np.arange(leaves.height), len(members))
    summing = csr_matrix((np.ones(len(row)), (row, column)), shape=(count, leaves.height))
    return Structure(nodes, summing, (TOTAL, *("/".join(level) for level in wanted))), rows
