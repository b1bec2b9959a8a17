"""Leads, prepared, and what is measured on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total
from quarterdeck.metrics.scope import Scope

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

JOINED = {"team": ("people", "owner_id")}

DAY = 86_400


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Leads as known at a moment.

    Columns: id, the days created_on, answered_on and converted_on, is_qualified, is_converted, response_seconds,
    conversion_seconds, and one column a dimension in `by`.
    """
    leads = scope.tables.relation("leads")
    leads = leads.filter(leads.created_at.notnull() & (leads.created_at < scope.as_of))
    created = leads.created_at.epoch_seconds().cast("int64")
    is_answered = ((leads.responded_at >= leads.created_at) & (leads.responded_at < scope.as_of)).fill_null(False)
    is_converted = ((leads.status == "converted") | leads.opportunity_id.notnull()).fill_null(False)
    is_converted &= ~(leads.converted_at >= scope.as_of).fill_null(False)
    is_timed = is_converted & (leads.converted_at >= leads.created_at).fill_null(False)
    leads = leads.mutate(
        created_on=scope.day(leads.created_at),
        answered_on=is_answered.ifelse(scope.day(leads.responded_at), None),
        converted_on=is_timed.ifelse(scope.day(leads.converted_at), None),
        is_qualified=is_converted | (leads.status == "qualified").fill_null(False),
        is_converted=is_converted,
        response_seconds=is_answered.ifelse(leads.responded_at.epoch_seconds().cast("int64") - created, None),
        conversion_seconds=is_timed.ifelse(leads.converted_at.epoch_seconds().cast("int64") - created, None),
    )
    leads = scope.members(leads, by, OWN, JOINED)
    days = ["created_on", "answered_on", "converted_on"]
    return leads.select("id", *days, "is_qualified", "is_converted", "response_seconds", "conversion_seconds", *by)


def _answered(lead: Any) -> Any:
    return lead.response_seconds.notnull()


def _soon(lead: Any) -> Any:
    return (lead.response_seconds <= DAY).fill_null(False)


MEASURES: tuple[Measure, ...] = (
    count("leads", "leads", "created_on"),
    count("qualified", "leads", "created_on", lambda lead: lead.is_qualified),
    count("converted", "leads", "created_on", lambda lead: lead.is_converted),
    count("answered", "leads", "created_on", _answered),
    count("answered_soon", "leads", "created_on", _soon),
    count("answers", "leads", "answered_on"),
    total("response_seconds", "leads", "created_on", "response_seconds"),
    count("conversions", "leads", "converted_on"),
    total("conversion_seconds", "leads", "converted_on", "conversion_seconds"),
)

STOCKS: tuple[Stock, ...] = (Stock("unanswered", "leads", "answers"),)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="new_leads",
        title="New leads",
        definition="Number of leads that arrived in the period.",
        unit="count",
        counted_on="created_at",
        formula="leads",
        records="leads",
        rows=during("created_on"),
        entity="leads",
        needs=("leads",),
        is_additive=True,
    ),
    Metric(
        name="qualified_leads",
        title="Qualified leads",
        definition="Number of leads that arrived in the period and have been qualified or have become a deal.",
        unit="count",
        counted_on="created_at",
        formula="qualified",
        records="qualified",
        rows=during("created_on", lambda lead: lead.is_qualified),
        entity="leads",
        needs=("leads",),
        is_additive=True,
    ),
    Metric(
        name="qualification_rate",
        title="Qualification rate",
        definition="Leads that were qualified or became a deal, as a share of the leads that arrived in the period.",
        unit="rate",
        counted_on="created_at",
        formula="qualified / leads",
        records="leads",
        rows=during("created_on"),
        entity="leads",
        needs=("leads",),
    ),
    Metric(
        name="lead_conversion",
        title="Lead conversion",
        definition="Leads that became a deal, as a share of the leads that arrived in the period.",
        unit="rate",
        counted_on="created_at",
        formula="converted / leads",
        records="leads",
        rows=during("created_on"),
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
        formula="response_seconds / (answered * 3600)",
        records="answered",
        rows=during("created_on", _answered),
        entity="leads",
        needs=("leads",),
        better="lower",
    ),
    Metric(
        name="answered_in_a_day",
        title="Leads answered within a day",
        definition="Leads answered by a person within 24 hours, as a share of the leads that arrived in the period.",
        unit="rate",
        counted_on="created_at",
        formula="answered_soon / leads",
        records="leads",
        rows=during("created_on"),
        entity="leads",
        needs=("leads",),
    ),
    Metric(
        name="unanswered_leads",
        title="Unanswered leads",
        definition="Number of leads that nobody has answered when the period ends.",
        unit="count",
        counted_on="period end",
        formula="unanswered",
        records="unanswered",
        rows=standing("created_on", "answered_on"),
        entity="leads",
        needs=("leads",),
        is_stock=True,
        is_additive=True,
        better="lower",
    ),
    Metric(
        name="conversion_days",
        title="Days to conversion",
        definition="Mean days from a lead's arrival to the deal, of the leads that became a deal in the period.",
        unit="days",
        counted_on="converted_at",
        formula="conversion_seconds / (conversions * 86400)",
        records="conversions",
        rows=during("converted_on"),
        entity="leads",
        needs=("leads",),
        better="lower",
    ),
    Metric(
        name="cost_per_lead",
        title="Cost per lead",
        definition=(
            "What marketing spent in the period, by events of the kind cost with their value in the company's "
            "currency, for each lead that arrived in it."
        ),
        unit="money",
        counted_on="occurred_at",
        formula="spent / (leads * 1000)",
        records="leads * (spent / spent)",
        rows=during("created_on"),
        entity="leads",
        needs=("leads", "events"),
        better="lower",
    ),
)
