"""The step: what closed deals pay, what scenarios cost, and what is said when something is missing."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.base import draws
from quarterdeck.base.config import Company, Config
from quarterdeck.base.parameters import Parameter, Parameters
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.execute.commission import CommissionSettings, design

APRIL = date(2024, 4, 1)


def config(plan: dict[str, Any] | None = None, since: date = date(2020, 1, 1), day: date = APRIL) -> Any:
    written = [] if plan is None else [Parameter("pay_plan", "", "", ((since, plan, "signed"),))]
    return Config(
        as_of=datetime(day.year, day.month, day.day), settings=CommissionSettings(), parameters=Parameters(written)
    )


def deal(name: str, closed: datetime, amount: int, owner: str = "ann", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "owner_id": owner,
        "status": "won",
        "closed_at": closed,
        "amount": amount,
        "currency": "USD",
        **more,
    }


def world(
    amounts: list[float], deals: list[dict[str, Any]] | None = None, quota: int = 100_000, people: int = 1
) -> Tables:
    """Sellers with one quota in April 2024, and draws of the bookings of that month."""
    values = np.array([amounts])
    return Tables(
        opportunities=pl.DataFrame(deals or [deal("d", datetime(2024, 3, 5), 0)]),
        quotas=pl.DataFrame(
            [
                {"person_id": f"p{number}", "period_start": APRIL, "region": None, "amount": quota}
                for number in range(people)
            ]
        ),
        nodes=pl.DataFrame([{"node_id": "all", "level": "all", "is_leaf": True, "name": "All"}]),
        demand_draws=pl.DataFrame({"period_start": [APRIL], "node_id": ["all"]}).with_columns(
            quantity=draws.column(np.ones_like(values)), amount=draws.column(values)
        ),
        scenarios=pl.DataFrame([{"scenario": "base", "draws": json.dumps(list(range(len(amounts))))}]),
    )


def paid(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.filter(pl.col("scenario") == "paid")


def test_without_a_plan_the_default_pays_and_says_so() -> None:
    tables = Tables(opportunities=pl.DataFrame([deal("d", datetime(2024, 3, 5), 100_000)]))
    result = design(tables, config())
    line = result.tables["pay_lines"].row(0, named=True)
    assert (line["amount"], line["rate"], line["is_assumed"]) == (8_000, Decimal("0.080000"), True)
    found = {finding.code: finding.fix for finding in result.findings}
    assert "parameters/pay_plan.yaml" in found["commission.plan_assumed"]
    assert "commission.no_quota" in found


def test_three_complete_months_and_the_current_one_are_paid() -> None:
    months = [datetime(2024, month, 10) for month in (1, 2, 3, 4)] + [datetime(2023, 12, 31)]
    tables = Tables(opportunities=pl.DataFrame([deal(f"d{n}", at, 1_000) for n, at in enumerate(months)]))
    lines = design(tables, config(day=date(2024, 4, 15))).tables["pay_lines"]
    assert sorted(lines["opportunity_id"]) == ["d0", "d1", "d2", "d3"]


def test_a_deal_belongs_to_the_month_of_the_company_s_own_day() -> None:
    """An instant late on 31 January in UTC is 1 February in Seoul."""
    tables = Tables(opportunities=pl.DataFrame([deal("d", datetime(2024, 1, 31, 20), 1_000, currency="USD")]))
    seoul = Config(as_of=datetime(2024, 4, 1), settings=CommissionSettings(), company=Company(timezone="Asia/Seoul"))
    assert design(tables, seoul).tables["pay_lines"]["period_start"].to_list() == [date(2024, 2, 1)]


def test_a_quarter_s_tiers_count_months_that_are_not_shown() -> None:
    """Seen from February with one paid month, January's half of the quarter still fills the first tier."""
    plan = {
        "name": "Q",
        "period": "quarter",
        "rules": [{"rule": "marginal_tiers", "tiers": [{"from": 0, "rate": 0}, {"from": 1000, "rate": "0.1"}]}],
    }
    deals = [deal("january", datetime(2024, 1, 10), 100_000), deal("march", datetime(2024, 3, 10), 50_000)]
    given = Config(
        as_of=datetime(2024, 3, 20),
        settings=CommissionSettings(paid_months=0),
        parameters=Parameters([Parameter("pay_plan", "", "", ((date(2020, 1, 1), plan, "signed"),))]),
    )
    lines = design(Tables(opportunities=pl.DataFrame(deals)), given).tables["pay_lines"]
    assert lines.select("opportunity_id", "amount").rows() == [("march", 5_000)]


def test_expected_pay_carries_the_accelerator_s_convexity() -> None:
    """Bookings of 500 or 1,500 at a quota of 1,000: 40 or 80 + 60, so 90 in the mean, where the mean 1,000 pays 80."""
    lines = design(world([500.0, 1500.0]), config()).tables["pay_lines"].filter(pl.col("scenario") == "base")
    assert lines.select("person_id", "base", "amount").rows() == [("p0", 100_000, 9_000)]
    assert lines["rate"].to_list() == [Decimal("0.090000")]


