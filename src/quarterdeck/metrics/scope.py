"""What an entity is prepared with: the tables, the company, the moment, and what every entity does alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from quarterdeck.base import exchange
from quarterdeck.base.config import Company
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.local import local_day
from quarterdeck.metrics.metric import NOBODY
from quarterdeck.metrics.settings import MetricsSettings

Own = Mapping[str, str]
Joined = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Scope:
    """Records as they are measured: up to a moment, in the company's days and its currency."""

    tables: Tables
    company: Company
    as_of: datetime
    settings: MetricsSettings = field(default_factory=MetricsSettings)
    _known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def today(self) -> date:
        """The company's last day that had begun before the moment."""
        last = self.as_of.replace(tzinfo=UTC) - timedelta(microseconds=1)
        return last.astimezone(self.company.zone).date()

    @property
    def day(self) -> Callable[[Any], Any]:
        """From an instant to the company's day; nothing of the moment and after it."""
        local = local_day(self.company, self.as_of)
        return lambda column: (column < self.as_of).ifelse(local(column), None)

    def past(self, day: Any) -> Any:
        """The day, where it has begun before the moment."""
        return (day <= self.today).ifelse(day, None)

    def converted(self, rows: Any, table: str, amount: str, day: Any) -> Any:
        """The relation, made from a table, with an amount in the company's minor units."""
        if "currency" not in rows.columns:
            return rows
        key = f"foreign {table}"
        if key not in self._known:
            source = self.tables.relation(table)
            self._known[key] = exchange.is_foreign(source, self.company.currency)
        if not self._known[key]:
            return rows
        return exchange.converted(rows, self.tables, self.company.currency, amount=amount, day=day)

    def members(self, rows: Any, by: tuple[str, ...], own: Own, joined: Joined) -> Any:
        """The relation with a column for each dimension in `by`, its own or told by the row that a key leads to.

        What is joined is first made one row a key, so no record is repeated.
        """
        for table, key in dict.fromkeys(joined[name] for name in by if name in joined):
            names = [name for name in by if joined.get(name) == (table, key)]
            other = self.tables.relation(table)
            unique = other.group_by(joined_id=other.id).agg(
                **{f"joined_{name}": other[_column(name, table)].max() for name in names}
            )
            rows = rows.left_join(unique, rows[key] == unique.joined_id).drop("joined_id")
        columns = {name: rows[f"joined_{name}" if name in joined else own[name]].fill_null(NOBODY) for name in by}
        return rows.mutate(**columns)


def _column(dimension: str, table: str) -> str:
    """Where another table keeps a dimension."""
    ids = {("owner", "accounts"): "owner_id", ("owner", "opportunities"): "owner_id"}
    return ids.get((dimension, table), dimension)
