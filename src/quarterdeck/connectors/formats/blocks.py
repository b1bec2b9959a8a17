"""A stream of delimited UTF-8 text as pieces of whole records, each with its lines."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import polars as pl

from quarterdeck.connectors.formats.quoting import AHEAD, take
from quarterdeck.connectors.formats.table import Broken, UnreadableError, first_line, shown

BLOCK = 16 << 20
LONGEST = 16 << 20
_INNER = 2 << 20
_TAIL = 1 << 16
_BROKEN = 100_000
_AT_ONCE = 1 << 14
_QUOTED = 4 << 20
_QUOTE, _NEWLINE, _RETURN = 34, 10, 13


class Reads(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass
class Piece:
    """Some records. `lines` are those of the frame's rows; `counted` is their number by line ends, with the broken."""

    frame: pl.DataFrame
    lines: pl.Series
    broken: list[Broken] = field(default_factory=list)
    counted: int = 0
    mended: list[int] = field(default_factory=list)


@dataclass
class Blocks:
    """The records of a stream. `columns` are those to read; the last piece has all of them."""

    names: list[str]
    delimiter: str
    columns: list[str]
    nulls: int = 0
    """Zero bytes that were left out."""
    is_plain: bool = False
    """An earlier reading found each line to be a whole record, quoted by the rules: it is not looked at again."""
    plain: bool = True
    """So far each line was a whole record."""
    _line: int = 1
    _is_skipping: bool = False
    _whole: int = 0
    _broken: int = 0

    def pieces(self, stream: Reads, skip: int) -> Iterator[Piece]:
        """The pieces after `skip` lines, at least one. Raises UnreadableError."""
        self._line, rest = 1, b""
        for block, is_end in self._blocks(stream):
            data, done = rest + block if rest else block, 0
            while skip and (end := data.find(b"\n", done)) >= 0:
                done, skip, self._line = end + 1, skip - 1, self._line + 1
            if skip:
                done = len(data) if is_end else done
            elif self._is_skipping:
                done = self._skipped(data)
            if not skip and not self._is_skipping:
                done = yield from self._read(data, done, is_end=is_end)
            rest = data[done:]

    def _blocks(self, stream: Reads) -> Iterator[tuple[bytes, bool]]:
        """Blocks and whether it is the last, which is never tiny where there are several."""
        block = self._block(stream)
        while True:
            after = self._block(stream)
            if after and len(after) < _TAIL:
                block, after = block + after, self._block(stream)
            yield block, not after
            if not after:
                return
            block = after

    def _block(self, stream: Reads) -> bytes:
        """A full block, or what is left."""
        parts, left = [], BLOCK
        while left and (part := stream.read(left)):
            parts.append(part)
            left -= len(part)
        if parts and parts[-1].endswith(b"\r"):
            parts.append(stream.read(1))
        block = b"".join(parts)
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            # Arrow ends a record at any carriage return; one without line feed belongs to a text
            block = re.sub(rb"\r(?!\n)", b" ", block)
        if b"\0" in block:
            self.nulls += block.count(b"\0")
            block = block.replace(b"\0", b"") or b" "
        return block

    def _skipped(self, data: bytes) -> int:
        end = data.find(b"\n")
        if end < 0:
            return len(data)
        self._is_skipping, self._line = False, self._line + 1
        return end + 1

    def _read(self, data: bytes, done: int, *, is_end: bool) -> Generator[Piece, None, int]:
        """Pieces of what is whole in a block; gives back how far that is."""
        most = 64
        while done < len(data):
            if self.is_plain:
                end, is_broken = len(data) if is_end else max(data.rfind(b"\n") + 1, done), False
            else:
                end, is_broken = regular(data, done, self.delimiter, is_end=is_end)
            if end > done:
                yield self._weighed(self._parsed(data[done:end] if done or end < len(data) else data, is_last=is_end))
                done = end
            if not is_broken:
                break
            self.plain = False
            piece, after = self._carefully(data, done, most, is_end=is_end)
            if after == done:
                break
            yield self._weighed(piece)
            done, most = after, min(2 * most, _AT_ONCE)
        if not is_end and len(data) - done > LONGEST and data.find(b"\n", done) < 0:
            told = shown(data[done : done + 4000].decode("utf-8", "replace"))
            frame = self._frame([], is_last=is_end)
            broken = [Broken(self._line, "its line is longer than 16 MiB", told, "row_too_long")]
            yield Piece(frame, _numbers([]), broken, 1)
            self._is_skipping, done = True, len(data)
        return done

    def _weighed(self, piece: Piece) -> Piece:
        """The piece, unless most of the file is broken by now: then the rest is not looked at."""
        self._whole += piece.frame.height
        self._broken += len(piece.broken)
        if self._broken > max(_BROKEN, self._whole):
            raise UnreadableError(_mostly_broken(self._broken, piece.broken[-1].reason))
        return piece

    # -- by the rules ----------------------------------------------------------------------------------------------

    def _parsed(self, data: bytes, *, is_last: bool) -> Piece:
        import pyarrow as pa

        columns = self.names if is_last else self.columns
        try:
            table, wrong = self._arrow(data, columns, in_threads=True)
            if wrong:
                table, wrong = self._arrow(data, columns, in_threads=False)
        except pa.ArrowException as error:
            if "Expected" in str(error) and "columns" in str(error):
                raise UnreadableError(_mostly_broken(2 * _BROKEN, first_line(error))) from None
            if "straddl" not in str(error) and "block" not in str(error):
                raise UnreadableError(f"it breaks off: {first_line(error)}") from None
            table, wrong = self._arrow(data, columns, in_threads=False)
        frame = pl.DataFrame(pl.from_arrow(table)) if table is not None else self._frame([], is_last=is_last)
        lines_ended = data.count(b"\n")
        ends = lines_ended + (not data.endswith(b"\n"))
        first, self._line = self._line, self._line + lines_ended
        if not wrong and ends == frame.height and not (frame.width and _has_blank(frame)):
            return Piece(frame, pl.int_range(first, first + ends, eager=True), [], ends)
        self.plain = False
        lines = first + record_lines(data)
        return self._mended(frame, wrong, lines, is_last=is_last)

    def _arrow(self, data: bytes, columns: list[str], *, in_threads: bool) -> tuple[Any, list[tuple[int, str]]]:
        """Arrow's table of the records, None without any; and number (from 1) and text of those of another width."""
        import pyarrow as pa
        from pyarrow import csv

        wrong: list[tuple[int, str]] = []

        def set_aside(row: Any) -> str:
            wrong.append((row.number or 0, row.text))
            return "skip" if len(wrong) <= 2 * _BROKEN else "error"

        try:
            table = csv.read_csv(
                pa.BufferReader(data),
                csv.ReadOptions(
                    use_threads=in_threads,
                    column_names=self.names,
                    block_size=_INNER if in_threads else len(data) + 64,
                ),
                csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=b'"' in data, invalid_row_handler=set_aside
                ),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    strings_can_be_null=False,
                    include_columns=columns,
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise
            return None, wrong
        return table, wrong

    def _mended(self, frame: pl.DataFrame, wrong: list[tuple[int, str]], lines: Any, *, is_last: bool) -> Piece:
        """The piece with the rows of another width put in, where they can be mended, else among the broken."""
        columns = self.names if is_last else self.columns
        at = {number - 1: text for number, text in wrong}
        good = np.ones(len(lines), dtype=bool)
        good[[place for place in at if place < len(lines)]] = False
        own = lines[good]
        if len(own) != frame.height:
            own = np.resize(own, frame.height) if len(own) else np.full(frame.height, self._line)
        numbers = pl.Series(own, dtype=pl.Int64)
        broken, rows, where = [], [], []
        for place, text in sorted(at.items()):
            line = int(lines[min(place, len(lines) - 1)]) if len(lines) else self._line
            reading = take(text.rstrip("\r\n").split("\n"), len(self.names), self.delimiter)
            if reading is None or reading.values is None:
                reason = reading.reason if reading else "it breaks off"
                if text.strip():
                    broken.append(Broken(line, reason, shown(text.rstrip("\r\n"))))
                continue
            rows.append(reading.values)
            where.append(line)
        if rows:
            both = pl.concat([frame, self._frame(rows, is_last=is_last)])
            numbers = pl.concat([numbers, _numbers(where)])
            order = numbers.arg_sort()
            frame, numbers = both[order], numbers[order]
        if frame.height and set(columns) == set(self.names):
            there = frame.select(pl.any_horizontal(pl.all() != "")).to_series()
            if not there.all():
                frame, numbers = frame.filter(there), numbers.filter(there)
        blank = len(lines) - len(broken) - len(own) - len(rows)
        counted = len(lines) - max(blank, 0) - (len(own) + len(rows) - frame.height)
        return Piece(frame, numbers, broken, counted, where)

    # -- where the rules are broken --------------------------------------------------------------------------------

    def _carefully(self, data: bytes, start: int, most: int, *, is_end: bool) -> tuple[Piece, int]:
        """Some records from a line on, one by one, until `most` lines are passed; and the place after them."""
        rows: list[list[str]] = []
        where: list[int] = []
        broken: list[Broken] = []
        mended: list[int] = []
        place, last = start, self._line + most
        while place < len(data) and self._line < last:
            lines, ends, is_whole = _ahead(data, place, 1)
            if not is_whole and not is_end:
                break
            reading = take(lines, len(self.names), self.delimiter, is_end=False)
            if reading is None or reading.values is None:
                lines, ends, is_whole = _ahead(data, place, AHEAD)
                is_all = is_end or len(lines) >= AHEAD or ends[-1] - place > _QUOTED
                reading = take(lines, len(self.names), self.delimiter, is_end=is_all)
            if reading is None:
                break
            if reading.values is None and any(lines[: reading.lines]):
                broken.append(Broken(self._line, reading.reason, shown("\n".join(lines[: reading.lines]))))
            elif reading.values is not None and any(reading.values):
                rows.append(reading.values)
                where.append(self._line)
                if reading.is_mended:
                    mended.append(self._line)
            place = ends[reading.lines - 1]
            self._line += reading.lines
        frame = self._frame(rows, is_last=is_end)
        return Piece(frame, _numbers(where), broken, len(rows) + len(broken), mended), place

    def _frame(self, rows: list[list[str]], *, is_last: bool) -> pl.DataFrame:
        made = {name: [row[place] for row in rows] for place, name in enumerate(self.names)}
        frame = pl.DataFrame(made, schema=dict.fromkeys(self.names, pl.String))
        return frame if is_last else frame.select(self.columns)


