"""New products: one with little or no history borrows the curve that its analogue had after its own launch."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.frames import given_like, to_polars
from quarterdeck.demand.history.forecasting import Options, PanelForecast, forecast_panel
from quarterdeck.demand.history.panel import Frequency, Series, checked, read

Array = NDArray[np.float64]

BORROWED_PERIODS = 3.0
"""Periods of its own at which a product's own level counts as much as the one that was stated."""
UNKNOWN_LEVEL = 0.4
"""Relative standard deviation of a launch's level before anything was sold."""


def forecast_launches(
    history: Any, launches: Any, horizon: int, freq: str = "1mo", level: tuple[int, ...] = (50, 80, 95)
) -> Any:
    """Forecasts of new products from their analogues: `unique_id, ds, model, mean, lo-…, hi-…`.

    `launches` holds `unique_id, analogue, starts_on` and, if known, `scale`: how large the product is expected to be
    beside its analogue (1.0). `history` (`unique_id, ds, y`) holds the analogues and what the new products sold so far:
    the more of it there is, the more it rules the scale. Where the analogue's own history since its launch is too
    short, its forecast goes on. Raises where an analogue is not in the history.
    """
    frequency = Frequency.of(freq)
    frame = checked(to_polars(history), horizon, frequency)
    series = {one.unique_id: one for one in read(frame, frequency)}
    wanted = to_polars(launches)
    unknown = [key for key in wanted["analogue"] if key not in series or not len(series[key].y)]
    if unknown:
        raise QuarterdeckError(f"The analogue {unknown[0]!r} has no history; name a product that was sold before.")
    curves = _curves(frame, wanted, series, horizon, freq, level)
    parts = []
    for row in wanted.iter_rows(named=True):
        begin = row["starts_on"]
        own = series.get(row["unique_id"])
        sold = own.y[_first(own.y) :] if own is not None and own.y.any() else np.zeros(0)
        curve = curves[row["analogue"]]
        mean, sd = _borrowed(curve, sold, float(row.get("scale") or 1.0), horizon)
        last = own.last if own is not None and len(sold) else frequency.ahead(begin, -1)
        columns: dict[str, Any] = {
            "unique_id": [row["unique_id"]] * horizon,
            "ds": [frequency.ahead(last, step) for step in range(1, horizon + 1)],
            "model": [f"like {row['analogue']}"] * horizon,
            "mean": mean,
        }
        for width in level:
            half = _normal(width) * sd
            columns |= {f"lo-{width}": np.maximum(mean - half, 0.0), f"hi-{width}": mean + half}
        parts.append(pl.DataFrame(columns, schema_overrides={"ds": frame.schema["ds"]}))
    return given_like(pl.concat(parts) if parts else frame.select("unique_id", "ds").clear(), history)


def _curves(
    frame: pl.DataFrame,
    wanted: pl.DataFrame,
    series: dict[Hashable, Series],
    horizon: int,
    freq: str,
    level: tuple[int, ...],
) -> dict[Hashable, Array]:
    """What each analogue sold from its own launch on, continued by its forecast."""
    keys = wanted["analogue"].unique(maintain_order=True)
    reach = horizon + max((len(one.y) for one in series.values()), default=0)
    made: PanelForecast = forecast_panel(
        frame.filter(pl.col("unique_id").is_in(keys.implode())), min(reach, 2 * horizon), freq, Options(level=level)
    )
    ahead = {
        key: part["mean"].to_numpy() for (key,), part in made.frame.partition_by("unique_id", as_dict=True).items()
    }
    return {key: np.concatenate([series[key].y[_first(series[key].y) :], ahead[key]]) for key in keys}


def _borrowed(curve: Array, sold: Array, scale: float, horizon: int) -> tuple[Array, Array]:
    """Mean and standard deviation of a launch's coming periods, its age being that of what it sold so far."""
    age = len(sold)
    same = curve[:age]
    count = len(same)
    if count and same.sum() > 0:
        share = count / (count + BORROWED_PERIODS)
        own = float(sold[:count].sum() / same.sum())
        scale = float(own**share * scale ** (1 - share)) if own > 0 else scale * (1 - share)
    places = np.minimum(np.arange(age, age + horizon), len(curve) - 1)
    mean = scale * curve[places]
    doubt = UNKNOWN_LEVEL / np.sqrt(1 + count / BORROWED_PERIODS)
    steps = np.abs(np.diff(curve))
    noise = scale * float(np.median(steps)) if len(steps) else 0.0
    return mean, np.sqrt((doubt * mean) ** 2 + noise**2)


def _first(y: Array) -> int:
    return int(np.flatnonzero(y)[0]) if y.any() else 0


def _normal(width: int) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + width / 200)
