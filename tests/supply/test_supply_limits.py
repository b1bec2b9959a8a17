"""Resources as the tables give them: sites, availability, shared supply, costs and defaults."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from made_supply import closed, config, demand, lines, problem, recipe, resource, sellers, tables

from quarterdeck.base.step import Result
from quarterdeck.supply import plan
from quarterdeck.supply.resource import Resource, problem_of, spread_of_futures
from quarterdeck.supply.settings import SupplySettings
from quarterdeck.supply.solving import solve


def planned(
    leaves: Any, resources: list[dict[str, Any]], recipes: list[dict[str, Any]], **more: pl.DataFrame
) -> Result:
    frames = demand(leaves) | {"resources": pl.DataFrame(resources, infer_schema_length=None)} | more
    return plan(tables(**frames, recipes=pl.DataFrame(recipes)), config())


def test_hires_are_rounded_to_the_nearest_whole() -> None:
    """6.4 hours too few at 4 a head are 1.6 heads: two."""
    found = solve(problem([[10.4]], 4, per_hire=[4.0], hire_cost=[[1.0]]), np.zeros(1))
    assert found.values["hire"].item() == pytest.approx(2)


def test_the_middle_future_of_each_third_is_chosen() -> None:
    chosen, weight = spread_of_futures(np.arange(1.0, 10.0), range(9), 3)
    assert (chosen + 1).tolist() == [2, 5, 8]
    assert weight == pytest.approx([1 / 3] * 3)


def test_the_one_off_cost_of_a_hire_is_borne_by_the_months_that_it_is_there() -> None:
    """1,200 over 12 months are 100 a month: hired in the first of three months and there a month later, 200."""
    team = Resource(
        "T", "T", "people", "hours", None, np.ones((3, 1)), np.ones(3), 1.0, per_hire=1.0, hire_lead=1, hire_cost=1200.0
    )
    made = problem_of([team], np.array([0]), np.ones(1), settings=SupplySettings())
    assert made.hire_cost.ravel() == pytest.approx([200, 100, 0])


def test_work_that_was_sold_is_done_even_when_it_costs_more_than_it_brings() -> None:
    made = planned(
        {("P", "East"): [[1.0]]}, [resource("Press", kind="machine", unit_cost=9_000)], [recipe("P", "Press", 10.0)]
    )
    assert lines(made, "Press")["shortage"] == pytest.approx([0])


def test_overtime_without_a_cost_costs_half_more_than_the_hour() -> None:
    """120 hours on 100, 20 of overtime at 1.5 x 10."""
    made = planned(
        {("P", "East"): [[12.0]]},
        [resource("Team", unit_cost=10, overtime_rate=0.5)],
        [recipe("P", "Team", 10.0)],
    )
    assert lines(made, "Team")["overtime"] == pytest.approx([20])
    assert lines(made, "Team")["cost"] == pytest.approx([300])


def test_a_resource_gives_nothing_before_its_first_and_after_its_last_day() -> None:
    made = planned(
        {("P", "East"): [[1.0]] * 3},
        [
            resource("Gone", available_from=None, available_to=date(2026, 8, 15)),
            resource("New", available_from=date(2026, 8, 1), available_to=None),
        ],
        [recipe("P", "Gone", 1.0), recipe("P", "New", 1.0)],
    )
    assert lines(made, "Gone")["capacity"] == [100, 100, 0]
    assert lines(made, "New")["capacity"] == [0, 100, 100]


def test_people_without_a_count_are_counted_by_role() -> None:
    people = pl.DataFrame(
        [
            {"id": name, "name": name, "role": role, "left_on": left}
            for name, role, left in (
                ("Ann", "delivery", None),
                ("Bo", "delivery", None),
                ("Cy", "support", None),
                ("Di", "delivery", date(2026, 1, 1)),
            )
        ],
        schema_overrides={"left_on": pl.Date},
    )
    made = planned(
        {("P", "East"): [[1.0]]},
        [resource("Team", role="delivery", count=None)],
        [recipe("P", "Team", 1.0)],
        people=people,
    )
    assert lines(made, "Team")["capacity"] == [200]


def test_two_suppliers_of_a_product_share_its_demand_by_what_they_can_fill() -> None:
    mills = [
        resource(name, kind="supplier", product_id="P", capacity=most)
        for name, most in (("Big", 30.0), ("Small", 10.0))
    ]
    frames = demand({("P", "East"): [[20.0]]}) | {"resources": pl.DataFrame(mills, infer_schema_length=None)}
    made = plan(tables(**frames), config())
    assert lines(made, "Big")["load"] == pytest.approx([15])
    assert lines(made, "Small")["load"] == pytest.approx([5])


def test_a_site_with_a_region_serves_that_regions_demand() -> None:
    sites = pl.DataFrame([{"id": "W", "name": "West office", "region": "West"}])
    made = planned(
        {("P", "East"): [[4.0]], ("P", "West"): [[3.0]]},
        [resource("Team", site_id="W")],
        [recipe("P", "Team", 1.0)],
        sites=sites,
        opportunities=pl.DataFrame(
            closed("Ann", date(2026, 7, 1), 2, 0, product_id="P", region="East")
            + closed("Bo", date(2026, 7, 1), 1, 0, product_id="P", region="West")
        ),
    )
    assert lines(made, "Team")["load"] == pytest.approx([4])  # three to come and the one that was won in the West


def test_the_margin_at_stake_is_price_less_cost() -> None:
    """20 hours over on 10 an order of 1,000 with a margin of 30 %: 2 x 1,000 x 0.3."""
    made = planned(
        {("P", "East"): [[12.0]]},
        [resource("Team")],
        [recipe("P", "Team", 10.0)],
        products=pl.DataFrame([{"id": "P", "name": "P", "unit_price": 10, "unit_cost": 7}]),
    )
    short = next(finding for finding in made.findings if finding.code == "supply.short")
    assert short.money_at_stake == pytest.approx(600)


def test_use_that_starts_later_is_not_counted_before() -> None:
    """Won in June, used from two months later on: August."""
    made = planned(
        {("P", "East"): [[0.0]] * 3},
        [resource("Team")],
        [recipe("P", "Team", 5.0, offset=2)],
        opportunities=pl.DataFrame(closed("Ann", date(2026, 6, 1), 1, 0, product_id="P")),
    )
    assert lines(made, "Team")["load"] == pytest.approx([0, 5, 0])


def test_what_a_machine_makes_ahead_covers_the_next_month() -> None:
    """50 and 150 on a capacity of 100 a month: nothing is short, because goods keep."""
    press = resource("Press", kind="machine", product_id="P", unit="units")
    made = planned({("P", "East"): [[50.0], [150.0]]}, [press], [recipe("P", "Press", 1.0)])
    assert lines(made, "Press")["shortage"] == pytest.approx([0, 0])
    assert lines(made, "Press")["stock"] == pytest.approx([50, 0])
    assert made.findings == []


def test_a_shortage_in_few_futures_is_no_finding() -> None:
    made = planned(
        {("P", "East"): [[10.0] * 9 + [40.0]]}, [resource("Team", capacity=20.0)], [recipe("P", "Team", 1.0)]
    )
    assert lines(made, "Team")["shortage_rate"] == pytest.approx([0.1])
    assert made.findings == []


def test_the_load_has_its_ninth_decile_and_purchases_are_a_cost() -> None:
    futures = [float(number) for number in range(11)]
    mill = resource("Mill", kind="supplier", product_id="P", capacity=40.0, unit_cost=5, lead_time_months=0)
    made = planned({("P", "East"): [futures]}, [mill], [recipe("P", "Mill", 2.0)])
    assert lines(made, "Mill")["load"] == pytest.approx([10])
    assert lines(made, "Mill")["load_q90"] == pytest.approx([18])
    assert lines(made, "Mill")["cost"] == pytest.approx([lines(made, "Mill")["buy"][0] * 5])
    assert lines(made, "Mill")["buy"][0] > 0


def test_hiring_a_seller_costs_three_months_of_pay_unless_somebody_says_otherwise() -> None:
    """60 deals a month, one seller closes 10 and 50 wait in the first: five for the flow and one to work off what waits."""
    people = pl.DataFrame([{"id": "Ann", "name": "Ann", "cost": 100_000}])
    made = plan(
        tables(
            **demand({("P", "East"): [[30.0]] * 6}), seller_capacity=sellers({"Ann": 10.0}, months=6), people=people
        ),
        config(ramp=(1.0,), hiring_lead_months=1),
    )
    team = lines(made, "sellers:East")
    assert team["hire"][0] == pytest.approx(6)
    assert team["cost"] == pytest.approx([6 * 3_000] + [6 * 1_000] * 5)


def test_a_region_in_which_no_seller_is_listed_is_worked_by_the_owners_of_its_deals() -> None:
    """Two of the three deals in "Estt" are Ann's, who sells in the East."""
    deals = [
        row | {"id": f"{owner}{place}", "region": "Estt"}
        for place, owner in enumerate(("Ann", "Ann", "Wes"))
        for row in closed(owner, date(2026, 6, 1), 1, 0)
    ]
    team = pl.concat([sellers({"Ann": 8.0}, months=1), sellers({"Wes": 8.0}, region="West", months=1)])
    leaves = {("P", "East"): [[3.0]], ("P", "Estt"): [[1.0]], ("P", "West"): [[2.0]]}
    made = plan(tables(**demand(leaves), seller_capacity=team, opportunities=pl.DataFrame(deals)), config())
    assert lines(made, "sellers:East")["load"] == pytest.approx([8])
    assert lines(made, "sellers:West")["load"] == pytest.approx([4])
    assert set(made.tables["supply_lines"]["resource_id"]) == {"sellers:East", "sellers:West"}
    found = next(finding for finding in made.findings if finding.code == "supply.region_without_sellers")
    assert "Estt (to East)" in found.message
