"""Small problems, resources and demand for the supply room's tests."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base import draws
from quarterdeck.base.calendar import add_months, days
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.supply.problem import Problem
from quarterdeck.supply.settings import SupplySettings

TODAY = date(2026, 7, 1)


def problem(load: Any, capacity: Any, **given: Any) -> Problem:
    """A problem with loads (R, T) or (R, T, D); what is not given is zero, delay costs 1 and loss 100 a unit."""
    loads = np.asarray(load, dtype=float)
    loads = loads[:, :, None] if loads.ndim == 2 else loads
    resources, months, futures = loads.shape
    zero, whole = np.zeros(resources), np.zeros(resources, dtype=np.int64)
    base = {
        "load": loads,
        "weight": np.full(futures, 1 / futures),
        "capacity": np.asarray(capacity, dtype=float) * np.ones((resources, months)),
        "per_hire": zero,
        "ramp": np.ones((resources, months)),
        "hire_lead": whole,
        "hire_cost": np.zeros((resources, months)),
        "hire_month_cost": zero,
        "use_cost": zero,
        "overtime_rate": zero,
        "overtime_cost": zero,
        "order_limit": np.zeros((resources, months)),
        "order_lead": whole,
        "order_cost": zero,
        "is_stored": np.zeros(resources, dtype=bool),
        "stock": zero,
        "holding_cost": zero,
        "delay_cost": zero + 1.0,
        "loss_cost": zero + 100.0,
    }
    return Problem(**(base | {name: _array(value) for name, value in given.items()}))


def _array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, list) else value


def config(today: date = TODAY, **settings: Any) -> Config[SupplySettings]:
    return Config(as_of=datetime(today.year, today.month, today.day), settings=SupplySettings(**settings))


def demand(leaves: dict[tuple[str, str | None], list[list[float]]], price: float = 1000.0) -> dict[str, pl.DataFrame]:
    """`nodes` and `demand_draws` of leaves (product, region): won deals by month and draw, each of the price."""
    nodes, rows, quantity = [], [], []
    for (product, region), months in leaves.items():
        node = f"product:{product}|region:{region}"
        nodes.append(
            {
                "node_id": node,
                "level": "product_region",
                "is_leaf": True,
                "product_id": product,
                "region": region,
                "name": node,
            }
        )
        for place, futures in enumerate(months):
            rows.append({"period_start": add_months(TODAY, place), "node_id": node})
            quantity.append(futures)
    numbers = np.asarray(quantity, dtype=float)
    made = pl.DataFrame(rows).with_columns(
        draws.column(numbers).alias("quantity"), draws.column(numbers * price).alias("amount")
    )
    return {"nodes": pl.DataFrame(nodes), "demand_draws": made}


def sellers(
    capacities: dict[str, float], region: str | None = "East", months: int = 3, rate: float = 0.5
) -> pl.DataFrame:
    """`seller_capacity`: the same deals a month for each person."""
    return pl.DataFrame(
        [
            {
                "person_id": person,
                "period_start": add_months(TODAY, place),
                "region": region,
                "deals": deals,
                "amount": deals * rate * 1000.0,
                "rate": rate,
                "ramp": 1.0,
                "n": 100,
            }
            for person, deals in capacities.items()
            for place in range(months)
        ]
    )


def closed(owner: str, month: date, won: int, lost: int, **more: Any) -> list[dict[str, Any]]:
    """Deals that a seller closed in a month."""
    at = datetime(month.year, month.month, 10)
    row = {"owner_id": owner, "closed_at": at, "created_at": datetime(month.year, month.month, 1), "amount": 100_000}
    return [
        {"id": f"{owner}-{month}-{status}-{number}", "status": status} | row | more
        for status, count in (("won", won), ("lost", lost))
        for number in range(count)
    ]


def tables(**frames: pl.DataFrame) -> Tables:
    return Tables(**({"days": days(date(2024, 1, 1), date(2027, 12, 31), Company())} | frames))


def resource(name: str, **given: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        (
            "role",
            "product_id",
            "unit_cost",
            "overtime_rate",
            "overtime_cost",
            "hire_cost",
            "lead_time_months",
            "minimum_order",
        )
    )
    return (
        {"id": name, "name": name, "kind": "people", "count": 1.0, "capacity": 100.0, "unit": "hours"} | empty | given
    )


def recipe(
    product: str, name: str, quantity: float, offset: int = 0, duration: int = 1, per: str = "unit"
) -> dict[str, Any]:
    return {
        "id": f"{product}-{name}",
        "product_id": product,
        "resource_id": name,
        "per": per,
        "quantity": quantity,
        "offset_months": offset,
        "duration_months": duration,
    }


def lines(made: Any, name: str, scenario: str = "base") -> dict[str, list[Any]]:
    frame = made.tables["supply_lines"].filter((pl.col("resource_id") == name) & (pl.col("scenario") == scenario))
    return frame.sort("period_start").to_dict(as_series=False)
