"""A sync: what a source says now against what the lake holds; only the differences are written."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform
from quarterdeck.records.engine import Engine
from quarterdeck.records.files import TEMPORARY, content, digest, flush
from quarterdeck.records.lake import Batch, Lake, State


@dataclass(frozen=True, slots=True)
class TableSync:
    """What a sync did to one table of one source: rows read, and how many of them were new, changed or gone."""

    source: str
    table: str
    read: int
    added: int
    changed: int
    deleted: int
    set_aside: int


@dataclass
class Staging:
    """Rows of one source on their way to the lake, kept in files beside it."""

    lake: Lake
    source: str
    folder: Path = field(init=False)
    parts: dict[str, list[Path]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.lake.root / f"{TEMPORARY}{uuid.uuid4().hex}"
        self.folder.mkdir(parents=True)

    def add(self, table: str, frame: pl.DataFrame, *, read: int, set_aside: int = 0) -> None:
        """Take a chunk of a table, rows with the table's columns."""
        self.read[table] = self.read.get(table, 0) + read
        self.set_aside[table] = self.set_aside.get(table, 0) + set_aside
        parts = self.parts.setdefault(table, [])
        path = self.folder / f"{table}-{len(parts)}.parquet"
        conform(table, frame).with_columns(source=pl.lit(self.source)).write_parquet(path, compression="zstd")
        parts.append(path)

    def drop(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def take(
    lake: Lake,
    engine: Engine,
    staged: Iterable[Staging],
    *,
    seen_at: datetime,
    hints: dict[str, dict[str, Any]],
    files: dict[str, str],
    inbox: int = 0,
    partial: frozenset[tuple[str, str]] = frozenset(),
    before_commit: Callable[[State, list[Finding]], None] | None = None,
) -> tuple[list[TableSync], list[Finding]]:
    """Compare staged rows with the newest state and commit the differences; only inside `lake.writing()`.

    `files` are fingerprints of the source's files, so that unchanged ones need not be read again. For (source, table)
    pairs in `partial` a part of the source could not be read: nothing of them is taken for deleted. `before_commit` is
    called with the new state and the findings before the state can be seen.
    """
    before = lake.state()
    sequence = before.sequence + 1
    tables = dict(before.tables)
    syncs: list[TableSync] = []
    findings: list[Finding] = []
    for staging in staged:
        for table, parts in staging.parts.items():
            repeated = _once(table, parts, findings)
            is_partial = (staging.source, table) in partial
            batch, sync = _compare(lake, engine, before, sequence, staging, table, is_partial)
            syncs.append(replace(sync, set_aside=sync.set_aside + repeated))
            if batch is not None:
                tables[table] = (*tables.get(table, ()), batch)
    changed = (tables, hints, files, inbox) != (before.tables, before.hints, before.files, before.inbox)
    if changed:
        # Nothing is heard before what was heard already, whatever the clock says.
        state = State(sequence, max(seen_at, before.seen_at or seen_at), tables, hints, files, inbox)
        if before_commit is not None:
            before_commit(state, findings)
        lake.commit(state)
    return syncs, findings


def _once(table: str, parts: list[Path], findings: list[Finding]) -> int:
    """Keep the last row of each key; the others are counted and named in a finding."""
    rows = pl.scan_parquet(parts)
    total, distinct = rows.select(pl.len(), pl.col("id").n_unique().alias("keys")).collect(engine="streaming").row(0)
    if total == distinct:
        return 0
    frame = pl.concat([pl.read_parquet(part) for part in parts])
    kept = frame.unique("id", keep="last", maintain_order=True)
    repeated = frame.filter(pl.col("id").is_duplicated())["id"].unique(maintain_order=True).head(3).to_list()
    for part in parts[1:]:
        part.unlink()
    del parts[1:]
    kept.write_parquet(parts[0], compression="zstd")
    findings.append(
        Finding(
            code="records.duplicate_key",
            severity="warning",
            table=table,
            message=f"{total - distinct} rows of {table} repeat a key, such as {', '.join(map(repr, repeated))}; "
            "the last row of each key was kept.",
            fix="Make the key column unique in the source, or choose another key column in mapping/.",
            count=total - distinct,
        )
    )
    return int(total - distinct)


def _compare(
    lake: Lake, engine: Engine, before: State, sequence: int, staging: Staging, table: str, is_partial: bool
) -> tuple[Batch | None, TableSync]:
    staged = engine.parquet(staging.parts[table])
    count = int(staged.count().to_pyarrow().as_py())
    folder = lake.root / table
    folder.mkdir(parents=True, exist_ok=True)
    current = lake.relation(engine, before, table)
    read, aside = staging.read[table], staging.set_aside[table]
    if current is None:
        rows = _move(staging.parts[table], folder, sequence, staging.source)
        batch = Batch(sequence, staging.source, rows, (), count, 0, _content(lake, rows))
        return batch, TableSync(staging.source, table, read, count, 0, 0, aside)
    mine = current.filter(current.source == staging.source)
    rows_path = staging.folder / f"{table}-changed.parquet"
    gone_path = staging.folder / f"{table}-gone.parquet"
    engine.write(staged.difference(mine.select(staged.columns)), rows_path)
    engine.write(mine.anti_join(staged, "id").select("id"), gone_path)
    changed = engine.parquet([rows_path])
    number = int(changed.count().to_pyarrow().as_py())
    added = int(changed.anti_join(mine, "id").count().to_pyarrow().as_py())
    gone = 0 if is_partial else int(engine.parquet([gone_path]).count().to_pyarrow().as_py())
    sync = TableSync(staging.source, table, read, added, number - added, gone, aside)
    if not number and not gone:
        return None, sync
    rows = _move([rows_path], folder, sequence, staging.source) if number else ()
    lost: tuple[str, ...] = ()
    if gone:
        target = folder / f"{sequence:08d}-{_slug(staging.source)}-gone.parquet"
        gone_path.rename(target)
        flush(target)
        lost = (f"{table}/{target.name}",)
    return Batch(sequence, staging.source, rows, lost, number, gone, _content(lake, (*rows, *lost))), sync


def _content(lake: Lake, paths: tuple[str, ...]) -> str:
    return digest([content(lake.root / path) for path in paths])


def _slug(source: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in source)


def _move(parts: list[Path], folder: Path, sequence: int, source: str) -> tuple[str, ...]:
    moved = []
    for number, part in enumerate(parts):
        target = folder / f"{sequence:08d}-{_slug(source)}-{number}.parquet"
        part.rename(target)
        flush(target)
        moved.append(f"{folder.name}/{target.name}")
    flush(folder)
    return tuple(moved)