def _mostly_broken(count: int, reason: str) -> str:
    return f"{count:,} of its rows are broken, such as by this: {reason}; the rest is not read"


def _has_blank(frame: pl.DataFrame) -> bool:
    """Some record may have empty values only."""
    return bool((frame.to_series(0) == "").any())


def _numbers(lines: list[int]) -> pl.Series:
    return pl.Series(lines, dtype=pl.Int64)


def _ahead(data: bytes, place: int, most: int) -> tuple[list[str], list[int], bool]:
    """Lines from a place on, the places after each, and whether the last has its end."""
    lines: list[str] = []
    ends: list[int] = []
    while len(lines) < most and place < len(data):
        end = data.find(b"\n", place)
        is_whole = end >= 0
        end = end if is_whole else len(data)
        lines.append(data[place:end].decode("utf-8", "replace").removesuffix("\r"))
        place = end + 1 if is_whole else end
        ends.append(place)
        if not is_whole:
            return lines, ends, False
    return lines, ends, True


def regular(data: bytes, start: int, delimiter: str, *, is_end: bool) -> tuple[int, bool]:
    """How far records from `start` on are whole and quoted by the rules, and whether a rule is broken there."""
    last = len(data) if is_end else data.rfind(b"\n") + 1
    first = data.find(b'"', start)
    if first < 0:
        return max(last, start), False
    signs = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(signs[first:] == _QUOTE) + first
    fault = _fault(signs, quotes, start, delimiter)
    if fault is None:
        ends = np.flatnonzero(signs[start:] == _NEWLINE) + start
        # a line end with an even number of marks before it lies outside of quotes
        outside = ends[np.searchsorted(quotes, ends) % 2 == 0] if len(quotes) else ends
        whole = int(outside[-1]) + 1 if len(outside) else start
        if is_end and len(quotes) % 2 == 0:
            return len(data), False
        return whole, is_end or (len(data) - whole > _QUOTED and len(quotes) % 2 == 1)
    ends = np.flatnonzero(signs[start:fault] == _NEWLINE) + start
    outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return (int(outside[-1]) + 1 if len(outside) else start), True


