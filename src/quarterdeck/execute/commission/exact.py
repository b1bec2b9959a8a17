"""Exact arithmetic on columns: whole numbers of 128 bits, a half away from zero, as `base.money.times` rounds."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

MILLION = 1_000_000


def millionths(value: Decimal) -> int:
    """A rate of at most six decimals as a whole number of millionths."""
    whole = value * MILLION
    if whole != whole.to_integral_value():
        raise ValueError(f"{value} has more than six decimals")
    return int(whole)


def ratio(numerator: pl.Expr, denominator: pl.Expr | int) -> pl.Expr:
    """Numerator over a positive denominator, rounded to a whole number; a half away from zero."""
    over = pl.lit(denominator, dtype=pl.Int128) if isinstance(denominator, int) else denominator.cast(pl.Int128)
    top = numerator.cast(pl.Int128)
    return (top.sign() * ((top.abs() * 2 + over) // (over * 2))).cast(pl.Int64)


def times(amount: pl.Expr, rate: Decimal) -> pl.Expr:
    """Minor units times an exact rate."""
    return ratio(amount.cast(pl.Int128) * pl.lit(millionths(rate), dtype=pl.Int128), MILLION)


def major(amount: pl.Expr, scale: int) -> pl.Expr:
    """Minor units as text in major units."""
    size, sign = amount.abs(), pl.when(amount < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    if scale == 1:
        return pl.concat_str(sign, size.cast(pl.String))
    width = len(str(scale)) - 1
    cents = (size % scale).cast(pl.String).str.zfill(width)
    return pl.concat_str(sign, (size // scale).cast(pl.String), pl.lit("."), cents)
