"""Text files as people and systems write them: encodings, titles, totals, quoting that is broken, rows of any width."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.connectors import ColumnMapping, FileMapping, Mapping, TableBatch, propose, read
from quarterdeck.connectors.files import Chunk, list_files
from quarterdeck.connectors.formats import blocks, layout, text
from quarterdeck.connectors.formats.encoding import best
from quarterdeck.connectors.formats.quoting import take

USD = Company()


def chunk(folder: Path, content: str | bytes, name: str = "deals.csv") -> Chunk:
    """The single chunk of a file, which is the same when it is read again."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (file,) = list_files(folder)
    (found,), (again,) = file.chunks(), file.chunks()
    assert found.frame.equals(again.frame)
    assert found.broken == again.broken
    assert found.lines is not None
    assert again.lines is not None
    assert found.lines.equals(again.lines)
    return found


def batch(folder: Path, content: str | bytes) -> TableBatch:
    (folder / "deals.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (found,) = [part for part in read(propose(folder, "crm"), folder, company=USD) if part.table == "opportunities"]
    return found


def codes(found: TableBatch) -> set[str]:
    return {finding.code.removeprefix("connectors.") for finding in found.findings}


# -- encodings ---------------------------------------------------------------------------------------------------------

KOREAN = [
    "김철수",
    "서울상사",
    "고객사,담당자\n한빛전자,이영희",
    "거래처명",
    "박지민 대리",
    "㈜삼우",
    "부산광역시 해운대구",
    "홍길동님",
]
JAPANESE = [
    "東京",
    "株式会社テスト",
    "会社名,担当者\nトヨタ,田中",
    "見積もり",
    "ソフトウェア",
    "山田 太郎",
    "大阪支店のお客様",
    "表示",
]
WESTERN = [
    "Müller",
    "Größe",
    "café",
    "Übernahme GmbH",
    "Åke Ängelholm",
    "señor Núñez",
    "façade",
    "50 €",
    "naïve – yes",
    "Société Générale",
]


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        *((text, "cp949") for text in KOREAN),
        *((text, "cp932") for text in JAPANESE),
        *((text, "cp1252") for text in WESTERN),
    ],
)
def test_few_letters_are_enough_to_tell_the_encoding(text: str, codec: str) -> None:
    assert text.encode(codec).decode(best(text.encode(codec))) == text


@pytest.mark.parametrize("codec", ["cp949", "euc-kr", "cp932", "cp1252", "latin-1", "utf-16-le", "utf-16", "utf-8-sig"])
def test_a_file_in_another_encoding_is_read_and_told(tmp_path: Path, codec: str) -> None:
    word = {"cp932": "田中さん", "cp1252": "Jürgen", "latin-1": "Jürgen"}.get(codec, "김철수")
    rows = "".join(f"{n},{word} {n},Won,5\n" for n in range(12))
    found = batch(tmp_path, f"id,deal name,stage,amount\n{rows}".encode(codec))
    assert found.frame["name"].to_list() == [f"{word} {n}" for n in range(12)]
    assert ("encoding" in codes(found)) == (codec != "utf-8-sig")
    assert found.report is not None
    assert found.report.encoding


def test_a_few_wrong_bytes_do_not_change_the_encoding_of_a_file(tmp_path: Path) -> None:
    rows = "".join(f"{n},김철수 {n},Won,5\n" for n in range(40)).encode().replace("김철수 7,".encode(), b"\xff\xfe7,")
    found = batch(tmp_path, b"id,deal name,stage,amount\n" + rows)
    assert found.frame["name"][8] == "김철수 8"
    assert found.frame["name"][7] == "��7"
    assert "bytes_unreadable" in codes(found)


def test_a_mark_at_the_start_may_stand_there_twice(tmp_path: Path) -> None:
    assert chunk(tmp_path, b"\xef\xbb\xbf" * 2 + b"id,name\n1,A\n").frame.columns == ["id", "name"]


# -- titles, headers, totals -------------------------------------------------------------------------------------------


