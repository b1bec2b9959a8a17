"""What is doubtful about the data is said, with what to do."""

from __future__ import annotations

import math
from datetime import date, datetime

import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.demand.deals import prepare
from quarterdeck.demand.settings import DemandSettings


def codes(frame: pl.DataFrame, today: date = date(2022, 1, 1)) -> set[str]:
    made = Config(as_of=datetime(today.year, today.month, today.day), settings=DemandSettings(), company=Company())
    return {finding.code for finding in demand.fit(Tables(opportunities=frame), made).findings}


OPEN = pl.col("status") == "open"


def first_won(frame: pl.DataFrame) -> str:
    return str(frame.filter(pl.col("status") == "won")["id"][0])


CASES = {
    "demand.undated_deals": lambda f: f.with_columns(created_at=pl.when(OPEN).then(None).otherwise("created_at")),
    "demand.no_amounts": lambda f: f.with_columns(amount=pl.lit(None, dtype=pl.Int64)),
    "demand.open_without_amount": lambda f: f,
    "demand.foreign_currency": lambda f: f.with_columns(currency=pl.lit("EUR")),
    "demand.extreme_amounts": lambda f: f.with_columns(
        amount=pl.when(pl.col("id") == first_won(f)).then(1_000_000_00).otherwise("amount")
    ),
    "demand.little_history": lambda f: f.head(60),
}


@pytest.fixture(scope="module")
def sound(make_company) -> pl.DataFrame:
    frame = make_company(arrivals=20)
    return frame.with_columns(amount=pl.when(OPEN).then(pl.lit(100_000)).otherwise("amount"), currency=pl.lit("USD"))


def test_sound_data_have_no_findings(sound):
    assert codes(sound) == set()


@pytest.mark.parametrize("code", CASES)
def test_each_fault_has_its_finding(sound, make_company, code):
    frame = make_company(arrivals=20) if code == "demand.open_without_amount" else sound
    assert code in codes(CASES[code](frame))


def test_a_month_in_progress_and_stale_records_are_told_by_the_date(sound):
    assert codes(sound, date(2022, 1, 15)) == {"demand.month_in_progress"}
    assert "demand.stale_records" in codes(sound, date(2022, 4, 1))


def test_the_remedy_for_stale_records_names_the_day_after_the_newest(sound):
    made = Config(as_of=datetime(2022, 4, 1), settings=DemandSettings(), company=Company())
    found = demand.fit(Tables(opportunities=sound), made).findings
    fix = next(finding.fix for finding in found if finding.code == "demand.stale_records")
    newest = max(sound["created_at"].max(), sound["closed_at"].max())
    assert f"{date.fromordinal(newest.toordinal() + 1)}" in fix


def test_a_value_in_cents_weighs_as_much_as_the_limit_and_its_excess_is_named(sound):
    """Values are 1000 (three in four) and 3000: the logarithms' median is that of 1000, their quartiles ln 3 apart at
    most, so the limit is 1000 e^(5 spread) with a spread between 0.3 and ln 3 / 1.349."""
    wrong = CASES["demand.extreme_amounts"](sound)
    deals = prepare(wrong, Company())
    held = deals.filter(pl.col("cut") > 0).row(0, named=True)
    assert held["amount"] + held["cut"] == 1_000_000
    assert 1000 * math.exp(1.5) * 0.999 <= held["amount"] <= 1000 * math.exp(5 * math.log(3) / 1.349) * 1.001
    assert deals["cut"].ne(0).sum() == 1


def test_values_below_zero_count_as_nothing(sound):
    credit = sound.with_columns(amount=pl.when(pl.col("id") == first_won(sound)).then(-500_00).otherwise("amount"))
    assert prepare(credit, Company())["amount"].min() == 0
