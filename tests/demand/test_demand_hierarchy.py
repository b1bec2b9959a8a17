"""Hierarchies add up in every mean and every draw."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.calendar import add_months
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.demand.history import reconciling, structure


def company(length=30, seed=0):
    draw = np.random.default_rng(seed)
    common = draw.normal(0, 6, length)
    rows = []
    for region, product, level in (("n", "a", 50), ("n", "b", 30), ("s", "a", 20), ("s", "b", 0)):
        values = np.maximum(level + common + draw.normal(0, 4, length), 0) if level else draw.poisson(0.3, length)
        rows += [(region, product, add_months(date(2021, 1, 1), month), float(y)) for month, y in enumerate(values)]
    return pl.DataFrame(rows, schema=["region", "product", "ds", "y"], orient="row")


CROSSED = [["region"], ["product"], ["region", "product"]]


@pytest.fixture(scope="module")
def made():
    return demand.forecast_hierarchy(company(), CROSSED, 6, draws=200, seed=5)


def test_every_parent_is_the_sum_of_its_children_in_every_draw_and_mean(made):
    place = {key: row for row, key in enumerate(made.nodes["unique_id"])}
    mean = made.frame["mean"].to_numpy().reshape(len(place), 6)
    for parent, children in {
        "total": ["n/a", "n/b", "s/a", "s/b"],
        "n": ["n/a", "n/b"],
        "s": ["s/a", "s/b"],
        "a": ["n/a", "s/a"],
        "b": ["n/b", "s/b"],
    }.items():
        rows = [place[child] for child in children]
        assert np.abs(made.draws[place[parent]] - made.draws[rows].sum(axis=0)).max() < 1e-6
        assert mean[place[parent]] == pytest.approx(mean[rows].sum(axis=0))
    assert made.draws.min() >= 0
    assert made.draws.mean(axis=2) == pytest.approx(mean, abs=1e-6)


def test_the_same_seed_gives_the_same_draws_and_another_gives_others(made):
    again = demand.forecast_hierarchy(company(), CROSSED, 6, draws=200, seed=5)
    assert np.array_equal(again.draws, made.draws)
    other = demand.forecast_hierarchy(company(), CROSSED, 6, draws=200, seed=6)
    assert not np.array_equal(other.draws, made.draws)


def test_leaves_that_moved_together_are_drawn_together(made):
    place = {key: row for row, key in enumerate(made.nodes["unique_id"])}
    first = made.draws[:, 0]
    assert np.corrcoef(first[place["n/a"]], first[place["n/b"]])[0, 1] > 0.3


def test_what_reconciling_moved_is_reconciled_less_base(made):
    moved = made.moved
    assert moved["unique_id"].to_list() == made.nodes["unique_id"].to_list()
    mean = made.frame["mean"].to_numpy().reshape(-1, 6).sum(axis=1)
    assert moved["reconciled"].to_numpy() == pytest.approx(mean)
    assert (moved["reconciled"] - moved["base"]).to_numpy() == pytest.approx(moved["moved"].to_numpy())
    if made.method == "bottom_up":
        leaves = moved.tail(4)
        assert leaves["moved"].abs().max() == pytest.approx(0, abs=1e-9)


def test_reconciling_by_variances_meets_the_worked_example():
    """Total 10 said of leaves 4 and 4, errors independent: the gap of 2 is shared by variance, 4 : 1 : 1 of 6."""
    summing = structure.build(pl.DataFrame({"k": ["a", "b"], "ds": [1, 1], "y": [1.0, 1.0]}), ["k"])[0].summing
    errors = np.random.default_rng(0).normal(size=(3, 4000)) * np.array([[2.0], [1.0], [1.0]])
    way = reconciling.mint(summing, errors)
    assert way is not None
    assert way(np.array([[10.0], [4.0], [4.0]])).ravel() == pytest.approx([4 + 2 / 6, 4 + 2 / 6], abs=0.03)


def test_negative_leaves_are_lifted_to_zero_and_the_rest_lies_near():
    summing = structure.build(pl.DataFrame({"k": ["a", "b"], "ds": [1, 1], "y": [1.0, 1.0]}), ["k"])[0].summing
    found = reconciling.nonnegative(summing, np.array([[-2.0], [10.0]]))
    assert found.min() >= 0
    assert found[0, 0] == pytest.approx(0, abs=1e-4)
    # Nearest with weights 1/2 for the total of 8: (x - 8)^2 / 2 + (x - 10)^2 is least at 28 / 3.
    assert found[1, 0] == pytest.approx(28 / 3, abs=1e-3)


def test_rows_without_a_member_belong_to_none_and_nesting_needs_no_lists():
    frame = company().with_columns(product=pl.when(pl.col("product") == "a").then(pl.lit("a")))
    made = demand.forecast_hierarchy(frame, ["region", "product"], 2, draws=10)
    assert made.nodes["unique_id"].to_list() == ["total", "n", "s", "n/(none)", "n/a", "s/(none)", "s/a"]


def test_a_level_of_an_unknown_column_is_refused_and_an_empty_history_is_a_finding():
    with pytest.raises(QuarterdeckError, match="'site'"):
        demand.forecast_hierarchy(company(), ["site"], 2)
    with pytest.raises(QuarterdeckError, match="region"):
        demand.forecast_hierarchy(company(), [["region"], ["product"]], 2)
    made = demand.forecast_hierarchy(company().clear(), ["region"], 2)
    assert made.frame.is_empty()
    assert [finding.code for finding in made.findings] == ["demand.series_unreadable"]


@pytest.mark.shared_data
@pytest.mark.long
def test_on_tourism_every_level_adds_up_and_eight_in_ten_values_lie_within_the_interval(shared_data):
    """Two unseen years of 304 series by state, region and purpose."""
    frame = pl.read_csv(shared_data / "tourism_hierarchy" / "tourism.csv").with_columns(
        ds=pl.date(1970, 1, 1) + pl.duration(days=pl.col("Quarter").cast(pl.Int64)), y="Trips"
    )
    cut = frame["ds"].unique().sort()[-8]
    levels = [["State"], ["State", "Region"], ["Purpose"], ["State", "Purpose"], ["State", "Region", "Purpose"]]
    made = demand.forecast_hierarchy(frame.filter(pl.col("ds") < cut), levels, 8, "1q", draws=400, seed=1)
    tree, rows = structure.build(frame, levels)
    assert made.nodes.equals(tree.nodes)
    came = rows.filter(pl.col("ds") >= cut).pivot("ds", index="leaf", values="y", aggregate_function="sum").sort("leaf")
    truth = tree.summing @ came.drop("leaf").to_numpy()
    summed = (tree.summing @ made.draws[-tree.leaves :].reshape(tree.leaves, -1)).reshape(made.draws.shape)
    assert np.abs(summed - made.draws).max() < 1e-6
    low, high = np.quantile(made.draws, [0.1, 0.9], axis=2)
    inside = ((truth >= low) & (truth <= high)).mean()
    print(made.accuracy.pivot("method", index="level", values="error"), f"within 80 %: {inside:.3f}")
    assert 0.75 < inside < 0.9
    error = dict(made.accuracy.group_by("method").agg(pl.col("error").mean()).iter_rows())
    assert made.method == "mint"
    assert error["mint"] < error["bottom_up"]
