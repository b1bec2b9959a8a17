"""Live arrivals: kept before they are answered, once for each key, until the lake has taken them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from stopped_clock import Clock

from quarterdeck.records.ledger import InboxRow, Ledger, LedgerError

AT = datetime(2024, 2, 29, 12)


def rows(ledger: Ledger, **wanted: object) -> list[object]:
    return [found.row["n"] for found in ledger.inbox(**wanted)]  # type: ignore[arg-type]


def test_what_arrives_is_read_back_with_its_source(ledger: Ledger, clock: Clock) -> None:
    sequence = ledger.receive(
        "leads", [{"email": "ada@example.org"}, {"budget": Decimal("1.50")}], source="form", at=AT
    )
    assert ledger.inbox() == [
        InboxRow(sequence, 0, "leads", "form", {"email": "ada@example.org"}, AT, clock.now),
        InboxRow(sequence, 1, "leads", "form", {"budget": Decimal("1.50")}, AT, clock.now),
    ]
    assert ledger.verify() == []


def test_the_same_key_twice_is_kept_once(ledger: Ledger) -> None:
    first = ledger.receive("leads", [{"n": 1}], source="form", at=AT, idempotency_key="key")
    other = ledger.receive("leads", [{"n": 2}], source="hubspot", at=AT, idempotency_key="key")
    again = ledger.receive("leads", [{"n": 1}], source="form", at=AT, idempotency_key="key")
    assert (again, other) == (first, first + 1)
    assert rows(ledger) == [1, 2]
    assert ledger.receive("leads", [{"n": 3}], source="form", at=AT) == other + 1
    assert ledger.receive("leads", [{"n": 3}], source="form", at=AT) == other + 2


def test_a_key_is_known_after_its_arrival_was_drained(ledger: Ledger) -> None:
    first = ledger.receive("leads", [{"n": 1}], source="form", at=AT, idempotency_key="key")
    ledger.drain(first)
    assert ledger.receive("leads", [{"n": 1}], source="form", at=AT, idempotency_key="key") == first
    assert ledger.inbox() == []


def test_drained_rows_are_not_given_again(ledger: Ledger) -> None:
    arrivals = [ledger.receive("leads", [{"n": number}], source="form", at=AT) for number in range(4)]
    assert ledger.drain(arrivals[1]) == 2
    assert (rows(ledger), rows(ledger, drained=True)) == ([2, 3], [0, 1])
    assert ledger.drain(arrivals[0]) == 0
    assert ledger.drain(arrivals[3]) == 2
    assert (rows(ledger), rows(ledger, drained=True)) == ([], [0, 1, 2, 3])


def test_no_more_can_be_drained_than_arrived(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="has only 0 arrivals, not 1"):
        ledger.drain(1)


def test_rows_are_chosen_by_table_time_and_count_of_arrivals(ledger: Ledger, clock: Clock) -> None:
    ledger.receive("leads", [{"n": 1}, {"n": 2}], source="form", at=AT)
    ledger.receive("events", [{"n": 3}], source="form", at=AT)
    early = clock.now
    clock.forward(hours=1)
    ledger.receive("leads", [{"n": 4}], source="form", at=AT - timedelta(days=9))
    assert rows(ledger, table="leads") == [1, 2, 4]
    assert rows(ledger, until=early) == [1, 2, 3]
    assert rows(ledger, limit=1) == [1, 2]
    assert rows(ledger, table="activities") == []


def test_an_erased_row_is_left_out(ledger: Ledger) -> None:
    sequence = ledger.receive("leads", [{"n": 1}, {"n": 2}], source="form", at=AT)
    ledger.erase("inbox", sequence, row=0, who="officer", at=AT, reason="asked")
    assert rows(ledger) == [2]
    ledger.erase("inbox", sequence, who="officer", at=AT, reason="asked")
    assert rows(ledger) == []
    assert ledger.verify() == []


def test_a_posted_row_may_hold_any_text(ledger: Ledger) -> None:
    posted = {"n": "\x00 \ud800 $decimal 서울", "$at": {"$decimal": "mine"}}
    ledger.receive("events", [posted], source="webhook", at=AT, idempotency_key="\ud800")
    assert ledger.inbox()[0].row == posted
