"""Corrections: values of records that a person wrote instead of what the source says, with who and why.

A correction is a decision in the ledger. It holds while the source's own value is the one that it corrects; when the
source changes that value, the source counts again. It is shown in every view as an arrival is: newer than the lake.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.schema import Table, table

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace

KIND = "correction"
HISTORY = ("stage", "amount", "expected_close_on", "forecast_category", "owner_id")
"""Columns of a deal that its history tells: a correction of them is one more entry of the history."""


def encoded(value: Any) -> Any:
    """A value as the ledger keeps it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _decoded(value: Any, kind: str) -> Any:
    if value is None:
        return None
    match kind:
        case "instant":
            return datetime.fromisoformat(str(value))
        case "day":
            return date.fromisoformat(str(value))
        case "decimal":
            return Decimal(str(value))
    return value


def decided(workspace: Workspace, known_at: datetime | None = None) -> list[dict[str, Any]]:
    """Corrections that were not withdrawn, the oldest first: id, table, record_id, columns, reason, who, decided_at.

    `columns` gives for each column the source's value (`old`) and the person's (`new`).
    """
    from quarterdeck.workspace import decisions

    gone = {payload.get(KIND) for _, payload in decisions.kept(workspace, "decisions", "withdrawal", known_at)}
    return [
        {**payload, "id": f"{KIND}-{entry.sequence}", "who": entry.who, "decided_at": entry.at}
        for entry, payload in decisions.kept(workspace, "decisions", KIND, known_at)
        if f"{KIND}-{entry.sequence}" not in gone
    ]


def table_of_corrections(workspace: Workspace) -> pl.DataFrame:
    """Every corrected value: id, table, record_id, column, old, new, holds (the source still says `old`), who, …"""
    found = decided(workspace)
    raw = {name: _own_rows(workspace, name, found, {}, None) for name in {str(entry["table"]) for entry in found}}
    rows = []
    for entry in found:
        shape, own = table(entry["table"]), raw[entry["table"]].get(entry["record_id"])
        for column, values in entry["columns"].items():
            old = _decoded(values["old"], shape.column(column).type)
            rows.append(
                {
                    **{name: entry[name] for name in ("id", "table", "record_id")},
                    "column": column, "old": _told(values["old"]), "new": _told(values["new"]),
                    "holds": own is not None and own[column] == old,
                    **{name: entry[name] for name in ("who", "reason", "decided_at")},
                }
            )  # fmt: skip
    texts = ("id", "table", "record_id", "column", "old", "new")
    kinds: dict[str, Any] = {
        **dict.fromkeys(texts, pl.String), "holds": pl.Boolean, "who": pl.String, "reason": pl.String,
        "decided_at": pl.Datetime("us"),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=kinds)


def _told(value: Any) -> str | None:
    return None if value is None else str(value)


def own_rows(
    workspace: Workspace, name: str, ids: list[str], waiting: pl.DataFrame | None, known_at: datetime | None
) -> dict[str, dict[str, Any]]:
    """Records as their sources say them, without corrections, by id."""
    state = workspace.lake.state(known_at)
    rows = workspace.lake.relation(workspace.engine, state, name, waiting)
    if rows is None or not ids:
        return {}
    frame = pl.DataFrame(pl.from_arrow(rows.filter(rows.id.isin(ids)).to_pyarrow()))
    typed = frame.select(pl.col(column).cast(kind) for column, kind in table(name).polars.items())
    return {row["id"]: row for row in typed.to_dicts()}


def _own_rows(
    workspace: Workspace,
    name: str,
    found: list[dict[str, Any]],
    waiting: dict[str, pl.DataFrame],
    known_at: datetime | None,
) -> dict[str, dict[str, Any]]:
    ids = list(dict.fromkeys(str(entry["record_id"]) for entry in found if entry["table"] == name))
    return own_rows(workspace, name, ids, waiting.get(name), known_at)


def corrected(
    workspace: Workspace, waiting: dict[str, pl.DataFrame], known_at: datetime | None
) -> dict[str, pl.DataFrame]:
    """Arrivals by table with the records that corrections change, and the entries of the histories of deals."""
    found = decided(workspace, known_at)
    out = dict(waiting)
    for name in dict.fromkeys(str(entry["table"]) for entry in found):
        own = _own_rows(workspace, name, found, waiting, known_at)
        made, history = _apply(table(name), own, [entry for entry in found if entry["table"] == name])
        if made:
            out[name] = _over(out.get(name), pl.DataFrame(made, schema=table(name).polars))
        if history:
            rows = _after_last(workspace, history, known_at)
            if rows.height:
                out["opportunity_history"] = _over(out.get("opportunity_history"), rows)
    return out


def _apply(
    shape: Table, own: dict[str, dict[str, Any]], found: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The records that are changed, and for deals the changes as entries of their histories."""
    rows: dict[str, dict[str, Any]] = {}
    history = []
    for entry in found:
        raw = own.get(entry["record_id"])
        if raw is None:
            continue
        holding = {}
        for column, values in entry["columns"].items():
            kind = shape.column(column).type
            if raw[column] == _decoded(values["old"], kind):
                holding[column] = _decoded(values["new"], kind)
        if not holding:
            continue
        row = rows.setdefault(raw["id"], dict(raw))
        row.update(holding)
        if shape.name == "opportunities" and holding.keys() & set(HISTORY):
            kept = {name: row[name] for name in (*HISTORY, "currency", "source")}
            place = {"id": entry["id"], "source_id": entry["id"], "opportunity_id": raw["id"]}
            history.append({**place, "changed_at": entry["decided_at"], "attributes": None, **kept})
    return list(rows.values()), history


def _after_last(workspace: Workspace, entries: list[dict[str, Any]], known_at: datetime | None) -> pl.DataFrame:
    """Entries as the newest of their deals' histories; none when no source has told or shown any history."""
    shape = table("opportunity_history").polars
    state = workspace.lake.state(known_at)
    known = workspace.lake.relation(workspace.engine, state, "opportunity_history", None)
    if known is None:
        return pl.DataFrame(schema=shape)
    mine = known.filter(known.opportunity_id.isin([entry["opportunity_id"] for entry in entries]))
    last = mine.group_by("opportunity_id").aggregate(last=mine.changed_at.max()).to_pyarrow().to_pylist()
    newest = {row["opportunity_id"]: row["last"] + timedelta(microseconds=1) for row in last}
    later = [
        {**entry, "changed_at": max(entry["changed_at"], newest.get(entry["opportunity_id"], entry["changed_at"]))}
        for entry in entries
    ]
    return pl.DataFrame(later, schema=shape)


def _over(waiting: pl.DataFrame | None, rows: pl.DataFrame) -> pl.DataFrame:
    if waiting is None:
        return rows
    return pl.concat([waiting.join(rows, on="id", how="anti"), rows.select(waiting.columns)])
