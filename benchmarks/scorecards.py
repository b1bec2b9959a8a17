"""The profile beside published models and beside the simulator's truth; points of millions of events.

    python -m benchmarks.scorecards [--data ../shared/data] [--events 5000000] [--companies 3]

Prints the scorecard's AUC on random folds and on the latest fifth of a bank's calls beside published figures; for
simulated companies the rank correlation of accounts' fit with the hidden one, by what it was learned from; seconds and
memory of the points of all leads.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.memory import peak, reset_peak
from quarterdeck.base.config import Config
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.points_settings import EngagementSettings
from quarterdeck.scoring.points_step import engage
from quarterdeck.scoring.profile import Outcomes, learn
from quarterdeck.scoring.profile_lift import lift
from quarterdeck.scoring.profile_settings import ProfileSettings
from quarterdeck.scoring.profile_step import read_by, study

FOLDS = 5
PUBLISHED = {"random folds": "boosting 0.803, logistic 0.791", "latest fifth": "boosting 0.643"}


def bank(folder: Path) -> None:
    """The scorecard on the bank's calls without their duration."""
    path = folder / "bank_marketing" / "bank-additional-full.csv"
    calls = pl.read_csv(path, separator=";", infer_schema_length=None).drop("duration")
    won, frame = (calls["y"] == "yes").cast(pl.Float64).to_numpy(), calls.drop("y")
    started = time.perf_counter()
    fold = np.random.default_rng(1).integers(0, FOLDS, len(won))
    aucs = [auc(frame, won, fold != number, fold == number) for number in range(FOLDS)]
    seconds = (time.perf_counter() - started) / FOLDS
    early = np.arange(len(won)) < int(0.8 * len(won))
    for name, value in (("random folds", float(np.mean(aucs))), ("latest fifth", auc(frame, won, early, ~early))):
        print(f"bank's calls, {name}: AUC {value:.3f}; published {PUBLISHED[name]} ({seconds:.1f} s to learn and test)")


def auc(frame: pl.DataFrame, won: np.ndarray, learned: np.ndarray, tested: np.ndarray) -> float:
    made = learn(frame.filter(learned), Outcomes(won[learned]))
    found = lift(made.points(frame.filter(tested)), won[tested])
    assert found is not None
    return found.auc


def truth(seed: int) -> None:
    """Rank correlation of accounts' points with the fit that nobody in the company knows."""
    from scipy.stats import spearmanr

    from quarterdeck.simulate import World, WorldSpec

    world = World(WorldSpec(opportunities=1500, months=24, faults=0, detail=0, seed=seed))
    parts = [world.step() for _ in range(24)]
    names = ("leads", "opportunities", "accounts")
    frames = {
        name: pl.concat([part[name] for part in parts if name in part]).unique("id", keep="last") for name in names
    }
    config = Config(as_of=datetime(2026, 7, 1), settings=ProfileSettings())
    deals, leads = (study(subject, Tables(**frames), config) for subject in ("account", "lead"))
    both = deals.records.frame.join(world.truth()["accounts"].select("id", "fit"), on="id")
    found = [spearmanr(entry.profile.points(both), both["fit"]).statistic for entry in (deals, leads)]
    print(
        f"company {seed}: accounts' points against their hidden fit: learned from deals {found[0]:+.2f}, from leads "
        f"{found[1]:+.2f}; taken: {read_by(deals, leads).subject}s"
    )


def points(count: int) -> None:
    """Points of leads, a tenth as many as there are events of five kinds over 900 days."""
    noise = np.random.default_rng(0)
    since = noise.random(count) * 900 * 86_400e6
    events = pl.DataFrame(
        {
            "id": np.arange(count).astype(str),
            "kind": noise.choice(["visit", "email_open", "email_click", "form", "login"], count),
            "lead_id": noise.integers(0, count // 10, count).astype(str),
            "occurred_at": np.datetime64("2023-01-01T00:00:00", "us") + since.astype("timedelta64[us]"),
        }
    )
    tables, config = Tables(events=events), Config(as_of=datetime(2025, 7, 1), settings=EngagementSettings())
    reset_peak()
    started, before = time.perf_counter(), os.times()
    rows = engage(tables, config).tables["engagement"].height
    after = os.times()
    cpu = after.user + after.system - before.user - before.system
    print(
        f"{count:,} events, {rows:,} leads: {time.perf_counter() - started:.1f} s ({cpu:.1f} s of processor), "
        f"{peak():.0f} MiB peak"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments.add_argument("--events", type=int, default=5_000_000)
    arguments.add_argument("--companies", type=int, default=3)
    asked = arguments.parse_args()
    bank(asked.data)
    for seed in range(1, asked.companies + 1):
        truth(seed)
    points(asked.events)


if __name__ == "__main__":
    main()
