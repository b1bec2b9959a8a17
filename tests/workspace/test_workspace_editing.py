"""A table goes out to a spreadsheet and comes back: differences, conflicts, corrections that hold as long as they may."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces import editable
from quarterdeck.workspace import Workspace
from quarterdeck.workspace.corrections import table_of_corrections
from quarterdeck.workspace.editing import Difference, compare, take

NOW = datetime(2026, 7, 1, 9, 0)
DEALS = """\
id,name,stage,amount,created_at,close_date,owner_id,account_id
D1,One,Proposal,100.00,2026-01-05,2026-08-01,Ann,Acme
D2,Two,Won,250.50,2026-01-06,2026-03-01,Bob,Acme
D3,Three,Lost,75.25,2026-01-07,2026-04-01,Ann,Bolt
"""
MAPPING = """\
source: crm
id_prefix: ''
files:
  - path: deals.csv
    table: opportunities
    columns:
      - {column: id, target: id}
      - {column: name, target: name}
      - {column: stage, target: stage}
      - {column: stage, target: status, values: {Proposal: open, Won: won, Lost: lost}}
      - {column: amount, target: amount}
      - {column: created_at, target: created_at}
      - {column: close_date, target: closed_at}
      - {column: close_date, target: expected_close_on}
      - {column: owner_id, target: owner_id}
      - {column: account_id, target: account_id}
"""


@pytest.fixture
def small(tmp_path: Path) -> Workspace:
    """Three deals from a folder."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "deals.csv").write_text(DEALS, encoding="utf-8")
    root = tmp_path / "acme"
    Workspace.create(root, now=NOW).close()
    settings = root / "quarterdeck.yaml"
    text = settings.read_text(encoding="utf-8").replace("sources: []", "sources: [{name: crm, folder: ../export}]")
    settings.write_text(text, encoding="utf-8")
    (root / "mapping" / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    workspace = Workspace.open(root)
    workspace.sync(now=NOW)
    return workspace


def out(workspace: Workspace, name: str = "opportunities") -> pl.DataFrame:
    """The table as it comes out of a workbook, cells as text."""
    path = workspace.root / "out.xlsx"
    frame = workspace.overrides() if name == "overrides" else workspace.table(name)
    editable.write(frame, name, path, "USD", {})
    return editable.read(path).base


def typed(base: pl.DataFrame, **cells: dict[str, str | None]) -> pl.DataFrame:
    """The rows with cells of a column typed over, by key."""
    return base.with_columns(
        pl.Series(column, [values.get(key, old) for key, old in zip(base["id"], base[column], strict=True)], pl.String)
        for column, values in cells.items()
    )


def done(workspace: Workspace, found: Difference, **options: Any) -> list[str]:
    return take(workspace, found, who="Kim", reason="checked", now=NOW + timedelta(hours=1), **options)


def deal(workspace: Workspace, key: str, **options: Any) -> dict[str, Any]:
    return workspace.table("opportunities", **options).row(by_predicate=pl.col("id") == key, named=True)


def sync_with(workspace: Workspace, before: str, after: str, hours: int = 2) -> None:
    path = workspace.root.parent / "export" / "deals.csv"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    workspace.sync(now=NOW + timedelta(hours=hours))


def test_a_table_that_comes_back_untouched_has_no_difference(small: Workspace) -> None:
    base = out(small)
    assert compare(small, "opportunities", base, base).is_empty
    assert compare(small, "opportunities", base, base.sort("id", descending=True).drop("name")).is_empty


def test_changed_cells_are_shown_old_and_new_and_hold_in_every_view_when_taken(small: Workspace) -> None:
    base = out(small)
    back = typed(base, amount={"D1": "1234.5"}, expected_close_on={"D1": "2026-09-30 00:00:00"}, name={"D3": None})
    found = compare(small, "opportunities", base, back)
    assert [(change.record_id, change.column, change.before, change.after) for change in found.changes] == [
        ("D1", "amount", 10000, 123450),
        ("D1", "expected_close_on", date(2026, 8, 1), date(2026, 9, 30)),
        ("D3", "name", "Three", None),
    ]
    assert (deal(small, "D1")["amount"], found.conflicts) == (10000, ())
    said, how = done(small, found)
    assert said == "3 values of 2 records of opportunities are corrected: correction-1, correction-2."
    assert "withdraw" in how
    assert "correction-1" in how
    assert deal(small, "D1")["amount"] == 123450
    assert deal(small, "D1")["expected_close_on"] == date(2026, 9, 30)
    assert deal(small, "D3")["name"] is None
    assert deal(small, "D1", known_at=NOW + timedelta(minutes=30))["amount"] == 10000
    run = small.run(now=NOW + timedelta(hours=2), as_of=date(2026, 7, 1), until="metrics")
    assert small.tables_of(run)["opportunities"].filter(pl.col("id") == "D1")["amount"].to_list() == [123450]


def test_a_correction_holds_until_the_source_changes_that_value(small: Workspace) -> None:
    base = out(small)
    done(small, compare(small, "opportunities", base, typed(base, amount={"D1": "111"}, name={"D1": "Uno"})))
    sync_with(small, "D2,Two", "D2,Zwei", 2)
    assert (deal(small, "D1")["amount"], deal(small, "D2")["name"]) == (11100, "Zwei")
    sync_with(small, "One,Proposal,100.00", "One,Proposal,100.01", 3)
    assert (deal(small, "D1")["amount"], deal(small, "D1")["name"]) == (10001, "Uno")
    assert dict(table_of_corrections(small).select("column", "holds").iter_rows()) == {"amount": False, "name": True}


def test_a_corrected_amount_holds_when_the_source_changes_another_value_of_the_deal(small: Workspace) -> None:
    base = out(small)
    done(small, compare(small, "opportunities", base, typed(base, amount={"D1": "111"})))
    sync_with(small, "Proposal,100.00,2026-01-05,2026-08-01,Ann", "Proposal,100.00,2026-01-05,2026-08-15,Bob", 2)
    found = deal(small, "D1")
    assert (found["amount"], found["owner_id"], found["expected_close_on"]) == (11100, "Bob", date(2026, 8, 15))


def test_a_correction_can_be_withdrawn(small: Workspace) -> None:
    base = out(small)
    done(small, compare(small, "opportunities", base, typed(base, amount={"D1": "111"})))
    (key,) = table_of_corrections(small)["id"].to_list()
    small.withdraw(key, who="Kim", reason="wrong row", now=NOW + timedelta(hours=2))
    assert deal(small, "D1")["amount"] == 10000
    assert table_of_corrections(small).is_empty()


def test_what_closed_later_stays_hidden_before_it_closed_when_it_was_corrected(small: Workspace) -> None:
    base = out(small)
    back = typed(base, closed_at={"D2": "2026-05-01 00:00:00"}, amount={"D2": "300"})
    done(small, compare(small, "opportunities", base, back))
    assert deal(small, "D2", as_of=date(2026, 4, 1))["status"] == "open"
    assert deal(small, "D2", as_of=date(2026, 4, 1))["closed_at"] is None
    assert (deal(small, "D2")["status"], deal(small, "D2")["closed_at"]) == ("won", datetime(2026, 5, 1))


def test_a_record_that_changed_since_the_export_is_a_conflict_and_is_left_out_unless_asked_for(
    small: Workspace,
) -> None:
    base = out(small)
    sync_with(small, "One,Proposal,100.00", "One,Proposal,120.00", 1)
    found = compare(small, "opportunities", base, typed(base, amount={"D1": "111"}, name={"D1": "Uno"}))
    assert [(change.column, change.before, change.after, change.now) for change in found.conflicts] == [
        ("amount", 10000, 11100, 12000)
    ]
    done(small, found)
    assert (deal(small, "D1")["amount"], deal(small, "D1")["name"]) == (12000, "Uno")
    done(small, found, with_conflicts=True)
    assert deal(small, "D1")["amount"] == 11100
    same = compare(small, "opportunities", base, typed(base, amount={"D1": "111"}))
    assert same.is_empty


def test_added_rows_arrive_once_and_deleted_ones_stay(small: Workspace) -> None:
    base = out(small)
    new = {"name": "Four", "status": "open", "amount": "5", "created_at": "2026-06-01 00:00:00", "currency": "USD"}
    back = pl.concat([base.filter(pl.col("id") != "D3"), pl.DataFrame([new])], how="diagonal")
    found = compare(small, "opportunities", base, back)
    assert (len(found.added), found.deleted) == (1, ("D3",))
    for _ in range(2):
        told = done(small, found)
    assert told[1].startswith("1 deleted rows are left as they are")
    rows = small.table("opportunities")
    assert rows.height == 4
    four = rows.filter(pl.col("name") == "Four").row(0, named=True)
    assert (four["amount"], four["source"], four["created_at"]) == (500, "typed", datetime(2026, 6, 1))
    assert deal(small, "D3")["name"] == "Three"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"amount": {"D1": "much"}}, "D1: amount is to be money, 'much' is not"),
        ({"status": {"D1": None}}, "D1: status must not be empty"),
        ({"source_id": {"D1": "X"}}, "D1: source_id is not to be changed; it went out as 'D1'"),
        ({"closed_at": {"D2": "soon"}}, "D2: closed_at is to be instant, 'soon' is not"),
    ],
)
def test_cells_that_cannot_be_taken_are_told_with_their_values(
    small: Workspace, cells: dict[str, dict[str, str | None]], told: str
) -> None:
    base = out(small)
    with pytest.raises(QuarterdeckError) as caught:
        compare(small, "opportunities", base, typed(base, **cells))
    assert told in str(caught.value)


