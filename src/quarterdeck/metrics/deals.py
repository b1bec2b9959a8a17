"""Deals, prepared: one row a deal with its days, its members and its value.

Whatever is joined to a deal is first made one row a key, so a join never repeats a deal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.base.money import scale
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {
    "region": "region",
    "owner": "owner_id",
    "product": "product_id",
    "kind": "kind",
    "pipeline": "pipeline",
    "source": "source",
}
"""Dimensions that stand in the deal, with their columns."""

JOINED = {
    "family": ("products", "product_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
    "team": ("people", "owner_id"),
    "channel": ("leads", "lead_id"),
}
"""Dimensions that another table tells: the table, and the deal's column that leads there."""

_NEEDED = (
    *("id", "account_id", "lead_id", "owner_id", "product_id", "region", "kind", "pipeline", "source"),
    *("status", "amount", "currency", "created_at", "closed_at"),
)


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Deals as they were known at a moment.

    Columns: id, is_won, is_lost, amount, worth, list_price and yearly (the company's minor units; worth is the amount,
    or the list price where none is stated; yearly is that of a year, of products that are sold for a term), the days
    created_on, closed_on, entered_on, left_on and ends_on (when the term ends), created_days (entered_on as a number),
    cycle_seconds, activities (when there are any), and one column a dimension in `by`.
    """
    deals = known(scope)
    if {"owner", "team"} & set(by):
        deals = credited(deals, scope)
    deals = scope.members(deals, by, OWN, JOINED)
    deals = _with_activities(_dated(_valued(deals, scope), scope), scope)
    columns = ["id", "is_won", "is_lost", "amount", "worth", "list_price", "yearly", "monthly"]
    days = ["created_on", "closed_on", "entered_on", "left_on", "ends_on"]
    return deals.select(*columns, *days, "created_days", "cycle_seconds", "activities", *by)


def known(scope: Scope) -> ibis.Table:
    """Deals that had begun, with is_won, is_lost and is_undated, amounts in the company's currency."""
    deals = scope.tables.relation("opportunities").select(*_NEEDED)
    deals = deals.filter(deals.created_at.isnull() | (deals.created_at < scope.as_of))
    is_known = deals.closed_at.notnull() & (deals.closed_at < scope.as_of)
    deals = deals.mutate(
        is_won=((deals.status == "won") & is_known).fill_null(False),
        is_lost=((deals.status == "lost") & is_known).fill_null(False),
        # closed, and nobody says when: neither won nor lost in any period, and not open
        is_undated=((deals.status != "open") & deals.closed_at.isnull()).fill_null(False),
    )
    return scope.converted(deals, "opportunities", "amount", scope.day(deals.closed_at))


def credited(deals: ibis.Table, scope: Scope) -> ibis.Table:
    """The owner of a closed deal is who owned it when it closed, not who looks after it now."""
    import ibis

    if not scope.tables.has("opportunity_history"):
        return deals
    history = scope.tables.relation("opportunity_history")
    history = history.filter(history.owner_id.notnull())
    owners = history.group_by("opportunity_id").agg(least=history.owner_id.min(), most=history.owner_id.max())
    changed = owners.filter(owners.least != owners.most).select(moved_id="opportunity_id")
    history = history.semi_join(changed, history.opportunity_id == changed.moved_id)
    closed = deals.filter(deals.is_won | deals.is_lost).select(closed_id="id", until="closed_at")
    past = history.inner_join(closed, history.opportunity_id == closed.closed_id)
    past = past.filter(past.changed_at <= past.until)
    newest = ibis.window(group_by=past.closed_id, order_by=[past.changed_at.desc(), past.id.desc()])
    past = past.mutate(place=ibis.row_number().over(newest))
    last = past.filter(past.place == 0).select("closed_id", credited_to="owner_id")
    joined = deals.left_join(last, deals.id == last.closed_id)
    return joined.mutate(owner_id=joined.credited_to.coalesce(joined.owner_id)).select(*deals.columns)


