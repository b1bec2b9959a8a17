"""A company without deals is reviewed on its orders."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.tables import Tables
from quarterdeck.review import compare
from quarterdeck.review.settings import ReviewSettings


def test_units_and_their_price_explain_the_difference():
    """Promised 1,000; 120 units came at 10 each where 8 were usual: 40 less by units at their usual price, 240 more."""
    nodes = pl.DataFrame(
        {"node_id": ["all", "product:A|region:E"], "level": ["all", "product_region"], "is_leaf": [False, True],
         "product_id": [None, "A"], "region": [None, "E"], "name": ["All", "A"]}
    )  # fmt: skip
    bookings = pl.DataFrame(
        {"node_id": ["product:A|region:E"] * 2, "period_start": [date(2024, 1, 1), date(2024, 2, 1)],
         "source": ["orders"] * 2, "is_whole": [True] * 2, "quantity": [100.0, 120.0], "amount": [800.0, 1200.0]}
    )  # fmt: skip
    promise = pl.DataFrame(
        {"reference": ["p"], "label": ["publication"], "made_on": [date(2024, 2, 1)], "period_start": [date(2024, 2, 1)],
         "level": ["all"], "member": ["all"], "measure": ["bookings"], "planned": [1000.0], "q10": [900.0],
         "q90": [1100.0]}
    )  # fmt: skip
    config = Config(as_of=datetime(2024, 3, 1), settings=ReviewSettings())
    found = compare(Tables(nodes=nodes, bookings=bookings, promises=promise), config).tables["variances"]
    row = found.row(0, named=True)
    assert (row["actual"], row["variance"], row["is_inside"]) == (1200.0, 200.0, False)
    assert row["reason"] == (
        "5 fewer units than promised at their usual size (-40 USD), and units dearer than usual (+240 USD)."
    )
