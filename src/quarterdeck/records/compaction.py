"""Many small batches as few: what is read stays small after a thousand syncs, and nothing that was known is lost.

Older commits name the files that they named before, so what was known then is read from them. A table's later batches
become one batch of changes; when these have grown to a quarter of the table, the table is written anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quarterdeck.records.files import content, digest, flush
from quarterdeck.records.lake import Batch, Lake, State

if TYPE_CHECKING:
    import ibis

    from quarterdeck.records.engine import Engine

MANY = 16
"""Batches of a table from which on they are put together."""

WHOLE = 4
"""The table is written anew when its changes come to one row in so many."""


def compacted(lake: Lake, engine: Engine, state: State, *, whole: bool = False) -> State:
    """The state with its batches put together, where they are many; all of them with `whole`.

    The files that it writes bear the state's sequence; only inside `lake.writing()`, before the state is committed.
    """
    tables = dict(state.tables)
    for table, batches in state.tables.items():
        if len(batches) > (1 if whole else MANY):
            tables[table] = _compact(lake, engine, state, table, whole)
    return replace(state, tables=tables)


def _compact(lake: Lake, engine: Engine, state: State, table: str, whole: bool) -> tuple[Batch, ...]:
    base, *later = state.tables[table]
    changes = sum(batch.count + batch.gone_count for batch in later)
    if whole or not base.rows or changes * WHOLE >= base.count:
        rows = lake.relation(engine, state, table)
        assert rows is not None
        return (_write(lake, engine, state, table, tuple(state.tables[table]), rows, None),)
    newest, gone = lake.changes(engine, table, later)
    return base, _write(lake, engine, state, table, tuple(later), newest, gone)


def _write(
    lake: Lake,
    engine: Engine,
    state: State,
    table: str,
    parts: tuple[Batch, ...],
    rows: ibis.Table | None,
    gone: ibis.Table | None,
) -> Batch:
    paths, counts = [], []
    for word, relation in (("whole", rows), ("whole-gone", gone)):
        path = lake.root / table / f"{state.sequence:08d}-{word}.parquet"
        if relation is not None:
            engine.write(relation, path)
            count = int(engine.parquet([path]).count().to_pyarrow().as_py())
            if count:
                flush(path)
            else:
                path.unlink()
        counts.append(count if relation is not None else 0)
        paths.append((f"{table}/{path.name}",) if counts[-1] else ())
    flush(lake.root / table)
    sources = sorted({source for part in parts for source in part.source.split("+")})
    hashed = digest([content(lake.root / path) for both in paths for path in both])
    return Batch(state.sequence, "+".join(sources), paths[0], paths[1], counts[0], counts[1], hashed)
