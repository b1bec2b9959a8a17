"""Series on Spark: the numbers of one process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.calendar import add_months


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").appName("series")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
    }.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    found.sparkContext.setLogLevel("OFF")
    yield found
    found.stop()
    del found, builder
    gc.collect()


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_spark_gives_the_numbers_of_one_process(session: Any) -> None:
    parts = []
    for number in range(12):
        y = 40 + 5 * number + np.random.default_rng(number).normal(0, 6, 15 + number)
        days = [add_months(date(2022, 1, 1), month) for month in range(len(y))]
        parts.append(pl.DataFrame({"unique_id": [f"s{number:02}"] * len(y), "ds": days, "y": y}))
    history = pl.concat(parts)
    here = demand.forecast_series(history, 4, level=(80,))
    there = demand.forecast_series(session.createDataFrame(history.to_pandas()), 4, level=(80,))
    found = pl.from_pandas(there.toPandas()).sort("unique_id", "ds")
    assert found["unique_id"].to_list() == here["unique_id"].to_list()
    assert found["ds"].cast(pl.Date).to_list() == here["ds"].to_list()
    assert found["model"].to_list() == here["model"].to_list()
    for name in ("mean", "lo-80", "hi-80"):
        assert found[name].to_numpy() == pytest.approx(here[name].to_numpy(), rel=1e-9)
