"""Records that a person decided are one: references go to the survivor, whose empty columns a duplicate fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from quarterdeck.base.schema import table

if TYPE_CHECKING:
    import ibis

Merged = Mapping[str, Mapping[str, str]]
"""By table: duplicate to survivor, chains followed to their end, in the order of the decisions."""

MERGEABLE = ("accounts", "contacts", "leads", "people")

REFERENCES = {
    "account_id": "accounts",
    "parent_id": "accounts",
    "contact_id": "contacts",
    "lead_id": "leads",
    "owner_id": "people",
    "manager_id": "people",
    "person_id": "people",
}
"""The columns of facts that hold another record's key, and that record's table."""


def resolve(pairs: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Merges that hold, as (table, duplicate, survivor) in the order of the decisions, with chains followed.

    A ring cannot be decided; if one is there all the same, its smallest key survives.

    >>> resolve([("accounts", "a", "b"), ("accounts", "b", "c")])
    {'accounts': {'a': 'c', 'b': 'c'}}
    """
    direct: dict[str, dict[str, str]] = {}
    for name, duplicate, survivor in pairs:
        direct.setdefault(name, {})[duplicate] = survivor
    return {name: _ends(edges) for name, edges in direct.items()}


def _ends(edges: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for start in edges:
        path = [start]
        while (following := edges.get(path[-1])) is not None and following not in path:
            path.append(following)
        end = min(path[path.index(following) :]) if following is not None else path[-1]
        if end != start:
            found[start] = end
    return found


def touching(name: str, needs: Iterable[str], merged: Merged) -> dict[str, Mapping[str, str]]:
    """The merges that can change the view of a table: of its own records and of those that it refers to."""
    names = {name, *needs}
    references = {REFERENCES[column] for other in names for column in table(other).names if column in REFERENCES}
    return {other: merged[other] for other in sorted(merged) if other in names | references}


def redirected(rows: ibis.Table, name: str, merged: Merged) -> ibis.Table:
    """The rows with references to duplicates pointing to their survivors."""
    import ibis

    for column, other in REFERENCES.items():
        pairs = merged.get(other)
        if not pairs or column not in rows.columns:
            continue
        names = list(rows.columns)
        to = _pairs(pairs, f"{column}_duplicate", f"{column}_survivor")
        joined = rows.left_join(to, rows[column] == to[f"{column}_duplicate"])
        joined = joined.mutate(**{column: ibis.coalesce(joined[f"{column}_survivor"], joined[column])})
        rows = joined.select(*names)
    if name == "enrichments":
        return _renamed(rows, merged)
    return rows


def _renamed(rows: ibis.Table, merged: Merged) -> ibis.Table:
    """What a provider knows of a duplicate is known of the survivor."""
    import ibis

    for other, pairs in merged.items():
        names = list(rows.columns)
        to = _pairs(pairs, "duplicate", "survivor")
        joined = rows.left_join(to, (rows.record_id == to.duplicate) & (rows.table == other))
        rows = joined.mutate(record_id=ibis.coalesce(joined.survivor, joined.record_id)).select(*names)
    return rows


def _pairs(pairs: Mapping[str, str], left: str, right: str) -> ibis.Table:
    import ibis
    import polars as pl

    frame = pl.DataFrame({left: list(pairs), right: list(pairs.values())}, schema={left: pl.String, right: pl.String})
    return ibis.memtable(frame.to_arrow())


def members(pairs: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Every record of a merged group as (record, survivor, place): the survivor is 0, duplicates as decided."""
    ends = dict.fromkeys(pairs.values())
    return [(end, end, 0) for end in ends] + [(one, end, place) for place, (one, end) in enumerate(pairs.items(), 1)]


def survivors(
    rows: ibis.Table, name: str, merged: Merged, keep: Callable[[ibis.Table], ibis.Table] | None = None
) -> ibis.Table:
    """The rows with each merged group as one: the survivor's values, where it has none the first duplicate's.

    `keep` filters the rows of merged groups before they become one. Without merges of the table it is the rows alone.
    """
    pairs = merged.get(name)
    if not pairs:
        return rows
    import ibis
    import polars as pl

    schema = {"member_id": pl.String, "survivor_id": pl.String, "member_place": pl.Int64}
    groups = ibis.memtable(pl.DataFrame(members(pairs), schema=schema, orient="row").to_arrow())
    names = list(rows.columns)
    untouched = rows.anti_join(groups, rows.id == groups.member_id)
    touched = rows.inner_join(groups, rows.id == groups.member_id)
    touched = touched if keep is None else keep(touched)
    one = touched.group_by("survivor_id").agg(
        **{
            column: touched[column].first(order_by=touched.member_place, include_null=False)
            for column in names
            if column != "id"
        }
    )
    return untouched.union(one.rename(id="survivor_id").select(*names))
