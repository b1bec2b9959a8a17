"""A company's own metrics: SQL in the settings, checked when loaded, measured like the built-in ones."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.base.tables import Tables
from quarterdeck.base.text import parse
from quarterdeck.metrics import measure, measure_step, records
from quarterdeck.metrics.settings import MetricsSettings

AS_OF = datetime(2024, 5, 1)
MAY = datetime(2024, 4, 3)
DEALS = pl.DataFrame(
    [
        ("a", "won", 1_000_000, "acme", "East", MAY),
        ("b", "won", 1_000_100, "acme", "West", MAY),
        ("c", "lost", 5_000_000, "bolt", "West", MAY),
        ("d", "won", None, "bolt", "West", MAY),
    ],
    schema=["id", "status", "amount", "account_id", "region", "closed_at"],
    orient="row",
).with_columns(created_at=pl.lit(datetime(2024, 1, 1)))
ACCOUNTS = pl.DataFrame({"id": ["acme", "bolt"], "industry": ["retail", "energy"], "employees": [10, 20]})
LINES = pl.DataFrame(
    {"id": ["1", "2", "3"], "opportunity_id": ["a", "a", "c"], "amount": [600_000, 400_000, 5_000_000]}
)
TABLES = Tables(opportunities=DEALS, accounts=ACCOUNTS, opportunity_lines=LINES)


def settings(**given: Any) -> MetricsSettings:
    base = {"name": "mine", "definition": "Mine.", "entity": "opportunities", "date": "closed_at"}
    return MetricsSettings.model_validate({"own": [base | given]})


def value(given: MetricsSettings, by: tuple[str, ...] = (), **where: str) -> tuple[float | None, int]:
    rows = measure(TABLES, ["mine"], by, settings=given, as_of=AS_OF, grain="year")
    where = {"dimension": "all"} | where
    row = rows.filter(**where).row(0, named=True)
    return row["value"], row["n"]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ("sum(amount) filter (where status = 'won')", (20_001.0, 2)),
        ("count(*) filter (where status = 'won')", (3.0, 3)),
        ("count(amount) filter (where status = 'won')", (2.0, 2)),
        ("avg(amount) filter (where status = 'won')", (10_000.5, 2)),
        # A number beside money is in major units: only 10,001.00 and 50,000.00 lie above 10,000.
        ("count(*) filter (where amount > 10000)", (2.0, 2)),
        ("sum(coalesce(amount, 5))", (70_006.0, 4)),
        ("sum(case when region = 'East' then amount else 0 end)", (10_000.0, 4)),
        ("sum(amount) filter (where accounts.industry = 'retail')", (20_001.0, 2)),
        ("sum(accounts.employees * 2)", (120.0, 4)),
        ("count(*) filter (where status in ('won', 'lost') and not region like 'E%') / count(*)", (0.75, 4)),
        ("count(*) filter (where closed_at between date '2024-04-01' and date '2024-04-02')", (None, 0)),
    ],
)
def test_expression_gives_the_figure_counted_by_hand(measured: str, expected: tuple[float | None, int]) -> None:
    assert value(settings(measure=measured)) == expected


def test_ratio_of_two_measures_is_that_of_their_sums_in_every_member() -> None:
    given = settings(measure="sum(amount) filter (where status = 'won')", per="count(*)", unit="money")
    assert value(given, ("region",), dimension="region", member="West") == (pytest.approx(10_001 / 3), 3)
    assert value(given, ("industry",), dimension="industry", member="retail") == (10_000.5, 2)


def test_rows_of_a_table_count_on_the_day_of_the_row_that_they_refer_to() -> None:
    given = settings(entity="opportunity_lines", measure="sum(amount)", date="opportunities.closed_at", unit="money")
    assert value(given) == (60_000.0, 3)


def test_records_behind_an_own_metric_are_its_rows() -> None:
    given = settings(measure="sum(amount) filter (where status = 'won')")
    found = records(TABLES, "mine", date(2024, 4, 1), date(2024, 5, 1), "region", "East", settings=given, as_of=AS_OF)
    assert found["id"].to_list() == ["a"]


def test_step_measures_own_metrics_beside_the_built_in_ones() -> None:
    given = settings(measure="count(*)", entity="opportunity_lines", date="opportunities.closed_at")
    values = measure_step(TABLES, Config(AS_OF, given, Company())).tables["metric_values"]
    assert values.filter(metric="mine", grain="all", dimension="all")["value"].to_list() == [3.0]
    assert values.filter(metric="win_rate", grain="all", dimension="all")["value"].to_list() == [0.75]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"measure": "sum(amuont)"}, "did you mean 'amount'"),
        ({"measure": "count(*) filter (where accounts.industri = 'x')"}, "did you mean 'industry'"),
        ({"measure": "count(distinct account_id)"}, "several members and periods; make the table of those things"),
        ({"measure": "median(amount)"}, "a median of parts is no median of the whole"),
        ({"measure": "max(amount)"}, "a largest value of members does not add up"),
        ({"measure": "sum(opportunity_lines.amount)"}, "a join would count opportunities several times"),
        ({"measure": "sum(invoices.amount)"}, "make invoices the entity"),
        ({"measure": "sum(status)"}, "adds up no numbers"),
        ({"measure": "sum(amount"}, "is no expression"),
        ({"measure": "(select 1)"}, "is a query"),
        ({"measure": "sum(amount); drop table x"}, "not allowed"),
        ({"measure": "sum(read_csv('/etc/passwd'))"}, "not allowed in a measure"),
        ({"measure": "sum(row_number() over ())"}, "not allowed in a measure"),
        ({"measure": "count(*) filter (where status in (select 'won'))"}, "asks a query"),
        ({"measure": "count(*) filter (where amount > 'x')"}, "compares money with text"),
        ({"measure": "sum(amount * amount)"}, "multiplies or divides money by money"),
        ({"measure": "amount"}, "say how rows add up, such as sum"),
        ({"measure": "1 + 1"}, "adds nothing up"),
        ({"measure": "count(*)", "date": "status"}, "not a day"),
        ({"measure": "count(*)", "date": "leads.createdat"}, "did you mean 'created_at'"),
        ({"measure": "count(*)", "entity": "opportunity"}, "did you mean 'opportunities'"),
        ({"measure": "count(*)", "name": "win_rate"}, "there is a metric 'win_rate' already"),
    ],
)
def test_wrong_metric_is_refused_with_what_to_do(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**given)


def test_fault_names_file_and_line() -> None:
    text = """months: 12
own:
  - name: mine
    definition: Mine.
    entity: opportunities
    measure: sum(amuont)
    date: closed_at
"""
    with pytest.raises(ConfigurationError, match=r"quarterdeck.yaml:3: own.0: .*did you mean 'amount'"):
        parse(MetricsSettings, text, "quarterdeck.yaml")
