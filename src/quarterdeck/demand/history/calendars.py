"""Regressors of a panel: the user's own columns, and the working days and holidays of a country's periods.

Holidays come from the `holidays` library, lunar ones included: a Lunar New Year that falls in January this year and in
February the next moves working days from one month to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.history.panel import Frequency, Series, with_regressors

OWN = ("unique_id", "ds", "y")


def attach(
    series: Sequence[Series],
    history: pl.DataFrame,
    future: pl.DataFrame | None,
    frequency: Frequency,
    horizon: int,
    country: str | None,
) -> None:
    """Give each series its regressors: numeric columns that `history` and `future` share, and the calendar's.

    `future` holds `ds` and the columns, and `unique_id` where they differ by series. Raises where a calendar is asked
    for periods that are numbers, or of an unknown country.
    """
    names = [] if future is None else [name for name in future.columns if name not in OWN and name in history.columns]
    parts_then: list[pl.DataFrame] = []
    parts_ahead: list[pl.DataFrame] = []
    if names and future is not None:
        parts_then.append(_placed(history, series, names, frequency))
        if "unique_id" not in future.columns:
            ids = history.select(pl.col("unique_id").unique(maintain_order=True))
            future = ids.join(future, how="cross")
        parts_ahead.append(_placed(future, series, names, frequency))
    if country and any(len(one.y) for one in series):
        names = [*names, *CALENDAR]
        then, ahead = _calendar(series, frequency, horizon, country)
        parts_then.append(then)
        parts_ahead.append(ahead)
    if parts_then:
        with_regressors(series, names, _joined(parts_then), _joined(parts_ahead))


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.join(part, on=["unique_id", "place"], how="full", coalesce=True)
    return whole


def _placed(frame: pl.DataFrame, series: Sequence[Series], names: Sequence[str], frequency: Frequency) -> pl.DataFrame:
    """Rows by `unique_id, place`: periods from the series' last one."""
    kept = [one for one in series if len(one.y)]
    ends = pl.DataFrame(
        {"unique_id": [one.unique_id for one in kept], "_last": [one.last for one in kept]},
        schema_overrides={"unique_id": frame.schema["unique_id"]},
    )
    if frame.schema["ds"] == pl.String:
        frame = frame.with_columns(pl.col("ds").str.to_date(strict=False))
    return frame.join(ends, on="unique_id").select(
        "unique_id",
        pl.col(names).cast(pl.Float64, strict=False),
        place=frequency.number(pl.col("ds")) - frequency.number(pl.col("_last")),
    )


CALENDAR = ("working_days", "holidays")


def _calendar(
    series: Sequence[Series], frequency: Frequency, horizon: int, country: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`unique_id, place` with the working days and the holidays on weekdays of each period, past and coming."""
    if isinstance(frequency.step, int):
        raise QuarterdeckError("Working days need dates in ds; give dates, or leave country out.")
    kept = [one for one in series if len(one.y)]
    then, ahead = [], []
    known: dict[tuple[Any, int], pl.DataFrame] = {}
    for one in kept:
        key = (one.last, len(one.y))
        if key not in known:
            known[key] = period_days(one.last, len(one.y), horizon, frequency, country)
        mine = known[key].with_columns(unique_id=pl.lit(one.unique_id))
        then.append(mine.filter(pl.col("place") <= 0))
        ahead.append(mine.filter(pl.col("place") > 0))
    none = pl.DataFrame(
        schema={"place": pl.Int64, "working_days": pl.Int64, "holidays": pl.Int64, "unique_id": pl.String}
    )
    return (pl.concat(then) if then else none), (pl.concat(ahead) if ahead else none)


def period_days(last: date, past: int, horizon: int, frequency: Frequency, country: str) -> pl.DataFrame:
    """`place, working_days, holidays` of the periods around `last` (place 0)."""
    import holidays

    places = range(1 - past, horizon + 1)
    edges = [_first_day(frequency.ahead(last, place), frequency) for place in (*places, horizon + 1)]
    years = range(edges[0].year, edges[-1].year + 1)
    try:
        closed = np.array(sorted(holidays.country_holidays(country, years=years)), dtype="datetime64[D]")
    except NotImplementedError:
        raise QuarterdeckError(
            f"There is no calendar of holidays for {country!r}; give the two letters of a country, such as KR."
        ) from None
    bounds = np.array(edges, dtype="datetime64[D]")
    working = np.busday_count(bounds[:-1], bounds[1:], holidays=closed)
    return pl.DataFrame(
        {
            "place": list(places),
            "working_days": working.astype(np.int64),
            "holidays": (np.busday_count(bounds[:-1], bounds[1:]) - working).astype(np.int64),
        }
    )


def _first_day(day: date, frequency: Frequency) -> date:
    """The first day of the period in which `day` lies: months, quarters and years by the calendar, weeks from `day`."""
    found = date(day.year, day.month, day.day)
    if frequency.step == "1mo":
        return found.replace(day=1)
    if frequency.step == "1q":
        return date(found.year, (found.month - 1) // 3 * 3 + 1, 1)
    if frequency.step == "1y":
        return date(found.year, 1, 1)
    return found
