"""Files made to do harm, or broken beyond what people do: a finding or a clear reason each, never an error."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.connectors import ColumnMapping, FileMapping, Mapping, propose, read, readable, skipped
from quarterdeck.connectors.files import find

USD = Company()
ID = ColumnMapping(column="id", target="id")
AMOUNT = ColumnMapping(column="amount", target="amount")
DAY = ColumnMapping(column="created", target="created_at")


def zipped(content: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return out.getvalue()


def workbook(sheet: bytes, **others: bytes) -> bytes:
    """A workbook with one sheet's XML as given."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet("Deals").write_row(0, 0, ["id", "amount"])
    book.close()
    with zipfile.ZipFile(out) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["xl/worksheets/sheet1.xml"] = sheet
    return zipped({**content, **others})


SHEET = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
FAR = SHEET % b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
ZEROS = zipped({"deals.csv": b"0" * (160 << 20)})

HOSTILE: dict[str, bytes] = {
    "empty.csv": b"",
    "blank.csv": b"\n \n\t\n",
    "photo.csv": b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(5000),
    "noise.csv": random.Random(2).randbytes(5000),
    "zeros.csv": b"\0" * 5000,
    "one zero.csv": b"id,amount\n1,\x005\n2,6\n",
    "one column.csv": b"id\n1\n2\n",
    "quotes.csv": b'"' * 999,
    "open quote.csv": b'id,amount\n"1,5\n' + b"2,6\n" * 50,
    "only delimiters.csv": b",,,\n,,,\n",
    "=cmd|' calc'!A0.csv": b"id,amount\n1,5\n2,6\n",
    "class.csv": b"__class__,id,__init__,amount,__dict__\na,1,b,5,c\na,2,b,6,c\n",
    "braces.csv": b"id,{amount},{0},%s\n1,5,x,y\n2,6,x,y\n",
    "wider.csv": (",".join(f"c{n}" for n in range(30_000)) + "\n" + ",".join(["1"] * 30_000) + "\n").encode(),
    "utf16 half.csv": "id,amount\n1,5\n".encode("utf-16")[:-1],
    "utf32.csv": "id,amount\n1,5\n2,6\n".encode("utf-32"),
    "cut.gz": gzip.compress(b"id,amount\n1,5\n" * 5000)[:-50],
    "cut.csv.gz": gzip.compress(b"id,amount\n" + random.Random(3).randbytes(50_000).hex().encode())[:-9000],
    "bomb.csv.gz": gzip.compress(b"id,amount\n" + b"1,5\n" * (40 << 20), 9),
    "bomb.zip": ZEROS,
    "nested.zip": zipped({"inner.zip": ZEROS, "deals.csv": b"id,amount\n1,5\n2,6\n"}),
    "many.zip": zipped({f"{n}.csv": b"" for n in range(10_001)}),
    "paths.zip": zipped({"../../evil.csv": b"id,amount\n1,5\n", "/etc/evil.csv": b"id,a\n1,5\n", "a\\..\\b.csv": b"id,a\n1,5\n"}),
    "no zip.zip": b"PK\x03\x04 this is none",
    "no book.xlsx": b"PK\x03\x04 this is none",
    "no old book.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "page.xls": b"<html><table><tr><td>id</td></tr></table></html>",
    "far.xlsx": workbook(FAR),
    "laughs.xlsx": workbook(LAUGHS + SHEET % b""),
    "broken.xlsx": workbook(b"<worksheet><sheetData><row><c"),
    "no.parquet": b"PAR1 this is no parquet PAR1",
    "deep.json": b'[{"id":1,"a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}]",
    "deep list.json": b"[" * 100_000,
    "huge number.json": b'[{"id":1,"amount":' + b"9" * 100_000 + b'},{"id":2,"amount":1e999}]',
    "cut.json": b'[{"id":1,"amount":5},{"id":2,"amo',
    "number.json": b"42",
    "text.json": b"hello",
    "surrogate.json": b'[{"id":"\\ud800","amount":1},{"id":"\\u0000b","amount":1}]',
    "mixed.json": b'[1,"a",null,[2],{"id":1,"amount":2},{}]',
    "empty.json": b"",
    "empty.jsonl": b"\n\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.csv").write_text("id,amount\n1,5\n", encoding="utf-8")
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in HOSTILE.items():
        (folder / name).write_bytes(content)
    (folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "linked").symlink_to(outside)
    (folder / "self").symlink_to(folder)
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    (folder / os.fsdecode(b"bad\xff.csv")).write_text("id,amount\n1,5\n", encoding="utf-8")
    return folder


