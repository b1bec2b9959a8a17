"""People's overrides: the draws below a node are moved so that their mean is what the person said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.finding import Finding
from quarterdeck.demand.deals import month_day, month_number
from quarterdeck.demand.paths import Paths

Array = NDArray[np.float64]
_LEVELS = {"all": 0, "region": 1, "product": 1, "product_region": 2}


@dataclass(frozen=True)
class Overridden:
    """Draws of the leaves after overrides, arrays (leaves, months, draws), and what has to be said about them."""

    quantity: Array
    amount: Array
    findings: list[Finding]


def members(nodes: pl.DataFrame, leaves: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    """Places of the leaves below each node."""
    order = pl.DataFrame({"node_id": leaves}, schema={"node_id": pl.String}).with_row_index("place")
    frame = nodes.filter("is_leaf").join(order, on="node_id")
    found: dict[str, NDArray[np.int64]] = {}
    for node_id, level, product, region in nodes.select("node_id", "level", "product_id", "region").iter_rows():
        if level == "all":
            part = frame
        elif level in ("region", "product"):
            column, value = ("region", region) if level == "region" else ("product_id", product)
            part = frame.filter(pl.col(column) == value)
        else:
            part = frame.filter(pl.col("node_id") == node_id)
        found[node_id] = part["place"].sort().to_numpy().astype(np.int64)
    return found


def _decided(
    overrides: pl.DataFrame, nodes: pl.DataFrame, months: tuple[int, ...]
) -> tuple[pl.DataFrame, list[Finding]]:
    """The overrides that hold: the last one for a node and month, wide nodes first; and findings on the others."""
    mine = overrides.filter((pl.col("room") == "demand") & pl.col("value").is_not_null())
    known = mine.join(nodes.select(target="node_id", level="level"), on="target", how="left")
    findings = [
        _unused(row, "there is no such node", "Write a node_id of the table nodes, such as all or region:East")
        for row in known.filter(pl.col("level").is_null()).iter_rows(named=True)
    ]
    first, last = month_day(months[0]), month_day(months[-1])
    start = pl.col("period_start").dt.truncate("1mo")
    is_ahead = pl.col("period_start").is_null() | start.is_between(first, last)
    findings += [
        _unused(
            row,
            f"{row['period_start']:%Y-%m} is no month of the plan",
            f"Write a month from {first:%Y-%m} to {last:%Y-%m}",
        )
        for row in known.filter(pl.col("level").is_not_null() & ~is_ahead).iter_rows(named=True)
    ]
    held = known.filter(pl.col("level").is_not_null() & is_ahead).sort("decided_at", "id")
    held = held.unique(subset=["target", "period_start"], keep="last", maintain_order=True)
    rank = pl.col("level").replace_strict(_LEVELS, default=2, return_dtype=pl.Int64)
    return held.sort(rank, "decided_at", "id"), findings


def _unused(row: dict[str, Any], said: str, fix: str) -> Finding:
    return Finding(
        code="demand.override_unused",
        severity="warning",
        message=f"The override {row['id']} of {row['target']!r} by {row['who']} is not used: {said}.",
        fix=f"{fix}, or withdraw it (quarterdeck withdraw).",
        table="overrides",
        record_id=row["id"],
    )


def _held(row: dict[str, Any], means: Array) -> Finding:
    """`means` are the bookings expected in the override's months without any override."""
    low, high = f"{means.min():,.0f}", f"{means.max():,.0f}"
    when = "each month" if row["period_start"] is None else f"{row['period_start']:%Y-%m}"
    return Finding(
        code="demand.override",
        severity="notice",
        message=f"{row['who']} set the expected bookings of {row['target']} in {when} to {row['value']:,.0f} instead "
        f"of {low if low == high else f'{low} to {high}'}: {row['reason'].rstrip('.')}.",
        fix="Withdraw it when the reason holds no more (quarterdeck withdraw).",
        table="overrides",
        record_id=row["id"],
    )


def apply(paths: Paths, nodes: pl.DataFrame, overrides: pl.DataFrame) -> Overridden:
    """Overrides on top of the paths. Wide nodes come first, so the narrowest holds exactly where several overlap."""
    quantity, amount = paths.quantity.sum(axis=1), paths.amount.sum(axis=1)
    decided, findings = _decided(overrides, nodes, paths.months)
    below = members(nodes, paths.leaves)
    expected = amount.mean(axis=2)
    for row in decided.iter_rows(named=True):
        places, steps = below[row["target"]], _steps(row["period_start"], paths.months)
        findings.append(_held(row, expected[places][:, steps].sum(axis=0)))
        for step in steps:
            _shift(quantity[:, step], amount[:, step], places, float(row["value"]))
    return Overridden(quantity, amount, findings)


def _steps(start: date | None, months: tuple[int, ...]) -> list[int]:
    """Places of the months that an override holds for: all of them when it names none."""
    if start is None:
        return list(range(len(months)))
    return [months.index(month_number(start))] if month_number(start) in months else []


def _shift(quantity: Array, amount: Array, places: NDArray[np.int64], value: float) -> None:
    """Moves one month's draws (leaves, draws) of the places to the mean `value`, in place.

    Every draw grows by the same factor, deals like bookings. Where nothing was expected at all, each leaf gets an
    equal share.
    """
    mean = amount[places].mean(axis=1).sum()
    if mean > 0:
        amount[places] *= value / mean
        quantity[places] *= value / mean
    elif len(places):
        amount[places] = value / len(places)
