"""Deals, prepared: one row a deal with its dates as the company's days, its dimensions and its value.

Whatever is joined to a deal is first made one row a key, so a join never repeats a deal.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from quarterdeck.base.config import Company
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.local import local_day
from quarterdeck.metrics.metric import NOBODY

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
    *("status", "amount", "created_at", "closed_at"),
)


def prepare(tables: Tables, company: Company, as_of: datetime, by: tuple[str, ...]) -> ibis.Table:
    """Deals as they were known at an instant.

    Columns: id, is_won, is_lost, amount and worth (the company's minor units; worth is the amount, or the product's
    list price where none is stated), the company's days created_on, closed_on, entered_on and left_on, created_month,
    closed_month, cycle_seconds, activities (when there are any), and one column a dimension in `by`.
    """
    deals = tables.relation("opportunities").select(*_NEEDED)
    deals = deals.filter(deals.created_at.isnull() | (deals.created_at < as_of))
    is_known = deals.closed_at.notnull() & (deals.closed_at < as_of)
    deals = deals.mutate(
        is_won=((deals.status == "won") & is_known).fill_null(False),
        is_lost=((deals.status == "lost") & is_known).fill_null(False),
        # closed, and nobody says when: neither won nor lost in any period, and not open
        is_undated=((deals.status != "open") & deals.closed_at.isnull()).fill_null(False),
    )
    deals = _with_activities(
        _dated(_valued(_joined(deals, tables, by), tables, company), company, as_of), tables, as_of
    )
    columns = ["id", "is_won", "is_lost", "amount", "worth", "cycle_seconds", "activities"]
    days = ["created_on", "closed_on", "entered_on", "left_on", "created_month", "closed_month"]
    return deals.select(*columns, *days, *by)


def _joined(deals: ibis.Table, tables: Tables, by: tuple[str, ...]) -> ibis.Table:
    for table in dict.fromkeys(JOINED[name][0] for name in by if name in JOINED):
        names = [name for name in by if name in JOINED and JOINED[name][0] == table]
        other = tables.relation(table)
        unique = other.group_by(joined_id=other.id).agg(**{name: other[name].max() for name in names})
        key = JOINED[names[0]][1]
        deals = deals.left_join(unique, deals[key] == unique.joined_id).drop("joined_id")
    members = {name: deals[OWN.get(name, name)].fill_null(NOBODY) for name in by}
    return deals.mutate(**members)


def _valued(deals: ibis.Table, tables: Tables, company: Company) -> ibis.Table:
    """Amounts in the company's minor units; worth falls back to the list price."""
    import ibis

    products = tables.relation("products")
    prices = products.group_by(priced_id=products.id).agg(price=products.unit_price.cast("float64").max())
    deals = deals.left_join(prices, deals.product_id == prices.priced_id).drop("priced_id")
    price = (deals.price * ibis.literal(float(scale(company.currency)))).round().cast("int64")
    return deals.mutate(worth=deals.amount.nullif(0).coalesce(price))


def _dated(deals: ibis.Table, company: Company, as_of: datetime) -> ibis.Table:
    """The company's days. A deal whose dates contradict each other would leave before it entered: not in the stock."""
    day = local_day(company, as_of)
    is_closed = deals.is_won | deals.is_lost
    is_stocked = deals.created_at.notnull() & ~deals.is_undated
    is_stocked &= ~is_closed | (deals.closed_at >= deals.created_at).fill_null(False)
    created, closed = day(deals.created_at), is_closed.ifelse(day(deals.closed_at), None)
    seconds = deals.closed_at.epoch_seconds().cast("int64") - deals.created_at.epoch_seconds().cast("int64")
    return deals.mutate(
        created_on=created,
        closed_on=closed,
        entered_on=is_stocked.ifelse(created, None),
        left_on=is_stocked.ifelse(closed, None),
        created_month=created.truncate("month"),
        closed_month=closed.truncate("month"),
        cycle_seconds=(is_stocked & is_closed).ifelse(seconds, None),
    )


def _with_activities(deals: ibis.Table, tables: Tables, as_of: datetime) -> ibis.Table:
    """How many activities each deal has had: counted first, joined then."""
    import ibis

    if "activities" not in tables:
        return deals.mutate(activities=ibis.literal(0, type="int64"))
    every = tables.relation("activities")
    every = every.filter(every.opportunity_id.notnull() & (every.started_at.isnull() | (every.started_at < as_of)))
    counts = every.group_by(worked_id=every.opportunity_id).agg(activities=every.count())
    deals = deals.left_join(counts, deals.id == counts.worked_id).drop("worked_id")
    return deals.mutate(activities=deals.activities.fill_null(0))
