"""Reading by a mapping: every row is kept or set aside, and broken files are findings."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import facts, table
from quarterdeck.connectors import ColumnMapping, FileMapping, Mapping, TableBatch, propose, read

USD = Company()


def one(folder: Path, mapping: Mapping | None = None, name: str = "opportunities", **options: Any) -> TableBatch:
    """The single batch of a table."""
    found = read(mapping or propose(folder, "crm"), folder, company=USD, **options)
    (batch,) = [batch for batch in found if batch.table == name]
    return batch


def codes(batch: TableBatch) -> set[str]:
    return {finding.code for finding in batch.findings}


DEALS = """\
id,owner,stage,amount,created,closed
a,Ann,Won,100.50,2024-01-02,2024-02-03
b,Bob,Lost,,2024-01-05,2024-02-09
c,Ann,Offer,70,2024-03-01,
"""


def test_a_row_of_another_width_is_set_aside_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(DEALS + "d,Ann,Won,5\ne,Bob,Won,1,2024-01-01,2024-01-02\n", encoding="utf-8")
    batch = one(tmp_path)
    assert batch.frame["id"].to_list() == ["a", "b", "c", "e"]
    assert batch.set_aside.rows() == [(5, "4 values where the header names 6 columns", "d,Ann,Won,5")]
    assert batch.read == 5
    assert codes(batch) == {"connectors.row_broken"}


def test_a_row_without_key_and_a_key_read_before_are_set_aside_with_their_money(tmp_path: Path) -> None:
    text = DEALS + ",Bob,Won,10,2024-01-01,2024-01-02\na,Bob,Won,20,2024-01-01,2024-01-02\n"
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    columns = ("id", "owner_id", "stage", "amount", "created_at", "closed_at")
    entry = FileMapping(
        path="deals.csv",
        table="opportunities",
        columns=tuple(ColumnMapping(column=name, target=to) for name, to in zip(text.split("\n")[0].split(","), columns, strict=True)),
    )  # fmt: skip
    batch = one(tmp_path, Mapping(source="crm", files=(entry,)))
    assert batch.set_aside.select("line", "reason").rows() == [
        (5, "it has no key"),
        (6, "its key a was read before, in line 2"),
    ]
    assert (batch.money_read, batch.money_kept) == (20050, 17050)
    assert codes(batch) >= {"connectors.key_missing", "connectors.key_repeated"}


def test_a_value_that_cannot_be_read_goes_to_attributes_and_makes_a_finding(tmp_path: Path) -> None:
    rows = "".join(f"x{number},Ann,Won,{number},2024-01-01,2024-02-01\n" for number in range(60))
    (tmp_path / "deals.csv").write_text(DEALS + rows + "d,Ann,Won,about 5k,soon,2024-13-45\n", encoding="utf-8")
    batch = one(tmp_path)
    row = batch.frame.filter(id="d").row(0, named=True)
    assert (row["amount"], row["created_at"], row["closed_at"]) == (None, None, None)
    assert json.loads(row["attributes"]) == {"amount": "about 5k", "created": "soon", "closed": "2024-13-45"}
    found = [finding for finding in batch.findings if finding.code == "connectors.value_unreadable"]
    assert len(found) == 3
    assert "'about 5k'" in found[0].message


def test_a_word_that_is_no_stage_anybody_knew_counts_as_open_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    mapping = propose(tmp_path, "crm")
    (tmp_path / "deals.csv").write_text(DEALS + "d,Ann,Zzz,1,2024-01-01,\n", encoding="utf-8")
    batch = one(tmp_path, mapping)
    assert batch.frame.filter(id="d")["status"].to_list() == ["open"]
    assert codes(batch) == {"connectors.status_unknown"}


def mapped(*entries: ColumnMapping) -> Mapping:
    return Mapping(source="crm", files=(FileMapping(path="deals.csv", table="opportunities", columns=entries),))


ID = ColumnMapping(column="id", target="id")


def unreadable(folder: Path, rows: list[tuple[str, str]], entry: ColumnMapping, **options: Any) -> list[Finding]:
    """The findings of a file with a key and one more column, mapped by one entry."""
    text = f"id;{entry.column}\n" + "".join(f"{key};{value}\n" for key, value in rows)
    (folder / "deals.csv").write_text(text, encoding="utf-8")
    found = read(mapped(ID, entry), folder, company=USD, **options)
    return [finding for batch in found for finding in batch.findings if finding.code != "connectors.status_assumed"]


@pytest.mark.parametrize("chunk", [20, 1000])
def test_a_wrong_date_format_is_one_error_that_names_the_right_one(tmp_path: Path, chunk: int) -> None:
    rows = [(f"d{number}", f"{number % 28 + 1:02d}-03-17") for number in range(280)]
    wrong = ColumnMapping(column="engaged", target="created_at", format="%m-%d-%y")
    (found,) = unreadable(tmp_path, rows, wrong, chunk=chunk)
    # days 13 to 28 are no months: 16 of each 28
    assert (found.code, found.severity, found.count) == ("connectors.value_unreadable", "error", 160)
    told = "160 of the 280 values of engaged in deals.csv are no date written %m-%d-%y"
    assert found.message == f"{told} ('13-03-17', '14-03-17', '15-03-17')."
    assert "Set `format: '%d-%m-%y'` in mapping/crm.yaml at column engaged of deals.csv" in found.fix
    assert "it reads all of the column" in found.fix


def test_two_ways_of_writing_days_in_a_column_are_told_apart(tmp_path: Path) -> None:
    rows = [(f"d{n}", f"2024-05-{n % 28 + 1:02d}" if n % 3 else f"{n % 28 + 1:02d}.05.2024") for n in range(90)]
    (found,) = unreadable(tmp_path, rows, ColumnMapping(column="engaged", target="created_at"))
    assert (found.severity, found.count) == ("error", 30)
    assert "format: '%d.%m.%Y'" in found.fix
    assert "the others are written in another way" in found.fix


def test_a_wrong_decimal_sign_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    rows = [(f"d{number}", f"{number},5") for number in range(40)]
    (found,) = unreadable(tmp_path, rows, ColumnMapping(column="value", target="amount"))
    assert (found.severity, found.count) == ("error", 40)
    assert "Set `decimal: ','` in mapping/crm.yaml" in found.fix


@pytest.mark.parametrize(("bad", "severity"), [(5, "warning"), (6, "error")])
def test_more_than_one_value_in_twenty_makes_the_finding_an_error(tmp_path: Path, bad: int, severity: str) -> None:
    amounts = [(f"d{number}", "much" if number < bad else "7") for number in range(100)]
    (found,) = unreadable(tmp_path, amounts, ColumnMapping(column="value", target="amount"))
    assert (found.code, found.severity) == ("connectors.value_unreadable", severity)
    stages = [(f"d{number}", "Zzz" if number < bad else "won") for number in range(100)]
    (found,) = unreadable(tmp_path, stages, ColumnMapping(column="stage", target="status"))
    assert (found.code, found.severity, found.count) == ("connectors.status_unknown", severity, bad)
    assert "mapping/crm.yaml" in found.fix


def test_a_column_with_two_targets_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,close\na,2024-01-02\nb,soon\n", encoding="utf-8")
    both = (ColumnMapping(column="close", target=target) for target in ("closed_at", "expected_close_on"))
    (batch,) = read(mapped(ID, *both), tmp_path, company=USD)
    found = [finding for finding in batch.findings if finding.code == "connectors.value_unreadable"]
    assert [finding.count for finding in found] == [1]


def test_references_by_name_become_keys_and_unknown_names_are_told(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text(
        "account id,account name,region\n1,Acme AG,North\n2,Bolt,South\n3,Co,\n", "utf-8"
    )
    deals = (
        "deal id,account,stage,amount\na,Acme AG,Won,1\nb,Bolt,Lost,2\nc,ACME-AG,Won,3\nd,Nobody,Open,4\ne,Co,Won,5\n"
    )
    (tmp_path / "deals.csv").write_text(deals, encoding="utf-8")
    mapping = propose(tmp_path, "crm").model_copy(update={"id_prefix": "x:"})
    batch = one(tmp_path, mapping)
    assert batch.frame["id"].to_list() == ["x:a", "x:b", "x:c", "x:d", "x:e"]
    assert batch.frame["account_id"].to_list() == ["x:1", "x:2", "x:1", "x:Nobody", "x:3"]
    assert batch.frame["region"].to_list() == ["North", "South", "North", None, None]
    assert codes(batch) == {"connectors.reference_unknown"}


def test_people_that_only_deals_name_are_made_from_them(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    batch = one(tmp_path, name="people")
    assert batch.frame.select("id", "name", "role").rows() == [("Ann", "Ann", "seller"), ("Bob", "Bob", "seller")]
    assert (batch.read, batch.set_aside.height) == (2, 0)


def test_a_close_date_that_open_deals_have_too_is_their_expected_close(tmp_path: Path) -> None:
    text = DEALS.replace("c,Ann,Offer,70,2024-03-01,", "c,Ann,Offer,70,2024-03-01,2024-09-30")
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    frame = one(tmp_path).frame
    assert [str(day) for day in frame["expected_close_on"]] == ["2024-02-03", "2024-02-09", "2024-09-30"]
    assert frame["closed_at"].to_list() == [datetime(2024, 2, 3), datetime(2024, 2, 9), None]


def test_won_and_lost_dates_in_two_columns_are_both_the_close(tmp_path: Path) -> None:
    text = "id,status,value,date won,date lost\n1,Won,5,2024-02-03,\n2,Lost,6,,2024-02-09\n3,Open,7,,\n"
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    assert one(tmp_path).frame["closed_at"].to_list() == [datetime(2024, 2, 3), datetime(2024, 2, 9), None]


def test_a_name_beside_the_owners_key_names_the_people_made_from_deals(tmp_path: Path) -> None:
    rows = "".join(f"{number},Won,5,u{number % 3},Rep {number % 3}\n" for number in range(9))
    (tmp_path / "deals.csv").write_text("id,stage,amount,owner id,owner\n" + rows, encoding="utf-8")
    assert one(tmp_path, name="people").frame.select("id", "name").rows() == [(f"u{n}", f"Rep {n}") for n in range(3)]


def test_a_currency_that_single_deals_lack_stays_open_and_one_that_all_lack_is_the_companys(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage,amount,currency\n1,Won,5,EUR\n2,Won,6,\n", encoding="utf-8")
    assert one(tmp_path).frame.select("amount", "currency").rows() == [(500, "EUR"), (600, None)]
    (tmp_path / "deals.csv").write_text("id,stage,amount\n1,Won,5\n2,Won,6\n", encoding="utf-8")
    assert one(tmp_path).frame["currency"].to_list() == ["USD", "USD"]


def test_amounts_in_thousands_are_scaled_only_where_the_column_says_so(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("id,name,revenue (in thousands)\n1,A,1.5\n2,B,2\n", encoding="utf-8")
    assert one(tmp_path, name="accounts").frame["revenue"].to_list() == [150_000, 200_000]
    (tmp_path / "accounts.csv").write_text("id,name,revenue\n1,A,1.5\n2,B,2\n", encoding="utf-8")
    assert one(tmp_path, name="accounts").frame["revenue"].to_list() == [150, 200]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_encoding_and_delimiter_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "번호,이름,업종\n1,서울상사,제조\n2,부산무역,유통\n".replace(",", delimiter)
    (tmp_path / "고객사.csv").write_text(text, encoding=encoding)
    assert one(tmp_path, name="accounts").frame["name"].to_list() == ["서울상사", "부산무역"]


def test_western_accents_of_an_older_encoding_are_not_taken_as_korean(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_bytes("id,name,city\n1,Åke,Ängelholm\n2,Ärla,Århus\n".encode("cp1252"))
    assert one(tmp_path, name="accounts").frame["city"].to_list() == ["Ängelholm", "Århus"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deals.csv", b""),
        ("deals.csv", b"\n\n"),
        ("deals.csv", b"id,stage,amount\n"),
        ("deals.csv", b"\x00\x01\x02\x89PNG\x00\x00"),
        ("deals.parquet", b"PAR1 this is no parquet"),
        ("deals.csv", b'id,stage,amount\n1,"never closed,5\n2,Won,6\n'),
        ("deals.csv", b"\xff\xfe\x00"),
    ],
)
def test_a_broken_file_is_a_finding_and_never_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    mapping = propose(tmp_path, "crm")
    assert [entry.path for entry in mapping.files if not entry.is_distinct] == [name]
    column = ColumnMapping(column="id", target="id")
    by_hand = Mapping(source="crm", files=(FileMapping(path=name, table="opportunities", columns=(column,)),))
    for batch in [*read(mapping, tmp_path, company=USD), *read(by_hand, tmp_path, company=USD)]:
        assert batch.read == batch.frame.height + batch.set_aside.height


def test_a_file_that_is_gone_gives_an_incomplete_batch_so_that_nothing_is_taken_as_deleted(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    mapping = propose(tmp_path, "crm")
    assert one(tmp_path, mapping).is_complete
    (tmp_path / "deals.csv").unlink()
    gone = one(tmp_path, mapping)
    assert (gone.read, gone.is_complete, codes(gone)) == (0, False, {"connectors.file_missing"})


def test_columns_that_came_or_went_since_the_mapping_are_told(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    mapping = propose(tmp_path, "crm")
    (tmp_path / "deals.csv").write_text(DEALS.replace("owner", "holder"), encoding="utf-8")
    batch = one(tmp_path, mapping)
    assert codes(batch) == {"connectors.column_missing", "connectors.column_new"}
    assert json.loads(batch.frame["attributes"][0]) == {"holder": "Ann"}


def test_a_long_file_comes_in_chunks_and_says_what_it_found_once(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(10_000), "stage": ["Won"] * 10_000, "amount": [1.25] * 10_000})
    frame.write_parquet(tmp_path / "deals.parquet")
    frame.write_csv(tmp_path / "more deals.csv")
    batches = list(read(propose(tmp_path, "crm"), tmp_path, company=USD, chunk=3_000))
    parts = [batch.frame.height for batch in batches if batch.file == "deals.parquet"]
    assert parts == [3_000, 3_000, 3_000, 1_000]
    assert sum(batch.money_kept for batch in batches) == 2 * 1_250_000


def test_a_key_repeated_in_a_later_chunk_is_found(tmp_path: Path) -> None:
    pl.DataFrame({"id": [*range(5_000), 7], "stage": "Won", "amount": 1}).write_csv(tmp_path / "deals.csv")
    mapping = propose(tmp_path, "crm")
    aside = [row for batch in read(mapping, tmp_path, company=USD, chunk=1_000) for row in batch.set_aside.rows()]
    assert [(line, reason) for line, reason, _ in aside] == [(5_002, "its key 7 was read before, in line 9")]


def test_lines_are_counted_on_over_the_chunks_of_a_long_text_file(tmp_path: Path) -> None:
    remark = "x" * 3_500
    rows = [f"{number},Won,1,{remark}\n" for number in range(6_000)]
    rows[10], rows[5_990] = "only,three,values\n", f",Won,1,{remark}\n"
    (tmp_path / "deals.csv").write_text("id,stage,amount,remark\n" + "".join(rows), encoding="utf-8")
    batches = [batch for batch in read(propose(tmp_path, "crm"), tmp_path, company=USD, chunk=1_000) if batch.read]
    assert len(batches) > 1
    aside = [(line, reason) for batch in batches for line, reason, _ in batch.set_aside.rows()]
    assert aside == [(12, "3 values where the header names 4 columns"), (5_992, "it has no key")]


def test_the_usual_stage_of_open_deals_is_the_one_for_earlier_dates(tmp_path: Path) -> None:
    rows = "c,Ann,Offer,70,2024-03-01,\nd,Ann,Demo,70,2024-03-01,\ne,Ann,Offer,70,2024-03-01,\nf,Ann,New,70,,\n"
    (tmp_path / "deals.csv").write_text(DEALS + rows.replace("c,", "g,"), encoding="utf-8")
    entry = next(entry for entry in propose(tmp_path, "crm").files if entry.table == "opportunities")
    assert (entry.open_stage, entry.amount_known) == ("Offer", "always")


def test_rows_without_any_key_are_named_by_their_content_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "activities.csv").write_text("type,date,duration\ncall,2024-01-01,5\nemail,2024-01-02,1\n", "utf-8")
    first, second = one(tmp_path, name="activities").frame, one(tmp_path, name="activities").frame
    assert first["id"].n_unique() == 2
    assert first.equals(second)


CELL = st.one_of(
    st.sampled_from(["", "Won", "Lost", "2024-01-02", "12.5", "a,b", 'say "x"', "two\nlines", "1,000", "-", "없음"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=3, max_size=5), min_size=1, max_size=15))
def test_no_row_and_no_cell_is_lost_whatever_it_holds(tmp_path: Path, rows: list[list[str]]) -> None:
    header = ["id", "stage", "amount", "remark"]
    with (tmp_path / "deals.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        writer.writerows(rows)
    columns = tuple(
        ColumnMapping(column=name, target=to)
        for name, to in zip(header, ("id", "stage", "amount", "attributes"), strict=True)
    )
    entry = FileMapping(path="deals.csv", table="opportunities", columns=columns)
    batch = one(tmp_path, Mapping(source="crm", files=(entry,), missing=("",)))
    # a line of nothing but empty values is no row, and empty values too many are cut
    there = [row for row in rows if any(row) or len(row) < 4]
    assert batch.read == len(there) == batch.frame.height + batch.set_aside.height
    kept = {row["source_id"]: row for row in batch.frame.to_dicts()}
    for cells in rows:
        key = cells[0].strip()
        if len(cells) != 4 or not key or sum(row[0].strip() == key for row in rows if not any(row[4:])) > 1:
            continue
        row, told = kept[key], json.loads(kept[key]["attributes"] or "{}")
        assert (row["stage"] or "") == cells[1].strip()
        assert told.get("remark", "") == cells[3].strip()
        if cells[2].strip():
            amount = row["amount"]
            assert told.get("amount") == cells[2].strip() if amount is None else Decimal(amount) is not None


def test_a_canonical_export_maps_to_itself(tmp_path: Path) -> None:
    for name in facts():
        columns = table(name).columns
        made = {column.name: pl.Series([None] * 3, dtype=column_type(column.type)) for column in columns}
        for column in columns:
            made[column.name] = pl.Series(column.name, sample(column.type, column.name)).cast(column_type(column.type))
        pl.DataFrame(made).write_parquet(tmp_path / f"{name}.parquet")
    mapping = propose(tmp_path, "own")
    assert {entry.path: entry.table for entry in mapping.files} == {f"{name}.parquet": name for name in facts()}
    told = [
        (entry.table, column.column, column.target, column.confidence)
        for entry in mapping.files
        for column in entry.columns
    ]
    assert [row for row in told if row[1] != row[2] or row[3] < 0.95] == []


def column_type(kind: str) -> pl.DataType:
    major: dict[str, pl.DataType] = {
        "integer": pl.Int64(), "number": pl.Float64(), "money": pl.Decimal(18, 2), "decimal": pl.Decimal(18, 6),
        "flag": pl.Boolean(), "instant": pl.Datetime("us"), "day": pl.Date(),
    }  # fmt: skip
    return major.get(kind, pl.String())


def sample(kind: str, name: str) -> list[Any]:
    match kind:
        case "integer" | "number" | "money" | "decimal":
            return [1, 2, 3]
        case "flag":
            return [True, False, True]
        case "instant" | "day":
            return [datetime(2024, 1, number) for number in (1, 2, 3)]
    made = {
        "currency": ["USD"] * 3, "status": ["open", "won", "lost"], "email": ["a@x.com", "b@x.com", "c@y.com"],
        "phone": ["+49 30 1234567", "+49 30 7654321", "02-123-4567"], "domain": ["x.com", "y.com", "z.io"],
    }  # fmt: skip
    return made.get(name, [f"{name} {number}" for number in (1, 2, 3)])


def test_a_history_keeps_the_columns_that_have_no_place(tmp_path: Path) -> None:
    lines = [f"h{n},d{n},2024-01-{n + 1:02d},Offer,Ann's desk" for n in range(20)]
    text = "\n".join(["id,opportunity id,changed at,stage,changed where", *lines])
    (tmp_path / "stage history.csv").write_text(text, encoding="utf-8")
    batch = one(tmp_path, name="opportunity_history")
    assert batch.frame["attributes"].to_list() == ['{"changed where":"Ann\'s desk"}'] * 20
    assert not batch.findings
