"""Error rates over time and what errors did to the forecast, on companies small enough to work out by hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import table
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality import check, trend, wrong
from quarterdeck.quality.check import Moment
from quarterdeck.quality.effects import beginnings
from quarterdeck.quality.panel import panel
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.quality.trend import past_periods

AS_OF = datetime(2024, 7, 1)
SETTINGS = QualitySettings(trend_months=6, trend_weeks=0, effect_minimum=1, pushes=2, trend_minimum=2)

PEOPLE = pl.DataFrame(
    {
        "id": ["ann", "bob"],
        "name": ["Ann", "Bob"],
        "team": ["North", "South"],
        "left_on": [None, date(2024, 4, 15)],
    }
)


def rows(columns: tuple[str, ...], *values: tuple[Any, ...], kinds: dict[str, Any] | None = None) -> pl.DataFrame:
    return pl.DataFrame(values, schema=list(columns), orient="row", schema_overrides=kinds or {})


def moment(day: int, month: int = 1) -> datetime:
    return datetime(2024, month, day, 9)


def company(deals: pl.DataFrame, history: pl.DataFrame, **others: pl.DataFrame) -> Tables:
    return Tables(opportunities=deals, opportunity_history=history, people=PEOPLE, **others)


DEALS = rows(
    ("id", "source", "status", "owner_id", "amount", "created_at", "closed_at"),
    ("kept", "crm", "won", "ann", 10_000, moment(5), moment(20, 4)),
    ("slipped", "crm", "open", "ann", 20_000, moment(5), None),
    ("empty", "crm", "won", "bob", 30_000, moment(5), moment(10, 6)),
    ("left", "crm", "lost", "bob", 40_000, moment(5), moment(2, 6)),
    ("new", "crm", "won", "ann", 50_000, moment(3, 4), moment(30, 5)),
)
HISTORY = rows(
    ("id", "opportunity_id", "changed_at", "amount", "expected_close_on", "owner_id"),
    ("k1", "kept", moment(5), 12_000, date(2024, 4, 30), "ann"),
    ("s1", "slipped", moment(5), 20_000, date(2024, 2, 10), "ann"),
    ("s2", "slipped", moment(9, 2), 20_000, date(2024, 3, 10), "ann"),
    ("s3", "slipped", moment(9, 3), 20_000, date(2024, 5, 10), "ann"),
    ("e1", "empty", moment(5), None, date(2024, 5, 31), "bob"),
    ("l1", "left", moment(5), 40_000, date(2024, 3, 20), "bob"),
    ("n1", "new", moment(3, 4), 50_000, date(2024, 5, 10), "ann"),
    kinds={"amount": pl.Int64},
)


def made(tables: Tables, settings: QualitySettings = SETTINGS, seat: Company | None = None) -> Result:
    config = Config(as_of=AS_OF, settings=settings, company=seat or Company())
    errors = check(tables, config).tables["errors"]
    result = trend(Tables(**{name: tables[name] for name in tables}, errors=errors), config)
    for name, frame in result.tables.items():
        assert frame.schema == table(name).polars
        assert not frame.select(table(name).key).is_duplicated().any()
    return result


@pytest.fixture(scope="module")
def usual() -> Result:
    return made(company(DEALS, HISTORY))


def test_a_panel_shows_deals_as_their_history_says_that_they_stood() -> None:
    at = datetime(2024, 3, 31)
    now = Moment(AS_OF, AS_OF.date(), Company(), SETTINGS)
    held = panel(company(DEALS, HISTORY), now, [at])
    assert held["deal"].to_list() == ["empty", "kept", "left", "slipped"]
    assert held["amount"].to_list() == [None, 12_000, 40_000, 20_000]
    assert held["pushes"].to_list() == [0, 0, 0, 2]
    assert held["close_date_in_past"].to_list() == [False, False, True, False]
    assert held["close_date_pushed"].to_list() == [False, False, False, True]
    assert held["open_without_amount"].to_list() == [True, False, False, False]


def test_the_miss_of_a_quarter_is_shared_out_among_the_errors_that_its_deals_had(usual: Result) -> None:
    effects = usual.tables["error_effects"].filter(grain="quarter", period_start=date(2024, 4, 1))
    got = {
        row[0]: row[1:] for row in effects.select("class", "deals", "expected_deals", "promised", "came").iter_rows()
    }
    assert got == {
        "clean": (1, 1, 120.0, 100.0),
        "close_date_pushed": (1, 1, 200.0, 0.0),
        "open_without_amount": (1, 1, 0.0, 300.0),
        "close_date_in_past": (1, 0, 0.0, 0.0),
        "new": (1, 0, 0.0, 500.0),
        "all": (5, 3, 320.0, 900.0),
    }
    miss = dict(effects.select("class", "miss").iter_rows())
    assert miss.pop("all") == sum(miss.values()) == -580.0
    assert effects["share"].sum() == pytest.approx(1)
    assert effects.filter(pl.col("class") == "open_without_amount")["share"].item() == pytest.approx(300 / 1020)


def test_a_sentence_says_what_errors_did(usual: Result) -> None:
    finding = next(f for f in usual.findings if f.code == "quality.forecast_effect")
    assert finding.message == (
        "At the start of 2024Q2 the deals' own dates and amounts promised 320 USD; 400 came of them. Deals with a wrong "
        "entry promised 200 and brought 300, clean ones promised 120 and brought 100. Most of the wrong ones: 200 by "
        "deals whose close date had been put off again and again (came 0)."
    )


def test_an_amount_that_is_known_to_be_wrong_has_a_class_of_its_own() -> None:
    deals = DEALS.with_columns(pl.when(pl.col("id") == "kept").then(-10_000).otherwise("amount").alias("amount"))
    effects = (
        made(company(deals, HISTORY)).tables["error_effects"].filter(grain="quarter", period_start=date(2024, 4, 1))
    )
    row = effects.filter(pl.col("class") == "amount_wrong").row(0, named=True)
    assert (row["promised"], row["came"]) == (120.0, -100.0)


def test_state_rates_count_the_deals_that_were_open_at_each_months_end(usual: Result) -> None:
    rates = usual.tables["error_rates"].filter(basis="state", dimension="all")
    gone = rates.filter(check="owner_left").select("period_start", "records", "errors").rows()
    # Bob leaves on April 15 with two open deals, which close in June.
    assert gone == [
        (date(2024, 1, 1), 4, 0), (date(2024, 2, 1), 4, 0), (date(2024, 3, 1), 4, 0),
        (date(2024, 4, 1), 4, 2), (date(2024, 5, 1), 3, 2), (date(2024, 6, 1), 1, 0),
    ]  # fmt: skip
    april = rates.filter(check="owner_left", period_start=date(2024, 4, 1)).row(0, named=True)
    assert (april["rate"], april["rate_before"], april["change"]) == (0.5, 0.0, 0.5)
    # An amount was never typed for one of the two.
    assert april["money_at_stake"] == 400.0


def test_rates_of_people_and_teams_add_up_to_those_of_all(usual: Result) -> None:
    rates = usual.tables["error_rates"]
    for basis in ("state", "dated"):
        for dimension in ("owner", "team", "source"):
            parts = rates.filter(basis=basis, dimension=dimension, check="any", table="opportunities")
            whole = rates.filter(basis=basis, dimension="all", check="any", table="opportunities")
            sums = parts.group_by("period_start").agg(pl.col("records", "errors").sum()).sort("period_start")
            assert sums.height > 0
            assert sums.equals(whole.select("period_start", "records", "errors").sort("period_start"))


def test_dated_rates_count_a_record_in_the_month_in_which_it_was_made() -> None:
    contacts = rows(
        ("id", "name", "email", "account_id", "created_at"),
        ("c1", "A", "a@b.example", "x", moment(3, 3)),
        ("c2", "B", "b@@b.example", "x", moment(4, 3)),
        ("c3", "C", "c@@b.example", "x", moment(4, 5)),
        ("c4", "D", "d@b.example", "x", moment(1, 1)),
    )
    accounts = pl.DataFrame({"id": ["x"], "name": ["X"]})
    rates = made(company(DEALS, HISTORY, contacts=contacts, accounts=accounts)).tables["error_rates"]
    found = rates.filter(check="contact_email_invalid", dimension="all", grain="month")
    assert found.select("period_start", "records", "errors").rows() == [
        (date(2024, 1, 1), 1, 0), (date(2024, 3, 1), 2, 1), (date(2024, 5, 1), 1, 1),
    ]  # fmt: skip
    assert "close_date_in_past" not in rates.filter(basis="dated")["check"].to_list()


def test_a_member_that_got_worse_is_named() -> None:
    lines = [
        (f"c{month}{n}", "N", "x@@y.example" if month == 6 and n < 6 else "x@y.example", "x", moment(3 + n, month))
        for month in (5, 6)
        for n in range(8)
    ]
    contacts = rows(("id", "name", "email", "account_id", "created_at"), *lines).with_columns(source=pl.lit("crm"))
    accounts = pl.DataFrame({"id": ["x"], "name": ["X"]})
    settings = SETTINGS.model_copy(update={"disabled": ("duplicate_contact",)})
    findings = made(company(DEALS, HISTORY, contacts=contacts, accounts=accounts), settings).findings
    worse = [finding for finding in findings if finding.code == "quality.got_worse" and finding.table == "contacts"]
    assert [finding.message for finding in worse] == [
        "6 of 8 contacts of source crm were wrong in 2024-06 (75%); the month before it was 0%."
    ]


def test_a_table_too_long_to_be_read_gives_the_same_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    mails = [
        (
            f"c{n}",
            "N",
            "x@@y.example" if n % 3 else "x@y.example",
            f"p{n % 2}",
            "x",
            datetime(2024, 6, 30 - n, *((15, 0) if n % 7 == 0 else (23, 30))),
        )
        for n in range(24)
    ]
    names = ("id", "name", "email", "source", "account_id", "created_at")
    accounts = pl.DataFrame({"id": ["x"], "name": ["X"], "owner_id": ["ann"]})
    sick = pl.DataFrame({"id": ["t"], "person_id": ["nobody"], "step_id": ["s"], "completed_on": [date(2024, 6, 30)]})
    tables = company(DEALS, HISTORY, contacts=rows(names, *mails), accounts=accounts, training=sick)
    seoul = Company(timezone="Asia/Seoul")
    settings = SETTINGS.model_copy(update={"trend_weeks": 4})
    short = made(tables, settings, seoul).tables
    assert {"contacts", "opportunities", "training"} <= set(short["error_rates"]["table"])
    monkeypatch.setattr(wrong, "LONG", 0)
    for name, frame in made(tables, settings, seoul).tables.items():
        assert_frame_equal(frame, short[name], check_row_order=False)


def test_without_periods_there_is_no_trend() -> None:
    settings = SETTINGS.model_copy(update={"trend_weeks": 0, "trend_months": 0})
    assert all(frame.is_empty() for frame in made(company(DEALS, HISTORY), settings).tables.values())


def test_without_history_nothing_is_said_about_the_past_state() -> None:
    result = made(Tables(opportunities=DEALS, people=PEOPLE))
    assert result.tables["error_effects"].is_empty()
    assert result.tables["error_rates"].filter(basis="state").is_empty()


def test_periods_are_whole_and_fiscal() -> None:
    now = Moment(datetime(2024, 7, 3), date(2024, 7, 3), Company(), QualitySettings(trend_weeks=2, trend_months=2))
    weeks, months = past_periods(now)
    assert weeks.starts == (date(2024, 6, 17), date(2024, 6, 24))
    assert weeks.ends[-1] == date(2024, 7, 1)
    assert months.starts == (date(2024, 5, 1), date(2024, 6, 1))


def test_months_of_fiscal_years_of_weeks_are_those_of_their_calendar() -> None:
    # The retail calendar of 2024 (4-5-4 from February): May began on 5 May, June on 2 June, July on 7 July.
    retail = Company(fiscal_year_start=2, fiscal_year_named="start", fiscal_weeks="4-5-4", fiscal_weekday=6)
    settings = QualitySettings(trend_weeks=0, trend_months=6)
    now = Moment(datetime(2024, 7, 10), date(2024, 7, 10), retail, settings)
    _, months = past_periods(now)
    assert months.starts[-2:] == (date(2024, 5, 5), date(2024, 6, 2))
    assert months.ends[-2:] == (date(2024, 6, 2), date(2024, 7, 7))
    assert list(beginnings("quarter", now).values()) == [date(2023, 10, 29), date(2024, 2, 4)]


def test_a_deal_that_closes_on_the_day_after_a_period_did_not_come_in_it() -> None:
    day_after = pl.when(pl.col("id") == "kept").then(datetime(2024, 5, 1)).otherwise("closed_at").alias("closed_at")
    effects = made(company(DEALS.with_columns(day_after), HISTORY)).tables["error_effects"].filter(grain="month")
    april = effects.filter(pl.col("class") == "clean", period_start=date(2024, 4, 1))
    assert april.select("promised", "came").rows() == [(120.0, 0.0)]
    new = effects.filter(pl.col("class") == "new", pl.col("period_start").is_in([date(2024, 4, 1), date(2024, 5, 1)]))
    assert new.select("period_start", "came").rows() == [(date(2024, 5, 1), 100.0)]


def test_the_age_of_old_deals_is_that_which_was_known_at_the_first_moment() -> None:
    deals = rows(
        ("id", "status", "owner_id", "amount", "created_at", "closed_at"),
        ("quick", "won", "ann", 100, moment(5), moment(10)),
        ("slow", "won", "ann", 100, moment(5), moment(20, 2)),
        ("open", "open", "ann", 100, moment(5), None),
    )
    history = rows(("id", "opportunity_id", "changed_at", "amount"), ("h", "open", moment(5), 100))
    settings = SETTINGS.model_copy(update={"stale_minimum": 1})
    now = Moment(AS_OF, AS_OF.date(), Company(), settings)
    held = panel(company(deals, history), now, [datetime(2024, 2, 1), datetime(2024, 3, 1)])
    # Until February deals were won within 5 days; a deal of 27 days was old then, whatever took 46 days later.
    assert held["open_too_long"].to_list() == [True, True]
