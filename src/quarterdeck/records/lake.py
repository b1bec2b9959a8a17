"""The lake: what sources said, in append-only batches of Parquet, and the commits that make batches visible.

    lake/commits/00000002.json    the whole state after the second sync: every table's batches, in order
    lake/<table>/00000002-0.parquet        rows that were new or changed
    lake/<table>/00000002-gone.parquet     keys that the source no longer has

A sync is seen when its commit is renamed into place, so a killed sync leaves nothing half-read and readers never wait.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterdeck.base.schema import table as schema
from quarterdeck.records.engine import Engine
from quarterdeck.records.files import exclusive, read_json, sweep, write_json

if TYPE_CHECKING:
    import ibis
    import polars as pl


# The schema's types as the engine stores them.
STORED = {
    "text": "string",
    "integer": "int64",
    "number": "float64",
    "flag": "boolean",
    "instant": "timestamp(6)",
    "day": "date",
    "money": "int64",
    "decimal": "decimal(18, 6)",
    "json": "string",
}


UNNUMBERED = ("commits", "_sources")
"""Folders of the lake whose files are not numbered by syncs."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table that one sync brought from one source; paths are relative to the lake.

    Of batches that were put together, `source` holds all their sources with a plus sign between them.
    """

    sequence: int
    source: str
    rows: tuple[str, ...]
    gone: tuple[str, ...]
    count: int
    gone_count: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The lake after a commit. `hints` hold, for each source, how its one-off exports are shown at earlier dates."""

    sequence: int = 0
    seen_at: datetime | None = None
    tables: dict[str, tuple[Batch, ...]] = field(default_factory=dict)
    hints: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    inbox: int = 0
    """Number of the last live arrival that the lake has taken."""


class Lake:
    """The facts of a workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._commits = root / "commits"

    def _paths(self) -> list[Path]:
        return (
            sorted(path for path in self._commits.glob("*.json") if path.stem.isdigit())
            if self._commits.is_dir()
            else []
        )

    def state(self, known_at: datetime | None = None) -> State:
        """The state after the last sync, or after the last one that was heard by `known_at` (UTC, without a zone)."""
        paths = self._paths()
        if known_at is None:
            return _state(read_json(paths[-1])) if paths else State()
        # No sync is heard before the one that it follows, so the moments rise.
        place = bisect_right(paths, known_at, key=lambda path: datetime.fromisoformat(read_json(path)["seen_at"]))
        return _state(read_json(paths[place - 1])) if place else State()

    def states(self) -> list[State]:
        """All states, oldest first."""
        return [_state(read_json(path)) for path in self._paths()]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One sync at a time; what a killed one left is swept first."""
        with exclusive(self.root / ".lock"):
            sweep(self.root)
            sweep(self._commits)
            self._sweep_batches()
            yield

    def _sweep_batches(self) -> None:
        """Files bear the number of the sync that wrote them; those of a sync that no commit tells of are its rest."""
        last = self.state().sequence
        for folder in (path for path in self.root.iterdir() if path.is_dir() and path.name not in UNNUMBERED):
            sweep(folder)
            for path in folder.glob("*.parquet"):
                if path.name[:8].isdigit() and int(path.name[:8]) > last:
                    path.unlink()

    def commit(self, state: State) -> None:
        """Make a state the newest; only inside `writing`."""
        write_json(self._commits / f"{state.sequence:08d}.json", _json(state))

    def relation(
        self, engine: Engine, state: State, table: str, waiting: pl.DataFrame | None = None
    ) -> ibis.Table | None:
        """The newest version of each record of a table in a state; None when no source brought the table.

        `waiting` are arrivals that the lake has not taken yet; they are newer than all that it has.
        """
        rows = self._taken(engine, state, table)
        if waiting is None or waiting.is_empty():
            return rows
        import ibis

        arrived = ibis.memtable(waiting.to_arrow())
        return arrived if rows is None else rows.anti_join(arrived, "id").union(arrived)

    def _taken(self, engine: Engine, state: State, table: str) -> ibis.Table | None:
        batches = state.tables.get(table, ())
        if not batches:
            return None
        first, *later = batches
        if later and not first.rows:
            first, *later = later
        rows = self._scan(engine, table, first.rows).drop("sequence")
        if not later:
            return rows
        last, newest = self._versions(engine, table, later)
        untouched = rows.anti_join(last, "id")
        return (untouched if newest is None else untouched.union(newest)).order_by("id")

    def changes(self, engine: Engine, table: str, batches: Sequence[Batch]) -> tuple[ibis.Table | None, ibis.Table]:
        """What batches come to together: the last version of each record that they hold, and the keys that are gone."""
        last, newest = self._versions(engine, table, batches)
        gone = last if newest is None else last.anti_join(newest, "id")
        rows = None if newest is None else newest.order_by("id")
        return rows, gone.select("id").order_by("id")

    def _versions(self, engine: Engine, table: str, batches: Sequence[Batch]) -> tuple[ibis.Table, ibis.Table | None]:
        """The keys that batches touch, with the number of the last that does, and the rows of those not gone in it."""
        rows_paths = [path for batch in batches for path in batch.rows]
        gone_paths = [path for batch in batches for path in batch.gone]
        rows = self._scan(engine, table, rows_paths) if rows_paths else None
        gone = self._scan(engine, table, gone_paths).select("id", "sequence") if gone_paths else None
        parts = [part.select("id", "sequence") for part in (rows, gone) if part is not None]
        marks = reduce(lambda left, right: left.union(right), parts)
        last = marks.group_by("id").aggregate(sequence=marks.sequence.max())
        return last, None if rows is None else rows.semi_join(last, ["id", "sequence"]).drop("sequence")

    def _scan(self, engine: Engine, table: str, paths: Sequence[str]) -> ibis.Table:
        """Files' rows in the schema of today, with the number of the sync that wrote them as `sequence`.

        A column that came later is empty in what was written before.
        """
        import ibis

        rows = engine.parquet((self.root / path for path in paths), filename=True, union_by_name=True)
        return rows.select(
            **{
                column.name: rows[column.name] if column.name in rows.columns else ibis.null(STORED[column.type])
                for column in schema(table).columns
            },
            sequence=rows.filename.re_extract(r"([0-9]{8})-[^/]*$", 1).cast("int64"),
        )


def _json(state: State) -> dict[str, Any]:
    return {
        "sequence": state.sequence,
        "seen_at": state.seen_at.isoformat() if state.seen_at else None,
        "tables": {
            name: [
                {
                    "sequence": batch.sequence,
                    "source": batch.source,
                    "rows": list(batch.rows),
                    "gone": list(batch.gone),
                    "count": batch.count,
                    "gone_count": batch.gone_count,
                    "content": batch.content,
                }
                for batch in batches
            ]
            for name, batches in state.tables.items()
        },
        "hints": state.hints,
        "files": state.files,
        "inbox": state.inbox,
    }


def _state(value: dict[str, Any]) -> State:
    return State(
        sequence=value["sequence"],
        seen_at=datetime.fromisoformat(value["seen_at"]) if value["seen_at"] else None,
        tables={
            name: tuple(
                Batch(**{**batch, "rows": tuple(batch["rows"]), "gone": tuple(batch["gone"])}) for batch in batches
            )
            for name, batches in value["tables"].items()
        },
        hints=value["hints"],
        files=value["files"],
        inbox=value.get("inbox", 0),
    )
