"""Sources into the lake: a drafted mapping each, then rows by way of a staging area."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.records.erasure import Marks
from quarterdeck.records.files import digest
from quarterdeck.records.lake import Lake, State
from quarterdeck.records.sync import Staging, TableSync, Told, take
from quarterdeck.workspace import arrivals, databases, reconciliation
from quarterdeck.workspace.reconciliation import Reading
from quarterdeck.workspace.settings import SourceSettings, WorkspaceSettings

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace


def mapping_path(root: Path, source: SourceSettings) -> Path:
    return root / "mapping" / f"{source.name}.yaml"


def draft_mapping(root: Path, source: SourceSettings) -> None:
    """Write the proposal for a source, unless a person's mapping is there already."""
    from quarterdeck import connectors

    path = mapping_path(root, source)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mapping = (
            databases.propose(root, source)[0] if source.url else connectors.propose(root / source.folder, source.name)
        )
        path.write_text(connectors.to_yaml(mapping), encoding="utf-8")


def _mapping(root: Path, source: SourceSettings) -> Any:
    from quarterdeck import connectors

    draft_mapping(root, source)
    path = mapping_path(root, source)
    return connectors.from_yaml(path.read_text(encoding="utf-8"), str(path))


def proposals(root: Path, sources: Iterable[SourceSettings]) -> pl.DataFrame:
    """All mappings as rows: source, file, column, table, target, confidence, reason."""
    from quarterdeck import connectors

    frames = [connectors.rows(_mapping(root, source)) for source in sources]
    return pl.concat(frames) if frames else pl.DataFrame()


def fingerprints(root: Path, sources: Iterable[SourceSettings]) -> dict[str, str]:
    """What each source's folder and mapping look like now: a change of any file changes it."""
    found = {}
    for source in sources:
        mapping = mapping_path(root, source)
        text = mapping.read_text(encoding="utf-8") if mapping.exists() else ""
        if source.url:
            found[source.name] = digest([databases.mirror(root, source.name).content, text])
            continue
        folder = root / source.folder
        files = [
            (str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        found[source.name] = digest([files, text])
    return found


def findings_path(lake: Lake, state: State) -> Path:
    """Where the findings of the last sync up to a state lie."""
    found = reconciliation.latest(lake, "_findings", state.sequence)
    return found or lake.root / "_findings" / f"{state.sequence:08d}.parquet"


def sync(workspace: Workspace, now: datetime) -> tuple[list[TableSync], list[Finding]]:
    """Read the sources if any of their files changed, take what waits in the inbox, commit the differences.

    Only inside `lake.writing()`.
    """
    lake, sources = workspace.lake, workspace.settings.sources
    before = lake.state()
    answers = _ask_databases(workspace, now)
    files = fingerprints(workspace.root, sources)
    is_changed = files != before.files
    stagings, partial, arrived = arrivals.stage(workspace, lake)
    findings: list[Finding] = [*answers, *([] if is_changed else kept_findings(lake, before))]
    hints = {} if is_changed else before.hints
    reading = Reading()
    try:
        for source in sources if is_changed else ():
            staging = Staging(lake, source.name)
            stagings.append(staging)
            mapping = _mapping(workspace.root, source)
            hints[source.name] = _hints(mapping)
            found, lost = _read(workspace.root, source, mapping, workspace.settings, staging, reading)
            findings += found
            partial |= lost
        syncs, _ = take(
            lake,
            workspace.engine,
            stagings,
            seen_at=workspace.moment(now),
            hints=hints,
            files=files,
            inbox=max(arrived, before.inbox),
            partial=partial,
            retention={source.name: source.retention for source in sources},
            before_commit=lambda state, told: findings.extend(
                _write_beside(lake, state, findings, told, reading if is_changed else None)
            ),
        )
        if arrived:
            workspace.ledger.drain(arrived)
        return syncs, findings
    finally:
        for staging in stagings:
            staging.drop()


def _hints(mapping: Any) -> dict[str, Any]:
    for entry in mapping.files:
        if entry.table == "opportunities":
            return {"amount_known": entry.amount_known or "always", "open_stage": entry.open_stage}
    return {}


def _ask_databases(workspace: Workspace, now: datetime) -> list[Finding]:
    sources = [source for source in workspace.settings.sources if source.url]
    mappings = {source.name: _mapping(workspace.root, source) for source in sources}
    return databases.refresh(workspace.root, sources, mappings, workspace.moment(now))


def _read(
    root: Path,
    source: SourceSettings,
    mapping: Any,
    settings: WorkspaceSettings,
    staging: Staging,
    reading: Reading,
) -> tuple[list[Finding], set[tuple[str, str]]]:
    """Stage a source's rows; returns findings and the tables of which a file could not be read."""
    from quarterdeck import connectors

    folder = root / source.folder
    findings = [] if source.url else _unmapped(folder, mapping)
    lost: set[tuple[str, str]] = set()
    batches = (
        databases.read(root, source, mapping, settings.company)
        if source.url
        else connectors.read(mapping, folder, company=settings.company)
    )
    for batch in batches:
        staging.add(batch.table, batch.frame, read=batch.read, set_aside=batch.set_aside.height)
        findings += batch.findings
        if not batch.is_complete:
            lost.add((mapping.source, batch.table))
        reading.take(batch, mapping.source)
    return findings, lost


def _unmapped(folder: Path, mapping: Any) -> list[Finding]:
    """Files that came into the folder after the mapping was drafted."""
    from quarterdeck import connectors

    mapped = {entry.path for entry in mapping.files}
    return [
        Finding(
            code="records.unmapped_file",
            severity="warning",
            message=f"{name} lies in the folder, and mapping/{mapping.source}.yaml does not name it: not read.",
            fix="Look at what it is taken for with `quarterdeck map NAME`, and add it with --take; `table: skip` in "
            "the mapping leaves it out.",
        )
        for name in connectors.readable(folder)
        if name not in mapped
    ]


def kept_findings(lake: Lake, state: State) -> list[Finding]:
    """Findings of the sync that made a state."""
    path = findings_path(lake, state)
    return [Finding(**row) for row in pl.read_parquet(path).to_dicts()] if path.is_file() else []


def _write_beside(
    lake: Lake, state: State, findings: list[Finding], told: Told, reading: Reading | None
) -> list[Finding]:
    """Keep findings, reconciliation and rows set aside with a state; returns the findings that came of comparing."""
    late = list(told.findings)
    if reading is not None:
        syncs = [sync for sync in told.syncs if sync.source in reading.sources]
        report = reconciliation.lines(reading.reports, syncs)
        late += reconciliation.findings(report)
        marks = Marks.read(lake.root)
        aside = [rows.with_columns(marks.without(rows["raw"])) for rows in (*reading.aside, *told.repeated)]
        reconciliation.write(lake, state, report, aside)
    path = lake.root / "_findings" / f"{state.sequence:08d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    findings_frame([*findings, *late]).write_parquet(path)
    return late
