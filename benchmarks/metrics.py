"""The metric catalogue beside SQL written by hand: the same values, engine and files, at several sizes.

    python -m benchmarks.metrics [--rows 1000000 10000000] [--repeat 5] [--folder .work/bench]

A size counts the rows of opportunities (6 %), their history (24 %), activities (60 %) and leads (10 %); accounts,
people and products come on top. Each measurement is a process of its own that reads the files once to warm up and is
then timed; ours and the SQL take turns. Prints the medians of seconds and of peak memory, the ratio of the medians, and
how far the values lie from each other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.memory import peak, reset_peak
from benchmarks.metrics_company import SHARES, make
from benchmarks.metrics_sql import MEASURED, values_by_hand
from quarterdeck.base.config import Company

AS_OF = datetime(2025, 1, 1)
DIMENSIONS = ("region", "owner", "product", "industry")
GRAINS = ("month", "quarter", "year")
KEYS = ["metric", "grain", "period_start", "dimension", "member"]


def _ours(folder: Path) -> pl.DataFrame:
    """The metrics as a run measures them: Parquet files below the engine of the records."""
    from quarterdeck.metrics.catalogue import BUILT_IN
    from quarterdeck.metrics.engine import evaluate
    from quarterdeck.metrics.scope import Scope
    from quarterdeck.metrics.settings import MetricsSettings
    from quarterdeck.records.engine import Engine, ParquetTables

    tables = ParquetTables(Engine([folder]), {path.stem: path for path in folder.glob("*.parquet")})
    scope = Scope(tables, Company(), AS_OF, MetricsSettings())
    return evaluate(scope, BUILT_IN, [BUILT_IN.metric(name) for name in MEASURED], DIMENSIONS, GRAINS)


def _child(side: str, folder: Path, answer: Path) -> None:
    """One measurement: warm up, then time."""
    call: Any = {"ours": _ours, "by hand": values_by_hand}[side]
    call(folder)
    reset_peak()
    started = time.perf_counter()
    values = call(folder)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak": peak(), "values": values.height}))
    values.write_parquet(answer)


def compare(folder: Path, repeat: int) -> None:
    """Take turns, print medians and the ratio, and hold the values against each other."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "by hand": []}
    for _ in range(repeat):
        for side, answers in found.items():
            command = [sys.executable, "-m", "benchmarks.metrics", "--child", side, "--folder", str(folder)]
            made = subprocess.run(command, check=True, capture_output=True, text=True)
            answers.append(json.loads(made.stdout.splitlines()[-1]))
    middle = {side: statistics.median(a["seconds"] for a in answers) for side, answers in found.items()}
    for side, answers in found.items():
        memory = statistics.median(answer["peak"] for answer in answers)
        print(f"  {side:8} {middle[side]:7.2f} s  {memory:6.0f} MiB peak  {answers[0]['values']:12,.0f} values")
    print(f"  ratio    {middle['ours'] / middle['by hand']:7.2f}   ({len(MEASURED)} metrics, median of {repeat} turns)")
    _agree(folder)


def _agree(folder: Path) -> None:
    ours, hand = (pl.read_parquet(folder / "answers" / f"{side}.parquet") for side in ("ours", "by hand"))
    told = ours.filter(pl.col("value").is_not_null())
    both = told.join(hand, on=KEYS, how="inner", suffix="_hand")
    gap = (both["value"] - both["value_hand"]).abs() / both["value_hand"].abs().clip(1e-9)
    metrics = both["metric"].n_unique()
    print(f"  {both.height:,} values of {metrics} metrics in both; largest relative difference {gap.max():.1e}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--folder", type=Path, default=Path(".work/bench"))
    arguments.add_argument("--child", choices=("ours", "by hand"), help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.child:
        answers = asked.folder / "answers"
        answers.mkdir(exist_ok=True)
        _child(asked.child, asked.folder, answers / f"{asked.child}.parquet")
        return
    for rows in asked.rows:
        folder = asked.folder / f"metrics-{rows}"
        if not (folder / "leads.parquet").exists():
            make(folder, rows)
        print(f"{rows:,} rows: " + ", ".join(f"{name} {round(rows * share):,}" for name, share in SHARES.items()))
        compare(folder, asked.repeat)


if __name__ == "__main__":
    main()
