"""Checks on orders, invoices and deals' lines: do quantities, prices and sums agree, was everything billed and paid?"""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Found, Moment, is_blank, offending, proposals, rule, seconds
from quarterdeck.quality.fixes import money_text

_TOLERANCE = 0.01


def _off(rows: Any, moment: Moment) -> Any:
    """Rows whose amount is not their quantity times their price, with that product as `product` in minor units."""
    factor = float(scale(moment.company.currency))
    # Rates of currencies with other minor units are left to the one check on amounts that all share: the currency's.
    own = is_blank(rows.currency) | (rows.currency == moment.company.currency)
    whole = rows.quantity.fill_null(1.0) * rows.unit_price.cast("float64") * factor
    rows = rows.mutate(exact=whole).filter(own & rows.amount.notnull() & rows.unit_price.notnull())
    apart = (rows.amount.cast("float64") - rows.exact).abs()
    larger = (rows.amount.cast("float64").abs() > rows.exact.abs()).ifelse(rows.amount.cast("float64"), rows.exact)
    rows = rows.filter((apart > _TOLERANCE * larger.abs()) & (apart > factor))
    return rows.mutate(product=(rows.exact + 0.5).floor().cast("int64"))


def line_sum_wrong(tables: Tables, moment: Moment) -> Any:
    rows = _off(tables.relation("opportunity_lines"), moment)
    return offending(rows, (rows.amount - rows["product"]).abs(), amount=rows.amount, product_amount=rows["product"])


def order_sum_wrong(tables: Tables, moment: Moment) -> Any:
    rows = _off(tables.relation("orders"), moment)
    return offending(rows, (rows.amount - rows["product"]).abs(), amount=rows.amount, product_amount=rows["product"])


