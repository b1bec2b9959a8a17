"""A company of a few rows whose export changes between syncs, and whose clock is set."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from quarterdeck.base.config import Company
from quarterdeck.records.ledger import Ledger
from quarterdeck.workspace import Workspace
from quarterdeck.workspace.facade import SyncReport

START = datetime(2026, 1, 5, 8)

PEOPLE = [
    {"user_id": "P1", "full_name": "Anna Snelling", "email": "anna@acme.com", "region": "East"},
    {"user_id": "P2", "full_name": "Rosie Papadopoulos", "email": "rosie@acme.com", "region": "West"},
]
ACCOUNTS = [
    {"account_id": "A1", "account_name": "Globex", "industry": "steel", "city": ""},
    {"account_id": "A2", "account_name": "Globex Inc", "industry": "", "city": "Bonn"},
    {"account_id": "A3", "account_name": "Initech", "industry": "software", "city": "Ulm"},
]


def deal(key: str, **values: Any) -> dict[str, Any]:
    return {
        "opportunity_id": key, "opportunity_name": f"Deal {key}", "account_id": "A1", "owner_id": "P1",
        "stage": "Qualify", "status": "open", "amount": "1000.00", "created_date": "2025-11-03",
        "expected_close_date": "2026-03-31", "close_date": "", **values,
    }  # fmt: skip


class SmallCompany:
    """A workspace on an export of CSV files that are written anew before each sync, an hour apart."""

    def __init__(self, root: Path, **tables: list[dict[str, Any]]) -> None:
        self.root, self.folder, self.now = root, root.parent / "export", START
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write(**tables)
        made = Workspace.create(root, self.folder, company=Company(name="Acme", currency="USD"), now=self.now)
        made.close()
        self.workspace = self.opened()

    def opened(self) -> Workspace:
        """The workspace, with a ledger that tells this company's time."""
        workspace = Workspace.open(self.root)
        ledger = Ledger.open(f"sqlite:///{(self.root / 'ledger.sqlite3').resolve()}", clock=lambda: self.now)
        workspace.__dict__["ledger"] = ledger
        return workspace

    def write(self, **tables: list[dict[str, Any]]) -> None:
        for name, rows in tables.items():
            with (self.folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

    def sync(self, hours: float = 1, **tables: list[dict[str, Any]]) -> SyncReport:
        self.pass_time(hours)
        self.write(**tables)
        return self.workspace.sync(now=self.now)

    def pass_time(self, hours: float = 1) -> None:
        self.now += timedelta(hours=hours)
