"""What can be measured: each entity with its table, its dimensions and the relation that its measures add up on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from quarterdeck.metrics import accounts, activities, changes, customers, deals, invoices, leads, lines, orders, people
from quarterdeck.metrics.scope import Joined, Own, Scope

Prepare = Callable[[Scope, tuple[str, ...]], Any]


@dataclass(frozen=True, slots=True)
class Entity:
    """What is measured: `table` is where its records are, `prepare` makes its relation with the dimensions asked for.

    An entity of purchases has its records in the table that tells them, so `table` may depend on the tables that are
    there.
    """

    name: str
    table: str | Callable[[Scope], str]
    prepare: Prepare
    own: Own
    joined: Joined

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (*self.own, *self.joined)

    def relation(self, scope: Scope, by: Iterable[str]) -> Any:
        """The prepared relation, with those of the dimensions that it has."""
        return self.prepare(scope, tuple(name for name in by if name in self.dimensions))

    def records_in(self, scope: Scope) -> str:
        """The table that holds the records behind its figures."""
        return self.table if isinstance(self.table, str) else self.table(scope)


ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        Entity("deals", "opportunities", deals.prepare, deals.OWN, deals.JOINED),
        Entity("leads", "leads", leads.prepare, leads.OWN, leads.JOINED),
        Entity("lines", "opportunity_lines", lines.prepare, lines.OWN, lines.JOINED),
        Entity("changes", "opportunity_history", changes.prepare, changes.OWN, changes.JOINED),
        Entity("activities", "activities", activities.prepare, activities.OWN, activities.JOINED),
        Entity("events", "events", activities.prepare_events, activities.EVENT_OWN, activities.EVENT_JOINED),
        Entity("people", "people", people.prepare, people.OWN, {}),
        Entity("accounts", "accounts", accounts.prepare, accounts.OWN, {}),
        Entity("contacts", "contacts", accounts.prepare_contacts, accounts.CONTACT_OWN, accounts.CONTACT_JOINED),
        Entity("purchases", customers.source, customers.prepare, customers.OWN, customers.JOINED),
        Entity("customers", "accounts", customers.prepare_customers, customers.OWN, customers.JOINED),
        Entity("retention", "accounts", customers.prepare_retention, customers.OWN, customers.JOINED),
        Entity("orders", "orders", orders.prepare, orders.OWN, orders.JOINED),
        Entity("stock", "stock", orders.prepare_stock, orders.STOCK_OWN, orders.STOCK_JOINED),
        Entity("invoices", "invoices", invoices.prepare, invoices.OWN, invoices.JOINED),
    )
}
