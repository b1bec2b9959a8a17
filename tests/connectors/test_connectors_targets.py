"""Targets: months, quarters and years in any writing, with their grain."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.connectors import propose, read
from quarterdeck.connectors.mapping import FileMapping


def targets(folder: Path) -> tuple[FileMapping, pl.DataFrame]:
    mapping = propose(folder, "plan")
    (entry,) = mapping.files
    assert entry.table == "targets"
    (batch,) = read(mapping, folder, company=Company(currency="KRW"))
    assert not batch.findings
    return entry, batch.frame


ENGLISH, KOREAN = "{},level,member,amount", "{},구분,대상,목표금액"


@pytest.mark.parametrize(
    ("header", "periods", "grains", "days"),
    [
        (ENGLISH.format("month"), ["2026-07", "2026-08", "2026-12"], ["month"] * 3, [(2026, 7), (2026, 8), (2026, 12)]),
        (ENGLISH.format("period"), ["2026Q3", "2026-Q4", "Q1 2027"], ["quarter"] * 3, [(2026, 7), (2026, 10), (2027, 1)]),
        (ENGLISH.format("period"), ["2026", "2027", "2028"], ["year"] * 3, [(2026, 1), (2027, 1), (2028, 1)]),
        (ENGLISH.format("period"), ["2026Q3", "2026-11", "2027"], ["quarter", "month", "year"], [(2026, 7), (2026, 11), (2027, 1)]),
        (ENGLISH.format("month"), ["2026-07-01", "2026-08-01", "2026-09-01"], ["month"] * 3, [(2026, 7), (2026, 8), (2026, 9)]),
        (ENGLISH.format("period"), ["2026-02-01", "2026-05-01", "2026-11-01"], ["quarter"] * 3, [(2026, 2), (2026, 5), (2026, 11)]),
        (ENGLISH.format("period"), ["2026-04-01", "2027-04-01", "2029-04-01"], ["year"] * 3, [(2026, 4), (2027, 4), (2029, 4)]),
        (KOREAN.format("월"), ["2026년 7월", "2026년 8월", "2026년 12월"], ["month"] * 3, [(2026, 7), (2026, 8), (2026, 12)]),
        (KOREAN.format("분기"), ["2026년 3분기", "2026년 4분기", "2027년 1분기"], ["quarter"] * 3, [(2026, 7), (2026, 10), (2027, 1)]),
        (KOREAN.format("연도"), ["2026년", "2027년", "2028년"], ["year"] * 3, [(2026, 1), (2027, 1), (2028, 1)]),
    ],
)  # fmt: skip
def test_the_grain_comes_from_how_periods_are_written(
    tmp_path: Path, header: str, periods: list[str], grains: list[str], days: list[tuple[int, int]]
) -> None:
    # four regions, so that there are rows enough to be sure of
    level = "지역" if "구분" in header else "region"
    rows = [f"{period},{level},R{n},{n}000" for period in periods for n in range(1, 5)]
    (tmp_path / "targets.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    entry, frame = targets(tmp_path)
    assert entry.confidence >= 0.9
    assert frame["period_start"].to_list() == [date(year, month, 1) for year, month in days for _ in range(4)]
    assert frame["grain"].to_list() == [grain for grain in grains for _ in range(4)]
    assert frame["level"].to_list() == ["region"] * 12
    assert frame["amount"].to_list() == [1000, 2000, 3000, 4000] * 3


def test_the_column_that_names_the_members_gives_the_level(tmp_path: Path) -> None:
    rows = [f"2026-{month:02d},{name},500" for month in range(1, 13) for name in ("Ann", "Bob")]
    (tmp_path / "sales targets.csv").write_text("\n".join(["month,sales rep,quota", *rows]), encoding="utf-8")
    _, frame = targets(tmp_path)
    assert set(frame["level"]) == {"person"}
    assert set(frame["member"]) == {"Ann", "Bob"}
    assert frame["grain"].to_list() == ["month"] * 24
