"""Every metric by hand: rows in, values out.

A case holds the tables' rows and, for months and quarters of the total and months of regions, `[value, n]`. It is
measured at the first of May 2024. A subject's case gives the expectations of several metrics.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from quarterdeck.base.calendar import parse_period
from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import TYPES, table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import METRICS, measure_step, records
from quarterdeck.metrics.catalogue import BUILT_IN
from quarterdeck.metrics.engine import evaluate
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import MetricsSettings

CASES = Path(__file__).parent / "cases"
AS_OF = datetime(2024, 5, 1)
EXPECTATIONS = ("month", "quarter", "region")


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    kinds = {column.name: column.type for column in table(name).columns}
    columns = []
    for column, kind in kinds.items():
        values = [row.get(column) for row in rows]
        if kind == "instant":
            values = [datetime(v.year, v.month, v.day) if type(v) is date else v for v in values]
        if kind in ("text", "decimal"):
            values = [None if v is None else str(v) for v in values]
        series = pl.Series(column, values, dtype=pl.String if kind == "decimal" else TYPES[kind])
        columns.append(series.cast(TYPES[kind]))
    for row in rows:
        assert row.keys() <= kinds.keys()
    return pl.DataFrame(columns)


def load(name: str) -> tuple[dict[str, Any], Tables]:
    case = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    tables = {key: frame(key, rows) for key, rows in case.items() if key not in (*EXPECTATIONS, "name", "metrics")}
    return case, Tables(**tables)


def flat(case: dict[str, Any]) -> list[tuple[str, str, str, Any]]:
    """Expectations as (period, dimension, member, [value, n])."""
    total = [(str(p), "all", "all", e) for grain in ("month", "quarter") for p, e in case.get(grain, {}).items()]
    return total + [(str(p), "region", m, e) for p, of in case.get("region", {}).items() for m, e in of.items()]


def expectations() -> dict[str, str]:
    """The case of every metric that has one."""
    found = {}
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        found |= dict.fromkeys(case.get("metrics", [path.stem]), path.stem)
    return found


WHERE = expectations()


@cache
def measured(name: str) -> tuple[dict[str, Any], Tables, pl.DataFrame]:
    """A case with its tables and the values of all metrics that it tells of, measured together."""
    case, tables = load(name)
    told = case.get("metrics", {name: case})
    by = ("region",) if any("region" in expected for expected in told.values()) else ()
    settings = MetricsSettings(dimensions=by, grains=("month", "quarter"))
    scope = Scope(tables, Company(), AS_OF, settings)
    return told, tables, evaluate(scope, BUILT_IN, [METRICS[metric] for metric in told], by, settings.grains)


@pytest.mark.parametrize("name", METRICS)
def test_metric_gives_the_values_counted_by_hand(name: str) -> None:
    told, tables, values = measured(WHERE[name])
    case, values = told[name], values.filter(metric=name)
    assert flat(case)
    for period, dimension, member, (value, n) in flat(case):
        start, end, grain = parse_period(period, Company())
        row = values.filter(grain=grain, period_start=start, dimension=dimension, member=member)
        if dimension != "all" and n == 0:
            assert row.is_empty(), (period, member)  # of members only those for whom a record speaks have a row
            continue
        assert row.height == 1, (period, member)
        assert row["n"].item() == n, (period, member)
        assert row["value"].item() == (None if value is None else pytest.approx(value, rel=1e-12)), (period, member)
        assert row["unit"].item() == METRICS[name].unit
        behind = records(tables, name, start, end, dimension, member, as_of=AS_OF)
        if value is not None:
            assert behind.height == n


def test_every_metric_has_its_case_and_every_case_its_metric() -> None:
    assert set(WHERE) == set(METRICS)
    assert len(METRICS) >= 60


def test_velocity_is_that_of_the_published_example() -> None:
    """40 deals of 25,000 with a win rate of 25 % and a cycle of 90 days bring 2,777.78 a day."""
    terms = {"open": 40, "won_amount": 1_000_000.0, "won_valued": 40, "won": 25, "lost": 75}
    sums = pl.DataFrame([terms | {"cycle_seconds": 100 * 90 * 86_400, "cycled": 100}])
    value = sums.select(METRICS["velocity"].value).item()
    assert round(value, 2) == 2777.78


def test_definitions_are_sentences_and_units_those_of_the_table() -> None:
    for metric in METRICS.values():
        assert metric.definition.endswith(".")
        assert metric.unit in {"money", "rate", "days", "hours", "count", "money per day"}
    assert len(METRICS) >= 12


def test_metrics_without_their_tables_are_named_in_a_finding() -> None:
    _, tables = load("win_rate")
    result = measure_step(tables, Config(as_of=AS_OF, settings=MetricsSettings()))
    assert "response_hours" not in result.tables["metric_values"]["metric"].unique().to_list()
    (finding,) = result.findings
    assert finding.code == "metrics.not_measured"
    assert "Response time" in finding.message
    assert finding.fix.startswith("Give the tables accounts, activities, contacts, events, invoices, leads,")
