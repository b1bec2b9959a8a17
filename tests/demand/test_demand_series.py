"""Plain series: the right model is taken, and none where none helps."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck import demand
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.series import BASELINE, _seasonal, forecast


def test_a_yearly_pattern_is_foretold():
    pattern = np.array([10, 10, 10, 20, 30, 40, 50, 40, 30, 20, 10, 10], dtype=float)
    y = np.tile(pattern, 4) + np.random.default_rng(0).normal(0, 1, 48)
    made = forecast(y, 12)
    assert made.model != BASELINE
    assert np.abs(made.mean - pattern).max() < 4
    assert made.relative_error < 0.3


def test_pure_noise_is_foretold_by_its_mean_within_its_scatter():
    y = np.random.default_rng(1).normal(100, 10, 30)
    made = forecast(y, 6)
    assert made.mean == pytest.approx(np.full(6, 100), abs=10)


def test_seasonal_shares_are_averaged_with_a_year_in_which_all_periods_were_alike():
    """Quarters 1, 1, 1, 5 (mean 2) twice: shares (0.5 + 0.5 + 1) / 3 and (2.5 + 2.5 + 1) / 3 of the mean 2."""
    made = _seasonal(np.array([1.0, 1, 1, 5, 1, 1, 1, 5]), 5, 4)
    assert made == pytest.approx([4 / 3, 4 / 3, 4 / 3, 4, 4 / 3])


def test_a_steady_trend_is_followed():
    y = 20 + 3.0 * np.arange(30)
    assert forecast(y, 3).mean == pytest.approx([110, 113, 116], rel=0.03)


def test_the_spread_is_the_size_of_the_errors_and_grows_with_the_months_ahead():
    y = np.random.default_rng(2).normal(100, 20, 36)
    made = forecast(y, 6)
    assert 12 < made.spread[0] < 32
    assert np.all(np.diff(made.spread) > 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=0, max_size=13))
def test_any_short_history_gives_a_forecast_that_is_not_negative(values):
    made = forecast(np.array(values, dtype=float), 6)
    assert made.mean.shape == (6,)
    assert np.all(made.mean >= 0)
    assert np.all(np.isfinite(made.spread))


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_series_come_back_in_the_kind_that_was_given_with_the_coming_months(kind):
    frame = pl.DataFrame(
        {
            "unique_id": ["a"] * 6 + ["b"] * 4,
            "ds": pl.date_range(date(2024, 1, 1), date(2024, 6, 1), "1mo", eager=True).to_list()
            + pl.date_range(date(2024, 3, 1), date(2024, 6, 1), "1mo", eager=True).to_list(),
            "y": [4.0, 5, 6, 5, 4, 6, 1, 2, 3, 2],
        }
    )
    given_kind = {"polars": frame, "pandas": frame.to_pandas(), "arrow": frame.to_arrow()}[kind]
    found = demand.forecast_series(given_kind, 2, "1mo", level=[80])
    assert type(found) is type(given_kind)
    rows = found if kind == "polars" else pl.DataFrame(found)
    assert rows.columns == ["unique_id", "ds", "model", "mean", "lo-80", "hi-80"]
    assert rows["ds"].cast(pl.Date).to_list() == [date(2024, 7, 1), date(2024, 8, 1)] * 2
    # The mean of the last three: 5, 4, 6 and 2, 3, 2; six months of "a" have the same mean.
    assert rows["mean"].to_list() == pytest.approx([5.0, 5.0, 7 / 3, 7 / 3])
    half = rows["hi-80"] - rows["mean"]
    assert half.to_list() == pytest.approx((rows["mean"] - rows["lo-80"]).to_list())
    # An 80 % interval reaches 1.2816 standard deviations; "a" has errors of a fifth or less, besides the assumed quarter.
    assert 0.1 * 5 * 1.2816 < half[0] < 0.35 * 5 * 1.2816


def test_an_unknown_frequency_is_refused_with_the_known_ones():
    with pytest.raises(QuarterdeckError, match="1mo"):
        demand.forecast_series(pl.DataFrame({"unique_id": [], "ds": [], "y": []}), 2, "fortnight")


def test_missing_columns_are_named():
    with pytest.raises(QuarterdeckError, match="ds"):
        demand.forecast_series(pl.DataFrame({"unique_id": ["a"], "y": [1.0]}), 2)


@pytest.mark.shared_data
def test_on_m3_monthly_series_the_error_is_below_that_of_last_years_values(shared_data):
    """sMAPE over 18 months of every 140th monthly series."""
    meta = pl.read_csv(shared_data / "m3" / "m3_meta.csv").filter(pl.col("period") == "MONTHLY")
    chosen = meta["series"].gather_every(140).to_list()
    values = pl.read_csv(shared_data / "m3" / "m3_long.csv.gz").filter(pl.col("series").is_in(chosen))
    values = values.with_columns(ds=pl.date(1980, 1, 1).dt.offset_by(pl.format("{}mo", "t")))
    values = values.select("split", "ds", unique_id="series", y="value")
    known = values.filter(pl.col("split") == "train")
    made = demand.forecast_series(known, 18)
    last = known.select("unique_id", "y", ds=pl.col("ds").dt.offset_by("12mo"), again=pl.lit(1))
    last = pl.concat([last, last.with_columns(ds=pl.col("ds").dt.offset_by("12mo"), again=pl.lit(2))])
    last = last.sort("again").unique(["unique_id", "ds"], keep="first").select("unique_id", "ds", naive="y")
    both = (
        values.filter(pl.col("split") == "test").join(made, on=["unique_id", "ds"]).join(last, on=["unique_id", "ds"])
    )
    assert both.height == 18 * len(chosen)
    error, naive = (
        both.select((200 * (pl.col("y") - pl.col(name)).abs() / (pl.col("y") + pl.col(name))).mean()).item()
        for name in ("mean", "naive")
    )
    assert error < naive
    inside = both.select(pl.col("y").is_between(pl.col("lo-80"), pl.col("hi-80")).mean()).item()
    assert inside > 0.7
