"""Accuracy and speed of `forecast_series` on the M3 competition's series beside plain statsforecast AutoETS.

    python -m benchmarks.forecasting [--every 1] [--workers 1] [--data ../shared/data]

All 3,003 series (or every n-th), each forecast from its training part alone. sMAPE is the mean over all tested points
as the competition has it; MASE is the mean over the series, scaled by the seasonal naive error within the training
part; OWA is the mean of both over those of Naive2, as published for the competition. Coverage counts tested points
between the bounds.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import polars as pl

from quarterdeck.demand import forecast_series

SEASONS = {"YEARLY": 1, "QUARTERLY": 4, "MONTHLY": 12, "OTHER": 1}
HORIZONS = {"YEARLY": 6, "QUARTERLY": 8, "MONTHLY": 18, "OTHER": 8}
LEVEL = (80, 95)


def read(folder: Path, every: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Training part, tested part (`unique_id, ds, y, period`) and published accuracies."""
    meta = pl.read_csv(folder / "m3_meta.csv").select(unique_id="series", period="period").gather_every(every)
    values = pl.read_csv(folder / "m3_long.csv.gz").select("split", unique_id="series", ds="t", y="value")
    values = values.join(meta, on="unique_id")
    published = pl.read_csv(folder / "m3_reference_by_method_period.csv")
    parts = [values.filter(pl.col("split") == name).drop("split") for name in ("train", "test")]
    return parts[0], parts[1], published


def ours(train: pl.DataFrame, period: str, workers: int) -> pl.DataFrame:
    return forecast_series(train, HORIZONS[period], 1, LEVEL, season=SEASONS[period], workers=workers)


def plain_ets(train: pl.DataFrame, period: str, workers: int) -> pl.DataFrame:
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = StatsForecast([AutoETS(season_length=SEASONS[period], alias="ets")], freq=1, n_jobs=workers)
        found = engine.forecast(df=train.select("unique_id", "ds", "y"), h=HORIZONS[period], level=list(LEVEL))
    return found.rename(
        {"ets": "mean", **{f"ets-{side}-{lv}": f"{side}-{lv}" for side in ("lo", "hi") for lv in LEVEL}}
    )


def scales(train: pl.DataFrame) -> pl.DataFrame:
    """Each series' mean absolute seasonal difference."""
    lag = pl.col("period").replace_strict(SEASONS, return_dtype=pl.Int64)
    parts = [
        part.sort("ds").group_by("unique_id", maintain_order=True).agg(scale=pl.col("y").diff(season).abs().mean())
        for (season,), part in train.with_columns(lag=lag).partition_by("lag", as_dict=True).items()
    ]
    return pl.concat(parts)


def judged(made: pl.DataFrame, test: pl.DataFrame, scale: pl.DataFrame) -> dict[str, float]:
    """sMAPE and MASE, in per cent and in scaled units, and the share of points within each interval."""
    both = test.join(made, on=["unique_id", "ds"]).join(scale, on="unique_id")
    assert both.height == test.height
    apart = (pl.col("y") - pl.col("mean")).abs()
    found = both.select(
        smape=(200 * apart / (pl.col("y").abs() + pl.col("mean").abs())).mean(),
        mase=(apart / pl.col("scale") / pl.len().over("unique_id")).filter(pl.col("scale") > 0).sum()
        / pl.col("unique_id").n_unique(),
        **{f"in {level} %": pl.col("y").is_between(f"lo-{level}", f"hi-{level}").mean() for level in LEVEL},
    )
    return dict(found.row(0, named=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    asked = parser.parse_args()
    train, test, published = read(asked.data / "m3", asked.every)
    scale = scales(train)
    print(f"{'':11} {'':14} series  sMAPE   MASE    OWA  in 80 %  in 95 %   s per 1,000 series")
    all_made: dict[str, list[pl.DataFrame]] = {"quarterdeck": [], "AutoETS": []}
    seconds = dict.fromkeys(all_made, 0.0)
    for period in (*SEASONS, "ALL"):
        mine = train if period == "ALL" else train.filter(pl.col("period") == period)
        count = mine["unique_id"].n_unique()
        truth = test if period == "ALL" else test.filter(pl.col("period") == period)
        for name, method in (("quarterdeck", ours), ("AutoETS", plain_ets)):
            if period == "ALL":
                made, took = pl.concat(all_made[name]), seconds[name]
            else:
                started = time.perf_counter()
                made = method(mine, period, asked.workers).drop("model", strict=False)
                took = time.perf_counter() - started
                seconds[name] += took
                all_made[name].append(made)
            got = judged(made, truth, scale)
            line(name, period, count, got, published, 1000 * took / max(count, 1))
        for name in ("THETA", "ForcPro", "NAIVE2"):
            known = published.filter((pl.col("method") == name) & (pl.col("period") == period))
            for row in known.iter_rows(named=True):
                line(name, period, count, row, published, np.nan)


def line(name: str, period: str, count: int, got: dict[str, float], published: pl.DataFrame, seconds: float) -> None:
    base = published.filter((pl.col("method") == "NAIVE2") & (pl.col("period") == period)).row(0, named=True)
    owa = (got["smape"] / base["smape"] + got["mase"] / base["mase"]) / 2
    inside = "  ".join(f"{got[key]:7.3f}" if key in got else "      -" for key in ("in 80 %", "in 95 %"))
    print(
        f"{period:11} {name:14} {count:6} {got['smape']:6.2f} {got['mase']:6.3f} {owa:6.3f}  {inside}  {seconds:9.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
