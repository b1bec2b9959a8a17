"""Companies whose odds are known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from quarterdeck.base.schema import conform
from quarterdeck.demand.deals import month_day

Maker = Callable[..., pl.DataFrame]


def company(
    months: int = 24,
    arrivals: int = 60,
    win: tuple[float, ...] = (0.10, 0.25, 0.15),
    loss: tuple[float, ...] = (0.05, 0.10, 0.20),
    seed: int = 7,
    start: int = 2020 * 12,
    product: str = "A",
    region: str = "East",
    factor: Callable[[int], float] = lambda month: 1.0,
    keep_months: int | None = None,
) -> pl.DataFrame:
    """Deals that close by the odds of their age (calendar months since the one of opening; the last holds on).

    `factor(month)` multiplies both odds in a month since the start. Won deals are worth 1000.00, or 3000.00 one in four.
    Seen at the end of the last month (or of `keep_months`, what came later being cut off).
    """
    noise = np.random.default_rng(seed)
    end = keep_months or months
    rows = []
    for opened in range(months):
        for number in range(arrivals):
            created = _moment(start + opened, noise)
            status, closed, amount = "open", None, None
            for month in range(opened, end):
                age = min(month - opened, len(win) - 1)
                p, q = win[age] * factor(month), loss[age] * factor(month)
                u = noise.random()
                if u < p + q:
                    status = "won" if u < p else "lost"
                    closed = max(_moment(start + month, noise), created + timedelta(minutes=1))
                    amount = int(noise.choice([100_000, 100_000, 100_000, 300_000])) if u < p else 0
                    break
            if opened < end:
                rows.append(
                    (f"{product}{region}{opened:03d}{number:04d}", product, region, status, amount, created, closed)
                )
    names = ["id", "product_id", "region", "status", "amount", "created_at", "closed_at"]
    return conform("opportunities", pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None))


def _moment(month: int, noise: np.random.Generator) -> datetime:
    first = month_day(month)
    return datetime(first.year, first.month, 1) + timedelta(days=float(noise.random() * 27.9))


@pytest.fixture(scope="session")
def make_company() -> Maker:
    return company
