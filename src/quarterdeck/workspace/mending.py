"""Fixes as files that a source's own import takes in, in that source's columns, keys, words and formats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.money import to_minor
from quarterdeck.base.schema import Column, table
from quarterdeck.workspace.ingest import mapping_path

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace
    from quarterdeck.workspace.runs import Run


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file for a source's import: records of a table with the columns that change, and no empty cell."""

    source: str
    table: str
    columns: tuple[str, ...]
    frame: pl.DataFrame

    @property
    def name(self) -> str:
        """One file a set of changed columns, so that an import that empties empty fields does no harm."""
        return "-".join((self.source, self.table, *self.columns)) + ".csv"


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """The files, and how many fixes could not be written, by source, table and reason."""

    files: tuple[ImportFile, ...]
    left: dict[tuple[str, str, str], int]

    @property
    def fixes(self) -> int:
        return sum(file.frame.height * len(file.columns) for file in self.files)


def import_files(workspace: Workspace, fixes: pl.DataFrame, run: Run | None, least: float) -> ImportFiles:
    """Files for the imports of all sources, from fixes at least so sure. Raises when `least` is no share.

    `fixes` are rows of the table of that name, of `run`, whose records they mend.
    """
    if not 0 <= least <= 1:
        raise QuarterdeckError(f"The least confidence is a share from 0 to 1, not {least}.")
    left: dict[tuple[str, str, str], int] = {}
    files: list[ImportFile] = []
    sure = fixes.filter(pl.col("confidence") >= least).with_columns(pl.col("source").fill_null(""))
    if unsure := fixes.height - sure.height:
        left["", "", f"less sure than {least:.0%}"] = unsure
    for (source, name), rows in sure.group_by("source", "table", maintain_order=True):
        made = _of_table(workspace, str(source), str(name), rows, run)
        if isinstance(made, str):
            left[str(source), str(name), made] = rows.height
            continue
        parts, unmapped = made
        files += parts
        for column, count in unmapped.items():
            left[str(source), str(name), f"the source has no column for {column}"] = count
    return ImportFiles(tuple(files), left)


def _of_table(
    workspace: Workspace, source: str, name: str, fixes: pl.DataFrame, run: Run | None
) -> tuple[list[ImportFile], dict[str, int]] | str:
    """The files of one table and the fixes of columns that the source lacks; or why there can be none."""
    from quarterdeck.connectors import from_yaml, source_form
    from quarterdeck.workspace.exporting import in_source_form

    found = next((entry for entry in workspace.settings.sources if entry.name == source), None)
    if found is None:
        return "the records came live, from no source that is read"
    path = mapping_path(workspace.root, found)
    try:
        entry = source_form.entry_of(from_yaml(path.read_text(encoding="utf-8"), str(path)), name)
    except QuarterdeckError:
        return f"{source} holds no {name} of its own"
    mapped = {column.target for column in entry.columns}
    known = fixes.filter(pl.col("column").is_in(mapped))
    lost = fixes.filter(~pl.col("column").is_in(mapped))["column"].value_counts()
    records = workspace.table(name, run=run).filter(pl.col("id").is_in(known["record_id"].implode()))
    known = known.filter(pl.col("record_id").is_in(records["id"].implode()))
    groups = known.sort("column").group_by("record_id", maintain_order=True).agg("column", "value_proposed")
    files = []
    for (together,), rows in groups.group_by("column", maintain_order=True):
        columns = tuple(str(column) for column in together)
        mended = _mended(records, rows, name, workspace.settings.company.currency)
        frame = in_source_form(workspace, name, source, mended, only=columns)
        files.append(ImportFile(source, name, columns, frame))
    return files, dict(lost.iter_rows())


def _mended(records: pl.DataFrame, rows: pl.DataFrame, name: str, currency: str) -> pl.DataFrame:
    """The records with the proposed values in place."""
    by_key = {row["id"]: row for row in records.to_dicts()}
    made = []
    for key, columns, values in rows.select("record_id", "column", "value_proposed").iter_rows():
        if key in by_key:
            row = dict(by_key[key])
            for column, value in zip(columns, values, strict=True):
                row[column] = _typed(table(name).column(column), value, row.get("currency") or currency)
            made.append(row)
    return pl.DataFrame(made, schema=records.schema)


def _typed(column: Column, text: str, currency: str) -> Any:
    """A proposed value, which fixes hold as text, in its column's type."""
    match column.type:
        case "money":
            return to_minor(text, currency)
        case "instant":
            return datetime.fromisoformat(text)
        case "day":
            return date.fromisoformat(text[:10])
        case "integer":
            return int(Decimal(text))
        case "number":
            return float(text)
        case "decimal":
            return Decimal(text)
        case "flag":
            return text.lower() == "true"
    return text
