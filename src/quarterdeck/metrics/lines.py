"""Lines of deals, prepared: what was sold of each product and at which discount; counted on the deal's close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics import deals
from quarterdeck.metrics.metric import Measure, Metric, count, during, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"product": "product_id", "region": "region", "kind": "kind", "owner": "owner_id", "source": "source"}
JOINED = {
    "family": ("products", "product_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
    "team": ("people", "owner_id"),
}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Lines of won deals, one row a line: id, the day closed_on, amount and listed (minor units), dimensions.

    `listed` is the list price times the quantity.
    """
    known = deals.known(scope)
    if {"owner", "team"} & set(by):
        known = deals.credited(known, scope)
    known = known.filter(known.is_won).select(
        deal_id=known.id,
        account_id=known.account_id,
        owner_id=known.owner_id,
        region=known.region,
        kind=known.kind,
        closed_on=scope.day(known.closed_at),
    )
    lines = scope.tables.relation("opportunity_lines")
    lines = lines.select("id", "opportunity_id", "product_id", "quantity", "amount", "currency", "source")
    lines = lines.inner_join(known, lines.opportunity_id == known.deal_id)
    lines = scope.converted(lines, "opportunity_lines", "amount", lines.closed_on)
    prices = deals.list_prices(scope)
    lines = lines.left_join(prices, lines.product_id == prices.priced_id)
    lines = lines.mutate(listed=(lines.price * lines.quantity.fill_null(1.0) + 0.5).floor().cast("int64"))
    lines = scope.members(lines, by, OWN, JOINED)
    return lines.select("id", "closed_on", "amount", "listed", *by)


def _both(line: Any) -> Any:
    return line.amount.notnull() & (line.listed > 0).fill_null(False)


MEASURES: tuple[Measure, ...] = (
    count("lines", "lines", "closed_on"),
    total("line_amount", "lines", "closed_on", "amount", _both, is_money=True),
    total("line_listed", "lines", "closed_on", "listed", _both, is_money=True),
    count("lines_priced", "lines", "closed_on", _both),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="discount",
        title="Discount",
        definition=(
            "What the lines of the deals won in the period lie below list price times quantity, as a share of it, of "
            "lines that have both."
        ),
        unit="rate",
        counted_on="closed_at",
        formula="1 - line_amount / line_listed",
        records="lines_priced",
        rows=during("closed_on", _both),
        entity="lines",
        needs=("opportunity_lines", "products"),
        better="lower",
    ),
    Metric(
        name="lines_per_deal",
        title="Products per deal",
        definition="Mean number of lines of the deals won in the period.",
        unit="count",
        counted_on="closed_at",
        formula="lines / won",
        records="lines",
        rows=during("closed_on"),
        entity="lines",
        needs=("opportunity_lines",),
    ),
)
