"""Small demand, sellers and tables for the reconcile room's tests: two regions, two products, major prices of 1,000."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base import draws
from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.settings import ReconcileSettings

FIRST = date(2026, 7, 1)
Leaves = dict[tuple[str, str | None], list[list[float]]]


def config(today: date = FIRST, currency: str = "USD", **settings: Any) -> Config[ReconcileSettings]:
    return Config(
        as_of=datetime(today.year, today.month, today.day),
        settings=ReconcileSettings(**settings),
        company=Company(currency=currency),
    )


def demand(leaves: Leaves, price: float = 1000.0) -> dict[str, pl.DataFrame]:
    """`nodes` and `demand_draws`: won deals of a leaf (product, region) by month and draw."""
    nodes, rows, quantity = [], [], []
    for (product, region), months in leaves.items():
        node = f"product:{product}|region:{region}"
        names = {"product_id": product, "region": region, "name": node}
        nodes.append({"node_id": node, "level": "product_region", "is_leaf": True} | names)
        for place, futures in enumerate(months):
            rows.append({"period_start": add_months(FIRST, place), "node_id": node})
            quantity.append(futures)
    numbers = np.asarray(quantity, dtype=float)
    made = pl.DataFrame(rows).with_columns(
        draws.column(numbers).alias("quantity"), draws.column(numbers * price).alias("amount")
    )
    return {"nodes": pl.DataFrame(nodes, schema_overrides={"region": pl.String}), "demand_draws": made}


def won(month: date, amount: int, region: str = "East", product: str = "P", day: int = 10) -> dict[str, Any]:
    """A won deal; the amount in minor units."""
    at = datetime(month.year, month.month, day)
    key = f"{month}-{region}-{product}-{day}"
    row = {"id": key, "status": "won", "closed_at": at, "created_at": at, "amount": amount}
    return row | {"region": region, "product_id": product}


def target(month: date, amount: int, **more: Any) -> dict[str, Any]:
    row = {"id": f"{month}-{more}", "period_start": month, "amount": amount, "grain": "month", "level": "all"}
    return row | {"member": "all", "currency": "USD"} | more


def scenarios(**chosen: list[int]) -> pl.DataFrame:
    rows = [
        {"scenario": name, "title": name, "draws": json.dumps(places), "mean": 0.0, "probability": 0.0}
        for name, places in chosen.items()
    ]
    return pl.DataFrame(rows)


def sellers(deals: dict[str, float], months: int, rate: float = 0.5, region: str | None = "East") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "person_id": person,
                "period_start": add_months(FIRST, place),
                "region": region,
                "deals": each,
                "amount": each * rate * 1000.0,
                "rate": rate,
                "ramp": 1.0,
                "n": 50,
            }
            for person, each in deals.items()
            for place in range(months)
        ],
        schema_overrides={"region": pl.String},
    )


def aims(amounts: list[int], region: str = "East") -> pl.DataFrame:
    """`plan_targets` of the months, minor units, all of it one region's."""
    return pl.DataFrame(
        [
            {"period_start": add_months(FIRST, place), "level": level, "member": member, "amount": amount}
            | {"is_assumed": False, "basis": "typed"}
            for place, amount in enumerate(amounts)
            for level, member in (("all", "all"), ("region", region))
        ]
    )


def tables(**frames: pl.DataFrame) -> Tables:
    return Tables(**frames)
