"""Companies without deals: what was sold comes from orders, else from invoices."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.draws import matrix
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.demand import bookings
from quarterdeck.demand.backtest import again
from quarterdeck.demand.bookings import OTHER
from quarterdeck.demand.deals import Clock, month_number, prepare
from quarterdeck.demand.settings import DemandSettings

TODAY = date(2024, 3, 11)


def config(today: date = TODAY, zone: str = "UTC", **settings: object) -> Config[DemandSettings]:
    return Config(
        as_of=datetime(today.year, today.month, today.day),
        settings=DemandSettings(**settings),  # type: ignore[arg-type]
        company=Company(timezone=zone),
    )


def order(number: int, at: datetime, amount: float | None, product: str | None = "A", **more: object) -> dict:
    cents = None if amount is None else round(amount * 100)
    return {"id": str(number), "ordered_at": at, "amount": cents, "product_id": product, "quantity": 1.0, **more}


def read(orders: list[dict], config: Config[DemandSettings], **tables: pl.DataFrame) -> bookings.Bookings:
    given = Tables(orders=pl.DataFrame(orders, infer_schema_length=None), **tables)
    return bookings.read(given, prepare(given["opportunities"], config.company), config)[0]


def test_orders_are_summed_by_product_region_and_month_of_the_company():
    accounts = pl.DataFrame({"id": ["a", "b"], "name": ["A", "B"], "region": ["North", None], "country": ["DE", "FR"]})
    found = read(
        [
            order(1, datetime(2024, 1, 2), 10.0, account_id="a"),
            order(2, datetime(2024, 1, 31, 16), 5.0, account_id="a"),
            order(3, datetime(2024, 2, 5), 7.0, account_id="b", quantity=3.0),
            order(4, datetime(2024, 2, 6), -2.0, account_id="b", quantity=-1.0),
            order(5, datetime(2024, 2, 7), 4.0, region="South", account_id="b"),
            order(6, datetime(2024, 2, 8), None, account_id="b", unit_price=1.5, quantity=2.0),
        ],
        config(zone="Asia/Seoul"),
        accounts=accounts,
    )
    rows = {(product, region, month): (q, a) for _, product, region, month, q, a in found.rows.iter_rows()}
    january, february = month_number(date(2024, 1, 1)), month_number(date(2024, 2, 1))
    # 16:00 in London on the last of January is the first of February in Seoul.
    assert rows == {
        ("A", "North", january): (1.0, 10.0),
        ("A", "North", february): (1.0, 5.0),
        ("A", "FR", february): (4.0, 8.0),
        ("A", "South", february): (1.0, 4.0),
    }
    assert found.source == "orders"
    assert found.first == january


def test_what_brings_little_is_taken_together_unless_a_recipe_names_it():
    orders = [order(n, datetime(2024, 1, 1 + n), 1000.0 / (n + 1), f"P{n}") for n in range(10)]
    recipes = pl.DataFrame({"id": ["r"], "product_id": ["P9"], "resource_id": ["x"], "quantity": [1.0]})
    found = read(orders, config(max_leaves=8), recipes=recipes)
    products = set(found.rows["product"])
    assert products == {"P9", "P0", "P1", OTHER}
    assert found.rows["amount"].sum() == pytest.approx(sum(round(100_000 / (n + 1)) / 100 for n in range(10)))


def test_invoices_stand_in_where_orders_carry_no_value():
    invoices = pl.DataFrame(
        {
            "id": ["1", "2"],
            "invoiced_at": [datetime(2024, 1, 3), datetime(2024, 1, 9)],
            "amount": [12_345, -345],
            "currency": ["USD", "USD"],
        }
    )
    found = read([order(1, datetime(2024, 1, 2), None)], config(), invoices=invoices)
    assert found.source == "invoices"
    assert found.rows.select("product", "quantity", "amount").rows() == [("(none)", 1.0, 120.0)]


def test_a_history_that_begins_late_in_a_month_begins_with_the_month_after():
    late = read([order(1, datetime(2023, 11, 20), 10.0), order(2, datetime(2023, 12, 2), 10.0)], config())
    assert late.first == month_number(date(2023, 12, 1))


def test_won_deals_count_before_orders(make_company):
    deals = make_company(months=6)
    given = Tables(opportunities=deals, orders=pl.DataFrame([order(1, datetime(2020, 1, 2), 10.0)]))
    made = config(date(2020, 7, 1))
    found, findings = bookings.read(given, prepare(given["opportunities"], made.company), made)
    won = deals.filter(pl.col("status") == "won")
    assert found.source == "deals"
    assert not findings
    assert found.rows["amount"].sum() == won["amount"].sum() / 100


def shop(months: int, seed: int = 3) -> pl.DataFrame:
    """Orders of two products in two countries; sales double every December and grow by 1 % a month."""
    noise = np.random.default_rng(seed)
    rows, number = [], 0
    for month in range(months):
        first = date(2021 + month // 12, month % 12 + 1, 1)
        usual = 40 * 1.01**month * (2.0 if first.month == 12 else 1.0)
        for product, share in (("A", 0.7), ("B", 0.3)):
            for region, part in (("East", 0.6), ("West", 0.4)):
                for _ in range(noise.poisson(usual * share * part)):
                    at = datetime(first.year, first.month, 1) + timedelta(days=float(noise.random() * 27.9))
                    number += 1
                    rows.append(order(number, at, 100.0, product, region=region, quantity=2.0))
    return conform("orders", pl.DataFrame(rows))


def forecast(orders: pl.DataFrame, made: Config[DemandSettings]) -> Tables:
    frames = {"orders": orders}
    for step in (demand.fit, demand.backtest, demand.simulate):
        frames |= step(Tables(**frames), made).tables
    return Tables(**frames)


@pytest.fixture(scope="module")
def shop_forecast() -> Tables:
    orders = shop(47)
    return forecast(orders, config(date(2024, 12, 1), draws=200))


def test_the_season_of_a_shop_is_forecast(shop_forecast):
    total = shop_forecast["demand_lines"].filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
    means = dict(total.select("period_start", "mean").iter_rows())
    usual = 40 * 1.01**47 * 100
    assert means[date(2024, 12, 1)] == pytest.approx(2 * usual, rel=0.25)
    assert means[date(2025, 2, 1)] == pytest.approx(usual, rel=0.25)


def test_draws_of_a_shop_add_up_and_bring_two_units_for_each_hundred(shop_forecast):
    draws, nodes = shop_forecast["demand_draws"], shop_forecast["nodes"]
    lines = shop_forecast["demand_lines"].filter(pl.col("measure") == "amount")
    for row in lines.filter(pl.col("period_start") == date(2025, 1, 1)).iter_rows(named=True):
        node = nodes.row(by_predicate=pl.col("node_id") == row["node_id"], named=True)
        below = nodes.filter("is_leaf")
        for column in ("product_id", "region"):
            if node[column] is not None:
                below = below.filter(pl.col(column) == node[column])
        mine = draws.filter(pl.col("node_id").is_in(below["node_id"]), pl.col("period_start") == row["period_start"])
        total = matrix(mine["amount"]).sum(axis=0)
        assert total.mean() == pytest.approx(row["mean"], rel=1e-4)
        assert np.quantile(total, 0.9) == pytest.approx(row["q90"], rel=1e-4)
    assert matrix(draws["quantity"]).sum() * 50 == pytest.approx(matrix(draws["amount"]).sum(), rel=0.02)


def test_the_back_test_of_a_shop_beats_last_year(shop_forecast):
    found = shop_forecast["method_accuracy"].filter(pl.col("node_id") == "all")
    assert set(found["method"]) == {"combined", "history", "last_year"}
    errors = {
        name: (part["mean"] - part["actual"]).abs().sum()
        for (name,), part in found.partition_by("method", as_dict=True).items()
    }
    assert errors["combined"] < errors["last_year"]
    assert shop_forecast["demand_weights"]["history"].to_list() == [1.0] * 12


def test_bookings_of_the_month_in_progress_are_there_and_not_whole():
    made = config(date(2022, 6, 15))
    table_of = demand.fit(Tables(orders=shop(18).filter(pl.col("ordered_at") < datetime(2022, 6, 15))), made).tables
    found = table_of["bookings"]
    assert found.filter(~pl.col("is_whole"))["period_start"].unique().to_list() == [date(2022, 6, 1)]
    assert found.columns == list(table("bookings").names)


def test_too_few_months_for_a_season_is_a_finding():
    found = demand.fit(Tables(orders=shop(14)), config(date(2022, 3, 1))).findings
    assert [finding.code for finding in found] == ["demand.from_sales", "demand.no_season_seen"]
    assert "14 whole months" in found[1].message


def test_two_months_of_orders_give_a_forecast_that_nothing_was_held_against():
    orders = shop(2)
    made = config(date(2021, 3, 1), draws=50)
    result = forecast(orders, made)
    assert [finding.code for finding in demand.backtest(result, made).findings] == ["demand.no_backtest"]
    total = result["demand_lines"].filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
    assert total.height == 6
    assert total["mean"].to_list() == pytest.approx([orders["amount"].sum() / 200] * 6)
    assert total.filter(pl.col("q10") < pl.col("q90")).height == 6


def test_credits_alone_are_no_demand():
    orders = [order(n, datetime(2023, 1 + n, 3), -10.0, quantity=-1.0) for n in range(12)]
    result = forecast(conform("orders", pl.DataFrame(orders)), config(date(2024, 1, 1), draws=50))
    assert result["demand_draws"].is_empty()


def test_orders_in_other_currencies_are_told():
    orders = [order(1, datetime(2024, 1, 2), 10.0, currency="EUR"), order(2, datetime(2024, 1, 2), 10.0)]
    found = demand.fit(Tables(orders=pl.DataFrame(orders, infer_schema_length=None)), config()).findings
    told = [finding for finding in found if finding.code == "demand.foreign_currency"]
    assert len(told) == 1
    assert told[0].message == "1 orders are in EUR; they are added one to one to USD."


def test_what_was_sold_later_changes_nothing_of_an_earlier_forecast():
    made = config(date(2023, 6, 1), draws=50)
    orders = shop(29)
    later = orders.with_columns(
        amount=pl.when(pl.col("ordered_at") >= datetime(2023, 3, 1)).then(pl.col("amount") * 9).otherwise("amount")
    )
    found = []
    for given in (orders, later):
        fitted = demand.fit(Tables(orders=given), made).tables
        past = bookings.Bookings.of_table(fitted["bookings"], fitted["nodes"], Clock.at(made.today))
        origin = month_number(date(2023, 3, 1))
        none = Tables()
        found.append(again(prepare(none["opportunities"], made.company), none["opportunity_history"], past,
                           fitted["nodes"], (origin, 3), config=made))  # fmt: skip
    one, two = found
    assert np.array_equal(one.history.amount, two.history.amount)
    assert np.array_equal(one.means["last_year"], two.means["last_year"])
    assert two.came.sum() == pytest.approx(9 * one.came.sum())
    whole = orders.filter(pl.col("ordered_at").is_between(datetime(2022, 4, 1), datetime(2022, 5, 1), closed="left"))
    assert one.means["last_year"][:, 1].sum() == pytest.approx(whole["amount"].sum() / 100)


@pytest.mark.shared_data
def test_a_public_wholesaler_without_deals_gets_a_plan_of_its_demand(shared_data):
    """Invoice lines alone: recomputed turnover of November 2010, and a forecast near the turnover of the months before."""
    raw = pl.read_parquet(shared_data / "online_retail" / "online_retail_II_2009_2010.parquet")
    lines = raw.with_row_index("n").select(
        id=pl.col("n").cast(pl.String),
        ordered_at=pl.col("InvoiceDate").str.to_datetime(),
        product_id=pl.col("StockCode").cast(pl.String),
        region=pl.col("Country").cast(pl.String),
        quantity=pl.col("Quantity").cast(pl.Float64),
        amount=(pl.col("Quantity") * pl.col("Price") * 100).round().cast(pl.Int64),
    )
    result = forecast(conform("orders", lines), config(date(2010, 12, 1), draws=100))
    november = result["bookings"].filter(pl.col("period_start") == date(2010, 11, 1))
    turnover = raw.filter(pl.col("InvoiceDate").str.slice(5, 2) == "11").select(
        (pl.col("Quantity") * pl.col("Price")).sum()
    )
    assert november["amount"].sum() == pytest.approx(turnover.item(), rel=1e-6)
    assert result["nodes"].filter("is_leaf").height <= 120
    total = result["demand_lines"].filter(pl.col("node_id") == "all", pl.col("measure") == "amount")
    monthly = result["bookings"].group_by("period_start").agg(pl.col("amount").sum())["amount"]
    assert total["mean"].is_between(float(monthly.min()), float(monthly.max())).all()  # type: ignore[arg-type]
    assert result["demand_accuracy"]["origin"].n_unique() == 3
