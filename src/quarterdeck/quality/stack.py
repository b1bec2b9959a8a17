"""Checks on the tools, channels and training that people work with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, is_blank, offending, rule


def tool_unused(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("tools")
    idle = (rows.is_working == False) | (rows.is_trained == False)  # noqa: E712
    rows = rows.filter(idle.fill_null(False) & (rows.monthly_cost > 0))
    return offending(rows, rows.monthly_cost * 12, name=rows.name, cost_amount=rows.monthly_cost)


def tool_renewal_due(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("tools")
    last = moment.today + timedelta(days=moment.settings.tool_days)
    rows = rows.filter((rows.renewed_on >= moment.today) & (rows.renewed_on <= last))
    doubtful = (rows.is_working == False) | (rows.is_integrated == False) | (rows.is_trained == False)  # noqa: E712
    rows = rows.filter(doubtful.fill_null(False))
    return offending(rows, rows.monthly_cost * 12, name=rows.name, renewed=rows.renewed_on)


def tool_without_owner(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("tools")
    rows = rows.filter(is_blank(rows.owner_id))
    return offending(rows, rows.monthly_cost * 12, name=rows.name)


def tool_without_obstacle(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("tools")
    rows = rows.filter(is_blank(rows.obstacle))
    return offending(rows, rows.monthly_cost * 12, name=rows.name)


def channel_unused(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("channels")
    rows = rows.filter(rows.used_on < moment.today - timedelta(days=moment.settings.tool_days))
    return offending(rows, name=rows.name, used=rows.used_on)


def training_overdue(tables: Tables, moment: Moment) -> Any:
    """People with a step of onboarding that is due and not done; one row a person, with the first such step."""
    import ibis

    people, steps, done = (tables.relation(name) for name in ("people", "onboarding_steps", "training"))
    # Training that began to be kept later says nothing about those who came before.
    first = done.agg(first=done.completed_on.min())
    here = people.filter(people.hired_on.notnull() & ~(people.left_on < moment.today).fill_null(False))
    here = (
        here.mutate(job=here.role.fill_null("seller")).cross_join(first).filter(lambda row: row.hired_on >= row.first)
    )
    owed = here.inner_join(
        steps.select(step="id", step_name="name", step_role=steps.role.fill_null("seller"), due_days="due_days"),
        [("job", "step_role")],
    )
    owed = owed.mutate(due=owed.hired_on + owed.due_days.as_interval("D"))
    owed = owed.filter(owed.due.cast("date") < ibis.literal(moment.today))
    ended = done.filter(done.completed_on.notnull()).select(who="person_id", ended="step_id", title="name")
    owed = owed.anti_join(ended, [owed.id == ended.who, owed.step == ended.ended])
    owed = owed.anti_join(ended.view(), [("id", "who"), ("step_name", "title")])
    single = owed.group_by("id", "name").agg(
        missing=owed.count(), due=owed.due.cast("date").min(), step=owed.step_name.min()
    )
    return offending(
        single.mutate(owner_id=single.id), name=single.name, missing=single.missing, due=single.due, step=single.step
    )


def training_of_nobody(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("training"), tables.relation("people")
    rows = rows.anti_join(known, rows.person_id == known.id)
    return offending(rows, named=rows.person_id)


CHECKS: tuple[Check, ...] = (
    rule(
        tool_unused, "tools",
        "Tool that is paid and does not help",
        "It costs money every month.",
        "{name} costs {cost_amount} a month; it does not do what it was bought for, or nobody was trained in it.",
        "Train people in it, or give it up.",
        kind="stack", severity="warning", of_now=True,
    ),
    rule(
        tool_renewal_due, "tools",
        "Doubtful tool that is about to be renewed",
        "After that day it costs another term.",
        "{name} is renewed on {renewed}; it does not work, is not integrated or nobody was trained in it.",
        "Decide before that day.",
        kind="stack", severity="warning", of_now=True,
    ),
    rule(
        tool_without_owner, "tools",
        "Tool without an owner",
        "Nobody answers for its data and its cost.",
        "{name} has no owner.",
        "Name a person.",
        kind="stack",
    ),
    rule(
        tool_without_obstacle, "tools",
        "Tool that removes no obstacle",
        "Nobody can tell whether it is worth its cost.",
        "Nothing says which obstacle {name} removes.",
        "Write it down, or give the tool up.",
        kind="stack",
    ),
    rule(
        channel_unused, "channels",
        "Channel that nobody uses",
        "What is said elsewhere is not found here.",
        "{name} was last used on {used}.",
        "Close it, or say in it what it is for.",
        kind="stack", of_now=True,
    ),
    rule(
        training_overdue, "people",
        "Person whose onboarding is overdue",
        "Sellers who are trained late sell late; the ramp of the plan does not hold.",
        "{name} has {missing} steps open; {step} was due, the first on {due}.",
        "Set a day for it with the person's manager.",
        kind="people", severity="warning", needs=("people", "onboarding_steps", "training"), of_now=True,
    ),
    rule(
        training_of_nobody, "training",
        "Training of a person who is not in the list",
        "Somebody's training is not counted.",
        "The training names {named}, who is not in the list of people.",
        "Correct the person.",
        kind="reference", needs=("training", "people"),
    ),
)  # fmt: skip
