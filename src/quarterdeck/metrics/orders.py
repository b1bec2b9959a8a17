"""Orders and the stock that serves them, prepared, and what is measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.base.money import scale
from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"region": "region", "product": "product_id", "source": "source"}
JOINED = {
    "family": ("products", "product_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
}
STOCK_OWN = {"product": "product_id", "source": "source"}
STOCK_JOINED = {"family": ("products", "product_id")}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Orders that had been placed.

    Columns: id, the days ordered_on, shipped_on and promised_on, amount and cost (the company's minor units), units (a
    thousandth), is_return, is_on_time (of shipped orders that were promised), shipping_seconds, dimensions.
    """
    import ibis

    orders = scope.tables.relation("orders")
    orders = orders.filter(orders.ordered_at.isnull() | (orders.ordered_at < scope.as_of))
    orders = scope.converted(orders, "orders", "amount", scope.day(orders.ordered_at))
    products = scope.tables.relation("products")
    minor = products.unit_cost.cast("float64") * ibis.literal(float(scale(scope.company.currency)))
    costs = products.group_by(costed_id=products.id).agg(unit_cost=minor.max())
    orders = orders.left_join(costs, orders.product_id == costs.costed_id).drop("costed_id")
    is_return = (orders.quantity < 0) | (orders.quantity.isnull() & (orders.amount < 0))
    shipped = scope.day(orders.shipped_at)
    is_sent = (orders.shipped_at >= orders.ordered_at).fill_null(False) & shipped.notnull()
    seconds = orders.shipped_at.epoch_seconds().cast("int64") - orders.ordered_at.epoch_seconds().cast("int64")
    orders = orders.mutate(
        ordered_on=scope.day(orders.ordered_at),
        shipped_on=is_sent.ifelse(shipped, None),
        units=_thousandths(orders.quantity),
        cost=(orders.quantity * orders.unit_cost + 0.5).floor().cast("int64"),
        is_return=is_return.fill_null(False),
        is_on_time=(is_sent & orders.promised_on.notnull()).ifelse(shipped <= orders.promised_on, None),
        shipping_seconds=is_sent.ifelse(seconds, None),
    )
    orders = scope.members(orders, by, OWN, JOINED)
    days = ["ordered_on", "shipped_on"]
    facts = ["amount", "cost", "units", "is_return", "is_on_time", "shipping_seconds"]
    return orders.select("id", *days, *facts, *by)


