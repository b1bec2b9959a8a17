"""Values of a source: exact money, days in every spelling, and what is no value at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.money import digits
from quarterdeck.connectors import convert
from quarterdeck.connectors.evidence import examine, settled
from quarterdeck.connectors.vocabulary import missing

MONEY = st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False, allow_infinity=False)
DAYS = st.dates(date(1951, 1, 1), date(2068, 12, 31))
FORMS = ["%d-%m-%y", "%m/%d/%Y", "%d.%m.%Y", "%Y. %m. %d.", "%Y년 %m월 %d일", "%d-%b-%Y", "%b %d, %Y", "%Y%m%d", "iso"]


def texts(*values: str | None) -> pl.Series:
    return pl.Series("v", values, dtype=pl.String)


def money(raw: pl.Series, currency: str = "USD", decimal: str = ".", scale: int = 1) -> list[int | None]:
    return convert.money(raw, pl.Series([currency] * len(raw)), decimal, scale).to_list()


def american(value: Decimal) -> str:
    return f"{value:,.2f}"


def european(value: Decimal) -> str:
    return american(value).translate(str.maketrans(",.", ".,"))


@settings(max_examples=60, deadline=None)
@given(st.lists(MONEY, min_size=1, max_size=20))
def test_money_written_in_any_way_is_read_to_the_cent(values: list[Decimal]) -> None:
    cents = [int(value * 100) for value in values]
    assert money(texts(*[str(value) for value in values])) == cents
    assert money(texts(*[american(value) for value in values])) == cents
    assert money(texts(*[european(value) for value in values]), decimal=",") == cents
    assert (
        money(texts(*[f"$ {american(value)}" if value >= 0 else f"(${american(-value)})" for value in values])) == cents
    )
    assert money(texts(*[f"{european(value)} €" for value in values]), decimal=",") == cents
    assert money(pl.Series(values, dtype=pl.Decimal(18, 2))) == cents


@settings(max_examples=60, deadline=None)
@given(st.decimals(min_value=-(10**10), max_value=10**10, places=5), st.sampled_from(["USD", "KRW", "KWD"]))
def test_more_places_than_the_currency_has_are_rounded_half_away_from_zero(value: Decimal, currency: str) -> None:
    exact = int(value.scaleb(digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert money(texts(f"{value:f}"), currency) == [exact]


@settings(max_examples=40, deadline=None)
@given(st.floats(min_value=-1e11, max_value=1e11, allow_nan=False))
def test_a_float_column_is_read_by_its_shortest_decimal_form(value: float) -> None:
    exact = int(Decimal(repr(value)).scaleb(2).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    assert money(pl.Series([value])) == [exact]


@pytest.mark.parametrize(
    ("raw", "decimal", "scale", "cents"),
    [
        ("1054.0", ".", 1, 105400),
        ("1.5e3", ".", 1, 150000),
        ("-0.005", ".", 1, -1),
        ("1 234 567,89", ",", 1, 123456789),
        ("1'234.50", ".", 1, 123450),
        ("12,34,567.00", ".", 1, 123456700),
        ("USD 12.10", ".", 1, 1210),
        ("1.25", ".", 1_000_000, 125_000_000),
        ("12.3.4", ".", 1, None),
        ("12 apples", ".", 1, None),
        ("1,23", ".", 1, None),
        ("99999999999999999999", ".", 1, None),
        ("", ".", 1, None),
    ],
)
def test_an_amount_is_read_or_refused(raw: str, decimal: str, scale: int, cents: int | None) -> None:
    assert money(texts(raw), decimal=decimal, scale=scale) == [cents]


@settings(max_examples=60, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=20), st.sampled_from(FORMS))
def test_a_day_written_in_a_format_is_read_back(days: list[date], form: str) -> None:
    written = texts(*[day.isoformat() if form == "iso" else day.strftime(form) for day in days])
    within = [None if form == "%d-%m-%y" and day.year < 1970 else day for day in days]
    read = convert.days(written, form, ZoneInfo("Asia/Seoul")).to_list()
    assert [found if wanted else None for found, wanted in zip(read, within, strict=True)] == within


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from(["Asia/Seoul", "America/New_York", "Europe/Berlin", "UTC"]),
)
def test_an_instant_is_the_same_moment_with_and_without_a_zone(moment: datetime, zone: str) -> None:
    here = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert convert.instants(texts(here.isoformat()), "iso", ZoneInfo("UTC")).to_list() == [moment]
    assert convert.instants(texts(moment.isoformat() + "Z"), "iso", ZoneInfo(zone)).to_list() == [moment]
    if not here.fold and (here + timedelta(0)).utcoffset() == here.replace(fold=1).utcoffset():
        bare = here.replace(tzinfo=None).isoformat(sep=" ")
        assert convert.instants(texts(bare), "iso", ZoneInfo(zone)).to_list() == [moment]


def test_a_day_begins_where_the_company_is() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    assert convert.instants(texts("2024-03-01"), "iso", seoul).to_list() == [datetime(2024, 2, 29, 15)]
    assert convert.days(texts("2024-02-29T20:00:00Z"), "iso", seoul).to_list() == [date(2024, 3, 1)]


def test_a_clock_time_that_summer_time_skips_is_the_hour_after() -> None:
    read = convert.instants(texts("2024-03-10 02:30"), "iso", ZoneInfo("America/New_York"))
    assert read.to_list() == [datetime(2024, 3, 10, 7, 30)]


def test_a_clock_time_that_comes_twice_is_the_first() -> None:
    read = convert.instants(texts("2024-11-03 01:30"), "iso", ZoneInfo("America/New_York"))
    assert read.to_list() == [datetime(2024, 11, 3, 5, 30)]


def test_counted_milliseconds_and_korean_clock_times_are_instants() -> None:
    seoul = ZoneInfo("Asia/Seoul")
    assert convert.instants(texts("1709251200000"), "epoch_ms", seoul).to_list() == [datetime(2024, 3, 1)]
    form = "%Y. %m. %d. %p %I:%M"
    assert convert.instants(texts("2024. 3. 1. 오후 3:05"), form, seoul).to_list() == [datetime(2024, 3, 1, 6, 5)]


@pytest.mark.parametrize(
    ("values", "form", "is_open"),
    [
        (["20-10-16", "01-03-17", "07-03-17"], "%d-%m-%y", False),
        (["10/20/2016", "03/01/2017"], "%m/%d/%Y", False),
        (["20.10.2016", "01.03.2017"], "%d.%m.%Y", False),
        (["01/02/2024", "03/04/2024"], "%d/%m/%Y", True),
        (["2024-03-01", "2024-12-31"], "iso", False),
        (["2024. 3. 1.", "2024. 12. 31."], "%Y. %m. %d.", False),
        (["3/1/2024 4:05 PM", "12/31/2024 11:59 AM"], "%m/%d/%Y %I:%M %p", False),
    ],
)
def test_the_values_decide_which_part_is_the_day(values: list[str], form: str, is_open: bool) -> None:
    found = examine(texts(*values), missing())
    assert (found.format, bool(found.other_format)) == (form, is_open)


def test_an_open_order_of_day_and_month_is_that_of_the_other_columns() -> None:
    open_one, sure = texts("01/02/2024", "03/04/2024"), texts("12/31/2024", "01/15/2024").alias("w")
    found = settled({"deals.csv": [examine(open_one, missing()), examine(sure, missing())]})["deals.csv"]
    assert [(column.format, column.other_format) for column in found] == [("%m/%d/%Y", ""), ("%m/%d/%Y", "")]


def test_a_decimal_comma_in_one_column_holds_for_a_column_that_could_be_both() -> None:
    price, sure = texts("1,250", "2,500"), texts("1.250,50", "99,90").alias("w")
    found = settled({"orders.csv": [examine(price, missing()), examine(sure, missing())]})["orders.csv"]
    assert [column.decimal for column in found] == [",", ","]


def test_texts_that_stand_for_nothing_are_null_and_na_stays_a_region() -> None:
    raw = texts(" ", "-", "N/A", "Select", "null", "없음", "NA", " North ")
    assert convert.cleaned(raw, missing()).to_list() == [None] * 6 + ["NA", "North"]


def test_yes_and_no_in_two_languages_are_flags_and_other_words_are_not() -> None:
    assert convert.flags(texts("Yes", "아니오", "1", "FALSE", "maybe")).to_list() == [True, False, True, False, None]


def test_signs_and_names_of_currencies_become_codes() -> None:
    assert convert.currencies(texts("$", "euro", "원", "gbp", "XTS")).to_list() == ["USD", "EUR", "KRW", "GBP", "XTS"]


@pytest.mark.parametrize("kind", [convert.integers, convert.decimals, convert.numbers])
@pytest.mark.parametrize("values", [["1", "2.50", "x", None, " 3", "1,000"], [str(number) for number in range(6)]])
def test_long_columns_of_few_values_are_read_as_short_ones(
    kind: Callable[[pl.Series], pl.Series], values: list[str | None]
) -> None:
    short = kind(texts(*values)).to_list()
    assert kind(texts(*values * 2_000)).to_list() == short * 2_000


def test_long_columns_of_days_and_amounts_are_read_as_short_ones() -> None:
    days = ["2024-03-01", None, "2024-02-30", "2024-03-01T10:00:00Z", "45292"] * 2_000
    seoul = ZoneInfo("Asia/Seoul")
    assert (
        convert.days(texts(*days), "iso", seoul).to_list()
        == convert.days(texts(*days[:5]), "iso", seoul).to_list() * 2_000
    )
    assert (
        convert.instants(texts(*days), "iso", seoul).to_list()
        == convert.instants(texts(*days[:5]), "iso", seoul).to_list() * 2_000
    )
    plain = [f"{number}.5" for number in range(9_000)]
    assert money(texts(*plain)) == [number * 100 + 50 for number in range(9_000)]
    assert money(texts("7", "-0.05", None, "12.3")) == [700, -5, None, 1230]
    assert money(texts("7", "12"), "KRW") == [7, 12]
    assert money(texts("7.5"), "KRW") == [8]
