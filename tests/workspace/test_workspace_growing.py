"""A source that grows: what its mapping does not name is guessed, told, and added when it is wanted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from quarterdeck.workspace import Workspace

NOW = datetime(2026, 7, 1, 9, 0)
DEALS = "Deal ID,Amount,Stage,Created\nd1,100.00,Open,2026-01-05\nd2,250.50,Won,2026-02-05\n"
CALLS = "Call ID,Deal ID,Type,Started At\nc1,d1,call,2026-03-01 10:00\nc2,d2,call,2026-03-02 11:00\n"


def test_a_new_file_is_told_and_read_once_it_is_taken(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "deals.csv").write_text(DEALS)
    with Workspace.create(tmp_path / "acme", export, now=NOW) as workspace:
        mapping = workspace.root / "mapping" / "export.yaml"
        mapping.write_text(mapping.read_text().replace("files:", "# looked through by Kim\nfiles:", 1))
        assert [growth.changes for growth in workspace.grow_mappings()] == [()]
        (export / "calls.csv").write_text(CALLS)
        before = mapping.read_text()
        (growth,) = workspace.grow_mappings()
        assert (growth.source, growth.file) == ("export", "mapping/export.yaml")
        assert len(growth.changes) == 1
        assert growth.changes[0].startswith("calls.csv is new and is taken as activities")
        assert mapping.read_text() == before
        workspace.grow_mappings(take=True)
        assert mapping.read_text().startswith(before.rstrip("\n")[:400])
        assert "# looked through by Kim" in mapping.read_text()
        workspace.sync(now=NOW)
        assert workspace.table("activities")["id"].to_list() == ["c1", "c2"]
        assert [growth.changes for growth in workspace.grow_mappings()] == [()]
