"""What is done behind the ledger's back is named; what is erased in front of it is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa

from quarterdeck.records.ledger import Ledger, LedgerError

AT = datetime(2024, 2, 29, 12)
Tamper = Callable[[str], None]


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    for number in range(1, 5):
        ledger.append("pay", "line", {"person": "Ada Lovelace", "amount": number}, who="kim", at=AT)
    ledger.append_batch("outbox", "mail", [{"to": "ada@example.org"}, {"to": "bob@example.org"}], who="kim", at=AT)
    return ledger


ENTRY_2 = "stream = 'pay' AND sequence = 2"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (f"UPDATE ledger_payloads SET content = '{{}}' WHERE {ENTRY_2}", "pay entry 2: its payload was changed"),
        (f"UPDATE ledger_payloads SET salt = 'x' WHERE {ENTRY_2}", "pay entry 2: its payload was changed"),
        (f"UPDATE ledger_payloads SET digest = 'x' WHERE {ENTRY_2}", "pay entry 2: the digest of its payload is not"),
        (f"DELETE FROM ledger_payloads WHERE {ENTRY_2}", "pay entry 2: rows of its payload are missing"),
        (
            f"UPDATE ledger_payloads SET content = NULL, salt = NULL WHERE {ENTRY_2}",
            "pay entry 2: its payload is gone and no erasure entry says why",
        ),
        (f"UPDATE ledger_entries SET who = 'lee' WHERE {ENTRY_2}", "pay entry 2: it was changed"),
        (f"UPDATE ledger_entries SET kind = 'x' WHERE {ENTRY_2}", "pay entry 2: it was changed"),
        (f"UPDATE ledger_entries SET at = '2020-01-01 00:00:00.000000' WHERE {ENTRY_2}", "pay entry 2: it was changed"),
        (
            f"UPDATE ledger_entries SET recorded_at = '2020-01-01 00:00:00.000000' WHERE {ENTRY_2}",
            "pay entry 2: it was changed",
        ),
        (f"UPDATE ledger_entries SET digest = 'x' WHERE {ENTRY_2}", "pay entry 2: the digest of its payload is not"),
        (f"UPDATE ledger_entries SET hash = 'x' WHERE {ENTRY_2}", "pay entry 3: it does not follow the entry before"),
        ("UPDATE ledger_streams SET hash = 'x' WHERE stream = 'pay'", "pay: its head is not its last entry"),
        ("UPDATE ledger_streams SET sequence = 9 WHERE stream = 'pay'", "pay: entries 5 to 9 are missing at its end"),
        (
            "UPDATE ledger_payloads SET content = '{}' WHERE stream = 'outbox' AND number = 1",
            "outbox entry 1 row 1: its payload was changed",
        ),
        (
            "UPDATE ledger_entries SET batch_rows = 1 WHERE stream = 'outbox'",
            "outbox entry 1: rows of its payload are missing or were added",
        ),
    ],
)
def test_tampering_is_named(filled: Ledger, tamper: Tamper, statement: str, fault: str) -> None:
    assert filled.verify() == []
    tamper(statement)
    faults = filled.verify()
    assert any(found.startswith(fault) for found in faults), faults
    stream = fault.split(" ")[0].rstrip(":")
    assert filled.verify(stream) == faults
    assert filled.verify("runs") == []


def test_entries_cut_out_or_off_are_named(filled: Ledger, tamper: Tamper) -> None:
    tamper("DELETE FROM ledger_payloads WHERE stream = 'pay' AND sequence IN (2, 4)")
    tamper("DELETE FROM ledger_entries WHERE stream = 'pay' AND sequence IN (2, 4)")
    assert filled.verify() == [
        "pay: entries 2 to 2 are missing",
        "pay: entries 4 to 4 are missing at its end",
    ]


def test_a_payload_without_an_entry_is_named(filled: Ledger, tamper: Tamper, url: str) -> None:
    if url.startswith("postgresql"):
        tamper("ALTER TABLE ledger_payloads DROP CONSTRAINT ledger_payloads_of_entry")
    tamper("INSERT INTO ledger_payloads (stream, sequence, number, digest) VALUES ('pay', 7, 0, 'x')")
    assert filled.verify() == ["pay: there is a payload for entry 7, which does not exist"]


def test_an_erased_payload_is_gone_and_the_chain_holds(filled: Ledger) -> None:
    before = filled.entries("pay")
    marker = filled.erase("pay", 2, who="officer", at=AT, reason="asked on 2024-02-28")
    after = filled.entries("pay")
    assert (marker.sequence, marker.kind, marker.who) == (5, "erasure", "officer")
    assert marker.payload == {"sequence": 2, "row": None, "reason": "asked on 2024-02-28"}
    assert after[1].payload is None
    assert (after[1].digest, after[1].hash) == (before[1].digest, before[1].hash)
    assert after[0] == before[0]
    assert filled.verify() == []


def test_the_salt_goes_with_the_payload_so_that_its_digest_cannot_be_guessed_back(filled: Ledger, url: str) -> None:
    filled.erase("pay", 2, who="officer", at=AT, reason="asked")
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql(f"SELECT salt, content FROM ledger_payloads WHERE {ENTRY_2}").one()
    engine.dispose()
    assert tuple(kept) == (None, None)


def test_one_row_of_a_batch_can_be_erased_by_itself(filled: Ledger) -> None:
    filled.erase("outbox", 1, row=0, who="officer", at=AT, reason="asked")
    assert filled.entries("outbox")[0].payload == {"rows": [None, {"to": "bob@example.org"}]}
    assert filled.verify() == []
    filled.erase("outbox", 1, who="officer", at=AT, reason="asked")
    assert filled.entries("outbox")[0].payload == {"rows": [None, None]}
    assert filled.verify() == []


def test_erasing_twice_leaves_one_marker(filled: Ledger) -> None:
    marker = filled.erase("pay", 2, who="officer", at=AT, reason="asked")
    assert filled.erase("pay", 2, who="other", at=AT, reason="again") == marker
    assert len(filled.entries("pay", kind="erasure")) == 1
    whole = filled.erase("outbox", 1, who="officer", at=AT, reason="asked")
    assert filled.erase("outbox", 1, row=1, who="officer", at=AT, reason="asked") == whole


def test_an_erased_payload_that_comes_back_is_named(filled: Ledger, tamper: Tamper) -> None:
    filled.erase("pay", 2, who="officer", at=AT, reason="asked")
    tamper(f"UPDATE ledger_payloads SET content = '{{}}', salt = 'x' WHERE {ENTRY_2}")
    assert filled.verify() == ["pay entry 2: its payload was erased, yet it is there again"]


@pytest.mark.parametrize(
    ("sequence", "row", "message"),
    [
        (9, None, "has no entry 9"),
        (1, 0, "has no row 0: it has no rows"),
        (5, None, "says that another one was erased"),
    ],
)
def test_what_cannot_be_erased_is_refused(filled: Ledger, sequence: int, row: int | None, message: str) -> None:
    filled.erase("pay", 2, who="officer", at=AT, reason="asked")
    with pytest.raises(LedgerError, match=message):
        filled.erase("pay", sequence, row=row, who="officer", at=AT, reason="asked")


def test_nothing_erased_is_left_in_the_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("erased")
    with Ledger.open(f"sqlite:///{folder}/ledger.sqlite3") as ledger:
        for number in range(60):
            ledger.append("pay", "line", {"name": f"Lovelace-{number}-" * 40}, who="kim", at=AT)
        for sequence in range(21, 41):
            ledger.erase("pay", sequence, who="officer", at=AT, reason="asked")
        held = b"".join(file.read_bytes() for file in folder.iterdir())
    left = [number for number in range(60) if f"Lovelace-{number}-".encode() in held]
    assert left == [*range(20), *range(40, 60)]
