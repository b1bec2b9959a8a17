"""What a won deal brings: a sample for each leaf, borrowed from its product or from all where few are known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.schema import table
from quarterdeck.demand.deals import Clock
from quarterdeck.demand.settings import DemandSettings

RECENT_MONTHS = 12


def _sample(values: NDArray[np.float64], size: int) -> list[float]:
    """Values at evenly spaced ranks: the same shape with fewer numbers."""
    ordered = np.sort(values)
    if len(ordered) > size:
        ranks = (np.arange(size) + 0.5) / size * len(ordered)
        ordered = ordered[ranks.astype(np.int64)]
    return [round(float(value), 4) for value in ordered]


def estimate(deals: pl.DataFrame, nodes: pl.DataFrame, clock: Clock, settings: DemandSettings) -> pl.DataFrame:
    """The table `demand_amounts`, a row a leaf. Recent values count alone where there are enough of them."""
    won = deals.filter((pl.col("status") == "won") & pl.col("amount").is_not_null())
    recent = won.filter(pl.col("closed") >= clock.month - RECENT_MONTHS)
    pools: list[tuple[pl.DataFrame, str]] = [
        (recent, "node_id"),
        (won, "node_id"),
        (recent, "product"),
        (won, "product"),
    ]
    grouped = [
        {key: part["amount"].to_numpy() for (key,), part in frame.partition_by(by, as_dict=True).items()}
        for frame, by in pools
    ]
    everything = won["amount"].to_numpy() if won.height else np.zeros(1)
    rows = []
    for leaf in nodes.filter("is_leaf").select("node_id", "product_id").iter_rows(named=True):
        keys = (leaf["node_id"], leaf["node_id"], leaf["product_id"], leaf["product_id"])
        found = (values.get(key) for values, key in zip(grouped, keys, strict=True))
        values = next((v for v in found if v is not None and len(v) >= settings.min_amounts), None)
        if values is None:
            own = grouped[3].get(leaf["product_id"])
            values = own if own is not None and len(own) >= 3 else everything
        sample = _sample(values, settings.amount_sample)
        rows.append(
            {
                "node_id": leaf["node_id"],
                "mean": float(np.sort(values).mean()),
                "amounts": json.dumps(sample),
                "n": len(values),
            }
        )
    return pl.DataFrame(rows, schema=table("demand_amounts").polars)
