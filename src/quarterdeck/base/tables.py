"""What a step is given: named tables, as frames for numeric work or as relations for relational work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import conform, empty, table

if TYPE_CHECKING:
    import ibis


class Tables(Mapping[str, pl.DataFrame]):
    """Tables in memory, for notebooks and tests; a run gives its steps a subclass that reads files.

    `tables["people"]` is a polars frame with the schema's columns and types, empty when the table is absent;
    `tables.relation("people")` is the same as an Ibis expression. Asking for a name outside the schema raises.

    >>> Tables(people=pl.DataFrame({"id": ["a"], "name": ["Ann"]}))["people"]["role"].to_list()
    [None]
    """

    def __init__(self, **frames: pl.DataFrame) -> None:
        self._frames = {name: conform(name, frame) for name, frame in frames.items()}
        self._relations: dict[str, ibis.Table] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        table(name)
        return self._frames[name] if name in self._frames else empty(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, name: object) -> bool:
        return name in self._frames

    def has(self, name: str) -> bool:
        """The table is there and holds at least one row."""
        return name in self and self[name].height > 0

    def relation(self, name: str) -> ibis.Table:
        """The table as an Ibis expression. Instants have no zone (all are UTC), json is text."""
        import ibis

        # Each memtable is a copy in the engine: one a table.
        if name not in self._relations:
            self._relations[name] = ibis.memtable(self[name].to_arrow())
        return self._relations[name]


class DeclaredTables(Tables):
    """Gives a step the tables that it declared and refuses the others, so that reuse keys are complete."""

    def __init__(self, inner: Tables, declared: tuple[str, ...], step: str) -> None:
        self._inner, self._declared, self._step = inner, declared, step

    def _check(self, name: str) -> None:
        if name not in self._declared:
            raise QuarterdeckError(
                f"Step {self._step} reads {name!r} without declaring it; {did_you_mean(name, self._declared)}"
            )

    def __getitem__(self, name: str) -> pl.DataFrame:
        self._check(name)
        return self._inner[name]

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in self._declared if name in self._inner)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._declared and name in self._inner

    def has(self, name: str) -> bool:
        self._check(name)
        return self._inner.has(name)

    def relation(self, name: str) -> Any:
        self._check(name)
        return self._inner.relation(name)
