"""Forecasts at earlier dates use what was known then, and hold against what came."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import conform
from quarterdeck.base.tables import Tables
from quarterdeck.demand.backtest import again, coverage, origins, rewind, stated_amounts, weighted_error
from quarterdeck.demand.baselines import naive
from quarterdeck.demand.bookings import Bookings
from quarterdeck.demand.deals import Clock, prepare
from quarterdeck.demand.settings import DemandSettings

NOTHING = pl.DataFrame(schema={"id": pl.String, "amount": pl.Float64})
ORIGIN = 2021 * 12 + 5  # 2021-06


def config(today: date, **settings: object) -> Config[DemandSettings]:
    return Config(
        as_of=datetime(today.year, today.month, today.day),
        settings=DemandSettings(**settings),  # type: ignore[arg-type]
        company=Company(),
    )


def deal(
    name: str, status: str, created: date | None, closed: date | None, amount: int | None = None
) -> dict[str, object]:
    return {"id": name, "status": status, "created_at": created, "closed_at": closed, "amount": amount}


def as_deals(*rows: dict[str, object]) -> pl.DataFrame:
    return prepare(conform("opportunities", pl.DataFrame(list(rows), infer_schema_length=None)), Company())


def test_rewound_deals_are_as_they_stood():
    deals = as_deals(
        deal("closed before", "won", date(2021, 1, 5), date(2021, 5, 31), 100),
        deal("closed on the day", "won", date(2021, 1, 5), date(2021, 6, 1), 100),
        deal("closed later", "lost", date(2021, 1, 5), date(2021, 8, 1), 0),
        deal("opened on the day", "open", date(2021, 6, 1), None),
        deal("still open", "open", date(2021, 3, 1), None, 500),
        deal("undated, closed before", "won", None, date(2021, 3, 1), 100),
        deal("undated, open", "open", None, None),
    )
    then = rewind(deals, ORIGIN, NOTHING)
    assert dict(then.select("id", "status").iter_rows()) == {
        "closed before": "won", "closed on the day": "open", "closed later": "open", "still open": "open",
        "undated, closed before": "won",
    }  # fmt: skip
    assert then.filter(pl.col("status") == "open")["amount"].null_count() == 3


def test_what_an_open_deal_was_thought_to_be_worth_comes_from_its_history():
    deals = as_deals(deal("d", "won", date(2021, 1, 5), date(2021, 8, 1), 900))
    history = conform(
        "opportunity_history",
        pl.DataFrame(
            {
                "id": ["1", "2", "3"],
                "opportunity_id": ["d", "d", "d"],
                "changed_at": [datetime(2021, 2, 1), datetime(2021, 5, 1), datetime(2021, 7, 1)],
                "amount": [40_000, 50_000, 90_000],
                "currency": ["USD", "USD", "USD"],
            }
        ),
    )
    stated = stated_amounts(history, date(2021, 6, 1), config(date(2022, 1, 1)))
    assert rewind(deals, ORIGIN, stated)["amount"].to_list() == [500.0]


@given(
    later=st.lists(
        st.tuples(st.integers(0, 200), st.integers(1, 200), st.sampled_from(["open", "won", "lost"])), max_size=15
    )
)
def test_deals_of_the_future_change_nothing_at_an_earlier_date(later):
    past = [
        deal("a", "won", date(2021, 1, 5), date(2021, 5, 1), 100),
        deal("b", "open", date(2021, 3, 5), None),
        deal("c", "lost", date(2021, 2, 5), date(2021, 9, 1), 0),
    ]
    start = date(2021, 6, 1).toordinal()
    future = [
        deal(
            f"f{number}", status, date.fromordinal(start + after),
            None if status == "open" else date.fromordinal(start + after + days), 100,
        )
        for number, (after, days, status) in enumerate(later)
    ]  # fmt: skip
    assert rewind(as_deals(*past, *future), ORIGIN, NOTHING).equals(rewind(as_deals(*past), ORIGIN, NOTHING))


@pytest.mark.parametrize(
    ("months", "expected"),
    [(2, []), (4, [3]), (7, [6, 5, 4]), (10, [8, 6, 4]), (36, [33, 30, 27])],
)
def test_origins_lie_as_far_apart_as_the_history_allows(months, expected):
    assert origins(0, months, DemandSettings()) == expected


def test_the_naive_forecast_is_last_year_where_there_is_one():
    past = np.arange(13.0)[None, :]
    assert naive(past, 3).tolist() == [[1.0, 2.0, 3.0]]
    assert naive(past[:, :12], 2).tolist() == [[10.0, 10.0]]


def test_intervals_cover_what_came_and_the_forecast_beats_the_naive_one(make_company):
    """A company with known odds and a jump in its arrivals a year ago, which last year's months know nothing of."""
    frames = [
        make_company(arrivals=25, months=36, product=product, region=region, seed=seed)
        for seed, (product, region) in enumerate([("A", "East"), ("A", "West"), ("B", "East")])
    ]
    extra = make_company(arrivals=40, months=36, product="B", region="West", seed=9).filter(
        pl.col("created_at") >= datetime(2022, 3, 1)
    )
    result = demand.backtest(Tables(opportunities=pl.concat([*frames, extra])), config(date(2023, 1, 1), draws=300))
    table = result.tables["demand_accuracy"]
    total = table.filter(pl.col("node_id") == "all")
    assert total.height == 15
    assert weighted_error(total, "mean") < 0.8 * weighted_error(total, "baseline")
    parts = table.filter(pl.col("node_id") != "all")
    assert 0.6 <= coverage(parts) <= 0.99
    assert coverage(parts, "q25", "q75") < coverage(parts) < coverage(parts, "q025", "q975") + 1e-9


