"""Checks on leads: are they answered, owned, and what they say they are?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, is_blank, offending, rule, seconds

_WAITING = ("new", "working")


def lead_unanswered(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = tables.relation("leads")
    # A source that keeps no answers says nothing about who waits.
    kept = rows.agg(answered=rows.responded_at.count())
    late = moment.as_of - timedelta(hours=moment.settings.lead_hours)
    rows = rows.cross_join(kept).filter(
        lambda lead: (
            lead.status.fill_null("new").isin(_WAITING)
            & lead.responded_at.isnull()
            & lead.converted_at.isnull()
            & (lead.created_at < late)
            & (lead.answered > 0)
        )
    )
    hours = ((seconds(ibis.literal(moment.as_of)) - seconds(rows.created_at)) / 3600).floor().cast("int64")
    return offending(rows, channel=rows.channel.fill_null("an unknown channel"), hours=hours)


def lead_owner_missing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("leads")
    kept = rows.agg(owned=rows.owner_id.count())
    rows = rows.cross_join(kept).filter(
        lambda lead: lead.status.fill_null("new").isin(_WAITING) & is_blank(lead.owner_id) & (lead.owned > 0)
    )
    return offending(rows, channel=rows.channel.fill_null("an unknown channel"))


def lead_owner_left(tables: Tables, moment: Moment) -> Any:
    rows, people = tables.relation("leads"), tables.relation("people")
    gone = people.filter(people.left_on < moment.today).select(gone_id="id", who="name", left_on="left_on")
    rows = rows.filter(rows.status.fill_null("new").isin(_WAITING)).inner_join(gone, rows.owner_id == gone.gone_id)
    return offending(rows, name=rows.who, left=rows.left_on)


def lead_dates_contradict(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("leads")
    answered = rows.responded_at < rows.created_at
    converted = rows.converted_at < rows.created_at
    rows = rows.filter(answered.fill_null(False) | converted.fill_null(False))
    then = (rows.responded_at < rows.created_at).fill_null(False).ifelse(rows.responded_at, rows.converted_at)
    return offending(rows, created=rows.created_at.date(), then=then.date())


def lead_converted_without_deal(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("leads"), tables.relation("opportunities")
    kept = rows.agg(linked=rows.opportunity_id.count())
    rows = rows.filter((rows.status == "converted") | rows.converted_at.notnull())
    rows = rows.anti_join(known, rows.opportunity_id == known.id).cross_join(kept)
    rows = rows.filter(rows.linked > 0)
    return offending(rows, named=rows.opportunity_id.nullif("").fill_null("no deal"))


def lead_channel_missing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("leads")
    share = rows.agg(known=is_blank(rows.channel).ifelse(0.0, 1.0).mean())
    rows = rows.cross_join(share).filter(lambda lead: is_blank(lead.channel) & (lead.known >= 0.5))
    return offending(rows)


CHECKS: tuple[Check, ...] = (
    rule(
        lead_unanswered, "leads",
        "Lead that nobody answered",
        "Interest cools within hours; every day of waiting costs conversions.",
        "The lead from {channel} has waited for {hours} hours without an answer.",
        "Answer it today; see who should have, and whether leads reach them.",
        kind="timeliness", severity="warning", of_now=True,
    ),
    rule(
        lead_owner_missing, "leads",
        "Lead without an owner",
        "Nobody answers it.",
        "The lead from {channel} has no owner.",
        "Give it to somebody; see which rule of distribution left it out.",
        kind="completeness", severity="warning", of_now=True,
    ),
    rule(
        lead_owner_left, "leads",
        "Lead of an owner who left",
        "Nobody answers it.",
        "The lead waits, and its owner {name} left on {left}.",
        "Give it to somebody who is there, and take {name} out of the distribution.",
        kind="people", severity="error", needs=("leads", "people"), of_now=True,
    ),
    rule(
        lead_dates_contradict, "leads",
        "Lead that was answered or converted before it came",
        "Response times are wrong.",
        "The lead came on {created} and was answered or converted on {then}.",
        "Correct the wrong one of the dates; a time zone may be off.",
        kind="consistency", severity="warning",
    ),
    rule(
        lead_converted_without_deal, "leads",
        "Converted lead without a deal",
        "Conversion counts it, and no deal came of it.",
        "The lead is converted and names {named}, which is not in the list.",
        "Link it to its deal, or set its status back.",
        kind="reference", severity="warning", needs=("leads", "opportunities"),
    ),
    rule(
        lead_channel_missing, "leads",
        "Lead without a channel",
        "Nobody can tell what it cost and which channel brings customers.",
        "Nothing says where the lead came from.",
        "Let every form and every list that is loaded set the channel.",
        kind="completeness",
    ),
)  # fmt: skip
