"""Where no deal was ever won, orders or invoices are what was sold."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.sold import noun, sold

NODES = pl.DataFrame(
    {
        "node_id": ["all", "product:A|region:East"],
        "level": ["all", "product_region"],
        "is_leaf": [False, True],
        "product_id": [None, "A"],
        "region": [None, "East"],
        "name": ["All", "A"],
    }
)
BOOKINGS = pl.DataFrame(
    {
        "node_id": ["product:A|region:East"] * 2,
        "period_start": [date(2024, 1, 1), date(2024, 2, 1)],
        "source": ["orders"] * 2,
        "is_whole": [True, False],
        "quantity": [3.0, 1.0],
        "amount": [12.345, 5.0],
    }
)


def test_orders_by_month_stand_for_won_deals():
    found = sold(Tables(nodes=NODES, bookings=BOOKINGS), "USD")
    assert found.rows() == [("A", "East", datetime(2024, 1, 1), 1235), ("A", "East", datetime(2024, 2, 1), 500)]
    assert sold(Tables(nodes=NODES, bookings=BOOKINGS), "KRW")["amount"].to_list() == [12, 5]
    assert noun(Tables(bookings=BOOKINGS)) == "units"


def test_won_deals_come_first():
    deals = pl.DataFrame(
        {
            "id": ["1", "2"],
            "status": ["won", "open"],
            "closed_at": [datetime(2024, 1, 5), None],
            "amount": [100, 200],
            "product_id": ["A", "A"],
            "region": ["East", "East"],
        }
    )
    found = sold(Tables(opportunities=deals, nodes=NODES, bookings=BOOKINGS), "USD")
    assert found.rows() == [("A", "East", datetime(2024, 1, 5), 100)]
    assert noun(Tables(bookings=BOOKINGS.with_columns(source=pl.lit("deals")))) == "deals"
