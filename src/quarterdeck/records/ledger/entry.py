"""The ledger's words: streams, entries, drafts and rows of the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quarterdeck.base.errors import did_you_mean
from quarterdeck.records.ledger.errors import LedgerError

# Streams are locked in this order, so that two writers of several streams never wait for each other.
STREAMS = ("decisions", "publications", "routing", "pay", "outbox", "runs", "inbox")

ERASURE = "erasure"
"""The kind of the entry that marks an erased payload; nobody else may append it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be appended. `expect` is the sequence of the stream's head that the caller saw (0: none yet)."""

    stream: str
    kind: str
    payload: Mapping[str, Any]
    who: str
    at: datetime
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of a stream's chain. Instants are naive UTC.

    `sequence` counts from 1 without gaps. `at` is the instant that the writer gave, `recorded_at` the ledger's clock
    when it was appended. `payload` is None once it was erased. A sealed batch has `{"rows": [...]}`, an erased row
    standing as None in it. `hash` covers all other fields but the payload, which it covers through `digest`.
    """

    stream: str
    sequence: int
    kind: str
    payload: dict[str, Any] | None
    who: str
    at: datetime
    digest: str
    previous: str
    hash: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A row that arrived live. `sequence` is its arrival's (what `drain` takes), `number` its place in it from 0."""

    sequence: int
    number: int
    table: str
    source: str
    row: dict[str, Any]
    at: datetime
    recorded_at: datetime


def in_lock_order(streams: tuple[str, ...]) -> list[str]:
    """The streams, each once, in the order in which they are locked.

    Raises LedgerError for a name that is no stream.
    """
    for stream in streams:
        if stream not in STREAMS:
            raise LedgerError(f"the ledger has no stream {stream!r}: {did_you_mean(stream, STREAMS)}")
    return sorted(set(streams), key=STREAMS.index)
