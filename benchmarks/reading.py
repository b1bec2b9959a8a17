"""CSV of any size by the connectors, beside DuckDB's own reader: the same file, all columns, in turns.

    python -m benchmarks.reading [--gigabytes 1] [--repeat 3] [--folder .work/reading]

Prints medians of seconds, MB/s and their ratio for three works: the file's columns as text in batches; its columns in
their types (DuckDB guesses them, a float for money; the connectors' are exact); and the connectors' whole work beside
the latter: canonical deals by a mapping, keys checked for repeats, other columns as JSON, every row and amount counted.
The file is generated and deleted afterwards.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import polars as pl

from benchmarks.memory import peak, reset_peak
from quarterdeck.base.config import Company
from quarterdeck.connectors import Mapping, convert, propose, read
from quarterdeck.connectors.files import list_files

_ROWS = 200_000


def _block(first: int, rows: int, draws: np.random.Generator) -> pl.DataFrame:
    """Deals as a CRM exports them, with texts that need quoting."""
    created = pl.Series(np.datetime64("2022-01-01") + draws.integers(0, 900, rows).astype("timedelta64[D]"))

    def some(words: list[str]) -> pl.Series:
        return pl.Series(np.array(words)[draws.integers(0, len(words), rows)])

    return pl.DataFrame(
        {
            "Deal ID": pl.Series([f"D{number:09d}" for number in range(first, first + rows)]),
            "Deal Name": some([f"Account {number}, renewal" for number in range(20_000)]),
            "Owner": some([f"Rep {number}" for number in range(300)]),
            "Account": some([f"Company {number} GmbH" for number in range(5_000)]),
            "Stage": some(["Closed Won", "Closed Lost", "Offer", "Demo"]),
            "Amount": draws.integers(100, 10_000_000, rows) / 100,
            "Currency": some(["USD"]),
            "Created": created.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Close Date": created.dt.offset_by("90d"),
            "Probability": draws.integers(0, 100, rows),
            "Region": some(["North", "South", "East", "West"]),
            "Remark": some([f"called twice, wants offer {number}" for number in range(1_000)]),
        }
    )


def generate(path: Path, size: int) -> int:
    """Write about `size` bytes; gives the number of rows."""
    draws, rows = np.random.default_rng(1), 0
    with path.open("wb") as stream:
        while stream.tell() < size:
            _block(rows, _ROWS, draws).write_csv(stream, include_header=rows == 0)
            rows += _ROWS
    return rows


def _duckdb(path: Path, *, as_text: bool) -> int:
    options = ", all_varchar = true" if as_text else ""
    made = duckdb.connect().sql(f"FROM read_csv('{path}'{options})")
    return sum(batch.num_rows for batch in made.to_arrow_reader(250_000))


def _as_text(folder: Path) -> int:
    (file,) = list_files(folder)
    return sum(chunk.frame.height for chunk in file.chunks())


def _columns(folder: Path) -> int:
    rows, utc = 0, ZoneInfo("UTC")
    (file,) = list_files(folder)
    for chunk in file.chunks():
        frame = chunk.frame
        made = [
            convert.money(frame["Amount"], frame["Currency"]),
            convert.instants(frame["Created"], "iso", utc),
            convert.days(frame["Close Date"], "iso", utc),
            convert.integers(frame["Probability"]),
        ]
        if any(column.null_count() for column in made):
            sys.exit("a value could not be read")
        rows += frame.with_columns(made).height
    return rows


def _typed(folder: Path, mapping: Mapping) -> int:
    return sum(batch.frame.height for batch in read(mapping, folder, company=Company()))


def compare(folder: Path, rows: int, repeat: int) -> None:
    """Print the medians of both readers."""
    path = folder / "deals.csv"
    size = path.stat().st_size / 1e6
    drafted = propose(folder, "crm")
    deals = drafted.model_copy(update={"files": tuple(e for e in drafted.files if e.table == "opportunities")})
    works: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {
        "text columns": (lambda: _as_text(folder), lambda: _duckdb(path, as_text=True)),
        "typed columns": (lambda: _columns(folder), lambda: _duckdb(path, as_text=False)),
        "canonical deals": (lambda: _typed(folder, deals), lambda: _duckdb(path, as_text=False)),
    }
    print(f"{size:,.0f} MB, {rows:,} rows, {os.cpu_count()} processors")
    for name, sides in works.items():
        seconds: list[list[float]] = [[], []]
        most = 0.0
        for _ in range(repeat):
            for side, work in enumerate(sides):
                reset_peak()
                started = time.perf_counter()
                if work() != rows:
                    sys.exit(f"{name}: other rows than were written")
                seconds[side].append(time.perf_counter() - started)
                most = max(most, peak()) if side == 0 else most
        ours, theirs = (statistics.median(some) for some in seconds)
        print(
            f"{name:15} connectors {ours:6.1f} s {size / ours:5.0f} MB/s (peak {most:,.0f} MiB)   "
            f"DuckDB {theirs:6.1f} s {size / theirs:5.0f} MB/s   ratio of speeds {theirs / ours:.2f}",
            flush=True,
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--gigabytes", type=float, default=1.0)
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--folder", type=Path, default=Path(".work/reading"))
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = asked.folder / "deals.csv"
    try:
        compare(asked.folder, generate(path, int(asked.gigabytes * 1e9)), asked.repeat)
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
