"""What of a folder can be read at all, and what cannot and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from quarterdeck.connectors.files import UnreadableError, list_files

_AS_CSV = {
    ".xlsx": "Excel", ".xlsm": "Excel", ".xlsb": "Excel", ".xls": "Excel", ".ods": "OpenDocument",
    ".numbers": "Numbers", ".json": "JSON", ".jsonl": "JSON", ".ndjson": "JSON", ".xml": "XML", ".html": "HTML",
    ".pdf": "PDF",
    ".docx": "Word", ".doc": "Word", ".hwp": "Hangul", ".feather": "Feather", ".arrow": "Arrow", ".avro": "Avro",
    ".orc": "ORC", ".sqlite": "SQLite", ".db": "database", ".mdb": "Access", ".accdb": "Access", ".dta": "Stata",
    ".sas7bdat": "SAS", ".sav": "SPSS", ".rds": "R", ".sql": "SQL",
}  # fmt: skip
_PACKED = {".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".tar"}


def readable(folder: Path) -> list[str]:
    """Names of the files of a folder that hold a table: two columns or more, and a row."""
    bad = _unreadable(folder)
    return [file.path for file in list_files(folder) if file.path not in bad] if folder.is_dir() else []


def skipped(folder: Path) -> dict[str, str]:
    """The other files of a folder, each with the reason that it is not read and what to do."""
    return {**unsupported(folder), **_unreadable(folder)}


def unsupported(folder: Path) -> dict[str, str]:
    """Files in formats that hold tables but are not read yet, each with what to do."""
    out = {}
    for name, path in _every(folder):
        kind = path.suffix.lower()
        if kind in _AS_CSV:
            out[name] = f"{_AS_CSV[kind]} files are not read yet: save it as CSV"
        elif kind in _PACKED:
            out[name] = "packed files are not read: unpack it"
    return out


def _every(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith((".", "_", "~$")):
            continue
        if path.is_file():
            yield path.name, path
        elif path.is_dir():
            inside = (part for part in sorted(path.iterdir()) if part.is_file())
            yield from ((f"{path.name}/{part.name}", part) for part in inside if not part.name.startswith((".", "_")))


def _unreadable(folder: Path) -> dict[str, str]:
    out = {}
    for file in list_files(folder) if folder.is_dir() else ():
        try:
            columns = file.columns()
            if len(columns) < 2:
                out[file.path] = "it has a single column: no table, or its delimiter is not one of , ; tab and |"
            elif not any(chunk.frame.height for chunk in file.chunks(1000, columns[:1])):
                out[file.path] = "it holds no rows"
        except UnreadableError as error:
            out[file.path] = f"it cannot be read: {error}"
    return out
