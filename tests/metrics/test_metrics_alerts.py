"""Targets of metrics: kept or missed by period, told when missed several periods running."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from quarterdeck.base.config import Company, Config
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import measure_step
from quarterdeck.metrics.settings import MetricsSettings


def deals(wins: dict[date, int]) -> pl.DataFrame:
    rows = [
        (f"{day} {n}", "won", 100_00, datetime(day.year, day.month, day.day))
        for day, k in wins.items()
        for n in range(k)
    ]
    frame = pl.DataFrame(rows, schema=["id", "status", "amount", "closed_at"], orient="row")
    return frame.with_columns(created_at=pl.col("closed_at"), region=pl.lit("East"))


def measured(wins: dict[date, int], as_of: datetime, aims: list[dict[str, Any]], **tables: pl.DataFrame) -> Result:
    given = MetricsSettings.model_validate({"targets": aims, "grains": ["month"], "dimensions": ["region"]})
    return measure_step(Tables(opportunities=deals(wins), **tables), Config(as_of, given, Company()))


WINS = {date(2024, 4, 1): 5, date(2024, 4, 8): 2, date(2024, 4, 16): 1, date(2024, 4, 23): 1}
AIM = {"metric": "won_deals", "at_least": 3, "grain": "week", "owner": "ann"}


def alerts(result: Result) -> list[str]:
    return [finding.message for finding in result.findings if finding.code == "metrics.alert"]


def test_below_target_two_weeks_running_is_told_with_the_figures() -> None:
    result = measured(WINS, datetime(2024, 4, 22), [AIM])
    assert alerts(result) == [
        "Won deals is below its target of 3 2 weeks running: 2024-W15: 2 (n 2), 2024-W16: 1 (n 1)."
    ]
    (finding,) = [finding for finding in result.findings if finding.code == "metrics.alert"]
    assert (finding.owner_id, finding.severity, finding.count) == ("ann", "warning", 2)


def test_one_week_below_and_a_week_that_is_not_over_are_not_told() -> None:
    # On 16 April the week of the 15th runs still: only that of the 8th was below.
    result = measured(WINS, datetime(2024, 4, 17), [AIM])
    assert alerts(result) == []
    rows = result.tables["target_lines"].select("period_start", "value", "is_met", "running").rows()
    assert rows == [(date(2024, 4, 1), 5.0, True, 0), (date(2024, 4, 8), 2.0, False, 1)]


def test_a_week_that_keeps_the_target_ends_the_run() -> None:
    wins = {date(2024, 4, 1): 1, date(2024, 4, 8): 1, date(2024, 4, 15): 4, date(2024, 4, 22): 1}
    result = measured(wins, datetime(2024, 4, 29), [AIM])
    assert result.tables["target_lines"]["running"].to_list() == [1, 2, 0, 1]
    assert alerts(result) == []


def test_at_most_and_every_member_of_a_dimension() -> None:
    aim = {"metric": "won_value", "at_most": 150.5, "dimension": "region", "periods": 1, "severity": "error"}
    result = measured({date(2024, 4, 2): 2}, datetime(2024, 5, 1), [aim])
    assert alerts(result) == [
        "Won value of region East is above its target of 150.50 1 month running: 2024-04: 200.00 (n 2)."
    ]


def test_targets_of_the_table_are_held_against_the_metric_that_they_name() -> None:
    rows = [("a", date(2024, 4, 1), "won_value", 300_00), ("b", date(2024, 5, 1), "won_value", 300_00)]
    aims = pl.DataFrame(rows, schema=["id", "period_start", "measure", "amount"], orient="row")
    aims = aims.with_columns(grain=pl.lit("month"), level=pl.lit("all"), member=pl.lit("all"))
    result = measured({date(2024, 4, 2): 2, date(2024, 5, 2): 1}, datetime(2024, 6, 1), [], targets=aims)
    assert result.tables["target_lines"].select("value", "at_least", "running").rows() == [
        (200.0, 300.0, 1),
        (100.0, 300.0, 2),
    ]
    assert "below its target of 300.00 2 months running" in alerts(result)[0]


@pytest.mark.parametrize(
    ("aim", "message"),
    [
        ({"metric": "won_deal", "at_least": 1}, "did you mean 'won_deals'"),
        ({"metric": "won_deals"}, "write at_least or at_most"),
        ({"metric": "won_deals", "at_least": 1, "member": "East"}, "a member wants its dimension"),
        ({"metric": "revenue", "at_least": 1, "dimension": "owner"}, "revenue is not measured by owner"),
    ],
)
def test_wrong_target_is_refused(aim: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MetricsSettings.model_validate({"targets": [aim]})


def test_a_value_that_is_its_target_keeps_it() -> None:
    for bound in ("at_least", "at_most"):
        aim = {"metric": "won_deals", bound: 2, "grain": "week"}
        lines = measured(WINS, datetime(2024, 4, 17), [aim]).tables["target_lines"]
        assert lines.filter(period_start=date(2024, 4, 8)).select("value", "is_met").rows() == [(2.0, True)]
