"""What the report is made from: one run's tables and findings, read once."""

from __future__ import annotations

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
        """A table of the run; empty when the run has none of that name."""
        if name not in self._frames:
            frame = self.workspace.table(name, run=self.run)
            self._frames[name] = frame if frame.width else empty(name)
        return self._frames[name]

    @cached_property
    def findings(self) -> pl.DataFrame:
        return self.workspace.findings(self.run)

    @cached_property
    def groups(self) -> list[Group]:
        """All findings by code, most important first."""
        return groups(self.findings)

    def groups_of(self, *rooms: str) -> list[Group]:
        return [group for group in self.groups if group.room in rooms]

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of people, products, accounts and nodes by key."""
        found: dict[str, str] = {}
        for table in ("accounts", "products", "people"):
            frame = self.table(table)
            found |= {str(key): str(name) for key, name in frame.select("id", "name").iter_rows() if name}
        return found

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
