"""What moves deals, held against the simulator: coverage, false alarms, and how far "goes with" is from "does".

    python -m benchmarks.metrics_drivers [--seeds 24] [--opportunities 3000]

Three questions over so many simulated companies. Does the interval of one company hold what all the others say
together? Is an activity that is thrown at deals by chance called significant more often than 5 times in 100? And what
does a touch do when sellers are made to work an hour a week more on every second new deal in its first two weeks, in
comparison with what a touch goes with when nobody interferes?
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.draws import generator
from quarterdeck.base.money import scale
from quarterdeck.base.schema import table
from quarterdeck.base.schema import tables as every_table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers import drivers
from quarterdeck.metrics.drivers.settings import DriverSettings
from quarterdeck.simulate import World, WorldSpec
from quarterdeck.simulate.deals import Deals

EXTRA_HOURS = 1.0
DAY = 86_400_000_000
KEYS = ["outcome", "input"]


def company(spec: WorldSpec) -> Tables:
    """The simulated company's records."""
    world, parts = World(spec), {}
    for _ in range(spec.months):
        for name, frame in world.step().items():
            parts.setdefault(name, []).append(frame)
    found = {}
    for name in parts.keys() & every_table().keys():
        frame = pl.concat(parts[name], how="diagonal_relaxed").unique(list(table(name).key), keep="last")
        money = [c.name for c in table(name).columns if c.type == "money" and c.name in frame.columns]
        found[name] = frame.with_columns((pl.col(c) * scale(spec.currency)).round().cast(pl.Int64) for c in money)
    return Tables(**found)


def placebo(tables: Tables, seed: int) -> Tables:
    """The demos thrown by chance at days on which a deal was open, each such day being as likely as any other."""
    as_of, rng = end_of(tables), generator(seed, "placebo")
    work = tables["activities"]
    is_demo = (work["kind"] == "demo").fill_null(False)
    deals = tables["opportunities"].filter(pl.col("created_at").is_not_null())
    life = (deals["closed_at"].fill_null(as_of) - deals["created_at"]).dt.total_microseconds().to_numpy().clip(0)
    which = rng.choice(deals.height, int(is_demo.sum()), p=life / life.sum())
    after = pl.Series((life[which] * rng.random(len(which))).astype(np.int64)).cast(pl.Duration("us"))
    thrown = work.filter(is_demo).with_columns(
        opportunity_id=deals["id"].gather(which),
        contact_id=pl.lit(None, dtype=pl.String),
        started_at=deals["created_at"].gather(which) + after,
    )
    given = {name: tables[name] for name in tables}
    return Tables(**given | {"activities": pl.concat([work.filter(~is_demo), thrown])})


def end_of(tables: Tables) -> datetime:
    last: Any = tables["opportunities"]["closed_at"].max()
    return last


def measured(tables: Tables, as_of: datetime) -> pl.DataFrame:
    return drivers(tables, Config(as_of=as_of, settings=DriverSettings())).tables["deal_drivers"]


