"""A lead that was posted is safe at once, seen at once, taken once."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.workspace import Workspace

NOW = datetime(2026, 7, 1, 9, 0)
LEAD = {"id": "web-1", "name": "Ann", "channel": "web", "created_at": "2026-06-30T10:00:00+09:00", "page": "/prices"}


def lead(workspace: Workspace) -> list[dict[str, object]]:
    return workspace.table("leads").filter(pl.col("id") == "web-1").to_dicts()


def test_an_arrival_is_in_the_view_before_the_lake_has_it_and_the_same_after(workspace: Workspace) -> None:
    before = workspace.table("leads").height
    workspace.receive("leads", [LEAD], source="web", now=NOW)
    (seen,) = lead(workspace)
    assert (seen["created_at"], seen["status"], seen["source"]) == (datetime(2026, 6, 30, 1), "new", "web")
    assert seen["attributes"] == '{"page": "/prices"}'
    assert workspace.table("leads").height == before + 1
    assert workspace.is_stale()
    workspace.sync(now=NOW)
    assert not workspace.is_stale()
    assert workspace.ledger.inbox() == []
    assert lead(workspace) == [seen]
    assert workspace.table("leads").height == before + 1


def test_a_record_sent_again_under_its_key_is_taken_once_and_a_change_of_it_replaces_it(workspace: Workspace) -> None:
    first = workspace.receive("leads", [LEAD], source="web", now=NOW, key="a")
    assert workspace.receive("leads", [LEAD], source="web", now=NOW, key="a") == first
    workspace.receive("leads", [{**LEAD, "status": "working"}], source="web", now=NOW, key="b")
    assert [row["status"] for row in lead(workspace)] == ["working"]
    workspace.sync(now=NOW)
    workspace.receive("leads", [{**LEAD, "status": "qualified"}], source="web", now=NOW, key="c")
    assert [row["status"] for row in lead(workspace)] == ["qualified"]


def test_a_sync_that_died_between_the_lake_and_the_inbox_is_repeated_without_harm(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.receive("leads", [LEAD], source="web", now=NOW)
    monkeypatch.setattr(type(workspace.ledger), "drain", lambda *_: pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        workspace.sync(now=NOW)
    monkeypatch.undo()
    assert len(lead(workspace)) == 1
    workspace.sync(now=NOW + timedelta(minutes=1))
    assert len(lead(workspace)) == 1
    assert workspace.ledger.inbox() == []


def test_a_source_that_is_synced_does_not_delete_what_arrived_live(workspace: Workspace) -> None:
    workspace.receive("leads", [LEAD], source="web", now=NOW)
    workspace.sync(now=NOW)
    (workspace.root / "export" / "leads.parquet").touch()
    workspace.sync(now=NOW + timedelta(days=1))
    assert len(lead(workspace)) == 1


def test_faults_of_arrivals_are_told_all_at_once_and_nothing_is_taken(workspace: Workspace) -> None:
    rows = [{"name": "no key"}, {"id": "x", "created_at": "yesterday", "employees": "many"}, LEAD]
    with pytest.raises(QuarterdeckError) as caught:
        workspace.receive("leads", rows, source="web", now=NOW)
    told = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in told] == ["row 0", "row 1", "row 1"]
    assert workspace.ledger.inbox() == []
    with pytest.raises(QuarterdeckError, match="did you mean 'leads'"):
        workspace.receive("lead", [LEAD], source="web", now=NOW)
