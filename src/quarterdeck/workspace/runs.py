"""Runs as they are kept: what was computed for which moment, and the hash of the plan that it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.config import instant
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import table
from quarterdeck.records.files import digest
from quarterdeck.records.lake import State
from quarterdeck.workspace import decisions
from quarterdeck.workspace.runner import Runner, StepRun

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace

# What an executive approves: the plan's hash is made from these tables.
PLAN_TABLES = (
    "plan_targets",
    "scenarios",
    "demand_lines",
    "supply_lines",
    "territories",
    "quotas",
    "pay_lines",
    "plan_lines",
    "plan_options",
)

# Dates of what happened: the newest of them tells how far an export reaches.
HAPPENED = {
    "opportunities": ("created_at", "closed_at"),
    "leads": ("created_at",),
    "activities": ("started_at",),
    "orders": ("ordered_at",),
    "invoices": ("invoiced_at",),
}
OLD = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was made. `plan_hash` is None when it has no plan; `note` says why it stands on its moment."""

    id: str
    as_of: datetime
    known_at: datetime | None
    sequence: int
    scenario: str
    started_at: datetime
    seconds: float
    steps: tuple[StepRun, ...]
    plan_hash: str | None
    is_published: bool
    overlay: dict[str, Any]
    paths: dict[str, Path]
    findings: tuple[Path, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a run is kept with beside its steps."""

    known_at: datetime | None
    scenario: str
    overlay: dict[str, Any]
    started_at: datetime
    seconds: float
    note: str


def plan_hash(paths: dict[str, Path]) -> str | None:
    """Hash of the plan's content, the same whoever computes it and whenever; None when there is no plan."""
    if any(name not in paths for name in PLAN_TABLES):
        return None
    whole = hashlib.sha256()
    for name in PLAN_TABLES:
        frame = pl.read_parquet(paths[name], columns=list(table(name).names)).sort(table(name).key)
        if name == "plan_lines" and frame.is_empty():
            return None
        whole.update(name.encode())
        whole.update(frame.write_csv(float_precision=6).encode())
    return whole.hexdigest()


def keep(workspace: Workspace, runner: Runner, kept: Kept) -> Run:
    """Write the run; a new plan is noted in the ledger."""
    keys = [(step.name, step.key) for step in runner.steps]
    identity = digest([runner.as_of, kept.scenario, kept.overlay, runner.state.sequence, keys])
    run_id = f"{runner.as_of:%Y-%m-%d}-{kept.scenario}-{identity[:8]}"
    hashed = plan_hash(runner.paths)
    is_new = not (workspace.store.root / f"{run_id}.json").exists()
    before = {} if is_new else workspace.store.read_run(run_id)
    # What is asked about an earlier moment and gives a run that was made then is that run.
    is_live = kept.known_at is None or (not is_new and before["known_at"] is None)
    is_again = is_live and kept.known_at is not None
    started_at = before["started_at"] if is_again else kept.started_at.isoformat()
    value = {
        "id": run_id,
        "as_of": runner.as_of.isoformat(),
        "known_at": None if is_live or kept.known_at is None else kept.known_at.isoformat(),
        "times": [
            *(before.get("times", []) if is_live and before.get("known_at") is None else []),
            *([] if is_again else [started_at]),
        ],
        "sequence": runner.state.sequence,
        "scenario": kept.scenario,
        "started_at": started_at,
        "seconds": kept.seconds,
        "note": kept.note,
        "plan_hash": hashed,
        "overlay": kept.overlay,
        "tables": {name: str(path.relative_to(workspace.root)) for name, path in runner.paths.items()},
        "findings": [str(path.relative_to(workspace.root)) for path in runner.findings if path.is_file()],
        "steps": [asdict(step) for step in runner.steps],
    }
    workspace.store.write_run(run_id, value)
    if is_new and hashed is not None:
        decisions.note_run(workspace, run_id, hashed, kept.started_at)
    return load(workspace, value)


def published_hashes(workspace: Workspace) -> frozenset[str]:
    """Hashes of the plans that were published."""
    return frozenset(publication.plan_hash for publication in workspace.publications())


def load(workspace: Workspace, value: dict[str, Any], published: frozenset[str] | None = None) -> Run:
    """A run from its file. `published` spares many runs the reading of the ledger for each."""
    if published is None:
        published = published_hashes(workspace)
    return Run(
        id=value["id"],
        as_of=datetime.fromisoformat(value["as_of"]),
        known_at=datetime.fromisoformat(value["known_at"]) if value["known_at"] else None,
        sequence=value["sequence"],
        scenario=value["scenario"],
        started_at=datetime.fromisoformat(value["started_at"]),
        seconds=value["seconds"],
        steps=tuple(StepRun(**step) for step in value["steps"]),
        plan_hash=value["plan_hash"],
        is_published=value["plan_hash"] in published,
        overlay=value["overlay"],
        paths={name: workspace.root / path for name, path in value["tables"].items()},
        findings=tuple(workspace.root / path for path in value["findings"]),
        note=value["note"],
    )


def usual_moment(
    workspace: Workspace, until: str | None, now: datetime, known_at: datetime | None
) -> tuple[datetime, str]:
    """Where a run stands that nobody gave a moment, and why if that is not now, or when what it knows was known."""
    last = workspace.last_run(known_at=known_at) if until is not None else None
    if last is not None:
        return last.as_of, ""
    moment = workspace.moment(now) if known_at is None else known_at
    newest = _newest_record(workspace, workspace.lake.state(known_at), moment)
    if newest is None or moment - newest <= OLD:
        return moment, ""
    company = workspace.settings.company
    day = newest.replace(tzinfo=UTC).astimezone(company.zone).date() + timedelta(days=1)
    note = f"The newest record is of {day - timedelta(days=1)}; --as-of chooses another day."
    return instant(day, company), note


def refuse_before_records(workspace: Workspace, state: State, moment: datetime) -> None:
    """Raise when nothing had happened at the moment that a run is to stand on."""
    firsts = [edge for edge, _ in _edges(workspace, state, datetime(9999, 1, 1))]
    if firsts and moment <= min(firsts):
        raise QuarterdeckError(
            f"Nothing was known before {moment:%Y-%m-%d}: the first dated record is of {min(firsts):%Y-%m-%d}. "
            "Choose a later --as-of."
        )


def _newest_record(workspace: Workspace, state: State, before: datetime) -> datetime | None:
    return max((last for _, last in _edges(workspace, state, before)), default=None)


def _edges(workspace: Workspace, state: State, before: datetime) -> Iterator[tuple[datetime, datetime]]:
    """First and last instant up to a moment in each file of what happened."""
    for name, columns in HAPPENED.items():
        for path in (path for batch in state.tables.get(name, ()) for path in batch.rows):
            rows = pl.scan_parquet(workspace.lake.root / path)
            past = [pl.col(column).filter(pl.col(column) <= before) for column in columns]
            ends = [end.min().name.suffix("_first") for end in past] + [end.max().name.suffix("_last") for end in past]
            row = rows.select(ends).collect(engine="streaming").row(0)
            for first, last in zip(row[: len(columns)], row[len(columns) :], strict=True):
                if first is not None and last is not None:
                    yield first, last
