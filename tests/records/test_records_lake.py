"""The lake keeps every version, shows what was known at a moment, and is whole after a kill."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.schema import conform
from quarterdeck.records.engine import Engine
from quarterdeck.records.files import Busy, exclusive, whole_folder
from quarterdeck.records.lake import Lake
from quarterdeck.records.sync import Staging, TableSync, take

MONDAY, TUESDAY, WEDNESDAY = (datetime(2026, 1, day) for day in (5, 6, 7))


def people(**names: str) -> pl.DataFrame:
    rows = {"id": list(names), "source_id": list(names), "name": list(names.values())}
    return conform("people", pl.DataFrame(rows))


class Place:
    """A lake with its engine, synced by calls."""

    def __init__(self, root: Path) -> None:
        self.lake = Lake(root / "lake")
        self.engine = Engine([root], memory="500MB", threads=1)

    def sync(self, frame: pl.DataFrame, at: datetime, source: str = "crm", *, partial: bool = False) -> TableSync:
        with self.lake.writing():
            staging = Staging(self.lake, source)
            staging.add("people", frame, read=frame.height)
            lost = frozenset({(source, "people")}) if partial else frozenset()
            syncs, self.findings = take(
                self.lake, self.engine, [staging], seen_at=at, hints={}, files={source: str(at)}, partial=lost
            )
            staging.drop()
        return syncs[0]

    def names(self, known_at: datetime | None = None) -> dict[str, str]:
        rows = self.lake.relation(self.engine, self.lake.state(known_at), "people")
        if rows is None:
            return {}
        table = rows.to_pyarrow()
        return dict(sorted(zip(table["id"].to_pylist(), table["name"].to_pylist(), strict=True)))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_second_sync_writes_only_what_differs(place: Place) -> None:
    place.sync(people(a="Ann", b="Bob", c="Cid"), MONDAY)
    report = place.sync(people(a="Ann", b="Rob", d="Dee"), TUESDAY)
    assert (report.added, report.changed, report.deleted) == (1, 1, 1)
    assert place.names() == {"a": "Ann", "b": "Rob", "d": "Dee"}
    written = [pl.read_parquet(path).height for path in place.lake.root.glob("people/00000002-*.parquet")]
    assert sorted(written) == [1, 2]


def test_what_was_known_on_a_day_stays_readable(place: Place) -> None:
    place.sync(people(a="Ann", b="Bob"), MONDAY)
    place.sync(people(a="Ann"), TUESDAY)
    place.sync(people(a="Anne", b="Bob"), WEDNESDAY)
    assert place.names(datetime(2026, 1, 4)) == {}
    assert place.names(MONDAY) == {"a": "Ann", "b": "Bob"}
    assert place.names(TUESDAY) == {"a": "Ann"}
    assert place.names() == {"a": "Anne", "b": "Bob"}


def test_a_column_that_came_later_is_empty_in_what_was_written_before(place: Place) -> None:
    place.sync(people(a="Ann", b="Bob"), MONDAY)
    for path in place.lake.root.glob("people/*.parquet"):
        pl.read_parquet(path).drop("segments", "weekly_hours").write_parquet(path)
    rows = place.lake.relation(place.engine, place.lake.state(), "people")
    assert rows is not None
    assert list(rows.columns) == people().columns
    assert rows.to_pyarrow()["segments"].to_pylist() == [None, None]
    place.sync(people(a="Ann", b="Rob"), TUESDAY)
    assert place.names() == {"a": "Ann", "b": "Rob"}


def test_one_source_does_not_delete_the_rows_of_another(place: Place) -> None:
    place.sync(people(a="Ann"), MONDAY, "crm")
    assert place.sync(people(b="Bob"), TUESDAY, "payroll").deleted == 0
    assert place.names() == {"a": "Ann", "b": "Bob"}


def test_nothing_is_deleted_when_a_part_of_the_source_could_not_be_read(place: Place) -> None:
    place.sync(people(a="Ann", b="Bob"), MONDAY)
    assert place.sync(people(a="Anna"), TUESDAY, partial=True).deleted == 0
    assert place.names() == {"a": "Anna", "b": "Bob"}


def test_of_a_repeated_key_the_last_row_is_kept_and_a_finding_counts_the_others(place: Place) -> None:
    twice = pl.concat([people(a="Ann", b="Bob"), people(a="Anne")])
    report = place.sync(twice, MONDAY)
    assert place.names() == {"a": "Anne", "b": "Bob"}
    assert report.set_aside == 1
    assert [(finding.code, finding.count) for finding in place.findings] == [("records.duplicate_key", 1)]


def test_the_same_content_twice_makes_no_batch(place: Place) -> None:
    place.sync(people(a="Ann"), MONDAY)
    place.sync(people(a="Ann"), TUESDAY)
    assert len(place.lake.state().tables["people"]) == 1


def test_a_commit_that_was_not_renamed_is_not_seen_and_swept_by_the_next_sync(place: Place) -> None:
    place.sync(people(a="Ann"), MONDAY)
    orphan = place.lake.root / "people" / "00000002-crm-0.parquet"
    people(b="Bob").write_parquet(orphan)
    (place.lake.root / "commits" / ".tmp-1-00000002.json").write_text('{"sequence": 2, ')
    assert place.names() == {"a": "Ann"}
    place.sync(people(a="Ann", c="Cid"), TUESDAY)
    assert place.names() == {"a": "Ann", "c": "Cid"}
    assert not list(place.lake.root.glob("**/.tmp-*"))


def fill_and_fail(target: Path) -> None:
    with whole_folder(target) as beside:
        (beside / "half.parquet").write_text("half")
        raise InterruptedError


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "steps" / "key"
    with pytest.raises(InterruptedError):
        fill_and_fail(target)
    assert not target.exists()
    assert not list(target.parent.iterdir())


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with exclusive(lock), pytest.raises(Busy, match="call again when it is done"), exclusive(lock, seconds=0.1):
        pass


def test_the_engine_reads_nothing_outside_its_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        people(a="Ann").write_parquet(folder / "people.parquet")
    engine = Engine([inside])
    assert engine.parquet([inside / "people.parquet"]).count().to_pyarrow().as_py() == 1
    with pytest.raises(Exception, match="disabled"):
        engine.parquet([outside / "people.parquet"])
