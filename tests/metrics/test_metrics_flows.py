"""Why the pipeline changed, how far deals came, what became of cohorts; in cents that add up."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import flow, flow_between, flow_step, funnel, measure, waterfall, waterfall_deals
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.metrics.waterfall import BARS

START, END = date(2024, 4, 1), date(2024, 7, 1)


def at(month: int, day: int = 1) -> datetime:
    return datetime(2024, month, day)


def deal(
    name: str, status: str, amount: int, created: datetime, closed: datetime | None = None, **more: Any
) -> dict[str, Any]:
    base = {"id": name, "status": status, "amount": amount, "created_at": created, "closed_at": closed, "stage": status}
    return base | more


def entry(name: str, when: datetime, stage: str, amount: int, close_on: date | None = None) -> dict[str, Any]:
    return {
        "id": f"{name} {when}", "opportunity_id": name, "changed_at": when, "stage": stage, "amount": amount,
        "expected_close_on": close_on,
    }  # fmt: skip


def company_with_a_history() -> Tables:
    deals = [
        deal("stays", "open", 150, at(1), stage="Demo"),
        deal("won", "won", 90, at(2), at(5, 10), stage="Closed Won"),
        deal("lost", "lost", 70, at(2), at(5, 11), stage="Closed Lost"),
        deal("quick", "won", 33, at(5), at(6), stage="Closed Won"),
        deal("back", "open", 40, at(1), stage="Demo"),
        deal("new", "open", 25, at(6), stage="First"),
    ]
    history = [
        entry("stays", at(1), "First", 100, date(2024, 5, 20)),
        entry("stays", at(4, 20), "Demo", 150, date(2024, 8, 1)),
        entry("won", at(2), "First", 100, date(2024, 5, 1)),
        entry("won", at(5, 1), "Demo", 80, date(2024, 5, 1)),
        entry("back", at(1), "First", 40, date(2024, 9, 1)),
        entry("back", at(2), "Closed Lost", 40, date(2024, 9, 1)),
        entry("back", at(5, 5), "Demo", 40, date(2024, 6, 1)),
    ]
    return Tables(opportunities=pl.DataFrame(deals), opportunity_history=pl.DataFrame(history))


def bars(lines: pl.DataFrame) -> dict[str, tuple[int, int]]:
    return {bar: (deals, amount) for bar, deals, amount in lines.select("bar", "deals", "amount").iter_rows()}


def test_every_change_of_the_pipeline_has_its_bar() -> None:
    assert bars(waterfall(company_with_a_history(), START, END)) == {
        "opening": (3, 270),  # stays 100, won 100, lost 70
        "new": (2, 58),  # quick came and went within: 33, and new 25
        "reopened": (1, 40),
        "pulled in": (0, 0),
        "pushed in": (0, 0),
        "raised": (2, 60),  # stays to 150; won from 80 to 90 at its close
        "cut": (1, -20),
        "pushed out": (0, 0),
        "pulled out": (0, 0),
        "won": (2, -123),
        "lost": (1, -70),
        "closing": (3, 215),
    }


def test_pipeline_that_is_expected_to_close_in_the_quarter_sees_what_was_pulled_and_pushed() -> None:
    found = bars(waterfall(company_with_a_history(), START, END, closing=(START, END)))
    assert found["opening"] == (2, 200)  # stays and won; lost and back have no day in the quarter
    assert found["pushed out"] == (1, -100)
    assert found["reopened"] == (1, 40)
    assert found["won"] == (1, -90)
    assert found["closing"] == (1, 40)


def test_deals_behind_a_bar_add_up_to_it() -> None:
    tables = company_with_a_history()
    assert waterfall_deals(tables, START, END, "won").rows() == [("won", -90), ("quick", -33)]
    for bar, (_, amount) in bars(waterfall(tables, START, END)).items():
        assert waterfall_deals(tables, START, END, bar)["amount"].sum() == amount


@st.composite
def some_companies(draw: st.DrawFn) -> Tables:
    instants = st.datetimes(datetime(2024, 1, 1), datetime(2024, 9, 1))
    deals, history = [], []
    for number in range(draw(st.integers(1, 8))):
        created = draw(instants)
        status = draw(st.sampled_from(["open", "won", "lost"]))
        closed = None if status == "open" else draw(instants)
        stage = status if closed else draw(st.sampled_from(["First", "Demo"]))
        deals.append(deal(str(number), status, draw(st.integers(0, 9999)), created, closed, stage=stage))
        for place in range(draw(st.integers(0, 4))):
            when = draw(instants)
            due = draw(st.none() | st.dates(date(2024, 3, 1), date(2024, 8, 1)))
            row = entry(
                str(number),
                when,
                draw(st.sampled_from(["First", "Demo", "won", "lost"])),
                draw(st.integers(0, 9999)),
                due,
            )
            history.append(row | {"id": f"{number} {place}"})
    return Tables(
        opportunities=pl.DataFrame(deals),
        opportunity_history=pl.DataFrame(history, schema=table("opportunity_history").polars),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some_companies(), st.booleans())
def test_opening_and_the_bars_between_add_up_to_closing_to_the_cent(tables: Tables, is_bounded: bool) -> None:
    window = (START, END) if is_bounded else None
    moment = datetime(2024, 12, 1)
    middle = date(2024, 5, 15)
    first = bars(waterfall(tables, START, middle, closing=window, as_of=moment))
    second = bars(waterfall(tables, middle, END, closing=window, as_of=moment))
    whole = bars(waterfall(tables, START, END, closing=window, as_of=moment))
    for found in (first, second, whole):
        assert found["opening"][1] + sum(found[bar][1] for bar in BARS) == found["closing"][1]
    assert first["closing"] == second["opening"]
    assert (whole["opening"], whole["closing"]) == (first["opening"], second["closing"])
    for bar in BARS:
        assert whole[bar][1] == first[bar][1] + second[bar][1]


def test_flow_tells_the_net_between_two_dates_and_every_move_within() -> None:
    rows = [
        ("a", at(1), "x"),
        ("b", at(1), "x"), ("b", at(4, 2), "y"), ("b", at(4, 3), "x"),
        ("c", at(1), "x"), ("c", at(5), "y"),
        ("d", at(5), "y"),
        ("e", at(1), "y"), ("e", at(6), None),
        ("f", at(8), "x"),
    ]  # fmt: skip
    changes = pl.DataFrame(rows, schema=["id", "at", "state"], orient="row")
    found = {row["state"]: row for row in flow(changes, at(4), at(7)).to_dicts()}
    assert found["x"] == {
        "state": "x", "opening": 3, "started": 0, "gained": 0, "ended": 0, "lost": 1, "entered": 1, "left": 2, "closing": 2,
    }  # fmt: skip
    assert found["y"] == {
        "state": "y", "opening": 1, "started": 1, "gained": 1, "ended": 1, "lost": 0, "entered": 3, "left": 2, "closing": 2,
    }  # fmt: skip


def test_flow_of_deals_and_invoices_is_that_of_their_records() -> None:
    found = {row["state"]: row for row in flow_between(company_with_a_history(), START, END).to_dicts()}
    assert (found["won"]["opening"], found["won"]["entered"], found["won"]["closing"]) == (0, 2, 2)
    assert (found["lost"]["opening"], found["lost"]["left"], found["lost"]["closing"]) == (1, 1, 1)
    bills = pl.DataFrame(
        {
            "id": ["a", "b"],
            "invoiced_at": [at(3), at(4)],
            "due_on": [date(2024, 4, 10), date(2024, 4, 10)],
            "paid_at": [at(4, 5), at(5)],
        }
    )
    found = {row["state"]: row for row in flow_between(Tables(invoices=bills), START, END, "invoices").to_dicts()}
    assert (found["overdue"]["entered"], found["overdue"]["left"]) == (1, 1)
    assert found["paid"]["closing"] == 2
    with pytest.raises(QuarterdeckError, match="no states of"):
        flow_between(Tables(invoices=bills), START, END, "leeds")  # type: ignore[arg-type]


def test_funnel_counts_skipped_stages_as_reached() -> None:
    deals = [deal(name, "open", 1, at(1), stage="C") for name in "ab"] + [
        deal("c", "won", 1, at(1), at(3), stage="Won")
    ]
    history = [
        entry("a", at(1), "A", 1), entry("a", at(1, 11), "B", 1), entry("a", at(1, 31), "C", 1),
        entry("b", at(1), "A", 1), entry("b", at(1, 21), "C", 1),
        entry("c", at(1), "A", 1), entry("c", at(1, 5), "B", 1),
    ]  # fmt: skip
    tables = Tables(opportunities=pl.DataFrame(deals), opportunity_history=pl.DataFrame(history))
    found = funnel(tables)
    assert found.select("stage", "reached", "advanced", "median_days").rows() == [
        ("A", 3, 3, 10.0),  # after 10, 20 and 4 days
        ("B", 3, 3, 20.0),  # after 20, 0 and 56 days
        ("C", 3, 1, 0.0),  # the won deal skipped it
        ("won", 1, 0, None),
    ]
    assert funnel(tables, ("A", "C")).select("stage", "reached", "advanced").rows()[:2] == [("A", 3, 3), ("C", 3, 1)]
    with pytest.raises(QuarterdeckError, match="No deal was in stage 'D'"):
        funnel(tables, ("A", "D"))


def test_step_writes_what_the_library_says() -> None:
    tables = company_with_a_history()
    config = Config(datetime(2024, 7, 1), MetricsSettings(flow_dimensions=("region",)), Company())
    made = flow_step(tables, config).tables
    quarter = made["flow_lines"].filter(grain="quarter", period_start=START, dimension="all")
    told = {bar: amount for bar, (_, amount) in bars(waterfall(tables, START, END)).items() if amount}
    assert dict(quarter.select("bar", "amount").iter_rows()) == told
    for name, frame in made.items():
        assert not frame.select(table(name).key).is_duplicated().any()
    january = made["cohort_lines"].filter(kind="deals", dimension="all", cohort=date(2024, 2, 1)).sort("age")
    assert january["n"].to_list() == [0, 0, 0, 1, 1]
    assert january["size"].to_list() == [2] * 5
    assert all(frame.is_empty() for frame in flow_step(Tables(), config).tables.values())


@pytest.mark.shared_data
def test_public_export_adds_up_to_its_published_quarter(crm_export: Any) -> None:
    tables = crm_export(date(2017, 10, 1))
    found = bars(waterfall(tables, date(2017, 7, 1), date(2017, 10, 1)))
    assert found["won"] == (1257, -298_225_500)
    assert found["closing"][0] == 2409
    assert found["opening"][1] + sum(found[bar][1] for bar in BARS) == found["closing"][1]
    stock = measure(tables, ["open_pipeline"], grain="quarter", as_of=date(2017, 10, 1))
    assert stock.filter(period_start=date(2017, 7, 1))["value"].item() * 100 == found["closing"][1]


def test_company_day_decides_in_which_quarter_a_deal_came() -> None:
    seoul = Company(timezone="Asia/Seoul")
    # 31 March 16:00 UTC is 1 April in Seoul.
    deals = pl.DataFrame([deal("a", "open", 10, datetime(2024, 3, 31, 16), stage="First")])
    found = bars(waterfall(Tables(opportunities=deals), START, END, company=seoul))
    assert (found["opening"], found["new"]) == ((0, 0), (1, 10))
    assert bars(waterfall(Tables(opportunities=deals), START, END))["opening"] == (1, 10)


def test_what_happens_at_the_first_instant_of_a_period_belongs_to_it() -> None:
    deals = pl.DataFrame([
        deal("ends", "won", 10, at(1), at(4), stage="Closed Won"), deal("begins", "open", 7, at(4), stage="First"),
    ])  # fmt: skip
    found = bars(waterfall(Tables(opportunities=deals), START, END))
    assert (found["opening"], found["new"], found["won"], found["closing"]) == ((1, 10), (1, 7), (1, -10), (1, 7))
    assert bars(waterfall(Tables(opportunities=deals), date(2024, 1, 1), START))["closing"] == (1, 10)
