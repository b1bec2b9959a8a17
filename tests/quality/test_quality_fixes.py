"""Values that mend: which one is taken, and the files that a source's import takes in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.quality import check
from quarterdeck.quality.settings import QualitySettings


def fixes(**frames: pl.DataFrame) -> pl.DataFrame:
    config = Config(as_of=datetime(2024, 7, 1), settings=QualitySettings(stale_minimum=5))
    made = check(Tables(**frames), config).tables["fixes"]
    assert made.schema == table("fixes").polars
    assert not made.select(table("fixes").key).is_duplicated().any()
    return made


def proposed(made: pl.DataFrame) -> dict[tuple[str, str], tuple[str | None, str]]:
    rows = made.select("record_id", "column", "value_now", "value_proposed").iter_rows()
    return {(record, column): (now, new) for record, column, now, new in rows}


def day(month: int, number: int, year: int = 2024) -> datetime:
    return datetime(year, month, number)


def deals(**columns: list[Any]) -> pl.DataFrame:
    size = len(next(iter(columns.values())))
    return pl.DataFrame({"id": [f"d{n}" for n in range(size)], "source": ["crm"] * size} | columns)


def test_an_amount_comes_from_the_lines_else_from_history_else_from_the_price() -> None:
    made = fixes(
        opportunities=deals(status=["won"] * 3, product_id=["drill"] * 3, closed_at=[day(3, 1)] * 3),
        opportunity_lines=pl.DataFrame(
            {"id": ["l1", "l2"], "opportunity_id": ["d0", "d0"], "product_id": ["drill"] * 2, "amount": [1050, 2000]}
        ),
        opportunity_history=pl.DataFrame(
            {"id": ["h1"], "opportunity_id": ["d1"], "changed_at": [day(1, 1)], "amount": [990]}
        ),
        products=pl.DataFrame({"id": ["drill"], "name": ["Drill"], "unit_price": [7]}),
    )
    amounts = made.filter(column="amount").select("record_id", "value_proposed", "confidence").rows()
    assert amounts == [("d0", "30.50", 0.95), ("d1", "9.90", 0.8), ("d2", "7.00", 0.3)]


def test_dates_come_from_history_and_only_without_one_are_they_swapped() -> None:
    made = fixes(
        opportunities=deals(
            status=["won", "won", "lost"], amount=[100] * 3, stage=["Done"] * 3,
            created_at=[day(3, 10), day(3, 10), day(2, 1)], closed_at=[day(2, 1), day(2, 1), None],
        ),
        opportunity_history=pl.DataFrame(
            {
                "id": ["a", "b", "c"],
                "opportunity_id": ["d0", "d0", "d2"],
                "changed_at": [day(3, 10), day(4, 2), day(5, 5)],
                "stage": ["Talk", "Done", "Done"],
            }
        ),
    )  # fmt: skip
    got = proposed(made.filter(pl.col("column").is_in(["created_at", "closed_at"])))
    assert got == {
        ("d0", "closed_at"): ("2024-02-01T00:00:00", "2024-04-02T00:00:00"),
        ("d1", "closed_at"): ("2024-02-01T00:00:00", "2024-03-10T00:00:00"),
        ("d1", "created_at"): ("2024-03-10T00:00:00", "2024-02-01T00:00:00"),
        ("d2", "closed_at"): (None, "2024-05-05T00:00:00"),
    }


def test_a_close_date_that_is_over_moves_to_where_deals_of_that_age_close() -> None:
    # Won deals took 10, 20, …, 100 days; a deal of 45 days is among 50 … 100, the middle is 75: 30 days from now.
    cycles = list(range(10, 101, 10))
    created = [day(1, 1, 2023)] * 10 + [datetime(2024, 5, 17)]
    closed = [datetime.fromordinal(datetime(2023, 1, 1).toordinal() + cycle) for cycle in cycles] + [None]
    made = fixes(
        opportunities=deals(
            status=["won"] * 10 + ["open"], amount=[100] * 11, created_at=created, closed_at=closed,
            expected_close_on=[None] * 10 + [day(6, 1).date()],
        )
    )  # fmt: skip
    assert proposed(made)["d10", "expected_close_on"] == ("2024-06-01", "2024-07-31")


def test_addresses_accounts_spellings_and_owners_are_mended_from_what_is_known() -> None:
    made = fixes(
        accounts=pl.DataFrame(
            {
                "id": ["a1", "a2", "a3"],
                "name": ["Ada", "Bob", "Cleo"],
                "domain": ["ada.example", "bob.example", None],
                "region": ["West", "West", "west"],
                "owner_id": ["ann", "ann", "ann"],
            }
        ),
        contacts=pl.DataFrame(
            {
                "id": ["c1", "c2", "c3", "c4"],
                "name": ["A", "B", "C", "D"],
                "email": ["x@@ada.example", "yada.example", "z@bob,example", "good@bob.example"],
                "account_id": ["a1", "a1", "a2", None],
            }
        ),
        people=pl.DataFrame({"id": ["ann", "gone"], "name": ["Ann", "Gus"], "left_on": [None, day(1, 1).date()]}),
        opportunities=deals(
            status=["open", "open"], account_id=["a1", None], owner_id=["gone", "ann"], contact_id=["c1", "c3"]
        ),
    )
    got = proposed(made)
    assert got["c1", "email"] == ("x@@ada.example", "x@ada.example")
    assert got["c2", "email"] == ("yada.example", "y@ada.example")
    assert got["c3", "email"] == ("z@bob,example", "z@bob.example")
    assert got["c4", "account_id"] == (None, "a2")
    assert got["a3", "region"] == ("west", "West")
    assert got["d0", "owner_id"] == ("gone", "ann")
    assert got["d1", "account_id"] == (None, "a2")
