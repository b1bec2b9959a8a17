"""Checks on what people log: activities of our people, events of persons outside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, is_blank, offending, rule, seconds

_DAY = 86_400


def activities_in_bulk(tables: Tables, moment: Moment) -> Any:
    """Bursts: most of a person's activities of a week stand within one hour of its last days (Friday on)."""
    import ibis

    settings = moment.settings
    rows = tables.relation("activities")
    rows = rows.filter(rows.owner_id.notnull() & rows.started_at.notnull())
    rows = rows.select("id", "owner_id", "started_at", hour=(seconds(rows.started_at) / 3600).floor().cast("int64"))
    hours = rows.group_by("owner_id", "hour").agg(here=rows.count())
    full = hours.filter(hours.here >= settings.bulk_activities).to_polars()
    late = full.with_columns(**_week_of(pl.from_epoch(pl.col("hour") * 3600), moment)).filter(pl.col("weekday") >= 5)
    bursts = ibis.memtable(late.select("owner_id", "hour", "here", "day", "since", "until").to_arrow())
    first = rows.inner_join(bursts, ["owner_id", "hour"])
    first = first.group_by("owner_id", "hour").agg(id=first.id.min())
    week = rows.inner_join(
        bursts.select("since", "until", who="owner_id", burst="hour"),
        [rows.owner_id == bursts.owner_id, rows.started_at >= bursts.since, rows.started_at < bursts.until],
    )
    totals = week.group_by("who", "burst").agg(total=week.count())
    found = bursts.inner_join(first, ["owner_id", "hour"])
    found = found.inner_join(totals, [found.owner_id == totals.who, found.hour == totals.burst])
    found = found.filter(found.here.cast("float64") >= settings.bulk_share * found.total)
    return offending(found, None, count=found.here, total=found.total, day=found["day"])


