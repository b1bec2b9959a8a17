"""Series of any kind: gaps, outliers, shifts, regressors, seldom sold, launches, seasons shown."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck import demand
from quarterdeck.base.calendar import add_months
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.history import Options, forecast_launches, forecast_panel, heat_map, seasonality
from quarterdeck.demand.history.cleaning import clean


def months(values, key="a", start=date(2020, 1, 1)):
    return pl.DataFrame(
        {
            "unique_id": pl.Series([key] * len(values), dtype=pl.String),
            "ds": pl.Series([add_months(start, number) for number in range(len(values))], dtype=pl.Date),
            "y": pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64),
        }
    )


def noise(length, size=1.0, seed=0):
    return np.random.default_rng(seed).normal(0, size, length)


def codes(made):
    return {finding.code for finding in made.findings}


def test_a_single_mistyped_value_does_not_move_the_forecast():
    plain = 100 + noise(36, 3)
    spoiled = plain.copy()
    spoiled[30] = 1000
    made = forecast_panel(pl.concat([months(plain, "plain"), months(spoiled, "spoiled")]), 6)
    means = made.frame.group_by("unique_id", maintain_order=True).agg(pl.col("mean").mean())["mean"]
    assert means[1] == pytest.approx(means[0], rel=0.05)
    row = made.report.filter(pl.col("unique_id") == "spoiled").row(0, named=True)
    assert row["outliers_at"] == [add_months(date(2020, 1, 1), 30)]
    assert made.report["outliers"].to_list() == [0, 1]
    assert "demand.series_outliers" in codes(made)


def test_a_level_shift_is_dated_and_the_forecast_stays_at_the_new_level():
    y = np.concatenate([np.full(20, 50.0), np.full(16, 120.0)]) + noise(36, 2)
    made = forecast_panel(months(y), 6)
    row = made.report.row(0, named=True)
    assert row["shift_at"] == date(2021, 9, 1)
    assert row["shift_size"] == pytest.approx(70, abs=5)
    assert made.frame["mean"].to_numpy() == pytest.approx(np.full(6, 120), abs=5)
    assert "demand.series_level_shift" in codes(made)


def test_a_trend_or_a_season_is_no_level_shift_and_no_outlier():
    steps = np.arange(60)
    for y in (10 + 2.0 * steps + noise(60), 100 + 40 * np.sin(steps * np.pi / 6) + noise(60)):
        found = clean(y, 12)
        assert found.shift is None
        assert found.outliers == ()


def test_a_product_that_is_sold_seldom_keeps_its_rate():
    """Sales of 6 in a third of the months, in no order: a rate of 2."""
    y = np.random.default_rng(8).permutation([0, 0, 6] * 16)
    made = forecast_panel(months(y), 6)
    assert made.report["pattern"].item() == "intermittent"
    assert made.frame["mean"].to_numpy() == pytest.approx(np.full(6, 2.0), abs=0.7)
    assert made.frame["lo-95"].min() >= 0


def test_a_missing_month_is_zero_where_zeros_are_known_and_drawn_through_where_none_are():
    holed = months([10, 12, 11, 10, 12, 11, 10, 12, 11]).filter(pl.col("ds") != date(2020, 5, 1))
    y = forecast_panel(holed, 1).combined[0].trial.series.y
    assert y[4] == pytest.approx((10 + 11) / 2)
    with_zero = pl.concat([months([10, 0, 11, 10]), months([12], start=date(2020, 6, 1))])
    assert forecast_panel(with_zero, 1).combined[0].trial.series.y.tolist() == [10, 0, 11, 10, 0, 12]
    assert forecast_panel(holed, 1, options=Options(gaps="zero")).combined[0].trial.series.y[4] == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.just(float("nan")), st.just(float("inf")), st.floats(-1e6, 1e6)), max_size=12),
    st.booleans(),
)
def test_whatever_a_series_holds_the_others_are_forecast(values, is_undated):
    bad = months([0.0] * len(values), "bad").with_columns(y=pl.Series(values, dtype=pl.Float64))
    if is_undated:
        bad = bad.with_columns(ds=pl.lit(None, dtype=pl.Date))
    made = forecast_panel(pl.concat([bad, months([5, 6, 5, 7], "good")]), 3)
    good = made.frame.filter(pl.col("unique_id") == "good")
    assert good["mean"].to_list() == pytest.approx([6.0] * 3)
    assert made.frame.select(pl.col("mean").is_finite().all()).item()
    assert made.frame.select((pl.col("lo-80") <= pl.col("hi-80")).all()).item()


def test_months_that_end_with_their_last_day_go_on_so():
    frame = pl.DataFrame(
        {"unique_id": ["a"] * 3, "ds": [date(2023, 11, 30), date(2023, 12, 31), date(2024, 1, 31)], "y": [1.0, 2, 3]}
    )
    assert demand.forecast_series(frame, 2, "ME")["ds"].to_list() == [date(2024, 2, 29), date(2024, 3, 31)]


def test_intervals_widen_with_their_level():
    made = demand.forecast_series(months(100 + noise(40, 10)), 4, level=(50, 80, 95))
    width = [(made[f"hi-{level}"] - made[f"lo-{level}"]).to_numpy() for level in (50, 80, 95)]
    assert np.all(width[0] < width[1])
    assert np.all(width[1] < width[2])


def with_promotion(effect):
    """72 months; a promotion in irregular months, known for the coming ones too."""
    is_on = (np.random.default_rng(3).random(84) < 0.3).astype(float)
    y = 100 + effect * is_on[:72] + noise(72, 5, seed=4)
    history = months(y).with_columns(promotion=pl.Series(is_on[:72]))
    future = months(is_on[72:], start=date(2026, 1, 1)).select("ds", promotion="y")
    return history, future, is_on[72:]


def test_a_promotion_that_matters_is_kept_and_foretold():
    history, future, is_on = with_promotion(60.0)
    made = forecast_panel(history, 12, future=future)
    assert made.report["regressors"].item() == "promotion"
    lift = made.frame["mean"].to_numpy()[is_on == 1].mean() - made.frame["mean"].to_numpy()[is_on == 0].mean()
    assert lift == pytest.approx(60, abs=8)


def test_a_series_from_outside_that_does_not_help_is_left_out():
    history, future, _ = with_promotion(0.0)
    made = forecast_panel(history, 12, future=future)
    assert made.report["regressors"].item() == ""
    assert made.frame.equals(forecast_panel(history.drop("promotion"), 12).frame)


def test_lunar_new_year_moves_sales_between_january_and_february():
    """Five units a working day in Korea, where the Lunar New Year lies in January or February."""
    from quarterdeck.demand.history.calendars import period_days
    from quarterdeck.demand.history.panel import Frequency

    days = period_days(date(2023, 12, 1), 84, 12, Frequency.of("1mo"), "KR")
    # January 2023 had 22 weekdays, less New Year's Day (a Sunday), Lunar New Year's 23rd and the 24th in its place.
    assert days.filter(pl.col("place") == -11)["working_days"].item() == 20
    working = days["working_days"].to_numpy().astype(float)
    y = 5 * working[:84] + noise(84, 1.0)
    made = forecast_panel(months(y, start=date(2017, 1, 1)), 12, options=Options(country="KR"))
    assert "working_days" in made.report["regressors"].item()
    plain = forecast_panel(months(y, start=date(2017, 1, 1)), 12)
    truth = 5 * working[84:]
    errors = [np.abs(one.frame["mean"].to_numpy() - truth).mean() for one in (made, plain)]
    assert errors[0] < 0.5 * errors[1]


def test_an_unknown_country_or_model_is_refused():
    with pytest.raises(QuarterdeckError, match="XX"):
        demand.forecast_series(months([1, 2, 3]), 2, country="XX")
    with pytest.raises(QuarterdeckError, match="ets"):
        demand.forecast_series(months([1, 2, 3]), 2, models=("etz",))


@pytest.mark.long
def test_processes_give_what_one_gives():
    many = pl.concat([months(50 + noise(20, 5, seed), f"s{seed:03}") for seed in range(100)])
    options = Options(models=("theta",))
    alone = forecast_panel(many, 3, options=options).frame
    assert forecast_panel(many, 3, options=options, workers=2).frame.equals(alone)


def test_a_new_product_without_sales_takes_its_analogues_curve_at_the_stated_scale():
    curve = [10, 20, 40, 60, 80, 80, 80, 80, 80, 80]
    launches = pl.DataFrame(
        {"unique_id": ["new"], "analogue": ["old"], "starts_on": [date(2024, 3, 1)], "scale": [0.5]}
    )
    made = forecast_launches(months(curve, "old"), launches, 4)
    assert made["ds"].to_list() == [date(2024, month, 1) for month in (3, 4, 5, 6)]
    assert made["mean"].to_list() == pytest.approx([5, 10, 20, 30])
    assert (made["lo-80"] < made["mean"]).all()


def test_what_a_new_product_sold_moves_its_scale():
    """Three months at twice its analogue's, stated at the same size: half of the way on a logarithmic scale."""
    curve = [10, 20, 40, 60, 80, 80, 80]
    history = pl.concat([months(curve, "old"), months([20, 40, 80], "new", date(2024, 1, 1))])
    launches = pl.DataFrame({"unique_id": ["new"], "analogue": ["old"], "starts_on": [date(2024, 1, 1)]})
    made = forecast_launches(history, launches, 2)
    assert made["ds"].to_list() == [date(2024, 4, 1), date(2024, 5, 1)]
    assert made["mean"].to_list() == pytest.approx([60 * 2**0.5, 80 * 2**0.5])


def test_a_series_is_taken_apart_into_parts_that_add_up():
    steps = np.arange(60)
    pattern = 10 * np.sin(steps * np.pi / 6)
    found = seasonality(months(100 + steps + pattern))
    parts = found["trend"] + found["season"] + found["rest"]
    assert parts.to_numpy() == pytest.approx(found["y"].to_numpy())
    assert found["season"].to_numpy() == pytest.approx(pattern, abs=1.5)
    assert found["growth"][12] == pytest.approx(12 / 100)
    assert found["growth"][:12].null_count() == 12


def test_the_heat_map_shows_each_month_over_the_mean_of_its_year():
    found = heat_map(months([1] * 11 + [13]))
    assert found["period"].to_list() == list(range(1, 13))
    assert found["index"].to_list() == pytest.approx([0.5] * 11 + [6.5])
