"""What is doubtful about the data is said, with what to do."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.demand.settings import DemandSettings


def codes(frame: pl.DataFrame, today: date = date(2022, 1, 1)) -> set[str]:
    made = Config(as_of=datetime(today.year, today.month, today.day), settings=DemandSettings(), company=Company())
    return {finding.code for finding in demand.fit(Tables(opportunities=frame), made).findings}


OPEN = pl.col("status") == "open"

CASES = {
    "demand.undated_deals": lambda f: f.with_columns(created_at=pl.when(OPEN).then(None).otherwise("created_at")),
    "demand.no_amounts": lambda f: f.with_columns(amount=pl.lit(None, dtype=pl.Int64)),
    "demand.open_without_amount": lambda f: f,
    "demand.foreign_currency": lambda f: f.with_columns(currency=pl.lit("EUR")),
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
