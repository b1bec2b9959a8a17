"""Workbooks that go out for editing and come back: the table, and hidden beside it what was in it when it went out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces.spreadsheet import ROWS, Styles, fill, major_units, without_lists, workbook

ABOUT, BASE = "_about", "_base"


@dataclass(frozen=True)
class Returned:
    """A workbook that came back: rows as text by column, now and as they went out. `about` says what it holds."""

    about: dict[str, Any]
    base: pl.DataFrame
    rows: pl.DataFrame


def write(frame: pl.DataFrame, name: str, path: Path, currency: str, about: dict[str, Any]) -> None:
    """Write an editable workbook of a table; its key comes first and is marked, the lists of draws are left out.

    Raises when the table has more rows than a sheet.
    """
    if frame.height > ROWS:
        raise QuarterdeckError(f"{name} has {frame.height:,} rows, a sheet holds {ROWS:,}; choose some with --where.")
    shown = without_lists(major_units(frame, name, currency))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    told = {**about, "table": name, "columns": shown.columns, "content": _content(shown)}
    try:
        with workbook(part) as book:
            styles = Styles.of(book)
            sheet = book.add_worksheet(name[:31])
            fill(sheet, styles, shown)
            _mark_key(book, sheet, shown)
            base = book.add_worksheet(BASE)
            fill(base, styles, shown)
            hidden = book.add_worksheet(ABOUT)
            hidden.write_string(0, 0, json.dumps(told, ensure_ascii=False, default=str))
            base.very_hidden()
            hidden.very_hidden()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _mark_key(book: Any, sheet: Any, frame: pl.DataFrame) -> None:
    """Grey the key's column and refuse what is typed over a key; rows below may be added."""
    sheet.set_column(0, 0, 24, book.add_format({"bg_color": "#E8E8E8", "font_color": "#555555"}))
    sheet.autofilter(0, 0, max(frame.height, 1), frame.width - 1)
    if frame.height:
        rule = {
            "validate": "custom", "value": "=FALSE", "error_title": "The key names the record",
            "error_message": "Leave it as it is. A new record is a new row below, without a key.",
        }  # fmt: skip
        sheet.data_validation(1, 0, frame.height, 0, rule)


def _content(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()


def read(path: Path) -> Returned:
    """Read a workbook back. Raises when it is none of ours, or its hidden sheets or its key column were lost."""
    import fastexcel

    if not path.is_file():
        raise QuarterdeckError(f"There is no file {path}.")
    try:
        book = fastexcel.read_excel(path)
    except fastexcel.FastExcelError:
        raise QuarterdeckError(f"{path} is no workbook that can be read; save it as .xlsx.") from None
    if not {ABOUT, BASE} <= set(book.sheet_names):
        raise QuarterdeckError(
            f"{path} was not made by `quarterdeck export NAME TABLE --to FILE.xlsx --edit`, or was saved without its "
            "hidden sheets; export it again and edit that."
        )
    about = json.loads(str(book.load_sheet(ABOUT, header_row=None, dtypes="string").to_polars().item(0, 0)))
    sheet = next((name for name in book.sheet_names if name == str(about["table"])[:31]), None)
    if sheet is None:
        raise QuarterdeckError(f"{path} has no sheet {about['table']!r} any more; name it so again.")
    rows, base = _text(book, sheet), _text(book, BASE)
    key = str(about["columns"][0])
    if key not in rows.columns:
        raise QuarterdeckError(f"The sheet {sheet!r} has no column {key!r}, which names the records; put it back.")
    unknown = [name for name in rows.columns if name not in about["columns"] and not name.startswith("__UNNAMED__")]
    if unknown:
        raise QuarterdeckError(
            f"The sheet {sheet!r} has columns that {about['table']} has not: {', '.join(unknown)}. Remove them, or "
            "write the headings as they were."
        )
    return Returned(about, base, rows.select(name for name in rows.columns if name in about["columns"]))


def _text(book: Any, sheet: str) -> pl.DataFrame:
    """A sheet's cells as text without outer space; rows without any are left out."""
    frame: pl.DataFrame = book.load_sheet(sheet, dtypes="string", schema_sample_rows=None).to_polars()
    if not frame.height:
        return frame.cast(pl.String)
    cells = frame.select(pl.all().cast(pl.String).str.strip_chars().replace("", None))
    return cells.filter(pl.any_horizontal(pl.all().is_not_null()))
