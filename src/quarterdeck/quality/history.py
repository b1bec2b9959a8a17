"""Checks on how deals' values changed: what a single look at them does not show."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Found, Moment, deals, offending, proposals, seconds
from quarterdeck.quality.stages import entries, final_stages


def _changes(tables: Tables, moment: Moment) -> Any:
    """Changes of amount or owner, with the values before as `earlier_<column>`."""
    return moment.once("changes", lambda: _all_changes(tables))


def _all_changes(tables: Tables) -> Any:
    import ibis

    changes = tables.relation("opportunity_history")
    in_time = ibis.window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    columns = ("amount", "owner_id")
    changes = changes.mutate({f"earlier_{column}": changes[column].lag().over(in_time) for column in columns})
    changed = (changes.amount != changes.earlier_amount) | (changes.owner_id != changes.earlier_owner_id)
    names = ("opportunity_id", "changed_at", *columns, "earlier_amount", "earlier_owner_id")
    return changes.filter(changed.fill_null(False)).select(*names)


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


def amount_changed_after_close(tables: Tables, moment: Moment) -> Any:
    rows, changes = deals(tables, moment), _changes(tables, moment)
    closed = rows.filter(rows.closed_at.notnull()).select(deal="id", ended_at="closed_at")
    late = changes.inner_join(closed, changes.opportunity_id == closed.deal)
    # Within a day it is the same piece of work.
    late = late.filter(
        (seconds(late.changed_at) - seconds(late.ended_at) > 86_400) & (late.amount != late.earlier_amount)
    )
    late = late.group_by(late_id=late.deal).agg(
        on=late.changed_at.max(), old_amount=late.earlier_amount.min(), new_amount=late.amount.max()
    )
    rows = rows.filter(rows.status == "won").inner_join(late, [("id", "late_id")])
    return offending(
        rows, (rows.new_amount - rows.old_amount).abs(), closed=rows.closed_at.date(), day=rows.on.date(),
        amount=rows.new_amount,
    )  # fmt: skip


def reopened(tables: Tables, moment: Moment) -> Any:
    ends = sorted(final_stages(tables))
    moved = entries(tables, moment)
    again = moved.filter(moved.before.isin(ends) & ~moved.stage.isin(ends))
    again = again.group_by(again_id=again.deal).agg(end=again.before.max(), on=again.entered_at.max())
    rows = deals(tables, moment).inner_join(again, [("id", "again_id")])
    return offending(rows, rows.worth, end=rows.end, day=rows.on.date())


def close_backdated(tables: Tables, moment: Moment) -> Any:
    """Closed deals whose closing was entered long after the day on which they are said to have been closed."""
    ends = sorted(final_stages(tables))
    moved = entries(tables, moment)
    ended = moved.filter(moved.stage.isin(ends))
    ended = ended.group_by(ended_id=ended.deal).agg(typed_at=ended.entered_at.max())
    rows = deals(tables, moment).inner_join(ended, [("id", "ended_id")])
    late = seconds(rows.typed_at) - seconds(rows.closed_at)
    rows = rows.mutate(late=(late / 86_400).floor().cast("int64"))
    rows = rows.filter((rows.status != "open") & (rows.late >= moment.settings.backdated_days))
    return offending(rows, rows.worth, closed=rows.closed_at.date(), typed=rows.typed_at.date(), days=rows.late)


def amount_cut_before_close(tables: Tables, moment: Moment) -> Any:
    rows, changes = deals(tables, moment), _changes(tables, moment)
    won = rows.filter((rows.status == "won") & rows.closed_at.notnull()).select(deal="id", ended_at="closed_at")
    cuts = changes.inner_join(won, changes.opportunity_id == won.deal)
    near = (seconds(cuts.ended_at) - seconds(cuts.changed_at)).abs() <= 7 * 86_400
    least = 1 - moment.settings.cut_share
    cuts = cuts.filter(near & (cuts.amount > 0) & (cuts.amount.cast("float64") < least * cuts.earlier_amount))
    cuts = cuts.group_by(cut_id=cuts.deal).agg(old_amount=cuts.earlier_amount.max(), new_amount=cuts.amount.min())
    rows = rows.inner_join(cuts, [("id", "cut_id")])
    return offending(rows, rows.old_amount - rows.new_amount, old_amount=rows.old_amount, new_amount=rows.new_amount)


def owner_changed_often(tables: Tables, moment: Moment) -> Any:
    changes = _changes(tables, moment)
    changes = changes.filter(changes.owner_id != changes.earlier_owner_id)
    often = changes.group_by(handed_id=changes.opportunity_id).agg(times=changes.count())
    often = often.filter(often.times >= moment.settings.owner_changes)
    rows = deals(tables, moment)
    rows = rows.filter(rows.status == "open").inner_join(often, [("id", "handed_id")])
    return offending(rows, rows.worth, times=rows.times)


def history_before_created(tables: Tables, moment: Moment) -> Any:
    changes = tables.relation("opportunity_history")
    first = changes.group_by(first_id=changes.opportunity_id).agg(first_at=changes.changed_at.min())
    rows = deals(tables, moment).inner_join(first, [("id", "first_id")])
    rows = rows.filter(seconds(rows.created_at) - seconds(rows.first_at) > 86_400)
    return offending(rows, rows.worth, created=rows.created_at.date(), first=rows.first_at.date(), since=rows.first_at)


def _since_history(_tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    return proposals(
        wrong.with_columns(
            pl.lit("created_at").alias("column"),
            pl.col("since").dt.to_string("%Y-%m-%dT%H:%M:%S").alias("value_proposed"),
            pl.lit(0.9).alias("confidence"),
            pl.lit("the deal's first entry in its history").alias("why"),
        ),
        "opportunities",
    )


def history_of_no_deal(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("opportunity_history"), tables.relation("opportunities")
    rows = rows.anti_join(known, rows.opportunity_id == known.id)
    return offending(rows, rows.amount, named=rows.opportunity_id)


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
        of_now=True,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="amount_changed_after_close",
        kind="history",
        severity="error",
        table="opportunities",
        title="Amount changed after the deal was won",
        why="Won value of a past month moves afterwards, and pay for it was computed on another amount.",
        message="The deal was won on {closed}; its amount was changed to {amount} on {day}.",
        fix="Compare it with the order. Record a later change as a credit or as another deal.",
        find=amount_changed_after_close,
        needs=("opportunities", "opportunity_history"),
        dated="closed_at",
    ),
    Check(
        name="reopened",
        kind="history",
        severity="warning",
        table="opportunities",
        title="Deal that was closed and opened again",
        why="It was counted as won or lost once already; win rate and cycle time count it twice or not at all.",
        message="The deal stood in {end} and was opened again on {day}.",
        fix="Open a new deal for a new attempt, and leave the closed one as it was.",
        find=reopened,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="close_backdated",
        kind="history",
        severity="warning",
        table="opportunities",
        title="Close that was entered long after its date",
        why="It changes the result of a month that was reported already.",
        message="The deal is said to have been closed on {closed}; that was entered on {typed}, {days} days later.",
        fix="Enter the close when it happens; tell whoever reported the month.",
        find=close_backdated,
        needs=("opportunities", "opportunity_history"),
        dated="closed_at",
    ),
    Check(
        name="amount_cut_before_close",
        kind="history",
        severity="notice",
        table="opportunities",
        title="Amount cut right before the deal was won",
        why="The pipeline promised more than the customer meant to pay, or a discount was given at the last minute.",
        message="The amount went from {old_amount} to {new_amount} in the week of the close.",
        fix="Keep the amount at what was offered; ask who agreed to the discount.",
        find=amount_cut_before_close,
        needs=("opportunities", "opportunity_history"),
        dated="closed_at",
    ),
    Check(
        name="owner_changed_often",
        kind="history",
        severity="notice",
        table="opportunities",
        title="Deal that is handed from one to the next",
        why="Every owner starts anew, and nobody answers for it.",
        message="The open deal changed its owner {times} times.",
        fix="Decide who keeps it, and say why in the deal.",
        find=owner_changed_often,
        of_now=True,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="history_before_created",
        kind="history",
        severity="warning",
        table="opportunities",
        title="Deal with a history before it was created",
        why="Its created date was changed: its age, its cycle time and the new deals of two months are wrong.",
        message="The deal was created on {created}, and its history begins on {first}.",
        fix="Set the created date to {first}.",
        find=history_before_created,
        needs=("opportunities", "opportunity_history"),
        mend=_since_history,
    ),
    Check(
        name="history_of_no_deal",
        kind="reference",
        severity="notice",
        table="opportunity_history",
        title="History of a deal that is not there",
        why="The deal was deleted or is missing in the export; past pipelines have a hole.",
        message="The history names the deal {named}, which is not in the list.",
        fix="Export deleted deals too, or read the list and the history on the same day.",
        find=history_of_no_deal,
        needs=("opportunities", "opportunity_history"),
    ),
)
