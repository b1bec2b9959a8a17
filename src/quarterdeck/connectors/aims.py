"""Targets: what a file's values say of their grain and level, where no column does."""

from __future__ import annotations

from datetime import date

import polars as pl

from quarterdeck.connectors import convert, periods
from quarterdeck.connectors.evidence import Evidence
from quarterdeck.connectors.fit import is_years
from quarterdeck.connectors.mapping import ColumnMapping
from quarterdeck.connectors.vocabulary import canonical_value, missing


def aimed(made: list[ColumnMapping], evidence: dict[str, Evidence], sample: pl.DataFrame) -> tuple[dict[str, str], str]:
    """What to fill in for grain and level, and why. A column of periods gets a second entry for the grain."""
    fill, reasons = {}, []
    period = next((entry for entry in made if entry.target == "period_start"), None)
    targets = {entry.target for entry in made}
    if period is not None:
        column, place = evidence[period.column], made.index(period)
        if is_years(column):
            made[place] = period = period.model_copy(update={"format": periods.FORM})
        if "grain" not in targets and period.format == periods.FORM:
            reason = "its values are written as months, quarters or years"
            new = {"column": period.column, "target": "grain", "confidence": 0.95, "format": periods.FORM}
            made.insert(place + 1, ColumnMapping.model_validate({**new, "reason": reason}))
        elif "grain" not in targets and (found := _grain(period, sample)) is not None:
            fill["grain"] = found[0]
            reasons.append(f"grain {found[0]}: {found[1]}")
    member = next((entry for entry in made if entry.target == "member"), None)
    if member is not None and "level" not in targets:
        level = canonical_value("targets.level", member.column)
        if level is not None:
            fill["level"] = level
            reasons.append(f"level {level}: the column {member.column!r} names it")
    return fill, "; ".join(reasons)


def _grain(period: ColumnMapping, sample: pl.DataFrame) -> tuple[str, str] | None:
    from zoneinfo import ZoneInfo

    raw = convert.cleaned(sample[period.column], missing())
    days: list[date] = convert.days(raw, period.format, ZoneInfo("UTC")).drop_nulls().unique().to_list()
    if period.format and "%d" not in period.format and period.format.startswith("%"):
        return "month", "the periods are written as months"
    return periods.grain_of_days(days)
