"""The first guess on exports in the shapes of different systems, held against the right answers."""

from __future__ import annotations

from pathlib import Path

import made_exports
import polars as pl
import pytest
from made_exports import SHAPES, Export

from quarterdeck.base.config import Company
from quarterdeck.connectors import Mapping, propose, read


def answers(export: Export, mapping: Mapping) -> list[tuple[str, str, str, str, bool]]:
    """File, column, what was meant, what was guessed, and whether that is right."""
    told = []
    for path, columns in export.columns.items():
        entry = next(entry for entry in mapping.files if entry.path == path and not entry.is_distinct)
        for column, meant in columns.items():
            guessed = {found.target for found in entry.columns if found.column == column}
            is_right = entry.table == export.tables[path] and bool(guessed & set(meant.split("|")))
            told.append((path, column, meant, f"{entry.table}.{'|'.join(sorted(guessed))}", is_right))
    return told


def test_nearly_every_column_of_every_shape_is_guessed_right(tmp_path: Path) -> None:
    right, total = 0, 0
    for shape in SHAPES:
        folder = tmp_path / shape.__name__
        export = shape(folder)
        told = answers(export, propose(folder, "crm"))
        wrong = [row[:4] for row in told if not row[4]]
        print(f"{shape.__name__}: {len(told) - len(wrong)} of {len(told)}", *wrong, sep="\n  ")
        right, total = right + len(told) - len(wrong), total + len(told)
    assert total >= 90
    assert right / total >= 0.95


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_file_of_every_shape_gets_its_table(shape: object, tmp_path: Path) -> None:
    export = shape(tmp_path)  # type: ignore[operator]
    mapping = propose(tmp_path, "crm")
    assert {entry.path: entry.table for entry in mapping.files if not entry.is_distinct} == export.tables


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.__name__ != "minimal"], ids=lambda s: s.__name__)
def test_counts_and_won_money_come_through_the_guess(shape: object, tmp_path: Path) -> None:
    shape(tmp_path)  # type: ignore[operator]
    company = Company(currency="KRW" if shape is made_exports.korean else "EUR")
    batches = list(read(propose(tmp_path, "crm"), tmp_path, company=company))
    found = pl.concat([batch.frame for batch in batches if batch.table == "opportunities"])
    made = made_exports.deals()
    for result in made_exports.RESULTS:
        assert found.filter(status=result).height == sum(deal.result == result for deal in made)
    won = [deal for deal in made if deal.result == "won"]
    exact = sum(int(deal.amount) * 1000 if shape is made_exports.korean else int(deal.amount * 100) for deal in won)
    assert found.filter(status="won")["amount"].sum() == exact
    days = sorted(deal.close for deal in won)
    assert sorted(found.filter(status="won")["closed_at"].dt.date().to_list()) == days
    assert all(batch.read == batch.frame.height + batch.set_aside.height for batch in batches)
    assert all(not batch.set_aside.height for batch in batches)


def test_a_sheet_without_an_outcome_takes_dated_deals_as_won_and_says_so(tmp_path: Path) -> None:
    made_exports.minimal(tmp_path)
    batches = list(read(propose(tmp_path, "crm"), tmp_path, company=Company()))
    deals = next(batch for batch in batches if batch.table == "opportunities")
    assert deals.frame.filter(status="won").height == sum(deal.result == "won" for deal in made_exports.deals(40))
    assert "connectors.status_assumed" in {finding.code for finding in deals.findings}


def test_few_rows_make_the_guess_less_sure_and_say_so(tmp_path: Path) -> None:
    sure = []
    for count in (2, 5, 9, 10, 40):
        rows = "".join(f"d{n},{'Won' if n % 2 else 'Open'},{n}5,2024-01-02\n" for n in range(count))
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "deals.csv").write_text("id,stage,amount,created\n" + rows, encoding="utf-8")
        (entry,) = propose(folder, "crm").files
        amount = entry.column_for("amount")
        assert amount is not None
        for part in (entry, amount):
            assert part.reason.endswith(f"only {count} rows") == (count < 10)
        sure.append((entry.confidence, amount.confidence))
    assert sure == sorted(sure)
    assert max(sure[1]) <= 0.8
    assert sure[3] == sure[4]
