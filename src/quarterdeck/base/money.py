"""Money: integer minor units in tables, `Decimal` at the edges, one rounding rule."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

UNUSUAL = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
"""Decimal places of the currencies (ISO 4217) whose minor unit is not a hundredth."""


def digits(currency: str) -> int:
    """Decimal places of a currency: 2 for USD, 0 for KRW."""
    return UNUSUAL.get(currency, 2)


@cache
def scale(currency: str) -> int:
    """Minor units in one major unit: 100 for USD, 1 for KRW."""
    return int(10 ** digits(currency))


def to_minor(amount: Decimal | str | int | float, currency: str) -> int:
    """Minor units of an amount; a half rounds away from zero.

    >>> to_minor("10.005", "USD"), to_minor("-10.005", "USD"), to_minor("1200", "KRW")
    (1001, -1001, 1200)
    """
    exact = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    return int((exact * scale(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    """The amount of minor units.

    >>> to_major(1001, "USD")
    Decimal('10.01')
    """
    return Decimal(minor).scaleb(-digits(currency))


def times(minor: int, rate: Decimal) -> int:
    """Minor units times an exact rate; a half rounds away from zero, so that a reversal undoes exactly."""
    return int((Decimal(minor) * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def split(total: int, weights: Sequence[float | Decimal | int]) -> list[int]:
    """Shares of a total that add up to it exactly: largest remainder, ties to the earlier.

    Weights must not be negative and not all zero.

    >>> split(100, [1, 1, 1])
    [34, 33, 33]
    """
    exact = [Decimal(str(weight)) for weight in weights]
    whole = sum(exact)
    if not exact or whole <= 0 or min(exact) < 0:
        raise ValueError("split needs weights of which none is negative and not all are zero")
    sign = -1 if total < 0 else 1
    ideal = [abs(total) * weight / whole for weight in exact]
    shares = [int(value) for value in ideal]
    order = sorted(range(len(exact)), key=lambda place: (shares[place] - ideal[place], place))
    for place in order[: abs(total) - sum(shares)]:
        shares[place] += 1
    return [sign * share for share in shares]
