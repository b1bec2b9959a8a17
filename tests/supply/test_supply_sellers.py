"""What each seller can close: own record, shrinkage, ramp, leavers, workdays."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from made_supply import closed, config, tables

from quarterdeck.base.calendar import add_months
from quarterdeck.base.parameters import Parameter, Parameters
from quarterdeck.supply import capacity
from quarterdeck.supply.sellers import ramp_at

SEEN = [add_months(date(2026, 7, 1), -back) for back in range(12, 0, -1)]


def people(**hired: date | None) -> pl.DataFrame:
    rows = [
        {"id": name, "name": name, "region": "East", "role": "seller", "hired_on": day} for name, day in hired.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"hired_on": pl.Date})


def deals(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows)


def of(frame: pl.DataFrame, person: str) -> dict[str, list[Any]]:
    return frame.filter(pl.col("person_id") == person).sort("period_start").to_dict(as_series=False)


def test_a_steady_seller_can_close_what_the_record_says_by_workdays() -> None:
    """8 a month, every second won, for 1,000 each; July 2026 has 23 workdays, a mean month of the year before 21.75."""
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4)]
    made = capacity(tables(people=people(Ann=None), opportunities=deals(rows)), config(horizon=1))
    ann = of(made.tables["seller_capacity"], "Ann")
    # The 0.8 quantile of 8 per workday over months with 20 to 23 workdays lies between 8/22 and 8/20 a workday.
    assert 23 * 8 / 22 <= ann["deals"][0] <= 23 * 8 / 20
    assert ann["rate"] == pytest.approx([0.5])
    assert ann["amount"][0] == pytest.approx(ann["deals"][0] * 0.5 * 1000)
    assert ann["n"] == [96]


def test_a_thin_record_is_drawn_towards_the_teams() -> None:
    """Bo won 2 of 2; the team wins half. Beta with 20 deals of the team: (2 + 20 x 52/102) / 22; what months differ by cancels out."""
    rows = [row for month in SEEN[2:] for row in closed("Ann", month, 5, 5)] + closed("Bo", SEEN[-1], 2, 0)
    made = capacity(tables(people=people(Ann=None, Bo=None), opportunities=deals(rows)), config(prior_deals=20))
    team = 52 / 102
    bo, ann = of(made.tables["seller_capacity"], "Bo"), of(made.tables["seller_capacity"], "Ann")
    expected = (2 + 20 * team) / 22 / ((50 + 20 * team) / 120)
    assert bo["rate"][0] / ann["rate"][0] == pytest.approx(expected)
    assert bo["deals"][0] < ann["deals"][0]


def test_new_sellers_ramp_month_by_month_and_old_ones_are_full() -> None:
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4)]
    made = capacity(
        tables(people=people(Ann=date(2020, 1, 1), New=date(2026, 6, 1)), opportunities=deals(rows)), config(horizon=4)
    )
    assert of(made.tables["seller_capacity"], "New")["ramp"] == [0.25, 0.5, 0.75, 1.0]
    assert of(made.tables["seller_capacity"], "Ann")["ramp"] == [1.0] * 4
    assert [finding.code for finding in made.findings] == ["supply.ramp_assumed"]


def test_a_ramp_that_somebody_wrote_holds_and_is_not_reported() -> None:
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4)]
    ramp = Parameter("ramp", "share", "months of tenure", ((date(2020, 1, 1), [0.5, 1.0], "our cohorts"),))
    given = config(horizon=2)
    given = type(given)(given.as_of, given.settings, given.company, Parameters([ramp]))
    made = capacity(tables(people=people(New=date(2026, 7, 1), Ann=None), opportunities=deals(rows)), given)
    assert of(made.tables["seller_capacity"], "New")["ramp"] == [0.5, 1.0]
    assert made.findings == []


@pytest.mark.parametrize(
    ("hired", "month", "share"),
    [
        (None, date(2026, 7, 1), 1.0),
        (date(2026, 8, 3), date(2026, 7, 1), 0.0),
        (date(2026, 7, 20), date(2026, 7, 1), 0.1),
        (date(2026, 6, 1), date(2026, 7, 1), 0.6),
        (date(2024, 6, 1), date(2026, 7, 1), 1.0),
    ],
)
def test_ramp_counts_months_since_the_first_day(hired: date | None, month: date, share: float) -> None:
    assert ramp_at((0.1, 0.6, 1.0), hired, month) == share


def test_who_left_has_no_capacity_and_who_leaves_counts_until_the_last_day() -> None:
    rows = [row for name in ("Ann", "Bo", "Cy") for month in SEEN for row in closed(name, month, 4, 4)]
    staff = people(Ann=None, Bo=None, Cy=None).with_columns(
        left_on=pl.Series([None, date(2026, 5, 1), date(2026, 8, 14)], dtype=pl.Date)
    )
    made = capacity(tables(people=staff, opportunities=deals(rows)), config(horizon=3)).tables["seller_capacity"]
    assert set(made["person_id"]) == {"Ann", "Cy"}
    july, august, september = of(made, "Cy")["deals"]
    whole = of(made, "Ann")["deals"]
    assert july == pytest.approx(whole[0])
    assert august == pytest.approx(whole[1] * 10 / 21)  # 3 to 14 August are 10 of 21 workdays
    assert september == 0


def test_of_the_month_in_progress_only_the_rest_is_left() -> None:
    """On 16 July 12 of July's 23 workdays are to come."""
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4)]
    given = tables(people=people(Ann=None), opportunities=deals(rows))
    whole = of(capacity(given, config()).tables["seller_capacity"], "Ann")["deals"][0]
    rest = of(capacity(given, config(date(2026, 7, 16))).tables["seller_capacity"], "Ann")["deals"][0]
    assert rest == pytest.approx(whole * 12 / 23)


def test_a_quarter_that_ends_well_wins_more_in_its_last_month() -> None:
    """Each month 10 closed; in March, June, September, December 8 are won, else 4: shares around 16/30."""
    rows = [
        row
        for month in SEEN
        for row in closed("Ann", month, 8 if month.month % 3 == 0 else 4, 2 if month.month % 3 == 0 else 6)
    ]
    made = capacity(tables(people=people(Ann=None), opportunities=deals(rows)), config(horizon=3, prior_deals=20))
    july, august, september = of(made.tables["seller_capacity"], "Ann")["rate"]
    mean = 64 / 120
    assert july == pytest.approx((16 + 20 * mean) / 60)
    assert august == pytest.approx(july)
    assert september == pytest.approx((32 + 20 * mean) / 60)


def test_a_listed_seller_without_any_deal_is_a_finding_and_has_no_capacity() -> None:
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4)]
    made = capacity(tables(people=people(Ann=None, Idle=None), opportunities=deals(rows)), config())
    assert set(made.tables["seller_capacity"]["person_id"]) == {"Ann"}
    assert "supply.idle_seller" in [finding.code for finding in made.findings]


def test_without_people_the_owners_of_deals_are_the_sellers() -> None:
    rows = [row for month in SEEN for row in closed("Ann", month, 4, 4, region="West")]
    made = capacity(tables(opportunities=deals(rows)), config())
    assert made.tables["seller_capacity"].select("person_id", "region").unique().rows() == [("Ann", "West")]
    assert made.findings[0].code == "supply.no_people"


def test_without_anything_the_table_is_empty_and_says_so() -> None:
    made = capacity(tables(), config())
    assert made.tables["seller_capacity"].is_empty()
    assert "supply.no_sellers" in [finding.code for finding in made.findings]
