"""The company's calendar: fiscal weeks, months, quarters and years, and the table `days`.

A fiscal year begins with a month. Where `company.fiscal_weeks` is set, its months are whole weeks in that pattern and
the year has 52 or 53 of them; the 53rd belongs to the last month. A fiscal month of weeks bears the name of the
calendar month in whose place it stands. Weeks are those of ISO 8601, or of the fiscal year where that has weeks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import conform

Grain = Literal["week", "month", "quarter", "year"]
MONTHS: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}

WEEK = timedelta(days=7)


def add_months(day: date, months: int) -> date:
    """The first day of the month that lies so many months after the month of `day`.

    >>> add_months(date(2017, 11, 30), 3)
    datetime.date(2018, 2, 1)
    """
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


def period_start(day: date, grain: Grain, company: Company) -> date:
    """First day of the fiscal period that holds the day."""
    if grain == "week":
        return day - timedelta(days=(day.weekday() - _first_weekday(company)) % 7)
    if company.fiscal_weeks:
        starts, place = _placed(day, company)
        return starts[place - place % MONTHS[grain]]
    into_year = (day.month - company.fiscal_year_start) % 12
    return add_months(day, -(into_year % MONTHS[grain]))


def next_start(start: date, grain: Grain, company: Company) -> date:
    """First day of the period after that which begins on `start`.

    >>> next_start(date(2024, 1, 1), "quarter", Company())
    datetime.date(2024, 4, 1)
    """
    if grain == "week":
        return start + WEEK
    if company.fiscal_weeks:
        starts, place = _placed(start, company)
        return starts[place + MONTHS[grain]]
    return add_months(start, MONTHS[grain])


def previous_start(start: date, grain: Grain, company: Company) -> date:
    """First day of the period before that which begins on `start`."""
    return period_start(start - timedelta(days=1), grain, company)


def year_before(start: date, grain: Grain, company: Company) -> date | None:
    """First day of the same period of the fiscal year before; None for a 53rd week that the year before lacks.

    >>> year_before(date(2024, 2, 1), "month", Company())
    datetime.date(2023, 2, 1)
    """
    if grain != "week":
        if not company.fiscal_weeks:
            return add_months(start, -12)
        starts, place = _placed(start, company)
        return _starts(_anchor_year(starts[0], company) - 1, company)[place]
    first = _first_week(start, company)
    before = _first_week(first - timedelta(days=1), company)
    same = before + (start - first)
    return same if same < first else None


def label(start: date, grain: Grain, company: Company) -> str:
    """Name of a period by its first day: 2017-W40, 2017-10, 2017Q4, 2017.

    >>> label(date(2017, 7, 1), "quarter", Company(fiscal_year_start=4))
    '2018Q2'
    """
    if grain == "week":
        return _week_label(start, company)
    if company.fiscal_weeks:
        starts, place = _placed(start, company)
        last = _last_month(_anchor_year(starts[0], company), company)
        if grain == "month":
            return f"{add_months(last, place - 11):%Y-%m}"
        first = add_months(last, -11)
    else:
        if grain == "month":
            return f"{start:%Y-%m}"
        first = period_start(start, "year", company)
        place = (start.month - company.fiscal_year_start) % 12
    year = first.year if company.fiscal_year_named == "start" else add_months(first, 11).year
    return str(year) if grain == "year" else f"{year}Q{place // 3 + 1}"


def parse_period(text: str, company: Company) -> tuple[date, date, Grain]:
    """First day, day after the last, and grain of a period's name: 2017, 2017Q3, 2017-10, 2017-W40.

    Raises on anything else.
    """
    if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
        year, month = int(match[1]), int(match[2])
        if 1 <= month <= 12:
            start = _month_named(date(year, month, 1), company)
            return start, next_start(start, "month", company), "month"
    if match := re.fullmatch(r"(\d{4})-?W(\d{2})", text):
        start = _week_named(int(match[1]), int(match[2]), company)
        if label(start, "week", company) == f"{match[1]}-W{match[2]}":
            return start, start + WEEK, "week"
    if match := re.fullmatch(r"(\d{4})(?:-?Q([1-4]))?", text):
        month = company.fiscal_year_start
        back = company.fiscal_year_named == "end" and month > 1
        first = date(int(match[1]) - back, month, 1)
        grain: Grain = "year" if match[2] is None else "quarter"
        start = _month_named(add_months(first, 3 * (int(match[2] or 1) - 1)), company)
        return start, next_start(start, grain, company), grain
    raise QuarterdeckError(
        f"{text!r} is no period; write a week (2017-W40), a month (2017-10), a quarter (2017Q3) or a year (2017)"
    )


def days(first: date, last: date, company: Company, holidays: Iterable[date] = ()) -> pl.DataFrame:
    """The table `days` from first to last, both included."""
    closed = set(holidays)
    if company.country:
        import holidays as calendars

        closed |= set(calendars.country_holidays(company.country, years=range(first.year, last.year + 1)))
    rows = []
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        starts = {grain: period_start(day, grain, company) for grain in MONTHS}
        rows.append(
            {
                "day": day,
                **{f"{grain}_start": start for grain, start in starts.items()},
                **{f"{grain}_label": label(start, grain, company) for grain, start in starts.items()},
                "is_workday": day.weekday() < 5 and day not in closed,
            }
        )
    return conform("days", pl.DataFrame(rows))


def _first_weekday(company: Company) -> int:
    """The weekday on which weeks begin, 0 for Monday."""
    return company.fiscal_weekday % 7 if company.fiscal_weeks else 0


def _last_month(year: int, company: Company) -> date:
    """First day of the calendar month at whose end the fiscal year ends, in a calendar year."""
    return date(year, (company.fiscal_year_start - 2) % 12 + 1, 1)


@lru_cache(maxsize=4096)
def _year_end(year: int, company: Company) -> date:
    """Last day of the year of weeks that ends near its month's end in a calendar year."""
    anchor = add_months(_last_month(year, company), 1) - timedelta(days=1)
    behind = (anchor.isoweekday() - company.fiscal_weekday) % 7
    is_ahead = company.fiscal_year_ends == "nearest" and behind > 3
    return anchor - timedelta(days=behind - 7 if is_ahead else behind)


