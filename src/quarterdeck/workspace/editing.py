"""What a person changed in an exported table: shown first, then taken as corrections, arrivals or overrides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.money import to_major
from quarterdeck.base.schema import Column, Table, facts, table
from quarterdeck.workspace import arrivals, corrections

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace

TYPED = "typed"
"""Source of records that a person added in a spreadsheet."""
FIXED = ("id", "source", "source_id", "is_inferred")
"""Columns that nobody edits."""
OF_OVERRIDES = ("value",)


@dataclass(frozen=True, slots=True)
class Change:
    """A cell: what went out, what came back, what the record says now.

    `is_conflict`: since the export the record came to say something else than either.
    """

    record_id: str
    column: str
    before: Any
    after: Any
    now: Any

    @property
    def is_conflict(self) -> bool:
        return _second(self.now) not in (_second(self.before), _second(self.after))

    @property
    def is_done(self) -> bool:
        return bool(_second(self.now) == _second(self.after))


@dataclass(frozen=True)
class Difference:
    """What came back of a table: changed cells, rows without a known key, keys that are gone."""

    table: str
    changes: tuple[Change, ...] = ()
    added: tuple[dict[str, Any], ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def conflicts(self) -> tuple[Change, ...]:
        """Changed cells whose record changed meanwhile."""
        return tuple(change for change in self.changes if change.is_conflict)

    @property
    def is_empty(self) -> bool:
        return not (self.changes or self.added or self.deleted)


@dataclass
class _Reading:
    """Cells as text into the types of a table's columns; faults are gathered."""

    shape: Table
    currency: str
    faults: list[str] = field(default_factory=list)

    def value(self, column: Column, text: str | None, currency: str | None, place: str) -> Any:
        if text is None:
            return None
        try:
            return arrivals.value_of(column, _plain(column, text), currency or self.currency)
        except (ValueError, TypeError, InvalidOperation):
            self.faults.append(f"{place}: {column.name} is to be {column.type}, {text!r} is not")
            return None


def _plain(column: Column, text: str) -> str:
    """The text of a cell as an arrival would write it."""
    if column.type == "day":
        return text[:10]
    if column.type == "integer" and text.endswith(".0"):
        return text[:-2]
    return text


