"""Series forecast on Spark: the same functions, each on a part of the series, and so the same numbers.

Trials run where the series lie. What the series of one kind say together is a few counts and sums, which the driver
adds up and sends back; then each part combines its own.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.history import calendars, ensemble, forecasting
from quarterdeck.demand.history.ensemble import Kind, Pool
from quarterdeck.demand.history.forecasting import Options
from quarterdeck.demand.history.panel import Frequency, checked, read

if TYPE_CHECKING:
    import pandas as pd

PARTS_PER_CORE = 4


def is_spark(frame: Any) -> bool:
    return type(frame).__module__.startswith("pyspark.")


def forecast(history: Any, horizon: int, freq: str | int, options: Options, future: pl.DataFrame | None = None) -> Any:
    """A Spark frame of forecasts from a Spark frame of `unique_id, ds, y`; see `forecast_series`.

    `future` is small and goes to every worker; quarterdeck must be installed there. Raises on missing columns.
    """
    from pyspark.sql import functions

    missing = [name for name in ("unique_id", "ds", "y") if name not in history.columns]
    if missing:
        raise QuarterdeckError(f"Series need unique_id, ds and y; missing: {missing}.")
    frequency = Frequency.of(freq, options.season)
    parts = PARTS_PER_CORE * history.sparkSession.sparkContext.defaultParallelism
    placed = history.withColumn("_part", functions.abs(functions.hash("unique_id")) % parts)

    def try_part(rows: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        frame = checked(pl.from_pandas(rows.drop(columns="_part")), horizon, frequency)
        series = read(frame, frequency, options.gaps)
        calendars.attach(series, frame, future, frequency, horizon, options.country)
        trials = forecasting.try_all(series, horizon, frequency.season, options, 1)
        pools: dict[Kind, Pool] = {}
        for trial in trials:
            ensemble.add(pools, trial)
        return pd.DataFrame({"trials": [pickle.dumps((trials, frame.clear()))], "pools": [pickle.dumps(pools)]})

    tried = placed.groupBy("_part").applyInPandas(try_part, "trials binary, pools binary").cache()
    whole = ensemble.merge(pickle.loads(bytes(row["pools"])) for row in tried.select("pools").collect())
    fields = {field.name: field.dataType.simpleString() for field in history.schema.fields}
    schema = f"unique_id {fields['unique_id']}, ds {fields['ds']}, model string, mean double"
    schema += "".join(f", `lo-{level}` double, `hi-{level}` double" for level in options.level)

    def combine_part(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            for packed in frame["trials"]:
                trials, like = pickle.loads(packed)
                combined = [ensemble.combine(trial, whole, options.level) for trial in trials]
                yield forecasting.rows(combined, frequency, horizon, options.level, like).to_pandas()

    return tried.select("trials").mapInPandas(combine_part, schema)
