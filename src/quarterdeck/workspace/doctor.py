"""What is missing or amiss in a workspace, as findings: what each missing table would buy, what to look at."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.finding import Finding, findings_frame

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace


def doctor(workspace: Workspace, as_of: date | datetime | None, known_at: datetime | None) -> pl.DataFrame:
    """Faults of the workspace and missing inputs, each with what to do; reads what the last run found.

    Missing inputs are those of the last run of a moment, or made by a moment, if asked.
    """
    found: list[Finding] = []
    if not workspace.settings.sources:
        found.append(
            Finding(
                "workspace.no_source", "error", "There is no source.", "Add one below `sources:` in quarterdeck.yaml."
            )
        )
    elif workspace.is_stale():
        found.append(
            Finding(
                "workspace.stale", "notice", "The sources' files or mappings changed since the last sync.",
                f"Run `quarterdeck sync {workspace.root}`; `run` does it too.",
            )
        )  # fmt: skip
    found += [
        Finding("workspace.ledger_broken", "error", fault, "Restore the ledger from a backup; do not approve on it.")
        for fault in workspace.ledger.verify()
    ]
    found += _unsure(workspace)
    last = workspace.last_run(with_table="plan_lines", as_of=as_of, known_at=known_at) or workspace.last_run(
        as_of=as_of, known_at=known_at
    )
    frames = [findings_frame(found)]
    if last is None:
        late = Finding(
            "workspace.no_run", "notice", "Nothing was computed yet.", f"Run `quarterdeck run {workspace.root}`."
        )
        frames.append(findings_frame([late]))
    else:
        rows = workspace.findings(last)
        frames.append(rows.filter(pl.col("record_id").is_null() & pl.col("code").str.contains(MISSING)))
    return pl.concat(frames)


# Findings that speak of an input nobody gave, not of a wrong record.
MISSING = r"\.(no|missing|too_few|too_little|stale|not)_|_assumed$"


def _unsure(workspace: Workspace) -> list[Finding]:
    """Mapping entries that a person should look at."""
    rows = workspace.proposals()
    if rows.is_empty():
        return []
    low = rows.filter(pl.col("confidence") < 0.6)
    return [
        Finding(
            code="workspace.unsure_mapping",
            severity="notice",
            table=row["table"],
            message=f"{row['file']}: column {row['column']!r} was taken for {row['target']!r}, "
            f"confidence {row['confidence']:.2f}.",
            fix=f"Look at it in mapping/{row['source']}.yaml; write confidence 1 when it is right.",
        )
        for row in low.to_dicts()
    ]
