"""Sample paths: what they mean, that they add up, and that they depend on the seed alone."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.draws import matrix
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.demand.paths import pick_sums
from quarterdeck.demand.settings import DemandSettings

AS_OF = date(2022, 1, 1)


def config(today: date = AS_OF, seed: int = 1, **settings: object) -> Config[DemandSettings]:
    return Config(
        as_of=datetime(today.year, today.month, today.day),
        settings=DemandSettings(draws=300, **settings),  # type: ignore[arg-type]
        company=Company(),
        seed=seed,
    )


def forecast(
    opportunities: pl.DataFrame, made: Config[DemandSettings], **more: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    learned = demand.fit(Tables(opportunities=opportunities), made).tables
    simulated = demand.simulate(Tables(opportunities=opportunities, **learned, **more), made).tables
    return {**learned, **simulated}


@pytest.fixture(scope="module")
def two_by_two(make_company) -> pl.DataFrame:
    parts = [
        make_company(arrivals=25, product=product, region=region, seed=seed)
        for seed, (product, region) in enumerate([("A", "East"), ("A", "West"), ("B", "East"), ("B", "West")])
    ]
    return pl.concat(parts)


def test_lines_are_the_quantiles_of_summed_draws_and_their_parts_add_up(two_by_two):
    made = forecast(two_by_two, config())
    draws, lines = made["demand_draws"], made["demand_lines"]
    for measure in ("amount", "quantity"):
        for period in draws["period_start"].unique():
            summed = matrix(draws.filter(pl.col("period_start") == period)[measure]).astype(np.float64).sum(axis=0)
            line = lines.row(
                by_predicate=(pl.col("node_id") == "all")
                & (pl.col("measure") == measure)
                & (pl.col("period_start") == period),
                named=True,
            )
            assert line["mean"] == pytest.approx(summed.mean(), rel=1e-6)
            assert line["q90"] == pytest.approx(np.quantile(summed, 0.9), rel=1e-6)
    parts = lines.select(pl.sum_horizontal("from_open", "from_new", "from_renewal", "from_override")).to_series()
    assert np.allclose(parts, lines["mean"], rtol=0, atol=1e-6)


def test_leaves_add_up_to_products_regions_and_all(two_by_two):
    lines = forecast(two_by_two, config())["demand_lines"].filter(pl.col("measure") == "amount")
    total = lines.filter(pl.col("node_id") == "all")["mean"].sum()
    for level in ("region:", "product:A|", "product:B|"):
        assert lines.filter(pl.col("node_id").str.starts_with(level)).height
    for pattern in ("^region:", r"^product:[^|]*$", r"\|region:"):
        assert lines.filter(pl.col("node_id").str.contains(pattern))["mean"].sum() == pytest.approx(total, rel=1e-6)


def test_written_tables_have_unique_keys_and_no_holes(two_by_two):
    for name, frame in forecast(two_by_two, config()).items():
        entry = table(name)
        assert frame.equals(conform(name, frame))
        assert frame.select(entry.key).is_unique().all()
        required = [column.name for column in entry.columns if column.is_required]
        assert frame.select(pl.sum_horizontal(pl.col(required).null_count())).item() == 0


def test_same_seed_same_draws_and_another_seed_others(two_by_two):
    first, again, other = (forecast(two_by_two, config(seed=seed))["demand_draws"] for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_the_order_of_the_rows_does_not_matter(two_by_two):
    assert forecast(two_by_two, config())["demand_draws"].equals(
        forecast(two_by_two.sample(fraction=1.0, shuffle=True, seed=3), config())["demand_draws"]
    )


def test_the_mean_is_what_the_odds_say_by_hand(make_company):
    """240 a month arrive and have odds 0.2 to win, 0.2 to lose in every month: 120 wins a month in the long run."""
    frame = make_company(arrivals=240, win=(0.2,), loss=(0.2,), months=24)
    lines = forecast(frame, config())["demand_lines"]
    wins = lines.filter((pl.col("node_id") == "all") & (pl.col("measure") == "quantity")).sort("period_start")
    waiting = frame.filter(pl.col("status") == "open").height
    assert wins["mean"][0] == pytest.approx(0.2 * (waiting + 240), rel=0.06)
    assert wins["mean"].mean() == pytest.approx(120, rel=0.08)
    assert wins["from_open"][0] == pytest.approx(0.2 * waiting, rel=0.08)
    amount = lines.filter((pl.col("node_id") == "all") & (pl.col("measure") == "amount")).sort("period_start")
    assert amount["mean"][0] / wins["mean"][0] == pytest.approx(1500, rel=0.06)


def test_a_month_that_has_begun_holds_what_is_still_to_come(make_company):
    frame = make_company(arrivals=120, win=(0.2,), loss=(0.2,))
    whole = forecast(frame, config())["demand_lines"]
    rest = forecast(frame, config(date(2022, 1, 21)))["demand_lines"]
    first = (pl.col("node_id") == "all") & (pl.col("measure") == "quantity") & (pl.col("period_start") == AS_OF)
    share = rest.filter(first)["mean"][0] / whole.filter(first)["mean"][0]
    assert 0.25 < share < 0.5


def test_open_deals_with_a_stated_value_bring_that_value(make_company):
    frame = make_company(arrivals=40, win=(0.4,), loss=(0.1,))
    stated = frame.with_columns(amount=pl.when(pl.col("status") == "open").then(pl.lit(1_000_000)).otherwise("amount"))
    lines = forecast(stated, config())["demand_lines"].filter(
        (pl.col("node_id") == "all") & (pl.col("period_start") == AS_OF)
    )
    by_measure = {row["measure"]: row["from_open"] for row in lines.iter_rows(named=True)}
    assert by_measure["amount"] / by_measure["quantity"] == pytest.approx(10_000, rel=1e-6)


def test_renewals_are_counted_apart(make_company):
    new = make_company(arrivals=40)
    renewals = make_company(arrivals=40, product="R", seed=5).with_columns(kind=pl.lit("renewal"))
    lines = forecast(pl.concat([new, renewals]), config())["demand_lines"].filter(pl.col("measure") == "quantity")
    own = lines.filter(pl.col("node_id") == "product:R")
    assert own["from_renewal"].sum() == pytest.approx(own["mean"].sum())
    assert lines.filter(pl.col("node_id") == "product:A")["from_renewal"].sum() == 0


def test_undated_open_deals_wait_for_their_beginning_where_every_closed_deal_has_one(make_company):
    frame = make_company(arrivals=40)
    undated = frame.head(30).with_columns(
        id=pl.format("u{}", "id"), status=pl.lit("open"), created_at=None, closed_at=None, amount=None
    )
    both = pl.concat([frame, undated.cast(frame.schema)])
    key = ["period_start", "node_id", "mean"]
    assert (
        forecast(both, config())["demand_lines"]
        .select(key)
        .equals(forecast(frame, config())["demand_lines"].select(key))
    )


def test_undated_open_deals_age_like_the_others_where_closed_deals_lack_dates_too(make_company):
    frame = make_company(arrivals=40)
    blind = frame.with_columns(created_at=pl.when(pl.col("id").hash(1) % 10 < 4).then(None).otherwise("created_at"))
    lines = forecast(blind, config())["demand_lines"]
    expected = forecast(frame, config())["demand_lines"]
    first = (pl.col("node_id") == "all") & (pl.col("measure") == "quantity") & (pl.col("period_start") == AS_OF)
    assert lines.filter(first)["from_open"][0] == pytest.approx(expected.filter(first)["from_open"][0], rel=0.15)


def test_no_deals_at_all_give_no_demand():
    made = forecast(conform("opportunities", pl.DataFrame({"id": []}, schema={"id": pl.String})), config())
    assert made["demand_draws"].is_empty()
    assert made["demand_lines"]["mean"].sum() == 0


def test_open_deals_alone_are_forecast_without_a_crash(make_company):
    frame = make_company(arrivals=5, months=3).with_columns(status=pl.lit("open"), closed_at=None, amount=None)
    made = forecast(conform("opportunities", frame), config(date(2020, 4, 1)))
    assert made["demand_lines"]["mean"].is_finite().all()


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=20),
    values=st.lists(st.floats(1, 1e6), min_size=1, max_size=10),
)
def test_sums_of_picks_lie_between_the_least_and_the_greatest_possible(counts, values):
    number = np.array(counts)
    sums = pick_sums(np.random.default_rng(0), np.array(values), number)
    assert np.all(sums >= number * min(values) * (1 - 1e-9) - 1e-6)
    assert np.all(sums <= number * max(values) * (1 + 1e-9) + 1e-6)


def test_sums_of_many_picks_have_the_mean_and_spread_of_exact_ones():
    values = np.array([1.0, 2.0, 10.0])
    sums = pick_sums(np.random.default_rng(0), values, np.full(4000, 400))
    assert sums.mean() == pytest.approx(400 * values.mean(), rel=0.01)
    assert sums.std() == pytest.approx(20 * values.std(), rel=0.05)


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_the_pipeline_model_gives_back_the_kind_of_frame_that_it_was_given(make_company, kind):
    frame = make_company(arrivals=20).select(
        "id", "product_id", "region", "status", "amount", "created_at", "closed_at"
    )
    given_kind = {"polars": frame, "pandas": frame.to_pandas(), "arrow": frame.to_arrow()}[kind]
    model = demand.PipelineModel.fit(given_kind, as_of=AS_OF)
    found = model.simulate(given_kind, periods=2, draws=50, seed=1)
    assert type(found) is type(given_kind)
    assert len(found) == 2


def test_more_periods_than_were_fitted_are_refused_with_a_remedy(make_company):
    frame = make_company(arrivals=20)
    with pytest.raises(QuarterdeckError, match="horizon"):
        demand.PipelineModel.fit(frame, as_of=AS_OF).simulate(frame, periods=7)
