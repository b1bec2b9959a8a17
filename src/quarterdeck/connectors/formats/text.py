"""Delimited text of any size and encoding.

Blocks whose quoting is by the rules go through Arrow's parser, whose count of rows is held against the line ends
outside quotes. Where a rule is broken, lines are read one by one until the rules hold again.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Any

import polars as pl

from quarterdeck.connectors.formats import layout
from quarterdeck.connectors.formats.blob import Blob
from quarterdeck.connectors.formats.blocks import Blocks, Piece, Reads
from quarterdeck.connectors.formats.encoding import NAMES, Encoding, detect
from quarterdeck.connectors.formats.endings import Ending
from quarterdeck.connectors.formats.layout import Layout
from quarterdeck.connectors.formats.table import CHUNK, MOST_COLUMNS, Chunk, Count, Facts, Remark, UnreadableError

_HEAD = 1 << 18
_LONG_HEAD = 4 << 20
_ROWS = 200
_LARGE = 32 << 20


@dataclass(frozen=True)
class Head:
    """How a file is written. Records begin after `skip` lines; `header` is the line of the column names."""

    delimiter: str
    layout: Layout
    skip: int
    header: int


@dataclass
class TextTable:
    """A delimited text file."""

    blob: Blob
    facts: Facts = field(default_factory=Facts)
    _is_plain: bool = False

    @cached_property
    def encoding(self) -> Encoding:
        return detect(self.blob)

    @cached_property
    def head(self) -> Head:
        """Raises UnreadableError."""
        return _head(self._start)

    def columns(self) -> list[str]:
        return list(self.head.layout.names)

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        head, names = self.head, self.columns()
        self.facts = Facts(self.encoding.name)
        wanted = [name for name in names if columns is None or name in columns]
        blocks = Blocks(names, head.delimiter, wanted, is_plain=self._is_plain)
        ending = Ending(names, self.facts, head.delimiter)
        held: Chunk | None = None
        counted, mended = 0, list[int]()
        with self._stream() as stream:
            gathered = _gathered(blocks.pieces(stream, head.skip), size)
            for pieces in _ahead(gathered) if self.blob.path.stat().st_size > _LARGE else gathered:
                counted += sum(piece.counted for piece in pieces)
                mended += [line for piece in pieces for line in piece.mended]
                if held is not None:
                    yield from _sliced(held, size, wanted)
                held = _joined(pieces, head.skip + 1)
        self._is_plain = blocks.plain
        if held is not None:
            yield from _sliced(ending.taken(held) if held.frame.width == len(names) else held, size, wanted)
        self.facts.counts.insert(0, Count("line ends outside quotation marks", counted))
        self._remark(head, mended, blocks.nulls)

    def _remark(self, head: Head, mended: list[int], nulls: int) -> None:
        remarks, name = self.facts.remarks, self.encoding.name
        if not self.encoding.is_utf8:
            fix = "Nothing, when names and accents look right; else export it as UTF-8."
            remarks.append(Remark("encoding", "notice", f"is written in {NAMES.get(name, name)} and read so", fix))
        if self.encoding.wrong:
            told = f"has {self.encoding.wrong:,} bytes that are no UTF-8 text; they are shown as �"
            remarks.append(Remark("bytes_unreadable", "warning", told, "Export it as UTF-8.", self.encoding.wrong))
        if nulls:
            told = f"has {nulls:,} zero bytes; they are left out"
            remarks.append(Remark("bytes_unreadable", "warning", told, "Export it as plain text.", nulls))
        if mended:
            lines = ", ".join(map(str, mended[:3])) + (", ..." if len(mended) > 3 else "")
            told = f"has {len(mended):,} rows with broken quotation marks or empty values at the end (line {lines})"
            fix = "Nothing: only one reading of them gives the header's number of values, and it is taken."
            remarks.append(Remark("row_mended", "notice", told, fix, len(mended)))
        for remark in head.layout.remarks:
            remarks.append(remark._replace(message=remark.message.replace("{header}", str(head.header))))

    @cached_property
    def _start(self) -> str:
        """The first lines as text. Raises UnreadableError."""
        raw = self.blob.start(_HEAD)
        if not raw.strip(b" \t\r\n\0\xef\xbb\xbf"):
            raise UnreadableError("it is empty")
        if self.encoding.is_utf8 or self.encoding.name.startswith(("cp", "latin", "euc")):
            nulls = raw.count(0)
            if nulls > max(len(raw) // 1000, 2) or raw[:4] in (b"\x89PNG", b"PK\x03\x04", b"%PDF", b"PAR1"):
                raise UnreadableError("it holds binary data, no text")
        with self._stream() as stream:
            text = _decoded(stream.read(_HEAD))
            if "\n" not in text.strip("\n"):
                text += _decoded(stream.read(_LONG_HEAD))
        return text

    @contextmanager
    def _stream(self) -> Iterator[Reads]:
        """The text as UTF-8 without a mark, its lines ending with line feeds."""
        with self.blob.open() as raw:
            if self.encoding.is_utf8 and not self.encoding.wrong:
                start = raw.read(_HEAD)
                if b"\n" in start or b"\r" not in start:
                    while start.startswith(codecs.BOM_UTF8):
                        start = start[3:]
                    yield _Chained(start, raw)
                    return
                yield _Transcoded(_Chained(start, raw), "utf-8-sig")
                return
            yield _Transcoded(raw, self.encoding.name)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").lstrip("\ufeff").replace("\0", "")


class _Chained:
    """What was read of a stream already, and the rest of it."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int, /) -> bytes:
        if self._start:
            piece, self._start = self._start[:size], self._start[size:]
            return piece
        return self._rest.read(size)


