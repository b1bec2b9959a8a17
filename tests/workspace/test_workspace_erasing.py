"""A person who was erased is found in no file of the workspace, and comes back with no sync."""

from __future__ import annotations

import gzip
import html
import io
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_company import ACCOUNTS, PEOPLE, SmallCompany, deal

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.workspace import Workspace

CONTACTS = [
    {"contact_id": "003AX0001", "contact_name": "Mira Okafor", "email": "mira@globex.com", "phone": "+49 30 1234 5678", "account_id": "A1", "created_date": "2025-11-01"},
    {"contact_id": "003AX0002", "contact_name": "김미나", "email": "mina@globex.com", "phone": "010-9876-5432", "account_id": "A2", "created_date": "2025-11-02"},
    {"contact_id": "003AX0003", "contact_name": "Jan O'Neil", "email": "jan@initech.com", "phone": "", "account_id": "A3", "created_date": "2025-11-03"},
]  # fmt: skip
LEADS = [
    {"lead_id": "00QAX0001", "lead_name": "Mira Okafor", "email": "Mira@globex.com", "phone": "", "lead_source": "web", "status": "new", "created_date": "2025-11-05"},
    {"lead_id": "00QAX0002", "lead_name": "Sam Field", "email": "sam@field.org", "phone": "0511 7654321", "lead_source": "web", "status": "new", "created_date": "2025-11-06"},
]  # fmt: skip
ACTIVITIES = [
    {"activity_id": "T1", "activity_type": "call", "contact_id": "003AX0001", "owner_id": "P1", "opportunity_id": "D1", "activity_date": "2025-12-01", "subject": "Call with Mira Okafor, 030/12345678"},
    {"activity_id": "T2", "activity_type": "email", "contact_id": "003AX0002", "owner_id": "P1", "opportunity_id": "D1", "activity_date": "2025-12-02", "subject": "김미나님께 견적, cc jan@initech.com"},
    {"activity_id": "T3", "activity_type": "email", "contact_id": "003AX0003", "owner_id": "P2", "opportunity_id": "D2", "activity_date": "2025-12-03", "subject": "Sent by Rosie Papadopoulos to Jan O'Neil and sam@field.org"},
]  # fmt: skip
PERSONS = {
    "mira@globex.com": ("Mira Okafor", "mira@globex.com", "003AX0001", "00QAX0001", "12345678", "1234 5678"),
    "003AX0002": ("김미나", "mina@globex.com", "003AX0002", "98765432", "9876-5432"),
    "Jan O'Neil": ("Jan O'Neil", "Jan O&#x27;Neil", "jan@initech.com", "003AX0003"),
    "sam@field.org": ("Sam Field", "sam@field.org", "00QAX0002", "0511 7654321"),
    "rosie@acme.com": ("Rosie Papadopoulos", "rosie@acme.com"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two syncs, a run, decisions, an arrival, a spreadsheet and set-aside rows that name people."""
    root = tmp_path_factory.mktemp("erasing") / "acme"
    deals = [deal("D1"), deal("D2", owner_id="P2"), deal("D3", owner_id="P2", status="won", close_date="2025-12-20")]
    company = SmallCompany(
        root,
        people=PEOPLE,
        accounts=ACCOUNTS,
        contacts=CONTACTS,
        leads=LEADS,
        activities=ACTIVITIES,
        opportunities=deals,
    )
    changed = [{**row, "phone": row["phone"] or "+1 555 010 9999"} for row in CONTACTS]
    company.sync(contacts=changed)
    workspace = company.workspace
    arrival = {"id": "web-7", "name": "Sam Field", "email": "sam@field.org", "note": "Rosie Papadopoulos called"}
    workspace.receive("leads", [arrival, {"id": "web-8", "name": "Ann Else"}], source="web", now=company.now)
    workspace.sync(now=company.now)
    reason = "Mira Okafor, 김미나, Jan O'Neil, Sam Field and Rosie Papadopoulos said so"
    workspace.merge("accounts", "A2", "A1", who="Kim", reason=reason, now=company.now)
    for name in ("people", "contacts", "leads", "activities"):
        workspace.store.put(f"view.{name}", "0" * 64, {name: workspace.table(name)}, 0.1)
    frame = workspace.table("contacts")
    frame.write_excel(root / "contacts.xlsx")
    (root / "notes.txt.gz").write_bytes(gzip.compress(reason.encode()))
    (root / "reports" / "page.html").write_text(f"<p>{html.escape(reason)}</p>", encoding="utf-8")
    (root / "mapping" / "sample.yaml").write_text(f"sample: {reason}\n", encoding="utf-16-le")
    aside = pl.DataFrame(
        {"source": ["export"], "file": ["x"], "table": ["leads"], "line": ["3"], "reason": ["r"], "raw": [reason]}
    )
    aside.write_parquet(root / "lake" / "_set_aside" / "00000002.parquet")
    workspace.close()
    return root


def decoded(path: Path) -> Iterator[str]:
    """All texts in a file: Parquet, archives and bytes in every encoding."""
    yield from _decoded(path.name, path.read_bytes())


def _decoded(name: str, data: bytes) -> Iterator[str]:
    if data[:4] == b"PAR1":
        yield pl.read_parquet(io.BytesIO(data)).write_json()
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _decoded(member, archive.read(member))
    elif data[:2] == b"\x1f\x8b":
        yield from _decoded(name, gzip.decompress(data))
    for encoding in ("utf-8", "utf-16-le", "cp949"):
        yield data.decode(encoding, errors="replace")


def holding(root: Path, words: tuple[str, ...]) -> list[tuple[str, str]]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return [
        (str(path.relative_to(root)), word)
        for path in files
        for text in decoded(path)
        for word in words
        if word.casefold() in text.casefold()
    ]


def opened(made: Path, folder: Path) -> tuple[Workspace, Any]:
    shutil.copytree(made.parent, folder, copy_function=shutil.copy2)
    company = SmallCompany.__new__(SmallCompany)
    company.root, company.folder = folder / "acme", folder / "export"
    company.now = pytest.importorskip("small_company").START + timedelta(days=30)
    company.workspace = company.opened()
    return company.workspace, company


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(PERSONS)))
def test_nothing_of_an_erased_person_is_found_and_no_sync_brings_it_back(
    made: Path, tmp_path_factory: pytest.TempPathFactory, who: str
) -> None:
    workspace, company = opened(made, tmp_path_factory.mktemp("one") / "copy")
    words = PERSONS[who]
    assert {word for _, word in holding(workspace.root, words)} >= set(words[1:2])
    sums = {name: workspace.table(name).height for name in ("contacts", "leads", "people", "activities")}
    won = workspace.table("opportunities").group_by("status").agg(pl.col("amount").sum()).sort("status").to_dicts()
    done = workspace.erase(workspace.find_person(who), who="Lee", reason="asked for it", now=company.now)
    assert done.records >= 1
    assert done.elsewhere == ("the files of the source export in ../export",)
    assert holding(workspace.root, words) == []
    company.sync(accounts=[*ACCOUNTS, {"account_id": "A4", "account_name": "New", "industry": "", "city": ""}])
    assert holding(workspace.root, words) == []
    found = (
        workspace.findings()
        if workspace.runs()
        else pl.read_parquet(max((workspace.root / "lake/_findings").iterdir()))
    )
    assert "records.erased_in_source" in found["code"].to_list()
    assert {name: workspace.table(name).height for name in sums} == sums
    after = workspace.table("opportunities").group_by("status").agg(pl.col("amount").sum()).sort("status").to_dicts()
    assert after == won
    assert workspace.ledger.verify() == []
    (note,) = workspace.ledger.entries("decisions", kind="person_erased")
    assert note.payload is not None
    assert note.payload["reason"] == "asked for it"
    assert workspace.merges()["survivor_id"].to_list() == ["A1"]
    others = [word for other, words in PERSONS.items() if other != who for word in words[1:2]]
    assert {word for _, word in holding(workspace.root / "lake", tuple(others))} >= {
        word for word in others if "@" in word
    }


def test_a_seller_who_is_erased_keeps_deals_and_activities_under_one_pseudonym(made: Path, tmp_path: Path) -> None:
    workspace, company = opened(made, tmp_path / "copy")
    workspace.erase(workspace.find_person("Rosie Papadopoulos"), who="Lee", reason="left", now=company.now)
    (key,) = set(workspace.table("people")["id"]) - {"P1"}
    assert key.startswith("erased-")
    assert workspace.table("opportunities").filter(pl.col("owner_id") == key).height == 2
    assert workspace.table("activities").filter(pl.col("owner_id") == key).height == 1


def test_an_erasure_that_was_killed_is_finished_by_the_next_sync(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, company = opened(made, tmp_path / "copy")
    found = workspace.find_person("sam@field.org")
    with monkeypatch.context() as patched:
        patched.setattr("quarterdeck.workspace.erasing._ledger", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            workspace.erase(found, who="Lee", reason="asked", now=company.now)
    assert holding(workspace.root, PERSONS["sam@field.org"]) != []
    company.sync()
    assert holding(workspace.root, PERSONS["sam@field.org"]) == []
    assert len(workspace.ledger.entries("decisions", kind="person_erased")) == 1


def test_who_is_meant_must_be_one_person(made: Path, tmp_path: Path) -> None:
    workspace, company = opened(made, tmp_path / "copy")
    with pytest.raises(QuarterdeckError, match="did you mean 'Mira Okafor'"):
        workspace.find_person("Mira Okafo")
    with pytest.raises(QuarterdeckError, match="without the person's data"):
        workspace.erase(workspace.find_person("sam@field.org"), who="Lee", reason="Sam Field asked", now=company.now)
    namesake = {**CONTACTS[0], "contact_id": "003AX0009", "email": "other@mira.com"}
    company.sync(contacts=[*CONTACTS, namesake])
    with pytest.raises(QuarterdeckError, match="means 2 persons"):
        workspace.find_person("mira okafor")
    assert workspace.find_person("other@mira.com").shared_names == ("Mira Okafor",)
