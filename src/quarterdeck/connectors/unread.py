"""Values of a column that its mapping cannot read: how many, such as which, and the writing that would read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.base.finding import Finding, Severity
from quarterdeck.connectors import convert
from quarterdeck.connectors.evidence import NUMERIC, TEMPORAL, examine
from quarterdeck.connectors.mapping import ColumnMapping

MANY = 0.05
"""With a greater share of a column's values unreadable the mapping is wrong, not the values."""
_KEPT = 500
_MOST_READ = 0.95
_NOUN = {
    "instant": "date",
    "day": "date",
    "money": "amount",
    "decimal": "amount",
    "number": "number",
    "integer": "whole number",
    "flag": "yes or no",
}


@dataclass
class Unread:
    """The unreadable values of one column for one target, over all chunks of a file."""

    entry: ColumnMapping
    kind: str
    """Type of the target; `status` for words that are not known as open, won or lost."""
    count: int = 0
    _failed: dict[str, None] = field(default_factory=dict)
    _some: dict[str, None] = field(default_factory=dict)

    def add(self, failed: pl.Series, every: pl.Series) -> None:
        """The values of one chunk that failed, and all that were there."""
        self.count += len(failed)
        for kept, values in ((self._failed, failed), (self._some, every)):
            if len(kept) < _KEPT:
                for value in values.unique(maintain_order=True).head(_KEPT).to_list():
                    kept.setdefault(convert.printed(value))

    def finding(self, table: str, path: str, filled: int, home: str) -> Finding:
        """What is wrong and where to mend it; an error when more than 5 % of the `filled` values are unreadable."""
        column, examples = self.entry.column, ", ".join(repr(value) for value in list(self._failed)[:3])
        of = f"{self.count:,} of the {filled:,} values of {column} in {path}"
        place = f"in {home} at column {column} of {path}"
        many = self.count > MANY * filled
        severity: Severity = "error" if many else "warning"
        if self.kind == "status":
            text = f"{of} are not known as open, won or lost ({examples}); these deals count as open."
            fix = f"Write under `values` of the target status, {place}, which of the three each word is."
            return Finding("connectors.status_unknown", severity, text, fix, table=table, count=self.count)
        written = self._written()
        text = f"{of} are no {_NOUN.get(self.kind, self.kind)}{written and f' {written}'} ({examples})."
        name = f"{table}.{self.entry.target}"
        fix = self._other_writing(place) if many else ""
        fix = fix or f"Mend them in the source, or set how {name} is written, {place}."
        fix = f"{fix} Until then they are kept in attributes."
        return Finding("connectors.value_unreadable", severity, text, fix, table=table, count=self.count)

    def _written(self) -> str:
        if self.kind in ("day", "instant"):
            return f"written {self.entry.format or 'iso'}"
        return f"with the decimal sign {self.entry.decimal!r}" if self.kind in _NOUN and self.kind != "flag" else ""

    def _other_writing(self, place: str) -> str:
        """What to set so that the values can be read; empty when no known writing reads most of them."""
        found = examine(pl.Series([*self._failed], dtype=pl.String), ())
        if self.kind in ("day", "instant") and found.kind in TEMPORAL:
            form = found.format or "iso"
            values = pl.Series([*self._some], dtype=pl.String)
            read = convert.instants(values, form, ZoneInfo("UTC")).is_not_null()
            part = "all of" if read.all() else "most of" if float(read.mean() or 0) >= _MOST_READ else "only"  # type: ignore[arg-type]
            these = "these values; the others are written in another way" if part == "only" else "the column"
            return f"Set `format: '{form}'` {place}: it reads {part} {these}."
        if self.kind in _NOUN and found.kind in NUMERIC and found.decimal != self.entry.decimal:
            return f"Set `decimal: '{found.decimal}'` {place}: it reads these values."
        return ""
