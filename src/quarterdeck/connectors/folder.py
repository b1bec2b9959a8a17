"""What of a folder can be read at all, and what cannot and why."""

from __future__ import annotations

from pathlib import Path

from quarterdeck.connectors.files import SourceFile, UnreadableError, list_files, survey

_AS_CSV = {
    ".numbers": "Numbers", ".xml": "XML", ".html": "HTML", ".pdf": "PDF",
    ".docx": "Word", ".doc": "Word", ".hwp": "Hangul", ".feather": "Feather", ".arrow": "Arrow", ".avro": "Avro",
    ".orc": "ORC", ".sqlite": "SQLite", ".db": "database", ".mdb": "Access", ".accdb": "Access", ".dta": "Stata",
    ".sas7bdat": "SAS", ".sav": "SPSS", ".rds": "R", ".sql": "SQL",
}  # fmt: skip
_PACKED = {".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".tar"}


def readable(folder: Path) -> list[str]:
    """Paths of the tables of a folder: files, sheets and files in archives with two columns or more, and a row."""
    return [file.path for file in list_files(folder) if not _fault(file)]


def skipped(folder: Path) -> dict[str, str]:
    """The other files of a folder, each with the reason that it is not read and what to do."""
    faults = {file.path: why for file in list_files(folder) if (why := _fault(file))}
    return {**unsupported(folder), **faults}


def unsupported(folder: Path) -> dict[str, str]:
    """What may hold a table and is not read, each with what to do: other formats, locked archives, links."""
    found = survey(folder)
    out = dict(found.faults)
    for name in found.others:
        kind = Path(name).suffix.lower()
        if kind in _AS_CSV:
            out[name] = f"{_AS_CSV[kind]} files are not read yet: save it as CSV"
        elif kind in _PACKED and "/" in name and kind == ".zip":
            out[name] = "an archive in an archive is not opened: unpack it"
        elif kind in _PACKED:
            out[name] = "packed files other than zip and gz of one table are not read: unpack it"
    return dict(sorted(out.items()))


def _fault(file: SourceFile) -> str:
    try:
        columns = file.columns()
        if len(columns) < 2:
            return "it has a single column: no table, or its delimiter is not one of , ; tab and |"
        if not any(chunk.frame.height for chunk in file.chunks(1000, columns[:1])):
            return "it holds no rows"
    except UnreadableError as error:
        return f"it cannot be read: {error}"
    return ""
