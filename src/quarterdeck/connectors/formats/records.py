"""JSON: an array of records, an object that holds one, or a record a line. Nested objects become columns with dots.

Values come as text, numbers as they are written; lists stay JSON.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

import polars as pl

from quarterdeck.connectors.formats.blob import Blob
from quarterdeck.connectors.formats.encoding import detect
from quarterdeck.connectors.formats.table import (
    CHUNK,
    MOST_COLUMNS,
    Broken,
    Chunk,
    Facts,
    Remark,
    UnreadableError,
    distinct,
    first_line,
    shown,
)

_READ = 1 << 20
_LONGEST = 16 << 20
_WHOLE = 128 << 20
_DEEPEST = 60
_FAULTS = (ValueError, RecursionError)
Entry = tuple[int, Any, str]
"""The number of a record or line, its value, and its text where it is none."""


def _number(text: str) -> Any:
    return int(text) if len(text) < 400 else text


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=_number, parse_constant=lambda _: None)


@dataclass
class JsonTable:
    """The records of a JSON file."""

    blob: Blob
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Paths in the records to column names, in the order in which they come. Raises UnreadableError."""
        paths: dict[str, None] = {}
        for _, value, _ in self._entries():
            if isinstance(value, dict):
                paths.update(dict.fromkeys(_flat(value)))
                if len(paths) > MOST_COLUMNS:
                    raise UnreadableError(f"its records have more than {MOST_COLUMNS:,} different names")
        if not paths:
            raise UnreadableError("it holds no records: no list of objects")
        return dict(zip(paths, distinct(paths), strict=True))

    def columns(self) -> list[str]:
        return list(self._names.values())

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        self.facts = Facts(detect(self.blob).name)
        wanted = {path: name for path, name in self._names.items() if columns is None or name in columns}
        size = max(1, min(size, 20_000_000 // max(len(self._names), 1)))
        rows: list[dict[str, str | None]] = []
        lines: list[int] = []
        broken: list[Broken] = []
        for number, value, text in self._entries():
            if isinstance(value, dict):
                rows.append(_flat(value))
                lines.append(number)
            else:
                broken.append(Broken(number, "it is no record", shown(text or _dumped(value)), "no_record"))
            if len(rows) + len(broken) >= size:
                yield _chunk(rows, lines, broken, wanted)
                rows, lines, broken = [], [], []
        if rows or broken:
            yield _chunk(rows, lines, broken, wanted)

    def _entries(self) -> Iterator[Entry]:
        """Every record, or what stands in its place. Raises UnreadableError."""
        with self._text() as text:
            start = _after_space(text)
            if start == "[":
                yield from _listed(text)
            elif start == "{" and not _is_one_object(text):
                yield from _by_line(text)
            elif start:
                yield from self._held(text)
            else:
                raise UnreadableError("it is empty")

    def _held(self, text: _Text) -> Iterator[Entry]:
        """The records in the longest list of objects that an object holds; the object itself without any."""
        while text.more():
            if len(text.buffer) > _WHOLE:
                raise UnreadableError("it is one object of more than 128 MiB: export it as JSON lines or CSV")
        try:
            content = _DECODER.decode(text.buffer)
        except _FAULTS as error:
            raise UnreadableError(_told(error)) from None
        if not isinstance(content, dict):
            raise UnreadableError("it holds no records: no list of objects")
        path, found = max(_lists(content, "", 0), key=lambda pair: len(pair[1]), default=("", [content]))
        if path:
            told = f"holds its records in the list {path!r}; what stands beside it is not read"
            self.facts.remarks.append(Remark("list_chosen", "notice", told, "Nothing, when these are the records."))
        yield from ((number, value, "") for number, value in enumerate(found, 1))

    @contextmanager
    def _text(self) -> Iterator[_Text]:
        encoding = detect(self.blob)
        with self.blob.open() as stream:
            yield _Text(stream, codecs.getincrementaldecoder(encoding.name)("replace"))


class _Text:
    """A text that is read as it is needed."""

    def __init__(self, stream: Any, decoder: Any) -> None:
        self._stream, self._decoder, self._is_done = stream, decoder, False
        self.buffer = ""

    def more(self) -> bool:
        """Read on; False at the end."""
        if self._is_done:
            return False
        raw = self._stream.read(_READ)
        self._is_done = not raw
        self.buffer += self._decoder.decode(raw, final=not raw).replace("\0", "")
        return True


_SPACE = " \t\r\n\ufeff"


def _after_space(text: _Text) -> str:
    """The first sign that is no space; the space before it is dropped."""
    while True:
        text.buffer = text.buffer.lstrip(_SPACE)
        if text.buffer:
            return text.buffer[0]
        if not text.more():
            return ""


def _listed(text: _Text) -> Iterator[Entry]:
    """The values of a list, one after the other."""
    text.buffer = text.buffer[1:]
    number = 0
    while True:
        sign = _after_space(text)
        if sign in ("]", ""):
            if not sign:
                raise UnreadableError("it breaks off: its list does not end")
            return
        if sign == ",":
            text.buffer = text.buffer[1:]
            continue
        number += 1
        value, place = _next(text, number)
        yield number, value, ""
        text.buffer = text.buffer[place:]


def _next(text: _Text, number: int) -> tuple[Any, int]:
    place = 0
    while True:
        try:
            value, end = _DECODER.raw_decode(text.buffer)
        except _FAULTS as error:
            if isinstance(error, RecursionError) or len(text.buffer) > _LONGEST or not text.more():
                raise UnreadableError(f"its record {number:,} is broken: {_told(error)}") from None
            continue
        # a number at the buffer's end may go on
        if end < len(text.buffer) or place == end or not text.more():
            return value, end
        place = end


def _is_one_object(text: _Text) -> bool:
    """The first line does not hold a whole object, or nothing comes after it."""
    while "\n" not in text.buffer and len(text.buffer) < _LONGEST and text.more():
        pass
    line, _, rest = text.buffer.partition("\n")
    try:
        _DECODER.decode(line)
    except _FAULTS:
        later = re.match(r"\s*\{.*\}\s*(?:\n|$)", rest)
        return later is None
    while not rest.strip() and text.more():
        rest = text.buffer.partition("\n")[2]
    return not rest.strip() and any(True for _ in _lists(_DECODER.decode(line), "", 0))


def _by_line(text: _Text) -> Iterator[Entry]:
    number = 0
    is_more = True
    while is_more or text.buffer:
        is_more = text.more()
        *lines, rest = text.buffer.split("\n") if is_more else [*text.buffer.split("\n"), ""]
        text.buffer = rest
        if len(rest) > _LONGEST:
            raise UnreadableError(f"its line {number + len(lines) + 1:,} is longer than 16 MiB")
        for line in lines:
            number += 1
            if line.strip(_SPACE):
                try:
                    yield number, _DECODER.decode(line.strip(_SPACE)), line
                except _FAULTS:
                    yield number, None, line


def _lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, list[Any]]]:
    """The lists of objects within an object, each with its path."""
    if depth > 6 or not isinstance(value, dict):
        return
    for name, part in value.items():
        where = f"{path}.{name}" if path else name
        if isinstance(part, list) and part and sum(isinstance(one, dict) for one in part) > len(part) / 2:
            yield where, part
        yield from _lists(part, where, depth + 1)


