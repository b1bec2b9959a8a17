"""A view shows the records as they stood: later rows, later values and later stages are hidden."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company, instant
from quarterdeck.base.schema import conform
from quarterdeck.records.views import last_day, view

SEOUL = Company(timezone="Asia/Seoul")
HINTS = {"crm": {"amount_known": "at_close", "open_stage": "Engaging"}}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def seen(name: str, as_of: datetime, company: Company | None = None, **rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The view of a table over rows given by table name."""
    frames = {key: conform(key, pl.DataFrame(value, infer_schema_length=None)) for key, value in rows.items()}

    def lookup(key: str) -> Any:
        return ibis.memtable(frames[key].to_arrow()) if key in frames else None

    found = view(name, lookup, as_of, company or Company(), HINTS)
    assert found is not None
    return pl.DataFrame(pl.from_arrow(found.to_pyarrow())).sort("id")


def deal(key: str, **values: Any) -> dict[str, Any]:
    return {"id": key, "source": "crm", "status": "open", "created_at": at("2017-01-05"), **values}


WON = deal(
    "w", stage="Won", status="won", amount=105400, closed_at=at("2017-03-01"), expected_close_on=date(2017, 3, 1)
)


def test_a_deal_closed_later_is_open_without_amount_and_marked_as_inferred() -> None:
    row = seen("opportunities", at("2017-02-01"), opportunities=[WON]).row(0, named=True)
    assert (row["status"], row["stage"], row["amount"], row["closed_at"]) == ("open", "Engaging", None, None)
    assert row["expected_close_on"] is None
    assert row["is_inferred"]


def test_a_deal_closed_before_stands_as_it_closed() -> None:
    row = seen("opportunities", at("2017-03-02"), opportunities=[WON]).row(0, named=True)
    assert (row["status"], row["stage"], row["amount"], row["is_inferred"]) == ("won", "Won", 105400, False)


def test_a_deal_closed_at_the_very_moment_is_still_open() -> None:
    assert seen("opportunities", at("2017-03-01"), opportunities=[WON])["status"].to_list() == ["open"]


def test_deals_born_later_are_left_out_and_undated_ones_stay() -> None:
    rows = [WON, deal("n", created_at=at("2017-02-01")), deal("u", created_at=None)]
    assert seen("opportunities", at("2017-02-01"), opportunities=rows)["id"].to_list() == ["u", "w"]


def test_history_tells_stage_amount_date_and_owner_of_the_moment() -> None:
    history = [
        {"id": "1", "opportunity_id": "w", "changed_at": at("2017-01-05"), "stage": "Prospecting", "amount": 90000, "owner_id": "ann"},
        {"id": "2", "opportunity_id": "w", "changed_at": at("2017-01-20"), "stage": "Demo", "amount": 100000, "owner_id": "bob"},
        {"id": "3", "opportunity_id": "w", "changed_at": at("2017-03-01"), "stage": "Won", "amount": 105400, "owner_id": "cid"},
    ]  # fmt: skip
    row = seen("opportunities", at("2017-02-01"), opportunities=[WON], opportunity_history=history).row(0, named=True)
    assert (row["stage"], row["amount"], row["owner_id"], row["status"]) == ("Demo", 100000, "bob", "open")
    assert not row["is_inferred"]


def test_a_region_is_the_deals_own_else_the_owners_else_the_accounts() -> None:
    rows = seen(
        "opportunities",
        at("2017-02-01"),
        opportunities=[
            deal("1", region="North", owner_id="ann"),
            deal("2", owner_id="ann"),
            deal("3", account_id="acme"),
        ],
        people=[{"id": "ann", "region": "East"}],
        accounts=[{"id": "acme", "region": "West"}],
    )
    assert rows["region"].to_list() == ["North", "East", "West"]


def test_a_lead_converted_later_is_not_converted_yet() -> None:
    lead = {
        "id": "l",
        "status": "converted",
        "created_at": at("2017-01-01"),
        "converted_at": at("2017-02-10"),
        "opportunity_id": "w",
    }
    row = seen("leads", at("2017-02-01"), leads=[lead]).row(0, named=True)
    assert (row["status"], row["converted_at"], row["opportunity_id"]) == ("new", None, None)


def test_a_person_who_leaves_later_has_not_left() -> None:
    person = {"id": "a", "hired_on": date(2016, 1, 1), "left_on": date(2017, 6, 30)}
    assert seen("people", at("2017-06-30"), people=[person])["left_on"].to_list() == [None]
    assert seen("people", at("2017-07-01"), people=[person])["left_on"].to_list() == [date(2017, 6, 30)]


def test_a_day_is_past_when_it_has_begun_in_the_companys_zone() -> None:
    assert last_day(instant(date(2017, 10, 1), SEOUL), SEOUL) == date(2017, 9, 30)
    assert last_day(at("2017-09-30T15:00:01"), SEOUL) == date(2017, 10, 1)


MOMENTS = st.datetimes(at("2017-01-01"), at("2017-12-31"))


@st.composite
def companies(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    deals, history = [], []
    for number in range(draw(st.integers(1, 6))):
        created, closed = draw(st.none() | MOMENTS), draw(st.none() | MOMENTS)
        status = draw(st.sampled_from(["won", "lost"])) if closed else "open"
        amount = draw(st.none() | st.integers(0, 10**6))
        deals.append(
            deal(f"d{number}", created_at=created, closed_at=closed, status=status, amount=amount, stage=status)
        )
        for place in range(draw(st.integers(0, 3))):
            change = {"id": f"{number}.{place}", "opportunity_id": f"d{number}", "changed_at": draw(MOMENTS)}
            history.append({**change, "stage": f"s{place}", "amount": draw(st.none() | st.integers(0, 10**6))})
    return {"opportunities": deals, "opportunity_history": history}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(companies(), companies(), MOMENTS)
def test_rows_of_the_future_change_nothing_at_an_earlier_moment(
    known: dict[str, list[dict[str, Any]]], later: dict[str, list[dict[str, Any]]], as_of: datetime
) -> None:
    def after(value: datetime | None) -> bool:
        return value is not None and value >= as_of

    before = seen("opportunities", as_of, **{name: rows for name, rows in known.items() if rows})
    future = [{**row, "id": f"x{row['id']}"} for row in later["opportunities"] if after(row["created_at"])]
    changes = [{**row, "id": f"x{row['id']}"} for row in later["opportunity_history"] if after(row["changed_at"])]
    grown = {
        "opportunities": known["opportunities"] + future,
        "opportunity_history": known["opportunity_history"] + changes,
    }
    assert seen("opportunities", as_of, **{name: rows for name, rows in grown.items() if rows}).equals(before)
