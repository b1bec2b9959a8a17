"""From places to a file's entry: columns, keys, teams, targets, products of quantity and price, the currency."""

from __future__ import annotations

import re
from typing import Literal

import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors import deals
from quarterdeck.connectors.aims import aimed
from quarterdeck.connectors.composed import with_computed
from quarterdeck.connectors.entries import after, column_entry, filling, kept_entry
from quarterdeck.connectors.evidence import NUMERIC, TEMPORAL, Evidence, examine
from quarterdeck.connectors.fit import Placed
from quarterdeck.connectors.joins import Joins
from quarterdeck.connectors.mapping import ATTRIBUTES, ColumnMapping, Computed, FileMapping
from quarterdeck.connectors.vocabulary import currency_words, like, missing

_DATED = ("leads", "activities", "orders", "invoices", "events", "opportunity_history")
"""Tables of things that happen on a day: a date that every row has is theirs where no name says so."""


def finished(
    entry: FileMapping,
    columns: list[Evidence],
    sample: pl.DataFrame,
    placed: dict[str, Placed],
    joins: Joins,
    *,
    kept: dict[str, str] | None = None,
) -> FileMapping:
    """The entry with its columns and, for opportunities, the hints for views at earlier dates.

    `kept` gives the reason for columns that have no place because of it.
    """
    evidence, why = {column.name: column for column in columns}, kept or {}
    made = [
        column_entry(column, entry.table, placed[column.name], joins)
        if column.name in placed
        else kept_entry(column, entry.table, why.get(column.name, ""))
        for column in columns
    ]
    entry, sample = _product(entry, made, evidence, sample)
    _key_from_name(made, entry.table, evidence)
    if entry.table in _DATED:
        _birth_by_values(made, entry.table, evidence, sample)
    if entry.table == "people":
        _team_from_manager(made)
    if entry.table == "opportunities":
        deals.complete(made, evidence, sample)
    fill: dict[str, str] = {}
    if entry.table == "targets":
        fill, told = aimed(made, evidence, sample)
        entry = entry.model_copy(update={"reason": "; ".join(filter(None, (entry.reason, told)))})
    currency = _currency(made, entry.table, evidence)
    if currency:
        fill["currency"] = currency
    changed: dict[str, object] = {"columns": tuple(made), "fill": fill}
    if not any(column.target == "id" for column in made):
        changed["reason"] = f"{entry.reason}; no column is a key, so a row's whole content names it"
    entry = entry.model_copy(update=changed)
    return entry.model_copy(update=deals.hints(entry, sample)) if entry.table == "opportunities" else entry


def _product(
    entry: FileMapping, made: list[ColumnMapping], evidence: dict[str, Evidence], sample: pl.DataFrame
) -> tuple[FileMapping, pl.DataFrame]:
    """An amount that no column gives is the quantity times the price of a unit."""
    if entry.table not in ("orders", "opportunity_lines", "opportunities") or filling(made, "amount") is not None:
        return entry, sample
    parts = [_numeric(made, evidence, target) for target in ("quantity", "unit_price")]
    if parts[0] is None or parts[1] is None:
        return entry, sample
    names = (parts[0].column, parts[1].column)
    name = " × ".join(names)
    decimal: Literal[".", ","] = "," if any(evidence[part].decimal == "," for part in names) else "."
    computed = {name: Computed(multiply=names, decimal=decimal)}
    sample = with_computed(sample, computed, missing())
    evidence[name] = examine(sample[name], missing())
    sure = round(min(0.85, parts[0].confidence, parts[1].confidence), 2)
    reason = "no column gives the amount: it is the quantity times the price"
    made.append(ColumnMapping(column=name, target="amount", confidence=sure, reason=reason))
    return entry.model_copy(update={"computed": {**entry.computed, **computed}}), sample


def _numeric(made: list[ColumnMapping], evidence: dict[str, Evidence], target: str) -> ColumnMapping | None:
    """The column that gives a number, also where the table has no place for it."""
    found = filling(made, target)
    if found is not None:
        return found
    free = (entry for entry in made if entry.target == ATTRIBUTES and evidence[entry.column].kind in NUMERIC)
    return next((e for e in free if (near := like(e.column, "orders").get(target)) and near.score >= 0.85), None)


def _key_from_name(made: list[ColumnMapping], table: str, evidence: dict[str, Evidence]) -> None:
    """The key is a name that every row has and no two share, where no column is the key; and the other way round."""
    names = schema.table(table).names
    name, key = filling(made, "name"), filling(made, "id")
    if key is None and name is not None and evidence[name.column].is_unique and evidence[name.column].share > 0.99:
        reason = "no other column is a key, and no two rows have the same name"
        made.insert(made.index(name), ColumnMapping(column=name.column, target="id", confidence=0.85, reason=reason))
    required = "name" in names and schema.table(table).column("name").is_required
    if required and name is None and key is not None and evidence[key.column].kind == "text":
        reason = "the key is the only name there is"
        after(made, key, ColumnMapping(column=key.column, target="name", confidence=0.7, reason=reason))


def _birth_by_values(
    made: list[ColumnMapping], table: str, evidence: dict[str, Evidence], sample: pl.DataFrame
) -> None:
    """The day of each row, where no name tells it: the date that every row has and that lies before its others."""
    born = schema.table(table).born
    free = [
        entry
        for entry in made
        if entry.target == ATTRIBUTES
        and evidence[entry.column].kind in TEMPORAL
        and evidence[entry.column].share >= 0.99
    ]
    if filling(made, born) is not None:
        return
    for entry in free:
        if len(free) == 1 or deals.is_first(entry, free, evidence, sample):
            reason = "every row has this date, and no other tells when it was"
            deals.take(made, entry, evidence, born, reason)
            return


def _team_from_manager(made: list[ColumnMapping]) -> None:
    manager = filling(made, "manager_id")
    if manager is not None and filling(made, "team") is None:
        reason = "there is no team column: those with the same manager are taken as a team"
        after(made, manager, ColumnMapping(column=manager.column, target="team", confidence=0.7, reason=reason))


def _currency(made: list[ColumnMapping], table: str, evidence: dict[str, Evidence]) -> str:
    """The currency that signs beside the amounts, or the amount column's name, tell."""
    if "currency" not in schema.table(table).names or filling(made, "currency") is not None:
        return ""
    found = set()
    for entry in made:
        if entry.target == ATTRIBUTES or schema.table(table).column(entry.target).type not in ("money", "decimal"):
            continue
        if evidence[entry.column].currency:
            found.add(evidence[entry.column].currency)
        for word in re.findall(r"[^\s()\[\],/_-]+", entry.column.casefold()):
            known = currency_words().get(word) or currency_words().get(word.lstrip("천백만억"))
            if known and (len(word) > 1 or not word.isascii() or word in "$"):
                found.add(known)
    return found.pop() if len(found) == 1 else ""
