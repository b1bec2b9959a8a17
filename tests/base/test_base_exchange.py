"""Money of other currencies: exact, by the newest rate of its day or before."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base import exchange
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables

RATES = [
    ("1", date(2024, 1, 1), "EUR", "1.10"),
    ("2", date(2024, 2, 1), "EUR", "1.25"),
    ("3", date(2024, 1, 1), "KRW", "0.00075"),
    ("4", date(2024, 1, 1), "KWD", "3.255"),
]


def rates(rows: list[tuple[str, date, str, str]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["id", "rated_on", "currency", "rate"], orient="row")
    return frame.with_columns(pl.col("rate").cast(pl.Decimal(18, 6)))


def both(money: list[tuple[int | None, str | None, date | None]], home: str, given: pl.DataFrame) -> list[int | None]:
    """Converted by the relation and by the frame, which must agree."""
    rows = [(str(number), amount, currency, day) for number, (amount, currency, day) in enumerate(money)]
    schema = {"id": pl.String, "amount": pl.Int64, "currency": pl.String, "expected_close_on": pl.Date}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    tables = Tables(opportunities=frame, fx_rates=given)
    before = tables.relation("opportunities")
    after = exchange.converted(before, tables, home, amount="amount", day=before.expected_close_on)
    assert after.columns == before.columns
    relational = after.select("id", "amount").to_polars().sort(pl.col("id").cast(pl.Int64))["amount"].to_list()
    found = exchange.convert(frame, exchange.rates(tables, home), home, amount="amount", day="expected_close_on")
    assert found["id"].to_list() == frame["id"].to_list()
    assert found["amount"].to_list() == relational
    return relational


def test_rate_is_the_newest_of_the_day_or_before() -> None:
    day = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 1), date(2030, 1, 1), None]
    assert both([(10_000, "EUR", at) for at in day], "USD", rates(RATES)) == [
        None, 11_000, 11_000, 12_500, 12_500, 12_500,
    ]  # fmt: skip


def test_minor_units_are_those_of_each_currency() -> None:
    day = date(2024, 1, 5)
    # 1,000,000 won are 750.00 dollars, 1.234 dinars 4.02 dollars (4.01667), an amount without currency stays.
    money = [(1_000_000, "KRW", day), (1_234, "KWD", day), (999, None, day), (5, "USD", day), (None, "EUR", day)]
    assert both(money, "USD", rates(RATES)) == [75_000, 402, 999, 5, None]
    assert both([(100, "USD", day)], "KRW", rates([("1", day, "USD", "1333.333333")])) == [1333]


def test_half_a_minor_unit_rounds_away_from_zero() -> None:
    day = date(2024, 1, 5)
    half = rates([("1", day, "EUR", "0.5")])
    assert both([(3, "EUR", day), (-3, "EUR", day), (5, "EUR", day)], "USD", half) == [2, -2, 3]


def test_rates_of_thousands_convert_to_the_last_minor_unit() -> None:
    # 668,785,949.53 euros at 4,321.123456 pesos are 2,889,906,653,557.31517568.
    day = date(2024, 1, 5)
    given_rates = rates([("1", day, "EUR", "4321.123456")])
    assert both([(66_878_594_953, "EUR", day)], "COP", given_rates) == [288_990_665_355_732]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=30),
    st.decimals("0.000001", "9999", places=6),
    st.sampled_from(["EUR", "KRW", "KWD"]),
    st.sampled_from(["USD", "JPY"]),
)
def test_conversion_is_exact(amounts: list[int], rate: Decimal, currency: str, home: str) -> None:
    day = date(2024, 1, 5)
    found = both([(amount, currency, day) for amount in amounts], home, rates([("1", day, currency, str(rate))]))
    expected = [Decimal(amount) * rate * scale(home) / scale(currency) for amount in amounts]
    assert found == [int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP)) for value in expected]


def test_amounts_without_a_rate_are_found_by_currency() -> None:
    rows = [("a", 100, "EUR", date(2023, 1, 1)), ("b", 100, "GBP", date(2024, 5, 1)), ("c", None, "GBP", None)]
    frame = pl.DataFrame(rows, schema=["id", "amount", "currency", "expected_close_on"], orient="row")
    tables = Tables(opportunities=frame, fx_rates=rates(RATES))
    before = tables.relation("opportunities")
    after = exchange.converted(before, tables, "USD", amount="amount", day=before.expected_close_on)
    found = exchange.missing("metrics.rate_missing", "opportunities", before, after)
    assert [(finding.count, "EUR" in finding.message, "GBP" in finding.message) for finding in found] == [
        (1, True, False),
        (1, False, True),
    ]
    assert exchange.missing("metrics.rate_missing", "opportunities", before, before) == []
