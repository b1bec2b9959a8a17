"""Tables as files: no text acts as a formula, numbers and days stay what they are, nothing is lost without a word."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces import editable, spreadsheet


def sheet(path: Path, name: str | int = 0) -> pl.DataFrame:
    return fastexcel.read_excel(path).load_sheet(name).to_polars()


def xml(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        return "".join(file.read(name).decode() for name in file.namelist() if name.endswith(".xml"))


DANGEROUS = ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x")']


def test_text_that_looks_like_a_formula_is_text_that_stays_text_when_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    frame = pl.DataFrame({"name": [*DANGEROUS, "plain"], "amount": [-n for n in range(9)]})
    spreadsheet.write(frame, "people", path, "xlsx", "USD")
    text = xml(path)
    assert "<f>" not in text
    assert 'quotePrefix="1"' in text
    back = sheet(path)
    assert [value.strip() for value in back["name"]] == [value.strip() for value in frame["name"]]
    assert back["amount"].cast(pl.Int64).to_list() == frame["amount"].to_list()
    spreadsheet.write(frame, "people", tmp_path / "a.csv", "csv", "USD")
    assert pl.read_csv(tmp_path / "a.csv").equals(frame)


def test_numbers_days_and_flags_are_what_they_are_and_what_a_cell_cannot_hold_is_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "number": [1.5, float("inf"), None], "big": [2**53 + 1, 7, None], "day": [date(2026, 1, 31), date(1899, 1, 1), None],
            "at": [datetime(2026, 1, 31, 9, 30), None, None], "flag": [True, False, None],
            "exact": pl.Series([Decimal("0.1"), Decimal("12345678901234.56"), None], dtype=pl.Decimal(38, 2)),
        }
    )  # fmt: skip
    spreadsheet.write(frame, "people", tmp_path / "a.xlsx", "xlsx", "USD")
    back = fastexcel.read_excel(tmp_path / "a.xlsx").load_sheet(0, dtypes="string").to_polars()
    assert back["number"].to_list()[:2] == ["1.5", "inf"]
    assert back["big"].to_list()[:2] == ["9007199254740993", "7"]
    assert back["day"].to_list()[:2] == ["2026-01-31 00:00:00", "1899-01-01"]
    assert back["exact"].to_list()[:2] == ["0.1", "12345678901234.56"]
    kinds = sheet(tmp_path / "a.xlsx").schema
    assert (kinds["at"], kinds["flag"]) == (pl.Datetime("ms"), pl.Boolean)


def test_more_rows_than_a_sheet_holds_are_several_sheets_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "ROWS", 3)
    frame = pl.DataFrame({"id": [str(n) for n in range(8)]})
    path = tmp_path / "a.xlsx"
    spreadsheet.write_all({"people": frame, "accounts": frame.head(1)}, path, "xlsx", "USD")
    names = fastexcel.read_excel(path).sheet_names
    assert names == ["people", "people (2)", "people (3)", "accounts", "Notes"]
    parts = [sheet(path, name)["id"].cast(pl.Int64).to_list() for name in names[:3]]
    assert parts == [[0, 1, 2], [3, 4, 5], [6, 7]]
    notes = fastexcel.read_excel(path).load_sheet("Notes", header_row=None).to_polars().to_series().to_list()
    assert notes[1] == "Sheet 'people (2)' holds rows 4 to 6 of 8."


def test_a_text_that_a_cell_cannot_hold_is_cut_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    spreadsheet.write(pl.DataFrame({"id": ["x" * 40_000]}), "people", path, "xlsx", "USD")
    assert sheet(path)["id"][0] == "x" * 32_766 + "…"
    assert fastexcel.read_excel(path).sheet_names == ["people", "Notes"]


CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=10)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(CELL, st.none() | st.integers(-(10**14), 10**14), st.none() | st.dates(date(1901, 1, 1))), max_size=6
    )
)
def test_an_editable_workbook_that_nobody_touched_comes_back_as_it_went(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int | None, date | None]]
) -> None:
    path = tmp_path_factory.mktemp("edit") / "a.xlsx"
    frame = pl.DataFrame(
        [(f"k{number}", *row) for number, row in enumerate(rows)],
        schema={"id": pl.String, "name": pl.String, "amount": pl.Int64, "expected_close_on": pl.Date}, orient="row",
    )  # fmt: skip
    editable.write(frame, "opportunities", path, "USD", {"where": []})
    back = editable.read(path)
    assert back.about["table"] == "opportunities"
    assert back.rows.equals(back.base)
    assert back.rows.height == len(rows)


def test_a_workbook_of_another_kind_is_told_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    spreadsheet.write(pl.DataFrame({"id": ["a"]}), "people", path, "xlsx", "USD")
    (tmp_path / "b.xlsx").write_bytes(b"no zip")
    for file, told in ((path, "--edit"), (tmp_path / "b.xlsx", "no workbook"), (tmp_path / "c.xlsx", "no file")):
        with pytest.raises(QuarterdeckError, match=told):
            editable.read(file)
