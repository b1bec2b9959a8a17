"""Merged records are shown as one; what a provider knows fills what nobody said."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import ibis
import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.base.schema import conform
from quarterdeck.records.merging import resolve
from quarterdeck.records.views import view

NOW = datetime(2026, 7, 1)


def seen(
    name: str, merged: dict[str, dict[str, str]] | None = None, as_of: datetime = NOW, **rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    frames = {key: conform(key, pl.DataFrame(value, infer_schema_length=None)) for key, value in rows.items()}

    def lookup(key: str) -> Any:
        return ibis.memtable(frames[key].to_arrow()) if key in frames else None

    found = view(name, lookup, as_of, Company(), {}, merged or {})
    assert found is not None
    return sorted(found.to_pyarrow().to_pylist(), key=lambda row: row["id"])


ACCOUNTS = [
    {"id": "a", "name": "Acme", "source": "crm", "source_id": "a", "region": "East"},
    {
        "id": "b",
        "name": "Acme Inc",
        "source": "crm",
        "source_id": "b",
        "region": "West",
        "employees": 40,
        "city": "Bonn",
    },
    {"id": "c", "name": "ACME", "source": "erp", "source_id": "c", "employees": 50, "country": "DE"},
    {"id": "d", "name": "Delta", "source": "crm", "source_id": "d", "parent_id": "b"},
]


def test_the_survivor_keeps_its_values_and_takes_what_it_has_not_from_the_first_duplicate_that_has_it() -> None:
    rows = seen("accounts", {"accounts": {"b": "a", "c": "a"}}, accounts=ACCOUNTS)
    assert [row["id"] for row in rows] == ["a", "d"]
    one = rows[0]
    assert (one["name"], one["region"], one["source_id"]) == ("Acme", "East", "a")
    assert (one["employees"], one["city"], one["country"]) == (40, "Bonn", "DE")
    assert rows[1]["parent_id"] == "a"


def test_the_order_of_the_decisions_says_which_duplicate_comes_first() -> None:
    rows = seen("accounts", {"accounts": {"c": "a", "b": "a"}}, accounts=ACCOUNTS)
    assert rows[0]["employees"] == 50


def test_a_deal_points_to_the_survivors_and_takes_their_region() -> None:
    deal = {"id": "1", "account_id": "b", "owner_id": "p2", "status": "open", "created_at": datetime(2026, 1, 1)}
    people = [{"id": "p1", "name": "Ann"}, {"id": "p2", "name": "Ann L", "region": "South"}]
    merged = {"accounts": {"b": "a"}, "people": {"p2": "p1"}}
    (row,) = seen("opportunities", merged, opportunities=[deal], accounts=ACCOUNTS, people=people)
    assert (row["account_id"], row["owner_id"], row["region"]) == ("a", "p1", "South")


def test_an_owner_of_the_past_is_the_survivor_too() -> None:
    deal = {"id": "1", "owner_id": "p9", "status": "open", "created_at": datetime(2026, 1, 1)}
    change = {"id": "h", "opportunity_id": "1", "changed_at": datetime(2026, 2, 1), "owner_id": "p2"}
    (row,) = seen("opportunities", {"people": {"p2": "p1"}}, opportunities=[deal], opportunity_history=[change])
    assert row["owner_id"] == "p1"


def test_a_duplicate_that_came_later_says_nothing_at_an_earlier_moment() -> None:
    rows = [
        {"id": "a", "name": "Acme", "created_at": datetime(2026, 1, 1)},
        {"id": "b", "name": "Acme Inc", "created_at": datetime(2026, 6, 1), "city": "Bonn"},
    ]
    merged = {"accounts": {"b": "a"}}
    (early,) = seen("accounts", merged, datetime(2026, 3, 1), accounts=rows)
    assert (early["id"], early["city"]) == ("a", None)
    (late,) = seen("accounts", merged, accounts=rows)
    assert late["city"] == "Bonn"


@pytest.mark.parametrize(
    ("pairs", "ends"),
    [
        ([("x", "a", "b"), ("x", "b", "c")], {"a": "c", "b": "c"}),
        ([("x", "b", "c"), ("x", "a", "b")], {"b": "c", "a": "c"}),
        ([("x", "a", "b"), ("x", "b", "a"), ("x", "z", "b")], {"b": "a", "z": "a"}),
    ],
)
def test_chains_are_followed_and_a_ring_ends_at_its_smallest_key(
    pairs: list[tuple[str, str, str]], ends: dict[str, str]
) -> None:
    assert resolve(pairs) == {"x": ends}


def fact(column: str, value: str, record: str = "d", **values: Any) -> dict[str, Any]:
    key = f"{record}.{column}.{value}.{values.get('provider')}.{values.get('found_at')}"
    return {
        "id": key, "table": "accounts", "record_id": record, "column": column, "value": value, "source": "enrichment",
        "provider": "P", "found_at": datetime(2026, 3, 1), **values,
    }  # fmt: skip


def test_a_provider_fills_what_is_empty_and_nothing_else() -> None:
    facts = [
        fact("name", "Delta Ltd"),
        fact("employees", "1,200"),
        fact("revenue", "1250000.50"),
        fact("founded_year", "about 1990"),
        fact("latitude", "50.73"),
        fact("created_at", "2020-01-31"),
        fact("industry", " Steel "),
        fact("city", "Köln", "zzz"),
    ]
    row = seen("accounts", accounts=ACCOUNTS, enrichments=facts)[-1]
    assert (row["name"], row["employees"], row["revenue"], row["founded_year"]) == ("Delta", 1200, 1_250_000_50, None)
    assert (row["latitude"], row["created_at"], row["city"]) == (50.73, datetime(2020, 1, 31), None)
    assert row["industry"] == "Steel"


def test_money_of_a_provider_is_read_in_the_records_currency() -> None:
    rows = [{"id": "d", "name": "Delta", "currency": "KRW"}]
    assert seen("accounts", accounts=rows, enrichments=[fact("revenue", "1250000")])[0]["revenue"] == 1_250_000


def test_of_several_providers_the_surest_counts_then_the_newest_and_none_from_the_future() -> None:
    facts = [
        fact("city", "Bonn", provider="A", confidence=0.9),
        fact("city", "Ulm", provider="B", confidence=0.9, found_at=datetime(2026, 4, 1)),
        fact("city", "Hof", provider="C", confidence=0.8, found_at=datetime(2026, 5, 1)),
        fact("city", "Kiel", provider="D", confidence=1.0, found_at=datetime(2026, 6, 1)),
        fact("country", "DE", provider="A"),
        fact("country", "AT", provider="B", confidence=0.4),
    ]
    (row,) = seen("accounts", None, datetime(2026, 5, 15), accounts=ACCOUNTS[3:], enrichments=facts)
    assert (row["city"], row["country"]) == ("Ulm", "DE")
    (row,) = seen("accounts", None, datetime(2026, 3, 1), accounts=ACCOUNTS[3:], enrichments=facts)
    assert (row["city"], row["country"]) == (None, None)


def test_what_a_provider_knows_of_a_duplicate_is_known_of_the_survivor() -> None:
    row = seen("accounts", {"accounts": {"b": "a"}}, accounts=ACCOUNTS, enrichments=[fact("domain", "acme.com", "b")])[
        0
    ]
    assert (row["id"], row["domain"]) == ("a", "acme.com")


def test_a_deals_region_may_come_from_a_provider() -> None:
    deal = {"id": "1", "account_id": "d", "status": "open", "expected_close_on": date(2026, 8, 1)}
    (row,) = seen("opportunities", opportunities=[deal], accounts=ACCOUNTS, enrichments=[fact("region", "North")])
    assert row["region"] == "North"


def test_a_day_that_does_not_exist_fills_nothing() -> None:
    rows = seen("accounts", accounts=ACCOUNTS[3:], enrichments=[fact("created_at", "2025-02-30")])
    assert rows[0]["created_at"] is None
