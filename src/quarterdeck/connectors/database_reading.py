"""Databases through the same door as files: a proposal from samples of their tables, rows from the mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl

from quarterdeck.base.config import Company
from quarterdeck.base.money import to_minor
from quarterdeck.connectors.company_signs import suggest_company
from quarterdeck.connectors.database import Database, Snapshot, SourceTable
from quarterdeck.connectors.mapping import SKIP, FileMapping, Mapping
from quarterdeck.connectors.mirror import Mirror, folder_name, localized
from quarterdeck.connectors.pull import TablePull
from quarterdeck.connectors.reader import TableBatch
from quarterdeck.connectors.reader import read as read_files
from quarterdeck.connectors.report import FileReport, OwnCount
from quarterdeck.connectors.samples import TableSample
from quarterdeck.connectors.vocabulary import plain

SAMPLE = 20_000
_STAMPS = (
    "systemmodstamp", "updated at", "updated", "updated on", "update time", "update date", "updatedat", "last updated",
    "last update", "modified at", "modified", "modified on", "modified date", "modified time", "last modified",
    "last modified date", "lastmodifieddate", "date modified", "date updated", "hs lastmodifieddate", "write date",
    "changed at", "changed", "changed on", "last changed", "row updated at", "수정일", "수정일시", "변경일시",
)  # fmt: skip
"""Names of columns that a system sets whenever it writes a row, the surest first."""


def propose(database: Database, source: str, scratch: Path) -> tuple[Mapping, dict[str, str]]:
    """The drafted mapping of a database's tables and views, and what they say of the company.

    `scratch` is an empty folder for samples.
    """
    from quarterdeck.connectors.proposal import propose_tables

    with database.snapshot() as snapshot:
        tables = {table.path: table for table in snapshot.tables()}
        samples, skipped = [], []
        for table in tables.values():
            parts = list(snapshot.rows(table, limit=SAMPLE))
            if not parts:
                skipped.append(FileMapping(path=table.path, table=SKIP, confidence=1.0, reason="it holds no rows"))
                continue
            frame = pl.concat(parts)
            samples.append(TableSample(table.path, frame, table.name, _keys_of(snapshot, table)))
            (scratch / folder_name(table.path)).mkdir()
            frame.write_parquet(scratch / folder_name(table.path) / "0.parquet")
        mapping = propose_tables(samples, source, sample=SAMPLE, skipped=skipped)
        frames = {sample.path: sample.frame for sample in samples}
        files = tuple(_stamped(entry, tables[entry.path], frames.get(entry.path)) for entry in mapping.files)
        mapping = mapping.model_copy(update={"files": files})
        return mapping, suggest_company(localized(mapping), scratch)


def _keys_of(snapshot: Snapshot, table: SourceTable) -> Callable[[list[str]], Iterable[pl.DataFrame]]:
    return lambda columns: snapshot.rows(table, columns=columns)


def _stamped(entry: FileMapping, table: SourceTable, frame: pl.DataFrame | None) -> FileMapping:
    """The entry with the column that tells when a row was written, where one is named so and is filled with times."""
    if entry.table == SKIP or entry.is_distinct or frame is None:
        return entry
    named = {plain(column.name): column for column in table.columns}
    for name in _STAMPS:
        column = named.get(name)
        if column is None or not frame.height or frame[column.name].null_count() > 0.1 * frame.height:
            continue
        if column.kind in ("utc", "instant") or _is_clock(frame[column.name]):
            return entry.model_copy(update={"stamp": column.name})
    return entry


def _is_clock(values: pl.Series) -> bool:
    """Text that is times to the second, in a form that sorts."""
    there = values.drop_nulls()
    clock = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?$"
    return values.dtype == pl.String and len(there) > 0 and bool(there.str.contains(clock).all())


def read(mapping: Mapping, mirror: Mirror, *, company: Company) -> Iterator[TableBatch]:
    """The canonical rows of every mapped table, as `connectors.read` gives those of files.

    The report that comes with a table's last batch holds the source's own count and sums, of the same moment.
    """
    names = {folder_name(entry.path) + "/": entry.path for entry in mapping.files}
    entries = {(entry.path, entry.table, entry.is_distinct): entry for entry in mapping.files}
    totals = {pull.path: pull for pull in mirror.totals()}
    for batch in read_files(localized(mapping), mirror.rows_folder, company=company):
        path = names[batch.file]
        report = batch.report
        if report is not None:
            report = replace(report, file=path)
            entry = entries.get((path, batch.table, False))
            if path in totals and entry is not None:
                report = replace(report, own=(*report.own, *_own(report, totals[path], entry)))
        yield replace(batch, file=path, report=report)


def _own(report: FileReport, pull: TablePull, entry: FileMapping) -> Iterator[OwnCount]:
    """What the database says of the table, beside what was read of it."""
    yield OwnCount("rows", pull.source_rows, report.read, "count(*) in the database")
    for column in entry.columns:
        told = pull.source_sums.get(column.column)
        mine = [sum_ for sum_ in report.money if sum_.column == column.target]
        currencies = {sum_.currency for sum_ in mine}
        if told is not None and len(currencies) == 1:
            currency = currencies.pop()
            theirs = to_minor(Decimal(told) * column.scale, currency)
            ours = sum(sum_.amount for sum_ in mine)
            yield OwnCount("sum", theirs, ours, f"sum({column.column}) in the database", column.column, currency)
