"""The step: every check on its tables, the records with the most money first, and what would mend them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.errors import ConfigurationError, did_you_mean
from quarterdeck.base.finding import Finding, Severity
from quarterdeck.base.money import digits, scale
from quarterdeck.base.schema import empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality.catalogue import catalogue
from quarterdeck.quality.check import Check, Moment
from quarterdeck.quality.fixes import PROPOSED, fixes_frame
from quarterdeck.quality.missing import missing_inputs
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.quality.wrong import Context, errors_of, wrong_rows


def check(tables: Tables, config: Config[QualitySettings]) -> Result:
    """Findings of all checks that are not disabled, and of the tables that are missing.

    Writes `errors`, a row for every record that a check found wrong, and `fixes`, the values that would mend them.
    Raises ConfigurationError when the settings name a check that does not exist.
    """
    settings = config.settings
    checks = catalogue(settings)
    _refuse_unknown((*settings.disabled, *settings.severity), checks)
    moment = Moment(config.as_of, config.today, config.company, settings)
    context = Context(tables, moment)
    findings = missing_inputs(tables)
    errors, proposed = [empty("errors")], [pl.DataFrame(schema=PROPOSED)]
    for entry in checks.values():
        if entry.name in settings.disabled or not _has_its_tables(entry, tables):
            continue
        wrong = wrong_rows(entry, context)
        findings += _findings(entry, wrong, moment)
        mended = pl.DataFrame(schema=PROPOSED)
        if entry.mend is not None and wrong.height:
            mended = entry.mend(tables, moment, wrong).with_columns(pl.lit(entry.name).alias("check"))
            proposed.append(mended.select(PROPOSED.names()))
        errors.append(errors_of(entry, _severity(entry, moment), wrong, mended, context))
    fixes = fixes_frame(pl.concat(proposed), tables, moment)
    findings += _mendable(fixes)
    return Result({"errors": pl.concat(errors), "fixes": fixes}, findings)


def _has_its_tables(entry: Check, tables: Tables) -> bool:
    return all(tables.has(name) for name in (*entry.needs, *(() if entry.needs else (entry.table,))))


def _refuse_unknown(names: Iterable[str], checks: dict[str, Check]) -> None:
    faults = [
        f"quality: there is no check {name!r}; {did_you_mean(name, checks)}" for name in names if name not in checks
    ]
    if faults:
        raise ConfigurationError(faults)


def _findings(entry: Check, wrong: pl.DataFrame, moment: Moment) -> list[Finding]:
    """The first `max_records` one by one, then one for the rest."""
    listed = wrong.head(moment.settings.max_records)
    findings = [_finding(entry, row, moment) for row in listed.iter_rows(named=True)]
    if wrong.height > listed.height:
        findings.append(_rest(entry, listed, wrong, moment))
    return findings


def _severity(entry: Check, moment: Moment) -> Severity:
    return moment.settings.severity.get(entry.name, entry.severity)


def _finding(entry: Check, row: dict[str, Any], moment: Moment) -> Finding:
    currency = row["money_currency"] or moment.company.currency
    shown = {name: _shown(name, value, currency) for name, value in row.items()}
    return Finding(
        code=f"quality.{entry.name}",
        severity=_severity(entry, moment),
        message=entry.message.format(**shown),
        fix=entry.fix.format(**shown),
        table=row["table"],
        record_id=row["record_id"],
        owner_id=row["owner_id"],
        money_at_stake=row["money_at_stake"],
        count=row.get("records", 1),
    )


def _rest(entry: Check, listed: pl.DataFrame, wrong: pl.DataFrame, moment: Moment) -> Finding:
    left = wrong.slice(listed.height)
    valued = left["money_at_stake"].drop_nulls()
    return Finding(
        code=f"quality.{entry.name}",
        severity=_severity(entry, moment),
        message=f"{entry.title}: {left.height:,} more of {wrong.height:,}; the {listed.height:,} with the most money "
        "are listed.",
        fix="Mend the listed ones first, then check again; raise quality.max_records to list more.",
        table=entry.table,
        money_at_stake=float(valued.sum()) if listed["money_at_stake"].count() else None,
        count=left.height,
    )


def _mendable(fixes: pl.DataFrame) -> list[Finding]:
    if fixes.is_empty():
        return []
    sure = fixes.filter(pl.col("confidence") >= 0.8).height
    return [
        Finding(
            code="quality.fixes_ready",
            severity="notice",
            message=f"{fixes.height:,} values can be mended by a file that the source takes in; {sure:,} of them are "
            "nearly certain.",
            fix="Look at them with `quarterdeck show NAME fixes`, write the files with `quarterdeck fixes NAME`.",
            table="fixes",
            count=fixes.height,
        )
    ]


def _shown(name: str, value: Any, currency: str) -> str:
    if value is None:
        return "none"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if name.endswith("amount"):
        return f"{value / scale(currency):,.{digits(currency)}f} {currency}"
    return str(value)