def list_prices(scope: Scope) -> ibis.Table:
    """`priced_id`, its list price in the company's minor units and its term in months, one row a product."""
    import ibis

    products = scope.tables.relation("products")
    minor = (products.unit_price.cast("float64") * ibis.literal(float(scale(scope.company.currency)))).round()
    products = products.mutate(price=minor.cast("int64"))
    products = scope.converted(products, "products", "price", ibis.null("date"))
    term = (products.term_months > 0).ifelse(products.term_months, None)
    return products.group_by(priced_id=products.id).agg(price=products.price.max(), term=term.max())


def _valued(deals: ibis.Table, scope: Scope) -> ibis.Table:
    """Worth falls back to the list price; a year's and a month's part of what is sold for a term."""
    prices = list_prices(scope)
    deals = deals.left_join(prices, deals.product_id == prices.priced_id).drop("priced_id")
    deals = _with_single_price(deals, scope)
    yearly = _whole_part(deals.amount * 12, deals.term)
    return deals.mutate(
        worth=deals.amount.nullif(0).coalesce(deals.price),
        list_price=deals.single_price,
        yearly=yearly,
        monthly=_whole_part(deals.amount, deals.term),
    )


def _with_single_price(deals: ibis.Table, scope: Scope) -> ibis.Table:
    """The list price where the deal is one unit: deals with lines have quantities."""
    if not scope.tables.has("opportunity_lines"):
        return deals.mutate(single_price=deals.price)
    lines = scope.tables.relation("opportunity_lines").select(lined_id="opportunity_id").distinct()
    deals = deals.left_join(lines, deals.id == lines.lined_id)
    return deals.mutate(single_price=deals.lined_id.isnull().ifelse(deals.price, None)).drop("lined_id")


def _whole_part(amount: Any, parts: Any) -> Any:
    """A part of an amount in whole minor units, rounded towards zero."""
    return ((amount - amount % parts) / parts).cast("float64").round().cast("int64")


def _dated(deals: ibis.Table, scope: Scope) -> ibis.Table:
    """The company's days. A deal whose dates contradict each other would leave before it entered: not in the stock."""
    import ibis

    is_closed = deals.is_won | deals.is_lost
    is_stocked = deals.created_at.notnull() & ~deals.is_undated
    is_stocked &= ~is_closed | (deals.closed_at >= deals.created_at).fill_null(False)
    created, closed = scope.day(deals.created_at), is_closed.ifelse(scope.day(deals.closed_at), None)
    seconds = deals.closed_at.epoch_seconds().cast("int64") - deals.created_at.epoch_seconds().cast("int64")
    months = closed.year() * 12 + closed.month() - 1 + deals.term
    first = (months - months % 12) / 12
    ends = ibis.date(
        first.cast("float64").round().cast("int32"), (months % 12 + 1).cast("int32"), _least_28(closed.day())
    )
    return deals.mutate(
        created_on=created,
        closed_on=closed,
        entered_on=is_stocked.ifelse(created, None),
        left_on=is_stocked.ifelse(closed, None),
        ends_on=(deals.is_won & deals.monthly.notnull()).ifelse(scope.past(ends), None),
        created_days=is_stocked.ifelse(day_number(created), None),
        cycle_seconds=(is_stocked & is_closed).ifelse(seconds, None),
    )


def _least_28(day: Any) -> Any:
    """The day of a month that every month has."""
    return (day > 28).ifelse(28, day).cast("int32")


def day_number(day: Any) -> Any:
    """Days since 1 January 1970."""
    seconds = day.cast("timestamp").epoch_seconds().cast("int64")
    return (seconds / 86_400).cast("float64").round().cast("int64")


def _with_activities(deals: ibis.Table, scope: Scope) -> ibis.Table:
    """How many activities each deal has had: counted first, joined then."""
    import ibis

    if "activities" not in scope.tables:
        return deals.mutate(activities=ibis.literal(0, type="int64"))
    every = scope.tables.relation("activities")
    is_past = every.started_at.isnull() | (every.started_at < scope.as_of)
    every = every.filter(every.opportunity_id.notnull() & is_past)
    counts = every.group_by(worked_id=every.opportunity_id).agg(activities=every.count())
    deals = deals.left_join(counts, deals.id == counts.worked_id).drop("worked_id")
    return deals.mutate(activities=deals.activities.fill_null(0))
