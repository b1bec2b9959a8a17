"""Sheets of workbooks (XLSX, XLSM, XLSB, XLS, ODS). Every cell comes as text: numbers exactly, days as 2024-05-01.

Before a workbook is opened its parts are looked at without unpacking it to memory: cells far away from each other would
otherwise make the reader reserve room for all between.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import IO, Any

import polars as pl

from quarterdeck.connectors.formats import layout
from quarterdeck.connectors.formats.blob import Blob
from quarterdeck.connectors.formats.endings import Ending
from quarterdeck.connectors.formats.layout import Layout
from quarterdeck.connectors.formats.table import (
    CHUNK,
    MOST_COLUMNS,
    Chunk,
    Count,
    Facts,
    UnreadableError,
    distinct,
    first_line,
)

WORKBOOKS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_UNPACKED = 1 << 30
_PART = 512 << 20
_CELLS = 60_000_000
_HEAD = 80
_ZIP_FAULTS = (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Sheet:
    """A sheet's name, and its height and width in cells; `is_hidden` as its owner set it."""

    name: str
    height: int
    width: int
    is_hidden: bool


@dataclass
class SheetTable:
    """One sheet of a workbook."""

    blob: Blob
    sheet: str
    facts: Facts = field(default_factory=Facts)

    @cached_property
    def _content(self) -> tuple[pl.DataFrame, int, Layout]:
        """All cells as text, the number of the first row that has any, and the layout. Raises UnreadableError."""
        frame = _cells(self.blob, self.blob.state, self.sheet)
        if frame.width > MOST_COLUMNS:
            raise UnreadableError(f"it has {frame.width:,} columns, more than {MOST_COLUMNS:,}")
        rows = [["" if cell is None else cell for cell in row] for row in frame.head(_HEAD).iter_rows()]
        found = layout.find(rows)
        if found is None:
            raise UnreadableError("it is empty")
        above = found.header if found.header is not None else found.body
        return frame, above, found

    def columns(self) -> list[str]:
        return list(self._names())

    def _names(self) -> list[str]:
        """Names of the columns; those that have neither a name nor a value are left out."""
        frame, _, found = self._content
        names = distinct([*found.names, *[""] * (frame.width - found.width)])
        return names[: frame.width]

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        frame, _, found = self._content
        self.facts = Facts()
        names = self._names()
        body = frame.slice(found.body).rename(dict(zip(frame.columns, names, strict=True)))
        filled = body.select(pl.any_horizontal(pl.all().str.strip_chars() != "").fill_null(value=False)).to_series()
        lines = pl.int_range(found.body + 1, found.body + 1 + body.height, eager=True).filter(filled)
        body = body.filter(filled)
        head = (found.header or 0) + 1
        self.facts.remarks += [
            remark._replace(message=remark.message.replace("{header}", str(head))) for remark in found.remarks
        ]
        whole = Chunk(body, int(lines[0]) if len(lines) else found.body + 1, [], lines)
        self.facts.counts.append(Count("the rows of the sheet that have cells", body.height))
        whole = Ending(names, self.facts, "\t").taken(whole)
        wanted = [name for name in names if columns is None or name in columns]
        lines = whole.lines if whole.lines is not None else lines
        for start in range(0, max(whole.frame.height, 1), size):
            part, own = whole.frame.slice(start, size).select(wanted), lines.slice(start, size)
            is_last = start + size >= whole.frame.height
            yield Chunk(part, int(own[0]) if len(own) else whole.first, whole.broken if is_last else [], own)


def sheets(blob: Blob) -> tuple[Sheet, ...]:
    """The sheets of a workbook. Raises UnreadableError."""
    return _sheets(blob, blob.state)


@lru_cache(maxsize=64)
def _sheets(blob: Blob, _state: tuple[str, str, int, int]) -> tuple[Sheet, ...]:
    reader = _opened(blob)
    found = []
    try:
        for name in reader.sheet_names:
            sheet = reader.load_sheet(name, header_row=None, n_rows=2, dtypes="string")
            found.append(Sheet(name, sheet.total_height, sheet.width, sheet.visible != "visible"))
    except _faults() as error:
        raise UnreadableError(f"it is no readable workbook: {first_line(error)}") from None
    return tuple(found)