def covered(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each input and outcome the share of companies whose interval meets what the others say together.

    The others' mean is itself uncertain; the interval is widened by that.
    """
    error = (pl.col("high") - pl.col("low")) / (2 * 1.959963984540054)
    weighed = rows.with_columns(weight=1 / error**2, error=error)
    total, mass = (pl.col("effect") * pl.col("weight")).sum().over(KEYS), pl.col("weight").sum().over(KEYS)
    others = (total - pl.col("effect") * pl.col("weight")) / (mass - pl.col("weight"))
    gap = (pl.col("effect") - others).abs() / (pl.col("error") ** 2 + 1 / (mass - pl.col("weight"))).sqrt()
    return weighed.with_columns(held=gap < 1.959963984540054, n=pl.len().over(KEYS)).filter(pl.col("n") > 2)


@dataclass
class Push:
    """Sellers work some hours a week more on every second new deal, while it is younger than two weeks."""

    hours: float

    def __enter__(self) -> Push:
        self._before = before = Deals._work
        hours = self.hours

        def work(deals: Deals, scene: Any, tick: Any, is_there: Any) -> None:
            before(deals, scene, tick, is_there)
            pool = deals.pool
            chosen = is_there & treated(pool["n"]) & (pool["created"] > tick.start - 14 * DAY)
            more = np.where(chosen, hours * tick.weeks, 0.0)
            pool["effort"] += more * np.exp(0.6 * scene.staff.pool["skill"][pool["owner"]])
            pool["hours"] += more
            pool["visits"] = pool["visits"] + more
            deals.spent["hours"] = deals.spent["hours"] + more

        Deals._work = work  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        Deals._work = self._before  # type: ignore[method-assign]


def treated(number: Any) -> Any:
    """Every second deal, by chance and not by its turn."""
    return (number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % np.uint64(2) == 0


def experiment(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """Deals that could be followed for a year: whether treated, touches of the first two weeks, won within the year."""
    deals = tables["opportunities"].filter(
        (pl.col("created_at") + pl.duration(days=378) <= as_of)
        & (pl.col("closed_at").is_null() | (pl.col("closed_at") >= pl.col("created_at") + pl.duration(days=14)))
    )
    work = tables["activities"].filter(pl.col("kind") != "task").select("opportunity_id", "started_at")
    joined = deals.select(opportunity_id="id", created_at="created_at").join(work, on="opportunity_id")
    early = joined.filter(pl.col("started_at") < pl.col("created_at") + pl.duration(days=14))
    counts = early.group_by("opportunity_id").agg(touches=pl.len())
    number = deals["id"].str.slice(1).cast(pl.Int64).to_numpy()
    won = (pl.col("status") == "won") & (pl.col("closed_at") < pl.col("created_at") + pl.duration(days=378))
    return (
        deals.with_columns(treated=pl.Series(treated(number)), won=won)
        .join(counts, left_on="id", right_on="opportunity_id", how="left")
        .select("treated", "won", pl.col("touches").fill_null(0))
    )


def _tell_experiment(rows: pl.DataFrame) -> None:
    groups = {bool(key[0]): group for key, group in rows.group_by("treated")}
    points = [100 * float(np.mean(groups[side]["won"].to_numpy())) for side in (True, False)]
    touches = [float(np.mean(groups[side]["touches"].to_numpy())) for side in (True, False)]
    spread = sum(p * (100 - p) / groups[side].height for p, side in zip(points, (True, False), strict=True)) ** 0.5
    more = touches[0] - touches[1]
    effect, margin = (points[0] - points[1]) / more, 1.96 * spread / more
    print(
        f"  experiment: {rows.height:,} deals, {more:.2f} more touches: {effect:+.2f} points a touch "
        f"(95 %: {effect - margin:+.2f} to {effect + margin:+.2f})"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=24)
    arguments.add_argument("--opportunities", type=int, default=3000)
    asked = arguments.parse_args()
    found, chance, tried, seconds = [], [], [], []
    for seed in range(asked.seeds):
        spec = WorldSpec(opportunities=asked.opportunities, seed=100 + seed, faults=0)
        tables = company(spec)
        as_of = datetime(spec.end.year, spec.end.month, spec.end.day)
        started = time.perf_counter()
        found.append(measured(tables, as_of))
        seconds.append(time.perf_counter() - started)
        chance.append(measured(placebo(tables, seed), as_of).filter(pl.col("input").str.ends_with("_demos")))
        with Push(EXTRA_HOURS):
            tried.append(experiment(company(spec), as_of))
    rows, thrown = pl.concat(found), pl.concat(chance)
    held = covered(rows)
    print(f"{asked.seeds} companies of {asked.opportunities:,} deals; median {np.median(seconds):.2f} s each")
    print(f"  intervals that meet what the others say: {100 * held['held'].to_numpy().mean():.1f} % of {held.height:,}")
    alarms = (thrown["p_value"] < 0.05).to_numpy()
    print(
        f"  demos thrown by chance: p < 0.05 in {100 * alarms.mean():.1f} % of {len(alarms)}, called clear in "
        f"{100 * thrown['is_clear'].to_numpy().mean():.1f} %"
    )
    whole = held.filter(outcome="win_rate", input="first_touches")
    mean = (whole["effect"] * whole["weight"]).sum() / whole["weight"].sum()
    margin = 1.96 / whole["weight"].sum() ** 0.5
    print(f"  goes with: {mean:+.2f} points of win rate a touch (95 %: {mean - margin:+.2f} to {mean + margin:+.2f})")
    _tell_experiment(pl.concat(tried))


if __name__ == "__main__":
    main()
