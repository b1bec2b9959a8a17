"""The company's days: on which of them an instant lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from quarterdeck.base.config import Company

EARLIEST = datetime(1990, 1, 1)


@cache
def offsets(timezone: str, until: datetime) -> tuple[tuple[datetime, timedelta], ...]:
    """The zone's distance from UTC, as (first instant in UTC, distance), ascending; to the hour of the change."""
    zone = ZoneInfo(timezone)

    def offset(at: datetime) -> timedelta:
        return at.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta(0)

    if timezone == "UTC":
        return ((EARLIEST, timedelta(0)),)

    found = [(EARLIEST, offset(EARLIEST))]
    day = EARLIEST
    while day <= until:
        following = day + timedelta(days=1)
        if offset(following) != found[-1][1]:
            hours = (day + timedelta(hours=hour) for hour in range(25))
            change = next(at for at in hours if offset(at) != found[-1][1])
            found.append((change, offset(change)))
        day = following
    return tuple(found)


def local_day(company: Company, until: datetime) -> Callable[[Any], Any]:
    """A function from an instant column (UTC) to the company's day, in forms that every engine knows."""
    import ibis

    changes = offsets(company.timezone, until)

    def shifted(column: Any, distance: timedelta) -> Any:
        seconds = int(distance.total_seconds())
        return (column + ibis.interval(seconds=seconds)).date() if seconds else column.date()

    def day(column: Any) -> Any:
        if len(changes) == 1:
            return shifted(column, changes[0][1])
        branches = [(column < end, shifted(column, distance)) for (_, distance), (end, _) in pairwise(changes)]
        return ibis.cases(*branches, else_=shifted(column, changes[-1][1]))

    return day
