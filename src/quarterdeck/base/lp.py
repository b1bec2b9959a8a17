"""The one door to the solver: blocks of variables and rows over arrays, solved by HiGHS.

Arrays instead of an algebraic language: 20 times faster to build, and a model's text form (`text`) is what the golden
files hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
INFINITY = float("inf")


@dataclass(frozen=True)
class Solution:
    """A solved model: `status` optimal, infeasible, unbounded or the solver's own word; values by block."""

    status: str
    objective: float
    values: dict[str, Floats]
    duals: dict[str, Floats]


class Model:
    """A linear (or mixed-integer) program to be minimised.

    >>> model = Model()
    >>> x = model.variables("x", (2,), upper=4, cost=[1, 2])
    >>> model.rows("demand", (1,), [(x[None, :], 1.0)], lower=6)
    >>> model.solve().objective
    8.0
    """

    def __init__(self) -> None:
        self._blocks: dict[str, Indices] = {}
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._cost: list[Floats] = []
        self._integer: list[NDArray[np.bool_]] = []
        self._rows: dict[str, Indices] = {}
        self._row_lower: list[Floats] = []
        self._row_upper: list[Floats] = []
        self._entries: list[tuple[Indices, Indices, Floats]] = []
        self._columns = 0
        self._height = 0

    def variables(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = INFINITY,
        cost: ArrayLike = 0.0,
        is_integer: bool = False,
    ) -> Indices:
        """A block of variables; returns their indices in that shape. Bounds and costs broadcast to the shape."""
        size = int(np.prod(shape))
        index = np.arange(self._columns, self._columns + size, dtype=np.int64).reshape(shape)
        for store, value in ((self._lower, lower), (self._upper, upper), (self._cost, cost)):
            store.append(np.broadcast_to(np.asarray(value, dtype=np.float64), shape).ravel())
        self._integer.append(np.full(size, is_integer))
        self._blocks[name] = index
        self._columns += size
        return index

    def rows(
        self,
        name: str,
        shape: tuple[int, ...],
        terms: Sequence[tuple[ArrayLike, ArrayLike]],
        *,
        lower: ArrayLike = -INFINITY,
        upper: ArrayLike = INFINITY,
    ) -> None:
        """A block of constraints `lower <= sum of coefficient * variable <= upper`.

        Each term is (variable indices, coefficients): indices have the block's shape, or one more axis that is summed;
        an index of -1 is left out. Coefficients broadcast to the indices.
        """
        size = int(np.prod(shape))
        index = np.arange(self._height, self._height + size, dtype=np.int64).reshape(shape)
        for variables, coefficients in terms:
            columns = np.asarray(variables, dtype=np.int64)
            extra = columns.ndim - len(shape)
            rows = np.broadcast_to(index.reshape(shape + (1,) * extra), columns.shape)
            values = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), columns.shape)
            keep = (columns >= 0) & (values != 0)
            self._entries.append((rows[keep], columns[keep], values[keep]))
        for store, value in ((self._row_lower, lower), (self._row_upper, upper)):
            store.append(np.broadcast_to(np.asarray(value, dtype=np.float64), shape).ravel())
        self._rows[name] = index
        self._height += size

    def _matrix(self) -> Any:
        from scipy.sparse import csc_matrix

        if not self._entries:
            return csc_matrix((self._height, self._columns))
        rows, columns, values = (np.concatenate(part) for part in zip(*self._entries, strict=True))
        return csc_matrix((values, (rows, columns)), shape=(self._height, self._columns))

    def _highs(self, seconds: float | None) -> Any:
        import highspy

        matrix = self._matrix()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self._columns, self._height
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = (_joined(part) for part in (self._cost, self._lower, self._upper))
        lp.row_lower_, lp.row_upper_ = _joined(self._row_lower), _joined(self._row_upper)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = matrix.indptr
        lp.a_matrix_.index_ = matrix.indices
        lp.a_matrix_.value_ = matrix.data
        integer = np.concatenate(self._integer) if self._integer else np.zeros(0, dtype=bool)
        if integer.any():
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(flag)] for flag in integer]
        solver = highspy.Highs()
        options: dict[str, Any] = {"output_flag": False, "threads": 1, "random_seed": 1}
        # Dual simplex does not finish on the large ones; interior point does.
        if not integer.any() and self._columns > 20_000:
            options["solver"] = "ipm"
        if seconds is not None:
            options["time_limit"] = float(seconds)
        for name, value in options.items():
            if solver.setOptionValue(name, value) != highspy.HighsStatus.kOk:
                raise RuntimeError(f"HiGHS refused the option {name}={value}")
        solver.passModel(lp)
        return solver

    def solve(self, seconds: float | None = None) -> Solution:
        """Solve to optimality, or to the best found within the seconds (then the status says so)."""
        solver = self._highs(seconds)
        solver.run()
        status = solver.modelStatusToString(solver.getModelStatus()).lower()
        found = solver.getSolution()
        values, duals = np.asarray(found.col_value, dtype=float), np.asarray(found.row_dual, dtype=float)
        return Solution(
            status=status,
            objective=float(solver.getInfo().objective_function_value),
            values={name: values[index] for name, index in self._blocks.items()} if values.size else {},
            duals={name: duals[index] for name, index in self._rows.items()} if duals.size else {},
        )

    def text(self) -> str:
        """The model in words, one row a line: what golden files hold."""
        names = np.empty(self._columns, dtype=object)
        for block, index in self._blocks.items():
            for place in np.ndindex(index.shape):
                names[index[place]] = f"{block}[{','.join(map(str, place))}]"
        matrix = self._matrix().tocsr()
        lower, upper = _joined(self._row_lower), _joined(self._row_upper)
        lines = ["minimise " + _sum(_joined(self._cost), names)]
        for block, index in self._rows.items():
            for place in np.ndindex(index.shape):
                row = int(index[place])
                part = slice(matrix.indptr[row], matrix.indptr[row + 1])
                body = _sum(matrix.data[part], names[matrix.indices[part]])
                lines.append(f"{block}[{','.join(map(str, place))}]: {_bounded(body, lower[row], upper[row])}")
        for name, low, high in zip(names, _joined(self._lower), _joined(self._upper), strict=True):
            if (low, high) != (0.0, INFINITY):
                lines.append(_bounded(name, low, high))
        return "\n".join(lines) + "\n"


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _sum(values: Floats, names: NDArray[Any]) -> str:
    return " + ".join(f"{value:g} {name}" for value, name in zip(values, names, strict=True) if value) or "0"


def _bounded(body: str, low: float, high: float) -> str:
    if low == high:
        return f"{body} = {low:g}"
    left = "" if low == -INFINITY else f"{low:g} <= "
    right = "" if high == INFINITY else f" <= {high:g}"
    return left + body + right