def line_of_no_deal(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("opportunity_lines"), tables.relation("opportunities")
    rows = rows.anti_join(known, rows.opportunity_id == known.id)
    return offending(rows, rows.amount, named=rows.opportunity_id)


def order_of_unknown_product(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("orders"), tables.relation("products")
    rows = rows.filter(~is_blank(rows.product_id)).anti_join(known, rows.product_id == known.id)
    return offending(rows, rows.amount, named=rows.product_id)


def order_late(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("orders")
    rows = rows.filter(
        (rows.promised_on < moment.today) & rows.shipped_at.isnull() & (rows.quantity.fill_null(1.0) > 0)
    )
    return offending(rows, rows.amount, promised=rows.promised_on)


def shipped_before_ordered(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("orders")
    rows = rows.filter(seconds(rows.ordered_at) - seconds(rows.shipped_at) > 86_400)
    return offending(rows, rows.amount, ordered=rows.ordered_at.date(), shipped=rows.shipped_at.date())


def invoice_without_order(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("invoices"), tables.relation("orders")
    kept = rows.agg(linked=rows.order_id.count())
    rows = rows.anti_join(known, rows.order_id == known.id)
    rows = rows.cross_join(kept).filter(lambda row: is_blank(row.opportunity_id) & (row.linked > 0))
    return offending(rows, rows.amount, named=rows.order_id.nullif("").fill_null("no order"))


def duplicate_invoice(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = tables.relation("invoices")
    rows = rows.filter((rows.amount > 0) & rows.invoiced_at.notnull() & rows.account_id.notnull())
    key = ibis.coalesce(rows.order_id, rows.opportunity_id, ibis.literal(""))
    rows = rows.mutate(about=key)
    same = ibis.window(group_by=[rows.account_id, rows.about, rows.amount], order_by=[rows.invoiced_at, rows.id])
    rows = rows.mutate(twin=rows.id.lag().over(same), twin_at=rows.invoiced_at.lag().over(same))
    apart = seconds(rows.invoiced_at) - seconds(rows.twin_at)
    rows = rows.filter(apart <= moment.settings.double_days * 86_400)
    about = (rows.about == "").ifelse("; neither names an order", ibis.literal(", for order ") + rows.about)
    return offending(rows, rows.amount, amount=rows.amount, twin=rows.twin, other=rows.twin_at.date(), about=about)


def invoice_overdue(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("invoices")
    kept = rows.agg(paid=rows.paid_at.count())
    rows = rows.cross_join(kept).filter(
        lambda row: (row.due_on < moment.today) & row.paid_at.isnull() & (row.amount > 0) & (row.paid > 0)
    )
    return offending(rows, rows.amount, due=rows.due_on, amount=rows.amount)


def paid_before_billed(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("invoices")
    rows = rows.filter(seconds(rows.invoiced_at) - seconds(rows.paid_at) > 86_400)
    return offending(rows, rows.amount, billed=rows.invoiced_at.date(), paid=rows.paid_at.date())


def due_before_billed(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("invoices")
    rows = rows.filter(rows.due_on < rows.invoiced_at.date())
    return offending(rows, rows.amount, billed=rows.invoiced_at.date(), due=rows.due_on)


def billed_more_than_ordered(tables: Tables, _moment: Moment) -> Any:
    rows, invoices = tables.relation("orders"), tables.relation("invoices")
    sums = invoices.filter(invoices.order_id.notnull())
    sums = sums.group_by(billed_id=sums.order_id).agg(billed=sums.amount.sum(), least=sums.currency.min())
    rows = rows.inner_join(sums, rows.id == sums.billed_id)
    same = is_blank(rows.currency) | is_blank(rows.least) | (rows.currency == rows.least)
    rows = rows.filter(same & (rows.amount > 0) & (rows.billed.cast("float64") > (1 + _TOLERANCE) * rows.amount))
    return offending(rows, rows.billed - rows.amount, billed_amount=rows.billed, amount=rows.amount)


def _the_product(table: str) -> Any:
    def mend(_tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
        currency = moment.company.currency
        texts = [money_text(value, currency) for value in wrong["product_amount"]]
        made = wrong.with_columns(
            pl.lit("amount").alias("column"), pl.Series("value_proposed", texts, dtype=pl.String),
            pl.lit(0.6).alias("confidence"), pl.lit("quantity times price").alias("why"),
        )  # fmt: skip
        return proposals(made, table)

    return mend


CHECKS: tuple[Check, ...] = (
    rule(
        line_sum_wrong, "opportunity_lines",
        "Line whose amount is not quantity times price",
        "Demand by product and the deal's amount disagree.",
        "The line's amount is {amount}, quantity times price is {product_amount}.",
        "Compare it with the offer and correct the wrong one of the three.",
        kind="consistency", severity="warning", mend=_the_product("opportunity_lines"),
    ),
    rule(
        order_sum_wrong, "orders",
        "Order whose amount is not quantity times price",
        "What was sold and what was shipped disagree.",
        "The order's amount is {amount}, quantity times price is {product_amount}.",
        "Compare it with the order confirmation and correct the wrong one of the three.",
        kind="consistency", severity="warning", mend=_the_product("orders"),
    ),
    rule(
        line_of_no_deal, "opportunity_lines",
        "Line of a deal that is not there",
        "Its demand belongs to nothing.",
        "The line names the deal {named}, which is not in the list.",
        "Link it to its deal, or delete it.",
        kind="reference", needs=("opportunity_lines", "opportunities"),
    ),
    rule(
        order_of_unknown_product, "orders",
        "Order of a product that is not in the list",
        "Its demand has no price, no recipe and no stock.",
        "The order names the product {named}, which is not in the product list.",
        "Correct the product, or add it to the list.",
        kind="reference", severity="warning", needs=("orders", "products"),
    ),
    rule(
        order_late, "orders",
        "Order that should have been shipped",
        "The customer waits, and the next deal with them is at risk.",
        "The order was promised for {promised} and is not shipped.",
        "Ship it, or tell the customer a new day and enter that.",
        kind="timeliness", severity="warning", of_now=True,
    ),
    rule(
        shipped_before_ordered, "orders",
        "Order that was shipped before it was ordered",
        "Lead times come out negative.",
        "The order of {ordered} was shipped on {shipped}.",
        "Correct the wrong one of the two dates.",
        kind="consistency", severity="warning",
    ),
    rule(
        invoice_without_order, "invoices",
        "Invoice without an order or a deal",
        "What was billed cannot be held against what was sold.",
        "The invoice names {named} and no deal.",
        "Link it to the order that it bills.",
        kind="billing", severity="warning", needs=("invoices", "orders"),
    ),
    rule(
        duplicate_invoice, "invoices",
        "Invoice that is probably there twice",
        "Revenue is counted twice, and the customer is asked to pay twice.",
        "The same customer was billed {amount} on {other} too, with invoice {twin}{about}.",
        "Cancel one of the two, or write a credit.",
        kind="billing", severity="error",
    ),
    rule(
        invoice_overdue, "invoices",
        "Invoice that is not paid in time",
        "Money is missing, and pay on payment waits for it.",
        "{amount} were due on {due}.",
        "Remind the customer; ask the seller what holds it up.",
        kind="billing", severity="warning", of_now=True,
    ),
    rule(
        paid_before_billed, "invoices",
        "Invoice that was paid before it was written",
        "Days to payment come out negative.",
        "The invoice of {billed} was paid on {paid}.",
        "Correct the wrong one of the two dates; book a payment in advance as one.",
        kind="consistency",
    ),
    rule(
        due_before_billed, "invoices",
        "Invoice that is due before it was written",
        "It is overdue from the first day.",
        "The invoice of {billed} is due on {due}.",
        "Correct the due date.",
        kind="consistency", severity="warning",
    ),
    rule(
        billed_more_than_ordered, "orders",
        "Order of which more was billed than was ordered",
        "Revenue is too high, or the order was changed and nobody wrote it down.",
        "{billed_amount} were billed of an order of {amount}.",
        "Compare the invoices with the order; cancel what is too much or correct the order.",
        kind="billing", severity="error", needs=("orders", "invoices"),
    ),
)  # fmt: skip
