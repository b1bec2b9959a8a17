"""Tables that are not there, and what each of them would buy."""

from __future__ import annotations

from quarterdeck.base.finding import Finding
from quarterdeck.base.tables import Tables

INPUTS: dict[str, str] = {
    "opportunities": "everything: without deals there is nothing to measure, to forecast or to plan",
    "people": "capacity, territories, quotas and pay of the sellers",
    "accounts": "figures by industry and segment, territories, and better odds for deals",
    "products": "demand by product with its price, and the open pipeline at list price",
    "activities": "deals that nobody works on, activities per deal, and better odds for open deals",
    "leads": "lead conversion, response times and lead scores",
    "opportunity_history": "close dates that are put off, stages that go back, and what was believed earlier",
    "targets": "attainment, pipeline coverage and a gap against your own target, in place of last year's plus growth",
    "recipes": "delivery hours, machines and material that the forecast takes",
    "resources": "capacity beside the sellers': who and what delivers, what is short and when",
    "orders": "what was really sold and shipped, seasonality and stock",
    "invoices": "what was billed and paid, and pay on payment",
    "contacts": "whom to call at an account, and duplicates among them",
}
"""Optional tables, with the words that follow: `it would buy …`."""


def missing_inputs(tables: Tables) -> list[Finding]:
    """A finding `quality.no_<table>` for each table without rows; without opportunities it is an error."""
    return [
        Finding(
            code=f"quality.no_{name}",
            severity="error" if name == "opportunities" else "notice",
            message=f"The table {name} is empty.",
            fix=f"Give them to get {gain}.",
            table=name,
            count=0,
        )
        for name, gain in INPUTS.items()
        if not tables.has(name)
    ]
