"""Formulas of metrics: arithmetic over sums of measures, written as text and read as polars expressions.

A formula knows names, numbers, + - * / and parentheses. Dividing by 0 gives nothing, which makes the figure empty.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache

import polars as pl

from quarterdeck.base.errors import QuarterdeckError

_OPERATIONS: dict[type[ast.operator], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: pl.when(right != 0).then(left / right),
}


@cache
def names(formula: str) -> tuple[str, ...]:
    """Names in a formula, each once, in order.

    >>> names("won / (won + lost)")
    ('won', 'lost')
    """
    found = [node for node in ast.walk(_tree(formula)) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))


@cache
def expression(formula: str) -> pl.Expr:
    """The formula as a polars expression over a row of sums. Raises QuarterdeckError on anything but arithmetic.

    >>> pl.DataFrame({"won": [3, 0], "lost": [1, 0]}).select(expression("won / (won + lost)")).to_series().to_list()
    [0.75, None]
    """
    return _expression(_tree(formula), formula)


def _tree(formula: str) -> ast.expr:
    try:
        return ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise QuarterdeckError(f"{formula!r} is no formula; write one such as won / (won + lost)") from None


def _expression(node: ast.expr, formula: str) -> pl.Expr:
    match node:
        case ast.Name(id=name):
            return pl.col(name)
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return pl.lit(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_expression(operand, formula)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_expression(left, formula), _expression(right, formula))
        case _:
            pass
    raise QuarterdeckError(f"{formula!r} holds {ast.unparse(node)!r}; a formula has names, numbers, + - * / and ( )")
