"""Tables as files: csv and parquet exact; in xlsx numbers are numbers, days are days, and no text is a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base import money
from quarterdeck.base.schema import tables

ROWS = 1_048_575
"""Rows that a sheet holds below its heading."""
LONGEST = 32_767
"""Characters that a cell holds."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First signs by which a spreadsheet may take a text for a formula when somebody edits or copies it."""
NOTES = "Notes"


def write(frame: pl.DataFrame, name: str, path: Path, form: str, currency: str) -> None:
    """Write a table; money becomes major units, lists of draws become JSON text where the format has no lists.

    The file appears whole or not at all.
    """
    write_all({name: frame}, path, form, currency)


def write_all(frames: Mapping[str, pl.DataFrame], path: Path, form: str, currency: str) -> None:
    """Write tables: an xlsx file with a sheet each; of csv and parquet a single table alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        FORMATS[form]({name: major_units(frame, name, currency) for name, frame in frames.items()}, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def major_units(frame: pl.DataFrame, name: str, currency: str) -> pl.DataFrame:
    """Money columns in major units: exact decimals with as many places as the currencies in them need."""
    known = tables().get(name)
    columns = [c.name for c in known.columns if c.type == "money" and c.name in frame.columns] if known else []
    if not columns:
        return frame
    own = pl.col("currency").fill_null(currency) if "currency" in frame.columns else pl.lit(currency)
    codes = set(frame["currency"].drop_nulls()) | {currency} if "currency" in frame.columns else {currency}
    places = max(money.digits(code) for code in codes)
    factors = {code: 10 ** (places - money.digits(code)) for code in codes}
    factor = own.replace_strict(factors, return_dtype=pl.Int64)
    return frame.with_columns(
        (
            (pl.col(column) * factor).cast(pl.Decimal(38, places))
            * pl.lit(1).cast(pl.Decimal(38, places))
            / pl.lit(10**places)
        ).cast(pl.Decimal(38, places))
        for column in columns
    )


def _csv(frames: Mapping[str, pl.DataFrame], path: Path) -> None:
    (frame,) = frames.values()
    without_lists(frame).write_csv(path)


def _parquet(frames: Mapping[str, pl.DataFrame], path: Path) -> None:
    (frame,) = frames.values()
    frame.write_parquet(path)


def _xlsx(frames: Mapping[str, pl.DataFrame], path: Path) -> None:
    notes: list[str] = []
    with workbook(path) as book:
        styles = Styles.of(book)
        for name, frame in frames.items():
            notes += write_sheets(book, styles, name, without_lists(frame))
        if notes:
            sheet = book.add_worksheet(NOTES)
            for row, note in enumerate(notes):
                sheet.write_string(row, 0, note)


def workbook(path: Path) -> AbstractContextManager[Any]:
    """A new workbook, closed at the end of the block. Text is never taken for a formula, a link or a number."""
    import xlsxwriter

    options = {
        "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True,
    }  # fmt: skip
    book: AbstractContextManager[Any] = xlsxwriter.Workbook(str(path), options)
    return book


@dataclass(frozen=True)
class Styles:
    """Formats of cells by what they hold."""

    heading: Any
    day: Any
    instant: Any
    text: Any

    @classmethod
    def of(cls, book: Any) -> Styles:
        """The formats of a workbook."""
        return cls(
            book.add_format({"bold": True, "bottom": 1}),
            book.add_format({"num_format": "yyyy-mm-dd"}),
            book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            book.add_format({"quote_prefix": True}),
        )


def write_sheets(book: Any, styles: Styles, name: str, frame: pl.DataFrame) -> list[str]:
    """A table as one sheet, or as several when it has more rows than a sheet holds; what is to be said about it."""
    notes = []
    count = max(1, -(-frame.height // ROWS))
    cut = 0
    for number in range(count):
        part = frame.slice(number * ROWS, ROWS)
        title = _title(name, number)
        sheet = book.add_worksheet(title)
        cut += fill(sheet, styles, part)
        if count > 1:
            first = number * ROWS + 1
            notes.append(f"Sheet {title!r} holds rows {first:,} to {first + part.height - 1:,} of {frame.height:,}.")
    if cut:
        notes.append(
            f"{cut} texts of {name} are longer than the {LONGEST:,} characters of a cell and end with an ellipsis; "
            "CSV and Parquet hold them whole."
        )
    return notes


def _title(name: str, number: int) -> str:
    return name[:31] if not number else f"{name[:26]} ({number + 1})"


def fill(sheet: Any, styles: Styles, frame: pl.DataFrame) -> int:
    """Write a heading and rows into a sheet; returns how many texts had to be cut."""
    cut = 0
    for place, column in enumerate(frame.columns):
        sheet.write_string(0, place, column, styles.heading)
        sheet.set_column(place, place, min(max(len(column) + 2, 12), 40))
    sheet.freeze_panes(1, 0)
    for row, values in enumerate(frame.iter_rows(), start=1):
        for place, value in enumerate(values):
            if value is not None:
                cut += _put(sheet, styles, row, place, value)
    return cut


def _put(sheet: Any, styles: Styles, row: int, place: int, value: Any) -> bool:
    """Write a value as what it is; True when a text had to be cut."""
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, datetime | date) and value.year >= 1900:
        style = styles.instant if isinstance(value, datetime) else styles.day
        sheet.write_datetime(row, place, value, style)
    elif isinstance(value, int | float | Decimal) and _is_exact(value):
        sheet.write_number(row, place, float(value))
    else:
        text = str(value)
        is_long = len(text) > LONGEST
        shown = text[: LONGEST - 1] + "…" if is_long else text
        sheet.write_string(row, place, shown, styles.text if text.startswith(FORMULA) else None)
        return is_long
    return False


def _is_exact(number: int | float | Decimal) -> bool:
    """A spreadsheet's number, with its fifteen digits, is this one."""
    if isinstance(number, float):
        return isfinite(number)
    return len(Decimal(number).normalize().as_tuple().digits) <= 15


def without_lists(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as JSON text."""
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    joined = (
        pl.concat_str([pl.lit("["), pl.col(name).cast(pl.List(pl.String)).list.join(","), pl.lit("]")]).alias(name)
        for name in lists
    )
    return frame.with_columns(joined)


FORMATS: dict[str, Callable[[Mapping[str, pl.DataFrame], Path], None]] = {
    "csv": _csv,
    "parquet": _parquet,
    "xlsx": _xlsx,
}
