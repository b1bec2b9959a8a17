"""Records in the form of the source that they came from, for that system's own import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.workspace.corrections import table_of_corrections
from quarterdeck.workspace.editing import TYPED
from quarterdeck.workspace.ingest import mapping_path

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace


def in_source_form(
    workspace: Workspace,
    name: str,
    source: str,
    frame: pl.DataFrame | None = None,
    *,
    only_corrected: bool = False,
    only: Iterable[str] | None = None,
) -> pl.DataFrame:
    """Records of a table as text in a source's columns: all that it sent and that were added here, by its mapping.

    With `only` the keys and these columns alone, with `only_corrected` the records that corrections change, with their
    keys and the corrected columns. Raises when the workspace has no such source, or the source no such table.
    """
    from quarterdeck.connectors import from_yaml, source_form

    found = next((entry for entry in workspace.settings.sources if entry.name == source), None)
    if found is None:
        known = [entry.name for entry in workspace.settings.sources]
        raise QuarterdeckError(f"There is no source {source!r}; " + (did_you_mean(source, known) if known else "none."))
    path = mapping_path(workspace.root, found)
    mapping = from_yaml(path.read_text(encoding="utf-8"), str(path))
    entry = source_form.entry_of(mapping, name)
    rows = workspace.table(name) if frame is None else frame
    rows = rows.filter(pl.col("source").is_in([source, TYPED]))
    if only_corrected:
        held = table_of_corrections(workspace).filter((pl.col("table") == name) & pl.col("holds"))
        rows = rows.filter(pl.col("id").is_in(held["record_id"].to_list()) & (pl.col("source") == source))
        only = held["column"].unique(maintain_order=True).to_list()

    def names(other: str, column: str) -> dict[str, str]:
        told = workspace.table(other).select("id", pl.col(column).cast(pl.String)).drop_nulls()
        return dict(told.iter_rows())

    company = workspace.settings.company
    return source_form.in_source_form(
        rows, entry, mapping, names=names, zone=company.zone, currency=company.currency, only=only
    )