@lru_cache(maxsize=4)
def _cells(blob: Blob, _state: tuple[str, str, int, int], sheet: str) -> pl.DataFrame:
    reader = _opened(blob)
    try:
        if sheet not in reader.sheet_names:
            raise UnreadableError(f"it has no sheet called {sheet!r}")
        return pl.DataFrame(reader.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string"))
    except _faults() as error:
        raise UnreadableError(f"its sheet {sheet!r} cannot be read: {first_line(error)}") from None


def _faults() -> tuple[type[BaseException], ...]:
    import fastexcel

    return (
        fastexcel.FastExcelError, OSError, ValueError, TypeError, OverflowError, pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    )  # fmt: skip


def _opened(blob: Blob) -> Any:
    import fastexcel

    _check(blob)
    try:
        return fastexcel.read_excel(blob.whole() if blob.is_packed else blob.path)
    except _faults() as error:
        raise UnreadableError(f"it is no readable workbook: {first_line(error)}") from None


@lru_cache(maxsize=64)
def _check_once(blob: Blob, _state: tuple[str, str, int, int]) -> str:
    with blob.open() as stream:
        if stream.read(4) != b"PK\x03\x04":
            return ""
    import io

    source = io.BytesIO(blob.whole()) if blob.is_packed else blob.path
    try:
        with zipfile.ZipFile(source) as archive:
            return _fault(archive)
    except _ZIP_FAULTS as error:
        return f"it is no readable workbook: {first_line(error)}"


def _check(blob: Blob) -> None:
    fault = _check_once(blob, blob.state)
    if fault:
        raise UnreadableError(fault)


def _fault(archive: zipfile.ZipFile) -> str:
    """Why a workbook would take too much room; empty when it does not."""
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > _UNPACKED:
        return "it unpacks to more than 1 GiB: export it as CSV or Parquet"
    for entry in entries:
        if not entry.filename.endswith((".xml", ".bin", ".rels")):
            continue
        is_sheet = entry.filename.startswith("xl/worksheets/") or entry.filename == "content.xml"
        if entry.file_size > _PART:
            return f"its part {entry.filename} unpacks to more than 512 MiB: export it as CSV or Parquet"
        with archive.open(entry) as stream:
            start = stream.read(4096)
            if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                return f"its part {entry.filename} declares entities, which no spreadsheet does: not opened"
            if is_sheet and entry.filename.endswith(".xml"):
                rows, columns = _extent(start, stream)
                if rows * columns > _CELLS:
                    return f"its cells are spread over {rows:,} rows and {columns:,} columns: delete the far ones"
    return ""


_CELL = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_REPEATED = re.compile(rb'<table:table-cell[^>]*?number-columns-repeated="(\d+)"[^>]*office:value')
_ROWS = re.compile(rb'number-rows-repeated="(\d+)"[^>]*>\s*<table:table-cell[^>]*office:value')


def _extent(start: bytes, stream: IO[bytes]) -> tuple[int, int]:
    """The furthest row and column in which a sheet names a cell."""
    rows, letters = 0, b""
    rest, block = b"", start
    repeated_rows = repeated_columns = 1
    while block:
        data = rest + block
        cells = _CELL.findall(data)
        if cells:
            rows = max(rows, max(int(row) for _, row in cells))
            letters = max(letters, max((column for column, _ in cells), key=_order), key=_order)
        repeated_columns = max([repeated_columns, *map(int, _REPEATED.findall(data))])
        repeated_rows = max([repeated_rows, *map(int, _ROWS.findall(data))])
        rest, block = data[-512:], stream.read(1 << 20)
    column = 0
    for letter in letters:
        column = 26 * column + letter - 64
    return max(rows, repeated_rows), max(column, repeated_columns)


def _order(column: bytes) -> tuple[int, bytes]:
    return len(column), column
