"""What the report is made from: one run's tables and findings, read once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.schema import empty
from quarterdeck.interfaces.ranking import Group, groups
from quarterdeck.interfaces.report.wording import Words

if TYPE_CHECKING:
    from quarterdeck.workspace import Run, Workspace


class Source:
    """A run as the report's sections see it."""

    def __init__(self, workspace: Workspace, run: Run) -> None:
        self.workspace = workspace
        self.run = run
        self.company = workspace.settings.company
        self.words = Words(self.company)
        self.name = workspace.root.name
        self._frames: dict[str, pl.DataFrame] = {}

    def table(self, name: str) -> pl.DataFrame:
        """A small table of the run, whole; empty when the run has none of that name. Records are for `rows`."""
        if name not in self._frames:
            frame = self.workspace.table(name, run=self.run)
            self._frames[name] = frame if frame.width else empty(name)
        return self._frames[name]

    def rows(self, name: str) -> pl.LazyFrame:
        """A table of the run, not read yet: only the columns and rows that are asked of it are."""
        path = self.run.paths.get(name)
        return empty(name).lazy() if path is None else pl.scan_parquet(path)

    def count(self, name: str) -> int:
        """How many rows a table of the run has; none of them is read."""
        return int(self.rows(name).select(pl.len()).collect().item())

    @cached_property
    def findings(self) -> pl.DataFrame:
        return self.workspace.findings(self.run)

    @cached_property
    def reconciliation(self) -> pl.DataFrame:
        """What the last sync that the run knows read, kept and set aside."""
        return self.workspace.reconciliation(known_at=self.run.known_at)

    @cached_property
    def groups(self) -> list[Group]:
        """All findings by code, most important first."""
        return groups(self.findings)

    def groups_of(self, *rooms: str) -> list[Group]:
        return [group for group in self.groups if group.room in rooms]

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of people and products by key."""
        return self._names("products") | self._names("people")

    def account_names(self, keys: Collection[str]) -> dict[str, str]:
        """Names of the accounts with these keys; a large company has too many to know them all."""
        return self._names("accounts", pl.col("id").is_in(list(keys)))

    def _names(self, table: str, *which: pl.Expr) -> dict[str, str]:
        frame = self.rows(table).filter(*which).select("id", "name").collect()
        return {str(key): str(name) for key, name in frame.iter_rows() if name}

    @property
    def today(self) -> date:
        """The company's day on which the run stands."""
        from datetime import UTC

        return self.run.as_of.replace(tzinfo=UTC).astimezone(self.company.zone).date()

    def command(self, *words: str) -> str:
        """A command line that shows more."""
        return " ".join(("quarterdeck", words[0], self.name, *words[1:]))

    @cached_property
    def horizon_paths(self) -> list[float]:
        """Bookings over the whole horizon, a value a draw."""
        import numpy as np

        draws = self.table("demand_draws")
        if not draws.height:
            return []
        total = np.sum([np.asarray(path, dtype=float) for path in draws["amount"].to_list()], axis=0)
        return [float(value) for value in total]
