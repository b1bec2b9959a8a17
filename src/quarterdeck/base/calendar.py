"""The company's calendar: fiscal months, quarters and years, and the table `days`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import conform

Grain = Literal["month", "quarter", "year"]
MONTHS: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}


def add_months(day: date, months: int) -> date:
    """The first day of the month that lies so many months after the month of `day`.

    >>> add_months(date(2017, 11, 30), 3)
    datetime.date(2018, 2, 1)
    """
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


def period_start(day: date, grain: Grain, company: Company) -> date:
    """First day of the fiscal period that holds the day."""
    into_year = (day.month - company.fiscal_year_start) % 12
    return add_months(day, -(into_year % MONTHS[grain]))


def label(start: date, grain: Grain, company: Company) -> str:
    """Name of a period by its first day: 2017-10, 2017Q4, 2017. A fiscal year is named by the year in which it ends.

    >>> label(date(2017, 7, 1), "quarter", Company(fiscal_year_start=4))
    '2018Q2'
    """
    if grain == "month":
        return f"{start:%Y-%m}"
    first = period_start(start, "year", company)
    year = add_months(first, 11).year
    if grain == "year":
        return str(year)
    into_year = (start.month - company.fiscal_year_start) % 12
    return f"{year}Q{into_year // 3 + 1}"


def parse_period(text: str, company: Company) -> tuple[date, date, Grain]:
    """First day, day after the last, and grain of a period's name: 2017, 2017Q3, 2017-10. Raises on anything else."""
    if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
        year, month = int(match[1]), int(match[2])
        if 1 <= month <= 12:
            start = date(year, month, 1)
            return start, add_months(start, 1), "month"
    if match := re.fullmatch(r"(\d{4})(?:-?Q([1-4]))?", text):
        start = date(int(match[1]), company.fiscal_year_start, 1)
        if company.fiscal_year_start > 1:
            start = add_months(start, -12)
        if match[2] is None:
            return start, add_months(start, 12), "year"
        start = add_months(start, 3 * (int(match[2]) - 1))
        return start, add_months(start, 3), "quarter"
    raise QuarterdeckError(f"{text!r} is no period; write a month (2017-10), a quarter (2017Q3) or a year (2017)")


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
