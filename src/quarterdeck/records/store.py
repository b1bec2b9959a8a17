"""What runs derived: each step's tables under the key of all that went into them, and the runs that point to them.

    runs/steps/<step>/<key>/<table>.parquet, findings.parquet, step.json
    runs/<run id>.json

A key is a hash of the inputs' contents, the settings, the dated values and the step's own source; equal work is read,
not repeated. Everything here may be deleted and is made again with the same content.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import conform, table
from quarterdeck.records.files import content, read_json, sweep, whole_folder, write_json


@dataclass(frozen=True, slots=True)
class Stored:
    """A step's kept result: a file and a content hash for each table."""

    folder: Path
    contents: dict[str, str]
    rows: dict[str, int]
    seconds: float

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"


class Store:
    """The folder `runs/` of a workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _folder(self, step: str, key: str) -> Path:
        return self.root / "steps" / step / key[:32]

    def get(self, step: str, key: str) -> Stored | None:
        """The result under a key, or None."""
        folder = self._folder(step, key)
        try:
            meta = read_json(folder / "step.json")
        except FileNotFoundError:
            return None
        return Stored(folder, meta["contents"], meta["rows"], meta["seconds"])

    def put(self, step: str, key: str, frames: dict[str, pl.DataFrame], seconds: float) -> Stored:
        """Keep a step's tables; each must fit its schema, with unique keys and nothing missing that is required."""
        files: dict[str, Any] = {}
        for name, frame in frames.items():
            checked = conform(name, frame)
            if name != "findings":
                _assert_contract(step, name, checked)
            files[name] = checked
        return self._put(step, key, files, seconds)

    def put_with(self, step: str, key: str, name: str, write: Any, started: float) -> Stored:
        """Keep one table that `write(path)` writes itself, as views of any size do."""
        return self._put(step, key, {name: write}, None, started)

    def _put(self, step: str, key: str, files: dict[str, Any], seconds: float | None, started: float = 0.0) -> Stored:
        folder = self._folder(step, key)
        with whole_folder(folder) as beside:
            contents, rows = {}, {}
            for name, value in files.items():
                path = beside / f"{name}.parquet"
                if isinstance(value, pl.DataFrame):
                    value.write_parquet(path, compression="zstd")
                else:
                    value(path)
                contents[name] = content(path)
                rows[name] = pl.scan_parquet(path).select(pl.len()).collect().item()
            took = time.perf_counter() - started if seconds is None else seconds
            write_json(
                beside / "step.json", {"step": step, "key": key, "contents": contents, "rows": rows, "seconds": took}
            )
        stored = self.get(step, key)
        assert stored is not None
        return stored

    def write_run(self, run_id: str, value: dict[str, Any]) -> None:
        write_json(self.root / f"{run_id}.json", value)

    def read_run(self, run_id: str) -> dict[str, Any]:
        path = self.root / f"{run_id}.json"
        if not path.is_file() or path.parent != self.root:
            raise QuarterdeckError(f"There is no run {run_id!r}; `quarterdeck show NAME runs` lists them")
        value: dict[str, Any] = read_json(path)
        return value

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first."""
        if not self.root.is_dir():
            return []
        found = [read_json(path) for path in self.root.glob("*.json") if not path.name.startswith(".")]
        return sorted(found, key=lambda run: (run["started_at"], run["id"]))

    def live_runs(self, known_at: datetime | None = None) -> list[dict[str, Any]]:
        """Runs that were not asked what was known earlier, the last made last; those made by `known_at` if given."""
        live = [run for run in self.runs() if run["known_at"] is None]
        if known_at is None:
            return live
        times = [([at for at in run["times"] if datetime.fromisoformat(at) <= known_at], run) for run in live]
        return [run for made, run in sorted(times, key=lambda pair: (pair[0][-1:], pair[1]["id"])) if made]

    def clean(self) -> None:
        """Remove what killed runs left."""
        sweep(self.root)
        for folder in (self.root / "steps").glob("*"):
            sweep(folder)


def _assert_contract(step: str, name: str, frame: pl.DataFrame) -> None:
    entry = table(name)
    for column in entry.columns:
        if column.is_required and frame[column.name].null_count():
            raise QuarterdeckError(
                f"{step} left {name}.{column.name} empty in some rows; this is a fault of Quarterdeck"
            )
    if frame.height and frame.select(pl.struct(entry.key).is_duplicated().any()).item():
        raise QuarterdeckError(
            f"{step} wrote {name} rows with the same {' '.join(entry.key)}; this is a fault of Quarterdeck"
        )