def test_what_was_closed_in_the_period_lifts_the_expected_pay() -> None:
    """In a quarter plan, 100,000 closed in April fills the quota of three months; May's 100 then pay the higher rate."""
    may = date(2024, 5, 1)
    tables = dict(world([100.0]))
    tables["opportunities"] = conform(
        "opportunities", pl.DataFrame([deal("d", datetime(2024, 4, 10), 300_000, owner="p0")])
    )
    months = [date(2024, month, 1) for month in (4, 5, 6)]
    tables["quotas"] = conform(
        "quotas", pl.DataFrame([{"person_id": "p0", "period_start": month, "amount": 100_000} for month in months])
    )
    tables["demand_draws"] = tables["demand_draws"].with_columns(period_start=pl.lit(may))
    plan = {"name": "Q", "period": "quarter", "rules": [{"rule": "accelerator", "rate": "0.08", "above": "0.12"}]}
    lines = design(Tables(**tables), config(plan, day=may)).tables["pay_lines"].filter(pl.col("scenario") == "base")
    assert lines.select("period_start", "base", "amount").rows() == [(may, 10_000, 1_200)]


def test_what_was_closed_earlier_in_the_month_counts_and_is_not_expected_again() -> None:
    """1,000 closed by 15 April fills April's quota: the 100 that are still to come pay 12 %, and only they are listed."""
    given = world([100.0], [deal("d", datetime(2024, 4, 10), 100_000, owner="p0")])
    lines = design(given, config(day=date(2024, 4, 15))).tables["pay_lines"].filter(pl.col("scenario") == "base")
    assert lines.select("base", "amount").rows() == [(10_000, 1_200)]


def test_each_person_gets_the_quota_s_part_of_the_bookings() -> None:
    lines = design(world([900.0], people=3), config()).tables["pay_lines"].filter(pl.col("scenario") == "base")
    assert lines["base"].to_list() == [30_000] * 3
    assert lines["amount"].to_list() == [2_400] * 3


def test_months_before_the_first_plan_pay_nothing_and_say_so() -> None:
    plan = {"name": "New", "rules": [{"rule": "flat_rate", "rate": "0.1"}]}
    deals = [deal("old", datetime(2024, 2, 1), 1_000), deal("new", datetime(2024, 3, 1), 1_000)]
    result = design(Tables(opportunities=pl.DataFrame(deals)), config(plan, since=date(2024, 3, 1)))
    assert result.tables["pay_lines"]["opportunity_id"].to_list() == ["new"]
    assert not result.tables["pay_lines"]["is_assumed"].any()
    assert [finding.code for finding in result.findings] == ["commission.no_plan_then", "commission.no_quota"]


def test_a_foreign_currency_is_a_finding() -> None:
    tables = Tables(opportunities=pl.DataFrame([deal("d", datetime(2024, 3, 5), 1_000, currency="EUR")]))
    assert "commission.currency" in {finding.code for finding in design(tables, config()).findings}


def test_the_lines_fit_their_table() -> None:
    lines = design(world([500.0, 1500.0], [deal("d", datetime(2024, 3, 5), 12_345)]), config()).tables["pay_lines"]
    entry = table("pay_lines")
    assert dict(lines.schema) == entry.polars
    assert lines["id"].is_unique().all()
    for column in entry.columns:
        assert not column.is_required or lines[column.name].null_count() == 0, column.name


def test_nothing_at_all_gives_an_empty_table() -> None:
    assert design(Tables(), config()).tables["pay_lines"].is_empty()


@pytest.mark.shared_data
def test_the_public_export_pays_eight_percent_of_its_third_quarter(shared_data: Path) -> None:
    """Won value of 2017 Q3 is 2,982,255 in the published totals; all deals are below an unknown quota."""
    raw = pl.read_csv(shared_data / "crm_sales_opportunities" / "sales_pipeline.csv", infer_schema=False)
    deals = raw.filter(pl.col("deal_stage") == "Won").select(
        id="opportunity_id",
        owner_id="sales_agent",
        status=pl.lit("won"),
        amount=(pl.col("close_value").cast(pl.Float64) * 100).cast(pl.Int64),
        currency=pl.lit("USD"),
        closed_at=pl.col("close_date").str.strptime(pl.Date, "%d-%m-%y").cast(pl.Datetime("us")),
    )
    before = deals.filter(pl.col("closed_at") < datetime(2017, 10, 1))
    lines = design(Tables(opportunities=before), config(day=date(2017, 10, 1))).tables["pay_lines"]
    assert lines["base"].sum() == 298_225_500
    assert lines["amount"].sum() == 23_858_040
