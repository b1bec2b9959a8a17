"""A company's own metrics: SQL expressions in the settings, checked there, measured like the built-in ones."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.money import scale
from quarterdeck.base.schema import facts, table
from quarterdeck.metrics import expression
from quarterdeck.metrics.metric import Better, Measure, Metric, Period, Unit, within


class OwnMetric(Section):
    """A metric that the company defines."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)
    """Name, small letters and underscores."""
    title: str | None = None
    """Title on reports; the name when empty."""
    definition: str = Field(min_length=1)
    """What it says, as a sentence."""
    entity: str
    """Table whose rows are counted: opportunities, leads, invoices …"""
    measure: str
    """What adds up, in SQL: sum(amount) filter (where status = 'won')."""
    per: str | None = None
    """What the measure is divided by, in SQL; nothing when empty."""
    date: str
    """Column that says when a row counts, of the entity or of a row that it refers to: opportunities.closed_at."""
    unit: Unit = "count"
    """Unit of the value: money, rate, days, hours, count."""
    better: Better = "higher"
    """Which way is better: higher, lower, neither."""
    owner: str = "sales operations"
    """Who answers for the definition."""
    version: int = Field(default=1, ge=1)
    """Raised when the definition changes its meaning."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> OwnMetric:
        try:
            metric_of(self)
        except QuarterdeckError as fault:
            raise ValueError(str(fault)) from None
        return self


@cache
def metric_of(own: OwnMetric) -> tuple[Metric, tuple[Measure, ...]]:
    """The own metric and its measures; raises QuarterdeckError with what to mend."""
    if own.entity not in facts() or not table(own.entity).columns:
        raise QuarterdeckError(f"there is no table {own.entity!r}; {did_you_mean(own.entity, facts())}")
    where, column = _dated(own)
    day = table(where).column(column)
    if day.type not in ("instant", "day"):
        days = [column.name for column in table(where).columns if column.type in ("instant", "day")]
        raise QuarterdeckError(f"date: {own.date} is {day.type}, not a day; {did_you_mean(own.date, days)}")
    text = own.measure if own.per is None else f"({own.measure}) / ({own.per})"
    parsed = expression.parse(text, own.entity, f"own_{own.name}")
    records = f"own_{own.name}_records"
    measures = [
        Measure(name, f"own:{own.name}", "counted_on", _value(name, aggregate), aggregate.is_money)
        for name, aggregate in parsed.aggregates.items()
    ]
    measures.append(Measure(records, f"own:{own.name}", "counted_on", lambda rows: rows.count(where=rows.is_behind)))
    metric = Metric(
        name=own.name,
        title=own.title or own.name.replace("_", " ").capitalize(),
        definition=own.definition,
        unit=own.unit,
        counted_on=own.date,
        formula=parsed.formula,
        records=records,
        rows=_behind,
        entity=f"own:{own.name}",
        needs=(own.entity,),
        is_additive="/" not in parsed.formula.replace("/ 1000)", ""),
        better=own.better,
        owner=own.owner,
        version=own.version,
    )
    return metric, tuple(measures)


def _dated(own: OwnMetric) -> tuple[str, str]:
    """The table and column of the date: the entity's, or those of a row that it refers to."""
    where, _, column = own.date.rpartition(".")
    known = (own.entity, *expression.parents(own.entity))
    if where and where not in known:
        raise QuarterdeckError(f"date: {own.entity} refers to no {where!r}; {did_you_mean(where, known)}")
    return where or own.entity, column


def _behind(row: Any, period: Period) -> Any:
    return within(row.counted_on, period) & row.is_behind


def _value(name: str, aggregate: expression.Aggregate) -> Any:
    if aggregate.argument is None:
        return lambda rows: rows.count(where=rows[name])
    return lambda rows: rows[name].sum()


def prepare(own: OwnMetric, scope: Any, by: tuple[str, ...], dimensions: tuple[Any, Any]) -> Any:
    """Rows of the entity with the day counted_on, a column an aggregate and is_behind (any of them speaks of the row).

    Sums are in thousandths, money in thousandths of minor units. A row of another table is joined by its key, of which
    it has one, so no row is repeated.
    """
    import ibis

    text = own.measure if own.per is None else f"({own.measure}) / ({own.per})"
    aggregates = expression.parse(text, own.entity, f"own_{own.name}").aggregates
    rows = scope.tables.relation(own.entity)
    trees = [tree for aggregate in aggregates.values() for tree in (aggregate.argument, aggregate.condition)]
    wanted = expression.columns(trees, own.entity)
    where, column = _dated(own)
    wanted.setdefault(where, set()).add(column)
    for parent in sorted(set(wanted) - {own.entity}):
        rows = _joined(rows, scope, parent, expression.parents(own.entity)[parent], sorted(wanted[parent]))

    def value(name: str, column: str) -> Any:
        return rows[column] if name == own.entity else rows[f"{name}__{column}"]

    day = value(where, column)
    is_instant = table(where).column(column).type == "instant"
    rows = rows.mutate(counted_on=scope.day(day) if is_instant else scope.past(day))
    rows = _known(rows, own.entity, scope)
    for name in sorted(wanted.get(own.entity, ())):
        if table(own.entity).column(name).type == "money":
            rows = scope.converted(rows, own.entity, name, rows.counted_on)
    units = scale(scope.company.currency)

    made: dict[str, Any] = {}
    behind = ibis.literal(False)
    for name, aggregate in aggregates.items():
        speaks = ibis.literal(True)
        if aggregate.condition is not None:
            speaks = expression.build(aggregate.condition, own.entity, value, units)[0].fill_null(False)
        if aggregate.argument is None:
            made[name] = speaks
        else:
            number = expression.build(aggregate.argument, own.entity, value, units)[0]
            made[name] = speaks.ifelse((number * 1000 + 0.5).floor().cast("int64"), None)
            speaks &= number.notnull()
        behind |= speaks
    rows = scope.members(rows.mutate(is_behind=behind, **made), by, *dimensions)
    return rows.select("id", "counted_on", "is_behind", *made, *by)


def _known(rows: Any, entity: str, scope: Any) -> Any:
    """Rows that had come to exist before the moment."""
    born = table(entity).born
    if not born:
        return rows
    is_instant = table(entity).column(born).type == "instant"
    bound = scope.as_of if is_instant else scope.today
    is_past = rows[born] < bound if is_instant else rows[born] <= bound
    return rows.filter(rows[born].isnull() | is_past)


def _joined(rows: Any, scope: Any, parent: str, key: str, names: list[str]) -> Any:
    other = scope.tables.relation(parent)
    unique = other.group_by(parent_id=other.id).agg(**{f"{parent}__{name}": _one(other[name]) for name in names})
    return rows.left_join(unique, rows[key] == unique.parent_id).drop("parent_id")


def _one(column: Any) -> Any:
    """The value of a key's one row, by an aggregate that every engine has."""
    return column.ifelse(1, 0).max() == 1 if column.type().is_boolean() else column.max()
