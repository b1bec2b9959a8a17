"""What sellers do, and what happens outside: activities and events, prepared, and the metrics of input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from quarterdeck.metrics.metric import Measure, Metric, count, during, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"owner": "owner_id", "source": "source"}
JOINED = {
    "region": ("people", "owner_id"),
    "team": ("people", "owner_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
}
EVENT_OWN = {"source": "source"}
EVENT_JOINED = {"channel": ("leads", "lead_id")}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Activities that had begun: id, kind, the day started_on, minutes (thousandths), is_on_deal, dimensions."""
    rows = scope.tables.relation("activities")
    rows = rows.filter(rows.started_at.notnull() & (rows.started_at < scope.as_of))
    rows = rows.mutate(
        started_on=scope.day(rows.started_at),
        minutes=(rows.duration_minutes * 1000 + 0.5).floor().cast("int64"),
        is_on_deal=rows.opportunity_id.notnull(),
    )
    rows = scope.members(rows, by, OWN, JOINED)
    return rows.select("id", "kind", "started_on", "minutes", "is_on_deal", *by)


def prepare_events(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Events that had happened: id, kind, the day occurred_on, amount (thousandths of its value), dimensions."""
    rows = scope.tables.relation("events")
    rows = rows.filter(rows.occurred_at.notnull() & (rows.occurred_at < scope.as_of))
    rows = rows.mutate(
        occurred_on=scope.day(rows.occurred_at), thousandths=(rows.value * 1000 + 0.5).floor().cast("int64")
    )
    rows = scope.members(rows, by, EVENT_OWN, EVENT_JOINED)
    return rows.select("id", "kind", "occurred_on", "thousandths", *by)


def _is(kind: str) -> Callable[[Any], Any]:
    return lambda row: (row.kind == kind).fill_null(False)


KINDS = {"emails": "email", "calls": "call", "demos": "demo", "meetings": "meeting", "proposals": "proposal"}
STARTED = "started_on"

MEASURES: tuple[Measure, ...] = (
    count("acts", "activities", STARTED),
    *(count(name, "activities", STARTED, _is(kind)) for name, kind in KINDS.items()),
    total("act_minutes", "activities", STARTED, "minutes"),
    count("act_timed", "activities", STARTED, lambda row: row.minutes.notnull()),
    count("acts_on_deals", "activities", STARTED, lambda row: row.is_on_deal),
    count("happenings", "events", "occurred_on"),
    total("spent", "events", "occurred_on", "thousandths", _is("cost")),
)

_WORDS = {
    "emails": ("Emails", "Number of emails that were sent in the period."),
    "calls": ("Calls", "Number of calls that were made in the period."),
    "demos": ("Demos", "Number of demos that were held in the period."),
    "meetings": ("Meetings", "Number of meetings that were held in the period."),
    "proposals": ("Proposals", "Number of proposals that were made in the period."),
}


def _counted(name: str) -> Metric:
    title, definition = _WORDS[name]
    return Metric(
        name=name,
        title=title,
        definition=definition,
        unit="count",
        counted_on="started_at",
        formula=name,
        records=name,
        rows=during(STARTED, _is(KINDS[name])),
        entity="activities",
        needs=("activities",),
        is_additive=True,
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        name="activities",
        title="Activities",
        definition="Number of emails, calls, demos, meetings, proposals and tasks that began in the period.",
        unit="count",
        counted_on="started_at",
        formula="acts",
        records="acts",
        rows=during(STARTED),
        entity="activities",
        needs=("activities",),
        is_additive=True,
    ),
    *(_counted(name) for name in KINDS),
    Metric(
        name="activity_hours",
        title="Hours of activity",
        definition="Hours that the activities of the period took, of those whose length was logged.",
        unit="hours",
        counted_on="started_at",
        formula="act_minutes / 60000",
        records="act_timed",
        rows=during(STARTED, lambda row: row.minutes.notnull()),
        entity="activities",
        needs=("activities",),
        is_additive=True,
    ),
    Metric(
        name="activities_per_rep_week",
        title="Activities per seller and week",
        definition=(
            "Activities of the period for each seller and week: by the mean of the sellers at its beginning and end, "
            "and the days of it that have passed."
        ),
        unit="count",
        counted_on="started_at",
        formula="acts / ((sellers_before + sellers) / 2 * days / 7)",
        records="acts",
        rows=during(STARTED),
        entity="activities",
        needs=("activities", "people"),
    ),
    Metric(
        name="activity_on_deals",
        title="Activity on deals",
        definition="Activities that belong to a deal, as a share of the activities of the period.",
        unit="rate",
        counted_on="started_at",
        formula="acts_on_deals / acts",
        records="acts",
        rows=during(STARTED),
        entity="activities",
        needs=("activities",),
    ),
    Metric(
        name="events",
        title="Events",
        definition="Number of marketing and product events that happened in the period.",
        unit="count",
        counted_on="occurred_at",
        formula="happenings",
        records="happenings",
        rows=during("occurred_on"),
        entity="events",
        needs=("events",),
        is_additive=True,
    ),
)
