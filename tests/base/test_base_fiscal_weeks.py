"""Fiscal years of 52 and 53 weeks against calendars that were published, and weeks of ISO 8601."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.base.calendar import (
    MONTHS,
    Grain,
    label,
    next_start,
    parse_period,
    period_start,
    previous_start,
    year_before,
)
from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError

RETAIL = Company(fiscal_year_start=2, fiscal_year_named="start", fiscal_weeks="4-5-4", fiscal_weekday=6)
"""The National Retail Federation's calendar: to the Saturday nearest to the end of January."""

DEVICES = Company(fiscal_year_start=10, fiscal_weeks="5-4-4", fiscal_year_ends="last", fiscal_weekday=6)
"""A maker of telephones: to the last Saturday of September."""

CALENDAR = Company()


def weeks(year: int, company: Company) -> float:
    start, end, _ = parse_period(str(year), company)
    return (end - start).days / 7


def test_retail_year_2023_has_the_53_weeks_of_the_published_calendar() -> None:
    assert parse_period("2023", RETAIL) == (date(2023, 1, 29), date(2024, 2, 4), "year")
    assert [year for year in range(2001, 2030) if weeks(year, RETAIL) == 53] == [2006, 2012, 2017, 2023, 2028]


def test_retail_months_of_2023_begin_on_the_published_sundays() -> None:
    named = {"02": (1, 29), "03": (2, 26), "04": (4, 2), "05": (4, 30), "08": (7, 30), "11": (10, 29), "12": (11, 26)}
    for month, (at, day) in named.items():
        assert parse_period(f"2023-{month}", RETAIL)[0] == date(2023, at, day)
    # January of the year of 53 weeks has five.
    assert parse_period("2024-01", RETAIL)[:2] == (date(2023, 12, 31), date(2024, 2, 4))


def test_year_to_the_last_saturday_of_september_is_that_of_the_filed_reports() -> None:
    # Fiscal years 2017 and 2023 spanned 53 weeks and ended on 30 September, 2022 ended on 24 September.
    assert parse_period("2017", DEVICES)[:2] == (date(2016, 9, 25), date(2017, 10, 1))
    assert parse_period("2022", DEVICES)[:2] == (date(2021, 9, 26), date(2022, 9, 25))
    assert [year for year in range(2016, 2025) if weeks(year, DEVICES) == 53] == [2017, 2023]


@pytest.mark.parametrize(("pattern", "expected"), [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])])
def test_pattern_gives_the_weeks_of_each_month(pattern: str, expected: list[int]) -> None:
    company = RETAIL.model_copy(update={"fiscal_weeks": pattern})
    starts = [parse_period(name, company)[0] for name in ("2022-02", "2022-03", "2022-04", "2022-05")]
    assert [(after - before).days // 7 for before, after in pairwise(starts)] == expected


def test_iso_weeks_are_those_of_the_standard() -> None:
    assert label(date(2020, 12, 28), "week", CALENDAR) == "2020-W53"
    assert parse_period("2020-W53", CALENDAR) == (date(2020, 12, 28), date(2021, 1, 4), "week")
    assert period_start(date(2024, 12, 31), "week", CALENDAR) == date(2024, 12, 30)
    assert label(date(2024, 12, 30), "week", CALENDAR) == "2025-W01"
    with pytest.raises(QuarterdeckError, match="2021-W53"):
        parse_period("2021-W53", CALENDAR)


def test_week_53_has_no_counterpart_in_a_year_of_52() -> None:
    assert year_before(date(2020, 12, 28), "week", CALENDAR) is None
    assert year_before(date(2021, 1, 4), "week", CALENDAR) == date(2019, 12, 30)
    last = parse_period("2023-W53", RETAIL)[0]
    assert (last, year_before(last, "week", RETAIL)) == (date(2024, 1, 28), None)


def test_year_before_a_leap_month_is_the_same_month() -> None:
    assert year_before(date(2024, 2, 1), "month", CALENDAR) == date(2023, 2, 1)
    assert next_start(date(2024, 2, 1), "month", CALENDAR) == date(2024, 3, 1)
    assert year_before(date(2024, 2, 4), "month", RETAIL) == date(2023, 1, 29)


companies = st.builds(
    Company,
    fiscal_year_start=st.integers(1, 12),
    fiscal_year_named=st.sampled_from(["end", "start"]),
    fiscal_weeks=st.sampled_from([None, "4-4-5", "4-5-4", "5-4-4"]),
    fiscal_year_ends=st.sampled_from(["nearest", "last"]),
    fiscal_weekday=st.integers(1, 7),
)
grains: st.SearchStrategy[Grain] = st.sampled_from(["week", *MONTHS])


@given(st.dates(date(1995, 1, 1), date(2060, 1, 1)), grains, companies)
def test_every_day_lies_in_one_period_that_its_name_gives_back(day: date, grain: Grain, company: Company) -> None:
    start = period_start(day, grain, company)
    end = next_start(start, grain, company)
    assert start <= day < end
    assert previous_start(end, grain, company) == start
    assert period_start(end - timedelta(days=1), grain, company) == start
    assert parse_period(label(start, grain, company), company) == (start, end, grain)


@given(st.dates(date(1995, 1, 1), date(2060, 1, 1)), companies)
def test_months_make_quarters_and_quarters_years(day: date, company: Company) -> None:
    month, quarter, year = (period_start(day, grain, company) for grain in MONTHS)
    assert year <= quarter <= month
    assert period_start(month, "quarter", company) == quarter
    assert period_start(quarter, "year", company) == year
    assert label(quarter, "quarter", company).startswith(label(year, "year", company))
