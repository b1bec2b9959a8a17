"""What a source forgets is kept, what it deletes is gone, what it changes is a history; many syncs stay quick to read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.base.schema import conform
from quarterdeck.records import compaction
from quarterdeck.records.engine import Engine
from quarterdeck.records.lake import Lake, State
from quarterdeck.records.retention import Retention
from quarterdeck.records.sync import Staging, TableSync, compact, take
from quarterdeck.records.views import view

START = datetime(2026, 1, 5)


class Place:
    """A lake that a source is synced into, a day apart."""

    def __init__(self, root: Path, retention: Retention = "auto") -> None:
        self.lake, self.engine = Lake(root / "lake"), Engine([root], memory="500MB", threads=1)
        self.now, self.retention = START, retention

    def sync(self, *, partial: bool = False, **tables: list[dict[str, Any]]) -> dict[str, TableSync]:
        self.now += timedelta(days=1)
        with self.lake.writing():
            staging = Staging(self.lake, "crm")
            for name, rows in tables.items():
                frame = conform(name, pl.DataFrame(rows, infer_schema_length=None, schema_overrides={"id": pl.String}))
                staging.add(name, frame, read=frame.height)
            lost = frozenset({("crm", name) for name in tables}) if partial else frozenset()
            syncs, self.findings = take(
                self.lake, self.engine, [staging], seen_at=self.now, hints={}, files={"crm": str(self.now)},
                partial=lost, retention={"crm": self.retention},
            )  # fmt: skip
            staging.drop()
        return {sync.table: sync for sync in syncs}

    def rows(self, name: str, state: State | None = None) -> list[dict[str, Any]]:
        found = self.lake.relation(self.engine, state or self.lake.state(), name)
        return [] if found is None else sorted(found.to_pyarrow().to_pylist(), key=lambda row: row["id"])

    def ids(self, name: str) -> list[str]:
        return [row["id"] for row in self.rows(name)]

    def seen(self, as_of: datetime) -> dict[str, dict[str, Any]]:
        state = self.lake.state()
        shown = view(
            "opportunities", lambda name: self.lake.relation(self.engine, state, name), as_of, Company(), state.hints
        )
        assert shown is not None
        return {row["id"]: row for row in shown.to_pyarrow().to_pylist()}


@pytest.fixture
def place(tmp_path: Path) -> Callable[[Retention], Place]:
    return lambda retention="auto": Place(tmp_path, retention)


def activities(*days: int) -> list[dict[str, Any]]:
    return [{"id": f"a{day}", "started_at": START + timedelta(days=day)} for day in days]


def deals(*days: int, **values: Any) -> list[dict[str, Any]]:
    return [{"id": f"d{day}", "status": "open", "created_at": START + timedelta(days=day), **values} for day in days]


def test_activities_older_than_what_the_source_still_sends_are_kept_and_deleted_ones_go(place: Any) -> None:
    lake = place()
    lake.sync(activities=activities(1, 2, 3, 4, 5))
    sync = lake.sync(activities=activities(3, 5, 6))["activities"]
    assert lake.ids("activities") == ["a1", "a2", "a3", "a5", "a6"]
    assert (sync.deleted, sync.aged_out, sync.held, sync.unsent) == (1, 2, 5, 2)
    assert [(found.code, found.count) for found in lake.findings] == [("records.aged_out", 2)]
    assert lake.sync(activities=activities(5, 6))["activities"].aged_out == 3
    assert lake.ids("activities") == ["a1", "a2", "a3", "a5", "a6"]


def test_a_source_that_keeps_everything_deletes_its_oldest_rows(place: Any) -> None:
    lake = place("whole")
    lake.sync(activities=activities(1, 2, 3))
    assert lake.sync(activities=activities(3))["activities"].deleted == 2
    assert lake.ids("activities") == ["a3"]


def test_of_deals_a_block_of_the_oldest_aged_out_and_a_single_one_was_deleted(place: Any) -> None:
    lake = place()
    lake.sync(opportunities=deals(*range(30)))
    sync = lake.sync(opportunities=deals(*range(1, 30)))["opportunities"]
    assert (sync.deleted, sync.aged_out) == (1, 0)
    sync = lake.sync(opportunities=deals(*range(12, 20), *range(21, 30)))["opportunities"]
    assert (sync.deleted, sync.aged_out) == (1, 11)
    assert lake.ids("opportunities") == sorted(f"d{day}" for day in range(1, 30) if day != 20)


def test_days_that_a_source_keeps_decide_for_every_row(place: Any) -> None:
    lake = place(10)
    lake.sync(opportunities=deals(-30, -5, 0), activities=activities(-30, -5, 0))
    syncs = lake.sync(opportunities=deals(0), activities=activities(0))
    assert [(sync.deleted, sync.aged_out) for sync in syncs.values()] == [(1, 1), (1, 1)]
    assert lake.ids("opportunities") == ["d-30", "d0"]


def test_the_products_of_a_deal_that_aged_out_stay_with_it(place: Any) -> None:
    lake = place(10)
    lines = [{"id": "l1", "opportunity_id": "d-30"}, {"id": "l2", "opportunity_id": "d0"}]
    lake.sync(opportunities=deals(-30, 0), opportunity_lines=lines)
    lake.sync(opportunities=deals(0), opportunity_lines=[{"id": "l3", "opportunity_id": "d0"}])
    assert lake.ids("opportunity_lines") == ["l1", "l3"]


def deal(**values: Any) -> list[dict[str, Any]]:
    return [{"id": "d", "status": "open", "created_at": START, "stage": "Qualify", "amount": 100, **values}]


def test_changes_between_syncs_are_a_history_and_earlier_days_are_shown_as_they_were_seen(place: Any) -> None:
    lake = place()
    lake.sync(opportunities=deal())
    lake.sync(opportunities=deal(attributes='{"note": "x"}'))
    assert lake.ids("opportunity_history") == []
    lake.sync(opportunities=deal(stage="Demo", amount=150))
    lake.sync(opportunities=deal(stage="Demo", amount=150, owner_id="ann"))
    lake.sync(opportunities=deal(stage="Won", amount=90, status="won", closed_at=START + timedelta(days=4, hours=12)))
    history = sorted(lake.rows("opportunity_history"), key=lambda row: row["changed_at"])
    assert [(row["changed_at"] - START, row["stage"], row["amount"], row["owner_id"]) for row in history] == [
        (timedelta(days=2), "Qualify", 100, None),
        (timedelta(days=3), "Demo", 150, None),
        (timedelta(days=4), "Demo", 150, "ann"),
        (timedelta(days=5), "Won", 90, None),
    ]
    assert {row["source"] for row in history} == {"observed"}
    shown = [lake.seen(START + timedelta(days=day, hours=1))["d"] for day in (0, 1, 2, 3, 4, 5)]
    assert [(row["stage"], row["amount"], row["status"]) for row in shown] == [
        ("Qualify", 100, "open"),
        ("Qualify", 100, "open"),
        ("Qualify", 100, "open"),
        ("Demo", 150, "open"),
        ("Demo", 150, "open"),
        ("Won", 90, "won"),
    ]
    assert [row["is_inferred"] for row in shown] == [True, True, False, False, False, False]


def test_a_source_that_sends_its_history_is_not_observed(place: Any) -> None:
    lake = place()
    change = {"id": "h", "opportunity_id": "d", "changed_at": START, "stage": "Qualify"}
    lake.sync(opportunities=deal(), opportunity_history=[change])
    lake.sync(opportunities=deal(stage="Demo"), opportunity_history=[change])
    assert lake.ids("opportunity_history") == ["h"]


ROWS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["Ann", "Bob", "Cid"]), max_size=8)


@settings(max_examples=6, deadline=None)
@given(st.lists(ROWS, min_size=3, max_size=7), st.integers(1, 3), st.booleans())
def test_batches_put_together_say_the_same_at_every_moment(
    tmp_path_factory: pytest.TempPathFactory, versions: list[dict[str, str]], many: int, whole: bool
) -> None:
    plain, often = (Place(tmp_path_factory.mktemp(name)) for name in ("plain", "often"))
    before = compaction.MANY
    try:
        for version in versions:
            rows = [{"id": key, "name": name} for key, name in version.items()] or [{"id": "z", "name": "Zoe"}]
            compaction.MANY = 10**6
            plain.sync(people=rows)
            compaction.MANY = many
            often.sync(people=rows)
    finally:
        compaction.MANY = before
    assert len(often.lake.state().tables["people"]) <= many + 1
    if whole:
        with often.lake.writing():
            compact(often.lake, often.engine)
        assert len(often.lake.state().tables["people"]) == 1
    for place in range(len(versions) + 1):
        moment = START + timedelta(days=place)
        states = [one.lake.state(moment) for one in (plain, often)]
        assert plain.rows("people", states[0]) == often.rows("people", states[1])


def many_syncs(root: Path, number: int) -> tuple[Place, list[list[dict[str, Any]]]]:
    """A lake of tiny syncs, each changing, adding and deleting a person, and what each left."""
    lake, people, left = Place(root), {"p0": "v0", "p1": "v0"}, []
    for place in range(number):
        people[f"p{place % 7}"] = f"v{place}"
        people.pop(f"p{(place * 3) % 7}", None)
        people[f"q{place % 5}"] = f"w{place}"
        lake.sync(people=[{"id": key, "name": name} for key, name in people.items()])
        left.append([(row["id"], row["name"]) for row in lake.rows("people")])
    return lake, left


def check_all(lake: Place, left: list[list[tuple[str, str]]]) -> None:
    for place, then in enumerate(left, start=1):
        state = lake.lake.state(START + timedelta(days=place))
        assert [(row["id"], row["name"]) for row in lake.rows("people", state)] == then


def test_after_forty_syncs_few_files_are_read_and_every_day_is_as_it_was(tmp_path: Path) -> None:
    lake, left = many_syncs(tmp_path, 40)
    assert len(lake.lake.state().tables["people"]) <= compaction.MANY
    check_all(lake, left)
    with lake.lake.writing():
        assert compact(lake.lake, lake.engine)["people"] > 1
    check_all(lake, left)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_after_a_thousand_syncs_every_day_is_as_it_was(tmp_path: Path) -> None:
    lake, left = many_syncs(tmp_path, 1000)
    with lake.lake.writing():
        compact(lake.lake, lake.engine)
    check_all(lake, left)


def test_a_compaction_that_died_before_its_commit_is_swept_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, left = many_syncs(tmp_path, 5)
    with monkeypatch.context() as patched, lake.lake.writing():
        patched.setattr(Lake, "commit", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            compact(lake.lake, lake.engine)
    assert list((tmp_path / "lake" / "people").glob("00000006-*"))
    check_all(lake, left)
    with lake.lake.writing():
        assert not list((tmp_path / "lake" / "people").glob("00000006-*"))
    check_all(lake, left)
