"""A condition in SQL over a table's columns, checked against a list of what is allowed and translated to Ibis.

No subqueries, no other tables, no functions outside the list: a condition can say which rows are wrong and nothing
else. Columns of money are in major units, as people write them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.money import UNUSUAL, scale
from quarterdeck.base.schema import table

if TYPE_CHECKING:
    from quarterdeck.quality.check import Moment

Translate = Callable[[Any], Any]

FUNCTIONS = ("lower", "upper", "trim", "length", "abs", "coalesce", "nullif", "days_between", "today")
"""Functions that a condition may use; `today` is the day on which the data is checked."""


def columns_of(text: str) -> tuple[str, ...]:
    """The columns that an expression names, in order."""
    from sqlglot import exp

    return tuple(dict.fromkeys(column.name for column in parsed(text).find_all(exp.Column)))


@cache
def parsed(text: str) -> Any:
    """The expression's tree. Raises QuarterdeckError when it is no single expression."""
    import sqlglot
    from sqlglot import exp

    try:
        trees = sqlglot.parse(f"SELECT {text}", dialect="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError) as fault:
        place = getattr(fault, "errors", None)
        near = f" near {place[0]['highlight']!r}" if place and place[0].get("highlight") else ""
        raise QuarterdeckError(f"{text!r} is no SQL expression{near}") from None
    tree = trees[0] if len(trees) == 1 else None
    allowed = {"expressions", "kind", "hint", "distinct", "limit", "operation_modifiers", "exclude"}
    extra = [key for key, value in tree.args.items() if value and key not in allowed] if tree is not None else ["more"]
    if not isinstance(tree, exp.Select) or extra or tree.args.get("distinct") or len(tree.expressions) != 1:
        raise QuarterdeckError(f"{text!r} must be one expression over the table's columns, such as amount > 1000")
    return tree.expressions[0]


def refuse(text: str, name: str) -> str | None:
    """What is wrong with an expression over a table; None when it can be used."""
    try:
        tree = parsed(text)
    except QuarterdeckError as fault:
        return str(fault)
    known = table(name).names
    return next((said for node in tree.walk() if (said := _refused(node, name, known))), None)


def _refused(node: Any, name: str, known: tuple[str, ...]) -> str | None:
    from sqlglot import exp

    if isinstance(node, exp.Column):
        if node.table or node.name not in known:
            return f"{name} has no column {node.sql()!r}; {did_you_mean(node.name, known)}"
    elif isinstance(node, exp.Cast) and not node.is_type("date"):
        return f"{node.sql()!r} cannot be used; only days are read from text: date '2024-07-01'"
    elif isinstance(node, exp.Like | exp.ILike) and not node.expression.is_string:
        return f"{node.sql()!r} cannot be used; compare with a pattern in quotes"
    elif isinstance(node, exp.Case) and node.this is not None:
        return f"{node.sql()!r} cannot be used; write case when … then … else … end"
    elif isinstance(node, exp.Func) and _function(node) is None and type(node) not in _nodes():
        return f"{_said(node)!r} cannot be used; known functions: {', '.join(FUNCTIONS)}"
    elif type(node) not in _nodes() and _function(node) is None and not isinstance(node, exp.Identifier | exp.DataType):
        return f"{node.sql()!r} cannot be used in a check; write a condition over the columns of {name}"
    return None


def _said(node: Any) -> str:
    return str(node.name or node.sql_name()).lower()


def _function(node: Any) -> str | None:
    """Our name of a function's node."""
    from sqlglot import exp

    named = {
        exp.Lower: "lower", exp.Upper: "upper", exp.Trim: "trim", exp.Length: "length", exp.Abs: "abs",
        exp.Coalesce: "coalesce", exp.Nullif: "nullif", exp.CurrentDate: "today",
    }  # fmt: skip
    if type(node) in named:
        return named[type(node)]
    if isinstance(node, exp.Anonymous) and node.name.lower() in FUNCTIONS:
        return node.name.lower()
    return None


@cache
def _nodes() -> dict[type, Any]:
    """How each allowed node is translated, from the translations of its parts."""
    import operator

    from sqlglot import exp

    return {
        exp.And: operator.and_, exp.Or: operator.or_, exp.EQ: operator.eq, exp.NEQ: operator.ne,
        exp.GT: operator.gt, exp.GTE: operator.ge, exp.LT: operator.lt, exp.LTE: operator.le,
        exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: operator.mul, exp.Div: operator.truediv,
        exp.Column: None, exp.Literal: None, exp.Boolean: None, exp.Null: None, exp.Paren: None, exp.Not: None,
        exp.Neg: None, exp.Is: None, exp.In: None, exp.Between: None, exp.Like: None, exp.ILike: None, exp.Case: None,
        exp.If: None, exp.Cast: None, exp.DPipe: None,
    }  # fmt: skip


def translate(text: str, rows: Any, name: str, moment: Moment) -> Any:
    """The expression as an Ibis value over the rows of the table. Expects that `refuse` found nothing.

    Instants are compared as the days on which they lie in UTC when they meet a day.
    """
    return _Translator(rows, name, moment).value(parsed(text))


class _Translator:
    def __init__(self, rows: Any, name: str, moment: Moment) -> None:
        self.rows, self.name, self.moment = rows, name, moment

    def value(self, node: Any) -> Any:
        from sqlglot import exp

        if isinstance(node, exp.Column):
            return self._column(node.name)
        if function := _function(node):
            return self._call(function, node)
        simple = _nodes().get(type(node))
        if simple is not None:
            return simple(*self._alike(node.this, node.expression))
        method: Translate = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node)

    def _column(self, name: str) -> Any:
        kind = table(self.name).column(name).type
        column = self.rows[name]
        if kind == "money":
            return column.cast("float64") / self._scale()
        return column.cast("float64") if kind == "decimal" else column

    def _scale(self) -> Any:
        """Minor units in a major one of each record's currency; the company's where it names none."""
        import ibis

        own = float(scale(self.moment.company.currency))
        if "currency" not in self.rows.columns:
            return own
        currency = self.rows.currency
        unusual = [
            (currency.isin([name for name, places in UNUSUAL.items() if places == digits]), 10.0**digits)
            for digits in sorted(set(UNUSUAL.values()))
        ]
        blank = currency.isnull() | (currency.strip() == "")
        return ibis.cases((blank, own), *unusual, else_=float(scale("USD")))

    def _alike(self, *nodes: Any) -> list[Any]:
        """The values of nodes; where one is a day, texts are read as days and instants become theirs."""
        import ibis

        values = [self.value(node) for node in nodes]
        kinds = [value.type() for value in values]
        if not any(kind.is_date() or kind.is_timestamp() for kind in kinds):
            return values
        return [
            ibis.literal(date.fromisoformat(str(node.name))) if kind.is_string() and node.is_string
            else value.date() if kind.is_timestamp() else value
            for node, value, kind in zip(nodes, values, kinds, strict=True)
        ]  # fmt: skip

    def _call(self, function: str, node: Any) -> Any:
        import ibis

        if function == "today":
            return ibis.literal(self.moment.today)
        if function == "days_between":
            first, last = (self.value(part) for part in node.expressions)
            days = [value.cast("timestamp").epoch_seconds().cast("int64") for value in self._days(first, last)]
            return ((days[1] - days[0]) / 86_400).floor().cast("int64")
        parts = [self.value(part) for part in (node.this, *node.expressions)] if node.this is not None else []
        if function == "coalesce":
            return ibis.coalesce(*parts)
        if function == "nullif":
            return parts[0].nullif(self.value(node.expression))
        method = {"trim": "strip"}.get(function, function)
        return getattr(parts[0], method)()

    def _days(self, *values: Any) -> list[Any]:
        return [value.date() if value.type().is_timestamp() else value for value in values]

    def _literal(self, node: Any) -> Any:
        import ibis

        if node.is_string:
            return ibis.literal(node.this)
        return ibis.literal(float(node.this) if "." in node.this or "e" in node.this.lower() else int(node.this))

    def _boolean(self, node: Any) -> Any:
        import ibis

        return ibis.literal(bool(node.this))

    def _null(self, _node: Any) -> Any:
        import ibis

        return ibis.null()

    def _paren(self, node: Any) -> Any:
        return self.value(node.this)

    def _not(self, node: Any) -> Any:
        return ~self.value(node.this)

    def _neg(self, node: Any) -> Any:
        return -self.value(node.this)

    def _is(self, node: Any) -> Any:
        from sqlglot import exp

        if isinstance(node.expression, exp.Null):
            return self.value(node.this).isnull()
        return self.value(node.this) == self.value(node.expression)

    def _in(self, node: Any) -> Any:
        return self.value(node.this).isin([self._alike(node.this, part)[1] for part in node.expressions])

    def _between(self, node: Any) -> Any:
        value, low, high = self._alike(node.this, node.args["low"], node.args["high"])
        return (value >= low) & (value <= high)

    def _like(self, node: Any) -> Any:
        return self.value(node.this).like(node.expression.name)

    def _ilike(self, node: Any) -> Any:
        return self.value(node.this).lower().like(node.expression.name.lower())

    def _case(self, node: Any) -> Any:
        import ibis

        pairs = [(self.value(part.this), self.value(part.args["true"])) for part in node.args["ifs"]]
        other = node.args.get("default")
        return ibis.cases(*pairs, else_=self.value(other) if other is not None else None)

    def _cast(self, node: Any) -> Any:
        import ibis

        if node.this.is_string:
            return ibis.literal(date.fromisoformat(node.this.name))
        return self.value(node.this).date()

    def _dpipe(self, node: Any) -> Any:
        return self.value(node.this).cast("string") + self.value(node.expression).cast("string")
