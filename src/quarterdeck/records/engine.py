"""The engine that relational work runs on: DuckDB in this process, over immutable Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.schema import conform, empty, table
from quarterdeck.base.tables import Tables

if TYPE_CHECKING:
    import ibis


class Engine:
    """A DuckDB connection that may read and write below the given folders only. Made when it is first used."""

    def __init__(self, folders: Iterable[Path], memory: str = "4GB", threads: int | None = None) -> None:
        self._folders = [folder.resolve() for folder in folders]
        self._memory, self._threads = memory, threads
        self._backend: Any = None

    @property
    def backend(self) -> Any:
        """The Ibis backend."""
        if self._backend is None:
            import ibis

            spill = self._folders[0] / "spill"
            backend = ibis.duckdb.connect(memory_limit=self._memory, temp_directory=str(spill))
            if self._threads:
                backend.raw_sql(f"SET threads = {int(self._threads)}")
            allowed = ", ".join("'" + str(folder).replace("'", "''") + "'" for folder in self._folders)
            for statement in (
                "SET TimeZone = 'UTC'",
                "SET enable_progress_bar = false",
                f"SET allowed_directories = [{allowed}]",
                "SET enable_external_access = false",
                "SET lock_configuration = true",
            ):
                backend.raw_sql(statement)
            self._backend = backend
        return self._backend

    def parquet(self, paths: Iterable[Path], **options: bool) -> ibis.Table:
        """The rows of Parquet files of one schema, in the files' order; `options` are those of DuckDB's reader."""
        return self.backend.read_parquet([str(path) for path in paths], **options)

    def write(self, rows: ibis.Table, path: Path) -> None:
        """The rows as a Parquet file."""
        rows.to_parquet(path, compression="zstd")

    def close(self) -> None:
        if self._backend is not None:
            self._backend.disconnect()
            self._backend = None


class ParquetTables(Tables):
    """Tables of a run, each a Parquet file: read whole as a frame, or scanned as a relation on the engine."""

    def __init__(self, engine: Engine, paths: dict[str, Path]) -> None:
        super().__init__()
        self._engine, self._paths = engine, paths
        self._read: dict[str, pl.DataFrame] = {}
        self._heights: dict[str, int] = {}
        self._scans: dict[Path, ibis.Table] = {}

    def add(self, name: str, path: Path) -> None:
        self._paths[name] = path

    def __getitem__(self, name: str) -> pl.DataFrame:
        table(name)
        if name not in self._paths:
            return empty(name)
        if name not in self._read:
            frame = conform(name, pl.read_parquet(self._paths[name]))
            if frame.height > 200_000:
                return frame
            self._read[name] = frame
        return self._read[name]

    def __iter__(self) -> Any:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def has(self, name: str) -> bool:
        if name not in self._paths:
            return False
        if name not in self._heights:
            self._heights[name] = pl.scan_parquet(self._paths[name]).select(pl.len()).collect().item()
        return self._heights[name] > 0

    def relation(self, name: str) -> ibis.Table:
        if name not in self._paths:
            return super().relation(name)
        # Each scan is a view of its own in the engine, whose making reads the file's footer: one a file.
        path = self._paths[name]
        if path not in self._scans:
            self._scans[path] = self._engine.parquet([path])
        return self._scans[path]
