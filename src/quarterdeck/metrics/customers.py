"""Customers by what they buy: who is one, who came, stayed and went, and what of last year's revenue stayed.

A purchase is an invoice; without invoices an order, without orders a won deal. A company is a customer from a purchase
until it has bought nothing for `metrics.customer_days`. Retention compares what each customer brought in the last 365
days with the 365 days before. Both are kept as changes by day, so they are stocks that add up over members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics import deals
from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

YEAR = 365

OWN: dict[str, str] = {}
JOINED = {
    "region": ("accounts", "account_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
}


def source(scope: Scope) -> str:
    """The table that tells what was bought."""
    return next((name for name in ("invoices", "orders") if scope.tables.has(name)), "opportunities")


def purchases(scope: Scope) -> ibis.Table:
    """`id, account_id, bought_on, amount` (the company's minor units) of every purchase of a known account."""
    table = source(scope)
    if table == "opportunities":
        rows = deals.known(scope)
        rows = rows.filter(rows.is_won).mutate(at=rows.closed_at)
    else:
        column = {"invoices": "invoiced_at", "orders": "ordered_at"}[table]
        rows = scope.tables.relation(table)
        rows = scope.converted(rows, table, "amount", scope.day(rows[column]))
        rows = rows.mutate(at=rows[column])
    rows = rows.mutate(bought_on=scope.day(rows["at"]))
    rows = rows.filter(rows.account_id.notnull() & rows.bought_on.notnull())
    return rows.select("id", "account_id", "bought_on", amount=rows.amount.fill_null(0))


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Purchases with first_on (the account's first day) and is_repeat (after that day), and dimensions."""
    rows = purchases(scope)
    first = rows.group_by(first_id=rows.account_id).agg(first_on=rows.bought_on.min())
    rows = rows.left_join(first, rows.account_id == first.first_id).drop("first_id")
    rows = scope.members(rows.mutate(is_repeat=rows.bought_on > rows.first_on), by, OWN, JOINED)
    return rows.select("id", "account_id", "bought_on", "first_on", "is_repeat", "amount", *by)


def prepare_customers(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Spells in which an account was a customer.

    Columns: id (of the account), the days came_on and went_on, is_first (its first spell), bought_again (a second day
    of purchase within the spell's first 365 days), dimensions.
    """
    import ibis

    days = purchases(scope).filter(lambda row: row.amount > 0).select("account_id", "bought_on").distinct()
    place = ibis.window(group_by=days.account_id, order_by=days.bought_on.asc())
    days = days.mutate(before=days.bought_on.lag().over(place), after=days.bought_on.lead().over(place))
    gap = ibis.interval(days=scope.settings.customer_days)
    lapses = (days.bought_on + gap).cast("date")
    days = days.mutate(
        starts=days.before.isnull() | ((days.before + gap).cast("date") < days.bought_on),
        ends=days.after.isnull() | (lapses < days.after),
        lapses=lapses,
        soon=(days.after <= (days.bought_on + ibis.interval(days=YEAR)).cast("date")).fill_null(False),
    )
    edges = days.filter(days.starts | days.ends)
    order = ibis.window(group_by=edges.account_id, order_by=edges.bought_on.asc())
    edges = edges.mutate(next_lapse=edges.lapses.lead().over(order))
    spells = edges.filter(edges.starts)
    spells = spells.mutate(
        went_on=scope.past(spells.ends.ifelse(spells.lapses, spells.next_lapse)), is_first=spells.before.isnull()
    )
    spells = scope.members(spells, by, OWN, JOINED)
    return spells.select("went_on", "is_first", *by, id="account_id", came_on="bought_on", bought_again=spells.soon)


def prepare_retention(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """What changes from a day on in an account's revenue of the last 365 days and of those before.

    Columns: id (of the account), the days from_on and until_on, base (revenue of the 365 days before the last, where
    positive), kept (what of it came again, at most as much), retained (all that came from these accounts), each in
    minor units and with its change as change_*, is_based and stays with their changes, dimensions.
    """
    import ibis

    rows = purchases(scope)
    parts = []
    for shift, now, before in ((0, 1, 0), (YEAR, -1, 1), (2 * YEAR, 0, -1)):
        day = (rows.bought_on + ibis.interval(days=shift)).cast("date") if shift else rows.bought_on
        parts.append(
            rows.select(
                account_id=rows.account_id, from_on=scope.past(day), now=rows.amount * now, past=rows.amount * before
            )
        )
    moves = ibis.union(*parts, distinct=False)
    moves = moves.filter(moves.from_on.notnull())
    moves = moves.group_by("account_id", "from_on").agg(now=moves.now.sum(), past=moves.past.sum())
    so_far = ibis.window(group_by=moves.account_id, order_by=moves.from_on.asc(), preceding=None, following=0)
    moves = moves.mutate(
        now=moves.now.sum().over(so_far).cast("int64"), past=moves.past.sum().over(so_far).cast("int64")
    )
    now = (moves.now > 0).ifelse(moves.now, 0)
    is_based = moves.past > 0
    moves = moves.mutate(
        base=is_based.ifelse(moves.past, 0),
        retained=is_based.ifelse(now, 0),
        kept=is_based.ifelse((now < moves.past).ifelse(now, moves.past), 0),
        is_based=is_based.ifelse(1, 0).cast("int64"),
        stays=(is_based & (moves.now > 0)).ifelse(1, 0).cast("int64"),
    )
    place = ibis.window(group_by=moves.account_id, order_by=moves.from_on.asc())
    names = ("base", "retained", "kept", "is_based", "stays")
    changes: dict[str, Any] = {
        f"change_{name}": moves[name] - moves[name].lag().over(place).fill_null(0) for name in names
    }
    moves = moves.mutate(until_on=moves.from_on.lead().over(place), **changes)
    moves = scope.members(moves, by, OWN, JOINED)
    return moves.select("from_on", "until_on", *names, *changes, *by, id="account_id")


def _repeat(purchase: Any) -> Any:
    return purchase.is_repeat


MEASURES: tuple[Measure, ...] = (
    count("bought", "purchases", "bought_on"),
    total("bought_amount", "purchases", "bought_on", "amount", is_money=True),
    total("repeat_amount", "purchases", "bought_on", "amount", _repeat, is_money=True),
    count("came", "customers", "came_on"),
    count("came_first", "customers", "came_on", lambda spell: spell.is_first),
    count("came_again", "customers", "came_on", lambda spell: spell.is_first & spell.bought_again),
    count("went", "customers", "went_on"),
    total("base_change", "retention", "from_on", "change_base", is_money=True),
    total("retained_change", "retention", "from_on", "change_retained", is_money=True),
    total("kept_change", "retention", "from_on", "change_kept", is_money=True),
    total("based_change", "retention", "from_on", "change_is_based"),
    total("stays_change", "retention", "from_on", "change_stays"),
)

STOCKS: tuple[Stock, ...] = (
    Stock("customers", "came", "went"),
    Stock("base", "base_change", ""),
    Stock("retained", "retained_change", ""),
    Stock("kept", "kept_change", ""),
    Stock("based", "based_change", ""),
    Stock("stays", "stays_change", ""),
)
_BASED = standing("from_on", "until_on", lambda row: row.is_based == 1)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="customers",
        title="Customers",
        definition=(
            "Number of companies that are customers when the period ends: they bought within the days of "
            "metrics.customer_days before."
        ),
        unit="count",
        counted_on="period end",
        formula="customers",
        records="customers",
        rows=standing("came_on", "went_on"),
        entity="customers",
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="new_customers",
        title="New customers",
        definition="Number of companies that bought for the first time in the period.",
        unit="count",
        counted_on="first purchase",
        formula="came_first",
        records="came_first",
        rows=during("came_on", lambda spell: spell.is_first),
        entity="customers",
        is_additive=True,
    ),
    Metric(
        name="returned_customers",
        title="Customers won back",
        definition="Number of companies that had lapsed as customers and bought again in the period.",
        unit="count",
        counted_on="purchase",
        formula="came - came_first",
        records="came - came_first",
        rows=during("came_on", lambda spell: ~spell.is_first),
        entity="customers",
        is_additive=True,
    ),
    Metric(
        name="lost_customers",
        title="Customers lost",
        definition="Number of companies whose last purchase became older than metrics.customer_days in the period.",
        unit="count",
        counted_on="lapse",
        formula="went",
        records="went",
        rows=during("went_on"),
        entity="customers",
        is_additive=True,
        better="lower",
    ),
    Metric(
        name="churn_rate",
        title="Customer churn",
        definition="Customers lost in the period as a share of the customers at its beginning.",
        unit="rate",
        counted_on="lapse",
        formula="went / customers_before",
        records="went",
        rows=during("went_on"),
        entity="customers",
        better="lower",
    ),
    Metric(
        name="repeat_rate",
        title="Repeat rate",
        definition=(
            "Companies that bought on a second day within 365 days, as a share of the companies that bought for the "
            "first time in the period; it moves until these days have passed."
        ),
        unit="rate",
        counted_on="first purchase",
        formula="came_again / came_first",
        records="came_first",
        rows=during("came_on", lambda spell: spell.is_first),
        entity="customers",
    ),
    Metric(
        name="repeat_share",
        title="Share of repeat business",
        definition="Purchases after a company's first day of purchase, as a share of the amounts bought in the period.",
        unit="rate",
        counted_on="purchase",
        formula="repeat_amount / bought_amount",
        records="bought",
        rows=during("bought_on"),
        entity="purchases",
    ),
    Metric(
        name="revenue_per_customer",
        title="Revenue per customer",
        definition="Amounts bought in the period for each company that is a customer at its end.",
        unit="money",
        counted_on="purchase",
        formula="bought_amount / customers",
        records="bought",
        rows=during("bought_on"),
        entity="purchases",
    ),
    Metric(
        name="net_retention",
        title="Net revenue retention",
        definition=(
            "What the customers of the 365 days before last brought in the last 365 days, as a share of what they had "
            "brought; at the period's end, with growth of these customers and without new ones."
        ),
        unit="rate",
        counted_on="period end",
        formula="retained / base",
        records="based",
        rows=_BASED,
        entity="retention",
        is_stock=True,
    ),
    Metric(
        name="gross_retention",
        title="Gross revenue retention",
        definition=(
            "What the customers of the 365 days before last brought in the last 365 days, each at most as much as "
            "before, as a share of what they had brought; at the period's end."
        ),
        unit="rate",
        counted_on="period end",
        formula="kept / base",
        records="based",
        rows=_BASED,
        entity="retention",
        is_stock=True,
    ),
    Metric(
        name="customer_retention",
        title="Customer retention",
        definition=(
            "Companies that bought in the last 365 days, as a share of those that bought in the 365 days before; at "
            "the period's end."
        ),
        unit="rate",
        counted_on="period end",
        formula="stays / based",
        records="based",
        rows=_BASED,
        entity="retention",
        is_stock=True,
    ),
)
