"""The metrics as plain calls on anybody's frames, and the records behind a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import polars as pl

from quarterdeck.base.calendar import period_start
from quarterdeck.base.config import Company, instant
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import facts, table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.catalogue import BUILT_IN, Catalogue, catalogue_of
from quarterdeck.metrics.engine import evaluate, is_measurable
from quarterdeck.metrics.metric import DIMENSIONS, TOTAL, Metric, Period
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import Grain, MetricsSettings

Compare = Literal["previous", "year"]


def measure(
    frames: Mapping[str, Any],
    metrics: Sequence[str] = (),
    by: Sequence[str] = (),
    *,
    grain: Grain = "month",
    compare: Compare | None = None,
    to_date: bool = False,
    company: Company | None = None,
    as_of: date | datetime | None = None,
    settings: MetricsSettings | None = None,
) -> Any:
    """Values of metrics from frames named like the canonical tables (`opportunities`, `invoices`, …).

    Frames are of Polars, pandas or Arrow with the columns of the schema (missing ones are empty, money is in whole
    minor units); the answer is of the kind of the first frame with the columns of `metric_values`. `Tables` are taken
    too, also those of a database or cluster (`base.backend.BackendTables`), which sums where the rows lie; the answer
    is then of Polars. Without `metrics` it is all that the tables can tell. `by` are dimensions beside the total. With
    `compare` ("previous" period or the same one of the fiscal "year" before) come the columns `compared`, `change` and
    `change_rate`, with `to_date` the value since the fiscal year began. Nothing from `as_of` on is counted; without it
    all is. Raises QuarterdeckError on names that do not exist, tables that a metric needs, dimensions that it lacks and
    money that is not whole.

    >>> from datetime import datetime
    >>> deals = pl.DataFrame({"id": ["a", "b"], "status": ["won", "lost"], "closed_at": [datetime(2024, 5, 1)] * 2})
    >>> measure({"opportunities": deals}, ["win_rate"])["value"].to_list()
    [0.5]
    """
    if not frames:
        raise QuarterdeckError("measure needs a frame, such as opportunities")
    tables = frames if isinstance(frames, Tables) else _tables(frames)
    settings = settings or MetricsSettings()
    catalogue = catalogue_of(settings)
    chosen = _chosen(catalogue, metrics, by, tables)
    company = company or Company()
    scope = Scope(tables, company, _moment(as_of, tables, company), settings)
    values = evaluate(scope, catalogue, chosen, by, (grain,))
    other = {"previous": "previous", "year": "year_before", None: None}[compare]
    if other:
        compared, value = pl.col(other), pl.col("value")
        values = values.with_columns(
            compared=compared,
            change=value - compared,
            change_rate=pl.when(compared != 0).then((value - compared) / compared.abs()),
        )
    values = values.drop("previous", "year_before", *(() if to_date else ("to_date",)))
    return values if isinstance(frames, Tables) else _like(next(iter(frames.values())), values)


def _chosen(catalogue: Catalogue, metrics: Sequence[str], by: Sequence[str], tables: Tables) -> list[Metric]:
    for name in by:
        if name not in DIMENSIONS:
            raise QuarterdeckError(f"There is no dimension {name!r}; {did_you_mean(name, DIMENSIONS)}")
    if not metrics:
        return [entry for entry in catalogue.metrics.values() if is_measurable(entry, tables)]
    chosen = [catalogue.metric(name) for name in metrics]
    for entry in chosen:
        for name in entry.needs:
            if not tables.has(name):
                raise QuarterdeckError(f"The metric {entry.name} needs the table {name}; give a frame of that name")
        known = catalogue.dimensions(entry)
        for name in by:
            if name not in known:
                raise QuarterdeckError(f"{entry.title} is not measured by {name}; it has {', '.join(known)}")
    return chosen


def add_up(values: pl.DataFrame, grain: Grain, *, company: Company | None = None) -> pl.DataFrame:
    """Rows of `metric_values` added up to longer periods: the sums of counts and money.

    Raises QuarterdeckError for a stock, which is taken at a moment and cannot be summed over time, and for a ratio,
    whose parts are what adds up; `measure` with that grain gives both.
    """
    company = company or Company()
    for name in values["metric"].unique().sort():
        entry = BUILT_IN.metric(name)
        if entry.is_stock:
            raise QuarterdeckError(
                f"{entry.title} is a stock: it is taken at a period's end and must not be summed over time. "
                f'Ask for measure(..., ["{name}"], grain="{grain}"), which takes it at the end of each {grain}.'
            )
        if not entry.is_additive:
            raise QuarterdeckError(
                f"{entry.title} is a ratio: it does not add up over time. "
                f'Ask for measure(..., ["{name}"], grain="{grain}"), which divides the sums of each {grain}.'
            )
    starts = pl.col("period_start").map_elements(
        lambda day: day if grain == "all" else period_start(day, grain, company), return_dtype=pl.Date
    )
    keys = ["metric", "grain", "period_start", "dimension", "member", "unit"]
    rows = values.with_columns(grain=pl.lit(grain), period_start=starts)
    if grain == "all":
        rows = rows.with_columns(pl.col("period_start").min().over("metric"))
    sums = rows.group_by(keys, maintain_order=True).agg(pl.col("value").sum(), pl.col("n").sum())
    return sums.with_columns(value=pl.when(pl.col("n") > 0).then("value"))


def records(
    tables: Tables,
    name: str,
    period_start: date,
    period_end: date,
    dimension: str = TOTAL,
    member: str = TOTAL,
    *,
    company: Company | None = None,
    as_of: datetime | None = None,
    settings: MetricsSettings | None = None,
) -> pl.DataFrame:
    """The records behind a figure: rows of the table that `records_in` names, as many as the figure's n.

    Of customers they are the accounts. The period goes from its first day to before `period_end`. Raises
    QuarterdeckError on a metric or dimension that does not exist.
    """
    settings = settings or MetricsSettings()
    catalogue = catalogue_of(settings)
    entry = catalogue.metric(name)
    if dimension != TOTAL and dimension not in DIMENSIONS:
        raise QuarterdeckError(f"There is no dimension {dimension!r}; {did_you_mean(dimension, DIMENSIONS)}")
    if dimension not in catalogue.dimensions(entry):
        raise QuarterdeckError(f"{entry.title} is not measured by {dimension}")
    company = company or Company()
    scope = Scope(tables, company, as_of or _moment(None, tables, company), settings)
    by = () if dimension == TOTAL else (dimension,)
    entity = catalogue.entities[entry.entity]
    rows = entity.relation(scope, by)
    behind = rows.filter(entry.rows(rows, Period(period_start, period_end)))
    if by:
        behind = behind.filter(behind[dimension] == member)
    whole = tables.relation(entity.records_in(scope))
    frame: pl.DataFrame = whole.semi_join(behind, whole.id == behind.id).order_by("id").to_polars()
    return frame


def records_in(
    tables: Tables, name: str, *, company: Company | None = None, settings: MetricsSettings | None = None
) -> str:
    """The table that holds the records behind a metric: `opportunities`, `accounts`, `invoices` …"""
    settings = settings or MetricsSettings()
    catalogue = catalogue_of(settings)
    scope = Scope(tables, company or Company(), datetime(1970, 1, 1), settings)
    return catalogue.entities[catalogue.metric(name).entity].records_in(scope)


def _moment(as_of: date | datetime | None, tables: Tables, company: Company) -> datetime:
    """The given moment as an instant, else that after the last thing that happened."""
    if isinstance(as_of, datetime):
        return as_of
    return instant(as_of, company) if as_of is not None else latest(tables)


def latest(tables: Tables) -> datetime:
    """The instant after the last thing that happened."""
    found = []
    for name in facts():
        columns = [column.name for column in table(name).columns if column.type == "instant"]
        if columns and tables.has(name):
            rows = tables.relation(name)
            last: pl.DataFrame = rows.agg(**{column: rows[column].max() for column in columns}).to_polars()
            found += [value for value in last.row(0) if value is not None]
    return max(found, default=datetime(1970, 1, 1)) + timedelta(microseconds=1)


def _tables(frames: Mapping[str, Any]) -> Tables:
    found = {}
    for name, frame in frames.items():
        converted = _polars(frame)
        for column in table(name).columns:
            if column.type == "money" and column.name in converted.columns:
                kind = converted.schema[column.name]
                if not (kind.is_integer() or kind == pl.Null):
                    raise QuarterdeckError(
                        f"{name}.{column.name} holds {kind}; give whole minor units, such as cents: "
                        "(amount * 100).round().cast(int)"
                    )
        found[name] = converted
    return Tables(**found)


def _polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.startswith("pandas"):
        return pl.from_pandas(frame, include_index=False)
    converted = pl.from_arrow(frame)
    assert isinstance(converted, pl.DataFrame)
    return converted


def _like(frame: Any, values: pl.DataFrame) -> Any:
    """The values as the kind of frame that was given."""
    if isinstance(frame, pl.DataFrame):
        return values
    return values.to_pandas() if type(frame).__module__.startswith("pandas") else values.to_arrow()
