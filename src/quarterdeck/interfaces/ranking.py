"""Which findings matter most: one line a code, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.finding import SEVERITIES
from quarterdeck.base.schema import facts

if TYPE_CHECKING:
    from quarterdeck.workspace import Run

DECISIVE = ("reconcile", "supply", "demand", "quality")
"""Rooms whose findings change what an executive approves, the nearest to the decision first."""

SPOILING = 0.05
"""From which part of a table's rows on a fault in reading them comes before all other findings."""

OVERRIDES = ("demand.override", "reconcile.override")
"""How the codes begin that tell of a person's number in the place of a computed one."""

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
    """The findings of one code.

    `table`, `record_id` and `owner_id` are those of the finding whose message it bears; `money_at_stake` is the sum of
    all in the company's currency, None when none tells it.
    """

    code: str
    severity: str
    message: str
    fix: str
    table: str | None
    record_id: str | None
    owner_id: str | None
    count: int
    lines: int
    money_at_stake: float | None

    @property
    def room(self) -> str:
        return room_of(self.code)

    @property
    def record(self) -> str:
        """Table and key of the record of which the message speaks; empty when it is no record of a source."""
        return f"{self.table} {self.record_id}" if self.record_id and self.table in facts() else ""


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
                table=_text(rows[0]["table"]),
                record_id=_text(rows[0]["record_id"]),
                owner_id=_text(rows[0]["owner_id"]),
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


def rows_read(made: Run) -> dict[str, int]:
    """Rows of each fact table that a run stands on."""
    return {table: rows for step in made.steps for table, rows in step.rows.items() if table in facts()}


def most_important(findings: pl.DataFrame, count: int = 3, rows: Mapping[str, int] | None = None) -> list[Group]:
    """The first `count` groups: of each decisive room the worst before one has its second, notices last.

    What went wrong in reading a good part of a table comes before all: nothing that is computed from it holds. It is
    known when `rows` gives the rows of each table. An override that holds is always named, if need be last.
    """
    ranked = groups(findings)
    spoiling = _spoiling(findings, rows or {})
    order: dict[str, int] = {severity: place for place, severity in enumerate(SEVERITIES)}
    had: Counter[str] = Counter()
    turns = {}
    for group in ranked:
        turns[group.code] = had[group.room] if group.room in DECISIVE else had[group.room] + 1
        had[group.room] += 1
    ranked.sort(
        key=lambda group: (
            group.code not in spoiling,
            group.severity == "notice",
            turns[group.code],
            order[group.severity],
        )
    )
    first = ranked[:count]
    decided = next((group for group in ranked if group.code.startswith(OVERRIDES)), None)
    return [*first[:-1], decided] if first and decided and decided not in first else first


def _spoiling(findings: pl.DataFrame, rows: Mapping[str, int]) -> set[str]:
    """Codes of errors and warnings of reading that concern a good part of a table's rows."""
    concerned = (
        findings.filter(pl.col("code").str.starts_with("connectors."), pl.col("severity") != "notice")
        .group_by("code", "table")
        .agg(pl.col("count").fill_null(1).sum())
    )
    return {code for code, table, count in concerned.rows() if count >= SPOILING * rows.get(table, float("inf"))}


def at_or_above(findings: pl.DataFrame, severity: str) -> int:
    """How many records the findings that are at least that severe stand for."""
    worse: Sequence[str] = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return int(findings.filter(pl.col("severity").is_in(worse))["count"].fill_null(1).sum())


def _place(room: str) -> int:
    return DECISIVE.index(room) if room in DECISIVE else len(DECISIVE)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
