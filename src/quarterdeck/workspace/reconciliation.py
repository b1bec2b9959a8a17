"""Does what we hold add up to what the source said? Rows and money of each file and table, and the rows set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.money import to_major
from quarterdeck.records.lake import Lake, State
from quarterdeck.records.sync import TableSync

if TYPE_CHECKING:
    from quarterdeck.connectors.report import FileReport

AMOUNT = pl.Decimal(38, 3)
LINES: dict[str, Any] = {
    "source": pl.String,
    "file": pl.String,
    "table": pl.String,
    "measure": pl.String,
    "currency": pl.String,
    "read": AMOUNT,
    "kept": AMOUNT,
    "set_aside": AMOUNT,
    "reasons": pl.String,
    "theirs": AMOUNT,
    "told_by": pl.String,
    "agrees": pl.Boolean,
}
"""Columns of the report. `measure` is rows, a money column, or held: the source's rows in the lake after the sync."""

SET_ASIDE: dict[str, Any] = {
    "source": pl.String,
    "file": pl.String,
    "table": pl.String,
    "line": pl.String,
    "reason": pl.String,
    "raw": pl.String,
}

WORDS = {
    "row_broken": "broken",
    "row_too_long": "too long",
    "no_record": "no record",
    "totals_row": "totals",
    "footer": "footer",
    "key_missing": "without key",
    "key_repeated": "key came before",
    "value_missing": "required value missing",
}


@dataclass
class Reading:
    """What was read of the sources in one sync, by their names."""

    sources: set[str] = field(default_factory=set)
    reports: list[FileReport] = field(default_factory=list)
    aside: list[pl.DataFrame] = field(default_factory=list)

    def take(self, batch: Any, source: str) -> None:
        """A batch of a connector: its rows set aside, and its file's report when it is the last."""
        self.sources.add(source)
        if batch.report is not None:
            self.reports.append(batch.report)
        if batch.set_aside.height:
            named = batch.set_aside.select(pl.all().cast(pl.String))
            whose = {"source": source, "file": batch.file, "table": batch.table}
            self.aside.append(named.with_columns(pl.lit(value).alias(name) for name, value in whose.items()))


def lines(reports: Iterable[FileReport], syncs: Sequence[TableSync]) -> pl.DataFrame:
    """The report: a line for each file, table and measure, then what the lake holds of each source and table."""
    found = [line for report in reports for line in (*_row_lines(report), *_money_lines(report))]
    return pl.DataFrame([*found, *map(_held_line, syncs)], schema=LINES, orient="row")


def _row_lines(report: FileReport) -> list[tuple[Any, ...]]:
    reasons = ", ".join(f"{count.rows:,} {WORDS[count.reason]}" for count in report.rows if count.reason and count.rows)
    if not report.is_complete:
        reasons = "; ".join(filter(None, [reasons, "the file could not be read to its end"]))
    head = (report.source, report.file, report.table)
    counts = (Decimal(report.read), Decimal(report.kept), Decimal(report.set_aside), reasons)
    own = [count for count in report.own if count.measure == "rows"]
    if not own:
        return [(*head, "rows", "", *counts, None, None, report.is_complete)]
    return [
        (*head, "rows", "", *counts, Decimal(count.theirs), count.told_by, count.agrees and report.is_complete)
        for count in own
    ]


def _money_lines(report: FileReport) -> list[tuple[Any, ...]]:
    head, out = (report.source, report.file, report.table), []
    nothing: list[tuple[Decimal | None, str | None, bool | None]] = [(None, None, None)]
    for column, currency in dict.fromkeys((part.column, part.currency) for part in report.money):
        parts = [part for part in report.money if (part.column, part.currency) == (column, currency)]
        total = sum(part.amount for part in parts)
        kept = sum(part.amount for part in parts if not part.reason)
        unread = sum(part.unread for part in parts)
        reasons = [f"{WORDS[part.reason]} {to_major(part.amount, currency):,f}" for part in parts if part.reason]
        reasons += [f"{unread:,} amounts could not be read"] if unread else []
        sums = [to_major(amount, currency) for amount in (total, kept, total - kept)]
        own = [one for one in report.own if (one.measure, one.column, one.currency) == ("sum", column, currency)]
        theirs = [(to_major(one.theirs, currency), one.told_by, one.agrees) for one in own] or nothing
        out += [(*head, column, currency, *sums, "; ".join(reasons), *told) for told in theirs]
    return out