def every(folder: Path) -> dict[str, tuple[int, int]]:
    before = {str(path) for path in folder.parent.rglob("*")}
    mapping = propose(folder, "crm")
    found = {}
    for batch in read(mapping, folder, company=USD):
        assert batch.read == batch.frame.height + batch.set_aside.height
        found[batch.file] = (batch.frame.height, batch.set_aside.height)
    assert {str(path) for path in folder.parent.rglob("*")} == before
    return found


def test_a_hostile_folder_is_looked_through_without_an_error(hostile: Path) -> None:
    every(hostile)
    names, why = readable(hostile), skipped(hostile)
    assert not set(names) & set(why)
    assert {
        "=cmd|' calc'!A0.csv",
        "class.csv",
        "one zero.csv",
        "nested.zip/deals.csv",
        "utf32.csv",
    } <= set(names)
    told = {
        "empty.csv": "it is empty",
        "photo.csv": "binary data",
        "zeros.csv": "it is empty",
        "one column.csv": "single column",
        "wider.csv": "30,000 columns",
        "bomb.zip": "would unpack to 167,772,160 bytes",
        "bomb.csv.gz": "unpacks to more than 200 times its size",
        "nested.zip/inner.zip": "an archive in an archive",
        "many.zip": "10,001 files",
        "paths.zip/../../evil.csv": "leads out of the archive",
        "no zip.zip": "no readable zip",
        "page.xls": "web page",
        "far.xlsx": "1,048,576 rows and 16,384 columns",
        "laughs.xlsx": "declares entities",
        "link.csv": "leads out of the folder",
        "linked": "leads out of the folder",
        "cut.json": "its record 2 is broken",
        "deep list.json": "nested too deeply",
        "no.parquet": "no readable Parquet file",
        "bad?.csv": "its name is no text",
    }
    for name, words in told.items():
        assert words in why.get(name, "(not among the skipped)"), name


def test_paths_of_a_mapping_that_leave_the_folder_are_not_followed(hostile: Path) -> None:
    outside = next(path for path in hostile.parent.iterdir() if path.name.startswith("outside"))
    for path in (
        f"../{outside.name}/secret.csv", str(outside / "secret.csv"), "link.csv", "linked/secret.csv",
        "a/../../" + outside.name + "/secret.csv", "", "/", ".", "..", "x\0y.csv", "class.csv/more.csv", "class.csv#a",
    ):  # fmt: skip
        assert find(hostile, path) is None, path
        entry = FileMapping(path=path, table="opportunities", columns=(ID, AMOUNT))
        (batch,) = read(Mapping(source="crm", files=(entry,)), hostile, company=USD)
        assert (batch.read, batch.is_complete) == (0, False)
        assert [finding.code for finding in batch.findings] == ["connectors.file_missing"]


def rows_of(folder: Path, content: str) -> pl.DataFrame:
    (folder / "deals.csv").write_text(content, encoding="utf-8")
    entry = FileMapping(path="deals.csv", table="opportunities", columns=(ID, AMOUNT, DAY))
    (batch,) = read(Mapping(source="crm", files=(entry,)), folder, company=USD)
    assert batch.report is not None
    return batch.frame


def test_days_at_the_edge_of_the_calendar_and_amounts_beyond_measure_are_no_error(tmp_path: Path) -> None:
    days = ["0001-01-01", "9999-12-31", "10000-01-01", "0000-00-00", "2024-02-30", "9999-12-31T23:59:59+14:00"]
    amounts = ["1e308", "-1e308", "1e-308", "9" * 400, "NaN", "inf", "1e999999999", "٣", "0x10", "1" * 18, "--5", "1e5"]
    made = rows_of(
        tmp_path,
        "id,amount,created\n"
        + "".join(f"d{n},1,{day}\n" for n, day in enumerate(days))
        + "".join(f"a{n},{amount},2024-01-01\n" for n, amount in enumerate(amounts)),
    )
    assert made.height == len(days) + len(amounts)
    read_days = [None if at is None else at.year for at in made.filter(pl.col("id").str.starts_with("d"))["created_at"]]
    assert read_days[:5] == [1, 9999, None, None, None]
    by_id = dict(made.select("id", "amount").rows())
    assert by_id["a0"] is None
    assert by_id["a2"] == 0
    assert by_id["a11"] == 10_000_000
    assert [by_id[f"a{n}"] for n in (3, 4, 5, 6, 8)] == [None] * 5


