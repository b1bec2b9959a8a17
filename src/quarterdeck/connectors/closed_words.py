"""Columns whose words are ours alone: a mapping's `values` may give nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quarterdeck.base.errors import did_you_mean
from quarterdeck.connectors.vocabulary import canonical_value

CLOSED: dict[str, tuple[str, ...]] = {
    "opportunities.status": ("open", "won", "lost"),
    "opportunities.kind": ("new", "renewal", "expansion"),
    "leads.status": ("new", "working", "qualified", "unqualified", "converted"),
    "people.role": ("seller", "sdr", "manager", "delivery", "support", "operations", "other"),
    "targets.grain": ("month", "quarter", "year"),
    "targets.level": ("all", "region", "team", "person", "product"),
    "resources.kind": ("people", "machine", "supplier"),
    "recipes.per": ("unit", "customer"),
}
"""Column to the only words that it may hold."""

Fault = tuple[tuple[int | str, ...], str]


def unknown_words(table: str, entry: dict[str, Any], place: tuple[int | str, ...]) -> Iterator[Fault]:
    """Words of a file's entry that its closed columns do not know, with their place in the text."""
    columns = entry.get("columns")
    for number, column in enumerate(columns if isinstance(columns, list) else ()):
        if not isinstance(column, dict) or not isinstance(column.get("values"), dict):
            continue
        name = f"{table}.{column.get('target')}"
        for theirs, ours in column["values"].items():
            # an empty word leaves the status to the next column that fills it
            if not (name == "opportunities.status" and ours == ""):
                yield from _unknown(name, str(theirs), ours, (*place, "columns", number, "values", theirs))
    fill = entry.get("fill")
    for target, ours in fill.items() if isinstance(fill, dict) else ():
        yield from _unknown(f"{table}.{target}", "", ours, (*place, "fill", target))


def _unknown(name: str, theirs: str, ours: object, place: tuple[int | str, ...]) -> Iterator[Fault]:
    known = CLOSED.get(name)
    if known is None or not isinstance(ours, str) or ours in known:
        return
    # what the word means, else what the source's own word means, is nearer than how it is spelt
    meant = canonical_value(name, ours) or (canonical_value(name, theirs) if theirs else None)
    remedy = f"did you mean {meant!r}?" if meant else did_you_mean(ours, known)
    told = "" if remedy.startswith("known") else f" (known: {', '.join(known)})"
    yield place, f"{ours!r} is no word for {name}{told}; {remedy}"
