"""Append and read, on every engine."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from stopped_clock import Clock

from quarterdeck.records.ledger import STREAMS, Draft, Ledger, LedgerError, StaleLedger
from quarterdeck.records.ledger.chain import GENESIS

AT = datetime(2024, 2, 29, 12)


def numbers(ledger: Ledger, stream: str) -> list[int]:
    return [entry.sequence for entry in ledger.entries(stream)]


def test_an_entry_is_read_back_as_it_was_written(ledger: Ledger, clock: Clock) -> None:
    payload = {"amount": Decimal("10.10"), "paid_on": date(2024, 2, 29), "note": "서울 “지점”", "lines": [1, 2.5, None]}
    written = ledger.append("pay", "line", payload, who="kim", at=AT)
    assert written.payload == payload
    assert (written.stream, written.sequence, written.kind, written.who) == ("pay", 1, "line", "kim")
    assert (written.at, written.recorded_at, written.previous) == (AT, clock.now, GENESIS)
    assert ledger.entries("pay") == [written]
    assert ledger.head("pay") == written


def test_each_entry_follows_the_one_before_in_its_own_stream(ledger: Ledger) -> None:
    first = ledger.append("pay", "line", {}, who="kim", at=AT)
    ledger.append("routing", "assign", {}, who="kim", at=AT)
    second = ledger.append("pay", "line", {}, who="kim", at=AT)
    assert (second.sequence, second.previous) == (2, first.hash)
    assert numbers(ledger, "routing") == [1]
    assert ledger.verify() == []


def test_an_empty_stream_has_no_head(ledger: Ledger) -> None:
    assert ledger.head("runs") is None
    assert ledger.entries("runs") == []


def test_a_ledger_opened_again_goes_on_where_it_stood(ledger: Ledger, url: str) -> None:
    first = ledger.append("decisions", "override", {"value": 1}, who="kim", at=AT)
    with Ledger.open(url) as again:
        assert again.entries("decisions") == [first]
        assert again.append("decisions", "override", {"value": 2}, who="lee", at=AT).previous == first.hash


def test_instants_are_kept_as_naive_utc(ledger: Ledger) -> None:
    seoul = timezone(timedelta(hours=9))
    assert ledger.append("runs", "run", {}, who="kim", at=datetime(2024, 3, 1, tzinfo=seoul)).at == datetime(
        2024, 2, 29, 15
    )
    assert ledger.entries("runs")[0].at == datetime(2024, 2, 29, 15)


def test_entries_are_chosen_by_kind_place_and_count(ledger: Ledger) -> None:
    for kind in ["override", "approval", "override", "override"]:
        ledger.append("decisions", kind, {}, who="kim", at=AT)
    assert [entry.sequence for entry in ledger.entries("decisions", kind="override")] == [1, 3, 4]
    assert [entry.sequence for entry in ledger.entries("decisions", after=2)] == [3, 4]
    assert [entry.sequence for entry in ledger.entries("decisions", kind="override", limit=2)] == [1, 3]


def test_known_at_shows_what_was_recorded_by_then(ledger: Ledger, clock: Clock) -> None:
    ledger.append("decisions", "override", {}, who="kim", at=datetime(2030, 1, 1))
    monday = clock.now
    tuesday = clock.forward(days=1)
    ledger.append("decisions", "override", {}, who="kim", at=datetime(2010, 1, 1))
    assert [entry.sequence for entry in ledger.entries("decisions", until=monday)] == [1]
    assert [entry.sequence for entry in ledger.entries("decisions", until=tuesday)] == [1, 2]
    assert ledger.entries("decisions", until=monday - timedelta(microseconds=1)) == []
    assert len(ledger.entries("decisions", until=monday.replace(tzinfo=UTC))) == 1


def test_an_append_on_a_state_that_has_moved_is_refused(ledger: Ledger) -> None:
    assert ledger.append("decisions", "approval", {}, who="kim", at=AT, expect=0).sequence == 1
    with pytest.raises(StaleLedger, match=r"stands at entry 1, not at 0 .* read it again") as caught:
        ledger.append("decisions", "approval", {}, who="lee", at=AT, expect=0)
    assert (caught.value.expected, caught.value.found) == (0, 1)
    assert numbers(ledger, "decisions") == [1]


def test_many_entries_across_streams_are_kept_together(ledger: Ledger) -> None:
    drafts = [
        Draft("publications", "publish", {"plan": 1}, "kim", AT),
        Draft("decisions", "approval", {"plan": 1}, "kim", AT, expect=0),
        Draft("publications", "publish", {"plan": 2}, "kim", AT, expect=0),
    ]
    written = ledger.append_many(drafts)
    assert [(entry.stream, entry.sequence) for entry in written] == [
        ("publications", 1),
        ("decisions", 1),
        ("publications", 2),
    ]
    assert ledger.verify() == []
    assert ledger.append_many([]) == []


@pytest.mark.parametrize(
    "bad",
    [
        Draft("pay", "line", {"amount": float("nan")}, "kim", AT),
        Draft("pay", "line", {}, "kim", AT, expect=5),
        Draft("pay", "", {}, "kim", AT),
        Draft("pay", "line", {}, "k\x00m", AT),
        Draft("pay", "erasure", {}, "kim", AT),
        Draft("salary", "line", {}, "kim", AT),
    ],
)
def test_one_bad_draft_keeps_all_of_them_out(ledger: Ledger, bad: Draft) -> None:
    with pytest.raises(LedgerError):
        ledger.append_many([Draft("decisions", "approval", {}, "kim", AT), Draft("pay", "line", {}, "kim", AT), bad])
    assert [numbers(ledger, stream) for stream in STREAMS] == [[]] * len(STREAMS)


def test_a_batch_is_one_link_of_the_chain(ledger: Ledger) -> None:
    sealed = ledger.append_batch("routing", "assign", [{"lead": 1}, {"lead": 2}], who="rules", at=AT)
    empty = ledger.append_batch("routing", "assign", [], who="rules", at=AT)
    assert sealed.payload == {"rows": [{"lead": 1}, {"lead": 2}]}
    assert empty.payload == {"rows": []}
    assert ledger.entries("routing") == [sealed, empty]
    assert ledger.verify() == []


def test_in_a_transaction_one_reads_decides_and_appends(ledger: Ledger) -> None:
    with ledger.transaction("routing", "pay") as inside:
        assert inside.head("routing") is None
        first = inside.append("routing", "assign", {"lead": 1}, who="rules", at=AT, expect=0)
        assert inside.entries("routing") == [first]
        assert inside.head("routing") == first
        second = inside.append("routing", "assign", {"lead": 2}, who="rules", at=AT, expect=1)
        inside.append_batch("pay", "accrue", [{"lead": 1}], who="rules", at=AT)
    assert ledger.entries("routing") == [first, second]
    assert ledger.verify() == []


def test_an_exception_in_a_transaction_undoes_all_of_it(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction("routing") as inside:
            inside.append("routing", "assign", {}, who="rules", at=AT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ledger.entries("routing") == []
    assert ledger.append("routing", "assign", {}, who="rules", at=AT).sequence == 1


def test_a_transaction_appends_only_to_the_streams_that_it_named(ledger: Ledger) -> None:
    with (
        pytest.raises(LedgerError, match=r"name it in transaction\('pay'"),
        ledger.transaction("routing") as inside,
    ):
        inside.append("pay", "line", {}, who="kim", at=AT)
    with pytest.raises(LedgerError, match="name the streams"), ledger.transaction():
        pass


def test_an_unknown_stream_is_answered_with_the_nearest(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="did you mean 'decisions'"):
        ledger.entries("decision")
    with pytest.raises(LedgerError, match="did you mean 'outbox'"):
        ledger.append("outbx", "mail", {}, who="kim", at=AT)


def test_importing_the_ledgers_words_loads_no_database_library() -> None:
    code = (
        "import sys, quarterdeck.records.ledger as ledger; ledger.Entry, ledger.StaleLedger; "
        "sys.exit(any(name in sys.modules for name in ['sqlalchemy', 'alembic', 'psycopg', 'sqlite3']))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