def test_lines_of_title_above_the_header_are_passed_over_and_told(tmp_path: Path) -> None:
    rows = "".join(f"{n},Won,{n}\n" for n in range(12))
    found = batch(tmp_path, f"Pipeline of May\nExported by Ann\n\ndeal id,stage,amount\n{rows},Won,5\n")
    assert found.frame.height == 12
    assert found.set_aside.select("line", "reason").rows() == [(17, "it has no key")]
    (told,) = [finding for finding in found.findings if finding.code == "connectors.title_lines"]
    assert told.message == "deals.csv begins with 2 lines of title: the columns are named in line 4."


def test_a_file_without_header_loses_no_row(tmp_path: Path) -> None:
    found = chunk(tmp_path, "1,Ann,2024-01-05,10.50\n2,Bob,2024-01-06,11\n3,Eve,2024-02-06,12\n")
    assert found.frame.columns == ["column 1", "column 2", "column 3", "column 4"]
    assert found.frame["column 2"].to_list() == ["Ann", "Bob", "Eve"]
    assert found.first == 1


def test_years_as_column_names_are_a_header(tmp_path: Path) -> None:
    found = chunk(tmp_path, "region,2023,2024\nNorth,100,200\nSouth,300,400\n")
    assert found.frame.columns == ["region", "2023", "2024"]


def test_columns_with_one_name_are_told_apart(tmp_path: Path) -> None:
    found = batch(tmp_path, "id,stage,amount,amount,\n" + "".join(f"{n},Won,{n},7,x\n" for n in range(12)))
    assert "column_twice" in codes(found)
    assert chunk(tmp_path, "id,amount,amount,amount 2,\n1,2,3,4,5\n").frame.columns == [
        "id", "amount", "amount 2", "amount 2 2", "column 5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "word", ["Total", "합계", "Summe", "Grand Total (12 records)", "TOTALS:", "Gesamtsumme", "合計"]
)
def test_a_row_of_totals_is_set_aside_and_its_sum_held_against_ours(tmp_path: Path, word: str) -> None:
    rows = "".join(f"D{n},Won,{n}.50\n" for n in range(12))
    found = batch(tmp_path, f"deal id,stage,amount\n{rows}{word},,72.00\n")
    assert found.frame.height == 12
    assert found.set_aside["reason"].to_list() == ["it is a row of totals, no record"]
    assert found.report is not None
    (own,) = [own for own in found.report.own if own.measure == "sum"]
    assert (own.theirs, own.ours, own.agrees, own.column) == (7200, 7200, True, "amount")
    assert "counts_differ" not in codes(found)


def test_totals_that_are_not_the_sum_of_the_rows_are_told(tmp_path: Path) -> None:
    rows = "".join(f"D{n},Won,{n}.50\n" for n in range(12))
    found = batch(
        tmp_path, f"deal id,stage,amount\n{rows}Total,,99.00\n\nGrand Totals (14 records)\nCopyright 2024 Acme\n"
    )
    messages = [finding.message for finding in found.findings if finding.code == "connectors.counts_differ"]
    assert messages == [
        "deals.csv has 14 rows by line 16: Grand Totals (14 records); 12 were read.",
        "deals.csv gives 99.00 USD as the sum of amount in the totals row in line 14; its rows sum to 72.00 USD.",
    ]
    assert found.report is not None
    assert {count.reason: count.rows for count in found.report.rows} == {"": 12, "totals_row": 2, "footer": 1}


def test_a_deal_that_is_called_total_is_a_deal(tmp_path: Path) -> None:
    rows = "".join(f"D{n},Total,{n}.50\n" for n in range(12))
    assert batch(tmp_path, f"deal id,deal name,amount\n{rows}").frame.height == 12


