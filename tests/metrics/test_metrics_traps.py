"""The traps of the field, each by name."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import add_up, measure, waterfall
from quarterdeck.metrics.entities import ENTITIES
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.records.merging import resolve
from quarterdeck.records.views import view

AS_OF = datetime(2024, 7, 1)


def deals(*rows: tuple[str, str, int, datetime, datetime | None], **more: Any) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["id", "status", "amount", "created_at", "closed_at"], orient="row")
    return frame.with_columns(**{name: pl.lit(value) for name, value in more.items()})


def value(tables: Tables, metric: str, period: date, by: tuple[str, ...] = (), member: str = "all", **more: Any) -> Any:
    rows = measure(tables, [metric], by, as_of=AS_OF, **more)
    found = rows.filter(period_start=period, member=member, dimension=by[0] if member != "all" else "all")
    return found["value"].item() if found.height else None


WON = deals(("a", "won", 10_000, datetime(2024, 1, 5), datetime(2024, 4, 10)), account_id="acme", owner_id="ann")
APRIL = date(2024, 4, 1)


def test_fan_out_lines_and_activities_of_a_deal_do_not_multiply_its_amount() -> None:
    lines = pl.DataFrame({"id": list("123"), "opportunity_id": ["a"] * 3, "amount": [1, 2, 3]})
    acts = pl.DataFrame({"id": list("1234"), "opportunity_id": ["a"] * 4, "started_at": [datetime(2024, 4, 1)] * 4})
    people = pl.DataFrame({"id": ["ann", "ann"], "name": ["Ann", "Ann again"], "team": ["North", "North"]})
    tables = Tables(opportunities=WON, opportunity_lines=lines, activities=acts, people=people)
    assert value(tables, "won_value", APRIL, ("team",), "North") == 100.0
    assert value(tables, "activities_per_deal", APRIL) == 4.0
    assert value(tables, "lines_per_deal", APRIL) == 3.0


def test_chasm_two_children_of_an_account_are_summed_apart_before_they_meet() -> None:
    acts = pl.DataFrame(
        {
            "id": list("12"),
            "owner_id": ["ann"] * 2,
            "account_id": ["acme"] * 2,
            "started_at": [datetime(2024, 4, 2)] * 2,
        }
    )
    people = pl.DataFrame({"id": ["ann"], "name": ["Ann"], "hired_on": [date(2024, 1, 1)]})
    accounts = pl.DataFrame({"id": ["acme"], "name": ["Acme"], "industry": ["retail"]})
    tables = Tables(opportunities=WON, activities=acts, people=people, accounts=accounts)
    assert value(tables, "won_per_seller", APRIL) == 100.0
    assert value(tables, "activities", APRIL, ("industry",), "retail") == 2.0
    assert value(tables, "activities_per_rep_week", APRIL) == pytest.approx(2 / (30 / 7))


def test_preparing_never_changes_the_number_of_records_where_one_row_is_one_record() -> None:
    twins = pl.DataFrame({"id": ["acme", "acme"], "name": ["A", "B"], "industry": ["x", "y"], "region": ["E", "W"]})
    tables = Tables(opportunities=WON, accounts=twins)
    scope = Scope(tables, Company(), AS_OF)
    for by in ((), ("industry",), ("industry", "segment", "region", "owner")):
        assert ENTITIES["deals"].relation(scope, by).count().to_pyarrow().as_py() == 1


def test_merged_accounts_are_one_customer_with_the_sum_of_both() -> None:
    more = deals(("b", "won", 5_000, datetime(2024, 1, 5), datetime(2024, 4, 20)), account_id="acme2", owner_id="ann")
    accounts = pl.DataFrame({"id": ["acme", "acme2"], "name": ["Acme", "Acme Inc"], "industry": [None, "retail"]})
    given = Tables(opportunities=pl.concat([WON, more]), accounts=accounts)
    apart = {"customers": 2.0, "won_value": 50.0}
    together = {"customers": 1.0, "won_value": 150.0}
    merged = resolve([("accounts", "acme2", "acme")])
    for pairs, told in (({}, apart), (merged, together)):
        seen = {
            name: view(name, lambda name: given.relation(name) if name in given else None, AS_OF, Company(), {}, pairs)
            for name in ("opportunities", "accounts")
        }
        tables = Tables(**{name: rows.to_polars() for name, rows in seen.items() if rows is not None})
        assert value(tables, "customers", APRIL) == told["customers"]
        assert value(tables, "won_value", APRIL, ("industry",), "retail") == told["won_value"]
        assert value(tables, "won_value", APRIL) == 150.0


def history(*rows: tuple[str, datetime, str, str, int]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["opportunity_id", "changed_at", "stage", "owner_id", "amount"], orient="row")
    return frame.with_row_index("id").with_columns(pl.col("id").cast(pl.String))


def test_owner_changed_in_mid_quarter_credit_is_the_owners_at_close() -> None:
    # Bob took the deal over in May, after Ann won it in April; before that Cho had it.
    entries = history(
        ("a", datetime(2024, 1, 5), "A", "cho", 1),
        ("a", datetime(2024, 3, 1), "A", "ann", 1),
        ("a", datetime(2024, 5, 1), "A", "bob", 1),
    )
    tables = Tables(opportunities=WON.with_columns(owner_id=pl.lit("bob")), opportunity_history=entries)
    assert value(tables, "won_value", APRIL, ("owner",), "ann") == 100.0
    assert value(tables, "won_value", APRIL, ("owner",), "bob") is None


def test_reopened_deal_counts_once_when_it_is_won_at_last() -> None:
    entries = history(
        ("a", datetime(2024, 1, 5), "A", "ann", 10_000),
        ("a", datetime(2024, 2, 5), "Closed Lost", "ann", 10_000),
        ("a", datetime(2024, 3, 5), "A", "ann", 10_000),
    )
    lost = deals(("z", "lost", 1, datetime(2024, 1, 1), datetime(2024, 1, 2)), account_id="z", owner_id="z")
    both = pl.concat([WON.with_columns(stage=pl.lit("Closed Won")), lost.with_columns(stage=pl.lit("Closed Lost"))])
    tables = Tables(opportunities=both, opportunity_history=entries)
    assert value(tables, "won_deals", APRIL) == 1.0
    assert value(tables, "lost_deals", date(2024, 2, 1)) == 0.0 or value(tables, "lost_deals", date(2024, 2, 1)) is None
    lines = waterfall(tables, date(2024, 2, 1), date(2024, 5, 1))
    found = dict(lines.select("bar", "amount").iter_rows())
    assert (found["opening"], found["lost"], found["reopened"], found["won"], found["closing"]) == (
        10_000, -10_000, 10_000, -10_000, 0,
    )  # fmt: skip


def test_currency_change_money_is_converted_at_the_rate_of_its_day_and_stays() -> None:
    rates = pl.DataFrame(
        {
            "id": ["1", "2"],
            "rated_on": [date(2024, 1, 1), date(2024, 5, 1)],
            "currency": ["EUR"] * 2,
            "rate": ["1.1", "2"],
        }
    ).with_columns(pl.col("rate").cast(pl.Decimal(18, 6)))
    more = deals(("b", "won", 10_000, datetime(2024, 1, 5), datetime(2024, 5, 10)), account_id="acme", owner_id="ann")
    euros = pl.concat([WON, more]).with_columns(currency=pl.lit("EUR"))
    tables = Tables(opportunities=euros, fx_rates=rates)
    assert value(tables, "won_value", APRIL) == 110.0
    assert value(tables, "won_value", date(2024, 5, 1)) == 200.0


def test_fiscal_year_of_4_4_5_weeks_puts_a_day_into_the_month_of_its_week() -> None:
    company = Company(fiscal_year_start=2, fiscal_year_named="start", fiscal_weeks="4-5-4", fiscal_weekday=6)
    rows = [(str(n), "won", 100, day, day) for n, day in enumerate([datetime(2024, 2, 3), datetime(2024, 2, 4)])]
    tables = Tables(opportunities=deals(*rows))
    for grain in ("month", "quarter", "year"):
        found = measure(tables, ["won_deals"], grain=grain, company=company, as_of=AS_OF).filter(pl.col("n") > 0)
        # Saturday 3 February 2024 ends the year of 53 weeks.
        assert found["value"].to_list() == [1.0, 1.0], grain
    months = measure(tables, ["won_deals"], company=company, as_of=AS_OF)["period_start"].to_list()
    assert months[:2] == [date(2023, 12, 31), date(2024, 2, 4)]


def test_back_dated_stage_does_not_move_what_was_before_the_deal() -> None:
    entries = history(
        ("a", datetime(2023, 6, 1), "B", "ann", 5_000), ("a", datetime(2024, 2, 1), "B", "ann", 10_000)
    )  # fmt: skip
    tables = Tables(opportunities=WON.with_columns(stage=pl.lit("Closed Won")), opportunity_history=entries)
    assert value(tables, "stage_moves", date(2023, 6, 1)) is None
    lines = waterfall(tables, date(2023, 1, 1), date(2024, 1, 1))
    assert lines["amount"].to_list() == [0] * 12


def test_leap_day_belongs_to_february_and_its_year_before_is_february() -> None:
    rows = [("a", "won", 100, datetime(2024, 2, 29), datetime(2024, 2, 29)),
            ("b", "won", 100, datetime(2023, 2, 28), datetime(2023, 2, 28))]  # fmt: skip
    found = measure(Tables(opportunities=deals(*rows)), ["won_deals"], compare="year", to_date=True, as_of=AS_OF)
    row = found.filter(period_start=date(2024, 2, 1)).row(0, named=True)
    assert (row["value"], row["compared"], row["change"], row["change_rate"], row["to_date"]) == (
        1.0,
        1.0,
        0.0,
        0.0,
        1.0,
    )


def test_time_zone_at_month_end_is_the_companys() -> None:
    rows = [("a", "won", 100, datetime(2024, 3, 1), datetime(2024, 3, 31, 16))]
    tables = Tables(opportunities=deals(*rows))
    assert value(tables, "won_deals", APRIL, company=Company(timezone="Asia/Seoul")) == 1.0
    assert value(tables, "won_deals", date(2024, 3, 1)) == 1.0


def test_stock_and_ratio_are_not_summed_over_time_and_counts_are() -> None:
    rows = [(str(n), "won", 100, datetime(2024, n, 1), datetime(2024, n, 20)) for n in (1, 2, 3)]
    tables = Tables(opportunities=deals(*rows))
    for name, word in (("open_deals", "stock"), ("win_rate", "ratio")):
        with pytest.raises(QuarterdeckError, match=f"is a {word}"):
            add_up(measure(tables, [name], as_of=AS_OF), "quarter")
    added = add_up(measure(tables, ["won_value"], as_of=AS_OF), "quarter").sort("period_start")
    asked = measure(tables, ["won_value"], grain="quarter", as_of=AS_OF).sort("period_start")
    assert added["value"].to_list() == asked["value"].to_list()


def test_previous_period_and_year_to_date_follow_the_fiscal_year() -> None:
    rows = [(str(n), "won", 100, datetime(2024, n, 1), datetime(2024, n, 2)) for n in (2, 3, 4, 4)]
    rows = [(f"{n} {row[0]}", *row[1:]) for n, row in enumerate(rows)]
    company = Company(fiscal_year_start=4)
    found = measure(Tables(opportunities=deals(*rows)), ["won_deals", "win_rate"], compare="previous", to_date=True,
                    company=company, as_of=AS_OF)  # fmt: skip
    wins = found.filter(metric="won_deals").sort("period_start")
    assert wins["value"].to_list()[:3] == [1.0, 1.0, 2.0]
    assert wins["compared"].to_list()[:3] == [None, 1.0, 1.0]
    assert wins["to_date"].to_list()[:3] == [1.0, 2.0, 2.0]


def test_weeks_are_those_of_iso_and_add_up_to_all() -> None:
    rows = [(str(n), "won", 100, datetime(2024, 12, 20 + n), datetime(2024, 12, 20 + n)) for n in range(11)]
    given = MetricsSettings()
    found = measure(Tables(opportunities=deals(*rows)), ["won_deals"], grain="week", settings=given)
    assert found.select("period_start", "value").rows() == [
        (date(2024, 12, 16), 3.0), (date(2024, 12, 23), 7.0), (date(2024, 12, 30), 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("days", "customers"), [(365, 1.0), (366, 1.0), (367, 1.0)])
def test_who_buys_again_on_the_last_day_was_a_customer_throughout(days: int, customers: float) -> None:
    first = datetime(2023, 1, 10)
    again = first + timedelta(days=days)
    rows = [(str(n), "won", 100, at, at) for n, at in enumerate((first, again))]
    tables = Tables(opportunities=deals(*rows, account_id="acme"))
    assert value(tables, "customers", date(2024, 2, 1)) == customers
    # A company that buys on the day on which it would lapse does not go; one day later it went and came anew.
    lost = measure(tables, ["lost_customers"], as_of=AS_OF).filter(pl.col("value") > 0)
    assert lost.height == (0 if days <= 365 else 1)
