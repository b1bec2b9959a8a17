"""A sync: what a source says now against what the lake holds; only the differences are written."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform
from quarterdeck.records.compaction import compacted
from quarterdeck.records.engine import Engine
from quarterdeck.records.erasure import Marks
from quarterdeck.records.files import TEMPORARY, content, digest, flush
from quarterdeck.records.lake import Batch, Lake, State
from quarterdeck.records.observing import SOURCE, observe
from quarterdeck.records.retention import FOLLOWS, TIMES, Retention, aged_out


@dataclass(frozen=True, slots=True)
class TableSync:
    """What a sync did to one table of one source: rows read, and how many of them were new, changed or gone.

    `aged_out` rows are older than what the source still sends and are kept; `held` are the source's rows in the lake
    now, of which `unsent` were not in what it sent. `repeated` of those set aside had a key that came again.
    """

    source: str
    table: str
    read: int
    added: int
    changed: int
    deleted: int
    set_aside: int
    aged_out: int = 0
    held: int = 0
    unsent: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a sync leaves beside the state: what it did, what it found, rows that it set aside itself."""

    syncs: list[TableSync]
    findings: list[Finding]
    repeated: list[pl.DataFrame]


@dataclass
class Staging:
    """Rows of one source on their way to the lake, kept in files beside it."""

    lake: Lake
    source: str
    folder: Path = field(init=False)
    parts: dict[str, list[Path]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)
    """Records by table whose person was erased here and that the source still sends."""

    def __post_init__(self) -> None:
        self._marks = Marks.read(self.lake.root)
        self.folder = self.lake.root / f"{TEMPORARY}{uuid.uuid4().hex}"
        self.folder.mkdir(parents=True)

    def add(self, table: str, frame: pl.DataFrame, *, read: int, set_aside: int = 0) -> None:
        """Take a chunk of a table, rows with the table's columns."""
        frame, erased = self._marks.hold_back(table, frame)
        if erased:
            self.erased[table] = self.erased.get(table, 0) + erased
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
    retention: Mapping[str, Retention] | None = None,
    before_commit: Callable[[State, Told], None] | None = None,
) -> tuple[list[TableSync], list[Finding]]:
    """Compare staged rows with the newest state and commit the differences; only inside `lake.writing()`.

    `files` are fingerprints of the source's files, so that unchanged ones need not be read again. For (source, table)
    pairs in `partial` a part of the source could not be read: nothing of them is taken for deleted. `retention` says by
    source what it keeps. `before_commit` is called with the new state and what there is to tell before the state can be
    seen.
    """
    before = lake.state()
    # Nothing is heard before what was heard already, whatever the clock says.
    seen_at = max(seen_at, before.seen_at or seen_at)
    comparison = _Comparison(lake, engine, before, before.sequence + 1, seen_at, partial, retention or {})
    for staging in staged:
        comparison.take(staging)
    tables = comparison.tables
    if any(SOURCE in batch.source.split("+") for batch in tables.get("opportunity_history", ())):
        hints = {**hints, SOURCE: {"history": True}}
    if (tables, hints, files, inbox) != (before.tables, before.hints, before.files, before.inbox):
        state = compacted(lake, engine, State(comparison.sequence, seen_at, tables, hints, files, inbox))
        if before_commit is not None:
            before_commit(state, comparison.told)
        lake.commit(state)
    return comparison.told.syncs, comparison.told.findings


def compact(lake: Lake, engine: Engine) -> dict[str, int]:
    """Put all batches of each table together, in a commit of its own that was heard when the last one was.

    Gives the number of batches that each table had. Only inside `lake.writing()`.
    """
    before = lake.state()
    many = {table: len(batches) for table, batches in before.tables.items() if len(batches) > 1}
    if many:
        lake.commit(compacted(lake, engine, replace(before, sequence=before.sequence + 1), whole=True))
    return many


