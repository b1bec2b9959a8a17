"""The step `supply.plan`: loads from recipes, what is short, and the findings that say so."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_supply import closed, config, demand, lines, recipe, resource, sellers, tables

from quarterdeck.supply import plan
from quarterdeck.supply.demand import spread_over_months
from quarterdeck.supply.resource import spread_of_futures


def test_hours_follow_the_recipe_and_what_is_over_is_short() -> None:
    """500 units of half an hour on 200 hours: 250 h of load, 125 %, 50 h over (rough-cut capacity planning)."""
    made = plan(
        tables(
            **demand({("P", "East"): [[500.0]]}),
            resources=pl.DataFrame([resource("Press", kind="machine", count=2.0, capacity=100.0)]),
            recipes=pl.DataFrame([recipe("P", "Press", 0.5)]),
        ),
        config(),
    )
    press = lines(made, "Press")
    assert press["load"] == pytest.approx([250])
    assert press["capacity"] == [200]
    assert press["load"][0] / press["capacity"][0] == pytest.approx(1.25)
    assert press["shortage"] == pytest.approx([50])
    assert press["shortage_rate"] == pytest.approx([1.0])
    short = next(finding for finding in made.findings if finding.code == "supply.short")
    assert short.message.startswith("Press: without action short in 2026-07 in 100% of futures. 250 hours are needed")
    assert "50 hours are missing" in short.message
    assert short.message.endswith("after them 100% of futures remain short in 2026-07.")
    assert short.money_at_stake == pytest.approx(
        50 / 0.5 * 1000 * 0.6
    )  # 100 units of 1,000 at the assumed margin of 60 %


def test_deals_won_before_still_use_their_hours() -> None:
    """3 hours a month for 3 months from the month after: 2 deals won in May and 1 in June use July, August, September."""
    won = closed("Ann", date(2026, 5, 1), 2, 0, product_id="P") + closed("Ann", date(2026, 6, 1), 1, 0, product_id="P")
    made = plan(
        tables(
            **demand({("P", "East"): [[0.0], [0.0], [0.0]]}),
            opportunities=pl.DataFrame(won),
            resources=pl.DataFrame([resource("Team")]),
            recipes=pl.DataFrame([recipe("P", "Team", 3.0, offset=1, duration=3)]),
        ),
        config(),
    )
    assert lines(made, "Team")["load"] == pytest.approx([9, 9, 3])


def test_work_per_customer_leaves_out_renewals() -> None:
    """Half of the deals won so far were renewals, so 10 new deals bring 5 customers to take in."""
    won = closed("Ann", date(2025, 5, 1), 2, 0, product_id="P") + closed(
        "Bo", date(2025, 5, 1), 2, 0, product_id="P", kind="renewal"
    )
    made = plan(
        tables(
            **demand({("P", "East"): [[10.0]]}),
            opportunities=pl.DataFrame(won, infer_schema_length=None),
            resources=pl.DataFrame([resource("Team")]),
            recipes=pl.DataFrame([recipe("P", "Team", 4.0, per="customer")]),
        ),
        config(),
    )
    assert lines(made, "Team")["load"] == pytest.approx([20])


def test_units_of_a_deal_come_from_orders() -> None:
    """Two orders of one deal, 3 units together: 10 deals use 30 units' hours."""
    orders = pl.DataFrame(
        [
            {"id": key, "opportunity_id": "1", "product_id": "P", "quantity": units}
            for key, units in (("a", 1.0), ("b", 2.0))
        ]
    )
    made = plan(
        tables(
            **demand({("P", "East"): [[10.0]]}),
            orders=orders,
            resources=pl.DataFrame([resource("Team")]),
            recipes=pl.DataFrame([recipe("P", "Team", 1.0)]),
        ),
        config(),
    )
    assert lines(made, "Team")["load"] == pytest.approx([30])


def test_hiring_is_advised_in_time_and_said_in_words() -> None:
    """200 hours asked for in each month from the third on, 100 there, a month to hire: one more, who is there in time."""
    quantity = [[10.0], [10.0], [20.0], [20.0], [20.0], [20.0]]
    made = plan(
        tables(
            **demand({("P", "East"): quantity}),
            resources=pl.DataFrame([resource("Onboarding", unit_cost=20, hire_cost=500, lead_time_months=1)]),
            recipes=pl.DataFrame([recipe("P", "Onboarding", 10.0)]),
        ),
        config(),
    )
    team = lines(made, "Onboarding")
    assert team["hire"] == pytest.approx([0, 1, 0, 0, 0, 0])
    assert team["shortage"] == pytest.approx([0] * 6)
    assert team["cost"] == pytest.approx([0, 500, 2000, 2000, 2000, 2000])
    short = next(finding for finding in made.findings if finding.code == "supply.short")
    assert "without action short in 2026-09 in 100% of futures" in short.message
    assert short.message.endswith("after them 0% of futures remain short in 2026-09.")
    assert "Hire 1 in 2026-08 (there from 2026-09, 500 USD once, 2,000 a month)" in short.fix


