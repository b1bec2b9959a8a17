"""What is so about a record, as expressions of text: the first half of a reason."""

from __future__ import annotations

import polars as pl


def whole(value: str | pl.Expr) -> pl.Expr:
    """A number without its fraction; nothing known is a question mark."""
    number = pl.col(value) if isinstance(value, str) else value
    return number.round().cast(pl.Int64, strict=False).cast(pl.String).fill_null("?")


def said(column: str, text: str, otherwise: str) -> pl.Expr:
    """The text with the column's value in the place of {}, and another one where there is none."""
    value = pl.col(column).cast(pl.String)
    is_there = value.is_not_null() & (value != "")
    return pl.when(is_there).then(pl.format(text, value.fill_null(""))).otherwise(pl.lit(otherwise))


def company_words() -> pl.Expr:
    industry = pl.when(pl.col("industry") != "").then(pl.format("industry {}", pl.col("industry")))
    people = pl.format("{} employees", whole("employees"))
    size = pl.when(pl.col("employees").is_not_null()).then(people)
    told = pl.concat_str([industry, size], separator=", ", ignore_nulls=True)
    return pl.when(told != "").then(pl.format("Company: {}", told)).otherwise(pl.lit("Nothing known about the company"))


def activity_words() -> pl.Expr:
    told = pl.format("{} activities lately, {} days quiet", whole("recent_activities"), whole("quiet_days"))
    is_known = pl.col("recent_activities").is_not_null() & pl.col("quiet_days").is_not_null()
    return pl.when(is_known).then(told).otherwise(pl.lit("No activities recorded"))
