"""Checks on the people behind the deals."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, deals, offending


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
        needs=("people", "opportunities"),
    ),
)
