"""What was answered on a day is answered again when that day is asked about, whatever came after."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_company import ACCOUNTS, PEOPLE, SmallCompany, deal

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.workspace import Workspace

LEAD = {"id": "web-1", "name": "Ann Web", "channel": "web", "created_at": "2026-01-05T10:00:00"}
AS_OFS = (None, datetime(2026, 1, 5, 12))


def answers(workspace: Workspace, known_at: datetime | None) -> dict[str, Any]:
    tables = ("opportunities", "accounts", "leads")
    found: dict[str, Any] = {
        f"{name} {as_of}": workspace.table(name, as_of=as_of, known_at=known_at).to_dicts()
        for name in tables
        for as_of in AS_OFS
    }
    found["merges"] = workspace.merges(known_at).to_dicts()
    found["overrides"] = workspace.overrides(known_at).to_dicts()
    found["set aside"] = workspace.set_aside(known_at=known_at).to_dicts()
    found["reconciliation"] = workspace.reconciliation(known_at=known_at).to_dicts()
    return found


DEALS = st.dictionaries(
    st.sampled_from(["D1", "D2", "D3"]),
    st.fixed_dictionaries({"stage": st.sampled_from(["Qualify", "Demo"]), "amount": st.sampled_from(["10", "20.50"])}),
    min_size=1,
)
ACTIONS = st.one_of(
    st.tuples(st.just("sync"), DEALS),
    st.tuples(st.just("receive"), st.sampled_from(["new", "working"])),
    st.tuples(st.just("merge"), st.sampled_from([("A2", "A1"), ("A1", "A3"), ("A3", "A2")])),
    st.tuples(st.just("withdraw"), st.just(None)),
    st.tuples(st.just("compact"), st.just(None)),
)


def act(company: SmallCompany, what: str, value: Any) -> None:
    workspace = company.workspace
    if what == "sync":
        company.sync(0, opportunities=[deal(key, **values) for key, values in value.items()])
    elif what == "receive":
        workspace.receive("leads", [{**LEAD, "status": value}], source="web", now=company.now)
    elif what == "compact":
        workspace.compact()
    elif what == "withdraw" and workspace.merges().height:
        workspace.withdraw(workspace.merges()["id"][0], who="Kim", reason="no", now=company.now)
    elif what == "merge":
        try:
            workspace.merge("accounts", *value, who="Kim", reason="same", now=company.now)
        except QuarterdeckError as error:
            if "withdraw that first" not in str(error):
                raise


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTIONS, min_size=3, max_size=5))
def test_an_answer_about_a_moment_is_the_one_that_was_given_then(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, Any]]
) -> None:
    root = tmp_path_factory.mktemp("known") / "acme"
    company = SmallCompany(root, people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1"), deal("D2")])
    given_then = [(company.now, answers(company.workspace, None))]
    for what, value in actions:
        company.pass_time()
        act(company, what, value)
        given_then.append((company.now, answers(company.workspace, None)))
    for moment, then in given_then:
        assert answers(company.workspace, moment) == then


@pytest.fixture
def company(tmp_path: Path) -> SmallCompany:
    return SmallCompany(
        tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1"), deal("D2", account_id="A2")]
    )


def test_a_merge_shows_one_record_until_it_is_withdrawn(company: SmallCompany) -> None:
    workspace = company.workspace
    company.pass_time()
    before = company.now
    company.pass_time()
    key = workspace.merge("accounts", "A2", "A1", who="Kim", reason="same company", now=company.now)
    assert workspace.table("accounts")["id"].to_list() == ["A1", "A3"]
    assert workspace.table("opportunities")["account_id"].to_list() == ["A1", "A1"]
    city = workspace.origins("accounts", "A1").filter(pl.col("column") == "city").row(0)
    assert city == ("city", "Bonn", "A2", "export", "the duplicate")
    assert workspace.table("accounts", known_at=before).height == 3
    company.pass_time()
    workspace.withdraw(key, who="Kim", reason="two companies after all", now=company.now)
    assert workspace.table("opportunities")["account_id"].to_list() == ["A1", "A2"]
    assert workspace.merges().is_empty()
    with pytest.raises(QuarterdeckError, match="No merge 'merge-1' holds"):
        workspace.withdraw(key, who="Kim", reason="again", now=company.now)


@pytest.mark.parametrize(
    ("table", "record", "survivor", "told"),
    [
        ("accounts", "A2", "A2", "into itself"),
        ("accounts", "A9", "A1", "no record 'A9'"),
        ("opportunities", "D1", "D2", "cannot be merged; known: accounts"),
        ("accounts", "A1", "A3", "merged into 'A2' by merge-1"),
        ("accounts", "A2", "A1", "A1 → A2"),
    ],
)
def test_a_merge_that_cannot_be_is_refused(
    company: SmallCompany, table: str, record: str, survivor: str, told: str
) -> None:
    company.workspace.merge("accounts", "A1", "A2", who="Kim", reason="same", now=company.now)
    with pytest.raises(QuarterdeckError, match=told):
        company.workspace.merge(table, record, survivor, who="Kim", reason="same", now=company.now)
    assert company.workspace.merges().height == 1


def test_a_merged_record_that_is_asked_for_says_what_it_is_shown_as(company: SmallCompany) -> None:
    company.workspace.merge("accounts", "A2", "A1", who="Kim", reason="same", now=company.now)
    with pytest.raises(QuarterdeckError, match="shown as 'A1'"):
        company.workspace.origins("accounts", "A2")


def test_an_arrival_taken_later_was_known_since_it_came(company: SmallCompany) -> None:
    workspace = company.workspace
    company.pass_time()
    workspace.receive("leads", [LEAD], source="web", now=company.now)
    then = company.now
    company.sync()
    assert workspace.ledger.inbox() == []
    assert workspace.table("leads", known_at=then)["id"].to_list() == ["web-1"]
    assert workspace.lake.state(then).inbox == 0


def test_computed_tables_are_those_of_the_run_that_was_made_by_then(company: SmallCompany) -> None:
    workspace = company.workspace
    made, then = workspace.run(now=company.now, as_of=datetime(2026, 1, 5), until="metrics"), company.now
    values = workspace.table("metric_values")
    company.sync(24, opportunities=[deal("D1", amount="7.00")])
    later = workspace.run(now=company.now, as_of=datetime(2026, 1, 5), until="metrics")
    assert later.id != made.id
    assert workspace.table("metric_values", known_at=then).equals(values)
    assert not workspace.table("metric_values").equals(values)
    assert [run.id for run in workspace.runs(then)] == [made.id]
    assert workspace.last_run(known_at=datetime(2026, 1, 1)) is None


def test_a_run_about_an_earlier_moment_is_the_one_made_then_or_counts_for_that_moment_only(
    company: SmallCompany,
) -> None:
    workspace, then = company.workspace, company.now
    made = workspace.run(now=company.now, as_of=datetime(2026, 1, 5), until="metrics")
    company.sync(24, opportunities=[deal("D1", amount="7.00")])
    later = workspace.run(now=company.now, as_of=datetime(2026, 1, 5), until="metrics")
    company.pass_time()
    again = workspace.run(now=company.now, as_of=datetime(2026, 1, 5), known_at=then, until="metrics")
    assert (again.id, again.known_at) == (made.id, None)
    asked = workspace.run(now=company.now, as_of=datetime(2025, 12, 1), known_at=then, until="metrics")
    assert asked.known_at == then
    last = workspace.last_run()
    assert last is not None
    assert last.id == later.id
    found = workspace.last_run(known_at=then, as_of=datetime(2025, 12, 1))
    assert found is not None
    assert found.id == asked.id
