"""Live arrivals: what is posted is in the ledger before it is answered, in every view at once, in the lake later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.money import to_minor
from quarterdeck.base.schema import Column, Table, facts, table
from quarterdeck.records.lake import Lake
from quarterdeck.records.sync import Staging
from quarterdeck.workspace import corrections

if TYPE_CHECKING:
    from quarterdeck.records.ledger import InboxRow
    from quarterdeck.workspace.facade import Workspace


def receive(
    workspace: Workspace, name: str, rows: Sequence[Mapping[str, Any]], source: str, now: datetime, key: str | None
) -> int:
    """Commit rows of a fact table; returns the arrival's number, the first one's when the key came before.

    Rows carry our column names; others are kept in `attributes`. Raises with every fault, and then takes none.
    """
    if name not in facts():
        raise QuarterdeckError(f"{name!r} takes no records; {did_you_mean(name, facts())}")
    _checked(name, rows, source, workspace.settings.company)
    return workspace.ledger.receive(name, rows, source=source, at=workspace.moment(now), idempotency_key=key)


def _checked(name: str, rows: Sequence[Mapping[str, Any]], source: str, company: Company) -> pl.DataFrame:
    faults: list[str] = []
    entry = table(name)
    found = [_row(entry, number, row, source, company, faults) for number, row in enumerate(rows)]
    if faults:
        raise QuarterdeckError("\n".join(faults))
    return pl.DataFrame(found, schema=entry.polars)


def _row(
    entry: Table, number: int, row: Mapping[str, Any], source: str, company: Company, faults: list[str]
) -> dict[str, Any]:
    known = {column.name for column in entry.columns}
    currency = str(row.get("currency") or company.currency)
    values: dict[str, Any] = {}
    for column in entry.columns:
        given = row.get(column.name)
        if given in (None, ""):
            given = column.default or None
        try:
            values[column.name] = value_of(column, given, currency)
        except (ValueError, TypeError, InvalidOperation):
            faults.append(
                f"row {number}: {column.name} is to be {column.type}, {given!r} is not; send it so or leave it out"
            )
    if not values.get("id"):
        faults.append(f"row {number}: id is missing; send a key that stays the same when the record is sent again")
    others = {name: value for name, value in row.items() if name not in known}
    if others and "attributes" in known:
        values["attributes"] = json.dumps(others, ensure_ascii=False, default=str, sort_keys=True)
    values["source"], values["source_id"] = source, values.get("source_id") or values.get("id")
    if "currency" in known:
        values["currency"] = currency
    return values


def value_of(column: Column, given: Any, currency: str) -> Any:
    """A given value in a column's type, money in minor units. Raises ValueError, TypeError or InvalidOperation."""
    if given is None:
        return None
    match column.type:
        case "instant":
            moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        case "day":
            return given if isinstance(given, date) else date.fromisoformat(str(given))
        case "money":
            return to_minor(str(given), currency)
        case "decimal":
            return Decimal(str(given))
        case "integer":
            return int(str(given))
        case "number":
            return float(given)
        case "flag":
            return _flag(given)
        case "json":
            return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, sort_keys=True)
        case _:
            return str(given)


def _flag(given: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return words[str(given).lower()]
    except KeyError:
        raise ValueError from None


def waiting(workspace: Workspace, known_at: datetime | None = None) -> dict[str, pl.DataFrame]:
    """What is newer than the lake was then, by table: arrivals that it had not taken, and corrections that hold."""
    return corrections.corrected(workspace, arrived(workspace, known_at), known_at)


def arrived(workspace: Workspace, known_at: datetime | None = None) -> dict[str, pl.DataFrame]:
    """Arrivals that the lake had not taken then, by table; of several for a record the last."""
    state = workspace.lake.state(known_at)
    frames = _frames(workspace, workspace.ledger.inbox(until=known_at, after=state.inbox))
    return {
        name: pl.concat(parts.values()).unique("id", keep="last", maintain_order=True) for name, parts in frames.items()
    }


def _frames(workspace: Workspace, rows: Sequence[InboxRow]) -> dict[str, dict[str, pl.DataFrame]]:
    """Frames by table and source."""
    grouped: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        grouped.setdefault(row.table, {}).setdefault(row.source, []).append(row.row)
    company = workspace.settings.company
    return {
        name: {source: _checked(name, found, source, company) for source, found in by_source.items()}
        for name, by_source in grouped.items()
    }


def stage(workspace: Workspace, lake: Lake) -> tuple[list[Staging], frozenset[tuple[str, str]], int]:
    """What waits as staged rows; the (source, table) pairs, of which nothing counts as deleted; the last arrival.

    The lake's own state says how far it has come: what it took before it could say so to the ledger is not taken again.
    """
    rows = workspace.ledger.inbox(after=lake.state().inbox)
    undrained = workspace.ledger.inbox()
    stagings: dict[str, Staging] = {}
    pairs = set()
    for name, by_source in _frames(workspace, rows).items():
        for source, frame in by_source.items():
            staging = stagings.setdefault(source, Staging(lake, source))
            kept = frame.unique("id", keep="last", maintain_order=True)
            staging.add(name, kept, read=frame.height)
            pairs.add((source, name))
    return list(stagings.values()), frozenset(pairs), max((row.sequence for row in (*rows, *undrained)), default=0)
