"""Which findings matter most: one line a code, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from quarterdeck.base.finding import SEVERITIES

DECISIVE = ("reconcile", "supply", "demand", "quality")
"""Rooms whose findings change what an executive approves; at the same severity they come first."""


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
        return self.code.split(".")[0]


def groups(findings: pl.DataFrame) -> list[Group]:
    """The findings by code, most important first: severity, then the decisive rooms, then money, then records.

    A group speaks with the message of its worst and costliest finding.
    """
    rank: dict[str, int] = {severity: place for place, severity in enumerate(SEVERITIES)}
    by_code: dict[str, list[dict[str, object]]] = {}
    for row in findings.to_dicts():
        by_code.setdefault(str(row["code"]), []).append(row)
    found = []
    for code, rows in by_code.items():
        rows.sort(key=lambda row: (rank[str(row["severity"])], -_number(row["money_at_stake"])))
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
            group.room not in DECISIVE,
            -(group.money_at_stake or 0.0),
            -group.count,
            group.code,
        ),
    )


def most_important(findings: pl.DataFrame, count: int = 3) -> list[Group]:
    """The first `count` groups."""
    return groups(findings)[:count]


def at_or_above(findings: pl.DataFrame, severity: str) -> int:
    """How many findings are at least that severe."""
    worse: Sequence[str] = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return findings.filter(pl.col("severity").is_in(worse)).height


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