def _held_line(sync: TableSync) -> tuple[Any, ...]:
    """What was sent and not set aside, against the source's rows in the lake."""
    sent = sync.read - sync.set_aside
    missing = sync.unsent - sync.aged_out
    reasons = [f"{sync.aged_out:,} older than what the source sends, kept"] if sync.aged_out else []
    reasons += [f"{missing:,} not sent this time, kept"] if missing > 0 else []
    reasons += [f"{sync.repeated:,} with a key that came again"] if sync.repeated else []
    agrees = sync.held == sent + sync.unsent and missing >= 0
    counts = (Decimal(sync.read), Decimal(sync.held), Decimal(sync.set_aside))
    told = "rows sent and not set aside"
    return sync.source, "", sync.table, "held", "", *counts, "; ".join(reasons), Decimal(sent), told, agrees


def findings(report: pl.DataFrame) -> list[Finding]:
    """A finding for each line that does not add up."""
    return [_finding(line) for line in report.filter(~pl.col("agrees").fill_null(True)).to_dicts()]


def _finding(line: dict[str, Any]) -> Finding:
    place = line["file"] or f"source {line['source']}"
    unit = f" {line['currency']}" if line["currency"] else ""
    ours = line["kept"] if line["measure"] == "held" else line["read"]
    if line["theirs"] is None or line["theirs"] == ours:
        message = f"{place}: {line['table']} was not read whole ({line['reasons']})."
    else:
        message = (
            f"{place}: {line['measure']} of {line['table']} do not add up: {ours.normalize():,f}{unit} here, "
            f"{line['theirs'].normalize():,f}{unit} by {line['told_by']}."
        )
    return Finding(
        code="records.does_not_add_up",
        severity="error" if line["measure"] == "held" else "warning",
        table=line["table"],
        message=message,
        fix="`quarterdeck show NAME reconciliation` has all counts, `show NAME set-aside` the rows; export again.",
    )


def _path(lake: Lake, folder: str, sequence: int) -> Path:
    return lake.root / folder / f"{sequence:08d}.parquet"


def latest(lake: Lake, folder: str, sequence: int) -> Path | None:
    """The file in a folder beside the lake that the last sync up to a number left there."""
    paths = [path for path in (lake.root / folder).glob("*.parquet") if path.stem.isdigit()]
    return max((path for path in paths if int(path.stem) <= sequence), default=None)


def write(lake: Lake, state: State, report: pl.DataFrame, aside: Sequence[pl.DataFrame]) -> None:
    """Keep the report and the rows set aside beside the state that is about to be committed."""
    empty = pl.DataFrame(schema=SET_ASIDE)
    rows = pl.concat([empty, *aside], how="diagonal") if aside else empty
    for folder, frame in (("_reconciliation", report), ("_set_aside", rows.select(list(SET_ASIDE)))):
        path = _path(lake, folder, state.sequence)
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)


def read(lake: Lake, state: State) -> pl.DataFrame:
    """The report of the last sync that read the sources, as of a state."""
    path = latest(lake, "_reconciliation", state.sequence)
    return pl.DataFrame(schema=LINES) if path is None else pl.read_parquet(path)


def set_aside(lake: Lake, state: State) -> pl.DataFrame:
    """Rows that the last sync that read the sources could not take: source, file, table, line, reason, raw."""
    path = latest(lake, "_set_aside", state.sequence)
    return pl.DataFrame(schema=SET_ASIDE) if path is None else pl.read_parquet(path)