@lru_cache(maxsize=4096)
def _starts(year: int, company: Company) -> tuple[date, ...]:
    """First days of the twelve months of a year of weeks, and of the year after."""
    assert company.fiscal_weeks
    starts = [_year_end(year - 1, company) + timedelta(days=1)]
    for weeks in [int(number) for number in company.fiscal_weeks.split("-")] * 4:
        starts.append(starts[-1] + weeks * WEEK)
    starts[-1] = _year_end(year, company) + timedelta(days=1)
    return tuple(starts)


def _anchor_year(day: date, company: Company) -> int:
    """The calendar year at whose month's end the year of weeks that holds the day ends."""
    return next(year for year in range(day.year - 1, day.year + 3) if day <= _year_end(year, company))


def _placed(day: date, company: Company) -> tuple[tuple[date, ...], int]:
    """The months' first days of the year of weeks that holds the day, and the place of its month from 0."""
    starts = _starts(_anchor_year(day, company), company)
    return starts, bisect_right(starts, day) - 1


def _month_named(calendar: date, company: Company) -> date:
    """First day of the fiscal month that stands in the place of a calendar month."""
    if not company.fiscal_weeks:
        return calendar
    place = (calendar.month - company.fiscal_year_start) % 12
    return _starts(add_months(calendar, 11 - place).year, company)[place]


def _first_week(day: date, company: Company) -> date:
    """First day of the first week of the year to which a week belongs; an ISO year's first week holds its 4th day."""
    if company.fiscal_weeks:
        return period_start(day, "year", company)
    year = day.isocalendar().year
    return date.fromisocalendar(year, 1, 1)


def _week_label(start: date, company: Company) -> str:
    number = (start - _first_week(start, company)).days // 7 + 1
    if company.fiscal_weeks:
        year = label(period_start(start, "year", company), "year", company)
    else:
        year = str(start.isocalendar().year)
    return f"{year}-W{number:02}"


def _week_named(year: int, number: int, company: Company) -> date:
    first = parse_period(str(year), company)[0] if company.fiscal_weeks else date.fromisocalendar(year, 1, 1)
    return first + (number - 1) * WEEK
