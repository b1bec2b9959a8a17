"""Checks on the people behind the deals."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality import mending
from quarterdeck.quality.check import Check, Moment, deals, is_blank, offending, rule


def owner_left(tables: Tables, moment: Moment) -> Any:
    rows, people = deals(tables, moment), tables.relation("people")
    gone = people.filter(people.left_on < moment.today)
    gone = gone.group_by(gone_id=gone.id).agg(name=gone.name.max(), left_on=gone.left_on.max())
    rows = rows.drop("name").filter(rows.status == "open")
    rows = rows.inner_join(gone, rows.owner_id == gone.gone_id)
    return offending(rows, rows.worth, name=rows.name, left=rows.left_on)


def seller_without_deals(tables: Tables, moment: Moment) -> Any:
    people, rows = tables.relation("people"), tables.relation("opportunities")
    sellers = people.filter(
        (people.role.fill_null("seller") == "seller") & ~(people.left_on < moment.today).fill_null(False)
    )
    idle = sellers.anti_join(rows, sellers.id == rows.owner_id)
    return offending(idle, name=idle.name)


def manager_unknown(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("people")
    known = tables.relation("people").select(boss_id="id", boss_name="name")
    rows = rows.filter(~is_blank(rows.manager_id))
    rows = rows.left_join(known, rows.manager_id == known.boss_id)
    names = known.select(named="boss_name").distinct()
    rows = rows.left_join(names, rows.manager_id == names.named)
    rows = rows.mutate(is_listed=(rows.boss_id.notnull() | rows.named.notnull()).ifelse(1, 0))
    # Teams of many exports are named by managers who are in no list of sellers.
    kept = rows.agg(listed=rows.is_listed.sum())
    lost = rows.cross_join(kept).filter(lambda row: (row.is_listed == 0) & (row.listed > 0))
    return offending(lost, name=lost.name, manager=lost.manager_id)


def manager_missing(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("people")
    role = rows.role.fill_null("seller")
    here = ~(rows.left_on < moment.today).fill_null(False)
    sellers = rows.filter(role.isin(["seller", "sdr"]) & here)
    share = sellers.agg(known=is_blank(sellers.manager_id).ifelse(0.0, 1.0).mean())
    rows = sellers.cross_join(share).filter(lambda row: is_blank(row.manager_id) & (row.known >= 0.5))
    return offending(rows, name=rows.name)


def hired_on_missing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("people")
    share = rows.agg(known=rows.hired_on.isnull().ifelse(0.0, 1.0).mean())
    rows = rows.cross_join(share).filter(lambda row: row.hired_on.isnull() & (row.known >= 0.5))
    return offending(rows, name=rows.name)


def left_before_hired(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("people")
    rows = rows.filter(rows.left_on < rows.hired_on)
    return offending(rows, name=rows.name, hired=rows.hired_on, left=rows.left_on)


def person_without_team(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("people")
    sellers = rows.filter((rows.role.fill_null("seller") == "seller") & ~(rows.left_on < moment.today).fill_null(False))
    share = sellers.agg(known=is_blank(sellers.team).ifelse(0.0, 1.0).mean())
    sellers = sellers.cross_join(share).filter(lambda row: is_blank(row.team) & (row.known >= 0.5))
    return offending(sellers, name=sellers.name)


def seller_without_target(tables: Tables, moment: Moment) -> Any:
    """Sellers without a target of their own for this period, where other persons have one."""
    people, targets = tables.relation("people"), tables.relation("targets")
    own = targets.filter((targets.level == "person") & (targets.period_start <= moment.today))
    last = own.agg(newest=own.period_start.max())
    own = own.cross_join(last).filter(lambda row: row.period_start == row.newest)
    people = people.filter(
        (people.role.fill_null("seller") == "seller")
        & ~(people.left_on < moment.today).fill_null(False)
        & ~(people.hired_on > moment.today).fill_null(False)
    )
    people = people.anti_join(own, people.id == own.member).anti_join(own.view(), [("name", "member")])
    people = people.cross_join(own.agg(others=own.count()).view()).filter(lambda row: row.others > 0)
    return offending(people, name=people.name)


def deal_before_hired(tables: Tables, moment: Moment) -> Any:
    rows, people = deals(tables, moment), tables.relation("people")
    hired = people.filter(people.hired_on.notnull()).select(hired_id="id", who="name", first_day="hired_on")
    rows = rows.inner_join(hired, rows.owner_id == hired.hired_id)
    rows = rows.filter((rows.status == "won") & (rows.closed_at.date() < rows.first_day))
    return offending(rows, rows.worth, name=rows.who, hired=rows.first_day, closed=rows.closed_at.date())


CHECKS: tuple[Check, ...] = (
    Check(
        name="owner_left",
        kind="people",
        severity="error",
        table="opportunities",
        title="Open deal of an owner who left",
        why="Nobody works on it, and the forecast counts on it.",
        message="The deal is open; its owner {name} left on {left}.",
        fix="Give the deal to a seller who is there, or close it.",
        find=owner_left,
        of_now=True,
        mend=mending.owner_from_others,
        needs=("people",),
    ),
    Check(
        name="seller_without_deals",
        kind="people",
        severity="notice",
        table="people",
        title="Seller without any deal",
        why="Capacity and quotas count on a person who sells nothing, or the deals stand under another name.",
        message="{name} is a seller and owns no deal.",
        fix="Correct the role or enter the last day of work; else look under which name the deals stand.",
        find=seller_without_deals,
        of_now=True,
        needs=("people", "opportunities"),
    ),
    rule(
        manager_unknown, "people",
        "Person of a manager who is not in the list",
        "Teams cannot be added up.",
        "{name} names {manager} as manager, who is not in the list of people.",
        "Correct the manager, or add the person.",
        kind="people",
    ),
    rule(
        manager_missing, "people",
        "Seller without a manager",
        "The seller is in no team's figures, and nobody approves what is asked of the seller.",
        "{name} has no manager.",
        "Enter the manager.",
        kind="people",
    ),
    rule(
        hired_on_missing, "people",
        "Person without a first day",
        "The ramp of the plan takes the person for fully trained.",
        "Nothing says when {name} began.",
        "Enter the first day of work.",
        kind="people",
    ),
    rule(
        left_before_hired, "people",
        "Person who left before the first day",
        "The person has no day of capacity.",
        "{name} was hired on {hired} and left on {left}.",
        "Correct the wrong one of the two dates.",
        kind="people", severity="error",
    ),
    rule(
        person_without_team, "people",
        "Seller without a team",
        "The seller is in no team's figures.",
        "{name} has no team.",
        "Enter the team.",
        kind="people",
    ),
    rule(
        seller_without_target, "people",
        "Seller without a target",
        "Others have one; the seller's attainment and pay cannot be told.",
        "{name} has no target in the newest period that persons have one for.",
        "Enter the target, or correct the role.",
        kind="planning", severity="warning", needs=("people", "targets"), of_now=True,
    ),
    rule(
        deal_before_hired, "opportunities",
        "Deal that was won before its owner came",
        "It was handed over: win rate and pay go to a person who did not win it.",
        "The deal was won on {closed}; its owner {name} began on {hired}.",
        "Set the owner at the close as owner, and hand over the account only.",
        kind="people", needs=("opportunities", "people"), dated="closed_at",
    ),
)  # fmt: skip
