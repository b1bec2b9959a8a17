"""One table of a database source on its way into the mirror: read whole, or only what changed since the last time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa

from quarterdeck.connectors.database import Snapshot, SourceTable
from quarterdeck.connectors.mapping import FileMapping

PAGE = 10_000
"""Changed rows that are asked for at a time."""
CHEAP = 1_000_000
"""Rows up to which every key is compared on every sync."""
_KEYS = 500
"""Keys that are asked for at a time."""


@dataclass(frozen=True)
class Habits:
    """How often what is done: keys of large tables compared, tables read whole; in syncs."""

    compare_keys_every: int = 10
    read_whole_every: int = 100
    page: int = PAGE
    cheap: int = CHEAP


@dataclass(frozen=True)
class TablePull:
    """What a sync took of a table: rows fetched, keys gone, rows now, and the source's own count and sums."""

    path: str
    how: Literal["whole", "changes"]
    why: str
    fetched: int
    gone: int
    rows: int
    source_rows: int
    source_sums: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """What is known of a table in a generation: its shape, its cursor, its content and how long since which check."""

    shape: dict[str, str]
    key: list[str]
    stamp: str
    high: str | None
    rows: int
    content: str
    since_compared: int = 0
    since_whole: int = 0


@dataclass
class Pull:
    """The reading of one table into a folder."""

    snapshot: Snapshot
    table: SourceTable
    entries: list[FileMapping]
    habits: Habits
    target: Path

    def __post_init__(self) -> None:
        self.target.mkdir(parents=True)
        stamped = next((entry for entry in self.entries if entry.stamp), None)
        self.stamp = stamped.stamp if stamped and self.table.column(stamped.stamp) else ""
        self.overlap = timedelta(minutes=stamped.overlap_minutes if stamped else 0)
        self.key = self.table.key or self._mapped_key()
        self.shape = {column.name: f"{column.kind} {column.places}" for column in self.table.columns}
        self.money = sorted({
            column.column for entry in self.entries for column in entry.columns if column.target in _MONEY
        })  # fmt: skip

    def _mapped_key(self) -> tuple[str, ...]:
        """Of a view: the columns that the mapping says name a row."""
        for entry in self.entries:
            column = entry.column_for("id")
            names = (column.column,) if column else entry.key
            if names and not entry.is_distinct and all(self.table.column(name) for name in names):
                return names
        return ()

    def run(self, old: Kept | None, rows: Path) -> tuple[TablePull, Kept]:
        count, sums = self.snapshot.totals(self.table, self.money)
        why = self._why_whole(old, rows)
        done = None if why else self._changes(old, rows / self.target.name, count)
        if done is not None and not self._agrees(count, sums):
            done, why = None, "the source's own count or sums were not ours"
        elif done is None and not why:
            why = "its stamps cannot be followed"
        if done is None:
            fetched, gone, compared = self._whole(), 0, 0
        else:
            fetched, gone, compared = done
        frame = _scan(self.target)
        total = frame.select(pl.len()).collect(engine="streaming").item()
        told = {name: format(value, "f") for name, value in sums.items()}
        how: Literal["whole", "changes"] = "changes" if done is not None else "whole"
        made = TablePull(self.table.path, how, why, fetched, gone, total, count, told)
        since = 0 if done is None or old is None else old.since_whole + 1
        kept = Kept(
            self.shape, [*self.key], self.stamp, self._high(frame), total, _content(self.target), compared, since
        )
        return made, kept

    def _why_whole(self, old: Kept | None, rows: Path) -> str:
        """Why the table is read whole, in words; nothing when its changes are enough."""
        if old is None or not (rows / self.target.name).is_dir():
            return "it was not read before"
        if not self.stamp or not self.key:
            return "the mapping names no stamp" if self.key else "it has no key"
        if old.shape != self.shape or old.key != [*self.key] or old.stamp != self.stamp:
            return "its columns, key or stamp changed"
        if old.since_whole + 1 >= self.habits.read_whole_every:
            return f"it is read whole every {self.habits.read_whole_every} syncs"
        return "" if old.high is not None else "none of its rows had a stamp"

    def _whole(self) -> int:
        """Read every row; returns how many."""
        for path in self.target.iterdir():
            path.unlink()
        read = 0
        for number, frame in enumerate(self.snapshot.rows(self.table)):
            frame.write_parquet(self.target / f"{number:06d}.parquet", compression="zstd")
            read += frame.height
        if not read:
            pl.DataFrame(schema=self.table.polars).write_parquet(self.target / "000000.parquet")
        elif self.key:
            self._write(_scan(self.target))
        return read

    def _write(self, frame: pl.LazyFrame) -> None:
        """Rows in the order of their keys as the only part, so that it does not matter how they came."""
        beside = self.target / ".sorted"
        frame.sort(self.key, nulls_last=True).sink_parquet(beside, compression="zstd")
        for path in self.target.glob("*.parquet"):
            path.unlink()
        beside.rename(self.target / "000000.parquet")

    def _changes(self, old: Kept | None, before: Path, count: int) -> tuple[int, int, int] | None:
        """Merge what changed: rows fetched, keys gone, syncs since keys were compared; None when it cannot be told."""
        assert old is not None
        since = _before(json.loads(str(old.high)), self.overlap)
        if since is None:
            return None
        mine = _scan(before)
        fetched = list(self._since(since))
        if fetched and fetched[-1][self.stamp].null_count():
            return None
        is_due = count <= self.habits.cheap or old.since_compared + 1 >= self.habits.compare_keys_every
        new = pl.concat([pl.DataFrame(schema=self.table.polars), *fetched, *self._unstamped()])
        gone = pl.DataFrame(schema={name: self.table.polars[name] for name in self.key})
        if is_due:
            now = pl.concat([pl.DataFrame(schema=self._marks), *self._all_marks()])
            known = mine.select(*self._marks).collect(engine="streaming")
            gone = known.select(self.key).join(now.select(self.key), on=self.key, how="anti")
            other = now.join(known, on=[*self._marks], how="anti", nulls_equal=True).select(self.key)
            other = other.join(new.select(self.key), on=self.key, how="anti")
            new = pl.concat([new, *self._by_key(other)])
        new = new.unique(self.key, keep="last")
        touched = pl.concat([gone, new.select(self.key)])
        if touched.is_empty() and not gone.height:
            for path in before.iterdir():
                os.link(path, self.target / path.name)
        else:
            self._write(pl.concat([mine.join(touched.lazy(), on=self.key, how="anti"), new.lazy()]))
        return new.height, gone.height, 0 if is_due else old.since_compared + 1

    @property
    def _marks(self) -> dict[str, pl.DataType]:
        return {name: kind for name, kind in self.table.polars.items() if name in (*self.key, self.stamp)}

    def _all_marks(self) -> Iterator[pl.DataFrame]:
        return self.snapshot.rows(self.table, columns=[*self._marks])

    def _unstamped(self) -> Iterator[pl.DataFrame]:
        return self.snapshot.rows(self.table, where=sa.column(self.stamp).is_(None))

    def _since(self, since: Any) -> Iterator[pl.DataFrame]:
        """Rows with a stamp from `since` on, by pages in the order of (stamp, key)."""
        order = [self.stamp, *(name for name in self.key if name != self.stamp)]
        where: sa.ColumnElement[bool] = sa.column(self.stamp) >= _bound(since)
        while True:
            parts = list(self.snapshot.rows(self.table, where=where, order=order, limit=self.habits.page))
            if not parts:
                return
            page = pl.concat(parts)
            yield page
            last = page.row(-1, named=True)
            if page.height < self.habits.page or any(last[name] is None for name in order):
                return
            where = _after([(name, last[name]) for name in order])

    def _by_key(self, keys: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """The rows of given keys."""
        for start in range(0, keys.height, _KEYS):
            some = keys.slice(start, _KEYS)
            if len(self.key) == 1:
                values = [_bound(value) for value in some.to_series().to_list()]
                where: Any = sa.column(self.key[0]).in_(values)
            else:
                where = sa.or_(*(_same(row) for row in some.to_dicts()))
            yield from self.snapshot.rows(self.table, where=where)

    def _agrees(self, count: int, sums: dict[str, Decimal]) -> bool:
        """Ours has as many rows as the source, and the same exact sums."""
        exact = [name for name in sums if (column := self.table.column(name)) and column.kind != "number"]
        row = _scan(self.target).select(pl.len(), *(pl.col(name).sum() for name in exact)).collect().row(0)
        return row[0] == count and all(
            Decimal(str(value or 0)) == sums[name] for name, value in zip(exact, row[1:], strict=True)
        )

    def _high(self, frame: pl.LazyFrame) -> str | None:
        """The greatest stamp no later than the source's clock, as JSON; a typing error in the future is none."""
        if not self.stamp:
            return None
        kind = self.table.polars[self.stamp]
        seen = pl.col(self.stamp)
        if isinstance(kind, pl.Datetime):
            # a clock time without zone may be up to fourteen hours ahead of UTC
            limit = self.snapshot.now() + timedelta(hours=0 if kind.time_zone else 14)
            frame = frame.filter(seen.dt.replace_time_zone(None) <= limit)
        value = frame.select(seen.max()).collect(engine="streaming").item()
        if isinstance(value, datetime | date):
            value = {"time": value.isoformat()}
        return None if value is None else json.dumps(value)


_MONEY = {"amount", "unit_price", "revenue"}


def _before(high: Any, overlap: timedelta) -> Any:
    """A stamp less the overlap, in the stamp's own form; None for one that is no time."""
    try:
        if isinstance(high, dict):
            text = str(high["time"])
            if len(text) == 10:
                return date.fromisoformat(text) - max(overlap, timedelta(days=1))
            return datetime.fromisoformat(text) - overlap
        if isinstance(high, int):
            return high - int(overlap.total_seconds() * (1000 if high > 100_000_000_000 else 1))
        text = str(high)
        moment = datetime.fromisoformat(text) - overlap
        shape = "%Y-%m-%d" if len(text) == 10 else f"%Y-%m-%d{text[10]}%H:%M:%S"
        return moment.strftime(shape)
    except (ValueError, OverflowError):
        return None


def _bound(value: Any) -> sa.BindParameter[Any]:
    """A value that the driver binds in the column's own type."""
    return sa.bindparam(None, value, type_=sa.types.NULLTYPE, unique=True)


def _same(row: dict[str, Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(sa.column(name) == _bound(value) for name, value in row.items()))


def _after(place: list[tuple[str, Any]]) -> sa.ColumnElement[bool]:
    """Rows that come after a row in the order of its columns."""
    tests = []
    for number, (name, value) in enumerate(place):
        same = [sa.column(other) == _bound(seen) for other, seen in place[:number]]
        tests.append(sa.and_(*same, sa.column(name) > _bound(value)))
    return sa.or_(*tests)


def _scan(folder: Path) -> pl.LazyFrame:
    return pl.scan_parquet(sorted(folder.glob("*.parquet")))


def _content(folder: Path) -> str:
    digests = []
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as handle:
            digests.append(hashlib.file_digest(handle, "sha256").hexdigest())
    return digest(" ".join(digests).encode())


def digest(value: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(value).hexdigest()
