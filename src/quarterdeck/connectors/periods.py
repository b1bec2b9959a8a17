"""Periods as targets name them: a year, a quarter, a month or a day, as its first day and its grain."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Literal

import polars as pl

FORM = "period"
"""Format of columns whose values are periods: 2026, 2026Q3, Q3 2026, 2026년 3분기, 2026-07."""

Grain = Literal["month", "quarter", "year"]

_YEAR = r"^(?:FY\s*)?(?<y>(?:19|20)\d{2})\s*년?$"
_QUARTERS = (
    r"^(?:FY\s*)?(?<y>(?:19|20)\d{2})\s*년?\s*[-/. ]?\s*[Qq]\s*(?<q>[1-4])$",
    r"^(?:FY\s*)?(?<y>(?:19|20)\d{2})\s*년?\s*[-/. ]?\s*(?<q>[1-4])\s*(?:분기|[Qq])$",
    r"^[Qq]\s*(?<q>[1-4])\s*[-/. ]?\s*(?:FY\s*)?(?<y>(?:19|20)\d{2})$",
)
_MONTH = r"^(?<y>(?:19|20)\d{2})\s*[-/.년]?\s*(?<m>0?[1-9]|1[0-2])\s*월?$"


def is_quarter(values: pl.Series) -> pl.Series:
    """True for values such as 2026Q3."""
    return values.to_frame("v").select(pl.any_horizontal(pl.col("v").str.contains(form) for form in _QUARTERS))["v"]


def is_year(values: pl.Series) -> pl.Series:
    """True for values such as 2026."""
    return values.str.contains(_YEAR)


def first_days(values: pl.Series) -> pl.Series:
    """The first day of each period, null for what is none."""
    return _parts(values)["day"].alias(values.name)


def grains(values: pl.Series) -> pl.Series:
    """month, quarter or year for each period, null for what is none."""
    return _parts(values)["grain"].alias(values.name)


def _parts(values: pl.Series) -> pl.DataFrame:
    text = pl.col("v")
    year = text.str.extract_groups(_YEAR).struct.field("y")
    of_quarter = [text.str.extract_groups(form).struct for form in _QUARTERS]
    month = text.str.extract_groups(_MONTH).struct
    quarter = pl.coalesce(group.field("q") for group in of_quarter).cast(pl.Int32)
    grain = (
        pl.when(year.is_not_null())
        .then(pl.lit("year"))
        .when(quarter.is_not_null())
        .then(pl.lit("quarter"))
        .when(month.field("m").is_not_null())
        .then(pl.lit("month"))
    )
    years = pl.coalesce(year, *(group.field("y") for group in of_quarter), month.field("y")).cast(pl.Int32)
    months = pl.coalesce(3 * quarter - 2, month.field("m").cast(pl.Int32), pl.lit(1, pl.Int32))
    day = pl.when(years.is_not_null()).then(pl.date(years, months, 1))
    return values.to_frame("v").select(day.alias("day"), grain.alias("grain"))


def grain_of_days(days: list[date]) -> tuple[Grain, str] | None:
    """The grain of periods that are given by their first days, and why; None when they are not first days of months."""
    if not days or any(day.day != 1 for day in days):
        return None
    months = sorted({day.year * 12 + day.month for day in days})
    gaps = {later - earlier for earlier, later in pairwise(months)}
    if not gaps:
        return "month", "there is one first day of a month"
    if all(gap % 12 == 0 for gap in gaps):
        return "year", "the days are twelve months apart"
    if all(gap % 3 == 0 for gap in gaps):
        return "quarter", "the days are three months apart"
    return "month", "the days are the first of months"