def _second(value: Any) -> Any:
    """A value as exact as a spreadsheet keeps it."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def editable(name: str) -> None:
    """Raise when a table cannot be edited in a spreadsheet."""
    if name not in (*facts(), "overrides"):
        raise QuarterdeckError(
            f"{name} is computed, what is written there would be gone with the next run; edit a table of records or "
            f"overrides; {did_you_mean(name, (*facts(), 'overrides'))}"
        )


def compare(workspace: Workspace, name: str, base: pl.DataFrame, rows: pl.DataFrame) -> Difference:
    """The differences of a table that came back, cells as text. Raises with every cell that cannot be read."""
    editable(name)
    current = workspace.overrides() if name == "overrides" else workspace.table(name)
    reading = _Reading(table(name), workspace.settings.company.currency)
    keyed = rows.filter(pl.col("id").is_not_null())
    twice = keyed.filter(pl.col("id").is_duplicated())["id"].unique(maintain_order=True).to_list()
    if twice:
        raise QuarterdeckError(f"{len(twice)} keys stand in several rows, such as {twice[0]!r}; keep one row of each.")
    before = {row["id"]: row for row in base.to_dicts()}
    now = {row["id"]: row for row in current.filter(pl.col("id").is_in(list(before))).to_dicts()}
    changes: list[Change] = []
    for row in keyed.filter(pl.col("id").is_in(list(before))).to_dicts():
        changes += _changes(reading, row, before[row["id"]], now.get(row["id"]))
    new = rows.filter(pl.col("id").is_null() | ~pl.col("id").is_in(list(before)))
    added = [_added(reading, row, number) for number, row in enumerate(new.to_dicts(), 1)]
    known = set(current["id"]) & {row["id"] for row in added}
    reading.faults += [f"{key} is a key already and was not in the export; export it to change it" for key in known]
    if reading.faults:
        raise QuarterdeckError("\n".join(reading.faults))
    gone = tuple(key for key in before if key not in set(keyed["id"]))
    return Difference(name, tuple(change for change in changes if not change.is_done), tuple(added), gone)


def _changes(
    reading: _Reading, row: dict[str, Any], before: dict[str, Any], now: dict[str, Any] | None
) -> Iterator[Change]:
    place = str(row["id"])
    allowed = OF_OVERRIDES if reading.shape.name == "overrides" else None
    for column in reading.shape.columns:
        if column.name not in row or row[column.name] == before.get(column.name):
            continue
        old = reading.value(column, before.get(column.name), before.get("currency"), place)
        new = reading.value(column, row[column.name], row.get("currency") or before.get("currency"), place)
        if old == new:
            continue
        if column.name in FIXED or (allowed and column.name not in allowed):
            reading.faults.append(f"{place}: {column.name} is not to be changed; it went out as {old!r}")
        elif column.is_required and new is None:
            reading.faults.append(f"{place}: {column.name} must not be empty")
        elif now is None:
            reading.faults.append(f"{place}: the record is gone since the export; take its row out")
        else:
            yield Change(place, column.name, old, new, now[column.name])


def _added(reading: _Reading, row: dict[str, Any], number: int) -> dict[str, Any]:
    place = row["id"] or f"new row {number}"
    out = {}
    for column in reading.shape.columns:
        text = row.get(column.name)
        value = reading.value(column, text, row.get("currency"), place)
        if value is None and column.is_required and not column.default and column.name not in ("id", *_SIGNED):
            reading.faults.append(f"{place}: {column.name} must not be empty")
        if value is not None:
            out[column.name] = value
    if not row["id"]:
        text = json.dumps({key: value for key, value in row.items() if value}, sort_keys=True, ensure_ascii=False)
        out["id"] = f"{TYPED}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return out


_SIGNED = ("reason", "who", "decided_at")


def take(
    workspace: Workspace, found: Difference, *, who: str, reason: str, now: datetime, with_conflicts: bool = False
) -> list[str]:
    """Take what a person changed; returns what was done, a sentence each.

    Changed cells become corrections (one decision a record), added rows arrivals of the source `typed`; of overrides
    each changed number is an override of its own and a deleted row a withdrawal. Cells in conflict are left out unless
    asked for; deleted records are left as they are, because their source still has them.
    """
    from quarterdeck.workspace import decisions

    decisions.demand_signature(who, reason)
    chosen = [change for change in found.changes if with_conflicts or not change.is_conflict]
    if found.table == "overrides":
        return _take_overrides(workspace, found, chosen, who, reason, now)
    done = []
    if chosen:
        keys = _correct(workspace, found.table, chosen, who, reason, now)
        done.append(f"{len(chosen)} values of {len(keys)} records of {found.table} are corrected: {', '.join(keys)}.")
        done.append(f"Take one back with: quarterdeck withdraw {workspace.root} {keys[0]} --who NAME --reason TEXT")
    if found.added:
        rows = [_sendable(table(found.table), row, workspace.settings.company.currency) for row in found.added]
        key = hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()
        workspace.receive(found.table, rows, source=TYPED, now=now, key=key)
        done.append(f"{len(rows)} records of {found.table} are added.")
    if found.deleted:
        done.append(f"{len(found.deleted)} deleted rows are left as they are: delete these records in their source.")
    return done


def _correct(workspace: Workspace, name: str, changes: list[Change], who: str, reason: str, now: datetime) -> list[str]:
    """Append a correction a record; their keys."""
    from quarterdeck.records.ledger import Draft

    by_record: dict[str, list[Change]] = {}
    for change in changes:
        by_record.setdefault(change.record_id, []).append(change)
    waiting = arrivals.arrived(workspace).get(name)
    own = corrections.own_rows(workspace, name, list(by_record), waiting, None)
    drafts = []
    for record, cells in by_record.items():
        values = {
            cell.column: {
                "old": corrections.encoded(own[record][cell.column]), "new": corrections.encoded(cell.after),
            }
            for cell in cells
        }  # fmt: skip
        payload = {"table": name, "record_id": record, "columns": values, "reason": reason}
        drafts.append(Draft("decisions", corrections.KIND, payload, who, workspace.moment(now)))
    return [f"{corrections.KIND}-{entry.sequence}" for entry in workspace.ledger.append_many(drafts)]


def _sendable(shape: Table, row: dict[str, Any], currency: str) -> dict[str, Any]:
    """A row as an arrival carries it: amounts in major units, times as text."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        kind = shape.column(name).type
        if kind == "money":
            out[name] = str(to_major(value, str(row.get("currency") or currency)))
        else:
            out[name] = str(value) if isinstance(value, date | Decimal) else value
    return out


def _take_overrides(
    workspace: Workspace, found: Difference, chosen: list[Change], who: str, reason: str, now: datetime
) -> list[str]:
    known = {row["id"]: row for row in workspace.overrides().to_dicts()}
    done = []
    for change in chosen:
        row = known[change.record_id]
        done.append(_override(workspace, {**row, "value": change.after}, who, reason, now))
    for row in found.added:
        done.append(_override(workspace, row, who, reason, now))
    for key in found.deleted:
        if key in known:
            workspace.withdraw(key, who=who, reason=reason, now=now)
            done.append(f"{key} is withdrawn.")
    return done


def _override(workspace: Workspace, row: dict[str, Any], who: str, reason: str, now: datetime) -> str:
    missing = [name for name in ("room", "target", "period_start", "value") if row.get(name) is None]
    if missing:
        raise QuarterdeckError(f"A new override needs {', '.join(missing)}.")
    period = f"{row['period_start']:%Y-%m}"
    key = workspace.override(
        row["room"], row["target"], float(row["value"]), period=period, reason=reason, who=who, now=now
    )
    return f"{key}: {row['room']} {row['target']} of {period} is {row['value']:g}."
