"""Invoices, prepared, and what is measured on them: revenue, what is owed and what is late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"source": "source"}
JOINED = {
    "region": ("accounts", "account_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Invoices that had been written.

    Columns: id, amount (the company's minor units), the days invoiced_on, paid_on (where it is not before the
    invoice), late_on (due and not paid by then) and mended_on (paid after that), is_credit, pay_seconds, is_late,
    dimensions.
    """
    bills = scope.tables.relation("invoices")
    bills = bills.filter(bills.invoiced_at.isnull() | (bills.invoiced_at < scope.as_of))
    bills = scope.converted(bills, "invoices", "amount", scope.day(bills.invoiced_at))
    invoiced, paid = scope.day(bills.invoiced_at), scope.day(bills.paid_at)
    is_paid = paid.notnull() & (bills.paid_at >= bills.invoiced_at).fill_null(False)
    due = scope.past(bills.due_on)
    is_late = due.notnull() & ~(is_paid & (paid <= due)).fill_null(False)
    seconds = bills.paid_at.epoch_seconds().cast("int64") - bills.invoiced_at.epoch_seconds().cast("int64")
    bills = bills.mutate(
        invoiced_on=invoiced,
        paid_on=is_paid.ifelse(paid, None),
        late_on=is_late.ifelse(due, None),
        mended_on=(is_late & is_paid).ifelse(paid, None),
        is_credit=(bills.amount < 0).fill_null(False),
        pay_seconds=is_paid.ifelse(seconds, None),
        is_late=(is_paid & bills.due_on.notnull()).ifelse(paid > bills.due_on, None),
    )
    bills = scope.members(bills, by, OWN, JOINED)
    days = ["invoiced_on", "paid_on", "late_on", "mended_on"]
    return bills.select("id", "amount", *days, "is_credit", "pay_seconds", "is_late", *by)


def _valued(bill: Any) -> Any:
    return bill.amount.notnull()


def _billed(bill: Any) -> Any:
    return bill.amount.notnull() & ~bill.is_credit


MEASURES: tuple[Measure, ...] = (
    count("bills", "invoices", "invoiced_on", _valued),
    total("revenue", "invoices", "invoiced_on", "amount", is_money=True),
    count("charges", "invoices", "invoiced_on", _billed),
    total("charged", "invoices", "invoiced_on", "amount", _billed, is_money=True),
    total("credited", "invoices", "invoiced_on", "amount", lambda bill: bill.is_credit, is_money=True),
    count("bills_paid", "invoices", "paid_on", _valued),
    total("paid_amount", "invoices", "paid_on", "amount", is_money=True),
    count("bills_timed", "invoices", "paid_on"),
    total("pay_seconds", "invoices", "paid_on", "pay_seconds"),
    count("bills_due_paid", "invoices", "paid_on", lambda bill: bill.is_late.notnull()),
    count("bills_paid_late", "invoices", "paid_on", lambda bill: bill.is_late.fill_null(False)),
    count("late_in", "invoices", "late_on", _valued),
    count("late_out", "invoices", "mended_on", _valued),
    total("late_amount_in", "invoices", "late_on", "amount", is_money=True),
    total("late_amount_out", "invoices", "mended_on", "amount", is_money=True),
)

STOCKS: tuple[Stock, ...] = (
    Stock("owed", "revenue", "paid_amount", is_money=True),
    Stock("unpaid", "bills", "bills_paid"),
    Stock("late", "late_in", "late_out"),
    Stock("late_amount", "late_amount_in", "late_amount_out", is_money=True),
)


def _invoice_metric(**given: Any) -> Metric:
    return Metric(entity="invoices", needs=("invoices",), owner="finance", **given)


METRICS: tuple[Metric, ...] = (
    _invoice_metric(
        name="revenue",
        title="Revenue",
        definition="Sum of the amounts of the invoices written in the period, less credits.",
        unit="money",
        counted_on="invoiced_at",
        formula="revenue",
        records="bills",
        rows=during("invoiced_on", _valued),
        is_additive=True,
    ),
    _invoice_metric(
        name="revenue_growth",
        title="Growth of revenue",
        definition="Revenue of the period against that of the same period of the fiscal year before, less one.",
        unit="rate",
        counted_on="invoiced_at",
        formula="revenue / revenue__year_before - 1",
        records="bills",
        rows=during("invoiced_on", _valued),
    ),
    _invoice_metric(
        name="invoices",
        title="Invoices",
        definition="Number of invoices written in the period; credits are left out.",
        unit="count",
        counted_on="invoiced_at",
        formula="charges",
        records="charges",
        rows=during("invoiced_on", _billed),
        is_additive=True,
    ),
    _invoice_metric(
        name="average_invoice",
        title="Average invoice",
        definition="Mean amount of the invoices written in the period; credits are left out.",
        unit="money",
        counted_on="invoiced_at",
        formula="charged / charges",
        records="charges",
        rows=during("invoiced_on", _billed),
    ),
    _invoice_metric(
        name="credit_rate",
        title="Credit rate",
        definition="Amounts of the period's credits as a share of the amounts of its invoices.",
        unit="rate",
        counted_on="invoiced_at",
        formula="(0 - credited) / charged",
        records="bills",
        rows=during("invoiced_on", _valued),
        better="lower",
    ),
    _invoice_metric(
        name="receivables",
        title="Receivables",
        definition="Amounts of the invoices that have been written and not paid when the period ends.",
        unit="money",
        counted_on="period end",
        formula="owed",
        records="unpaid",
        rows=standing("invoiced_on", "paid_on", _valued),
        is_stock=True,
        is_additive=True,
        better="lower",
    ),
    _invoice_metric(
        name="overdue",
        title="Overdue",
        definition="Amounts of the invoices whose due day has passed and that are not paid when the period ends.",
        unit="money",
        counted_on="period end",
        formula="late_amount",
        records="late",
        rows=standing("late_on", "mended_on", _valued),
        is_stock=True,
        is_additive=True,
        better="lower",
    ),
    _invoice_metric(
        name="overdue_share",
        title="Overdue share",
        definition="What is overdue at the period's end as a share of what is owed then.",
        unit="rate",
        counted_on="period end",
        formula="late_amount / owed",
        records="unpaid",
        rows=standing("invoiced_on", "paid_on", _valued),
        is_stock=True,
        better="lower",
    ),
    _invoice_metric(
        name="days_sales_outstanding",
        title="Days sales outstanding",
        definition=(
            "Days of the period's revenue that are owed at its end: receivables by revenue, times the days of the "
            "period that have passed."
        ),
        unit="days",
        counted_on="invoiced_at",
        formula="owed / revenue * days",
        records="bills",
        rows=during("invoiced_on", _valued),
        better="lower",
    ),
    _invoice_metric(
        name="days_to_pay",
        title="Days to pay",
        definition="Mean days from invoice to payment, of the invoices paid in the period.",
        unit="days",
        counted_on="paid_at",
        formula="pay_seconds / (bills_timed * 86400)",
        records="bills_timed",
        rows=during("paid_on"),
        better="lower",
    ),
    _invoice_metric(
        name="paid_late",
        title="Paid late",
        definition=(
            "Invoices paid after their due day, as a share of the invoices with one that were paid in the period."
        ),
        unit="rate",
        counted_on="paid_at",
        formula="bills_paid_late / bills_due_paid",
        records="bills_due_paid",
        rows=during("paid_on", lambda bill: bill.is_late.notnull()),
        better="lower",
    ),
)
