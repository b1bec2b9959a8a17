"""What holds of any records: parts add up, the future changes nothing, joins never repeat a deal."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import empty
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import METRICS, measure, measure_step, records
from quarterdeck.metrics.local import offsets
from quarterdeck.metrics.settings import MetricsSettings

AS_OF = datetime(2024, 7, 1)
KEYS = ["metric", "grain", "period_start", "dimension", "member"]
few = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])

instants = st.datetimes(datetime(2023, 1, 1), datetime(2024, 12, 31))


@st.composite
def some_deals(draw: st.DrawFn) -> pl.DataFrame:
    rows = []
    for number in range(draw(st.integers(0, 25))):
        created = draw(st.none() | instants)
        status = draw(st.sampled_from(["open", "won", "lost"]))
        closed = None if status == "open" else draw(st.none() | instants)
        rows.append(
            {
                "id": str(number),
                "status": status,
                "created_at": created,
                "closed_at": closed,
                "amount": draw(st.none() | st.integers(0, 10**12)),
                "region": draw(st.none() | st.sampled_from(["East", "West"])),
                "owner_id": draw(st.none() | st.sampled_from(["ann", "bob", "cho"])),
            }
        )
    columns = ("id", "status", "created_at", "closed_at", "amount", "region", "owner_id")
    return pl.DataFrame(rows, schema={column: empty("opportunities").schema[column] for column in columns})


def values(deals: pl.DataFrame, as_of: datetime = AS_OF, **tables: pl.DataFrame) -> pl.DataFrame:
    config = Config(as_of=as_of, settings=MetricsSettings(dimensions=("region", "owner", "industry")))
    return measure_step(Tables(opportunities=deals, **tables), config).tables["metric_values"].sort(KEYS)


@few
@given(some_deals())
def test_members_of_a_dimension_add_up_to_the_total(deals: pl.DataFrame) -> None:
    found = values(deals)
    additive = [metric.name for metric in METRICS.values() if metric.is_additive]
    found = found.filter(pl.col("metric").is_in(additive))
    sums = found.group_by("metric", "grain", "period_start", "dimension").agg(pl.col("value").sum(), pl.col("n").sum())
    totals = sums.filter(dimension="all").drop("dimension")
    compared = sums.join(totals, on=["metric", "grain", "period_start"], suffix="_total")
    assert (compared["n"] == compared["n_total"]).all()
    assert ((compared["value"] - compared["value_total"]).abs() <= 1e-9 * compared["value_total"].abs()).all()


@few
@given(some_deals())
def test_what_happens_later_changes_nothing_that_was_measured_before(deals: pl.DataFrame) -> None:
    created, closed = pl.col("created_at"), pl.col("closed_at")
    past = deals.filter(created.is_null() | (created < AS_OF)).with_columns(
        status=pl.when(closed >= AS_OF).then(pl.lit("open")).otherwise("status"),
        closed_at=pl.when(closed < AS_OF).then("closed_at"),
    )
    assert values(past).equals(values(deals))


measured = sorted(metric.name for metric in METRICS.values() if not metric.needs)


@few
@given(some_deals(), st.sampled_from(measured), st.sampled_from(["East", "West", "(none)"]))
def test_records_behind_a_figure_are_as_many_as_its_n(deals: pl.DataFrame, metric: str, member: str) -> None:
    tables = Tables(opportunities=deals)
    start, end = date(2024, 1, 1), date(2024, 4, 1)
    found = values(deals).filter(metric=metric, grain="quarter", period_start=start, dimension="region", member=member)
    behind = records(tables, metric, start, end, "region", member, as_of=AS_OF)
    if found["n"].sum():
        assert behind.height == found["n"].sum()
    else:
        # Without a figure there are no records, or what they would be divided by is missing.
        assert behind.is_empty() or "/" in METRICS[metric].formula


DEALS = pl.DataFrame(
    {
        "id": ["a", "b"],
        "status": ["won", "won"],
        "amount": [10_000, 20_000],
        "account_id": ["acme", "acme"],
        "product_id": ["drill", "drill"],
        "created_at": [datetime(2024, 1, 1)] * 2,
        "closed_at": [datetime(2024, 2, 1)] * 2,
    }
)


def won_value(deals: pl.DataFrame, **tables: pl.DataFrame) -> float:
    found = values(deals, **tables)
    return found.filter(metric="won_value", grain="all", dimension="all")["value"].item()


def test_an_account_that_is_there_twice_does_not_double_its_deals() -> None:
    accounts = pl.DataFrame({"id": ["acme", "acme"], "name": ["Acme", "Acme"], "industry": ["Retail", "Retail"]})
    assert won_value(DEALS, accounts=accounts) == 300.0


def test_a_product_that_is_there_twice_does_not_double_its_deals() -> None:
    products = pl.DataFrame({"id": ["drill", "drill"], "name": ["Drill", "Drill"], "unit_price": [1.0, 2.0]})
    assert won_value(DEALS, products=products) == 300.0


def test_many_activities_of_a_deal_do_not_multiply_its_amount() -> None:
    activities = pl.DataFrame({"id": ["1", "2", "3"], "opportunity_id": ["a", "a", "a"]})
    found = values(DEALS, activities=activities).filter(grain="all", dimension="all")
    assert found.filter(metric="won_value")["value"].item() == 300.0
    assert found.filter(metric="activities_per_deal")["value"].item() == 1.5


def test_industry_comes_from_the_account_and_unknown_ones_have_a_member_of_their_own() -> None:
    accounts = pl.DataFrame({"id": ["acme"], "name": ["Acme"], "industry": ["Retail"]})
    deals = DEALS.with_columns(account_id=pl.Series(["acme", None]))
    found = values(deals, accounts=accounts).filter(metric="won_value", grain="all", dimension="industry")
    assert dict(found.select("member", "value").iter_rows()) == {"Retail": 100.0, "(none)": 200.0}


def test_no_deals_give_no_rows() -> None:
    assert values(DEALS.clear()).is_empty()


def test_a_day_begins_in_the_companys_time_zone() -> None:
    """2024-01-31 20:00 UTC is the first of February in Seoul."""
    deals = DEALS.with_columns(closed_at=pl.lit(datetime(2024, 1, 31, 20)))
    for zone, month in (("UTC", date(2024, 1, 1)), ("Asia/Seoul", date(2024, 2, 1))):
        found = measure({"opportunities": deals}, ["won_deals"], company=Company(timezone=zone))
        assert found.filter(pl.col("n") > 0)["period_start"].to_list() == [month]


def test_summer_time_moves_the_beginning_of_a_day() -> None:
    """New York is five hours behind in January and four in July; the clocks changed on 2024-03-10 at 07:00 UTC."""
    changes = offsets("America/New_York", datetime(2024, 7, 1))
    assert changes[-1] == (datetime(2024, 3, 10, 7), timedelta(hours=-4))
    deals = DEALS.with_columns(closed_at=pl.Series([datetime(2024, 2, 1, 4, 30), datetime(2024, 7, 1, 4, 30)]))
    found = measure({"opportunities": deals}, ["won_deals"], company=Company(timezone="America/New_York"))
    assert found.filter(pl.col("n") > 0)["period_start"].to_list() == [date(2024, 1, 1), date(2024, 7, 1)]


def test_months_of_history_keep_whole_quarters_and_the_stock_from_before() -> None:
    deals = DEALS.with_columns(status=pl.lit("open"), closed_at=None, created_at=pl.lit(datetime(2023, 1, 5)))
    config = Config(as_of=AS_OF, settings=MetricsSettings(months=2, grains=("month", "quarter")))
    found = measure_step(Tables(opportunities=deals), config).tables["metric_values"]
    open_deals = found.filter(metric="open_deals", dimension="all").sort("grain", "period_start")
    assert open_deals.select("period_start", "value").rows() == [
        (date(2024, 5, 1), 2.0),
        (date(2024, 6, 1), 2.0),
        (date(2024, 4, 1), 2.0),
    ]


def test_the_answer_is_of_the_kind_of_the_frame() -> None:
    expected = measure({"opportunities": DEALS}, ["win_rate"], ["region"])
    pandas = measure({"opportunities": DEALS.to_pandas()}, ["win_rate"], ["region"])
    arrow = measure({"opportunities": DEALS.to_arrow()}, ["win_rate"], ["region"])
    assert isinstance(expected, pl.DataFrame)
    assert isinstance(pandas, pd.DataFrame)
    assert isinstance(arrow, pa.Table)
    assert pandas["value"].tolist() == arrow["value"].to_pylist() == expected["value"].to_list()


@pytest.mark.parametrize(
    ("metrics", "by", "message"),
    [
        (["win_rat"], [], "did you mean 'win_rate'"),
        (["win_rate"], ["regio"], "did you mean 'region'"),
        (["response_hours"], [], "needs the table leads"),
    ],
)
def test_a_wrong_call_says_what_to_do(metrics: list[str], by: list[str], message: str) -> None:
    with pytest.raises(QuarterdeckError, match=message):
        measure({"opportunities": DEALS}, metrics, by)


def test_money_that_is_not_in_whole_minor_units_is_refused() -> None:
    with pytest.raises(QuarterdeckError, match="minor units"):
        measure({"opportunities": DEALS.with_columns(amount=pl.lit(99.5))}, ["won_value"])
