"""What single systems mean by their words: companies that are called leads, flags beside stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.base.config import Company
from quarterdeck.connectors import from_yaml, propose, read, to_yaml

COMPANIES = "id,display_name,description,status_label,status_id,url,contacts,date_created\n" + "".join(
    f"lead_{n},Firm {n},,{'Customer' if n % 2 else 'Potential'},stat_{n % 2},https://firm{n}.com,Ann {n},2024-01-02\n"
    for n in range(20)
)
DEALS = "id,lead_id,lead_name,status_label,status_type,value,date_created,date_won\n" + "".join(
    f"oppo_{n},lead_{n % 20},Firm {n % 20},{'Won' if n % 2 else 'Active'},{'won' if n % 2 else 'active'},{n}00,"
    f"2024-01-03,{'2024-02-01' if n % 2 else ''}\n"
    for n in range(40)
)


def test_the_companies_that_a_system_calls_leads_are_accounts(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(COMPANIES, encoding="utf-8")
    (tmp_path / "opportunities.csv").write_text(DEALS, encoding="utf-8")
    mapping = propose(tmp_path, "crm")
    entries = {entry.path: entry for entry in mapping.files if not entry.is_distinct}
    assert {path: entry.table for path, entry in entries.items()} == {
        "leads.csv": "accounts",
        "opportunities.csv": "opportunities",
    }
    assert "a Close export of leads (its companies)" in entries["leads.csv"].reason
    frames = {batch.table: batch.frame for batch in read(mapping, tmp_path, company=Company())}
    assert frames["accounts"]["name"].to_list() == [f"Firm {n}" for n in range(20)]
    assert frames["opportunities"]["account_id"].to_list() == [f"lead_{n % 20}" for n in range(40)]
    assert frames["opportunities"]["lead_id"].null_count() == 40


def test_a_file_of_people_who_asked_stays_leads(tmp_path: Path) -> None:
    rows = "".join(f"{n},Ann {n},Firm {n},a{n}@x.com,New,2024-01-02\n" for n in range(20))
    (tmp_path / "leads.csv").write_text("id,name,company,email,status,created\n" + rows, encoding="utf-8")
    assert propose(tmp_path, "crm").files[0].table == "leads"


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("1", "0"), ("Yes", "No")])
def test_flags_for_won_and_closed_win_over_the_words_of_the_stage(tmp_path: Path, yes: str, no: str) -> None:
    # the stage's words lie: "Signed" is not closed yet, "Archive" holds lost and won deals
    kinds = [("Signed", no, no, "open"), ("Archive", yes, yes, "won"), ("Archive", yes, no, "lost")]
    rows = [(f"d{n}", *kinds[n % 3]) for n in range(30)]
    lines = [f"{key},{stage},500,{closed},{won},2024-05-01" for key, stage, closed, won, _ in rows]
    text = "\n".join(["Id,StageName,Amount,IsClosed,IsWon,CloseDate", *lines]) + "\n"
    (tmp_path / "Opportunity.csv").write_text(text, encoding="utf-8")
    mapping = from_yaml(to_yaml(propose(tmp_path, "sf")), "mapping/sf.yaml")
    (batch,) = [batch for batch in read(mapping, tmp_path, company=Company()) if batch.table == "opportunities"]
    assert batch.frame["status"].to_list() == [row[4] for row in rows]
    assert batch.frame["stage"].to_list() == [row[1] for row in rows]
    assert batch.frame["closed_at"].is_null().to_list() == [row[4] == "open" for row in rows]
    assert not batch.findings
