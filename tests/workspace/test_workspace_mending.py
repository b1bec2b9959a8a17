"""Fixes go back into the source: written in its form, taken in by its import, gone at the next run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.workspace import Run, Workspace
from quarterdeck.workspace.mending import ImportFile

NOW = datetime(2026, 7, 1, 9, 0)
AS_OF = date(2026, 7, 1)


def imported(file: ImportFile, export: Path) -> None:
    """What the import of the source's system does: the rows with these keys get these values."""
    path = next(path for path in export.iterdir() if path.stem == file.table)
    key = file.frame.columns[0]
    if path.suffix == ".csv":
        pl.read_csv(path, infer_schema=False).update(file.frame, on=key).write_csv(path)
    else:
        rows = pl.read_parquet(path)
        rows.update(
            file.frame.select(typed(name, rows.schema[name]) for name in file.frame.columns), on=key
        ).write_parquet(path)


def typed(name: str, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Datetime:
        return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
    return pl.col(name).cast(kind)


def test_what_the_source_takes_in_is_mended_at_the_next_run(workspace: Workspace, run: Run) -> None:
    fixes = workspace.table("fixes", run=run).filter(pl.col("confidence") >= 0.8)
    made = workspace.import_files(fixes, run=run, least=0.8)
    assert made.fixes == fixes.height > 20
    assert made.left == {}
    assert {column for file in made.files for column in file.columns} == set(fixes["column"])
    for file in made.files:
        assert file.frame.null_count().sum_horizontal().item() == 0
        imported(file, workspace.root / "export")
    again = workspace.run(now=NOW + timedelta(days=1), as_of=AS_OF, until="quality")
    keys = ["table", "record_id", "column"]
    still = workspace.table("fixes", run=again).join(fixes, on=keys, how="semi")
    assert still.height == 0
    before, after = (workspace.table("errors", run=found).height for found in (run, again))
    assert after <= before - fixes["record_id"].n_unique() / 2


def test_unsure_fixes_are_counted_and_left_out(workspace: Workspace, run: Run) -> None:
    fixes = workspace.table("fixes", run=run)
    sure = fixes.filter(pl.col("confidence") >= 0.9).height
    made = workspace.import_files(fixes, run=run, least=0.9)
    assert made.fixes == sure
    assert sum(made.left.values()) == fixes.height - sure > 0
    with pytest.raises(QuarterdeckError, match="share from 0 to 1"):
        workspace.import_files(fixes, run=run, least=90)


def test_what_no_import_can_take_is_told(workspace: Workspace, run: Run) -> None:
    account = workspace.table("accounts", run=run)["id"][0]
    fix = {"check": "x", "table": "accounts", "record_id": "a", "source": "live", "source_id": "a", "column": "name",
           "value_now": None, "value_proposed": "Ann", "confidence": 1.0, "why": "so"}  # fmt: skip
    unmapped = fix | {"source": "export", "record_id": account, "column": "parent_id", "value_proposed": "A1"}
    fixes = pl.DataFrame([fix, unmapped, fix | {"source": "export", "table": "fx_rates"}])
    made = workspace.import_files(fixes, run=run)
    assert made.files == ()
    assert {reason: count for (_, _, reason), count in made.left.items()} == {
        "the records came live, from no source that is read": 1,
        "the source has no column for parent_id": 1,
        "export holds no fx_rates of its own": 1,
    }
