"""Tables that no file lists, from the values that deals, orders and leads name."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.entries import column_entry
from quarterdeck.connectors.evidence import Evidence, examine
from quarterdeck.connectors.fit import Placed, place
from quarterdeck.connectors.joins import Joins
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, Computed, FileMapping
from quarterdeck.connectors.vocabulary import like, missing

_DERIVED = {"owner_id": "people", "account_id": "accounts", "product_id": "products", "contact_id": "contacts"}
_SOURCES = ("opportunities", "orders", "invoices", "leads", "activities")
_BESIDE = {
    "people": ("name", "email", "role", "team", "region", "manager_id"),
    "accounts": (
        "name",
        "domain",
        "industry",
        "employees",
        "revenue",
        "region",
        "country",
        "city",
        "segment",
        "founded_year",
    ),
    "products": ("name", "family", "unit_price", "unit_cost"),
    "contacts": ("name", "email", "phone", "title"),
}  # fmt: skip
"""Columns of a table that another table's rows may tell."""
_ONE = 0.9
"""Share of rows that must have their key's usual value for a column to be about what the key names."""


def derived_files(
    entries: list[FileMapping], known: Sequence[FileMapping], samples: dict[str, pl.DataFrame]
) -> list[FileMapping]:
    """Entries for people, accounts, products, contacts and invoices that no file lists.

    `known` are entries that stand already: what they list is not made again.
    """
    have = {entry.table for entry in (*entries, *known)}
    out: list[FileMapping] = []
    for target, table in _DERIVED.items():
        if table in have:
            continue
        for source in _SOURCES:
            entry = next((item for item in entries if item.table == source and item.column_for(target)), None)
            if entry is not None and entry.table != SKIP:
                out.append(_derived(entry, target, table, samples[entry.path]))
                break
    if "invoices" not in have:
        out += [made for entry in entries if (made := _invoices(entry, samples)) is not None][:1]
    return out


def _derived(entry: FileMapping, target: str, table: str, sample: pl.DataFrame) -> FileMapping:
    reference = entry.column_for(target)
    assert reference is not None
    beside = _beside(entry, reference.column, table, sample)
    beside += _other_name(entry, reference, sample) if not _has_name(beside) else []
    key = ColumnMapping(column=reference.column, target="id", confidence=reference.confidence, reason="names them")
    columns = [key]
    if not _has_name(beside):
        reason = "the key is the only name there is"
        columns.append(ColumnMapping(column=reference.column, target="name", confidence=0.7, reason=reason))
    reason = f"no file lists {table}: they are made from the values of {reference.column!r}"
    made = FileMapping(path=entry.path, table=table, confidence=0.7, reason=reason, is_distinct=True)
    computed = {name: entry.computed[name] for name in {c.column for c in columns} & entry.computed.keys()}
    return made.model_copy(update={"columns": (*columns, *beside), "computed": computed})


def _has_name(columns: list[ColumnMapping]) -> bool:
    return any(column.target == "name" for column in columns)


def _other_name(entry: FileMapping, reference: ColumnMapping, sample: pl.DataFrame) -> list[ColumnMapping]:
    """Another column that is called as the reference is and gives each key one name: "owner" beside "owner id"."""
    keys = convert.text(convert.cleaned(sample[reference.column], missing())).alias("k")
    for other in entry.columns:
        is_like = reference.target in like(other.column, entry.table) and other.target == ATTRIBUTES
        if is_like and other.column in sample.columns and _is_of(keys, sample[other.column]):
            return [ColumnMapping(column=other.column, target="name", confidence=0.7, reason="one name for each key")]
    return []


def _beside(entry: FileMapping, key: str, table: str, sample: pl.DataFrame) -> list[ColumnMapping]:
    """Columns that tell of what the key names: named so, of one value for nearly every key, used for nothing else."""
    keys = convert.text(convert.cleaned(sample[key], missing())).alias("k")
    found: list[Evidence] = []
    for column in entry.columns:
        # its name must say it: a column that only looks right may be about something else
        names = {target: near for target, near in like(column.column, table).items() if target in _BESIDE[table]}
        if column.target != ATTRIBUTES or column.column not in sample.columns or not names or column.column == key:
            continue
        if max(near.score for near in names.values()) >= 0.8 and _is_of(keys, sample[column.column]):
            found.append(examine(sample[column.column], missing()))
    placed = place(found, table, entry.path, Joins({})) if found else {}
    out = []
    for column_evidence in found:
        at = placed.get(column_evidence.name)
        if at is not None and at.target in _BESIDE[table] and at.confidence >= 0.6:
            told = Placed(at.target, min(at.confidence, 0.8), f"{at.reason}; nearly always one value for each {key!r}")
            out.append(column_entry(column_evidence, table, told, Joins({})))
    return out


def _is_of(keys: pl.Series, values: pl.Series) -> bool:
    """Nearly all rows of a key have its usual value, and there are keys that come again to tell it by."""
    there = convert.text(convert.cleaned(values, missing())).alias("v")
    counts = pl.DataFrame([keys, there]).drop_nulls().group_by("k", "v").agg(rows=pl.len())
    of_key = counts.group_by("k").agg(every=pl.col("rows").sum(), usual=pl.col("rows").max())
    again = of_key.filter(pl.col("every") > 1)
    return again.height > 0 and int(again["usual"].sum()) >= _ONE * int(again["every"].sum())


def _invoices(entry: FileMapping, samples: dict[str, pl.DataFrame]) -> FileMapping | None:
    """Invoices of which an order's file gives the lines: rows that share an invoice's number, their amounts summed."""
    amount, when = entry.column_for("amount"), entry.column_for("ordered_at")
    if entry.table != "orders" or amount is None or when is None:
        return None
    sample = samples[entry.path]
    for column in entry.columns:
        near = like(column.column, "invoices").get("id")
        is_free = column.target == ATTRIBUTES and near is not None and near.score >= 0.9
        if not is_free or sample[column.column].n_unique() > 0.98 * sample[column.column].count():
            continue
        total = entry.computed.get(amount.column) or Computed(multiply=(amount.column,), decimal=amount.decimal)
        name = amount.column if amount.column in entry.computed else f"{amount.column} of its lines"
        head = {"confidence": 0.85, "reason": "rows with one number are one invoice"}
        sum_up = {"confidence": 0.85, "reason": "the sum of the lines", "scale": amount.scale}
        kept = [
            ColumnMapping.model_validate({"column": column.column, "target": "id", **head}),
            *(
                other.model_copy(update={"target": "invoiced_at" if other.target == "ordered_at" else other.target})
                for other in entry.columns
                if other.target in ("account_id", "ordered_at", "currency")
            ),
            ColumnMapping.model_validate({"column": name, "target": "amount", **sum_up}),
        ]
        reason = f"its rows are lines of invoices: those with one {column.column!r} are one"
        made = FileMapping(path=entry.path, table="invoices", confidence=0.8, reason=reason, is_distinct=True)
        return made.model_copy(update={"columns": tuple(kept), "computed": {name: total}, "fill": entry.fill})
    return None