class _Transcoded:
    """A text of any encoding as UTF-8 with line feeds."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._left, self._is_first, self._is_done = b"", True, False

    def read(self, size: int, /) -> bytes:
        while not self._left and not self._is_done:
            raw = self._stream.read(1 << 20)
            self._is_done = not raw
            text = self._decoder.decode(raw, final=not raw)
            if self._is_first and text:
                text, self._is_first = text.lstrip("\ufeff"), False
            self._left = text.encode("utf-8", "replace")
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def _head(text: str) -> Head:
    delimiter = layout.delimiter(text)
    lines = text.splitlines(keepends=True) if "\n" not in text else [line + "\n" for line in text.split("\n")]
    if len(text) >= _HEAD - 4 and len(lines) > 2:
        lines.pop()
    if len(lines[0]) > _LONG_HEAD // 2 and len(lines) < 2:
        raise UnreadableError("its first line is longer than 2 MiB: no table")
    rows, after = _rows(lines, delimiter)
    found = layout.find(rows)
    if found is None:
        raise UnreadableError("its first lines hold no values")
    if found.width > MOST_COLUMNS:
        raise UnreadableError(f"it has {found.width:,} columns, more than {MOST_COLUMNS:,}")
    if found.header is None:
        return Head(delimiter, found, after[found.body - 1] if found.body else 0, 0)
    return Head(delimiter, found, after[found.header], after[found.header - 1] + 1 if found.header else 1)


def _rows(lines: list[str], delimiter: str) -> tuple[list[list[str]], list[int]]:
    """The first rows, and the number of lines that each and those before it take."""
    limit = csv.field_size_limit(_LONG_HEAD)
    try:
        reader = csv.reader(iter(lines), delimiter=delimiter)
        rows, after = [], []
        for row in reader:
            rows.append(row)
            after.append(reader.line_num)
            if len(rows) == _ROWS:
                break
    except csv.Error:
        rows = [line.rstrip("\r\n").split(delimiter) for line in lines[:_ROWS]]
        after = list(range(1, len(rows) + 1))
    finally:
        csv.field_size_limit(limit)
    return rows, after


def _gathered(pieces: Iterator[Piece], size: int) -> Iterator[list[Piece]]:
    held: list[Piece] = []
    for piece in pieces:
        held.append(piece)
        if sum(part.frame.height + len(part.broken) for part in held) >= size:
            yield held
            held = []
    if held:
        yield held


def _ahead(groups: Iterator[list[Piece]]) -> Iterator[list[Piece]]:
    """The groups, the next one read by a thread while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, groups, None)
        while (group := waiting.result()) is not None:
            waiting = pool.submit(next, groups, None)
            yield group


def _joined(pieces: list[Piece], first: int) -> Chunk:
    """The pieces as one chunk; the last piece of a file has all columns, others those that are asked for."""
    broken = [row for piece in pieces for row in piece.broken]
    widest = pieces[-1].frame.columns
    if any(piece.frame.columns != widest for piece in pieces):
        named = pieces[0].frame.columns
        frame = pl.concat([piece.frame.select(named) for piece in pieces])
    else:
        frame = pl.concat([piece.frame for piece in pieces])
    lines = pl.concat([piece.lines for piece in pieces])
    return Chunk(frame, int(lines[0]) if len(lines) else first, broken, lines)


def _sliced(chunk: Chunk, size: int, columns: list[str]) -> Iterator[Chunk]:
    """A chunk in parts of about `size` rows, the broken ones with the part that they stand in."""
    frame = chunk.frame.select(columns)
    lines = chunk.lines if chunk.lines is not None else pl.Series(dtype=pl.Int64)
    broken = sorted(chunk.broken)
    for start in range(0, max(frame.height, 1), size):
        part, own = frame.slice(start, size), lines.slice(start, size)
        is_last = start + size >= frame.height
        here = [row for row in broken if is_last or row.line <= own[-1]]
        broken = broken[len(here) :]
        yield Chunk(part, int(own[0]) if len(own) else chunk.first, here, own)
