"""The company's days: on which of them an instant lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from quarterdeck.base.config import Company

EARLIEST = datetime(1990, 1, 1)


def offsets(company: Company, until: datetime) -> list[tuple[datetime, timedelta]]:
    """The zone's distance from UTC, as (first instant in UTC, distance), ascending; to the hour of the change."""

    def offset(at: datetime) -> timedelta:
        return at.replace(tzinfo=UTC).astimezone(company.zone).utcoffset() or timedelta(0)

    found = [(EARLIEST, offset(EARLIEST))]
    day = EARLIEST
    while day <= until:
        following = day + timedelta(days=1)
        if offset(following) != found[-1][1]:
            hours = (day + timedelta(hours=hour) for hour in range(25))
            change = next(at for at in hours if offset(at) != found[-1][1])
            found.append((change, offset(change)))
        day = following
    return found


def local_day(company: Company, until: datetime) -> Callable[[Any], Any]:
    """A function from an instant column (UTC) to the company's day, in forms that every engine knows."""
    import ibis

    changes = offsets(company, until)

    def shifted(column: Any, distance: timedelta) -> Any:
        seconds = int(distance.total_seconds())
        return (column + ibis.interval(seconds=seconds)).date() if seconds else column.date()

    def day(column: Any) -> Any:
        if len(changes) == 1:
            return shifted(column, changes[0][1])
        branches = [(column < end, shifted(column, distance)) for (_, distance), (end, _) in pairwise(changes)]
        return ibis.cases(*branches, else_=shifted(column, changes[-1][1]))

    return day
