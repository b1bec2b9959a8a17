"""How numbers become the columns of an export: ids, instants, days and money in major units."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.money import digits, scale

DAY = 86_400_000_000
"""Microseconds of a day."""

NEVER = 1 << 62
"""An instant that does not come."""

FORMS: dict[str, Any] = {"text": pl.String(), "instant": pl.Datetime("us"), "day": pl.Date()}


def ids(prefix: str, numbers: Any) -> pl.Series:
    """Ids such as O0000012; a negative number gives null."""
    number = pl.col("id")
    text = pl.lit(prefix) + number.cast(pl.String).str.zfill(7)
    frame = pl.Series("id", np.asarray(numbers, dtype=np.int64)).to_frame()
    return frame.select(pl.when(number >= 0).then(text).alias("id")).to_series()


DOUBLE = 8_000_000
"""What the number of a duplicate's id exceeds that of its original by."""


def number_of(identifier: str) -> int:
    """The number in an id; that of its original for a duplicate.

    >>> number_of("O0000012"), number_of("A8000012")
    (12, 12)
    """
    number = int(identifier[1:])
    return number - DOUBLE if identifier[0] in "AC" and number >= DOUBLE else number


def instants(values: Any, before: int | None = None) -> pl.Series:
    """Microseconds since 1970 as instants to the second; those that are negative, never, or not `before` are null."""
    array = np.asarray(values, dtype=np.int64) // 1_000_000 * 1_000_000
    series = pl.Series("at", array).cast(pl.Datetime("us"))
    valid = (array >= 0) & (array < (NEVER // 2 if before is None else before))
    return pl.select(pl.when(pl.Series(valid)).then(series).alias("at")).to_series()


def days(values: Any) -> pl.Series:
    """Days since 1970 as days; negative ones are null."""
    array = np.asarray(values, dtype=np.int32)
    return pl.select(pl.when(pl.Series(array >= 0)).then(pl.Series(array).cast(pl.Date)).alias("on")).to_series()


def money(minor: Any, currency: str) -> pl.Series:
    """Money as a source shows it: a decimal in major units."""
    values = pl.Series("money", np.asarray(minor, dtype=np.float64) / scale(currency))
    return values.round(digits(currency)).cast(pl.Decimal(18, digits(currency)))


def pick(words: Any, places: Any) -> pl.Series:
    """Words by their place; a negative place gives null."""
    array = np.asarray(places, dtype=np.int64)
    found = pl.Series("word", list(words), dtype=pl.String).gather(np.maximum(array, 0))
    if not (array < 0).any():
        return found
    return pl.select(pl.when(pl.Series(array >= 0)).then(found).alias("word")).to_series()
