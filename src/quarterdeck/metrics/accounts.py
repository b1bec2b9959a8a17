"""Accounts and contacts, prepared, and what is measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.metrics.metric import Measure, Metric, count, during
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {
    "region": "region",
    "owner": "owner_id",
    "industry": "industry",
    "segment": "segment",
    "country": "country",
    "source": "source",
}
CONTACT_OWN = {"source": "source"}
CONTACT_JOINED = {
    "region": ("accounts", "account_id"),
    "owner": ("accounts", "account_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Accounts with the day created_on, and dimensions."""
    rows = scope.tables.relation("accounts")
    rows = scope.members(rows.mutate(created_on=scope.day(rows.created_at)), by, OWN, {})
    return rows.select("id", "created_on", *by)


def prepare_contacts(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Contacts with the day created_on, is_opted_out and dimensions of their account."""
    rows = scope.tables.relation("contacts")
    rows = rows.mutate(created_on=scope.day(rows.created_at), is_opted_out=rows.is_opted_out.fill_null(False))
    rows = scope.members(rows, by, CONTACT_OWN, CONTACT_JOINED)
    return rows.select("id", "created_on", "is_opted_out", *by)


MEASURES: tuple[Measure, ...] = (
    count("accounts_made", "accounts", "created_on"),
    count("contacts_made", "contacts", "created_on"),
    count("contacts_out", "contacts", "created_on", lambda row: row.is_opted_out),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="new_accounts",
        title="New accounts",
        definition="Number of companies that came to be known in the period.",
        unit="count",
        counted_on="created_at",
        formula="accounts_made",
        records="accounts_made",
        rows=during("created_on"),
        entity="accounts",
        needs=("accounts",),
        is_additive=True,
    ),
    Metric(
        name="new_contacts",
        title="New contacts",
        definition="Number of persons at accounts that came to be known in the period.",
        unit="count",
        counted_on="created_at",
        formula="contacts_made",
        records="contacts_made",
        rows=during("created_on"),
        entity="contacts",
        needs=("contacts",),
        is_additive=True,
    ),
    Metric(
        name="opt_out_rate",
        title="Opted out",
        definition="Contacts who asked not to be written to, as a share of those that came to be known in the period.",
        unit="rate",
        counted_on="created_at",
        formula="contacts_out / contacts_made",
        records="contacts_made",
        rows=during("created_on"),
        entity="contacts",
        needs=("contacts",),
        better="lower",
    ),
)
