"""The metrics as plain calls on anybody's frames, and the records behind a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from quarterdeck.base.config import Company, instant
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import cube
from quarterdeck.metrics.catalogue import METRICS, metric
from quarterdeck.metrics.engine import evaluate
from quarterdeck.metrics.metric import DIMENSIONS, TOTAL, Period
from quarterdeck.metrics.settings import Grain, MetricsSettings

_INSTANTS = {"opportunities": ("created_at", "closed_at"), "leads": ("created_at", "responded_at", "converted_at")}


def measure(
    frames: Mapping[str, Any],
    metrics: Sequence[str] = tuple(METRICS),
    by: Sequence[str] = (),
    *,
    grain: Grain = "month",
    company: Company | None = None,
    as_of: date | datetime | None = None,
) -> Any:
    """Values of metrics from frames named like the canonical tables (`opportunities`, `accounts`, …).

    Frames are of Polars, pandas or Arrow with the columns of the schema (missing ones are empty, money is in whole
    minor units); the answer is of the kind of `frames["opportunities"]` with the columns of `metric_values`. `Tables`
    are taken too, also those of a database or cluster (`base.backend.BackendTables`), which sums where the rows lie;
    the answer is then of Polars. `by` are dimensions beside the total. Nothing from `as_of` on is counted; without it
    all is. Raises QuarterdeckError on names that do not exist, tables that a metric needs and money that is not whole.

    >>> from datetime import datetime
    >>> deals = pl.DataFrame({"id": ["a", "b"], "status": ["won", "lost"], "closed_at": [datetime(2024, 5, 1)] * 2})
    >>> measure({"opportunities": deals}, ["win_rate"])["value"].to_list()
    [0.5]
    """
    if "opportunities" not in frames:
        raise QuarterdeckError("measure needs a frame named opportunities")
    tables = frames if isinstance(frames, Tables) else _tables(frames)
    chosen = [metric(name) for name in metrics]
    if tuple(metrics) == tuple(METRICS):
        chosen = [entry for entry in chosen if all(tables.has(name) for name in entry.needs)]
    for entry in chosen:
        for name in entry.needs:
            if not tables.has(name):
                raise QuarterdeckError(f"The metric {entry.name} needs the table {name}; give a frame of that name")
    for name in by:
        if name not in DIMENSIONS:
            raise QuarterdeckError(f"There is no dimension {name!r}; {did_you_mean(name, DIMENSIONS)}")
    company = company or Company()
    settings = MetricsSettings(dimensions=tuple(by), grains=(grain,))
    values = evaluate(tables, company, _moment(as_of, tables, company), chosen, settings)
    return values if isinstance(frames, Tables) else _like(frames["opportunities"], values)


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
) -> pl.DataFrame:
    """The records behind a figure: rows of `opportunities` or `leads`, as many as the figure's n.

    The period goes from its first day to before `period_end`. Raises QuarterdeckError on a metric or dimension that
    does not exist.
    """
    entry = metric(name)
    if dimension != TOTAL and dimension not in DIMENSIONS:
        raise QuarterdeckError(f"There is no dimension {dimension!r}; {did_you_mean(dimension, DIMENSIONS)}")
    company = company or Company()
    moment = as_of or _moment(None, tables, company)
    by = () if dimension == TOTAL else (dimension,)
    rows = cube.prepared(entry.entity, tables, company, moment, by)
    behind = rows.filter(entry.rows(rows, Period(period_start, period_end)))
    if by:
        if dimension not in rows.columns:
            raise QuarterdeckError(f"{entry.title} is not measured by {dimension}")
        behind = behind.filter(behind[dimension] == member)
    whole = tables.relation("opportunities" if entry.entity == "deals" else "leads")
    frame: pl.DataFrame = whole.semi_join(behind, whole.id == behind.id).order_by("id").to_polars()
    return frame


def _moment(as_of: date | datetime | None, tables: Tables, company: Company) -> datetime:
    """The given moment as an instant, else that after the last thing that happened."""
    if isinstance(as_of, datetime):
        return as_of
    if as_of is not None:
        return instant(as_of, company)
    found = []
    for name, columns in _INSTANTS.items():
        if tables.has(name):
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
