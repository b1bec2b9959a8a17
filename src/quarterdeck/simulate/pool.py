"""A growing table of live agents or records: columns of equal length, rows come and go."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
Rows = dict[str, Column]


class Pool:
    """Columns by name, all of one length. `types` fixes the columns."""

    def __init__(self, **types: str) -> None:
        self._columns: Rows = {name: np.empty(0, dtype=kind) for name, kind in types.items()}

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __setitem__(self, name: str, values: Any) -> None:
        self._columns[name][:] = values

    def add(self, count: int, **values: Any) -> None:
        """Append rows; every column must be given, as an array or one value for all."""
        if set(values) != set(self._columns):
            raise KeyError(f"columns differ: {sorted(set(values) ^ set(self._columns))}")
        for name, old in self._columns.items():
            new = np.broadcast_to(np.asarray(values[name]), (count,)).astype(old.dtype)
            self._columns[name] = np.concatenate([old, new])

    def rows(self, mask: Column | slice = slice(None)) -> Rows:
        """A copy of the rows that the mask (or an index array) marks."""
        return {name: column[mask].copy() for name, column in self._columns.items()}

    def take(self, mask: Column) -> Rows:
        """Remove the rows that the mask marks and return them."""
        taken = self.rows(mask)
        if mask.any():
            for name, column in self._columns.items():
                self._columns[name] = column[~mask]
        return taken
