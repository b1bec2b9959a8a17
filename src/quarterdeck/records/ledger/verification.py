"""Is the ledger whole? Every link, digest, payload, erasure and head is computed again and compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from quarterdeck.records.ledger import chain
from quarterdeck.records.ledger.entry import ERASURE, in_lock_order
from quarterdeck.records.ledger.schema import entries, payloads, streams

Fields = dict[str, Any]


def faults(connection: Connection, names: Iterable[str]) -> list[str]:
    """A sentence for each fault in the streams; each names the stream and the entry."""
    return [fault for name in in_lock_order(tuple(names)) for fault in _faults_of(connection, name)]


def _faults_of(connection: Connection, stream: str) -> Iterator[str]:
    erased = _erasures(connection, stream)
    sequence, previous = 0, chain.GENESIS
    for link, parts in _links(connection, stream):
        place = f"{stream} entry {link['sequence']}"
        if link["sequence"] != sequence + 1:
            yield f"{stream}: entries {sequence + 1} to {link['sequence'] - 1} are missing"
        elif link["previous"] != previous:
            yield f"{place}: it does not follow the entry before it (its previous hash is another one)"
        if chain.link_hash(link) != link["hash"]:
            yield f"{place}: it was changed after it was written (its hash does not fit)"
        yield from _payload_faults(place, link, parts, erased.get(link["sequence"], set()))
        sequence, previous = link["sequence"], link["hash"]
    yield from _head_faults(connection, stream, sequence, previous)
    yield from _stray_payloads(connection, stream)


def _links(connection: Connection, stream: str) -> Iterator[tuple[Fields, list[Fields]]]:
    same = (payloads.c.stream == entries.c.stream) & (payloads.c.sequence == entries.c.sequence)
    rows = connection.execution_options(yield_per=1000).execute(
        sa.select(entries, payloads.c.number, payloads.c.salt, payloads.c.content, payloads.c.digest.label("part"))
        .select_from(entries.outerjoin(payloads, same))
        .where(entries.c.stream == stream)
        .order_by(entries.c.sequence, payloads.c.number)
    )
    for _, group in groupby(rows, key=lambda row: row.sequence):
        together = [row._asdict() for row in group]
        yield together[0], [row for row in together if row["number"] is not None]


def _payload_faults(place: str, link: Fields, parts: list[Fields], erased: set[int | None]) -> Iterator[str]:
    digests = [part["part"] for part in parts]
    numbers = [part["number"] for part in parts]
    if numbers != list(range(1 if link["batch_rows"] is None else link["batch_rows"])):
        yield f"{place}: rows of its payload are missing or were added"
        return
    if (digests[0] if link["batch_rows"] is None else chain.batch_digest(digests)) != link["digest"]:
        yield f"{place}: the digest of its payload is not the one that the chain holds"
    for part in parts:
        which = place if link["batch_rows"] is None else f"{place} row {part['number']}"
        is_erased = None in erased or part["number"] in erased
        if part["content"] is None and not is_erased:
            yield f"{which}: its payload is gone and no erasure entry says why"
        elif part["content"] is not None and is_erased:
            yield f"{which}: its payload was erased, yet it is there again"
        elif part["content"] is not None and chain.payload_digest(part["salt"] or "", part["content"]) != part["part"]:
            yield f"{which}: its payload was changed after it was written (its digest does not fit)"


def _erasures(connection: Connection, stream: str) -> dict[int, set[int | None]]:
    same = (payloads.c.stream == entries.c.stream) & (payloads.c.sequence == entries.c.sequence)
    marked: dict[int, set[int | None]] = {}
    wanted = (
        sa.select(payloads.c.content)
        .select_from(entries.join(payloads, same))
        .where(entries.c.stream == stream, entries.c.kind == ERASURE, payloads.c.content.is_not(None))
    )
    for content in connection.execute(wanted).scalars():
        marker: Any = chain.decode(content)
        marked.setdefault(marker["sequence"], set()).add(marker["row"])
    return marked


def _head_faults(connection: Connection, stream: str, sequence: int, digest: str) -> Iterator[str]:
    head = connection.execute(
        sa.select(streams.c.sequence, streams.c.hash).where(streams.c.stream == stream)
    ).one_or_none()
    if head is None:
        yield f"{stream}: its head is missing"
    elif head.sequence > sequence:
        yield f"{stream}: entries {sequence + 1} to {head.sequence} are missing at its end"
    elif (head.sequence, head.hash) != (sequence, digest):
        yield f"{stream}: its head is not its last entry"


def _stray_payloads(connection: Connection, stream: str) -> Iterator[str]:
    same = (payloads.c.stream == entries.c.stream) & (payloads.c.sequence == entries.c.sequence)
    strays = (
        sa.select(payloads.c.sequence)
        .select_from(payloads.outerjoin(entries, same))
        .where(payloads.c.stream == stream, entries.c.sequence.is_(None))
        .distinct()
    )
    for sequence in connection.execute(strays).scalars():
        yield f"{stream}: there is a payload for entry {sequence}, which does not exist"
