"""Rows that a source no longer sends: deleted there, or only older than what it keeps?

An export that reaches back two years loses its oldest rows every week. These were not deleted, and what happened then
is still true; so they stay. The evidence is that everything that vanished before some moment vanished together:
nothing older than the export's new first moment is left in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

Retention = int | Literal["auto", "whole"]
"""Days that a source keeps; `whole` when it keeps everything, so that what is gone was deleted; `auto` by evidence."""

HISTORIES = ("opportunity_history", "activities", "events")
TIMES: Mapping[str, tuple[str, ...]] = {
    "opportunity_history": ("changed_at",),
    "activities": ("started_at",),
    "events": ("occurred_at",),
    "opportunities": ("created_at", "closed_at"),
    "leads": ("created_at",),
    "orders": ("ordered_at",),
    "invoices": ("invoiced_at",),
}
"""The columns by which a source may cut off what is old."""

FOLLOWS = {"opportunity_lines": "opportunity_id", "opportunity_history": "opportunity_id"}
"""Rows that stay as long as the deal that they belong to."""

BLOCK = 10
"""So many of the oldest records vanish together when a source cuts off; fewer may have been deleted one by one."""


def aged_out(
    table: str,
    gone: pl.DataFrame,
    starts: Mapping[str, datetime | None],
    rule: Retention,
    seen_at: datetime,
    aged_deals: frozenset[str],
) -> pl.Series:
    """For each row that is gone, whether it is older than what the source keeps.

    `gone` has the table's TIMES and FOLLOWS columns, `starts` the first moment of each time in what the source sends
    now, `aged_deals` the deals that aged out.
    """
    aged = pl.Series("aged", [False] * gone.height, dtype=pl.Boolean)
    if rule == "whole" or gone.is_empty():
        return aged
    for column in TIMES.get(table, ()):
        start = seen_at - timedelta(days=rule) if isinstance(rule, int) else starts.get(column)
        if start is None:
            continue
        older = (gone[column] < start).fill_null(False)
        if isinstance(rule, int) or table in HISTORIES or older.sum() >= BLOCK:
            aged = aged | older
    if table in FOLLOWS and aged_deals:
        aged = aged | gone[FOLLOWS[table]].is_in(list(aged_deals)).fill_null(False)
    return aged