def _fault(signs: Any, quotes: Any, start: int, delimiter: str) -> int | None:
    """The first mark that neither begins nor ends a value nor stands for one within it."""
    sign = ord(delimiter)
    opening, closing = quotes[0::2], quotes[1::2]
    before = signs[np.maximum(opening - 1, 0)]
    fits = (before == sign) | (before == _NEWLINE) | (before == _QUOTE) | (opening == start)
    after = signs[np.minimum(closing + 1, len(signs) - 1)]
    closes = (after == sign) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE)
    closes |= closing == len(signs) - 1
    bad = [int(places[0]) for places in (opening[~fits], closing[~closes]) if len(places)]
    return min(bad) if bad else None


def record_lines(data: bytes) -> Any:
    """The lines (from 0) on which the records of a regularly quoted text begin, empty lines left out."""
    signs = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(signs == _NEWLINE)
    quotes = np.flatnonzero(signs == _QUOTE)
    outside = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0) if len(quotes) else np.arange(len(ends))
    begin_line = np.concatenate([[0], outside + 1]).astype(np.int64)
    begin = np.concatenate([[0], ends[outside] + 1]).astype(np.int64)
    stop = np.concatenate([ends[outside], [len(signs)]]).astype(np.int64)
    length = stop - begin
    is_return = (length == 1) & (signs[np.minimum(begin, len(signs) - 1)] == _RETURN)
    there = (length > 0) & ~is_return
    return begin_line[there]
