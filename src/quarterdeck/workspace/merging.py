"""Merges: two records that are one, as a person decided, and which record each shown value comes from."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import empty, table
from quarterdeck.records.enriching import ENRICHED, best, fillable
from quarterdeck.records.merging import MERGEABLE, Merged, members, redirected, resolve
from quarterdeck.records.views import view
from quarterdeck.workspace import decisions

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace


def merge(
    workspace: Workspace, name: str, record_id: str, survivor_id: str, who: str, reason: str, now: datetime
) -> str:
    """Append a merge; the key of the decision. Raises when a record is not there or merged already, or on a ring."""
    if name not in MERGEABLE:
        raise QuarterdeckError(f"Records of {name!r} cannot be merged; {did_you_mean(name, MERGEABLE)}")
    decisions.demand_signature(who, reason)
    if record_id == survivor_id:
        raise QuarterdeckError(f"{record_id!r} cannot be merged into itself; name the record that stands for both.")
    _demand_known(workspace, name, (record_id, survivor_id))
    with workspace.ledger.transaction(decisions.DECISIONS) as transaction:
        gone = {(entry.payload or {}).get("merge") for entry in transaction.entries("decisions", kind="withdrawal")}
        holding = {
            entry.payload["record_id"]: (entry.payload["survivor_id"], f"merge-{entry.sequence}")
            for entry in transaction.entries("decisions", kind="merge")
            if entry.payload and entry.payload["table"] == name and f"merge-{entry.sequence}" not in gone
        }
        _refuse(name, record_id, survivor_id, holding)
        payload = {"table": name, "record_id": record_id, "survivor_id": survivor_id, "reason": reason}
        entry = transaction.append(decisions.DECISIONS, "merge", payload, who=who, at=workspace.moment(now))
    return f"merge-{entry.sequence}"


def _refuse(name: str, record_id: str, survivor_id: str, holding: dict[str, tuple[str, str]]) -> None:
    if record_id in holding:
        into, key = holding[record_id]
        raise QuarterdeckError(
            f"{record_id!r} of {name} is merged into {into!r} by {key} already; withdraw that first."
        )
    end, path = survivor_id, [survivor_id]
    while end in holding:
        end = holding[end][0]
        path.append(end)
        if end == record_id:
            way = " → ".join(path)
            raise QuarterdeckError(f"{survivor_id!r} is merged into {record_id!r} ({way}); withdraw that first.")


def _demand_known(workspace: Workspace, name: str, ids: tuple[str, ...]) -> None:
    """Raise when the lake and the inbox have no such record."""
    rows = workspace.records()(name)
    found = [] if rows is None else rows.filter(rows.id.isin(ids)).select("id").to_pyarrow()["id"].to_pylist()
    for missing in (key for key in ids if key not in found):
        raise QuarterdeckError(
            f"{name} has no record {missing!r}; `quarterdeck show {workspace.root} {name}` lists them."
        )


def merges(workspace: Workspace, known_at: datetime | None = None) -> pl.DataFrame:
    """Merges that hold, in the order in which they were decided."""
    gone = {payload.get("merge") for _, payload in decisions.kept(workspace, "decisions", "withdrawal", known_at)}
    rows = [
        {
            "id": f"merge-{entry.sequence}",
            **{column: payload[column] for column in ("table", "record_id", "survivor_id", "reason")},
            "decided_by": entry.who,
            "decided_at": entry.at,
        }
        for entry, payload in decisions.kept(workspace, "decisions", "merge", known_at)
        if f"merge-{entry.sequence}" not in gone
    ]
    schema = empty("merges").schema
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def merged(workspace: Workspace, known_at: datetime | None = None) -> Merged:
    """By table, duplicates and the records that they are shown as."""
    return resolve(merges(workspace, known_at).select("table", "record_id", "survivor_id").rows())


ORIGINS = {
    "column": pl.String(),
    "value": pl.String(),
    "record_id": pl.String(),
    "source": pl.String(),
    "origin": pl.String(),
}


def origins(
    workspace: Workspace, name: str, record_id: str, as_of: date | datetime | None, known_at: datetime | None
) -> pl.DataFrame:
    """Where each value of a shown record comes from: column, value, record, source, origin.

    `origin` is "the record itself", "the duplicate", "provider NAME (confidence, day)" or "worked out here" (a deal's
    region, what history tells, what is hidden at the moment). Raises when the record is not shown.
    """
    table(name)
    rows, moment = workspace.records(known_at), workspace.moment(as_of) if as_of else datetime(9999, 1, 1)
    mergers, hints = merged(workspace, known_at), workspace.lake.state(known_at).hints
    one = view(name, rows, moment, workspace.settings.company, hints, mergers)
    shown = [] if one is None else one.filter(one.id == record_id).to_pyarrow().to_pylist()
    if not shown:
        into = mergers.get(name, {}).get(record_id)
        told = f"; it is shown as {into!r}" if into else ""
        raise QuarterdeckError(f"{name} shows no record {record_id!r}{told}.")
    group = [one for one, end, _ in members(mergers.get(name, {})) if end == record_id] or [record_id]
    given = redirected(rows(name), name, mergers)
    own = {row["id"]: row for row in given.filter(given.id.isin(group)).to_pyarrow().to_pylist()}
    providers = _providers(rows, name, record_id, moment, mergers)
    lines = [
        _origin(column.name, shown[0][column.name], [own[key] for key in group if key in own], providers)
        for column in table(name).columns
        if shown[0][column.name] is not None
    ]
    return pl.DataFrame(lines, schema=ORIGINS, orient="row")


def _origin(
    column: str, value: Any, records: list[dict[str, Any]], providers: dict[str, dict[str, Any]]
) -> tuple[Any, ...]:
    for place, record in enumerate(records):
        if record[column] == value and record[column] is not None:
            told = "the duplicate" if place and column != "id" else "the record itself"
            return column, str(value), record["id"], record["source"], told
    found = providers.get(column)
    if found is not None and all(record[column] is None for record in records):
        sure = f"{found['confidence']:.0%}, " if found["confidence"] is not None else ""
        told = f"provider {found['provider']} ({sure}{found['found_at']:%Y-%m-%d})"
        return column, str(value), found["id"], found["source"], told
    return column, str(value), None, None, "worked out here"


def _providers(rows: Any, name: str, record_id: str, moment: datetime, mergers: Merged) -> dict[str, dict[str, Any]]:
    """What enrichment gives a record, by column."""
    given = rows("enrichments") if name in ENRICHED else None
    if given is None:
        return {}
    found = best(redirected(given, "enrichments", mergers), name, moment)
    columns = {column.name for column in fillable(name)}
    lines = found.filter(found.record_id == record_id).to_pyarrow().to_pylist()
    return {line["column"]: line for line in lines if line["column"] in columns}