def test_sellers_are_loaded_with_won_and_lost_deals() -> None:
    """10 won deals at a won share of a half are 20 to be worked; two sellers close 16."""
    made = plan(
        tables(**demand({("P", "East"): [[10.0]]}), seller_capacity=sellers({"Ann": 8.0, "Bo": 8.0}, months=1)),
        config(),
    )
    east = lines(made, "sellers:East")
    assert east["load"] == pytest.approx([20])
    assert east["capacity"] == [16]
    assert east["shortage"] == pytest.approx([4])
    assert {finding.code for finding in made.findings} == {"supply.no_recipes", "supply.short"}


def test_a_region_without_sellers_is_short_of_all_and_a_missing_region_makes_one_team() -> None:
    leaves = {("P", "East"): [[4.0]], ("P", "West"): [[2.0]]}
    apart = plan(tables(**demand(leaves), seller_capacity=sellers({"Ann": 20.0}, months=1)), config())
    assert lines(apart, "sellers:West")["shortage"] == pytest.approx([4])
    pooled = plan(tables(**demand(leaves), seller_capacity=sellers({"Ann": 20.0}, region=None, months=1)), config())
    assert lines(pooled, "sellers:all")["load"] == pytest.approx([12])
    assert lines(pooled, "sellers:all")["shortage"] == pytest.approx([0])


def test_a_supplier_is_ordered_from_in_time_and_stock_comes_first() -> None:
    made = plan(
        tables(
            **demand({("P", "East"): [[10.0], [20.0], [30.0]]}),
            resources=pl.DataFrame(
                [
                    resource(
                        "Mill",
                        kind="supplier",
                        product_id="P",
                        capacity=40.0,
                        unit="units",
                        unit_cost=5,
                        lead_time_months=1,
                    )
                ]
            ),
            stock=pl.DataFrame([{"id": "1", "product_id": "P", "quantity": 12.0, "counted_on": date(2026, 6, 30)}]),
        ),
        config(holding_rate=0.02),
    )
    mill = lines(made, "Mill")
    assert mill["buy"] == pytest.approx([18, 30, 0])
    assert mill["stock"] == pytest.approx([2, 0, 0])
    order = next(finding for finding in made.findings if finding.code == "supply.order")
    assert "18 units in 2026-07, 30 units in 2026-08" in order.fix


def test_a_supplier_with_peoples_role_is_their_second_source() -> None:
    made = plan(
        tables(
            **demand({("P", "East"): [[10.0], [20.0]]}),
            resources=pl.DataFrame(
                [
                    resource("Onboarding", role="delivery", lead_time_months=9),
                    resource(
                        "Partner", kind="supplier", role="delivery", capacity=60.0, unit_cost=9, lead_time_months=1
                    ),
                    resource("Forgotten", kind="supplier", capacity=60.0),
                ]
            ),
            recipes=pl.DataFrame([recipe("P", "Onboarding", 10.0)]),
        ),
        config(),
    )
    team = lines(made, "Onboarding")
    assert team["buy"] == pytest.approx([60, 0])
    assert team["shortage"] == pytest.approx([0, 40])
    short = next(finding for finding in made.findings if finding.code == "supply.short")
    assert "Order 60 hours from Partner in 2026-07" in short.fix
    assert "Forgotten" in next(f for f in made.findings if f.code == "supply.unused_resource").message


def test_scenarios_are_planned_on_their_own_draws() -> None:
    scenarios = pl.DataFrame(
        [
            {"scenario": name, "title": name, "draws": json.dumps(draws), "mean": 0.0, "probability": 0.0}
            for name, draws in (("base", [0, 1]), ("best", [1]))
        ]
    )
    made = plan(
        tables(
            **demand({("P", "East"): [[2.0, 10.0]]}),
            scenarios=scenarios,
            seller_capacity=sellers({"Ann": 8.0}, months=1),
        ),
        config(),
    )
    assert lines(made, "sellers:East")["load"] == pytest.approx([12])
    assert lines(made, "sellers:East")["shortage"] == pytest.approx([6])
    assert lines(made, "sellers:East")["shortage_rate"] == pytest.approx([0.5])
    assert lines(made, "sellers:East", "best")["load"] == pytest.approx([20])


def test_without_demand_nothing_is_planned_and_said() -> None:
    made = plan(tables(), config())
    assert made.tables["supply_lines"].is_empty()
    assert [finding.code for finding in made.findings] == ["supply.no_demand"]


def test_a_recipe_of_an_unknown_resource_is_a_finding() -> None:
    made = plan(
        tables(
            **demand({("P", "East"): [[1.0]]}),
            resources=pl.DataFrame([resource("Team")]),
            recipes=pl.DataFrame([recipe("P", "Tema", 1.0)]),
        ),
        config(),
    )
    assert "Tema" in next(f for f in made.findings if f.code == "supply.unknown_resource").message


def test_use_starts_after_the_offset_and_lasts_its_months() -> None:
    assert spread_over_months(np.array([2.0, 1.0, 0.0, 0.0]), 1, 2).tolist() == [0, 2, 3, 1]


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=60),
    st.integers(1, 30),
)
@settings(max_examples=50, deadline=None)
def test_chosen_futures_stand_for_all_and_lie_within_their_range(totals: list[float], size: int) -> None:
    total = np.array(totals)
    chosen, weight = spread_of_futures(total, range(len(total)), size)
    assert weight.sum() == pytest.approx(1.0)
    assert len(set(chosen.tolist())) == len(chosen) == min(size, len(total))
    if len(total) <= size:
        assert total[chosen] @ weight == pytest.approx(total.mean())