def _week_of(at: pl.Expr, moment: Moment) -> dict[str, pl.Expr]:
    """Day and weekday (1 Monday to 7 Sunday) of an instant in the company's zone, and the instants of its week."""
    zone = moment.company.timezone
    local = at.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    monday = local.dt.date() - pl.duration(days=local.dt.weekday() - 1)

    def begins(day: pl.Expr) -> pl.Expr:
        midnight = day.cast(pl.Datetime("us"))
        # Some zones turn the clock at midnight: that day begins at one.
        hours = (midnight, midnight + pl.duration(hours=1))
        placed = [hour.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null") for hour in hours]
        return pl.coalesce(placed).dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    day = local.dt.date()
    return {
        "day": day,
        "weekday": local.dt.weekday(),
        "since": begins(monday),
        "until": begins(monday + pl.duration(days=7)),
    }


def activity_in_future(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("activities")
    rows = rows.filter(rows.started_at >= moment.as_of)
    return offending(rows, day=rows.started_at.date())


def activity_of_nothing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("activities")
    rows = rows.filter(
        is_blank(rows.opportunity_id) & is_blank(rows.account_id) & is_blank(rows.contact_id) & is_blank(rows.lead_id)
    )
    return offending(rows, kind=rows.kind.fill_null("activity"))


def activity_of_unknown_deal(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("activities"), tables.relation("opportunities")
    rows = rows.filter(~is_blank(rows.opportunity_id)).anti_join(known, rows.opportunity_id == known.id)
    return offending(rows, named=rows.opportunity_id)


def activity_without_owner(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("activities")
    rows = rows.filter(is_blank(rows.owner_id))
    return offending(rows, kind=rows.kind.fill_null("activity"))


def activity_of_leaver(tables: Tables, _moment: Moment) -> Any:
    rows, people = tables.relation("activities"), tables.relation("people")
    gone = people.filter(people.left_on.notnull()).select(gone_id="id", who="name", left_on="left_on")
    rows = rows.inner_join(gone, rows.owner_id == gone.gone_id)
    rows = rows.filter(rows.started_at.date() > rows.left_on)
    return offending(rows, name=rows.who, left=rows.left_on, day=rows.started_at.date())


def duration_impossible(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("activities")
    rows = rows.filter((rows.duration_minutes < 0) | (rows.duration_minutes > 12 * 60))
    return offending(rows, kind=rows.kind.fill_null("activity"), minutes=rows.duration_minutes.round().cast("int64"))


def activity_twice(tables: Tables, _moment: Moment) -> Any:
    import ibis

    rows = tables.relation("activities")
    rows = rows.filter(rows.owner_id.notnull() & rows.started_at.notnull() & rows.kind.notnull())
    about = ibis.coalesce(rows.opportunity_id, rows.contact_id, rows.lead_id, rows.account_id)
    rows = rows.mutate(about=about).filter(lambda row: row.about.notnull())
    # A window over everything is dear: only who did two things at one instant can have done one thing twice.
    instants = rows.group_by(who=rows.owner_id, when=rows.started_at).agg(here=rows.count())
    instants = instants.filter(instants.here > 1)
    rows = rows.semi_join(instants, [rows.owner_id == instants.who, rows.started_at == instants.when])
    same = ibis.window(group_by=[rows.owner_id, rows.kind, rows.about, rows.started_at], order_by=rows.id)
    rows = rows.mutate(twin=rows.id.lag().over(same))
    rows = rows.filter(rows.twin.notnull())
    return offending(rows, kind=rows.kind, day=rows.started_at.date(), twin=rows.twin)


def email_after_opt_out(tables: Tables, moment: Moment) -> Any:
    """Mails of the last days only: nobody says when an older one's contact opted out."""
    rows, contacts = tables.relation("activities"), tables.relation("contacts")
    out = contacts.filter(contacts.is_opted_out.fill_null(False)).select(out_id="id", who="name")
    since = moment.as_of - timedelta(days=moment.settings.idle_days)
    rows = rows.filter((rows.kind == "email") & (rows.started_at >= since))
    rows = rows.inner_join(out, rows.contact_id == out.out_id)
    return offending(rows, name=rows.who, day=rows.started_at.date())


def owner_inactive(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows, deals, people = (tables.relation(name) for name in ("activities", "opportunities", "people"))
    open_deals = deals.filter((deals.status == "open") & deals.owner_id.notnull())
    held = open_deals.group_by(holder=open_deals.owner_id).agg(held=open_deals.count(), money=open_deals.amount.sum())
    last = rows.filter(rows.owner_id.notnull())
    last = last.group_by(worker=last.owner_id).agg(last_at=last.started_at.max())
    people = people.filter(~(people.left_on < moment.today).fill_null(False))
    people = people.inner_join(held, people.id == held.holder).left_join(last, [("id", "worker")])
    now = seconds(ibis.literal(moment.as_of))
    idle = ((now - seconds(people.last_at)) / _DAY).floor().cast("int64")
    people = people.mutate(idle=idle, owner_id=people.id)
    people = people.filter(people.idle.isnull() | (people.idle >= moment.settings.inactive_days))
    return offending(people, people.money, name=people.name, days=people.idle, held=people.held)


def event_in_future(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("events")
    rows = rows.filter(rows.occurred_at >= moment.as_of)
    return offending(rows, kind=rows.kind.fill_null("event"), day=rows.occurred_at.date())


def event_of_nobody(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("events")
    rows = rows.filter(is_blank(rows.lead_id) & is_blank(rows.contact_id) & is_blank(rows.account_id))
    return offending(rows, kind=rows.kind.fill_null("event"))


def events_of_a_bot(tables: Tables, moment: Moment) -> Any:
    """More events of one person in a minute than a hand can make; link checkers of mail servers do that."""
    import ibis

    rows = tables.relation("events")
    who = ibis.coalesce(rows.contact_id, rows.lead_id)
    minute = (seconds(rows.occurred_at) / 60).floor().cast("int64")
    rows = rows.mutate(who=who, minute=minute).filter(lambda row: row.who.notnull() & row.minute.notnull())
    busy = rows.group_by(by="who", then="minute").agg(here=rows.count())
    busy = busy.filter(busy.here >= moment.settings.bot_events)
    rows = rows.semi_join(busy, [rows.who == busy.by, rows.minute == busy.then])
    bursts = rows.group_by("who", "minute").agg(id=rows.id.min(), count=rows.count(), at=rows.occurred_at.min())
    return offending(bursts, who=bursts.who, count=bursts["count"], day=bursts["at"].date())


CHECKS: tuple[Check, ...] = (
    rule(
        activities_in_bulk,
        "activities",
        "Activities logged in bulk at the end of the week",
        "They are written from memory: what was done when, and what moves deals, cannot be told from them.",
        "{count} of the week's {total} activities stand within one hour on {day}.",
        "Log calls and meetings when they happen, or let calendar and mail log them.",
        kind="timeliness",
        severity="warning",
    ),
    rule(
        activity_in_future,
        "activities",
        "Activity that happened in the future",
        "A plan is counted as work, or the date is wrong.",
        "The activity stands on {day}.",
        "Correct the date, or enter it as a task until it is done.",
    ),
    rule(
        activity_of_nothing,
        "activities",
        "Activity on nothing",
        "The work is in no deal's, account's or lead's count.",
        "The {kind} names no deal, account, contact or lead.",
        "Link it to the deal or the person that it was about.",
        kind="completeness",
    ),
    rule(
        activity_of_unknown_deal,
        "activities",
        "Activity on a deal that is not there",
        "The deal looks untouched, or was deleted with its work.",
        "The activity names the deal {named}, which is not in the list.",
        "Link it to the right deal.",
        kind="reference",
        needs=("activities", "opportunities"),
    ),
    rule(
        activity_without_owner,
        "activities",
        "Activity of nobody",
        "It is in nobody's count.",
        "The {kind} has no owner.",
        "Enter who did it.",
        kind="completeness",
    ),
    rule(
        activity_of_leaver,
        "activities",
        "Activity of a person who had left",
        "Somebody works under another one's name, or the last day is wrong.",
        "{name} left on {left}, and the activity stands on {day}.",
        "Correct the owner of the activity, or the person's last day.",
        kind="consistency",
        needs=("activities", "people"),
    ),
    rule(
        duration_impossible,
        "activities",
        "Activity of an impossible length",
        "Hours by person and by deal are wrong.",
        "The {kind} lasted {minutes} minutes.",
        "Correct its beginning or its end.",
    ),
    rule(
        activity_twice,
        "activities",
        "Activity that is there twice",
        "The work is counted twice; two tools may log it.",
        "The {kind} of {day} also stands as {twin}.",
        "Delete one of the two, and let one tool only log it.",
        kind="uniqueness",
    ),
    rule(
        email_after_opt_out,
        "activities",
        "Mail to a contact who asked for none",
        "It breaks the contact's will and, in many countries, the law.",
        "{name} asked not to be written to; a mail was sent on {day}.",
        "Stop the sequence, and let the tool that sends mails read the opt-out.",
        kind="privacy",
        severity="error",
        needs=("activities", "contacts"),
        of_now=True,
    ),
    rule(
        owner_inactive,
        "people",
        "Owner of open deals who logs nothing",
        "The deals stand still, or the work is not logged and nothing can be learnt from it.",
        "{name} owns {held} open deals; the last activity is {days} days old.",
        "Ask the owner; give the deals to somebody else or log the work.",
        kind="people",
        severity="warning",
        needs=("people", "opportunities", "activities"),
        of_now=True,
    ),
    rule(
        event_in_future,
        "events",
        "Event that happened in the future",
        "Scores count it, and a clock or a time zone is wrong.",
        "The {kind} stands on {day}.",
        "Correct the clock or the time zone of the tool that sends it.",
    ),
    rule(
        event_of_nobody,
        "events",
        "Event of nobody",
        "Nobody's score knows of it.",
        "The {kind} names no lead, contact or account.",
        "Let the tool that sends it give the person's key.",
        kind="completeness",
    ),
    rule(
        events_of_a_bot,
        "events",
        "Events of a machine",
        "Link checkers of mail servers open and click everything; they make cold leads look hot.",
        "{count} events of {who} stand within one minute on {day}.",
        "Leave clicks that come within seconds out, in the tool that sends them.",
        kind="outlier",
    ),
)