def _flat(record: dict[str, Any]) -> dict[str, str | None]:
    """Text by path: the values of nested objects with dots between the names."""
    out: dict[str, str | None] = {}
    if not record:
        return out
    stack: list[tuple[str, Any, int]] = [("", record, 0)]
    while stack:
        path, value, depth = stack.pop()
        if isinstance(value, dict) and value and depth < _DEEPEST:
            inner = [(f"{path}.{name}" if path else str(name), part, depth + 1) for name, part in value.items()]
            stack.extend(reversed(inner))
        else:
            out[path] = _printed(value)
    return out


def _printed(value: Any) -> str | None:
    if value is None or value == {} or value == []:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8") if not value.isprintable() else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _dumped(value) if isinstance(value, dict | list) else str(value)


def _dumped(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=_plain)
    except (ValueError, RecursionError):
        return "..."
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    number = float(value)
    return number if str(number) == str(value) else str(value)


def _told(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else first_line(error)


def _chunk(rows: list[dict[str, str | None]], lines: list[int], broken: list[Broken], wanted: dict[str, str]) -> Chunk:
    made = {name: pl.Series(name, [row.get(path) for row in rows], dtype=pl.String) for path, name in wanted.items()}
    first = lines[0] if lines else broken[0].line
    return Chunk(pl.DataFrame(made), first, broken, pl.Series(lines, dtype=pl.Int64))
