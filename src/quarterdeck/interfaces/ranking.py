"""Which findings matter most: one line a code, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from quarterdeck.base.finding import SEVERITIES

DECISIVE = ("reconcile", "supply", "demand", "quality")
"""Rooms whose findings change what an executive approves, the nearest to the decision first."""


ROOMS = {
    "territory": "execute",
    "quota": "execute",
    "commission": "execute",
    "records": "quality",
    "workspace": "quality",
}
"""Where findings whose code begins with a part's name belong."""


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one code. `money_at_stake` is their sum in the company's currency, None when none tells it."""

    code: str
    severity: str
    message: str
    fix: str
    table: str | None
    count: int
    lines: int
    money_at_stake: float | None

    @property
    def room(self) -> str:
        return room_of(self.code)


def room_of(code: str) -> str:
    """The room that a finding's code belongs to.

    >>> room_of("commission.no_quota"), room_of("demand.little_history")
    ('execute', 'demand')
    """
    first = code.split(".")[0]
    return ROOMS.get(first, first)


def groups(findings: pl.DataFrame) -> list[Group]:
    """The findings by code, most important first: severity, then the room, then money, then records.

    A group speaks with the message of its worst and costliest record, else of the finding on the whole table.
    """
    rank: dict[str, int] = {severity: place for place, severity in enumerate(SEVERITIES)}
    by_code: dict[str, list[dict[str, object]]] = {}
    for row in findings.to_dicts():
        by_code.setdefault(str(row["code"]), []).append(row)
    found = []
    for code, rows in by_code.items():
        rows.sort(
            key=lambda row: (rank[str(row["severity"])], row["record_id"] is None, -_number(row["money_at_stake"]))
        )
        stakes = [_number(row["money_at_stake"]) for row in rows if row["money_at_stake"] is not None]
        found.append(
            Group(
                code=code,
                severity=str(rows[0]["severity"]),
                message=str(rows[0]["message"]),
                fix=str(rows[0]["fix"]),
                table=str(rows[0]["table"]) if rows[0]["table"] is not None else None,
                count=sum(int(_number(row["count"])) or 1 for row in rows),
                lines=len(rows),
                money_at_stake=sum(stakes) if stakes else None,
            )
        )
    return sorted(
        found,
        key=lambda group: (
            rank[group.severity],
            _place(group.room),
            -(group.money_at_stake or 0.0),
            -group.count,
            group.code,
        ),
    )


def most_important(findings: pl.DataFrame, count: int = 3) -> list[Group]:
    """The first `count` groups: every error, then of each room the worst before a room has its second."""
    ranked = groups(findings)
    seen: dict[str, int] = {}
    turns = {}
    for group in ranked:
        turns[group.code] = seen.get(group.room, 0)
        seen[group.room] = turns[group.code] + 1
    order: dict[str, int] = {severity: place for place, severity in enumerate(SEVERITIES)}
    ranked.sort(key=lambda group: (order[group.severity], 0 if group.severity == "error" else turns[group.code]))
    return ranked[:count]


def at_or_above(findings: pl.DataFrame, severity: str) -> int:
    """How many findings are at least that severe."""
    worse: Sequence[str] = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return findings.filter(pl.col("severity").is_in(worse)).height


def _place(room: str) -> int:
    return DECISIVE.index(room) if room in DECISIVE else len(DECISIVE)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