def test_actuals_are_the_bookings_of_the_month(make_company):
    frame = make_company(arrivals=30)
    table = demand.backtest(Tables(opportunities=frame), config(date(2022, 1, 1), draws=100)).tables["demand_accuracy"]
    won = frame.filter(
        (pl.col("status") == "won")
        & pl.col("closed_at").is_between(datetime(2021, 10, 1), datetime(2021, 11, 1), closed="left")
    )
    row = table.row(
        by_predicate=(pl.col("node_id") == "all")
        & (pl.col("origin") == date(2021, 10, 1))
        & (pl.col("period_start") == date(2021, 10, 1)),
        named=True,
    )
    assert row["actual"] == won["amount"].sum() / 100
    assert row["horizon"] == 1


def test_too_short_a_history_is_a_finding_and_an_empty_table(make_company):
    result = demand.backtest(Tables(opportunities=make_company(months=2)), config(date(2020, 3, 1)))
    assert result.tables["demand_accuracy"].is_empty()
    assert [finding.code for finding in result.findings] == ["demand.no_backtest"]


def export(folder: Path, as_of: date) -> pl.DataFrame:
    """The public pipeline as it stood at a date."""
    with (folder / "sales_teams.csv").open(encoding="utf-8") as file:
        region = {row["sales_agent"]: row["regional_office"] for row in csv.DictReader(file)}
    raw = pl.read_csv(folder / "sales_pipeline.csv", infer_schema=False)
    frame = raw.select(
        id="opportunity_id",
        product_id=pl.col("product").replace({"GTXPro": "GTX Pro"}),
        region=pl.col("sales_agent").replace_strict(region),
        status=pl.col("deal_stage").replace_strict({"Won": "won", "Lost": "lost"}, default="open"),
        amount=(pl.col("close_value").cast(pl.Float64) * 100).cast(pl.Int64),
        created_at=pl.col("engage_date").str.strptime(pl.Date, "%d-%m-%y", strict=False),
        closed_at=pl.col("close_date").str.strptime(pl.Date, "%d-%m-%y", strict=False),
    )
    frame = frame.filter(pl.col("created_at").is_null() | (pl.col("created_at") < as_of))
    late = (pl.col("closed_at") >= as_of).fill_null(False)
    return conform(
        "opportunities",
        frame.with_columns(
            status=pl.when(late).then(pl.lit("open")).otherwise("status"),
            amount=pl.when(late).then(None).otherwise("amount"),
            closed_at=pl.when(late).then(None).otherwise("closed_at"),
        ),
    )


@pytest.mark.shared_data
@pytest.mark.parametrize("as_of", [date(2017, 10, 1), date(2018, 1, 1)])
def test_on_the_public_export_the_forecast_beats_the_naive_one(shared_data, as_of):
    deals = export(shared_data / "crm_sales_opportunities", as_of)
    result = demand.backtest(Tables(opportunities=deals), config(as_of, draws=300))
    table = result.tables["demand_accuracy"]
    total = table.filter(pl.col("node_id") == "all")
    assert table["origin"].n_unique() == 3
    assert weighted_error(total, "mean") < weighted_error(total, "baseline")
    assert coverage(table) >= 0.7


@pytest.mark.shared_data
def test_on_the_public_export_the_last_quarter_lies_in_the_95_percent_interval(shared_data):
    folder = shared_data / "crm_sales_opportunities"
    made, tables = config(date(2017, 10, 1), draws=300), {"opportunities": export(folder, date(2017, 10, 1))}
    learned = demand.fit(Tables(**tables), made).tables
    lines = demand.simulate(Tables(**tables, **learned), made).tables["demand_lines"]
    total = lines.filter((pl.col("node_id") == "all") & (pl.col("measure") == "amount")).sort("period_start").head(3)
    came = [731_980.0, 938_943.0, 1_131_573.0]
    for row, value in zip(total.iter_rows(named=True), came, strict=True):
        assert row["q025"] <= value <= row["q975"]


def test_many_leaves_are_tried_with_fewer_draws():
    """600 leaves keep 200,000 // 600 of 500 draws at an earlier date."""
    orders = [
        {"id": f"{leaf}-{month}", "ordered_at": datetime(2021, 1 + month, 3), "amount": 1000, "product_id": f"P{leaf}"}
        for leaf in range(600)
        for month in range(4)
    ]
    given = {"orders": conform("orders", pl.DataFrame(orders))}
    made = config(date(2021, 5, 1), max_leaves=2000)
    fitted = demand.fit(Tables(**given), made).tables
    assert fitted["nodes"].filter("is_leaf").height == 600
    past = Bookings.of_table(fitted["bookings"], fitted["nodes"], Clock.at(made.today))
    empty = Tables()
    deals, history = prepare(empty["opportunities"], Company()), empty["opportunity_history"]
    trial = again(deals, history, past, fitted["nodes"], (2021 * 12 + 3, 1), config=made)
    assert trial.history.amount.shape[-1] == 333