def test_ten_thousand_columns_are_kept_in_attributes(tmp_path: Path) -> None:
    names = ["id", "amount", "created", *(f"c{n}" for n in range(10_000))]
    made = rows_of(tmp_path, ",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    assert len(json.loads(made["attributes"][0])) == 10_001


def run_apart(folder: Path, code: str) -> tuple[str, int]:
    """What a script prints, and the most memory that its process took, in MiB."""
    script = f"""
import re, sys
from pathlib import Path
from quarterdeck.base.config import Company
from quarterdeck.connectors import propose, read, readable, skipped
folder = Path(sys.argv[1])
{code}
# the resource module's figure counts the process that this one was forked from
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True)
    *told, most = done.stdout.splitlines()
    return "\n".join(told), int(most)


@pytest.mark.long
@pytest.mark.parametrize(
    "make",
    [
        lambda stream: stream.write(b"x" * (200 << 20)),
        lambda stream: stream.write(b"x," * (100 << 20)),
        lambda stream: stream.write(b"id,stage,amount\n1,Won,5\n2," + b"x" * (200 << 20) + b",6\n3,Won,7\n"),
        lambda stream: stream.write(
            b'id,stage,amount\n1,Won,5\n2,"' + (b"x" * 98 + b",\n") * (64 << 10) + b"\n3,Won,7\n"
        ),
        lambda stream: stream.write(b"id,stage,amount\n" + b'"' * (200 << 20)),
    ],
    ids=["line", "delimiters", "value", "open quote", "quotes"],
)
def test_two_hundred_megabytes_without_an_end_stay_below_a_gigabyte(
    tmp_path: Path, make: Callable[[io.BufferedWriter], int]
) -> None:
    with (tmp_path / "deals.csv").open("wb") as stream:
        make(stream)
    code = """
print(readable(folder), skipped(folder))
for batch in read(propose(folder, "crm"), folder, company=Company()):
    assert batch.read == batch.frame.height + batch.set_aside.height
    print(batch.table, batch.read)
"""
    told, most = run_apart(tmp_path, code)
    print(told, most)
    assert most < 1024


@pytest.mark.long
def test_bytes_guided_by_the_code_they_reach_find_no_fault(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "benchmarks.fuzz_files", "--seconds", "20", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr


BYTES = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [b"id", b",", b"\n", b'"', b"\r\n", b"\r", b";", b"\t", b"1", b"amount", b"Total", b"\xff", b"\0", b"\xea\xb0\x80", b" ", b"-",
             b"\\", b"2024-01-01", b"\xef\xbb\xbf", b'""', b"1,5\n", b"a,b,c\n", b"{", b"}", b"[", b"]", b":", b'"id":1', b"null"]
        ),
        max_size=60,
    ).map(b"".join),
)  # fmt: skip
SUFFIXES = ["csv", "tsv", "txt", "json", "jsonl", "xlsx", "xls", "parquet", "zip", "csv.gz", "ods"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=BYTES, suffix=st.sampled_from(SUFFIXES), head=st.sampled_from([b"", b"id,stage,amount\n1,Won,5\n"]))
def test_whatever_the_bytes_every_row_read_is_kept_or_set_aside(
    tmp_path: Path, content: bytes, suffix: str, head: bytes
) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    content = head + content
    (tmp_path / f"deals.{suffix}").write_bytes(gzip.compress(content) if suffix == "csv.gz" else content)
    by_hand = FileMapping(path=f"deals.{suffix}", table="opportunities", columns=(ID, AMOUNT))
    for mapping in (propose(tmp_path, "crm"), Mapping(source="crm", files=(by_hand,))):
        for batch in read(mapping, tmp_path, company=USD):
            assert batch.read == batch.frame.height + batch.set_aside.height
            if batch.report is not None and not batch.report.is_complete:
                continue
            if batch.report is not None:
                assert batch.report.kept + batch.report.set_aside == batch.report.read
                rows = [
                    own for own in batch.report.own if own.measure == "rows" and own.told_by.startswith("line ends")
                ]
                assert all(own.agrees for own in rows), rows


def test_json_of_any_shape_is_read_or_refused(tmp_path: Path) -> None:
    for content in ({"a": [{"id": 1, "b": 2}] * 3, "c": [1, 2]}, [[1, 2], [3, 4]], {"id": 1}, [], {}, [None], "x"):
        (tmp_path / "deals.json").write_text(json.dumps(content), encoding="utf-8")
        every(tmp_path)
    assert skipped(tmp_path)
