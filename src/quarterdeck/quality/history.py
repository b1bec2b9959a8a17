"""Checks on how deals changed: what a single look at them does not show."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, deals, offending


def close_date_pushed(tables: Tables, moment: Moment) -> Any:
    import ibis

    changes = tables.relation("opportunity_history")
    changes = changes.filter(changes.expected_close_on.notnull())
    in_time = ibis.window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    changes = changes.mutate(before=changes.expected_close_on.lag().over(in_time))
    later = changes.filter(changes.expected_close_on > changes.before)
    pushed = later.group_by(pushed_id=later.opportunity_id).agg(pushes=later.count(), first=later.before.min())
    pushed = pushed.filter(pushed.pushes >= moment.settings.pushes)
    rows = deals(tables, moment)
    rows = rows.filter(rows.status == "open").inner_join(pushed, [("id", "pushed_id")])
    return offending(rows, rows.worth, pushes=rows.pushes, first=rows["first"])


def stage_went_back(tables: Tables, moment: Moment) -> Any:
    import ibis

    changes = tables.relation("opportunity_history")
    changes = changes.filter(changes.stage.notnull())
    in_time = ibis.window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    changes = changes.mutate(before=changes.stage.lag().over(in_time))
    entered = changes.filter(changes.before.isnull() | (changes.stage != changes.before))
    twice = entered.group_by(moved_id=entered.opportunity_id, again=entered.stage).agg(times=entered.count())
    twice = twice.filter(twice.times > 1)
    back = twice.group_by("moved_id").agg(stage=twice.again.min())
    rows = deals(tables, moment).drop("stage")
    rows = rows.filter(rows.status == "open").inner_join(back, [("id", "moved_id")])
    return offending(rows, rows.worth, stage=rows.stage)


CHECKS: tuple[Check, ...] = (
    Check(
        name="close_date_pushed",
        kind="history",
        severity="warning",
        table="opportunities",
        title="Close date put off again and again",
        why="Whoever put it off three times will do so again; the forecast of the month should not count on it.",
        message="The close date was put off {pushes} times; the first was {first}.",
        fix="Agree on the next steps and their dates with the customer, or take the deal out of the forecast.",
        find=close_date_pushed,
        needs=("opportunity_history",),
    ),
    Check(
        name="stage_went_back",
        kind="history",
        severity="notice",
        table="opportunities",
        title="Deal that went back to an earlier stage",
        why="It was moved ahead before it was ready; conversion by stage looks better than it is.",
        message="The deal returned to the stage {stage}.",
        fix="Write down what every stage demands, and move a deal when that is done.",
        find=stage_went_back,
        needs=("opportunity_history",),
    ),
)
