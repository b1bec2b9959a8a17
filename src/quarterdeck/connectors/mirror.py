"""A database source's rows, kept beside the lake: the first sync reads whole tables, later ones what changed.

    <folder>/current.json             which generation holds, and for each table what was read up to where
    <folder>/00000007/<table>/*.parquet

What changed is found three ways, each for what the one before cannot see. Rows with a stamp since the last one less an
overlap: read page by page by (stamp, key), so that no number of equal stamps and no late commit within the overlap is
missed. A comparison of every (key, stamp), on each sync while a table is small: deletions, commits later than the
overlap, clocks that stepped back. The source's own count and sums in the same snapshot: when they are not ours, the
table is read whole at once. Rows, cursors and counts become the newest in one rename, so a killed sync skips nothing;
the folder may be deleted at any time and is then read anew.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from quarterdeck.base.finding import Finding
from quarterdeck.connectors.database import Database, Snapshot, SourceTable
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, FileMapping, Mapping
from quarterdeck.connectors.pull import Habits, Kept, Pull, TablePull, digest


def folder_name(path: str) -> str:
    """The name of a table's folder: safe as a file name, whatever the table is called."""
    safe = quote(path, safe=" ")
    return f"%{ord(safe[0]):02X}{safe[1:]}" if safe[:1] in ("_", ".", "~", " ") else safe


def localized(mapping: Mapping) -> Mapping:
    """The mapping of a database's tables as one of the mirror's folders."""
    files = (entry.model_copy(update={"path": folder_name(entry.path) + "/"}) for entry in mapping.files)
    return mapping.model_copy(update={"files": tuple(files)})


class Mirror:
    """The kept rows of one database source; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def rows_folder(self) -> Path:
        """Where the newest generation's tables lie; a folder that does not exist before the first pull."""
        return self.folder / f"{self._read()['generation']:08d}"

    @property
    def content(self) -> str:
        """A digest of every table's content."""
        tables = self._read()["tables"]
        return digest(json.dumps({name: kept["content"] for name, kept in sorted(tables.items())}).encode())

    @property
    def pulled_at(self) -> datetime | None:
        """When the source was last asked, by our clock."""
        told = self._read()["pulled_at"]
        return datetime.fromisoformat(told) if told else None

    def totals(self) -> list[TablePull]:
        """What the last pull took of each table, with the source's own counts."""
        return [TablePull(**entry) for entry in self._read()["pulls"]]

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "current.json").read_text(encoding="utf-8"))
            return found
        except FileNotFoundError:
            return {"generation": 0, "tables": {}, "pulls": [], "pulled_at": None}

    def pull(
        self, database: Database, mapping: Mapping, *, now: datetime, habits: Habits | None = None
    ) -> tuple[list[TablePull], list[Finding]]:
        """Take what the source holds now; raises UnreachableError, and then keeps what was there.

        All tables are of one moment. Returns what was taken and what could not be.
        """
        before = self._read()
        self._sweep(before["generation"])
        wanted = {entry.path: entry for entry in mapping.files if entry.table != SKIP}
        beside = self.folder / f".tmp-{uuid.uuid4().hex}"
        beside.mkdir(parents=True)
        try:
            with database.snapshot() as snapshot:
                tables = snapshot.tables(set(wanted))
                pulls, kept = [], {}
                for table in tables:
                    old = before["tables"].get(table.path)
                    entries = [entry for entry in mapping.files if entry.path == table.path]
                    pull = Pull(snapshot, table, entries, habits or Habits(), beside / folder_name(table.path))
                    made, kept[table.path] = pull.run(Kept(**old) if old else None, self.rows_folder)
                    pulls.append(made)
                findings = _findings(snapshot, tables, wanted)
            self._commit(before, beside, pulls, kept, now)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return pulls, findings

    def _commit(
        self, before: dict[str, Any], beside: Path, pulls: list[TablePull], kept: dict[str, Kept], now: datetime
    ) -> None:
        number = before["generation"] + 1
        _flush(beside)
        beside.rename(self.folder / f"{number:08d}")
        value = {
            "generation": number,
            "pulled_at": now.isoformat(),
            "tables": {name: asdict(entry) for name, entry in kept.items()},
            "pulls": [asdict(pull) for pull in pulls],
        }
        path = self.folder / f".tmp-{uuid.uuid4().hex}.json"
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
        _flush(path)
        path.rename(self.folder / "current.json")
        _flush(self.folder)
        self._sweep(number)

    def _sweep(self, generation: int) -> None:
        """Remove what killed pulls left, and generations that are no more the newest."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in (f"{generation:08d}", "current.json"):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _findings(snapshot: Snapshot, tables: list[SourceTable], wanted: dict[str, FileMapping]) -> list[Finding]:
    found = []
    for table in tables:
        used = {
            column.column for column in wanted[table.path].columns if column.target != ATTRIBUTES
        }  # binary columns that nobody maps are no loss worth a warning
        for name, why in table.left_out.items():
            message = f"Column {name} of the table {table.path} is not read: {why}."
            fix = "Nothing is to be done unless it matters; a view of the database can give it as text."
            severity: Literal["warning", "notice"] = "warning" if name in used else "notice"
            found.append(Finding("connectors.column_binary", severity, message, fix, table=wanted[table.path].table))
    for (path, name), count in snapshot.unread.items():
        message = f"{count} values of {path}.{name} are none that its type can mean, such as 0000-00-00 or infinity."
        fix = "They are taken as missing; write the right values in the source."
        found.append(
            Finding("connectors.value_impossible", "warning", message, fix, table=wanted[path].table, count=count)
        )
    return found


def _flush(path: Path) -> None:
    """Make a file, or a folder with all that it holds, durable."""
    for inner in sorted(path.rglob("*")) if path.is_dir() else ():
        _flush(inner) if inner.is_file() else None
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
