"""Worked examples: each case is a plan, what was closed, and what it pays; its file's name is the sentence it proves."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from quarterdeck.base.money import to_major, to_minor
from quarterdeck.execute.commission import parse, pay

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
KEYS = {"source", "plan", "quotas", "deals", "expect"}
EXPECTED = {"deals", "people", "months", "reasons"}


def _facts(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "person_id": row["person"],
                "closed_on": row["day"],
                "amount": to_minor(row["amount"], "USD"),
                "opportunity_id": row.get("deal"),
                "share": Decimal(str(row.get("share", 1))),
                "reverses": row.get("reverses"),
                "term_months": row.get("term_months"),
                "served_months": row.get("served_months"),
            }
            for row in rows
        ],
        infer_schema_length=None,
    )


def _quotas(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "person_id": row["person"],
                "period_start": date.fromisoformat(f"{row['month']}-01"),
                "amount": to_minor(row["amount"], "USD"),
            }
            for row in rows
        ]
    )


def _sums(lines: pl.DataFrame, key: str) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for name, amount in lines.select(key, "amount").iter_rows():
        label = f"{name:%Y-%m}" if isinstance(name, date) else name
        sums[label] += to_major(amount, "USD")
    return sums


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_worked_example_pays_what_it_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(case) <= KEYS
    assert set(case["expect"]) <= EXPECTED
    lines = pay(parse(case["plan"]), _facts(case["deals"]), _quotas(case.get("quotas", [])))
    for table, key in (("deals", "opportunity_id"), ("people", "person_id"), ("months", "period_start")):
        found = _sums(lines, key)
        for name, amount in case["expect"].get(table, {}).items():
            assert found[name] == Decimal(str(amount)), (table, name, lines)
    for text in case["expect"].get("reasons", []):
        assert any(text in reason for reason in lines["reason"]), text


def test_there_is_a_case_for_every_rule() -> None:
    from quarterdeck.execute.commission.rules import RULES

    used = {rule["rule"] for path in CASES for rule in yaml.safe_load(path.read_text())["plan"]["rules"]}
    assert used == set(RULES)
