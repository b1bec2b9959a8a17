"""Which columns join: the share of a column's values that another file's key or name column holds."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.evidence import Evidence
from quarterdeck.connectors.files import UnreadableError
from quarterdeck.connectors.samples import TableSample
from quarterdeck.connectors.vocabulary import REFERENCES, missing

_MOST = 500_000
"""Key values of a file that are held to compare; a longer file is compared by its sample."""
_KEYS = ("id", "name", "email")


@dataclass(frozen=True)
class KnownValues:
    """The values of a file's key-like columns: squeezed text to the text as written, by canonical column."""

    path: str
    table: str
    by: dict[str, dict[str, str]]
    is_partial: bool = False


@dataclass(frozen=True)
class Join:
    """How much of a column lies in a table's column."""

    table: str
    by: str
    path: str
    overlap: float
    is_partial: bool

    def told(self) -> str:
        """The join in words."""
        share = "all" if self.overlap > 0.9999 else "none" if not self.overlap else f"{self.overlap:.0%}"
        return f"{share} of its values are found in {self.path} as {self.by}"


class Joins:
    """The key-like values of all files of a folder."""

    def __init__(self, known: dict[str, KnownValues]) -> None:
        self._known = known
        self._best: dict[tuple[str, str, str], Join | None] = {}

    def best(self, column: Evidence, table: str, path: str) -> Join | None:
        """The column of a table that holds most of a column's values; None when no other file is of that table."""
        place = (path, column.name, table)
        if place not in self._best:
            self._best[place] = self._search(column, table, path)
        return self._best[place]

    def _search(self, column: Evidence, table: str, path: str) -> Join | None:
        found, values = None, column.joinable
        for known in self._known.values():
            if known.table != table or (known.path == path and table not in ("accounts", "people")):
                continue
            for by, there in known.by.items():
                overlap = len(values & there.keys()) / len(values) if values else 0.0
                if found is None or overlap > found.overlap:
                    found = Join(table, by, known.path, overlap, known.is_partial)
        return found

    def aliases(self, column: Evidence, join: str) -> dict[str, str]:
        """Spellings that differ from the joined column's in case, space and punctuation only, with the right one."""
        table, _, by = join.partition(".")
        out = {}
        for known in self._known.values():
            if known.table == table and by in known.by:
                right = known.by[by]
                written = set(right.values())
                for value, key in zip(column.values, column.squeezed, strict=True):
                    spelling = right.get(key)
                    if value not in written and spelling is not None:
                        out[value] = spelling
        return out

    def has(self, table: str) -> bool:
        """Some file is of that table."""
        return any(known.table == table for known in self._known.values())


def known_values(table: str, targets: dict[str, str], sample: TableSample, size: int) -> KnownValues:
    """The values of a table's key, name and address columns: all of them up to half a million, else the sample's.

    `targets` gives the source's column for a canonical one; `size` is how many rows a sample may have.
    """
    is_referenced = table in REFERENCES.values()
    columns = {target: name for target, name in targets.items() if target in _KEYS and is_referenced}
    frame, is_partial = sample.frame, False
    if frame.height >= size // 2 and columns and sample.keys is not None:
        try:
            parts, count = [], 0
            for part in sample.keys(list(dict.fromkeys(columns.values()))):
                parts.append(part)
                count += part.height
                if count > _MOST:
                    is_partial = True
                    break
            full = [part for part in parts if part.width]
            frame = pl.concat(full, how="vertical_relaxed") if full else frame
        except UnreadableError:
            is_partial = True
    by = {}
    for target, name in columns.items():
        values = convert.text(convert.cleaned(frame[name], missing())).drop_nulls().unique().sort()
        by[target] = dict(zip(convert.squeezed(values).to_list(), values.to_list(), strict=True))
    return KnownValues(sample.path, table, by, is_partial)
