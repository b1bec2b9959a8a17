"""What the forecast is worth: its error beside the forecasts that people make without a model, on simulated companies.

    python -m benchmarks.forecast_value [--seeds 20] [--opportunities 2000] [--dates 6] [--processes 2]

Every company is seen at several dates as its records stood then. At each the forecast is made as the product makes it
(learned, tested at earlier dates, weighed, simulated) and held against what came. Printed by horizon: the median over
the companies of the ratio of weighted absolute errors to each simple forecast's, with its 95 % interval by bootstrap
over the companies (below 1 the forecast is better), the same for its two parts, and how many actuals lay in the 80 %
interval.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.metrics_drivers import company
from quarterdeck import demand
from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config
from quarterdeck.base.draws import generator
from quarterdeck.base.tables import Tables
from quarterdeck.demand.backtest import again
from quarterdeck.demand.bookings import of_deals
from quarterdeck.demand.deals import Clock, hierarchy, month_number, prepare
from quarterdeck.demand.settings import DemandSettings
from quarterdeck.simulate import WorldSpec
from quarterdeck.simulate.spec import KindName

Array = NDArray[np.float64]
KINDS: tuple[KindName, ...] = ("software", "agency", "manufacturer")
MONTHS, HORIZON, APART = 42, 6, 2
START = date(2023, 1, 1)
SHOWN = (1, 3, 6)
SIMPLE = ("stage_weighted", "last_year", "owner_commit")
PARTS = ("pipeline", "history")
RESAMPLES = 2000


def as_known(tables: Tables, day: date) -> Tables:
    """The deals as their records stood on a day: later ones gone, later changes undone by their history."""
    moment = datetime(day.year, day.month, day.day)
    history = tables["opportunity_history"].filter(pl.col("changed_at") < moment)
    changing = ("stage", "amount", "expected_close_on", "forecast_category", "owner_id")
    last = (
        history.sort("changed_at", "id")
        .group_by("opportunity_id")
        .agg(pl.col(name).drop_nulls().last().alias(f"{name}_then") for name in changing)
    )
    is_later = pl.col("closed_at") >= moment
    deals = (
        tables["opportunities"]
        .filter(pl.col("created_at").is_null() | (pl.col("created_at") < moment))
        .join(last, left_on="id", right_on="opportunity_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(is_later.fill_null(False)).then(f"{name}_then").otherwise(name).alias(name) for name in changing
        )
        .with_columns(
            status=pl.when(is_later.fill_null(False)).then(pl.lit("open")).otherwise("status"),
            closed_at=pl.when(is_later.fill_null(False)).then(None).otherwise("closed_at"),
        )
    )
    return Tables(opportunities=deals, opportunity_history=history, products=tables["products"])


def one_date(tables: Tables, day: date) -> pl.DataFrame:
    """Rows `node_id, level, horizon, method, mean, q10, q90, actual` of one company at one date."""
    config = Config(as_of=datetime(day.year, day.month, day.day), settings=DemandSettings(horizon=HORIZON))
    known = as_known(tables, day)
    made = demand.fit(known, config).tables
    known = Tables(**{name: known[name] for name in known}, **made)
    tested = demand.backtest(known, config).tables
    known = Tables(**{name: known[name] for name in known}, **tested)
    lines = demand.simulate(known, config).tables["demand_lines"]
    forecast = lines.filter(pl.col("measure") == "amount").select("node_id", "period_start", "mean", "q10", "q90")
    return _against(tables, forecast, day, config)


def _against(tables: Tables, forecast: pl.DataFrame, day: date, config: Config[DemandSettings]) -> pl.DataFrame:
    """The forecast and the simple ones beside what came; the simple ones as the back-test makes them."""
    deals = prepare(tables["opportunities"], config.company)
    origin = month_number(day)
    nodes = hierarchy(deals, {})
    past = of_deals(deals, Clock(origin + HORIZON, 1.0))
    trial = again(deals, tables["opportunity_history"], past, nodes, (origin, HORIZON), config=config)
    said = {name: values for name, values in trial.means.items() if name in SIMPLE}
    of_leaf = dict(zip(trial.leaves, range(len(trial.leaves)), strict=True))
    models = {"pipeline": trial.pipeline, "history": trial.history}
    for name, paths in models.items():
        if paths is not None:
            said[name] = np.zeros_like(trial.came)
            said[name][[of_leaf[leaf] for leaf in paths.leaves]] = paths.amount.sum(axis=1).mean(axis=2)
    frames = []
    leaves = nodes.filter("is_leaf")
    for node_id, level, product, region in nodes.select("node_id", "level", "product_id", "region").iter_rows():
        below = {"all": pl.lit(True), "region": pl.col("region") == region, "product": pl.col("product_id") == product}
        if level not in below:
            continue
        places = [of_leaf[leaf] for leaf in leaves.filter(below[level])["node_id"]]
        months = pl.DataFrame(
            {
                "node_id": [node_id] * HORIZON,
                "level": [level] * HORIZON,
                "horizon": list(range(1, HORIZON + 1)),
                "period_start": [add_months(day, step) for step in range(HORIZON)],
                "actual": trial.came[places].sum(axis=0),
            }
        )
        own = months.join(forecast, on=["node_id", "period_start"], how="left").with_columns(method=pl.lit("forecast"))
        frames.append(own.with_columns(pl.col("mean", "q10", "q90").fill_null(0.0)))
        for name, values in said.items():
            simple = months.with_columns(method=pl.lit(name), mean=pl.Series(values[places].sum(axis=0)))
            frames.append(simple)
    return pl.concat(frames, how="diagonal").with_columns(day=pl.lit(day))


def one_company(seed: int, opportunities: int, dates: int) -> pl.DataFrame:
    """All dates of one simulated company."""
    spec = WorldSpec(
        kind=KINDS[seed % len(KINDS)],
        opportunities=opportunities,
        months=MONTHS,
        start=START,
        seed=500 + seed,
        detail=0.05,
        misspecified=seed % 4 == 3,
    )
    tables = company(spec)
    last = add_months(START, MONTHS - HORIZON)
    days = [add_months(last, -APART * back) for back in range(dates)]
    return pl.concat([one_date(tables, day) for day in days], how="diagonal").with_columns(seed=pl.lit(seed))


def ratios(rows: pl.DataFrame, horizon: int, method: str, other: str) -> Array:
    """For each company, the sum of the method's absolute errors of the total over the other's."""
    part = rows.filter(
        (pl.col("node_id") == "all") & (pl.col("horizon") == horizon) & pl.col("method").is_in([method, other])
    )
    errors = (
        part.with_columns(error=(pl.col("mean") - pl.col("actual")).abs())
        .group_by("seed", "method")
        .agg(pl.col("error").sum())
        .pivot("method", index="seed", values="error")
        .drop_nulls()
        .sort("seed")
    )
    return np.asarray((errors[method] / errors[other]).to_numpy(), dtype=np.float64)


def interval(values: Array) -> tuple[float, float]:
    """95 % interval of the median by bootstrap over the companies."""
    picks = generator(1, "bootstrap").integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(np.median(values[picks], axis=1), [0.025, 0.975])
    return float(low), float(high)


def show(rows: pl.DataFrame) -> None:
    own = rows.filter(pl.col("method") == "forecast")
    companies, dates = rows["seed"].n_unique(), rows["day"].n_unique()
    print(f"\n{companies} companies, {dates} dates each; bookings of the month so far ahead")
    print(f"{'forecast over':18}" + "".join(f"{f'month {horizon}':>24}" for horizon in SHOWN))
    for other in (*SIMPLE, *PARTS):
        cells = []
        for horizon in SHOWN:
            found = ratios(rows, horizon, "forecast", other)
            low, high = interval(found)
            cells.append(f"{np.median(found):.2f} ({low:.2f} to {high:.2f})")
        print(f"{other:18}" + "".join(f"{cell:>24}" for cell in cells))
    inside = (pl.col("actual") >= pl.col("q10")) & (pl.col("actual") <= pl.col("q90"))
    for name, level in (("total", pl.col("level") == "all"), ("regions, products", pl.col("level") != "all")):
        part = own.filter(level)
        cells = [f"{part.filter(pl.col('horizon') == horizon).select(inside.mean()).item():.0%}" for horizon in SHOWN]
        every = f"all six months {part.select(inside.mean()).item():.1%}"
        print(f"{f'80 % of {name}':26}" + "".join(f"{cell:>18}" for cell in cells) + f"   {every}")
    total = own.filter(pl.col("level") == "all")
    off = pl.col("mean") - pl.col("actual")
    by_company = total.group_by("horizon", "seed").agg(
        wape=off.abs().sum() / pl.col("actual").sum(), bias=off.sum() / pl.col("actual").sum()
    )
    usual = by_company.group_by("horizon").agg(pl.col("wape", "bias").median()).sort("horizon")
    for horizon, wape, bias in usual.iter_rows():
        print(f"month {horizon}: weighted absolute error {wape:.1%}, bias {bias:+.1%} (medians of the companies)")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=20)
    arguments.add_argument("--opportunities", type=int, default=2000)
    arguments.add_argument("--dates", type=int, default=6)
    arguments.add_argument("--processes", type=int, default=2)
    asked = arguments.parse_args()
    started = time.perf_counter()
    with ProcessPoolExecutor(asked.processes) as pool:
        jobs = [pool.submit(one_company, seed, asked.opportunities, asked.dates) for seed in range(asked.seeds)]
        frames = []
        for seed, job in enumerate(jobs):
            frames.append(job.result())
            print(f"company {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    show(pl.concat(frames, how="diagonal"))


if __name__ == "__main__":
    main()
