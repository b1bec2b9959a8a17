"""Many writers at once, and writers killed at any moment: no gap, no loss of what was answered, no half transaction."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from quarterdeck.records.ledger import STREAMS, Draft, Ledger, StaleLedger

AT = datetime(2024, 2, 29, 12)
WRITERS = Path(__file__).with_name("ledger_writers.py")


def run(mode: str, url: str, folder: Path, first: int, second: int) -> None:
    command = [sys.executable, str(WRITERS), mode, url, str(folder), str(first), str(second)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


def noted(folder: Path) -> list[tuple[str, int, str]]:
    """What the writers had an answer for: stream, sequence, word. A last line cut by a kill is no note."""
    lines = [line for file in folder.glob("notes-*") for line in file.read_text().splitlines(keepends=True)]
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(stream, int(sequence), word) for stream, sequence, word in whole]


def assert_whole(ledger: Ledger, folder: Path) -> int:
    """Gapless, chained, everything noted is there, and both halves of each pair or neither; gives the entries' count."""
    assert ledger.verify() == []
    found = {}
    halves: Counter[str] = Counter()
    # A server may still finish the last statement of a writer that was killed: the locks wait for it.
    with ledger.transaction(*STREAMS) as settled:
        streams = {stream: settled.entries(stream) for stream in STREAMS}
    for stream, entries in streams.items():
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        for entry in entries:
            assert entry.payload is not None
            if stream == "inbox":
                assert [row["word"] for row in entry.payload["rows"]] == [entry.payload["rows"][0]["word"]] * 3
                found[stream, entry.sequence] = entry.payload["rows"][0]["word"]
            else:
                found[stream, entry.sequence] = entry.payload["word"]
                halves[entry.payload["word"]] += 1
    assert set(halves.values()) <= {2}
    for stream, sequence, word in noted(folder):
        assert found[stream, sequence] == word
    return len(found)


def test_killed_writers_lose_nothing_that_was_answered(url: str, tmp_path: Path) -> None:
    run("crash", url, tmp_path, 20, 1)
    with Ledger.open(url) as ledger:
        kept = assert_whole(ledger, tmp_path)
        assert kept >= len(set(noted(tmp_path))) > 100
        assert ledger.append("pay", "line", {}, who="kim", at=AT).sequence == len(ledger.entries("pay"))


def test_a_ledger_may_be_made_by_many_processes_at_once(url: str, tmp_path: Path) -> None:
    run("race", url, tmp_path, 6, 1)
    with Ledger.open(url) as ledger:
        assert assert_whole(ledger, tmp_path) == 12


def test_writers_of_all_streams_finish_without_a_gap_or_a_deadlock(url: str, tmp_path: Path) -> None:
    run("race", url, tmp_path, 4, 60)
    with Ledger.open(url) as ledger:
        assert assert_whole(ledger, tmp_path) == 4 * (40 * 2 + 20)


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    def write(thread: int) -> None:
        for turn in range(15):
            both = [Draft("pay", "line", {"turn": turn}, "kim", AT), Draft("routing", "assign", {}, "kim", AT)]
            ledger.append_many(both if thread % 2 else both[::-1])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    for stream in ("pay", "routing"):
        assert [entry.sequence for entry in ledger.entries(stream)] == list(range(1, 91))
    assert ledger.verify() == []


def test_of_many_who_saw_the_same_head_one_may_append(ledger: Ledger) -> None:
    def approve(person: int) -> bool:
        try:
            ledger.append("decisions", "approval", {"person": person}, who="kim", at=AT, expect=0)
        except StaleLedger:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(approve, range(12))) == 1
    assert len(ledger.entries("decisions")) == 1


def test_read_decide_append_never_decides_on_an_old_state(ledger: Ledger) -> None:
    """A round robin over three sellers stays even, however many threads assign at once."""

    def assign(lead: int) -> None:
        with ledger.transaction("routing") as inside:
            turns = len(inside.entries("routing"))
            inside.append("routing", "assign", {"seller": turns % 3, "lead": lead}, who="rules", at=AT)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(assign, range(30)))
    sellers = [(entry.payload or {})["seller"] for entry in ledger.entries("routing")]
    assert sellers == [0, 1, 2] * 10


def test_the_same_key_posted_by_many_at_once_is_one_arrival(ledger: Ledger) -> None:
    def post(_: int) -> int:
        return ledger.receive("leads", [{"n": 1}], source="form", at=AT, idempotency_key="key")

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(post, range(12))) == {1}
    assert len(ledger.inbox()) == 1


def test_a_ledger_opened_before_a_fork_serves_parent_and_children(url: str, tmp_path: Path) -> None:
    run("inherit", url, tmp_path, 3, 15)
    with Ledger.open(url) as ledger:
        assert assert_whole(ledger, tmp_path) == 4 * 25


def test_a_ledger_is_whole_in_every_moment_of_a_writers_work(ledger: Ledger, url: str) -> None:
    with Ledger.open(url) as other, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [other.append("pay", "line", {}, who="kim", at=AT) for _ in range(150)])
        while not writing.done():
            assert ledger.verify("pay") == []
        assert len(writing.result()) == 150


def test_later_entries_never_bear_earlier_instants(url: str) -> None:
    def write(_: int) -> None:
        ledger.append("pay", "line", {}, who="kim", at=AT)

    with Ledger.open(url) as ledger:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(60)))
        instants = [entry.recorded_at for entry in ledger.entries("pay")]
    assert instants == sorted(instants)


@pytest.mark.postgresql
def test_on_postgresql_a_locked_stream_does_not_hold_up_another(postgresql_url: str) -> None:
    with Ledger.open(postgresql_url) as ledger, Ledger.open(postgresql_url) as other, ledger.transaction("pay"):
        assert other.append("routing", "assign", {}, who="rules", at=AT).sequence == 1
