"""The whole loop on a large company, step by step, and its metrics beside hand-written SQL.

    python -m benchmarks [--opportunities 1000000] [--folder .work/bench] [--repeat 3]

The company is simulated once and kept in the folder. Prints seconds and peak memory of each step, then medians of the
metric catalogue and of SQL written by hand for the same figures on the same engine and files, and their ratio.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, datetime
from pathlib import Path

from benchmarks import metric_catalogue
from benchmarks.memory import peak, reset_peak


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--opportunities", type=int, default=1_000_000)
    arguments.add_argument("--folder", type=Path, default=Path(".work/bench"))
    arguments.add_argument("--repeat", type=int, default=3)
    asked = arguments.parse_args()
    from quarterdeck.workspace import ProgressEvent, Workspace, simulate_company

    root = asked.folder / f"company-{asked.opportunities}"
    now = datetime(2026, 7, 1)
    reset_peak()
    started = time.perf_counter()
    is_new = not (root / "quarterdeck.yaml").exists()
    workspace = (
        simulate_company(root, opportunities=asked.opportunities, seed=7, now=now) if is_new else Workspace.open(root)
    )
    if is_new:
        print(f"{'simulate and sync':24} {time.perf_counter() - started:8.1f} s {peak():8.0f} MiB peak")
    counts = {name: sum(batch.count for batch in batches) for name, batches in workspace.lake.state().tables.items()}
    print("rows: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))

    def tell(event: ProgressEvent) -> None:
        if event.state == "started":
            reset_peak()
        else:
            print(f"{event.step:24} {event.seconds:8.1f} s {peak():8.0f} MiB peak {event.rows:12,} rows", flush=True)

    started = time.perf_counter()
    run = workspace.run(now=now, as_of=date(2026, 7, 1), fresh=True, progress=tell)
    print(f"{'whole loop':24} {time.perf_counter() - started:8.1f} s")
    started = time.perf_counter()
    workspace.run(now=now, as_of=date(2026, 7, 1))
    print(f"{'again, nothing new':24} {time.perf_counter() - started:8.1f} s")
    metric_catalogue.compare(workspace, run, asked.repeat)


if __name__ == "__main__":
    main()