def test_a_key_twice_a_computed_table_and_a_missing_signature_are_refused(small: Workspace) -> None:
    base = out(small)
    with pytest.raises(QuarterdeckError, match="such as 'D1'"):
        compare(small, "opportunities", base, pl.concat([base, base.head(1)]))
    with pytest.raises(QuarterdeckError, match="scores is computed"):
        compare(small, "scores", base, base)
    found = compare(small, "opportunities", base, typed(base, amount={"D1": "1"}))
    with pytest.raises(QuarterdeckError, match="--who"):
        take(small, found, who=" ", reason="x", now=NOW)


def test_each_changed_override_is_an_override_and_a_deleted_one_is_withdrawn(workspace: Workspace) -> None:
    made = [
        workspace.override("demand", "all", value, period=period, reason="fair", who="Ann", now=NOW)
        for value, period in ((100.0, "2026-08"), (200.0, "2026-09"))
    ]
    base = out(workspace, "overrides")
    back = typed(base.filter(pl.col("id") == made[0]), value={made[0]: "150"})
    found = compare(workspace, "overrides", base, back)
    assert done(workspace, found) == ["override-3: demand all of 2026-08 is 150.", f"{made[1]} is withdrawn."]
    (left,) = workspace.overrides().to_dicts()
    assert (left["value"], left["who"], left["reason"]) == (150.0, "Kim", "checked")
