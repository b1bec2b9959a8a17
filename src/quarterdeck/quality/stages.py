"""The order of a company's stages, learnt from how its deals moved, and checks on how deals move through them."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, deals, offending, seconds

LEAST_MOVES = 20
"""Moves between stages that are needed to learn their order."""
USUAL = 0.8
"""Share of the deals of a stage that came through an earlier one, from which on that one belongs to the way."""


def entries(tables: Tables, moment: Moment) -> Any:
    """A row for each time that a deal entered a stage: deal, stage, entered_at, the stage `before` (null at first)."""
    return moment.once("entries", lambda: _entries(tables))


def _entries(tables: Tables) -> Any:
    import ibis

    changes = tables.relation("opportunity_history")
    changes = changes.filter(changes.stage.notnull())
    in_time = ibis.window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    changes = changes.mutate(before=changes.stage.lag().over(in_time))
    entered = changes.filter(changes.before.isnull() | (changes.stage != changes.before))
    return entered.select(
        "stage", "before", entry_id=entered.id, deal=entered.opportunity_id, entered_at=entered.changed_at
    )


def stage_order(tables: Tables, moment: Moment) -> dict[str, int]:
    """Rank of each stage on a deal's way, from 0: as the settings say it, else learnt from the moves of history.

    A stage stands after another when deals move from that one to it more often than back; stages are ranked by how many
    others they stand after (Copeland 1951). Stages in which closed deals stand are the end and have no rank. Too few
    moves give no order.
    """
    stated = moment.settings.stages
    if stated:
        return {name: rank for rank, name in enumerate(stated)}
    entered = entries(tables, moment)
    moved = entered.filter(entered.before.notnull())
    moves = moved.group_by("before", "stage").agg(times=moved.count()).order_by("before", "stage").to_polars()
    ends = final_stages(tables)
    counts: dict[tuple[str, str], int] = {
        (before, stage): times
        for before, stage, times in moves.select("before", "stage", "times").iter_rows()
        if before not in ends and stage not in ends
    }
    if sum(counts.values()) < LEAST_MOVES:
        return {}
    names = sorted({name for pair in counts for name in pair})
    after = {
        name: sum(
            (counts.get((other, name), 0) > counts.get((name, other), 0))
            - (counts.get((other, name), 0) < counts.get((name, other), 0))
            for other in names
        )
        for name in names
    }
    return {name: rank for rank, name in enumerate(sorted(names, key=lambda name: (after[name], name)))}


def final_stages(tables: Tables) -> frozenset[str]:
    """Stages in which deals end: those of closed deals that hardly any open deal stands in."""
    rows = tables.relation("opportunities")
    rows = rows.filter(rows.stage.notnull())
    counts = rows.group_by("stage").agg(
        closed=(rows.status == "open").ifelse(0, 1).sum(), still=(rows.status == "open").ifelse(1, 0).sum()
    )
    frame = counts.to_polars()
    return frozenset(
        stage for stage, closed, still in frame.select("stage", "closed", "still").iter_rows() if closed > 20 * still
    )


def _ranked(tables: Tables, moment: Moment) -> Any:
    """Entries with the ranks of the stage and of the one before; None where no order is known."""
    import ibis

    order = stage_order(tables, moment)
    if len(order) < 2:
        return None
    entered = entries(tables, moment)

    def rank(column: Any) -> Any:
        return ibis.cases(*((column == name, place) for name, place in order.items()), else_=ibis.null("int64"))

    return entered.mutate(rank=rank(entered.stage), rank_before=rank(entered.before))


def _nothing(tables: Tables, moment: Moment, **values: Any) -> Any:
    import ibis

    rows = deals(tables, moment)
    return offending(rows.filter(ibis.literal(False)), rows.worth, **values)


def stage_went_back(tables: Tables, moment: Moment) -> Any:
    import ibis

    entered = entries(tables, moment)
    twice = entered.group_by(moved_id=entered.deal, again=entered.stage).agg(times=entered.count())
    twice = twice.filter(twice.times > 1)
    back = twice.group_by("moved_id").agg(to_stage=twice.again.min())
    ranked = _ranked(tables, moment)
    if ranked is not None:
        lower = ranked.filter(ranked["rank"] < ranked.rank_before)
        lower = lower.group_by(moved_id=lower.deal).agg(to_stage=lower.stage.min())
        both = back.union(lower, distinct=False)
        back = both.group_by("moved_id").agg(to_stage=both.to_stage.min())
    rows = deals(tables, moment)
    rows = rows.filter((rows.status == "open") & ibis.literal(True)).inner_join(back, [("id", "moved_id")])
    return offending(rows, rows.worth, stage=rows.to_stage)


def stage_skipped(tables: Tables, moment: Moment) -> Any:
    """Deals that jumped over a stage through which most others that got as far came."""
    import ibis

    order = stage_order(tables, moment)
    ranked = _ranked(tables, moment)
    if ranked is None:
        return _nothing(tables, moment, skipped=ibis.literal(""), stage=ibis.literal(""))
    seen = ranked.filter(ranked["rank"].notnull()).select("deal", "rank").distinct()
    furthest = seen.group_by(far_deal=seen.deal).agg(furthest=seen["rank"].max())
    names = ibis.memtable({"place": list(order.values()), "skipped": list(order)})
    due = furthest.inner_join(names, furthest.furthest > names.place)
    due = due.left_join(seen, [due.far_deal == seen.deal, due.place == seen["rank"]])
    passed = due.group_by(usual_place=due.place).agg(usual=due.deal.isnull().ifelse(0.0, 1.0).mean(), of=due.count())
    usual = passed.filter((passed.usual >= USUAL) & (passed.of >= LEAST_MOVES))
    missed = due.filter(due.deal.isnull()).inner_join(usual, [due.place == usual.usual_place])
    first = missed.group_by(moved_id=missed.far_deal).agg(
        place_missed=missed.place.min(), reached=missed.furthest.max()
    )
    other = names.view()
    first = first.inner_join(names, first.place_missed == names.place).drop("place")
    first = first.inner_join(
        other.select(reached_place=other.place, reached_stage=other.skipped), [("reached", "reached_place")]
    )
    rows = deals(tables, moment)
    rows = rows.filter(rows.status != "lost").inner_join(first, [("id", "moved_id")])
    return offending(rows, rows.worth, skipped=rows.skipped, stage=rows.reached_stage)


def stages_in_one_go(tables: Tables, moment: Moment) -> Any:
    """Several stages entered within minutes: written down afterwards."""
    import ibis

    entered = entries(tables, moment)
    in_time = ibis.window(group_by=entered.deal, order_by=[entered.entered_at, entered.entry_id])
    steps = moment.settings.burst_stages
    entered = entered.mutate(earlier=entered.entered_at.lag(steps - 1).over(in_time))
    apart = seconds(entered.entered_at) - seconds(entered.earlier)
    quick = entered.filter(entered.earlier.notnull() & (apart <= moment.settings.burst_minutes * 60))
    quick = quick.group_by(moved_id=quick.deal).agg(on=quick.entered_at.max())
    rows = deals(tables, moment).inner_join(quick, [("id", "moved_id")])
    return offending(
        rows, rows.worth, count=ibis.literal(steps), minutes=ibis.literal(moment.settings.burst_minutes),
        day=rows.on.date(),
    )  # fmt: skip


def stage_too_long(tables: Tables, moment: Moment) -> Any:
    """Open deals that stand in their stage longer than nearly all deals that moved on from it."""
    import ibis

    entered = entries(tables, moment)
    in_time = ibis.window(group_by=entered.deal, order_by=[entered.entered_at, entered.entry_id])
    entered = entered.mutate(left_at=entered.entered_at.lead().over(in_time))
    entered = entered.mutate(stayed=(seconds(entered.left_at) - seconds(entered.entered_at)).cast("float64"))
    usual = entered.filter(entered.left_at.notnull())
    usual = usual.group_by(usual_stage=usual.stage).agg(
        limit=usual.stayed.quantile(moment.settings.stale_rate), of=usual.count()
    )
    usual = usual.filter(usual.of >= moment.settings.stale_minimum)
    now = entered.filter(entered.left_at.isnull()).inner_join(usual, entered.stage == usual.usual_stage)
    until = seconds(ibis.literal(moment.as_of))
    now = now.mutate(stands=until - seconds(now.entered_at))
    now = now.filter(now.stands > now["limit"]).select("deal", "stands", "limit", in_stage="stage")
    rows = deals(tables, moment)
    rows = rows.filter(rows.status == "open").inner_join(now, rows.id == now.deal)
    return offending(
        rows, rows.worth, stage=rows.in_stage, days=(rows.stands / 86_400).floor().cast("int64"),
        usual=(rows["limit"] / 86_400).floor().cast("int64"),
        share=ibis.literal(round(100 * moment.settings.stale_rate)),
    )  # fmt: skip


def _logged_on_wins(rows: Any, worked: Any) -> list[str]:
    """Kinds of activities that at least half of the won deals have: those that people log."""
    won = rows.filter(rows.status == "won").select(won_id="id")
    total = int(won.count().to_pyarrow().as_py())
    done = worked.inner_join(won, worked.opportunity_id == won.won_id).select("kind", "won_id").distinct()
    counts = done.group_by("kind").agg(here=done.count()).to_polars()
    return sorted(kind for kind, here in counts.select("kind", "here").iter_rows() if kind and 2 * here >= total)


def stage_without_evidence(tables: Tables, moment: Moment) -> Any:
    """Deals that reached a stage whose activity nobody logged: a Demo without a demo, a Proposal without a proposal."""
    import ibis

    rows = deals(tables, moment)
    worked = tables.relation("activities")
    worked = worked.filter(worked.opportunity_id.notnull())
    stages = [stage for (stage,) in rows.select("stage").distinct().to_polars().iter_rows() if stage]
    logged = _logged_on_wins(rows, worked)
    asked = moment.settings.evidence or {
        stage: kind for stage in sorted(stages) for kind in logged if kind.lower() in stage.lower()
    }
    order = stage_order(tables, moment) if tables.has("opportunity_history") else {}
    least = {kind: min(order.get(stage, -1) for stage, of in asked.items() if of == kind) for kind in asked.values()}
    pairs = [
        (stage, kind)
        for kind, first in sorted(least.items())
        for stage in stages
        if asked.get(stage) == kind or (first >= 0 and order.get(stage, -1) >= first)
    ]
    if not pairs:
        return _nothing(tables, moment, stage=ibis.literal(""), kind=ibis.literal(""))
    needed = ibis.memtable({"asking": [stage for stage, _ in pairs], "asked": [kind for _, kind in pairs]})
    rows = rows.filter(rows.status == "open").inner_join(needed, [("stage", "asking")])
    done = worked.select(worked_id=worked.opportunity_id, done=worked.kind).distinct()
    rows = rows.anti_join(done, [rows.id == done.worked_id, rows.asked == done.done])
    single = rows.group_by("id").agg(asked=rows.asked.min())
    rows = deals(tables, moment).inner_join(single.rename(lacking_id="id"), [("id", "lacking_id")])
    return offending(rows, rows.worth, stage=rows.stage, kind=rows.asked)


CHECKS: tuple[Check, ...] = (
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
        of_now=True,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="stage_skipped",
        kind="history",
        severity="notice",
        table="opportunities",
        title="Deal that left out a stage",
        why="A step that nearly every deal takes was left out or not written down; times and odds by stage are wrong.",
        message="The deal reached {stage} without ever standing in {skipped}.",
        fix="Do the step, or enter the day on which it was done.",
        find=stage_skipped,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="stages_in_one_go",
        kind="history",
        severity="warning",
        table="opportunities",
        title="Stages written down afterwards",
        why="The dates are those of the typing: time in stage and the odds by stage are wrong, earlier forecasts too.",
        message="The deal went through {count} stages within {minutes} minutes on {day}.",
        fix="Move deals when it happens; where the source allows, enter the true dates.",
        find=stages_in_one_go,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="stage_too_long",
        kind="timeliness",
        severity="warning",
        table="opportunities",
        title="Deal that is stuck in its stage",
        why="Deals that stand still this long seldom move again.",
        message="The deal stands in {stage} for {days} days; {share} % of deals leave it within {usual}.",
        fix="Agree on the next step with the customer, or close the deal.",
        find=stage_too_long,
        of_now=True,
        needs=("opportunities", "opportunity_history"),
    ),
    Check(
        name="stage_without_evidence",
        kind="consistency",
        severity="warning",
        table="opportunities",
        title="Stage without the activity that it asks for",
        why="The deal stands further ahead than it is, and the forecast counts it at the odds of that stage.",
        message="The deal stands in {stage}, and no {kind} is logged on it.",
        fix="Log what was done, or move the deal back; say in quality.evidence which stage asks for what.",
        find=stage_without_evidence,
        of_now=True,
        needs=("opportunities", "activities"),
    ),
)
