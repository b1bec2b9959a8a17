"""Leads, prepared, and what is measured on them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.local import local_day
from quarterdeck.metrics.metric import NOBODY, Measure, Metric, count, ratio, total, within

if TYPE_CHECKING:
    import ibis

OWN = {
    "region": "region",
    "owner": "owner_id",
    "industry": "industry",
    "channel": "channel",
    "country": "country",
    "source": "source",
}
"""Dimensions that a lead has, with their columns."""


def prepare(tables: Tables, company: Company, as_of: datetime, by: tuple[str, ...]) -> ibis.Table:
    """Leads as known at an instant: id, created_on, created_month, is_converted, response_seconds, dimensions."""
    leads = tables.relation("leads")
    leads = leads.filter(leads.created_at.notnull() & (leads.created_at < as_of))
    created = local_day(company, as_of)(leads.created_at)
    seconds = leads.responded_at.epoch_seconds().cast("int64") - leads.created_at.epoch_seconds().cast("int64")
    is_answered = (leads.responded_at >= leads.created_at) & (leads.responded_at < as_of)
    leads = leads.mutate(
        created_on=created,
        created_month=created.truncate("month"),
        is_converted=((leads.status == "converted") | leads.opportunity_id.notnull()).fill_null(False)
        & ~(leads.converted_at >= as_of).fill_null(False),
        response_seconds=is_answered.fill_null(False).ifelse(seconds, None),
    )
    leads = leads.mutate(**{name: leads[OWN[name]].fill_null(NOBODY) for name in by})
    return leads.select("id", "created_on", "created_month", "is_converted", "response_seconds", *by)


MEASURES: tuple[Measure, ...] = (
    count("leads", "leads", "created_month", lambda lead: lead.id.notnull()),
    count("converted", "leads", "created_month", lambda lead: lead.is_converted),
    count("answered", "leads", "created_month", lambda lead: lead.response_seconds.notnull()),
    total("response_seconds", "leads", "created_month", "response_seconds"),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="lead_conversion",
        title="Lead conversion",
        definition="Leads that became a deal, as a share of the leads that arrived in the period.",
        unit="rate",
        counted_on="created_at",
        measures=("converted", "leads"),
        value=ratio(pl.col("converted"), pl.col("leads")),
        n=pl.col("leads"),
        rows=lambda lead, period: within(lead.created_on, period),
        entity="leads",
        needs=("leads",),
    ),
    Metric(
        name="response_hours",
        title="Response time",
        definition=(
            "Mean hours from a lead's arrival to the first answer of a person, of the leads that arrived in the period "
            "and were answered."
        ),
        unit="hours",
        counted_on="created_at",
        measures=("response_seconds", "answered"),
        value=ratio(pl.col("response_seconds"), pl.col("answered") * 3600),
        n=pl.col("answered"),
        rows=lambda lead, period: within(lead.created_on, period) & lead.response_seconds.notnull(),
        entity="leads",
        needs=("leads",),
    ),
)
