"""What an export's folder holds, and what it says about the company."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.connectors import propose, readable, skipped, suggest_company

SHEETS = {
    "영업현황": (
        "opportunities",
        {
            "거래명": "name", "고객사": "account_id", "담당자": "owner_id", "제품": "product_id", "지역": "region", "단계": "stage",
            "금액": "amount", "생성일": "created_at", "예상 종료일": "expected_close_on", "종료일": "closed_at",
        },
        "거래{n},고객{k},김{k},제품{k},서울,{stage},{n}0000,2025-01-1{k},2025-06-1{k},{closed}",
    ),
    "영업사원": (
        "people",
        {"이름": "name", "이메일": "email", "부서": "attributes", "팀": "team", "지역": "region", "입사일": "hired_on"},
        "김{n},k{n}@x.kr,영업부,{k}팀,서울,2020-01-1{k}",
    ),
    "고객사": (
        "accounts",
        {"회사명": "name", "산업": "industry", "직원 수": "employees", "매출": "revenue", "지역": "region"},
        "고객{n},제조,{n}0,{n}00000,서울",
    ),
    "리드": (
        "leads",
        {
            "이름": "name", "회사명": "company", "이메일": "email", "전화": "phone", "리드 출처": "channel", "상태": "status",
            "등록일": "created_at", "담당자": "owner_id",
        },
        "박{n},회사{n},p{n}@x.kr,010-1234-56{n:02d},{channel},신규,2025-02-1{k},김{k}",
    ),
    "제품": ("products", {"제품": "name", "제품군": "family", "단가": "unit_price"}, "제품{n},군{k},{n}5000"),
    "목표": ("targets", {"월": "period_start", "구분": "level", "대상": "member", "목표": "amount"}, "2026-0{k},개인,김{n},{n}000"),
}  # fmt: skip


def korean(folder: Path) -> None:
    for name, (_, columns, row) in SHEETS.items():
        lines = [",".join(columns)]
        for n in range(30):
            stage, closed = [("제안", ""), ("성사", "2025-05-02"), ("실패", "2025-05-03")][n % 3]
            channel = ["웹", "소개"][n % 2]
            lines.append(row.format(n=n, k=n % 5 + 1, stage=stage, closed=closed, channel=channel))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_words_of_a_korean_sheet_are_known(tmp_path: Path) -> None:
    korean(tmp_path)
    entries = {entry.path: entry for entry in propose(tmp_path, "crm").files}
    for name, (table, columns, _) in SHEETS.items():
        entry = entries[f"{name}.csv"]
        assert entry.table == table
        for column, target in columns.items():
            assert target in {found.target for found in entry.columns if found.column == column}, (name, column)


def test_korean_columns_without_another_sign_mean_won_and_korean(tmp_path: Path) -> None:
    korean(tmp_path)
    found = suggest_company(propose(tmp_path, "crm"), tmp_path)
    assert (found["currency"], found["language"]) == ("KRW", "ko")
    assert "36 of 36 columns are named in Korean" in found["reason"]


ENGLISH = "id,stage,amount,created,closed{extra}\n" + "".join(
    f"d{n},{'Won' if n % 2 else 'Open'},{{sign}}{n + 1},2024-01-02,{{value}}\n" for n in range(30)
)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        (ENGLISH.format(extra=",currency", sign="", value=",eur"), "EUR"),
        (ENGLISH.format(extra="", sign="£", value=""), "GBP"),
        (ENGLISH.format(extra="", sign="", value="").replace("amount", "amount (CHF)"), "CHF"),
        (ENGLISH.format(extra="", sign="", value=""), None),
        (ENGLISH.format(extra=",currency", sign="", value=",EUR").replace("EUR", "USD", 1), None),
    ],
    ids=["column", "sign", "header", "none", "two"],
)
def test_a_currency_is_suggested_when_the_export_names_one(tmp_path: Path, text: str, currency: str | None) -> None:
    (tmp_path / "deals.csv").write_text(text, encoding="utf-8")
    found = suggest_company(propose(tmp_path, "crm"), tmp_path)
    assert found.get("currency") == currency
    assert "language" not in found
    assert bool(found) == bool(found.get("reason")) == (currency is not None)


def test_a_korean_sheet_in_dollars_is_in_dollars(tmp_path: Path) -> None:
    korean(tmp_path)
    path = tmp_path / "영업현황.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("금액", "금액(USD)"), encoding="utf-8")
    found = suggest_company(propose(tmp_path, "crm"), tmp_path)
    assert (found["currency"], found["language"]) == ("USD", "ko")


def test_files_that_hold_no_table_are_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name, content in {
        "deals.csv": "id,amount\n1,2\n", "book.xlsx": "PK", "log.json": "{}", "offer.pdf": "%PDF", "old.zip": "PK", "empty.csv": "",
        "head.csv": "id,amount\n", "notes.txt": "call Ann\ntomorrow\n", "README.md": "hello", "parts/more.xls": "x",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert readable(tmp_path) == ["deals.csv"]
    why = skipped(tmp_path)
    assert {*why} == {
        "book.xlsx", "log.json", "offer.pdf", "old.zip", "empty.csv", "head.csv", "notes.txt", "parts/more.xls",
    }  # fmt: skip
    assert why["book.xlsx"].startswith("it cannot be read: it is no readable workbook")
    assert why["offer.pdf"] == "PDF files are not read yet: save it as CSV"
    assert why["log.json"] == "it cannot be read: it holds no records: no list of objects"
    assert why["head.csv"] == "it holds no rows"
    entries = {entry.path: entry for entry in propose(tmp_path, "crm").files}
    assert entries["book.xlsx"].table == "skip"
    assert entries["book.xlsx"].reason == why["book.xlsx"]


def test_a_folder_without_anything_gives_a_mapping_without_files(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        mapping = propose(folder, "crm")
        assert mapping.files == ()
        assert (readable(folder), skipped(folder), suggest_company(mapping, folder)) == ([], {}, {})
