"""The files of an export: which there are, and each as one table with columns, chunks of rows and a sample.

A workbook with several sheets is a table a sheet (`book.xlsx#Deals`), an archive one a file in it
(`export.zip/deals.csv`). Nothing here raises on a broken file: it gives a fault in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import polars as pl

from quarterdeck.connectors.formats.blob import Blob, Member, members
from quarterdeck.connectors.formats.parquet import ParquetTable, schema_of
from quarterdeck.connectors.formats.records import JsonTable
from quarterdeck.connectors.formats.sheets import WORKBOOKS, SheetTable, sheets
from quarterdeck.connectors.formats.table import CHUNK, Broken, Chunk, Facts, Table, UnreadableError
from quarterdeck.connectors.formats.text import TextTable

__all__ = [
    "CHUNK",
    "Broken",
    "Chunk",
    "Facts",
    "SourceFile",
    "Survey",
    "UnreadableError",
    "find",
    "list_files",
    "survey",
]

TEXT = {".csv", ".tsv", ".txt", ".tab", ".psv"}
PARQUET = {".parquet", ".pq"}
JSON = {".json", ".jsonl", ".ndjson"}
READ = TEXT | PARQUET | JSON | WORKBOOKS
_PLAIN_SHEETS = ("sheet", "tabelle", "시트", "feuil", "hoja", "foglio", "data", "export", "report", "result")
_MOST_CELLS = 40_000_000


@dataclass(frozen=True)
class SourceFile:
    """One table of an export: a file, a sheet of one, a file in an archive, or a folder of Parquet parts."""

    path: str
    table: Table

    @property
    def stem(self) -> str:
        """The name that says what the table holds."""
        whole, _, sheet = self.path.partition("#")
        if sheet and not sheet.lower().startswith(_PLAIN_SHEETS):
            return sheet
        if whole.endswith("/"):
            return whole.rstrip("/")
        stem = Path(whole).name
        stem = stem[:-3] if stem.lower().endswith(".gz") else stem
        return Path(stem).stem

    @property
    def facts(self) -> Facts:
        """What is known of the file since its chunks were read last."""
        return self.table.facts

    def columns(self) -> list[str]:
        """Column names in the file's order. Raises UnreadableError."""
        return self.table.columns()

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        """The rows in chunks of about `size`, in the file's order. Raises UnreadableError."""
        yield from self.table.chunks(size, columns)

    def sample(self, size: int) -> pl.DataFrame:
        """About `size` rows spread over the file, and never more than forty chunks of it. Raises UnreadableError."""
        taken, share = [], max(size // 8, 1)
        size = max(min(size, _MOST_CELLS // max(len(self.columns()), 1)), 1)
        for number, chunk in enumerate(self.chunks()):
            if number >= 40:
                break
            if chunk.frame.height:
                single = number == 0 and chunk.frame.height < CHUNK
                room = size if single else share
                taken.append(chunk.frame.gather_every(max(-(-chunk.frame.height // room), 1)))
        if not taken:
            return pl.DataFrame(schema=dict.fromkeys(self.columns(), pl.String))
        frame = pl.concat(taken, how="vertical_relaxed")
        return frame.gather_every(max(-(-frame.height // size), 1))


@dataclass
class Survey:
    """The tables of a folder, and what else lies in it that may hold one, each with the reason why it is not read."""

    files: list[SourceFile] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    """Paths of files in formats that are not read."""


def list_files(folder: Path) -> list[SourceFile]:
    """The tables of a folder and of its sub-folders, by path.

    A sub-folder that holds nothing but Parquet parts of one schema is one file. Hidden files are left out.
    """
    return survey(folder).files


def survey(folder: Path) -> Survey:
    """What a folder holds. Links that lead out of it are not followed."""
    out = Survey()
    if not folder.is_dir():
        return out
    home = folder.resolve()
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_", "~$")) or not _inside(path, home, path.name, out):
            continue
        if path.is_file():
            _add(out, path.name, path)
        elif path.is_dir():
            _add_folder(out, path, home)
    return out


def _inside(path: Path, home: Path, name: str, out: Survey) -> bool:
    """The path is of the folder itself; else it is among the faults."""
    try:
        name.encode()
    except UnicodeEncodeError:
        out.faults[name.encode("utf-8", "replace").decode()] = "its name is no text: rename it"
        return False
    try:
        is_inside = path.resolve().is_relative_to(home)
    except (OSError, RuntimeError):
        is_inside = False
    if not is_inside:
        out.faults[name] = "it is a link that leads out of the folder: put the file itself here"
    return is_inside


def _add_folder(out: Survey, folder: Path, home: Path) -> None:
    parts = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith((".", "_", "~$"))
    ]
    parts = [path for path in parts if _inside(path, home, f"{folder.name}/{path.name}", out)]
    tables = [path for path in parts if path.suffix.lower() in READ]
    if tables and all(path.suffix.lower() in PARQUET for path in tables) and len(set(map(schema_of, tables))) == 1:
        out.files.append(_parts(f"{folder.name}/", tables))
        return
    for path in parts:
        if path.parent == folder:
            _add(out, f"{folder.name}/{path.name}", path)


def _parts(name: str, parts: list[Path]) -> SourceFile:
    return SourceFile(name, ParquetTable(tuple(Blob(part) for part in parts)))


def _add(out: Survey, name: str, path: Path) -> None:
    """The tables of one file of the folder."""
    if path.suffix.lower() != ".zip":
        _add_blob(out, name, Blob(path))
        return
    try:
        held = _members(path, Blob(path).state)
    except UnreadableError as error:
        out.faults[name] = str(error)
        return
    for member in held:
        last = member.name.rsplit("/", 1)[-1]
        if last.startswith((".", "_", "~$")) or member.name.startswith("__MACOSX/"):
            continue
        if member.fault:
            out.faults[f"{name}/{member.name}"] = member.fault
        else:
            _add_blob(out, f"{name}/{member.name}", Blob(path, member.name))


def _add_blob(out: Survey, name: str, blob: Blob) -> None:
    suffix = Path(blob.name).suffix.lower()
    if suffix == ".gz":
        inner = Path(Path(blob.name).stem).suffix.lower()
        if inner in READ or not inner:
            blob, suffix = Blob(blob.path, blob.member, is_gzip=True), inner or ".csv"
    if suffix not in READ:
        out.others.append(name)
        return
    try:
        out.files.extend(_tables(out, name, blob, suffix))
    except UnreadableError as error:
        out.faults[name] = f"it cannot be read: {error}"


def _tables(out: Survey, name: str, blob: Blob, suffix: str) -> list[SourceFile]:
    if suffix not in WORKBOOKS:
        return [SourceFile(name, _table(blob, suffix))]
    if suffix == ".xls" and not _is_workbook(blob):
        return [SourceFile(name, TextTable(blob))]
    there = []
    for sheet in sheets(blob):
        if sheet.is_hidden and sheet.height:
            out.faults[f"{name}#{sheet.name}"] = "the sheet is hidden: show it in the workbook to have it read"
        elif sheet.height:
            there.append(sheet)
    if not there:
        raise UnreadableError("no sheet of it holds anything")
    single = len(there) == 1
    return [SourceFile(name if single else f"{name}#{sheet.name}", SheetTable(blob, sheet.name)) for sheet in there]


def _is_workbook(blob: Blob) -> bool:
    """Systems like to call a text file or a web page .xls. Raises UnreadableError for a web page."""
    start = blob.start(512)
    if start.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
        raise UnreadableError("it is a web page that is called a workbook: open it and save it as XLSX or CSV")
    return start[:4] in (b"\xd0\xcf\x11\xe0", b"PK\x03\x04") or b"\0" in start


def _table(blob: Blob, suffix: str) -> Table:
    if suffix in PARQUET:
        return ParquetTable((blob,))
    return JsonTable(blob) if suffix in JSON else TextTable(blob)


@lru_cache(maxsize=64)
def _members(path: Path, _state: tuple[str, str, int, int]) -> tuple[Member, ...]:
    return tuple(members(path))


def find(folder: Path, path: str) -> SourceFile | None:
    """The table at a mapping's path, None when it is not in the folder.

    A workbook's path without a sheet is its first sheet that is shown. Raises UnreadableError when an archive or a
    workbook on the way cannot be read.
    """
    place = _file_of(folder, path)
    if place is None:
        return None
    name, file = place
    if file.is_dir():
        parts = sorted(part for part in file.rglob("*") if part.suffix.lower() in PARQUET and part.is_file())
        return _parts(path, parts) if parts else None
    out = Survey()
    _add(out, name, file)
    found = {table.path: table for table in out.files}
    if path in found:
        return found[path]
    whole, _, sheet = path.rpartition("#")
    for table in out.files:
        if whole and table.path == whole and isinstance(table.table, SheetTable) and table.table.sheet == sheet:
            return SourceFile(path, table.table)
        if table.path.startswith(f"{path}#") and isinstance(table.table, SheetTable):
            return SourceFile(path, table.table)
    fault = out.faults.get(path) or out.faults.get(name)
    if fault:
        raise UnreadableError(fault.removeprefix("it cannot be read: "))
    return _other(path, file) if name == path else None


def _other(path: str, file: Path) -> SourceFile:
    """A file whose ending says nothing, which a person's mapping names: as text."""
    return SourceFile(path, TextTable(Blob(file)))


def _file_of(folder: Path, path: str) -> tuple[str, Path] | None:
    """The file or folder of parts that a mapping's path begins with, and its part of the path."""
    home = folder.resolve()
    ends = [len(path), *(place for place, sign in enumerate(path) if sign in "/#")]
    for end in sorted(ends, reverse=True):
        name = path[:end]
        place = folder / name
        try:
            if not name or ".." in Path(name).parts or not place.resolve().is_relative_to(home):
                continue
            if place.is_file() or (place.is_dir() and path == f"{name}/"):
                return name, place
        except (OSError, ValueError, RuntimeError):
            continue
    return None
