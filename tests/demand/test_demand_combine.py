"""Pipeline and past bookings are weighed by their errors, and their draws combined without losing spread."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import conform
from quarterdeck.base.tables import Tables
from quarterdeck.demand.baselines import by_people, stage_odds
from quarterdeck.demand.combine import Weights, combine, learn, spread_out, usual, widths
from quarterdeck.demand.deals import prepare
from quarterdeck.demand.paths import NEW, OPEN, RENEWED, Paths
from quarterdeck.demand.settings import DemandSettings

LEAVES = ("product:A|region:E", "product:B|region:E")
MONTHS = (24_000, 24_001)


def paths(seed: int, mean: float, spread: float, leaves: int = 2, draws: int = 400) -> Paths:
    """Draws of open deals (three quarters) and new ones."""
    noise = np.random.default_rng(seed)
    total = noise.normal(mean, spread, (leaves, len(MONTHS), draws)).clip(0)
    amount = np.zeros((leaves, 3, len(MONTHS), draws))
    amount[:, OPEN], amount[:, NEW] = 0.75 * total, 0.25 * total
    return Paths(LEAVES[:leaves], MONTHS, amount / 10, amount)


def trials(said: list[tuple[float, float, float]], level: str = "all") -> pl.DataFrame:
    """Rows of (pipeline, history, actual), ten of each at both horizons."""
    return pl.DataFrame(
        [
            {"node_id": "n", "level": level, "horizon": horizon, "pipeline": p, "history": h, "actual": a}
            for p, h, a in said
            for horizon in (1, 2)
            for _ in range(10)
        ]
    )


def test_the_method_that_was_right_gets_the_weight():
    right = [(100.0, 60.0, 100.0), (80.0, 110.0, 80.0), (90.0, 130.0, 90.0)]
    assert (learn(trials(right), 2).pipeline[0] > 0.96).all()
    other = [(history, pipeline, actual) for pipeline, history, actual in right]
    # 48 rows say 0, the usual weights of 0.95 count 30.
    assert learn(trials(other), 2).pipeline[0] == pytest.approx(0.95 * 30 / 78)


def test_the_weight_is_least_squares_drawn_to_the_usual_one_by_hand():
    """Pipeline 1 above, history 1 below what came: w = 0.5 of 10 rows at this horizon and 10 that count 0.6."""
    found = learn(trials([(11.0, 9.0, 10.0)]), 2).pipeline[0]
    near = 10 + 10 * 0.6
    by_hand = (near * 0.5 + 30 * 0.95) / (near + 30)
    assert found[0] == pytest.approx(by_hand)


def test_large_and_small_nodes_count_by_their_size():
    """A node of 100 a month for which the pipeline was right, one of 4 for which history was."""
    rows = pl.DataFrame(
        [
            {"node_id": name, "level": "region", "horizon": 1, "pipeline": p, "history": h, "actual": a}
            for name, p, h, a in (("large", 100.0, 80.0, 100.0), ("small", 6.0, 4.0, 4.0))
            for _ in range(300)
        ]
    )
    # Squares of the distances over the sizes: 400 / 100 say 1 and 4 / 4 say 0; 60 usual rows of 2.5 say 0.95.
    expected = (300 * 4 + 60 * 2.5 * 0.95) / (300 * 4 + 300 * 1 + 60 * 2.5)
    assert learn(rows, 1).pipeline[1, 0] == pytest.approx(expected)


def test_without_a_back_test_the_usual_weight_holds():
    assert learn(trials([(1.0, 2.0, 3.0)]).clear(), 3).pipeline.tolist() == [usual(3).tolist()] * 2


def test_totals_of_the_same_rank_are_averaged():
    ours, theirs = paths(1, 100, 10, leaves=1), paths(2, 60, 30, leaves=1)
    found = combine(ours, theirs, Weights(np.full((2, 2), 0.25), np.ones((2, 2)))).amount.sum(axis=(0, 1))
    expected = 0.25 * np.sort(ours.amount.sum(axis=(0, 1))) + 0.75 * np.sort(theirs.amount.sum(axis=(0, 1)))
    assert np.allclose(np.sort(found), expected)
    # A mean of independent draws would have a spread of about 22.6.
    assert found.std(axis=1) == pytest.approx(0.25 * 10 + 0.75 * 30, rel=0.1)


def test_total_and_parts_have_weights_of_their_own():
    weights = Weights(np.array([[0.9, 0.9], [0.2, 0.2]]), np.ones((2, 2)))
    ours, theirs = paths(1, 100, 10), paths(2, 60, 30)
    ours.amount[0] *= 3
    found = combine(ours, theirs, weights).amount.sum(axis=1)
    mine, other = ours.amount.sum(axis=1).mean(axis=2), theirs.amount.sum(axis=1).mean(axis=2)
    assert found.sum(axis=0).mean(axis=1) == pytest.approx(0.9 * mine.sum(axis=0) + 0.1 * other.sum(axis=0))
    parts = 0.2 * mine + 0.8 * other
    assert found.mean(axis=2)[0] / found.mean(axis=2)[1] == pytest.approx(parts[0] / parts[1], rel=0.05)


def test_the_width_sets_the_spread_and_keeps_the_mean():
    ours = paths(1, 100, 5)
    one = combine(ours, ours, Weights(np.ones((2, 2)), np.ones((2, 2))))
    two = combine(ours, ours, Weights(np.ones((2, 2)), np.full((2, 2), 2.0)))
    assert np.allclose(one.amount, ours.amount)
    narrow, wide = one.amount.sum(axis=(0, 1)), two.amount.sum(axis=(0, 1))
    assert wide.mean(axis=1) == pytest.approx(narrow.mean(axis=1))
    assert wide.std(axis=1) == pytest.approx(2 * narrow.std(axis=1))
    leaf_one, leaf_two = (found.amount.sum(axis=1).std(axis=2) for found in (one, two))
    assert leaf_two == pytest.approx(2 * leaf_one, rel=0.05)


def test_parts_keep_the_proportions_of_the_pipeline_and_business_without_one_is_new():
    ours, theirs = paths(1, 100, 10), paths(2, 60, 10)
    ours.amount[1] = 0.0
    found = combine(ours, theirs, Weights(np.full((2, 2), 0.5), np.ones((2, 2)))).amount
    assert np.allclose(found[0, OPEN], 3 * found[0, NEW])
    assert found[1, NEW].min() > 0
    assert found[1, [OPEN, RENEWED]].max() == 0.0


@given(
    values=arrays(np.float64, (2, 30), elements=st.floats(0, 1e6)),
    factor=st.floats(0.6, 2.5),
)
def test_spreading_out_keeps_the_mean_and_stays_above_zero(values, factor):
    found = spread_out(values, np.array([[factor], [factor]]))
    assert (found >= 0).all()
    assert np.allclose(found.mean(axis=1), values.mean(axis=1), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("away", "low", "high"), [(0.2, 0.6, 0.8), (2.0, 1.7, 2.1)])
def test_the_width_follows_how_far_actuals_lay_outside(away, low, high):
    rows = pl.DataFrame(
        [
            {"level": level, "horizon": 1, "q10": 90.0, "q50": 100.0, "q90": 120.0, "actual": 100 + away * step}
            for level in ("all", "region")
            for step in (-10, 20) * 40
        ]
    )
    found = widths(rows, Weights.plain(1)).width
    assert (found >= low).all()
    assert (found <= high).all()


def test_intervals_that_were_right_are_left_alone():
    noise = np.random.default_rng(5).normal(100, 10, 400)
    rows = pl.DataFrame({"level": "all", "horizon": 1, "q10": 87.184, "q50": 100.0, "q90": 112.816, "actual": noise})
    assert widths(rows, Weights.plain(1)).width[0] == pytest.approx(1.0, abs=0.1)


def weights_table(pipeline: float, width: float = 1.0) -> pl.DataFrame:
    rows = [
        {"horizon": h, "level": level, "pipeline": pipeline, "history": 1 - pipeline, "width": width}
        for h in range(1, 7)
        for level in ("all", "part")
    ]
    return conform("demand_weights", pl.DataFrame(rows))


@pytest.fixture(scope="module")
def learned(make_company):
    made = Config(as_of=datetime(2022, 1, 1), settings=DemandSettings(draws=100), company=Company())
    frames = {"opportunities": pl.concat([make_company(product="A"), make_company(product="B", arrivals=20, seed=3)])}
    return frames | demand.fit(Tables(**frames), made).tables, made


def test_a_pipeline_of_full_weight_is_the_pipeline_alone(learned):
    frames, made = learned
    alone = demand.simulate(Tables(**frames), made).tables
    full = demand.simulate(Tables(**frames, demand_weights=weights_table(1.0)), made).tables
    means = [found["demand_lines"].sort("node_id", "measure", "period_start")["mean"] for found in (alone, full)]
    assert np.allclose(means[0], means[1], rtol=1e-5)


def test_the_lines_say_the_weight_of_history_and_their_parts_add_up(learned):
    frames, made = learned
    lines = demand.simulate(Tables(**frames, demand_weights=weights_table(0.4)), made).tables["demand_lines"]
    assert lines["history_weight"].unique().to_list() == [pytest.approx(0.6)]
    parts = lines.select(pl.sum_horizontal("from_open", "from_new", "from_renewal", "from_override")).to_series()
    assert np.allclose(parts, lines["mean"])
    total = (
        lines.filter(pl.col("measure") == "amount")
        .group_by("period_start", pl.col("node_id").str.head(7))
        .agg(pl.col("mean").sum())
    )
    by_product = total.filter(pl.col("node_id") == "product").sort("period_start")["mean"]
    whole = lines.filter(pl.col("node_id") == "all", pl.col("measure") == "amount").sort("period_start")["mean"]
    # Products and their leaves both begin with "product": twice the whole.
    assert np.allclose(by_product, 2 * whole)


def test_the_back_test_weighs_the_methods_and_tells_each_ones_error(learned):
    frames, made = learned
    found = demand.backtest(Tables(**frames), made).tables
    methods = found["method_accuracy"]
    assert set(methods["method"]) == {"combined", "pipeline", "history", "last_year"}
    combined = methods.filter(pl.col("method") == "combined").sort("origin", "period_start", "node_id")
    assert combined["mean"].to_list() == found["demand_accuracy"]["mean"].to_list()
    one = found["demand_weights"].row(by_predicate=(pl.col("horizon") == 1) & (pl.col("level") == "all"), named=True)
    mine = methods.filter(pl.col("node_id") == "all", pl.col("horizon") == 1, pl.col("method") == "pipeline")
    error = (mine["mean"] - mine["actual"]).abs().sum() / mine["actual"].sum()
    assert one["error_pipeline"] == pytest.approx(error)
    assert one["n"] == 3


def test_what_people_say_without_a_model_by_hand():
    """Before June two deals of the stage `demo` had closed, one of them won: its odds are a half."""
    rows = [
        ("1", "w", datetime(2021, 2, 1), "demo", 10_000, date(2021, 4, 1), "pipeline"),
        ("2", "l", datetime(2021, 2, 1), "demo", 10_000, date(2021, 4, 1), "pipeline"),
        ("3", "o", datetime(2021, 3, 1), "demo", 20_000, date(2021, 5, 1), "pipeline"),
        ("4", "o", datetime(2021, 5, 9), None, 30_000, date(2021, 7, 2), "commit"),
        ("5", "o", datetime(2021, 6, 9), "offer", 90_000, date(2021, 6, 20), "commit"),
        ("6", "late", datetime(2021, 3, 1), "demo", 5_000, date(2021, 4, 30), "commit"),
    ]
    names = ["id", "opportunity_id", "changed_at", "stage", "amount", "expected_close_on", "forecast_category"]
    history = conform("opportunity_history", pl.DataFrame(rows, schema=names, orient="row"))
    deals = pl.DataFrame(
        {
            "id": ["w", "l", "o", "late"],
            "status": ["won", "lost", "open", "open"],
            "created_at": [datetime(2021, 1, 1)] * 4,
            "closed_at": [datetime(2021, 3, 1), datetime(2021, 4, 1), None, None],
            "amount": [10_000, 0, None, None],
            "product_id": ["A"] * 4,
            "region": ["E"] * 4,
        }
    )
    known = prepare(conform("opportunities", deals), Company())
    june = 2021 * 12 + 5
    odds = stage_odds(history.filter(pl.col("changed_at") < datetime(2021, 6, 1)), known.head(2))
    assert odds.rows() == [("demo", 0.5)]
    found = by_people(known, history, (june, 3), ("product:A|region:E",), Company())
    # The overdue deal is expected now; what was changed in June is not known on its first day.
    assert found["stage_weighted"].tolist() == [[25.0, 150.0, 0.0]]
    assert found["owner_commit"].tolist() == [[50.0, 300.0, 0.0]]


def test_methods_whose_inputs_nobody_recorded_are_missing(make_company):
    known = prepare(make_company(months=6), Company())
    history = conform("opportunity_history", pl.DataFrame({"id": ["1"], "opportunity_id": ["x"]}))
    assert by_people(known, history, (2020 * 12 + 6, 3), tuple(known["node_id"].unique()), Company()) == {}


def test_an_override_holds_exactly_on_top_and_keeps_the_relative_spread(learned):
    frames, made = learned
    given_weights = frames | {"demand_weights": weights_table(0.5, 1.3)}
    row = {
        "id": "1", "room": "demand", "target": "all", "period_start": date(2022, 2, 1), "value": 50_000.0,
        "reason": "a tender", "who": "Ann", "decided_at": datetime(2021, 12, 31),
    }  # fmt: skip
    before = demand.simulate(Tables(**given_weights), made).tables["demand_lines"]
    after = demand.simulate(Tables(**given_weights, overrides=pl.DataFrame([row])), made).tables["demand_lines"]
    pick = (pl.col("node_id") == "all", pl.col("measure") == "amount", pl.col("period_start") == date(2022, 2, 1))
    was, now = (lines.filter(*pick).row(0, named=True) for lines in (before, after))
    assert now["mean"] == pytest.approx(50_000, rel=1e-6)
    assert now["q90"] / now["mean"] == pytest.approx(was["q90"] / was["mean"], rel=1e-4)
    assert now["from_override"] == pytest.approx(50_000 - was["mean"], rel=1e-4)
    elsewhere = [lines.filter(pl.col("period_start") != date(2022, 2, 1))["mean"] for lines in (before, after)]
    assert elsewhere[0].to_list() == elsewhere[1].to_list()
