"""Activities and history before a moment: counted where they lie, to the instant, and never read whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck import scoring
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import trail
from quarterdeck.scoring.settings import ScoringSettings

NOON = datetime(2024, 5, 1, 12)


def at(*rows: tuple[str, datetime]) -> pl.DataFrame:
    frame = pl.DataFrame({"id": [name for name, _ in rows], "at": [moment for _, moment in rows]})
    return frame.with_row_index("row")


def activities(*rows: tuple[str | None, datetime | None]) -> Tables:
    frame = pl.DataFrame(
        {
            "id": [f"t{place}" for place in range(len(rows))],
            "opportunity_id": [deal for deal, _ in rows],
            "started_at": [moment for _, moment in rows],
        },
        schema={"id": pl.String, "opportunity_id": pl.String, "started_at": pl.Datetime("us")},
    )
    return Tables(activities=frame)


def history(*rows: tuple[str, str, datetime, str | None, int | None]) -> Tables:
    names = ("id", "opportunity_id", "changed_at", "stage", "amount")
    return Tables(opportunity_history=pl.DataFrame(rows, schema=list(names), orient="row", infer_schema_length=None))


def by_row(found: pl.DataFrame | None) -> dict[int, tuple[Any, ...]]:
    assert found is not None
    return {row[0]: row[1:] for row in found.iter_rows()}


def test_the_window_holds_its_first_instant_and_not_the_moment_itself():
    """Thirty days before 1 May, noon, is 1 April, noon: that call counts; the one at the moment does not."""
    tables = activities(
        ("d", datetime(2024, 4, 1, 11, 59)),
        ("d", datetime(2024, 4, 1, 12)),
        ("d", datetime(2024, 4, 20)),
        ("d", NOON),
    )
    assert by_row(trail.activity(at(("d", NOON)), tables, 30)) == {0: (2.0, datetime(2024, 4, 20))}


def test_each_moment_of_a_deal_is_counted_by_itself_and_other_deals_do_not_count():
    tables = activities(("d", datetime(2024, 1, 5)), ("d", datetime(2024, 2, 5)), ("e", datetime(2024, 2, 6)))
    moments = at(("d", datetime(2024, 1, 10)), ("d", datetime(2024, 6, 1)), ("d", datetime(2024, 1, 1)))
    assert by_row(trail.activity(moments, tables, 30)) == {
        0: (1.0, datetime(2024, 1, 5)),
        1: (0.0, datetime(2024, 2, 5)),
    }


def test_activities_that_name_no_deal_or_no_instant_are_as_none():
    assert trail.activity(at(("d", NOON)), Tables(), 30) is None
    assert trail.activity(at(("d", NOON)), activities((None, datetime(2024, 4, 1)), ("d", None)), 30) is None


def test_stage_and_value_are_each_the_last_that_was_stated_before_the_moment():
    tables = history(
        ("h9", "d", datetime(2024, 1, 1), "Lead", 500),
        ("h2", "d", datetime(2024, 2, 1), "Demo", None),
        ("h3", "d", datetime(2024, 3, 1), None, 700),
        ("h4", "d", NOON, "Won", 900),
        ("h5", "e", datetime(2024, 1, 1), "Other", None),
    )
    moments = at(("d", NOON), ("d", datetime(2024, 2, 15)), ("e", NOON), ("d", datetime(2024, 1, 1)))
    assert by_row(trail.history(moments, tables)) == {
        0: ("Demo", 700.0),
        1: ("Demo", 500.0),
        2: ("Other", None),
    }


def test_of_changes_of_one_instant_the_one_with_the_greatest_key_holds():
    """Keys that count up without leading zeros: 10 comes after 9."""
    day = datetime(2024, 1, 1)
    tables = history(("9", "d", day, "Demo", 1), ("10", "d", day, "Offer", 2), ("8", "d", day, "Lead", 3))
    assert by_row(trail.history(at(("d", NOON)), tables)) == {0: ("Offer", 2.0)}


def test_without_history_there_is_nothing():
    assert trail.history(at(("d", NOON)), Tables()) is None


HOURS = st.integers(0, 100 * 24).map(lambda hours: datetime(2023, 11, 14) + timedelta(hours=hours))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), HOURS), min_size=1, max_size=30),
    st.lists(st.tuples(st.sampled_from("abcd"), HOURS), min_size=1, max_size=10),
    st.integers(1, 60),
)
def test_counts_are_those_of_counting_by_hand(done, moments, days):
    expected = {}
    for row, (deal, moment) in enumerate(moments):
        before = [started for other, started in done if other == deal and started < moment]
        if before:
            recent = sum((moment - started).total_seconds() <= days * 86_400 for started in before)
            expected[row] = (float(recent), max(before))
    assert by_row(trail.activity(at(*moments), activities(*done), days)) == expected


class OnlyRelations(Tables):
    """Refuses to hand out large tables as frames."""

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name in ("activities", "opportunity_history", "opportunities", "accounts", "events", "leads"):
            raise AssertionError(f"{name} is read whole")
        return super().__getitem__(name)

    def has(self, name: str) -> bool:
        return name in self

    def relation(self, name: str) -> ibis.Table:
        return ibis.memtable(super().__getitem__(name).to_arrow())


def test_large_tables_are_never_read_whole_and_give_the_same_scores():
    deals = pl.DataFrame(
        {
            "id": [f"d{place:03d}" for place in range(300)],
            "account_id": ["a", "b", "c"] * 100,
            "created_at": [datetime(2023, 1 + place // 30, 1 + place % 28) for place in range(300)],
            "closed_at": [datetime(2023, 2 + place // 30, 1 + place % 28) for place in range(270)] + [None] * 30,
            "status": ["won", "lost", "lost"] * 90 + ["open"] * 30,
        }
    )
    calls = deals.select(
        id=pl.format("t{}", "id"), opportunity_id="id", started_at=pl.col("created_at") + pl.duration(days=3)
    )
    changes = deals.select(
        id=pl.format("h{}", "id"), opportunity_id="id", changed_at="created_at", stage=pl.lit("Demo"), amount=pl.lit(5)
    )
    frames = {
        "opportunities": deals,
        "activities": calls,
        "opportunity_history": changes,
        "accounts": pl.DataFrame({"id": ["a", "b", "c"], "name": ["A", "B", "C"]}),
    }
    config = Config(as_of=datetime(2023, 12, 1), settings=ScoringSettings(), company=Company())
    scores = scoring.score(OnlyRelations(**frames), config).tables["scores"]
    assert scores.height == 30
    assert scores.equals(scoring.score(Tables(**frames), config).tables["scores"])


@pytest.mark.parametrize("dialect", ["postgres", "pyspark"])
def test_the_relational_work_can_be_said_in_other_engines_words(dialect, monkeypatch):
    said = []
    monkeypatch.setattr(trail, "_frame", lambda rows, types: said.append(ibis.to_sql(rows, dialect=dialect)))
    trail.activity(at(("d", NOON)), activities(("d", NOON)), 30)
    trail.history(at(("d", NOON)), history(("h", "d", NOON, "Demo", 1)))
    assert [text.upper().count(" JOIN ") for text in said] == [1, 1]