@dataclass
class _Comparison:
    """A sync under way: the tables of the state to come."""

    lake: Lake
    engine: Engine
    before: State
    sequence: int
    seen_at: datetime
    partial: frozenset[tuple[str, str]]
    retention: Mapping[str, Retention]
    tables: dict[str, tuple[Batch, ...]] = field(init=False)
    told: Told = field(default_factory=lambda: Told([], [], []))

    def __post_init__(self) -> None:
        self.tables = dict(self.before.tables)

    def take(self, staging: Staging) -> None:
        """The differences of all tables of a source; deals first, because other rows follow them."""
        aged_deals: frozenset[str] = frozenset()
        self.told.findings.extend(_erased_finding(staging.source, *pair) for pair in staging.erased.items())
        for table in sorted(staging.parts, key=lambda name: name != "opportunities"):
            repeated = _once(table, staging.parts[table], self.told.findings)
            if repeated is not None:
                self.told.repeated.append(repeated.with_columns(table=pl.lit(table)))
            batch, sync, aged = self._compare(staging, table, aged_deals)
            if table == "opportunities":
                aged_deals = frozenset(aged)
            count = 0 if repeated is None else repeated.height
            self.told.syncs.append(replace(sync, set_aside=sync.set_aside + count, repeated=count))
            if batch is not None:
                self._add(table, batch)

    def _add(self, table: str, batch: Batch) -> None:
        self.tables[table] = (*self.tables.get(table, ()), batch)

    def _compare(
        self, staging: Staging, table: str, aged_deals: frozenset[str]
    ) -> tuple[Batch | None, TableSync, list[str]]:
        staged = self.engine.parquet(staging.parts[table])
        count = _count(staged)
        folder = self.lake.root / table
        folder.mkdir(parents=True, exist_ok=True)
        current = self.lake.relation(self.engine, self.before, table)
        sync = TableSync(staging.source, table, staging.read[table], 0, 0, 0, staging.set_aside[table], held=count)
        if current is None:
            rows = _move(staging.parts[table], folder, self.sequence, staging.source)
            batch = Batch(self.sequence, staging.source, rows, (), count, 0, _content(self.lake, rows))
            return batch, replace(sync, added=count), []
        mine = current.filter(current.source == staging.source)
        rows_path = staging.folder / f"{table}-changed.parquet"
        self.engine.write(staged.difference(mine.select(staged.columns)), rows_path)
        changed = self.engine.parquet([rows_path])
        number = _count(changed)
        added = _count(changed.anti_join(mine, "id")) if number else 0
        gone_path, gone, aged = self._gone(staging, table, staged, mine, aged_deals)
        held = _count(mine) + added - gone
        sync = replace(
            sync, added=added, changed=number - added, deleted=gone, aged_out=len(aged), held=held, unsent=held - count
        )
        if number - added and table == "opportunities" and not self._tells_history(staging):
            self._observe(changed, mine, staging)
        if not number and not gone:
            return None, sync, aged
        rows = _move([rows_path], folder, self.sequence, staging.source) if number else ()
        lost: tuple[str, ...] = ()
        if gone:
            target = folder / f"{self.sequence:08d}-{_slug(staging.source)}-gone.parquet"
            gone_path.rename(target)
            flush(target)
            lost = (f"{table}/{target.name}",)
        hashed = _content(self.lake, (*rows, *lost))
        return Batch(self.sequence, staging.source, rows, lost, number, gone, hashed), sync, aged

    def _gone(
        self, staging: Staging, table: str, staged: Any, mine: Any, aged_deals: frozenset[str]
    ) -> tuple[Path, int, list[str]]:
        """The file of deleted keys, how many there are, and the keys that only aged out of the source."""
        path = staging.folder / f"{table}-gone.parquet"
        if (staging.source, table) in self.partial:
            return path, 0, []
        times = TIMES.get(table, ())
        wanted = dict.fromkeys(("id", *times, *((FOLLOWS[table],) if table in FOLLOWS else ())))
        self.engine.write(mine.anti_join(staged, "id").select(*wanted), path)
        gone = pl.read_parquet(path)
        if gone.is_empty():
            return path, 0, []
        starts = {time: staged[time].min().to_pyarrow().as_py() for time in times}
        rule = self.retention.get(staging.source, "auto")
        mask = aged_out(table, gone, starts, rule, self.seen_at, aged_deals)
        aged = gone.filter(mask)["id"].to_list()
        deleted = gone.filter(~mask).select("id")
        deleted.write_parquet(path, compression="zstd")
        if aged:
            self.told.findings.append(_aged_finding(staging.source, table, len(aged), rule))
        return path, deleted.height, aged

    def _tells_history(self, staging: Staging) -> bool:
        known = self.before.tables.get("opportunity_history", ())
        return "opportunity_history" in staging.parts or any(
            staging.source in batch.source.split("+") for batch in known
        )

    def _observe(self, changed: Any, mine: Any, staging: Staging) -> None:
        """Write what a source without a history shows by changing."""
        assert self.before.seen_at is not None
        history = self.lake.relation(self.engine, self.before, "opportunity_history")
        last, now = (self.before.sequence, self.before.seen_at), (self.sequence, self.seen_at)
        rows = observe(changed, mine, history, last, now)
        if rows.is_empty():
            return
        path = staging.folder / "observed.parquet"
        rows.write_parquet(path, compression="zstd")
        folder = self.lake.root / "opportunity_history"
        folder.mkdir(parents=True, exist_ok=True)
        moved = _move([path], folder, self.sequence, f"{SOURCE}-{staging.source}")
        batch = Batch(self.sequence, SOURCE, moved, (), rows.height, 0, _content(self.lake, moved))
        self._add("opportunity_history", batch)


def _erased_finding(source: str, table: str, count: int) -> Finding:
    return Finding(
        code="records.erased_in_source",
        severity="warning",
        table=table,
        message=f"{source} still holds {count:,} records of {table} whose persons were erased here; "
        "they are kept without the persons' data.",
        fix=f"Erase them in {source} too.",
        count=count,
    )


def _count(rows: Any) -> int:
    return int(rows.count().to_pyarrow().as_py())


def _aged_finding(source: str, table: str, count: int, rule: Retention) -> Finding:
    how = f"older than the {rule} days that it keeps" if isinstance(rule, int) else "all older than what it still sends"
    return Finding(
        code="records.aged_out",
        severity="notice",
        table=table,
        message=f"{source} no longer sends {count:,} rows of {table}, {how}; they are kept as history.",
        fix=f"If they were deleted there, write `retention: whole` below the source {source} in quarterdeck.yaml.",
        count=count,
    )


def _once(table: str, parts: list[Path], findings: list[Finding]) -> pl.DataFrame | None:
    """Keep the last row of each key; the others are counted, named in a finding and given back."""
    rows = pl.scan_parquet(parts)
    total, distinct = rows.select(pl.len(), pl.col("id").n_unique().alias("keys")).collect(engine="streaming").row(0)
    if total == distinct:
        return None
    frame = pl.concat([pl.read_parquet(part) for part in parts])
    kept = frame.unique("id", keep="last", maintain_order=True)
    dropped = frame.filter(~pl.col("id").is_last_distinct())
    repeated = dropped["id"].unique(maintain_order=True).head(3).to_list()
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
    return dropped.select(
        "source",
        reason=pl.format("its key {} came again in a later file; the last row was kept", "id"),
        raw=pl.struct(pl.all().exclude("source").cast(pl.String)).struct.json_encode(),
    )


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