def prepare_stock(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Counts of stock as changes.

    Columns: id, the day counted_on, units (a thousandth) and change since the count before of the same product and
    site, next_on (the day of the next one), dimensions.
    """
    import ibis

    rows = scope.tables.relation("stock")
    rows = rows.mutate(counted_on=scope.past(rows.counted_on), units=_thousandths(rows.quantity))
    rows = rows.filter(rows.counted_on.notnull())
    place = ibis.window(
        group_by=[rows.product_id, rows.site_id.fill_null("")], order_by=[rows.counted_on.asc(), rows.id.asc()]
    )
    rows = rows.mutate(
        change=rows.units - rows.units.lag().over(place).fill_null(0), next_on=rows.counted_on.lead().over(place)
    )
    rows = scope.members(rows, by, STOCK_OWN, STOCK_JOINED)
    return rows.select("id", "counted_on", "next_on", "units", "change", *by)


def _thousandths(quantity: Any) -> Any:
    return (quantity * 1000 + 0.5).floor().cast("int64")


def _sold(order: Any) -> Any:
    return ~order.is_return


def _costed(order: Any) -> Any:
    return order.cost.notnull() & order.amount.notnull()


ORDERED = "ordered_on"

MEASURES: tuple[Measure, ...] = (
    count("ordered", "orders", ORDERED, _sold),
    count("returned", "orders", ORDERED, lambda order: order.is_return),
    total("ordered_amount", "orders", ORDERED, "amount", is_money=True),
    count("ordered_valued", "orders", ORDERED, lambda order: order.amount.notnull()),
    total("sold_amount", "orders", ORDERED, "amount", _sold, is_money=True),
    count("sold_valued", "orders", ORDERED, lambda order: _sold(order) & order.amount.notnull()),
    total("returned_amount", "orders", ORDERED, "amount", lambda order: order.is_return, is_money=True),
    total("units", "orders", ORDERED, "units"),
    count("unit_rows", "orders", ORDERED, lambda order: order.units.notnull()),
    total("units_sold", "orders", ORDERED, "units", _sold),
    total("costed_amount", "orders", ORDERED, "amount", _costed, is_money=True),
    total("cost", "orders", ORDERED, "cost", _costed, is_money=True),
    count("costed", "orders", ORDERED, _costed),
    count("shipped", "orders", "shipped_on"),
    count("sold_shipped", "orders", "shipped_on", _sold),
    total("shipping_seconds", "orders", "shipped_on", "shipping_seconds"),
    count("promised_shipped", "orders", "shipped_on", lambda order: order.is_on_time.notnull()),
    count("on_time", "orders", "shipped_on", lambda order: order.is_on_time.fill_null(False)),
    total("stock_change", "stock", "counted_on", "change"),
    count("stock_counts", "stock", "counted_on"),
    count("stock_recounts", "stock", "next_on"),
)

STOCKS: tuple[Stock, ...] = (
    Stock("waiting", "ordered", "sold_shipped"),
    Stock("on_hand", "stock_change", ""),
    Stock("stocked_places", "stock_counts", "stock_recounts"),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="orders",
        title="Orders",
        definition="Number of orders placed in the period, a row a product; returns are left out.",
        unit="count",
        counted_on="ordered_at",
        formula="ordered",
        records="ordered",
        rows=during(ORDERED, _sold),
        entity="orders",
        needs=("orders",),
        is_additive=True,
    ),
    Metric(
        name="order_value",
        title="Order value",
        definition="Sum of the amounts of the orders placed in the period, less returns.",
        unit="money",
        counted_on="ordered_at",
        formula="ordered_amount",
        records="ordered_valued",
        rows=during(ORDERED, lambda order: order.amount.notnull()),
        entity="orders",
        needs=("orders",),
        is_additive=True,
    ),
    Metric(
        name="order_growth",
        title="Growth of order value",
        definition="Order value of the period against that of the same period of the fiscal year before, less one.",
        unit="rate",
        counted_on="ordered_at",
        formula="ordered_amount / ordered_amount__year_before - 1",
        records="ordered_valued",
        rows=during(ORDERED, lambda order: order.amount.notnull()),
        entity="orders",
        needs=("orders",),
    ),
    Metric(
        name="average_order",
        title="Average order",
        definition="Mean amount of the orders placed in the period, of those that have an amount; without returns.",
        unit="money",
        counted_on="ordered_at",
        formula="sold_amount / sold_valued",
        records="sold_valued",
        rows=during(ORDERED, lambda order: _sold(order) & order.amount.notnull()),
        entity="orders",
        needs=("orders",),
    ),
    Metric(
        name="units_sold",
        title="Units sold",
        definition="Units of the orders placed in the period, less units returned.",
        unit="count",
        counted_on="ordered_at",
        formula="units / 1000",
        records="unit_rows",
        rows=during(ORDERED, lambda order: order.units.notnull()),
        entity="orders",
        needs=("orders",),
        is_additive=True,
    ),
    Metric(
        name="return_rate",
        title="Return rate",
        definition="Amounts of the period's returns as a share of the amounts of its orders.",
        unit="rate",
        counted_on="ordered_at",
        formula="(0 - returned_amount) / sold_amount",
        records="ordered_valued",
        rows=during(ORDERED, lambda order: order.amount.notnull()),
        entity="orders",
        needs=("orders",),
        better="lower",
    ),
    Metric(
        name="gross_margin",
        title="Gross margin",
        definition=(
            "Amounts of the period's orders less their products' unit costs, as a share of the amounts, of orders that "
            "have both."
        ),
        unit="rate",
        counted_on="ordered_at",
        formula="(costed_amount - cost) / costed_amount",
        records="costed",
        rows=during(ORDERED, _costed),
        entity="orders",
        needs=("orders", "products"),
    ),
    Metric(
        name="backlog",
        title="Backlog",
        definition="Number of orders that have been placed and not shipped when the period ends; returns are left out.",
        unit="count",
        counted_on="period end",
        formula="waiting",
        records="waiting",
        rows=standing(ORDERED, "shipped_on", _sold),
        entity="orders",
        needs=("orders",),
        is_stock=True,
        is_additive=True,
        better="lower",
    ),
    Metric(
        name="on_time_delivery",
        title="Delivery on time",
        definition=(
            "Orders shipped by the day that was promised, as a share of the orders shipped in the period that had a "
            "promise."
        ),
        unit="rate",
        counted_on="shipped_at",
        formula="on_time / promised_shipped",
        records="promised_shipped",
        rows=during("shipped_on", lambda order: order.is_on_time.notnull()),
        entity="orders",
        needs=("orders",),
    ),
    Metric(
        name="shipping_days",
        title="Days to ship",
        definition="Mean days from order to shipment, of the orders shipped in the period.",
        unit="days",
        counted_on="shipped_at",
        formula="shipping_seconds / (shipped * 86400)",
        records="shipped",
        rows=during("shipped_on"),
        entity="orders",
        needs=("orders",),
        better="lower",
    ),
    Metric(
        name="stock_on_hand",
        title="Stock on hand",
        definition="Units in stock when the period ends, by the last count of each product at each site.",
        unit="count",
        counted_on="period end",
        formula="on_hand / 1000",
        records="stocked_places",
        rows=standing("counted_on", "next_on"),
        entity="stock",
        needs=("stock",),
        is_stock=True,
        is_additive=True,
        better="neither",
    ),
    Metric(
        name="stock_turns",
        title="Stock turns",
        definition=(
            "How often a year the stock is sold: units sold in the period, taken to 365 days, for each unit in stock "
            "at its end."
        ),
        unit="count",
        counted_on="ordered_at",
        formula="units_sold / days * 365 / on_hand",
        records="stocked_places",
        rows=standing("counted_on", "next_on"),
        entity="stock",
        needs=("stock", "orders"),
    ),
)
