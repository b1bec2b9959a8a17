"""The step: every check on its tables, the records with the most money first, the rest as one finding."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.errors import ConfigurationError, did_you_mean
from quarterdeck.base.finding import Finding, Severity
from quarterdeck.base.money import digits, scale
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality.catalogue import CHECKS
from quarterdeck.quality.check import Check, Moment
from quarterdeck.quality.missing import missing_inputs
from quarterdeck.quality.settings import QualitySettings


def check(tables: Tables, config: Config[QualitySettings]) -> Result:
    """Findings of all checks that are not disabled, and of the tables that are missing. Writes no table.

    Raises ConfigurationError when the settings name a check that does not exist.
    """
    settings = config.settings
    _refuse_unknown((*settings.disabled, *settings.severity))
    moment = Moment(config.as_of, config.today, config.company, settings)
    findings = missing_inputs(tables)
    for entry in CHECKS.values():
        if entry.name not in settings.disabled:
            findings += run(entry, tables, moment)
    return Result({}, findings)


def _refuse_unknown(names: Iterable[str]) -> None:
    faults = [
        f"quality: there is no check {name!r}; {did_you_mean(name, CHECKS)}" for name in names if name not in CHECKS
    ]
    if faults:
        raise ConfigurationError(faults)


def run(entry: Check, tables: Tables, moment: Moment) -> list[Finding]:
    """Findings of one check: the first `max_records` one by one, then one for the rest. Without its tables, none."""
    if not all(tables.has(name) for name in (*entry.needs, *(() if entry.needs else (entry.table,)))):
        return []
    offending = entry.find(tables, moment)
    limit = moment.settings.max_records
    rows, count, money = _worst(offending, limit)
    findings = [_finding(entry, row, moment) for row in rows.iter_rows(named=True)]
    if count > rows.height:
        findings.append(_rest(entry, rows, count, money, moment))
    return findings


def _worst(offending: Any, limit: int) -> tuple[pl.DataFrame, int, int | None]:
    """The rows with the most money at stake, the number of all rows and their money, in one pass."""
    if isinstance(offending, pl.DataFrame):
        ordered = offending.sort("records", descending=True) if "records" in offending.columns else offending
        return ordered.head(limit), offending.height, None
    everything = offending.mutate(all_rows=offending.count().over(), all_money=offending.money.sum().over())
    size = everything.money.abs().fill_null(-1)
    rows: pl.DataFrame = everything.order_by(size.desc(), everything.record_id).limit(limit).to_polars()
    if rows.is_empty():
        return rows, 0, None
    return rows, rows["all_rows"][0], rows["all_money"][0]


def _severity(entry: Check, moment: Moment) -> Severity:
    return moment.settings.severity.get(entry.name, entry.severity)


def _finding(entry: Check, row: dict[str, Any], moment: Moment) -> Finding:
    shown = {name: _shown(name, value, moment) for name, value in row.items()}
    money = row["money"]
    return Finding(
        code=f"quality.{entry.name}",
        severity=_severity(entry, moment),
        message=entry.message.format(**shown),
        fix=entry.fix.format(**shown),
        table=row.get("table", entry.table),
        record_id=row["record_id"],
        owner_id=row["owner_id"],
        money_at_stake=None if money is None else money / scale(moment.company.currency),
        count=row.get("records", 1),
    )


def _rest(entry: Check, rows: pl.DataFrame, count: int, money: int | None, moment: Moment) -> Finding:
    left = count - rows.height
    at_stake = None if money is None else (int(money) - int(rows["money"].sum())) / scale(moment.company.currency)
    return Finding(
        code=f"quality.{entry.name}",
        severity=_severity(entry, moment),
        message=f"{entry.title}: {left:,} more of {count:,}; the {rows.height:,} with the most money are listed.",
        fix="Mend the listed ones first, then check again; raise quality.max_records to list more.",
        table=entry.table,
        money_at_stake=at_stake,
        count=left,
    )


def _shown(name: str, value: Any, moment: Moment) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if name.endswith("amount"):
        places = digits(moment.company.currency)
        return f"{value / scale(moment.company.currency):,.{places}f} {moment.company.currency}"
    return str(value)
