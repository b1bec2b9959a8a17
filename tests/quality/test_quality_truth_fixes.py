"""The values that checks propose, held against what the simulated company's records said before they were hurt."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.config import Config
from quarterdeck.base.money import scale
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.quality import check
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.simulate import WorldSpec, write

SPEC = WorldSpec(opportunities=1200, months=18, start=date(2023, 7, 1), faults=3.0, detail=0.1, seed=11)

LEAST: dict[tuple[str, str, str], tuple[float, float]] = {
    ("contacts", "wrong_email", "email"): (0.95, 0.95),
    ("contacts", "missing_account", "account_id"): (0.85, 0.95),
    ("leads", "wrong_email", "email"): (0.9, 0.95),
    ("accounts", "region_spelling", "region"): (0.95, 0.95),
    ("opportunities", "region_spelling", "region"): (0.95, 0.95),
    ("opportunities", "owner_left", "owner_id"): (0.9, 0.85),
    ("opportunities", "missing_amount", "amount"): (0.95, 0.95),
    ("opportunities", "negative_amount", "amount"): (0.95, 0.95),
    ("opportunities", "misplaced_decimal", "amount"): (0.95, 0.95),
    ("opportunities", "closed_before_created", "closed_at"): (0.95, 0.95),
    ("opportunities", "stage_status_mismatch", "stage"): (0.95, 0.95),
    ("opportunities", "future_created", "created_at"): (0.95, 0.9),
    ("opportunities", "missing_account", "account_id"): (0.9, 0.9),
    ("opportunities", "orphan_reference", "account_id"): (0.9, 0.9),
    ("opportunities", "missing_currency", "currency"): (0.95, 0.95),
}
"""Fault -> the least share of hurt values with a proposal, and of proposals that are the true value."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Labels with what was proposed: table, fault, column, true_value, value_proposed."""
    folder = tmp_path_factory.mktemp("world")
    write(SPEC, folder, replicas=0)
    frames = {path.stem: _minor(path) for path in (folder / "export").glob("*.parquet")}
    config = Config(as_of=datetime(SPEC.end.year, SPEC.end.month, SPEC.end.day), settings=QualitySettings())
    fixes = check(Tables(**frames), config).tables["fixes"]
    labels = pl.read_parquet(folder / "truth" / "faults.parquet")
    return labels.join(fixes, on=["table", "record_id", "column"], how="left")


def _minor(path: Path) -> pl.DataFrame:
    """A table of the export with money as an export that was read has it."""
    frame = pl.read_parquet(path)
    money = [c.name for c in table(path.stem).columns if c.type == "money" and c.name in frame.columns]
    return frame.with_columns((pl.col(name) * scale("USD")).cast(pl.Int64) for name in money)


def _is_true(column: str) -> pl.Expr:
    """The proposal is what the record said; of a date the day counts."""
    if column.endswith("_at"):
        return pl.col("true_value").str.slice(0, 10) == pl.col("value_proposed").str.slice(0, 10)
    if column == "amount":
        return pl.col("true_value").cast(pl.Float64) == pl.col("value_proposed").cast(pl.Float64)
    return pl.col("true_value") == pl.col("value_proposed")


@pytest.mark.parametrize(("table_name", "fault", "column"), LEAST)
def test_most_faults_are_mended_with_the_true_value(
    held: pl.DataFrame, table_name: str, fault: str, column: str
) -> None:
    rows = held.filter(table=table_name, fault=fault, column=column)
    proposed = rows.filter(pl.col("value_proposed").is_not_null())
    right = proposed.filter(_is_true(column))
    covered, exact = proposed.height / rows.height, right.height / max(proposed.height, 1)
    print(f"{table_name}.{column} {fault}: {rows.height} hurt, {covered:.0%} with a proposal, {exact:.0%} exact")
    least_covered, least_exact = LEAST[table_name, fault, column]
    assert rows.height >= 10
    assert covered >= least_covered
    assert exact >= least_exact
