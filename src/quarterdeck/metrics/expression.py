"""SQL expressions of a company's own metrics: read with sqlglot, allowed word by word, built as Ibis.

An own measure is arithmetic over aggregates that add up: `sum(amount) filter (where status = 'won') / count(*)`. What
is inside an aggregate speaks of one row of the table, and of the one row of another table that it refers to
(`accounts.industry`). A number beside money is in major units of the company's currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import table, tables

Kind = Literal["money", "number", "text", "flag", "day", "instant", "nothing"]

_KINDS: dict[str, Kind] = {
    "money": "money",
    "integer": "number",
    "number": "number",
    "decimal": "number",
    "flag": "flag",
    "day": "day",
    "instant": "instant",
}
_NOT_ADDITIVE = {
    "Median": "a median of parts is no median of the whole",
    "Quantile": "a quantile of parts is no quantile of the whole",
    "PercentileCont": "a quantile of parts is no quantile of the whole",
    "Min": "it is no sum; a smallest value of members does not add up",
    "Max": "it is no sum; a largest value of members does not add up",
    "Stddev": "spreads do not add up",
    "Variance": "spreads do not add up",
    "ApproxDistinct": "the same thing would count in several members and periods",
}


@dataclass(frozen=True)
class Aggregate:
    """A sum or count of an own measure: SQL trees of its argument (None counts rows) and of its condition."""

    argument: Any
    condition: Any
    is_money: bool = False


@dataclass(frozen=True)
class Parsed:
    """An own measure: its aggregates, and the formula over their names."""

    aggregates: dict[str, Aggregate]
    formula: str


def parents(entity: str) -> dict[str, str]:
    """Tables that a row of the table refers to, with the column that leads there."""
    found: dict[str, str] = {}
    for column in table(entity).columns:
        match = re.search(r"\b(\w+)\.id\b", column.description)
        if match and match[1] in tables() and match[1] != entity:
            found.setdefault(match[1], column.name)
    return found


def parse(text: str, entity: str, prefix: str) -> Parsed:
    """The measure as aggregates and a formula; raises QuarterdeckError that says what is not allowed and why."""
    import sqlglot
    from sqlglot import expressions as sql

    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except sqlglot.errors.ParseError as fault:
        detail = fault.errors[0]["description"] if fault.errors else "it cannot be read"
        raise QuarterdeckError(f"{text!r} is no expression ({detail}); write one such as sum(amount)") from None
    found: dict[str, Aggregate] = {}

    def named(argument: Any, condition: Any) -> str:
        is_money = argument is not None and _kind(argument, entity) == "money"
        if argument is not None and _kind(argument, entity) not in ("money", "number"):
            raise QuarterdeckError(f"sum({argument.sql()}) adds up no numbers; count(*) counts rows")
        if condition is not None and _kind(condition, entity) not in ("flag", "nothing"):
            raise QuarterdeckError(f"{condition.sql()} is no condition; write one such as status = 'won'")
        name = f"{prefix}_{len(found)}"
        found[name] = Aggregate(argument, condition, is_money)
        return name if argument is None else f"({name} / 1000)"

    def formula(node: Any, condition: Any = None) -> str:
        match node:
            case sql.Paren():
                return f"({formula(node.this)})"
            case sql.Neg():
                return f"(0 - {formula(node.this)})"
            case sql.Add() | sql.Sub() | sql.Mul() | sql.Div():
                sign = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}[type(node).__name__]
                return f"({formula(node.this)} {sign} {formula(node.expression)})"
            case sql.Literal() if not node.is_string:
                return str(node.this)
            case sql.Filter():
                return formula(node.this, node.expression.this)
            case sql.Sum():
                return named(node.this, condition)
            case sql.Count() if isinstance(node.this, sql.Distinct):
                raise QuarterdeckError(
                    f"{node.sql()} does not add up: the same thing would count in several members and periods; make "
                    "the table of those things the entity and count its rows"
                )
            case sql.Count():
                return named(None, _counted(node.this, condition))
            case sql.Avg():
                rows = named(None, _counted(node.this, condition))
                return f"({named(node.this, condition)} / {rows})"
            case _:
                raise QuarterdeckError(_refusal(node))

    return Parsed(found, formula(tree)) if found or (formula(tree) and found) else _without(text)


def _without(text: str) -> Parsed:
    raise QuarterdeckError(f"{text!r} adds nothing up; write sum(…) or count(*)")


def _counted(argument: Any, condition: Any) -> Any:
    """Rows that a count or a mean speaks of: where its argument is there."""
    from sqlglot import expressions as sql

    if argument is None or isinstance(argument, sql.Star | sql.Literal):
        return condition
    there = sql.Not(this=sql.Is(this=sql.Paren(this=argument.copy()), expression=sql.Null()))
    return there if condition is None else sql.And(this=sql.Paren(this=condition.copy()), expression=there)


def _refusal(node: Any) -> str:
    from sqlglot import expressions as sql

    reason = _NOT_ADDITIVE.get(type(node).__name__)
    if reason:
        return f"{node.sql()} does not add up: {reason}; write it as sums and counts, or leave it out"
    if isinstance(node, sql.Select | sql.Subquery):
        return f"{node.sql()} is a query; an own measure is an expression over rows of its entity"
    if isinstance(node, sql.Column):
        return f"{node.sql()} is a value of one row; say how rows add up, such as sum({node.sql()})"
    return f"{node.sql()} is not allowed here; a measure is made of sum, count, avg, + - * / and numbers"


def _column(node: Any, entity: str) -> tuple[str, str]:
    """The table and column that a name means."""
    if not node.table or node.table == entity:
        return entity, table(entity).column(node.name).name
    if node.table in parents(entity):
        return node.table, table(node.table).column(node.name).name
    if node.table in tables() and entity in parents(node.table):
        raise QuarterdeckError(
            f"{node.sql()}: {node.table} has many rows for one of {entity}, so a join would count {entity} several "
            f"times; make {node.table} the entity and write {entity}.COLUMN for its columns"
        )
    known = (entity, *parents(entity))
    raise QuarterdeckError(f"{node.sql()}: {entity} refers to no {node.table!r}; {did_you_mean(node.table, known)}")


def columns(trees: list[Any], entity: str) -> dict[str, set[str]]:
    """Columns that trees speak of, by table."""
    from sqlglot import expressions as sql

    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in tree.find_all(sql.Column) if tree is not None else ():
            name, column = _column(node, entity)
            found.setdefault(name, set()).add(column)
    return found


def _kind(node: Any, entity: str) -> Kind:
    """What a tree gives, by the schema; raises on what is not allowed, without looking at any row."""
    return build(node, entity, None, 1)[1]


Built = tuple[Any, Kind]


def build(node: Any, entity: str, value: Callable[[str, str], Any] | None, scale: int) -> Built:
    """The tree as an Ibis expression with its kind. `value` gives a table's column; without it only the kind is told.

    `scale` is how many minor units a major one has: plain numbers beside money are multiplied by it.
    """
    from sqlglot import expressions as sql

    def inner(part: Any) -> Built:
        return build(part, entity, value, scale)

    match node:
        case sql.Paren():
            return inner(node.this)
        case sql.Column():
            name, column = _column(node, entity)
            kind = _KINDS.get(table(name).column(column).type, "text")
            return (value(name, column) if value else None), kind
        case sql.Literal() | sql.Boolean() | sql.Null():
            return _literal(node, value is not None)
        case sql.Cast() if node.to.this.name in ("DATE", "TIMESTAMP") and isinstance(node.this, sql.Literal):
            made = inner(node.this)[0]
            kind = "day" if node.to.this.name == "DATE" else "instant"
            return (made.cast("date" if kind == "day" else "timestamp") if value else None), kind
        case sql.Neg():
            made, kind = inner(node.this)
            return (-made if value else None), kind
        case sql.Not():
            made, _ = inner(node.this)
            return (~made if value else None), "flag"
        case sql.In() | sql.Between() | sql.Is() | sql.Like() | sql.ILike():
            return _test(node, inner, value is not None, scale), "flag"
        case sql.Case() | sql.Coalesce() | sql.Nullif() | sql.Abs() | sql.Lower() | sql.Upper():
            return _call(node, inner, value is not None, scale)
        case sql.Binary() if type(node).__name__ in _BINARY:
            return _binary(node, inner, value is not None, scale)
        case _:
            pass
    raise QuarterdeckError(
        f"{node.sql()} is not allowed in a measure; use columns, numbers, texts, + - * /, comparisons, and, or, not, "
        "in, between, like, is null, case, coalesce, nullif, abs, lower, upper"
    )


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": lambda left, right: left + right,
    "Sub": lambda left, right: left - right,
    "Mul": lambda left, right: left * right,
    "Div": lambda left, right: left / right.nullif(0),
    "EQ": lambda left, right: left == right,
    "NEQ": lambda left, right: left != right,
    "GT": lambda left, right: left > right,
    "GTE": lambda left, right: left >= right,
    "LT": lambda left, right: left < right,
    "LTE": lambda left, right: left <= right,
    "And": lambda left, right: left & right,
    "Or": lambda left, right: left | right,
}


def _literal(node: Any, is_built: bool) -> Built:
    from sqlglot import expressions as sql

    content: Any
    if isinstance(node, sql.Null):
        content, kind = None, "nothing"
    elif isinstance(node, sql.Boolean):
        content, kind = bool(node.this), "flag"
    elif node.is_string:
        content, kind = str(node.this), "text"
    else:
        text = str(node.this)
        content, kind = (float(text) if set(text) & set(".eE") else int(text)), "number"
    if not is_built:
        return None, kind  # type: ignore[return-value]
    import ibis

    return ibis.literal(content), kind  # type: ignore[return-value]


def _alike(parts: list[Built], is_built: bool, scale: int, text: str) -> tuple[list[Any], Kind]:
    """Values of one kind: a plain number beside money becomes minor units. Raises where kinds do not go together."""
    kinds = {kind for _, kind in parts if kind != "nothing"}
    if kinds == {"money", "number"}:
        made = [part * scale if kind == "number" and is_built else part for part, kind in parts]
        return made, "money"
    if len(kinds) > 1 and kinds not in ({"day", "text"}, {"instant", "text"}, {"day", "instant"}):
        raise QuarterdeckError(f"{text} compares {' with '.join(sorted(kinds))}; make both sides of one kind")
    return [part for part, _ in parts], next(iter(sorted(kinds)), "nothing")


def _binary(node: Any, inner: Callable[[Any], Built], is_built: bool, scale: int) -> Built:
    name = type(node).__name__
    left, right = inner(node.this), inner(node.expression)
    kinds = (left[1], right[1])
    if name in ("Mul", "Div"):
        if not set(kinds) <= {"money", "number", "nothing"} or (name == "Mul" and kinds == ("money", "money")):
            raise QuarterdeckError(f"{node.sql()} multiplies or divides {kinds[0]} by {kinds[1]}; use numbers")
        kind: Kind = "number" if "money" not in kinds or kinds == ("money", "money") else "money"
        if name == "Div" and kinds == ("number", "money"):
            raise QuarterdeckError(f"{node.sql()} divides a number by money; turn it around")
        return (_BINARY[name](left[0], right[0]) if is_built else None), kind
    if name in ("And", "Or"):
        return (_BINARY[name](left[0], right[0]) if is_built else None), "flag"
    parts, kind = _alike([left, right], is_built, scale, node.sql())
    if name in ("Add", "Sub") and kind not in ("money", "number"):
        raise QuarterdeckError(f"{node.sql()} adds up {kind}; use numbers")
    made = _BINARY[name](*parts) if is_built else None
    return made, kind if name in ("Add", "Sub") else "flag"


def _test(node: Any, inner: Callable[[Any], Built], is_built: bool, scale: int) -> Any:
    """in, between, is null, like: conditions over one value."""
    from sqlglot import expressions as sql

    subject = inner(node.this)
    if isinstance(node, sql.Is):
        if not isinstance(node.expression, sql.Null):
            raise QuarterdeckError(f"{node.sql()} is not allowed; write IS NULL or IS NOT NULL")
        return subject[0].isnull() if is_built else None
    if isinstance(node, sql.Like | sql.ILike):
        if subject[1] != "text" or not node.expression.is_string:
            raise QuarterdeckError(f"{node.sql()} looks for no text; write one such as name LIKE 'A%'")
        pattern = str(node.expression.this)
        method = "like" if isinstance(node, sql.Like) else "ilike"
        return getattr(subject[0], method)(pattern) if is_built else None
    if isinstance(node, sql.In):
        if node.args.get("query") is not None or not node.expressions:
            raise QuarterdeckError(f"{node.sql()} asks a query; write the values, such as IN ('won', 'lost')")
        others = [inner(part) for part in node.expressions]
        values, _ = _alike([subject, *others], is_built, scale, node.sql())
        return values[0].isin(values[1:]) if is_built else None
    values, _ = _alike([subject, inner(node.args["low"]), inner(node.args["high"])], is_built, scale, node.sql())
    return (values[0] >= values[1]) & (values[0] <= values[2]) if is_built else None


def _call(node: Any, inner: Callable[[Any], Built], is_built: bool, scale: int) -> Built:
    """case, coalesce, nullif, abs, lower, upper."""
    from sqlglot import expressions as sql

    if isinstance(node, sql.Abs | sql.Lower | sql.Upper):
        made, kind = inner(node.this)
        wanted = ("money", "number") if isinstance(node, sql.Abs) else ("text",)
        if kind not in wanted:
            raise QuarterdeckError(f"{node.sql()} is of {kind}; it wants {' or '.join(wanted)}")
        return (getattr(made, type(node).__name__.lower())() if is_built else None), kind
    if isinstance(node, sql.Case):
        if node.this is not None:
            raise QuarterdeckError(f"{node.sql()}: write CASE WHEN condition THEN value ELSE value END")
        tests = [inner(branch.this)[0] for branch in node.args["ifs"]]
        values = [inner(branch.args["true"]) for branch in node.args["ifs"]]
        default = node.args.get("default") or sql.Null()
        parts, kind = _alike([*values, inner(default)], is_built, scale, node.sql())
        if not is_built:
            return None, kind
        import ibis

        return ibis.cases(*zip(tests, parts[:-1], strict=True), else_=parts[-1]), kind
    rest = node.expressions if isinstance(node, sql.Coalesce) else [node.expression]
    parts, kind = _alike([inner(node.this), *(inner(part) for part in rest)], is_built, scale, node.sql())
    if not is_built:
        return None, kind
    return (parts[0].coalesce(*parts[1:]) if isinstance(node, sql.Coalesce) else parts[0].nullif(parts[1])), kind
