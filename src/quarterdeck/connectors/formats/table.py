"""What every reader of a file gives: chunks of rows, the rows it could not read, and remarks on the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import polars as pl

from quarterdeck.base.finding import Severity
from quarterdeck.connectors.report import Reason

CHUNK = 250_000
MOST_COLUMNS = 20_000
_SHOWN = 2_000


class Broken(NamedTuple):
    """A row that is set aside before its values are looked at."""

    line: int
    reason: str
    raw: str
    kind: Reason = "row_broken"


class Remark(NamedTuple):
    """Something about the file as a whole that a person should know; it becomes the finding `connectors.<code>`."""

    code: str
    severity: Severity
    message: str
    fix: str
    rows: int = 1


class Count(NamedTuple):
    """Rows that a file has by another count than ours. `is_all` tells that totals and footers are among them."""

    told_by: str
    rows: int
    is_all: bool = True


@dataclass
class Chunk:
    """Some rows of a file.

    `first` is the number of the first record, the header being 1; `lines` are the rows' numbers where they do not
    follow each other. `broken` rows are not in the frame.
    """

    frame: pl.DataFrame
    first: int
    broken: list[Broken] = field(default_factory=list)
    lines: pl.Series | None = None


@dataclass
class Facts:
    """What is known of a file once all its chunks are read."""

    encoding: str = ""
    remarks: list[Remark] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    totals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Totals rows: their line, and the texts of their columns."""


class UnreadableError(Exception):
    """The file cannot be read; the message says why, for a finding."""


class Table(Protocol):
    """Rows and columns of some file, whatever its format."""

    facts: Facts

    def columns(self) -> list[str]:
        """Column names in the file's order. Raises UnreadableError."""
        ...

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        """The rows in chunks of about `size`, in the file's order. Raises UnreadableError."""
        ...


def distinct(names: Iterable[str]) -> list[str]:
    """Column names, the empty ones numbered and repeated ones told apart."""
    seen: Counter[str] = Counter()
    taken: set[str] = set()
    out = []
    for place, name in enumerate(names, 1):
        clean = " ".join(name.split()) or f"column {place}"
        seen[clean] += 1
        told = clean if seen[clean] == 1 else f"{clean} {seen[clean]}"
        while told in taken:
            seen[clean] += 1
            told = f"{clean} {seen[clean]}"
        taken.add(told)
        out.append(told)
    return out


def shown(text: str) -> str:
    """A row's text as it is kept with the rows set aside: never endless."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} … ({len(text):,} signs)"


def first_line(error: BaseException) -> str:
    """An error of a library in a few words."""
    return str(error).splitlines()[0][:200] if str(error).strip() else type(error).__name__
