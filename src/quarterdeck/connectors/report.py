"""What became of a file's rows and money, beside what the file says of itself: for a reconciliation report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KEPT: Literal[""] = ""
"""Reason of the rows that are kept."""

Reason = Literal[
    "",
    "row_broken",
    "row_too_long",
    "no_record",
    "totals_row",
    "footer",
    "key_missing",
    "key_repeated",
    "value_missing",
]
"""Why rows are set aside, as a class; the rows' own reasons, with their values, are in `TableBatch.set_aside`."""


@dataclass(frozen=True, slots=True)
class RowCount:
    """So many rows of a file were kept (reason "") or set aside for one class of reasons."""

    reason: Reason
    rows: int


@dataclass(frozen=True, slots=True)
class MoneySum:
    """The sum of one canonical money column in one currency, in minor units, over the rows of one reason.

    `values` counts the amounts that could be read, `unread` those that are written there but could not.
    """

    column: str
    currency: str
    reason: Reason
    amount: int
    values: int
    unread: int = 0


@dataclass(frozen=True, slots=True)
class OwnCount:
    """What the source says of itself, and what we count for the same.

    `measure` is rows, or sum with the source's `column`. `theirs` and `ours` are whole rows, or minor units of
    `currency`. `told_by` says in words where it stands: "the Parquet file's metadata", "the totals row in line 812".
    """

    measure: Literal["rows", "sum"]
    theirs: int
    ours: int
    told_by: str
    column: str = ""
    currency: str = ""

    @property
    def agrees(self) -> bool:
        return self.theirs == self.ours


@dataclass(frozen=True, slots=True)
class FileReport:
    """The reading of one file for one table. It comes with the file's last batch.

    Rows read are the sum of `rows`: each is kept or set aside for one reason. The same holds for `money`. Entries that
    make a table from distinct values (people from the deals' owners) count the distinct values as rows.
    """

    source: str
    file: str
    table: str
    is_complete: bool
    rows: tuple[RowCount, ...] = ()
    money: tuple[MoneySum, ...] = ()
    own: tuple[OwnCount, ...] = ()
    encoding: str = ""
    """Of text files: utf-8, cp949, ..."""

    @property
    def read(self) -> int:
        return sum(count.rows for count in self.rows)

    @property
    def kept(self) -> int:
        return sum(count.rows for count in self.rows if count.reason == KEPT)

    @property
    def set_aside(self) -> int:
        return self.read - self.kept

    @property
    def disagreements(self) -> tuple[OwnCount, ...]:
        """Own counts that are not ours."""
        return tuple(count for count in self.own if not count.agrees)
