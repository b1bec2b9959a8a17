"""The end of a table: totals and footers below its records are set aside, and what they say is kept."""

from __future__ import annotations

import csv
from dataclasses import dataclass

import polars as pl

from quarterdeck.connectors.formats import layout
from quarterdeck.connectors.formats.table import Broken, Chunk, Count, Facts, shown

_MOST = 12


@dataclass(frozen=True)
class Ending:
    """Looks at the last chunk of a file."""

    names: list[str]
    facts: Facts
    delimiter: str = ","

    def taken(self, chunk: Chunk) -> Chunk:
        """The chunk without its totals and footers, which are among its broken rows now. Totals go to the facts."""
        frame = chunk.frame
        lines = chunk.lines if chunk.lines is not None else _following(chunk)
        start = max(frame.height - _MOST, 0)
        entries = [(lines[place], place, list(frame.row(place))) for place in range(start, frame.height)]
        entries += [(row.line, -1 - number, self._cells(row.raw)) for number, row in enumerate(chunk.broken)]
        gone: set[int] = set()
        moved: list[Broken] = []
        for line, place, cells in sorted(entries, key=lambda entry: -entry[0])[:_MOST]:
            found = self._set_aside(line, cells, is_whole=place >= 0)
            if found is None:
                break
            moved.append(found)
            gone.add(place)
        if not gone:
            return chunk
        self.facts.totals.reverse()
        kept = [row for number, row in enumerate(chunk.broken) if -1 - number not in gone]
        rest = frame.height - sum(place >= 0 for place in gone)
        # what goes from the frame is its end: rows above a row that stays are not looked at
        return Chunk(frame.head(rest), chunk.first, [*kept, *reversed(moved)], lines.head(rest))

    def _set_aside(self, line: int, cells: list[str], *, is_whole: bool) -> Broken | None:
        told = [cell or "" for cell in cells]
        is_total, raw = layout.is_total(told), shown(self.delimiter.join(told))
        if not is_total and not layout.is_footer(told):
            return None
        count = layout.counted(told)
        if count is not None:
            words = " ".join(raw.replace(self.delimiter, " ").split())
            self.facts.counts.append(Count(f"line {line:,}: {words[:80]}", count, is_all=False))
        if not is_total:
            return Broken(line, "it is a line below the table, no record", raw, "footer")
        if is_whole:
            self.facts.totals.append((line, dict(zip(self.names, told, strict=False))))
        return Broken(line, "it is a row of totals, no record", raw, "totals_row")

    def _cells(self, raw: str) -> list[str]:
        try:
            return next(csv.reader([raw], delimiter=self.delimiter), [])
        except csv.Error:
            return [raw]


def _following(chunk: Chunk) -> pl.Series:
    return pl.int_range(chunk.first, chunk.first + chunk.frame.height, eager=True)
