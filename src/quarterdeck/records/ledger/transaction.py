"""A transaction of the ledger: the heads of its streams are locked, so what is read stays true until the append."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from quarterdeck.records.ledger import chain, reading
from quarterdeck.records.ledger.entry import ERASURE, Draft, Entry, in_lock_order
from quarterdeck.records.ledger.errors import LedgerError, StaleLedger
from quarterdeck.records.ledger.schema import entries, payloads, streams


class Transaction:
    """Reads and appends within the locks; all of it is kept together or not at all.

    Made by `Ledger.transaction`. Only the named streams may be appended to; every stream may be read.
    """

    def __init__(self, connection: Connection, names: tuple[str, ...], clock: Callable[[], datetime]) -> None:
        self.connection = connection
        self._heads: dict[str, tuple[int, str]] = {}
        for name in in_lock_order(names):
            head = sa.select(streams.c.sequence, streams.c.hash).where(streams.c.stream == name).with_for_update()
            sequence, digest = connection.execute(head).one()
            self._heads[name] = (sequence, digest)
        # Read after the lock was got, so that later entries never bear earlier instants than those before.
        self._now = chain.instant(clock())

    def append(
        self,
        stream: str,
        kind: str,
        payload: Mapping[str, Any],
        *,
        who: str,
        at: datetime,
        expect: int | None = None,
    ) -> Entry:
        """The new entry. Raises StaleLedger when the stream's head is not `expect`."""
        return self.append_many([Draft(stream, kind, payload, who, at, expect)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> list[Entry]:
        """The new entries, in the order of the drafts; each `expect` means the head before this call."""
        for draft in drafts:
            self._refuse_reserved(draft.kind)
            found = self._head(draft.stream)[0]
            if draft.expect is not None and draft.expect != found:
                raise StaleLedger(draft.stream, draft.expect, found)
        return self._write([(draft, None) for draft in drafts])

    def append_batch(
        self, stream: str, kind: str, rows: Sequence[Mapping[str, Any]], *, who: str, at: datetime
    ) -> Entry:
        """One entry that seals all rows, each of which can be erased by itself; its payload is `{"rows": [...]}`."""
        self._refuse_reserved(kind)
        return self._write([(Draft(stream, kind, {"rows": list(rows)}, who, at), rows)])[0]

    def entries(
        self,
        stream: str,
        *,
        kind: str | None = None,
        after: int = 0,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[Entry]:
        """As `Ledger.entries`, with what this transaction appended."""
        return reading.entries_of(self.connection, stream, kind=kind, after=after, until=until, limit=limit)

    def head(self, stream: str) -> Entry | None:
        """The newest entry, None in an empty stream."""
        return reading.head_of(self.connection, stream)

    def mark_erased(self, draft: Draft) -> Entry:
        """The marker entry of an erasure; for `erasure.erase` alone."""
        return self._write([(draft, None)])[0]

    def _head(self, stream: str) -> tuple[int, str]:
        if stream not in self._heads:
            in_lock_order((stream,))
            raise LedgerError(f"the stream {stream!r} is not locked here: name it in transaction({stream!r}, …)")
        return self._heads[stream]

    def _refuse_reserved(self, kind: str) -> None:
        if kind == ERASURE:
            raise LedgerError(f"the kind {ERASURE!r} marks an erased payload: call erase(), or use another word")

    def _write(self, drafts: Sequence[tuple[Draft, Sequence[Mapping[str, Any]] | None]]) -> list[Entry]:
        links: list[dict[str, Any]] = []
        contents: list[dict[str, Any]] = []
        written: list[Entry] = []
        heads = {draft.stream: self._head(draft.stream) for draft, _ in drafts}
        for draft, rows in drafts:
            parts = [_sealed(payload) for payload in ([draft.payload] if rows is None else rows)]
            link = self._link(draft, heads[draft.stream], [part["digest"] for part in parts], is_batch=rows is not None)
            place = {"stream": draft.stream, "sequence": link["sequence"]}
            links.append(link)
            contents += [{**place, "number": number, **part} for number, part in enumerate(parts)]
            heads[draft.stream] = (link["sequence"], link["hash"])
            written.append(reading.entry_of(link, [part["content"] for part in parts]))
        if links:
            self.connection.execute(entries.insert(), links)
        if contents:
            self.connection.execute(payloads.insert(), contents)
        self._move_heads(heads)
        return written

    def _link(self, draft: Draft, head: tuple[int, str], digests: list[str], *, is_batch: bool) -> dict[str, Any]:
        link: dict[str, Any] = {
            "stream": draft.stream,
            "sequence": head[0] + 1,
            "kind": _word(draft.kind, "kind"),
            "who": _word(draft.who, "who"),
            "at": chain.instant(draft.at),
            "recorded_at": self._now,
            "batch_rows": len(digests) if is_batch else None,
            "digest": chain.batch_digest(digests) if is_batch else digests[0],
            "previous": head[1],
        }
        return {**link, "hash": chain.link_hash(link)}

    def _move_heads(self, heads: Mapping[str, tuple[int, str]]) -> None:
        for name, (sequence, digest) in heads.items():
            moved = streams.update().where(streams.c.stream == name).values(sequence=sequence, hash=digest)
            self.connection.execute(moved)
            self._heads[name] = (sequence, digest)


def _sealed(payload: Mapping[str, Any]) -> dict[str, str]:
    content, salt = chain.encode(payload), chain.new_salt()
    return {"content": content, "salt": salt, "digest": chain.payload_digest(salt, content)}


def _word(text: str, field: str) -> str:
    if not text or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise LedgerError(f"{field} is {text!r}: give text that is not empty and has no control characters")
    return text
