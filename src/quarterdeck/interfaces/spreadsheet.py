"""Tables as files: csv and parquet exact, xlsx so that no text can act as a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from quarterdeck.base import money
from quarterdeck.base.schema import tables


def write(frame: pl.DataFrame, name: str, path: Path, form: str, currency: str) -> None:
    """Write a table; money becomes major units, lists of draws become JSON text where the format has no lists.

    The file appears whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        FORMATS[form](major_units(frame, name, currency), part)
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


def _csv(frame: pl.DataFrame, path: Path) -> None:
    _without_lists(frame).write_csv(path)


def _parquet(frame: pl.DataFrame, path: Path) -> None:
    frame.write_parquet(path)


def _xlsx(frame: pl.DataFrame, path: Path) -> None:
    import xlsxwriter

    flat = _without_lists(frame)
    # Text stays text: a name such as "=1+1" must not be computed by whoever opens the file.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet()
        heading = book.add_format({"bold": True, "bottom": 1})
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        instants = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for place, (column, kind) in enumerate(flat.schema.items()):
            sheet.write_string(0, place, column, heading)
            form = instants if isinstance(kind, pl.Datetime) else days
            for row, value in enumerate(flat[column], start=1):
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(row, place, value)
                elif isinstance(value, bool):
                    sheet.write_boolean(row, place, value)
                elif kind.is_temporal():
                    sheet.write_datetime(row, place, value, form)
                else:
                    sheet.write_number(row, place, float(value))
        sheet.freeze_panes(1, 0)


def _without_lists(frame: pl.DataFrame) -> pl.DataFrame:
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    joined = (
        pl.concat_str([pl.lit("["), pl.col(name).cast(pl.List(pl.String)).list.join(","), pl.lit("]")]).alias(name)
        for name in lists
    )
    return frame.with_columns(joined)


FORMATS: dict[str, Callable[[pl.DataFrame, Path], None]] = {"csv": _csv, "parquet": _parquet, "xlsx": _xlsx}
