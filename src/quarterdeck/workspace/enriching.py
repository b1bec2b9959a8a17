"""Enrichment: providers are asked for what nobody typed; each value is kept with its provider, day and confidence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.base.money import to_major
from quarterdeck.base.schema import Table, empty, table
from quarterdeck.workspace import arrivals, corrections

if TYPE_CHECKING:
    from quarterdeck.connectors.enrichment import Answer, Provider
    from quarterdeck.workspace.facade import Workspace

FILE = "enrichment.yaml"
PROVENANCE: dict[str, Any] = {
    "column": pl.String, "value": pl.String, "who": pl.String, "since": pl.Datetime("us"), "confidence": pl.Float64,
    "is_shown": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True)
class Enriched:
    """What asking brought: for each provider keys asked and answered, the rows written, and what to look at."""

    asked: dict[str, int]
    answered: dict[str, int]
    rows: pl.DataFrame
    findings: pl.DataFrame


def enrich(workspace: Workspace, *, provider: str | None = None, limit: int | None = None, now: datetime) -> Enriched:
    """Ask the providers for the empty or old values of accounts, contacts and leads.

    What they say is appended to `enrichments`; no record is changed, and a view fills only what is empty. A value that
    differs from a typed one is a finding. Raises when there is no such provider.
    """
    from quarterdeck.connectors import enrichment

    path = workspace.root / FILE
    if not path.is_file():
        raise QuarterdeckError(f"{path} is missing; name the providers there, see docs/how-to/enrichment.md.")
    providers = enrichment.from_yaml(path.read_text(encoding="utf-8"), str(path)).providers
    names = [entry.name for entry in providers]
    if provider is not None and provider not in names:
        raise QuarterdeckError(f"There is no provider {provider!r} in {path}; {did_you_mean(provider, names)}")
    moment = workspace.moment(now)
    asked: dict[str, int] = {}
    answered: dict[str, int] = {}
    written: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for entry in providers:
        if provider not in (None, entry.name):
            continue
        records = _wanting(workspace, entry, moment)
        by_key: dict[str, list[dict[str, Any]]] = {}
        for record in records:
            by_key.setdefault(str(record[entry.key]), []).append(record)
        keys = list(by_key)[:limit] if limit is not None else list(by_key)
        asked[entry.name], answered[entry.name] = len(keys), 0
        for told in enrichment.look_up(entry, keys, workspace.root, moment):
            if isinstance(told, enrichment.Trouble):
                severity = "error" if told.is_final else "warning"
                findings.append(Finding("enrichment.unanswered", severity, told.message, told.fix, table=entry.table))  # type: ignore[arg-type]
                continue
            answered[entry.name] += 1
            for record in by_key[told.key]:
                written += _rows(entry, record, told, moment)
                findings += _disagreements(workspace, entry, record, told)
    _receive(workspace, written, now)
    rows = pl.DataFrame(written, schema={**empty("enrichments").schema}) if written else empty("enrichments")
    return Enriched(asked, answered, rows, findings_frame(findings))


def _own(workspace: Workspace, name: str) -> pl.DataFrame:
    """The records as sources and persons say them: nothing filled in."""
    state = workspace.lake.state()
    rows = workspace.lake.relation(workspace.engine, state, name, arrivals.waiting(workspace).get(name))
    if rows is None:
        return empty(name)
    return pl.DataFrame(pl.from_arrow(rows.to_pyarrow())).cast(dict(table(name).polars)).sort("id")  # type: ignore[arg-type]


def _wanting(workspace: Workspace, provider: Provider, now: datetime) -> list[dict[str, Any]]:
    """Records with a key of which some value is empty, and not told by this provider lately."""
    own = _own(workspace, provider.table).filter(pl.col(provider.key).is_not_null())
    columns = sorted(set(provider.columns.values()))
    found = workspace.table("enrichments").filter(
        (pl.col("provider") == provider.name)
        & (pl.col("table") == provider.table)
        & (pl.col("found_at") > now - timedelta(days=provider.stale_days))
    )
    fresh = set(found.select("record_id", "column").iter_rows())
    return [
        record
        for record in own.to_dicts()
        if any(record[column] is None and (record["id"], column) not in fresh for column in columns)
    ]


def _rows(provider: Provider, record: dict[str, Any], told: Answer, now: datetime) -> list[dict[str, Any]]:
    rows = []
    for column, value in told.values.items():
        place = "|".join((provider.name, provider.table, record["id"], column, value, now.isoformat()))
        key = hashlib.sha256(place.encode()).hexdigest()[:20]
        rows.append(
            {
                "id": key, "table": provider.table, "record_id": record["id"], "column": column, "value": value,
                "found_at": now, "provider": provider.name, "confidence": told.confidence, "source": provider.name,
                "source_id": key, "attributes": None,
            }
        )  # fmt: skip
    return rows


def _receive(workspace: Workspace, rows: list[dict[str, Any]], now: datetime) -> None:
    """The rows as arrivals of their providers: safe and in every view at once."""
    by_provider: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        sent = {name: value for name, value in row.items() if name not in ("source", "attributes")}
        by_provider.setdefault(row["provider"], []).append({**sent, "found_at": row["found_at"].isoformat()})
    for provider, batch in by_provider.items():
        key = hashlib.sha256("".join(row["id"] for row in batch).encode()).hexdigest()
        workspace.receive("enrichments", batch, source=provider, now=now, key=key)


def _disagreements(workspace: Workspace, provider: Provider, record: dict[str, Any], told: Answer) -> list[Finding]:
    """What the provider says otherwise than the record itself."""
    shape, currency = table(provider.table), str(record.get("currency") or workspace.settings.company.currency)
    out = []
    for column, value in told.values.items():
        typed = _printed(shape, column, record[column], currency)
        if typed is None or _alike(typed, value):
            continue
        out.append(
            Finding(
                code="enrichment.disagrees",
                severity="notice",
                message=f"{column} of {record.get('name') or record['id']} is {typed!r}, {provider.name} says "
                f"{value!r} ({told.confidence:.0%} sure). The typed value stays.",
                fix="Look which is right; correct the record in its source or with `quarterdeck export --edit`.",
                table=provider.table,
                record_id=record["id"],
                owner_id=record.get("owner_id"),
            )
        )
    return out


def _printed(shape: Table, column: str, value: Any, currency: str) -> str | None:
    if value is None:
        return None
    return str(to_major(value, currency)) if shape.column(column).type == "money" else str(value)


def _alike(one: str, other: str) -> bool:
    """Two texts mean the same: equal as numbers, or without case and punctuation."""
    try:
        return float(one.replace(",", "")) == float(other.replace(",", ""))
    except ValueError:
        plain = ["".join(letter for letter in text.casefold() if letter.isalnum()) for text in (one, other)]
        return plain[0] == plain[1]


def provenance(
    workspace: Workspace, name: str, record_id: str, *, as_of: date | datetime | None = None
) -> pl.DataFrame:
    """Who says what of a record: column, value, who, since, confidence, is_shown.

    `who` is the source (`crm`), a person (`Kim, corrected`) or a provider; `since` is None where the source does not
    say when. Every value that was ever told is there, `is_shown` marks those that the view shows. Raises when there is
    no such record.
    """
    shown = workspace.table(name, as_of=as_of).filter(pl.col("id") == record_id).to_dicts()
    own = corrections.own_rows(workspace, name, [record_id], arrivals.arrived(workspace).get(name), None)
    if not shown or record_id not in own:
        raise QuarterdeckError(
            f"{name} has no record {record_id!r}; `quarterdeck show {workspace.root} {name}` lists them."
        )
    record, shape = own[record_id], table(name)
    currency = str(record.get("currency") or workspace.settings.company.currency)
    texts = {column: _printed(shape, column, value, currency) for column, value in shown[0].items()}
    rows: list[tuple[Any, ...]] = []
    for column in shape.names:
        value = _printed(shape, column, record[column], currency)
        if value is not None and column not in ("id", "source", "source_id", "attributes"):
            rows.append((column, value, record["source"], None, None, texts[column] == value))
    held = corrections.table_of_corrections(workspace).filter(
        (pl.col("table") == name) & (pl.col("record_id") == record_id)
    )
    for entry in held.to_dicts():
        value = _printed(shape, entry["column"], _whole(shape, entry), currency) or ""
        is_shown = bool(entry["holds"]) and (texts[entry["column"]] or "") == value
        rows.append((entry["column"], value, f"{entry['who']}, corrected", entry["decided_at"], None, is_shown))
    told = workspace.table("enrichments", as_of=as_of).filter(
        (pl.col("table") == name) & (pl.col("record_id") == record_id)
    )
    for entry in told.sort("found_at").to_dicts():
        is_shown = record[entry["column"]] is None and _alike(texts[entry["column"]] or "", entry["value"] or "")
        sure = 0.5 if entry["confidence"] is None else entry["confidence"]
        rows.append((entry["column"], entry["value"], entry["provider"], entry["found_at"], sure, is_shown))
    order = {column: place for place, column in enumerate(shape.names)}
    return pl.DataFrame(sorted(rows, key=lambda row: order[row[0]]), schema=PROVENANCE, orient="row")


def _whole(shape: Table, entry: dict[str, Any]) -> Any:
    """A corrected value; money as the integer that it is."""
    return int(entry["new"]) if entry["new"] and shape.column(entry["column"]).type == "money" else entry["new"]