def test_a_report_of_rows_and_money_adds_up(tmp_path: Path) -> None:
    rows = "".join(f"D{n},Won,{n},USD\n" for n in range(12))
    text = f"deal id,stage,amount,currency\n{rows},Won,100,EUR\nD3,Won,5,USD\nD99,Won,much,USD\nx,y\n"
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    places = {"deal id": "id", "stage": "stage", "amount": "amount", "currency": "currency"}
    columns = tuple(ColumnMapping(column=name, target=target) for name, target in places.items())
    mapping = Mapping(source="crm", files=(FileMapping(path="deals.csv", table="opportunities", columns=columns),))
    (found,) = read(mapping, tmp_path, company=USD)
    report = found.report
    assert report is not None
    assert {count.reason: count.rows for count in report.rows} == {
        "": 13,
        "key_missing": 1,
        "key_repeated": 1,
        "row_broken": 1,
    }
    money = {(part.currency, part.reason): (part.amount, part.values, part.unread) for part in report.money}
    assert money == {
        ("USD", ""): (6600, 12, 1), ("EUR", "key_missing"): (10000, 1, 0), ("USD", "key_repeated"): (500, 1, 0),
    }  # fmt: skip
    assert (report.read, report.kept, report.set_aside) == (16, 13, 3)
    assert [(own.measure, own.theirs, own.ours) for own in report.own] == [("rows", 16, 16)]


# -- quoting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ('1,"say "hi"",5', ["1", 'say "hi"', "5"]),
        ('1,"say ""hi""",5', ["1", 'say "hi"', "5"]),
        ('1,"say \\"hi\\" there",5', ["1", 'say \\"hi\\" there', "5"]),
        ('1,5" pipe,5', ["1", '5" pipe', "5"]),
        ('1,"never closed,5', ["1", "never closed", "5"]),
        ('1,never opened",5', ["1", 'never opened"', "5"]),
        ('1, "a, b",5', ["1", "a, b", "5"]),
        ("1,a,5,,", ["1", "a", "5"]),
        ('1,"he said "yes", then left",5', None),
        ("1,a", None),
        ("1,a,5,6", None),
    ],
)
def test_a_line_is_mended_only_where_one_reading_fits(line: str, values: list[str] | None) -> None:
    reading = take([line], 3, ",")
    assert reading is not None
    assert reading.values == values
    assert bool(reading.reason) == (values is None)


def test_an_unclosed_quotation_mark_takes_no_other_row_with_it(tmp_path: Path) -> None:
    rows = [f'{n},"text, {n}",{n}' for n in range(40)]
    rows[5] = '5,"never closed,5'
    rows[20] = '20,"he said "yes", then left",20'
    rows[30] = '30,"over\ntwo lines",30'
    found = chunk(tmp_path, "id,text,n\n" + "\n".join(rows) + "\n")
    assert found.frame["id"].to_list() == [str(n) for n in range(40) if n != 20]
    assert found.frame["text"][5] == "never closed"
    assert found.frame["text"][29] == "over\ntwo lines"
    assert [(row.line, row.reason) for row in found.broken] == [(22, "its quotation marks do not close")]
    assert found.lines is not None
    assert found.lines[-1] == 42


def test_a_large_file_is_read_the_same_in_one_and_in_many_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'{n},"text, {n}",{n}\n' for n in range(40_000))
    whole = chunk(tmp_path, f"id,text,n\n{rows}")
    monkeypatch.setattr(blocks, "BLOCK", 1 << 17)
    monkeypatch.setattr(text, "_LARGE", 0)
    (file,) = list_files(tmp_path)
    for _ in range(2):
        parts = list(file.chunks(5_000))
        assert len(parts) > 3
        assert pl.concat(part.frame for part in parts).equals(whole.frame)
        assert [part.first for part in parts] == [part.lines[0] for part in parts if part.lines is not None]
        assert sum(count.rows for count in file.facts.counts) == 40_000


def test_empty_lines_and_lines_of_delimiters_are_no_rows(tmp_path: Path) -> None:
    found = chunk(tmp_path, "id,a,b\n1,x,y\n\n,,\n2,x,y\r\n\r\n,,\r\n3,x,y")
    assert found.frame["id"].to_list() == ["1", "2", "3"]
    assert found.lines is not None
    assert found.lines.to_list() == [2, 5, 8]
    assert not found.broken


