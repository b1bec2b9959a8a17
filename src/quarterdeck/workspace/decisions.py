"""What persons decided, in the ledger: overrides, approvals, publications; and the tables that steps read of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import conform, empty
from quarterdeck.flow import STEPS
from quarterdeck.records.views import last_day
from quarterdeck.workspace import corrections, merging

if TYPE_CHECKING:
    from quarterdeck.records.ledger import Entry
    from quarterdeck.workspace.facade import Run, Workspace

DECISIONS, PUBLICATIONS, RUNS = "decisions", "publications", "runs"
RESTATEMENT = "restatement"
"""An entry that says again, without an erased person, what an earlier entry of its stream said."""


@dataclass(frozen=True, slots=True)
class Publication:
    """An approved plan: which run, of which content, by whom and why."""

    id: str
    run_id: str
    plan_hash: str
    as_of: datetime
    who: str
    reason: str
    approved_at: datetime


def override(
    workspace: Workspace, room: str, target: str, value: float, start: date, reason: str, who: str, now: datetime
) -> str:
    """Append an override of a month; raises when no step of the room reads overrides or who or why is missing."""
    rooms = {step.room for step in STEPS if "overrides" in step.reads}
    if room not in rooms:
        raise QuarterdeckError(f"No step of {room!r} takes overrides; {did_you_mean(room, rooms)}")
    demand_signature(who, reason)
    _demand_target(workspace, room, target, start)
    payload = {"room": room, "target": target, "period_start": start, "value": value, "reason": reason}
    entry = workspace.ledger.append(DECISIONS, "override", payload, who=who, at=workspace.moment(now))
    return f"override-{entry.sequence}"


# Where the targets of a room's overrides stand in the last run: the table, and the columns that make a target.
TARGETS = {"demand": ("nodes", "demand_lines"), "reconcile": ("plan_targets", "plan_targets")}


def _demand_target(workspace: Workspace, room: str, target: str, start: date) -> None:
    """Raise when the last run knows no such target, or its months are later."""
    table, timed = TARGETS[room]
    rows, times = workspace.table(table), workspace.table(timed)
    if rows.is_empty() or times.is_empty():
        return
    names = rows.select(name=pl.col("node_id") if room == "demand" else pl.format("{}:{}", "level", "member"))[
        "name"
    ].unique()
    if target not in names:
        raise QuarterdeckError(f"{room} knows no {target!r}; {did_you_mean(target, names.to_list())}")
    first = times["period_start"].to_list()
    if start < min(first):
        raise QuarterdeckError(f"{start:%Y-%m} lies before the plan, which begins with {min(first):%Y-%m}.")


def withdraw(workspace: Workspace, key: str, reason: str, who: str, now: datetime) -> None:
    """Append the withdrawal of a decision: it holds no more. Raises when it does not hold now."""
    demand_signature(who, reason)
    known = {
        "override": overrides(workspace)["id"].to_list(),
        "merge": merging.merges(workspace)["id"].to_list(),
        "correction": [entry["id"] for entry in corrections.decided(workspace)],
    }
    kind = next((kind for kind, keys in known.items() if key in keys), None)
    if kind is None:
        every = [key for keys in known.values() for key in keys]
        named = next((f"{kind} " for kind in known if key.startswith(kind)), "decision ")
        raise QuarterdeckError(f"No {named}{key!r} holds; " + (did_you_mean(key, every) if every else "there is none."))
    payload = {kind: key, "reason": reason}
    workspace.ledger.append(DECISIONS, "withdrawal", payload, who=who, at=workspace.moment(now))


def demand_signature(who: str, reason: str) -> None:
    """Raise when who decided or why is missing."""
    if not who.strip() or not reason.strip():
        raise QuarterdeckError("A decision needs who decided (--who) and why (--reason).")


def note_run(workspace: Workspace, run_id: str, plan_hash: str, now: datetime) -> None:
    """Note in the ledger that a plan was made."""
    payload = {"run_id": run_id, "plan_hash": plan_hash}
    workspace.ledger.append(RUNS, "run", payload, who="quarterdeck", at=workspace.moment(now))


def publish(workspace: Workspace, run: Run, who: str, reason: str, now: datetime) -> Publication:
    """Append the approval and the publication together; approving the same plan again gives the first publication."""
    from quarterdeck.records.ledger import Draft

    demand_signature(who, reason)
    for publication in publications(workspace):
        if publication.plan_hash == run.plan_hash:
            return publication
    at = workspace.moment(now)
    approval = {"run_id": run.id, "plan_hash": run.plan_hash, "reason": reason}
    payload = {**approval, "as_of": run.as_of.isoformat(), "lines": _promised(workspace, run).to_dicts()}
    entries = workspace.ledger.append_many(
        [Draft(DECISIONS, "approval", approval, who, at), Draft(PUBLICATIONS, "publication", payload, who, at)]
    )
    return _publication(entries[-1], payload)


def _publication(entry: Entry, payload: dict[str, Any]) -> Publication:
    return Publication(
        id=f"publication-{entry.sequence}",
        run_id=payload["run_id"],
        plan_hash=payload["plan_hash"],
        as_of=datetime.fromisoformat(str(payload["as_of"])),
        who=entry.who,
        reason=payload["reason"],
        approved_at=entry.at,
    )


def publications(workspace: Workspace, known_at: datetime | None = None) -> list[Publication]:
    """All publications known then, the oldest first."""
    return [_publication(entry, payload) for entry, payload in kept(workspace, PUBLICATIONS, "publication", known_at)]


def kept(workspace: Workspace, stream: str, kind: str, known_at: datetime | None) -> list[tuple[Entry, dict[str, Any]]]:
    """Entries of a kind with their payloads.

    Of an entry whose payload was erased, what was written again without the person holds; without that it is left out.
    """
    entries = workspace.ledger.entries(stream, kind=kind, until=known_at)
    again = {}
    if any(entry.payload is None for entry in entries):
        found = [entry.payload or {} for entry in workspace.ledger.entries(stream, kind=RESTATEMENT)]
        again = {payload["sequence"]: payload["payload"] for payload in found if payload}
    said = ((entry, again.get(entry.sequence) if entry.payload is None else entry.payload) for entry in entries)
    return [(entry, payload) for entry, payload in said if payload is not None]


def tables(workspace: Workspace, as_of: datetime, known_at: datetime | None) -> dict[str, pl.DataFrame]:
    """The decisions that steps read: `overrides`, `merges`, and `promises` to hold against what came."""
    return {
        "overrides": overrides(workspace, known_at),
        "merges": merging.merges(workspace, known_at),
        "promises": promises(workspace, as_of, known_at),
    }


def overrides(workspace: Workspace, known_at: datetime | None = None) -> pl.DataFrame:
    """Overrides that hold: of several for one target and month the last, without those that were withdrawn."""
    gone = {payload.get("override") for _, payload in kept(workspace, DECISIONS, "withdrawal", known_at)}
    rows = [
        {
            "id": f"override-{entry.sequence}",
            **{name: payload[name] for name in ("room", "target", "value", "reason")},
            "period_start": _day(payload["period_start"]),
            "who": entry.who,
            "decided_at": entry.at,
        }
        for entry, payload in kept(workspace, DECISIONS, "override", known_at)
        if f"override-{entry.sequence}" not in gone
    ]
    if not rows:
        return empty("overrides")
    schema = empty("overrides").schema
    frame = conform("overrides", pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema))
    return frame.unique(["room", "target", "period_start"], keep="last", maintain_order=True)


def _day(value: Any) -> date | None:
    return value if value is None or isinstance(value, date) else date.fromisoformat(str(value))


def promises(workspace: Workspace, as_of: datetime, known_at: datetime | None) -> pl.DataFrame:
    """Lines of the latest publication made for an earlier moment, else of the latest draft, labelled as such."""
    published = [
        (datetime.fromisoformat(str(payload["as_of"])), entry.sequence, payload)
        for entry, payload in kept(workspace, PUBLICATIONS, "publication", known_at)
    ]
    earlier = [item for item in published if item[0] < as_of]
    if earlier:
        made_on, sequence, payload = max(earlier, key=lambda item: item[:2])
        lines = [{**line, "period_start": _day(line["period_start"])} for line in payload["lines"]]
        return _lines(workspace, lines, f"publication-{sequence}", "publication", made_on)
    for run in reversed(workspace.store.live_runs(known_at)):
        if run["plan_hash"] and not run["overlay"] and datetime.fromisoformat(run["as_of"]) < as_of:
            found = workspace.run_by_id(run["id"])
            lines = _promised(workspace, found).to_dicts()
            return _lines(workspace, lines, found.id, "draft", found.as_of)
    return empty("promises")


def _lines(
    workspace: Workspace, lines: list[dict[str, Any]], reference: str, label: str, as_of: datetime
) -> pl.DataFrame:
    made_on = last_day(as_of, workspace.settings.company)
    rows = [
        {
            **{name: line[name] for name in ("level", "member", "measure", "planned", "q10", "q90", "period_start")},
            "id": f"{reference}:{number}",
            "reference": reference,
            "label": label,
            "made_on": made_on,
        }
        for number, line in enumerate(lines)
    ]
    schema = empty("promises").schema
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def _promised(workspace: Workspace, run: Run) -> pl.DataFrame:
    """What a run's plan promises: bookings of the base scenario by month for all, each region and each product."""
    lines = workspace.table("plan_lines", run=run).filter(
        (pl.col("scenario") == "base")
        & (pl.col("line") == "bookings")
        & pl.col("level").is_in(["all", "region", "product"])
    )
    nodes = workspace.table("nodes", run=run).filter(pl.col("level").is_in(["all", "region", "product"]))
    member = pl.coalesce(
        pl.when(pl.col("level") == "region").then("region"), pl.when(pl.col("level") == "product").then("product_id")
    ).fill_null("all")
    intervals = (
        workspace.table("demand_lines", run=run)
        .filter(pl.col("measure") == "amount")
        .join(nodes.with_columns(member=member), on="node_id")
        .select("period_start", "level", "member", "q10", "q90")
    )
    return lines.join(intervals, on=["period_start", "level", "member"], how="left").select(
        "period_start",
        "level",
        "member",
        measure=pl.lit("bookings"),
        planned=pl.coalesce("supply", "demand", pl.lit(0.0)),
        q10="q10",
        q90="q90",
    )
