"""Records in a source's own words: its columns, keys, values, dates and numbers, for the source's own import."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.money import digits
from quarterdeck.base.schema import Column, table
from quarterdeck.connectors.convert import squeezed
from quarterdeck.connectors.mapping import ATTRIBUTES, ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.vocabulary import REFERENCES

Names = Callable[[str, str], dict[str, str]]
"""Of a table and a column: what the column says for each key."""


def entry_of(mapping: Mapping, name: str) -> FileMapping:
    """The file or table of a source that holds the records of a table. Raises when there is none."""
    for entry in mapping.files:
        if entry.table == name and not entry.is_distinct:
            return entry
    held = sorted({entry.table for entry in mapping.files if not entry.is_distinct and entry.table != "skip"})
    raise QuarterdeckError(f"{mapping.source} holds no {name}; it holds {', '.join(held) or 'nothing'}.")


def in_source_form(
    frame: pl.DataFrame,
    entry: FileMapping,
    mapping: Mapping,
    *,
    names: Names,
    zone: ZoneInfo,
    currency: str,
    only: Iterable[str] | None = None,
) -> pl.DataFrame:
    """The records as text in the source's columns, in its order; null where nothing is said.

    `only` are the canonical columns that are wanted beside the key. Reading the result with the same mapping gives the
    records back. `zone` is that of clock times without one, `currency` that of amounts without one.
    """
    wanted = None if only is None else {*only}
    chosen = _columns(entry, wanted)
    form = _Form(frame, entry, mapping, names, ZoneInfo(mapping.timezone) if mapping.timezone else zone, currency)
    return pl.DataFrame([pl.Series(column, form.values(places), dtype=pl.String) for column, places in chosen.items()])


def _columns(entry: FileMapping, only: set[str] | None) -> dict[str, list[ColumnMapping]]:
    """Source columns with the places that they fill, the ones that tell most first: a stage before its status."""
    found: dict[str, list[ColumnMapping]] = {}
    for column in entry.columns:
        if column.column not in entry.computed:
            found.setdefault(column.column, []).append(column)
    for places in found.values():
        places.sort(key=lambda place: (bool(place.values), place.target != "id"))
    keys = {column.column for column in entry.columns if column.target in ("id", "source_id")} | {*entry.key}
    if only is None:
        return found
    return {
        name: sorted(places, key=lambda place: place.target not in only)
        for name, places in found.items()
        if name in keys or any(place.target in only for place in places)
    }


class _Form:
    """The writing of one table's records."""

    def __init__(
        self, frame: pl.DataFrame, entry: FileMapping, mapping: Mapping, names: Names, zone: ZoneInfo, currency: str
    ) -> None:
        self._rows = frame.to_dicts()
        self._entry, self._mapping, self._names, self._zone, self._currency = entry, mapping, names, zone, currency
        self._shape = table(entry.table)
        kept = (row.get(ATTRIBUTES) for row in self._rows)
        self._attributes = [_map(text) for text in kept]

    def values(self, places: list[ColumnMapping]) -> list[str | None]:
        """A source column's values: of the first place that says something; what could not be read stays as it was."""
        makers = [(place, self._maker(place)) for place in places]
        return [self._one(row, kept, makers) for row, kept in zip(self._rows, self._attributes, strict=True)]

    def _one(
        self,
        row: dict[str, Any],
        kept: dict[str, Any],
        makers: list[tuple[ColumnMapping, Callable[[Any, dict[str, Any]], str | None]]],
    ) -> str | None:
        for place, make in makers:
            value = row.get(place.target)
            if value is not None:
                return make(value, row)
        known = kept.get(makers[0][0].column)
        return None if known is None else known if isinstance(known, str) else json.dumps(known, ensure_ascii=False)

    def _maker(self, place: ColumnMapping) -> Callable[[Any, dict[str, Any]], str | None]:
        if place.target == ATTRIBUTES:
            return lambda _, row: _kept(row, place.column)
        column = self._shape.column(place.target)
        if column.name in ("id", "source_id"):
            return self._key
        if column.name in REFERENCES:
            return self._reference(place)
        if place.values:
            back = _backwards(place.values)
            return lambda value, _: back.get(str(value), str(value))
        return lambda value, row: self._written(value, column, place, row)

    def _key(self, value: Any, row: dict[str, Any]) -> str | None:
        """The source's own key; none of a record that the source does not have yet."""
        if row.get("source") not in (None, self._mapping.source):
            return None
        return str(row.get("source_id") or self._bare(value))

    def _bare(self, key: Any) -> str:
        return str(key).removeprefix(self._mapping.id_prefix)

    def _reference(self, place: ColumnMapping) -> Callable[[Any, dict[str, Any]], str | None]:
        to, _, by = place.joins.partition(".")
        # the right spelling is written where the source has a wrong one
        known = self._names(to, by) if by and by not in ("id", "source_id") else {}
        return lambda value, _: known.get(str(value), self._bare(value))

    def _written(self, value: Any, column: Column, place: ColumnMapping, row: dict[str, Any]) -> str:
        if isinstance(value, datetime | date):
            return self._time(value, place.format)
        if column.type == "money":
            places = digits(str(row.get("currency") or self._currency))
            return _number(Decimal(value).scaleb(-places), place)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float | Decimal):
            return _number(value if isinstance(value, Decimal) else Decimal(repr(value)), place)
        return str(value)

    def _time(self, value: datetime | date, form: str) -> str:
        if not isinstance(value, datetime):
            return value.strftime(form) if form.startswith("%") else value.isoformat()
        if form in ("epoch_s", "epoch_ms"):
            seconds = Decimal(str(value.replace(tzinfo=UTC).timestamp()))
            return str(int(seconds if form == "epoch_s" else seconds * 1000))
        local = value.replace(tzinfo=UTC).astimezone(self._zone)
        if "%" in form:
            return local.strftime(form)
        if local.time().isoformat() == "00:00:00":
            return f"{local:%Y-%m-%d}"
        return value.isoformat() + "Z"


def _kept(row: dict[str, Any], column: str) -> str | None:
    value = _map(row.get(ATTRIBUTES)).get(column)
    return None if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _map(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _backwards(values: dict[str, str]) -> dict[str, str]:
    """Our word to the source's: of several the one that is spelled as ours, else the first."""
    out: dict[str, str] = {}
    for theirs, ours in values.items():
        same = squeezed(pl.Series([theirs])).item() == squeezed(pl.Series([ours])).item()
        if ours and (ours not in out or same):
            out[ours] = theirs
    return out


def _number(value: Decimal, place: ColumnMapping) -> str:
    """A number as the source writes it: in its scale, with its decimal sign, without thousands."""
    scaled = value / place.scale if place.scale != 1 else value
    return format(scaled, "f").replace(".", place.decimal)
