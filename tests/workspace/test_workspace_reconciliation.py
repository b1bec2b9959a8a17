"""Each sync says what it read, kept and set aside, and whether that adds up; each row set aside can be shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from small_company import ACCOUNTS, PEOPLE, SmallCompany, deal

from quarterdeck.connectors.report import FileReport, MoneySum, OwnCount, RowCount
from quarterdeck.records.sync import TableSync
from quarterdeck.workspace import reconciliation

REPORT = FileReport(
    source="crm",
    file="deals.csv",
    table="opportunities",
    is_complete=True,
    rows=(RowCount("", 98), RowCount("key_missing", 1), RowCount("totals_row", 1)),
    money=(
        MoneySum("amount", "USD", "", 1_000_050, 97, 1),
        MoneySum("amount", "USD", "key_missing", 250, 1),
        MoneySum("amount", "JPY", "", 700, 1),
    ),
    own=(
        OwnCount("rows", 100, 100, "line ends outside quotation marks"),
        OwnCount("sum", 1_000_300, 1_000_300, "the totals row in line 100", "amount", "USD"),
    ),
)
SYNC = TableSync("crm", "opportunities", read=100, added=98, changed=0, deleted=0, set_aside=2, held=98)


def line(frame: pl.DataFrame, measure: str, currency: str = "") -> dict[str, object]:
    (row,) = frame.filter((pl.col("measure") == measure) & (pl.col("currency") == currency)).to_dicts()
    return row


def test_rows_and_money_are_told_by_reason_beside_the_sources_own() -> None:
    frame = reconciliation.lines([REPORT], [SYNC])
    rows = line(frame, "rows")
    assert (rows["read"], rows["kept"], rows["set_aside"]) == (100, 98, 2)
    assert rows["reasons"] == "1 without key, 1 totals"
    assert (rows["theirs"], rows["agrees"]) == (100, True)
    dollars = line(frame, "amount", "USD")
    assert [dollars[name] for name in ("read", "kept", "set_aside", "theirs")] == [
        Decimal("10003.00"), Decimal("10000.50"), Decimal("2.50"), Decimal("10003.00"),
    ]  # fmt: skip
    assert dollars["reasons"] == "without key 2.50; 1 amounts could not be read"
    assert dollars["told_by"] == "the totals row in line 100"
    assert (line(frame, "amount", "JPY")["read"], line(frame, "amount", "JPY")["agrees"]) == (700, None)
    assert line(frame, "held")["agrees"]
    assert reconciliation.findings(frame) == []


@pytest.mark.parametrize(
    ("report", "sync", "severity", "told"),
    [
        (replace(REPORT, own=(OwnCount("rows", 120, 100, "the file's metadata"),)), SYNC, "warning", "100 here, 120 by"),
        (
            replace(REPORT, own=(OwnCount("sum", 5, 1_000_300, "the totals row", "amount", "USD"),)),
            SYNC, "warning", "amount of opportunities do not add up: 10,003 USD here, 0.05 USD by the totals row",
        ),
        (replace(REPORT, is_complete=False, own=()), SYNC, "warning", "was not read whole"),
        (REPORT, replace(SYNC, held=97), "error", "held of opportunities do not add up: 97 here, 98 by"),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_a_finding_with_both_figures(
    report: FileReport, sync: TableSync, severity: str, told: str
) -> None:
    (found,) = reconciliation.findings(reconciliation.lines([report], [sync]))
    assert (found.code, found.severity) == ("records.does_not_add_up", severity)
    assert told in found.message


def test_rows_that_aged_out_or_were_not_sent_do_not_disturb_the_sum() -> None:
    aged = replace(SYNC, held=110, unsent=12, aged_out=12)
    assert line(reconciliation.lines([], [aged]), "held")["agrees"]
    unread = replace(SYNC, held=110, unsent=12)
    held = line(reconciliation.lines([], [unread]), "held")
    assert (held["agrees"], held["reasons"]) == (True, "12 not sent this time, kept")


def test_every_row_that_was_set_aside_can_be_shown_and_stays_with_its_sync(tmp_path: Path) -> None:
    rows = [deal("D1"), deal("", amount="77.00"), deal("D2")]
    company = SmallCompany(tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=rows)
    workspace, then = company.workspace, company.now
    (aside,) = workspace.set_aside().to_dicts()
    assert (aside["file"], aside["table"], aside["line"]) == ("opportunities.csv", "opportunities", "3")
    assert "77.00" in aside["raw"]
    report = workspace.reconciliation()
    money = report.filter(pl.col("measure") == "amount").to_dicts()[0]
    assert (money["read"], money["kept"], money["set_aside"]) == (Decimal(2077), Decimal(2000), Decimal(77))
    company.sync(opportunities=[deal("D1"), deal("D2")])
    assert workspace.set_aside().is_empty()
    assert workspace.set_aside(known_at=then).height == 1
    assert workspace.set_aside(1).height == 1
    assert workspace.reconciliation(1).equals(report)


def test_a_sync_of_arrivals_alone_keeps_the_report_of_the_files(tmp_path: Path) -> None:
    company = SmallCompany(tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1")])
    report = company.workspace.reconciliation()
    company.workspace.receive("leads", [{"id": "w", "name": "Ann"}], source="web", now=company.now)
    company.workspace.sync(now=company.now)
    assert company.workspace.reconciliation().equals(report)


def test_a_sync_that_was_killed_leaves_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company = SmallCompany(tmp_path / "acme", people=PEOPLE, accounts=ACCOUNTS, opportunities=[deal("D1")])
    with monkeypatch.context() as patched:
        patched.setattr(type(company.workspace.lake), "commit", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            company.sync(opportunities=[deal("D5")])
    assert company.workspace.reconciliation().filter(pl.col("measure") == "held")["kept"].to_list()[-1] is not None
    with company.workspace.lake.writing():
        assert not list((company.root / "lake").glob("_*/00000002.parquet"))
