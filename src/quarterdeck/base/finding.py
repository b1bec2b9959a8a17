"""Findings: faults in data and missing inputs. They are collected and shown, never raised."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

from quarterdeck.base.schema import empty

Severity = Literal["error", "warning", "notice"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend.

    `code` is `room.entry`; `message` says what is wrong with the values in it, `fix` what a person does about it.
    `record_id` is None when the whole table (or a missing one) is meant; `count` says for how many records it stands.
    `money_at_stake` is in the company's currency, major units.
    """

    code: str
    severity: Severity
    message: str
    fix: str
    table: str | None = None
    record_id: str | None = None
    owner_id: str | None = None
    money_at_stake: float | None = None
    count: int = 1


def findings_frame(findings: Iterable[Finding]) -> pl.DataFrame:
    """The findings as rows of the table `findings`."""
    rows = [asdict(finding) for finding in findings]
    frame = empty("findings")
    return pl.DataFrame(rows, schema=frame.schema) if rows else frame
