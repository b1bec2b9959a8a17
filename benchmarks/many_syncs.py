"""A table after many small syncs: what reads cost with batches put together, and without.

    python -m benchmarks.many_syncs [--syncs 1000] [--rows 100000]

Syncs a table of accounts again and again, a few changes each, as live arrivals do. Then prints the median time of
reading the newest state and of reading an early one, beside a lake that was synced once with the same rows.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from quarterdeck.base.schema import conform
from quarterdeck.records import compaction
from quarterdeck.records.engine import Engine
from quarterdeck.records.lake import Lake
from quarterdeck.records.sync import Staging, take

START, CHANGES = datetime(2026, 1, 1), 5


def sync(lake: Lake, engine: Engine, frame: pl.DataFrame, number: int) -> None:
    """One sync; `frame` holds changed rows only, nothing counts as deleted."""
    with lake.writing():
        staging = Staging(lake, "web")
        staging.add("accounts", frame, read=frame.height)
        at, lost = START + timedelta(minutes=number), frozenset({("web", "accounts")})
        take(lake, engine, [staging], seen_at=at, hints={}, files={"web": str(number)}, partial=lost)
        staging.drop()


def changed(rows: int, number: int) -> pl.DataFrame:
    keys = [f"a{(number * 7919 + place * 104729) % rows}" for place in range(CHANGES)]
    return conform("accounts", pl.DataFrame({"id": keys, "name": [f"name {number}"] * CHANGES}).unique("id"))


def reading(lake: Lake, engine: Engine, known_at: datetime | None = None) -> float:
    """Median seconds of reading a table's newest rows."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        rows = lake.relation(engine, lake.state(known_at), "accounts")
        assert rows is not None
        rows.aggregate(n=rows.count(), last=rows.name.max()).to_pyarrow()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(folder: Path, syncs: int, rows: int, many: int) -> tuple[float, float, int]:
    """Seconds of reading now and as known after the tenth sync, and batches, with `many` of them put together."""
    compaction.MANY = many
    lake, engine = Lake(folder / "lake"), Engine([folder])
    whole = pl.DataFrame({"id": [f"a{place}" for place in range(rows)], "name": ["name"] * rows})
    sync(lake, engine, conform("accounts", whole), 0)
    for number in range(1, syncs):
        sync(lake, engine, changed(rows, number), number)
    batches = len(lake.state().tables["accounts"])
    return reading(lake, engine), reading(lake, engine, START + timedelta(minutes=10)), batches


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--syncs", type=int, default=1000)
    arguments.add_argument("--rows", type=int, default=100_000)
    asked = arguments.parse_args()
    usual = compaction.MANY
    for title, syncs, many in (
        ("one sync", 1, usual),
        ("put together", asked.syncs, usual),
        ("not put together", asked.syncs, 10**9),
    ):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            now, early, batches = measure(Path(folder), syncs, asked.rows, many)
            each = (time.perf_counter() - started) / syncs
        if title == "one sync":
            base = now
        print(
            f"{title:18} {syncs:6} syncs, {each:6.3f} s each, {batches:5} batches; "
            f"newest {now * 1000:7.1f} ms ({now / base:4.1f} times one sync), after the tenth {early * 1000:7.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