def test_rows_with_empty_values_at_the_end_are_cut_and_others_set_aside(tmp_path: Path) -> None:
    found = chunk(tmp_path, "id,a,b\n1,x,y\n2,x,y,,\n3,x\n4,x,y,z\n5,x,y\n")
    assert found.frame["id"].to_list() == ["1", "2", "5"]
    assert [(row.line, row.raw) for row in found.broken] == [(4, "3,x"), (5, "4,x,y,z")]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Report; of May\n\na;b;c\n1;2,5;3\n2;3,5;4\n", ";"),
        ("a\tb\n1,5\t2,5\n", "\t"),
        ("a|b|c\n1|x, y|2\n", "|"),
        ("a^b^c\n1^2^3\n", "^"),
        ("name,note\nA,one; two; three\nB,one; two\n", ","),
        ("time,value\n10:05:06,1\n11:05:06,2\n", ","),
    ],
)
def test_the_delimiter_is_the_sign_that_parts_the_lines_alike(text: str, sign: str) -> None:
    assert layout.delimiter(text) == sign


CELL = st.text(st.sampled_from('ab1,"\n ;é김'), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3).filter(any), min_size=1, max_size=12), size=st.integers(16, 90)
)
def test_regular_quoting_is_read_as_the_standard_library_reads_it(rows: list[list[str]], size: int) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    data = out.getvalue().encode()
    usual, blocks.BLOCK = blocks.BLOCK, size
    try:
        made = list(blocks.Blocks(["a", "b", "c"], ",", ["a", "b", "c"]).pieces(io.BytesIO(data), 0))
    finally:
        blocks.BLOCK = usual
    expected = [row for row in csv.reader(io.StringIO(out.getvalue(), newline="")) if any(row)]
    assert [list(row) for piece in made for row in piece.frame.iter_rows()] == expected
    assert sum(piece.counted for piece in made) == len(expected)


# -- days --------------------------------------------------------------------------------------------------------------


def days_of(folder: Path, values: list[str], form: str) -> TableBatch:
    (folder / "deals.csv").write_text(
        "id;at\n" + "".join(f"{n};{value}\n" for n, value in enumerate(values)), encoding="utf-8"
    )
    columns = (
        ColumnMapping(column="id", target="id"),
        ColumnMapping(column="at", target="created_at", format=form),
        ColumnMapping(column="at", target="expected_close_on", format=form),
    )
    entry = FileMapping(path="deals.csv", table="opportunities", columns=columns, fill={"status": "open"})
    (found,) = read(Mapping(source="crm", files=(entry,)), folder, company=USD)
    return found


def test_days_that_no_value_tells_from_months_are_told(tmp_path: Path) -> None:
    found = days_of(tmp_path, ["01/02/2024", "03/04/2024", "05/05/2024"], "%d/%m/%Y")
    (told,) = [finding for finding in found.findings if finding.code == "connectors.date_order_open"]
    assert told.message == (
        "2 values of at in deals.csv could be read day first or month first, and none of the column's values tells which; "
        "they are read as %d/%m/%Y."
    )
    assert "set `format: '%m/%d/%Y'`" in told.fix
    assert "date_order_open" not in codes(days_of(tmp_path, ["01/02/2024", "13/04/2024"], "%d/%m/%Y"))
    assert "date_order_open" not in codes(days_of(tmp_path, ["2024-02-01"], "iso"))


def test_values_of_the_other_order_are_no_dates_and_are_told(tmp_path: Path) -> None:
    found = days_of(tmp_path, ["13/01/2024", "14/01/2024", "01/31/2024"], "%d/%m/%Y")
    assert [None if at is None else at.month for at in found.frame["created_at"]] == [1, 1, None]
    assert "value_unreadable" in codes(found)


@pytest.mark.parametrize("form", ["iso", "%d.%m.%Y"])
def test_a_spreadsheets_day_counts_among_dates_are_days(tmp_path: Path, form: str) -> None:
    written = {"iso": "2024-01-01", "%d.%m.%Y": "01.01.2024"}[form]
    found = days_of(tmp_path, [written, "45292", "45292.75", "1045292", "12"], form)
    shown = [None if at is None else at.isoformat() for at in found.frame["created_at"]]
    assert shown == ["2024-01-01T00:00:00", "2024-01-01T00:00:00", "2024-01-01T18:00:00", None, None]
    assert [str(day) for day in found.frame["expected_close_on"][:3]] == ["2024-01-01"] * 3
