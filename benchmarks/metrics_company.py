"""A company for the benchmark of metrics: many rows, made in the engine."""

from __future__ import annotations

from pathlib import Path

import duckdb

from quarterdeck.base.schema import table

SHARES = {"opportunities": 0.06, "opportunity_history": 0.24, "activities": 0.60, "leads": 0.10}
KINDS = {"text": "VARCHAR", "json": "VARCHAR", "instant": "TIMESTAMP", "day": "DATE", "money": "BIGINT"}
KINDS |= {"integer": "BIGINT", "number": "DOUBLE", "flag": "BOOLEAN", "decimal": "DECIMAL(18, 6)"}


def _columns(name: str, given: dict[str, str]) -> str:
    """The table's columns as a select list, those that are not given empty."""
    return ", ".join(
        f"CAST(({given.get(column.name, 'NULL')}) AS {KINDS[column.type]}) AS {column.name}"
        for column in table(name).columns
    )


def _draw(name: str, size: int) -> str:
    """A whole number below `size`, of a row and a name."""
    return f"(hash('{name}', i) % {size})"


def _moment(name: str) -> str:
    return f"TIMESTAMP '2020-01-01' + to_seconds({_draw(name, 1826 * 86_400)}::BIGINT)"


def _pick(letter: str, name: str, size: int) -> str:
    return f"'{letter}' || {_draw(name, size)}"


def _deals(owners: int, accounts: int) -> dict[str, str]:
    closed = f"({_moment('created')} + to_seconds({_draw('life', 180 * 86_400)}::BIGINT))"
    is_closed = f"{closed} < TIMESTAMP '2025-01-01'"
    end = f"CASE WHEN {_draw('won', 3)} = 0 THEN 'won' ELSE 'lost' END"
    return {
        "id": "'O' || i",
        "region": _pick("R", "region", 5),
        "owner_id": _pick("P", "owner", owners),
        "product_id": _pick("X", "product", 12),
        "account_id": _pick("A", "account", accounts),
        "stage": _pick("S", "stage", 5),
        "amount": f"CASE WHEN {_draw('empty', 10)} > 0 THEN 1000 + {_draw('amount', 5_000_000)} END",
        "currency": "'USD'",
        "created_at": _moment("created"),
        "closed_at": f"CASE WHEN {is_closed} THEN {closed} END",
        "status": f"CASE WHEN {is_closed} THEN {end} ELSE 'open' END",
    }


def _traces(deals: int, owners: int) -> dict[str, dict[str, str]]:
    of_deal = _pick("O", "deal", deals)
    return {
        "opportunity_history": {
            "id": "'H' || i",
            "opportunity_id": of_deal,
            "changed_at": _moment("changed"),
            "stage": _pick("S", "stage", 5),
            "amount": f"1000 + {_draw('amount', 5_000_000)}",
        },
        "activities": {
            "id": "'K' || i",
            "kind": f"['email', 'call', 'demo', 'meeting', 'proposal'][1 + {_draw('kind', 5)}::BIGINT]",
            "opportunity_id": of_deal,
            "owner_id": _pick("P", "owner", owners),
            "started_at": _moment("started"),
        },
        "leads": {
            "id": "'L' || i",
            "region": _pick("R", "region", 5),
            "owner_id": _pick("P", "owner", owners),
            "industry": _pick("I", "industry", 9),
            "channel": _pick("C", "channel", 6),
            "status": f"CASE WHEN {_draw('converted', 4)} = 0 THEN 'converted' ELSE 'unqualified' END",
            "created_at": _moment("created"),
            "responded_at": (
                f"CASE WHEN {_draw('answered', 9)} > 0 "
                f"THEN {_moment('created')} + to_seconds({_draw('wait', 90_000)}::BIGINT) END"
            ),
        },
    }


def make(folder: Path, rows: int) -> None:
    """A company of so many rows as Parquet files, drawn from hashes: the same on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {name: round(rows * share) for name, share in SHARES.items()}
    deals = sizes["opportunities"]
    sizes |= {"people": max(20, deals // 5000), "products": 12, "accounts": max(100, deals // 8)}
    team, family = "'T' || (i % 25)", "'F' || (i % 3)"
    made = {
        "people": {"id": "'P' || i", "name": "'P' || i", "team": team, "region": "'R' || (i % 5)"},
        "products": {"id": "'X' || i", "name": "'X' || i", "unit_price": "100 + 50 * i", "family": family},
        "accounts": {"id": "'A' || i", "name": "'A' || i", "industry": _pick("I", "industry", 9)},
        "opportunities": _deals(sizes["people"], sizes["accounts"]),
        **_traces(deals, sizes["people"]),
    }
    connection = duckdb.connect()
    for name, given in made.items():
        query = f"SELECT {_columns(name, given)} FROM range({sizes[name]}) AS t(i)"
        connection.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    connection.close()
