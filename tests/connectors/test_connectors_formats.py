"""The same deals in every kind of file are the same rows, by the way that a person's folder goes."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import xlsxwriter

from quarterdeck.base.config import Company
from quarterdeck.connectors import TableBatch, propose, read, readable, skipped

USD = Company()
OWNERS = ("Ann Lee", "Bob Ray", "Eve Ohm")
ROWS = [
    {
        "Deal ID": f"D{n:03d}",
        "Deal Name": f'Offer "{n}", second round',
        "Deal Owner": OWNERS[n % 3],
        "Stage": ("Closed Won", "Closed Lost", "Proposal")[n % 3],
        "Amount": round(1000.25 + n * 17.5, 2),
        "Create Date": date(2024, 1 + n % 12, 1 + n % 28),
        "Close Date": date(2024, 1 + n % 12, 28) if n % 3 < 2 else None,
    }
    for n in range(40)
]
NAMES = list(ROWS[0])


def texts(row: dict[str, object]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in row.items()}


def csv_text(delimiter: str = ",") -> str:
    out = io.StringIO()
    pl.DataFrame([texts(row) for row in ROWS]).write_csv(out, separator=delimiter)
    return out.getvalue()


def workbook(path: Path, titles: int = 0) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Deals")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for line in range(titles):
        sheet.write(line, 0, f"Pipeline report, page {line}")
    top = titles + (1 if titles else 0)
    sheet.write_row(top, 0, NAMES)
    for place, row in enumerate(ROWS, top + 1):
        for column, value in enumerate(row.values()):
            if isinstance(value, date):
                sheet.write_datetime(place, column, datetime(value.year, value.month, value.day), day)
            elif column == 4:
                sheet.write_formula(place, column, f"={value}*1", None, value)
            elif value is not None:
                sheet.write(place, column, value)
    book.close()


def packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("out/deals.csv", csv_text())
        archive.writestr("__MACOSX/out/._deals.csv", b"\0\1")


def json_rows() -> list[dict[str, object]]:
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in ROWS
    ]


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


MAKERS: dict[str, Callable[[Path], object]] = {
    "deals.csv": lambda path: path.write_text(csv_text(), encoding="utf-8"),
    "deals.tsv": lambda path: path.write_text(csv_text("\t"), encoding="utf-8"),
    "semicolon/deals.csv": lambda path: path.write_text(csv_text(";"), encoding="utf-8-sig"),
    "caret/deals.txt": lambda path: path.write_text(csv_text("^"), encoding="utf-16"),
    "windows/deals.csv": lambda path: path.write_bytes(csv_text().replace("\n", "\r\n").encode()),
    "mac/deals.csv": lambda path: path.write_bytes(csv_text().replace("\n", "\r").encode()),
    "deals.xlsx": workbook,
    "titled/deals.xlsx": lambda path: workbook(path, titles=3),
    "deals.parquet": lambda path: pl.DataFrame(ROWS).write_parquet(path),
    "deals.json": lambda path: write_json(path, json_rows()),
    "held/deals.json": lambda path: write_json(path, {"page": 1, "result": {"items": json_rows(), "more": False}}),
    "deals.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in json_rows()), encoding="utf-8"),
    "deals.csv.gz": lambda path: path.write_bytes(gzip.compress(csv_text().encode())),
    "lines/deals.jsonl.gz": lambda path: path.write_bytes(
        gzip.compress("".join(json.dumps(row) + "\n" for row in json_rows()).encode())
    ),
    "export.zip": packed,
    "misnamed/deals.xls": lambda path: path.write_text(csv_text("\t"), encoding="utf-8"),
}  # fmt: skip


def deals(folder: Path) -> TableBatch:
    (batch,) = [batch for batch in read(propose(folder, "crm"), folder, company=USD) if batch.table == "opportunities"]
    return batch


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_deals_come_from_any_kind_of_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    MAKERS[name](path)
    batch = deals(tmp_path)
    shown = batch.frame.select("id", "name", "owner_id", "status", "amount", "created_at", "closed_at").rows()
    assert shown == [
        (
            row["Deal ID"],
            row["Deal Name"],
            row["Deal Owner"],
            {"Closed Won": "won", "Closed Lost": "lost"}.get(str(row["Stage"]), "open"),
            round(float(str(row["Amount"])) * 100),
            datetime.combine(row["Create Date"], datetime.min.time()),  # type: ignore[arg-type]
            datetime.combine(row["Close Date"], datetime.min.time()) if row["Close Date"] else None,  # type: ignore[arg-type]
        )
        for row in ROWS
    ]
    assert batch.report is not None
    assert (batch.report.read, batch.report.kept) == (40, 40)
    assert all(own.agrees for own in batch.report.own)
    assert [found for found in batch.findings if found.severity == "error"] == []


def test_every_kind_of_file_in_one_folder_is_a_table(tmp_path: Path) -> None:
    for name, make in MAKERS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        make(tmp_path / name)
    found = readable(tmp_path)
    assert sorted(found) == sorted([*(set(MAKERS) - {"export.zip"}), "export.zip/out/deals.csv"])
    assert skipped(tmp_path) == {}
    reports = [batch.report for batch in read(propose(tmp_path, "crm"), tmp_path, company=USD) if batch.report]
    assert {report.file: report.kept for report in reports if report.table == "opportunities"} == dict.fromkeys(
        found, 40
    )


def test_each_sheet_of_a_workbook_is_a_table_and_hidden_ones_are_told(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "crm.xlsx"))
    for name, rows in {
        "Accounts": [["Account Name", "Industry"], ["Acme", "Steel"], ["Bolt", "Tools"]],
        "Sheet2": [["Deal", "Stage", "Amount"], ["A", "Won", 5], ["B", "Lost", 7.5]],
        "Old": [["a", "b"], [1, 2]],
        "Blank": [],
    }.items():
        sheet = book.add_worksheet(name)
        for line, row in enumerate(rows):
            sheet.write_row(line, 0, row)
        if name == "Old":
            sheet.hide()
    book.close()
    assert readable(tmp_path) == ["crm.xlsx#Accounts", "crm.xlsx#Sheet2"]
    assert skipped(tmp_path) == {"crm.xlsx#Old": "the sheet is hidden: show it in the workbook to have it read"}
    entries = {entry.path: entry.table for entry in propose(tmp_path, "crm").files if not entry.is_distinct}
    assert entries["crm.xlsx#Accounts"] == "accounts"


def test_nested_objects_are_columns_with_dots_and_lists_stay_json(tmp_path: Path) -> None:
    rows = [
        {"id": n, "owner": {"name": f"Rep {n}"}, "tags": ["a", n], "value": {"amount": 1.10, "to": {}}}
        for n in range(12)
    ]
    write_json(tmp_path / "deals.json", rows)
    (tmp_path / "deals.json").write_text((tmp_path / "deals.json").read_text().replace("1.1,", "1.10,"))
    from quarterdeck.connectors.files import list_files

    (file,) = list_files(tmp_path)
    (chunk,) = file.chunks()
    assert chunk.frame.columns == ["id", "owner.name", "tags", "value.amount", "value.to"]
    assert chunk.frame.row(3) == ("3", "Rep 3", '["a", 3]', "1.10", None)


def test_lines_that_are_no_json_are_set_aside_with_their_line(tmp_path: Path) -> None:
    lines = [json.dumps({"id": n, "stage": "Won", "amount": n}) for n in range(12)]
    lines[4:4] = ["{broken", "[1, 2]"]
    (tmp_path / "deals.jsonl").write_text("\n".join(lines), encoding="utf-8")
    batch = deals(tmp_path)
    assert batch.set_aside.rows() == [(5, "it is no record", "{broken"), (6, "it is no record", "[1, 2]")]
    assert batch.frame.height == 12


def test_parquet_columns_of_any_type_are_read(tmp_path: Path) -> None:
    from decimal import Decimal

    table = pa.table(
        {
            "id": pa.array(["a", "b"]).dictionary_encode(),
            "wide": pa.array([Decimal("1.5"), None], pa.decimal256(60, 2)),
            "parts": pa.array([[1, 2], None], pa.list_(pa.int64())),
            "who": pa.array([{"name": "Ann"}, None]),
            "pairs": pa.array([[("x", 1)], []], pa.map_(pa.string(), pa.int64())),
            "raw": pa.array([b"text", b"\xff"]),
            "took": pa.array([5, None], pa.duration("s")),
            "half": pa.array([1.5, None], pa.float16()),
            "none": pa.nulls(2),
            "at": pa.array([0, 1], pa.timestamp("ns", "Asia/Seoul")),
        }
    )
    table = table.rename_columns([*table.column_names[:-1], "id"])
    pa.parquet.write_table(table, tmp_path / "deals.parquet")
    from quarterdeck.connectors.files import list_files

    (file,) = list_files(tmp_path)
    (chunk,) = file.chunks()
    assert chunk.frame.columns == ["id", "wide", "parts", "who", "pairs", "raw", "took", "half", "none", "id 2"]
    first = chunk.frame.row(0)
    assert first[:8] == ("a", "1.50", "[1, 2]", '{"name": "Ann"}', '[["x", 1]]', "text", "0:00:05", 1.5)
    assert chunk.frame["raw"][1] == "ff"
    assert [kept.frame.columns for kept in file.chunks(columns=["id 2"])] == [["id 2"]]
