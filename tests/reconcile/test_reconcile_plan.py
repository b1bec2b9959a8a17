"""The step `reconcile.plan`: what is served, the gap, the money and three options, each by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plan import FIRST, aims, config, demand, scenarios, sellers, tables, won

from quarterdeck.base.calendar import add_months
from quarterdeck.base.finding import Finding
from quarterdeck.base.regions import home_teams
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.reconcile import plan
from quarterdeck.reconcile.futures import Futures, served
from quarterdeck.reconcile.settings import ReconcileSettings
from quarterdeck.supply.settings import SupplySettings

TEN_A_MONTH = {("P", "East"): [[10.0, 10.0]] * 3}
BASE = scenarios(base=[0, 1])


def line(made: Result, name: str, level: str = "all", member: str = "all") -> dict[str, list[Any]]:
    rows = made.tables["plan_lines"].filter(
        (pl.col("line") == name) & (pl.col("level") == level) & (pl.col("member") == member)
    )
    return rows.sort("scenario", "period_start").to_dict(as_series=False)


def option(made: Result, name: str) -> dict[str, Any]:
    return made.tables["plan_options"].filter(pl.col("option") == name).row(0, named=True)


def supply_line(month: int, **given: Any) -> dict[str, Any]:
    row = {
        "scenario": "base",
        "period_start": add_months(FIRST, month),
        "site_id": "East",
        "resource_id": "sellers:East",
        "name": "Sellers East",
        "kind": "sellers",
        "unit": "deals",
        "load": 20.0,
        "load_q90": 20.0,
        "capacity": 16.0,
        "shortage": 0.0,
        "shortage_rate": 0.0,
        "hire": None,
        "cost": 0.0,
    }
    return row | given


def short(margin: float = 0.6, **more: pl.DataFrame) -> Result:
    """10 won deals a month of 1,000 are 20 to be worked; two sellers close 16; the target is 10,000 a month.

    Month 1 closes 8,000 and 4 deals wait; month 2 closes 16 of 24 deals, so 8,000 of 12,000; month 3 8,000 again.
    """
    frames = demand(TEN_A_MONTH) | {
        "scenarios": BASE,
        "plan_targets": aims([1_000_000] * 3),
        "seller_capacity": sellers({"Ann": 8.0, "Bo": 8.0}, 3),
    }
    return plan(tables(**(frames | more)), config(hire_share=0.5, hiring_lead_months=1, ramp=(1.0,), margin=margin))


def test_sellers_limit_what_is_served_and_the_gap_is_what_the_target_misses() -> None:
    bookings = line(short(), "bookings")
    assert bookings["demand"] == pytest.approx([10_000] * 3)
    assert bookings["supply"] == pytest.approx([8_000] * 3)
    assert bookings["gap"] == pytest.approx([-2_000] * 3)
    assert line(short(), "target")["money"] == [10_000] * 3
    capacity = line(short(), "capacity")
    assert capacity["demand"] == pytest.approx([20] * 3)
    assert capacity["gap"] == pytest.approx([-4] * 3)
    assert capacity["money"] == pytest.approx([8_000] * 3)


def test_the_gap_and_what_binds_are_findings_with_their_money() -> None:
    found = {finding.code: finding for finding in short().findings}
    assert found["reconcile.gap"].money_at_stake == pytest.approx(6_000)
    assert "2026-07 to 2026-09" in found["reconcile.gap"].message
    assert "(20%) below the target of 30,000; 0% of futures" in found["reconcile.gap"].message
    assert found["reconcile.capacity_binds"].money_at_stake == pytest.approx(6_000)
    assert "East 6,000 (20%)" in found["reconcile.capacity_binds"].message


def test_hires_of_the_supply_plan_close_what_waits_after_their_lead() -> None:
    """One more from month 2 on closes 8 more: 24 in month 2 (all that is asked for or waits), 20 in month 3."""
    made = short(supply_lines=pl.DataFrame([supply_line(0, hire=1.0, cost=500.0), supply_line(1), supply_line(2)]))
    assert line(made, "bookings")["supply"] == pytest.approx([8_000, 12_000, 10_000])
    assert line(made, "hires")["supply"] == [1, 0, 0]
    assert line(made, "hires", "resource", "sellers:East")["supply"] == [1]
    assert line(made, "supply_cost")["money"] == [500, 0, 0]


def test_margin_is_bookings_less_unit_cost_pay_and_hires_but_not_purchases_twice() -> None:
    """8,000 less 40 % unit cost, less 100 + 50 of pay in month 1, less 500 for a hire; 700 of purchases are unit cost."""
    lines = [
        supply_line(0, cost=500.0),
        supply_line(0, resource_id="Mill", kind="supplier", name="Mill", cost=700.0, capacity=9.0),
    ]
    pay = [
        {"id": "1", "scenario": "base", "amount": 10_000},
        {"id": "2", "scenario": "paid", "amount": 5_000},
        {"id": "3", "scenario": "best", "amount": 7_777},
    ]
    rest = {"person_id": "Ann", "period_start": FIRST, "plan": "p", "rule": "r", "base": 1, "is_assumed": False}
    made = short(
        supply_lines=pl.DataFrame(lines),
        pay_lines=pl.DataFrame([row | rest | {"reason": ""} for row in pay]),
        products=pl.DataFrame([{"id": "P", "name": "P", "unit_price": 10, "unit_cost": 4}]),
    )
    assert line(made, "pay_cost")["money"] == [150, 0, 0]
    assert line(made, "supply_cost")["money"] == [1_200, 0, 0]
    assert line(made, "margin")["money"] == pytest.approx([8_000 - 3_200 - 150 - 500, 4_800, 4_800])
    assert "reconcile.no_unit_cost" not in {finding.code for finding in made.findings}


def test_delivery_that_is_short_limits_the_bookings_that_need_it() -> None:
    """A quarter of month 2's hours is lost; P needs them the month after booking, Q does not need them."""
    leaves = {("P", "East"): [[4.0], [4.0]], ("Q", "East"): [[4.0], [4.0]]}
    made = plan(
        tables(
            **demand(leaves),
            scenarios=scenarios(base=[0]),
            plan_targets=aims([800_000, 800_000]),
            recipes=pl.DataFrame(
                [{"id": "1", "product_id": "P", "resource_id": "Team", "quantity": 1.0, "offset_months": 1}]
            ),
            supply_lines=pl.DataFrame(
                [
                    supply_line(place, resource_id="Team", kind="people", load=100.0, shortage=lost)
                    for place, lost in ((0, 50.0), (1, 25.0))
                ]
            ),
        ),
        config(),
    )
    assert line(made, "bookings", "product", "P")["supply"] == pytest.approx([3_000, 4_000])
    assert line(made, "bookings", "product", "Q")["supply"] == pytest.approx([4_000, 4_000])
    assert line(made, "hours", "resource", "Team")["gap"] == [-84, -84]
    binds = next(finding for finding in made.findings if finding.code == "reconcile.delivery_binds")
    assert binds.money_at_stake == pytest.approx(1_000)
    assert binds.message.endswith("in time: P.")


def test_three_options_are_weighed_on_the_draws() -> None:
    """One more seller from month 2 on closes the gap: gain 6,000. People have no cost: 20 % of the 4,000 that one brings
    a month, so 3 x 800 once and 2 x 800: less than the margin of 5,400. More deals find nobody; half of the futures
    reach 24,000, and to aim lower comes after what closes the gap."""
    made = short(margin=0.9)
    assert made.tables["plan_options"].height == 3
    hire = option(made, "hire_sellers")
    assert hire["title"] == "Hire 1 more seller (1 East)"
    assert hire["gain"] == pytest.approx(6_000)
    assert hire["cost"] == pytest.approx(4_000)
    assert hire["gap_after"] == pytest.approx(0, abs=1e-6)
    assert (hire["probability"], hire["is_feasible"]) == (1.0, True)
    pipeline = option(made, "more_pipeline")
    assert pipeline["gain"] == pytest.approx(0, abs=1e-6)
    assert not pipeline["is_feasible"]
    lower = option(made, "lower_target")
    assert lower["title"] == "Lower the target to 24,000 USD"
    assert lower["probability"] == 1.0
    assert made.tables["plan_options"]["option"].to_list() == ["hire_sellers", "lower_target", "more_pipeline"]
    assert pipeline["reason"].startswith("It changes nothing: the sellers have no room")
    assert "the supply plan itself hires no seller" in hire["reason"]


def test_an_option_that_costs_more_than_its_margin_is_not_feasible_and_says_so() -> None:
    """The hire's 6,000 leave 60 %, 3,600, for 4,000; and of a unit cost of 10 % of the price 5,400."""
    hire = option(short(), "hire_sellers")
    assert not hire["is_feasible"]
    assert hire["reason"].startswith("It costs 4,000 USD, more than the margin of 3,600 USD that it brings")
    assert short().tables["plan_options"]["option"].to_list()[0] == "lower_target"
    products = pl.DataFrame([{"id": "P", "name": "P", "unit_price": 10, "unit_cost": 1}])
    made = short(products=products)
    assert option(made, "hire_sellers")["is_feasible"]
    gap = next(finding for finding in made.findings if finding.code == "reconcile.gap")
    assert gap.fix.startswith("Decide: Hire 1 more seller")
    assert "Bring" not in gap.fix


def test_the_option_to_hire_names_the_hires_that_the_plan_has() -> None:
    """The plan decides on one hire in month 2, who is at work in month 3; deals still wait at the end."""
    lines = pl.DataFrame([supply_line(1, hire=1.0), supply_line(0), supply_line(2)])
    hire = option(short(supply_lines=lines, plan_targets=aims([1_200_000] * 3)), "hire_sellers")
    assert "on top of the 1 hire that the supply plan has already" in hire["reason"]


def test_a_won_share_that_cannot_rise_is_no_feasible_option() -> None:
    """All sellers win 50 %, so there is nothing to copy from the best."""
    team = sellers({"Ann": 100.0, "Bo": 100.0}, 3)
    frames = demand(TEN_A_MONTH) | {"scenarios": BASE, "plan_targets": aims([1_050_000] * 3), "seller_capacity": team}
    made = plan(tables(**frames), config())
    win = option(made, "win_more")
    assert (win["is_feasible"], win["gain"], win["title"]) == (False, 0.0, "Raise the won share above 50.0%")
    assert win["reason"].startswith("It changes nothing")
    assert made.tables["plan_options"]["option"].to_list() == ["more_pipeline", "lower_target", "win_more"]


def test_odds_are_told_by_demand_and_as_served() -> None:
    """Futures of 8, 9, 12 and 12 deals, sellers for 9 won ones, 9,000 aimed at: 3 of 4 reach it by demand and served;
    with 10,000 aimed at 2 of 4 by demand and none as served."""
    for aim, odds in ((900_000, (0.75, 0.75)), (1_000_000, (0.5, 0.0))):
        frames = demand({("P", "East"): [[8.0, 9.0, 12.0, 12.0]]}) | {
            "scenarios": scenarios(base=[0, 1, 2, 3], worst=[0]),
            "plan_targets": aims([aim]),
            "seller_capacity": sellers({"Ann": 18.0}, 1),
        }
        found = line(plan(tables(**frames), config()), "odds")
        assert found["scenario"] == ["base", "worst"]
        assert (found["demand"][0], found["supply"][0]) == odds
        assert found["demand"][1] == 0.0
        assert found["money"] == found["gap"] == [None, None]


def with_room(targets: list[int], **settings_: Any) -> Result:
    """10 deals a month and sellers who could close ten times as many, one wins 50 %, one 60 %."""
    team = pl.concat([sellers({"Ann": 100.0}, 3, rate=0.5), sellers({"Bo": 100.0}, 3, rate=0.6)])
    frames = demand(TEN_A_MONTH) | {"scenarios": BASE, "plan_targets": aims(targets), "seller_capacity": team}
    return plan(tables(**frames), config(**settings_))


def test_with_room_to_spare_a_gap_asks_for_more_deals_or_a_better_won_share() -> None:
    """31,500 aimed at, 30,000 expected. The team wins 55 %, the upper quarter 57.5 %: 30,000 x 57.5 / 55 are 136 too few.
    7.5 % more deals in the last two months are enough."""
    made = with_room([1_050_000] * 3)
    assert set(made.tables["plan_options"]["option"]) == {"win_more", "more_pipeline", "lower_target"}
    win = option(made, "win_more")
    assert win["gap_after"] == pytest.approx(-136.36, abs=0.01)
    assert win["probability"] == 0.0
    assert win["title"] == "Raise the won share from 55.0% to 57.5%"
    pipeline = option(made, "more_pipeline")
    assert pipeline["gain"] == pytest.approx(1_500, abs=40)
    assert pipeline["title"] == "Bring 1 more new deal a month"  # 10 x 7.5 % / 55 %


def test_more_deals_are_asked_for_only_as_far_as_the_setting_allows() -> None:
    made = with_room([2_000_000] * 3, pipeline_share=0.1)
    assert option(made, "more_pipeline")["gain"] == pytest.approx(2_000)  # 10 % of two months of 10,000


def test_above_the_target_there_are_three_options_too() -> None:
    made = with_room([500_000] * 3)
    assert set(made.tables["plan_options"]["option"]) == {"raise_target", "hold_hires", "keep_plan"}
    assert option(made, "raise_target")["title"] == "Raise the target to 30,000 USD"
    assert not option(made, "hold_hires")["is_feasible"]
    gap = next(finding for finding in made.findings if finding.code == "reconcile.gap")
    assert (gap.severity, gap.money_at_stake) == ("notice", None)


def test_the_finding_on_the_margin_names_what_each_product_lacks() -> None:
    leaves = {(name, "East"): [[1.0]] for name in ("A", "B", "C", "D")}
    products = [
        {"id": "A", "name": "A", "unit_price": 10, "unit_cost": None},
        {"id": "B", "name": "B", "unit_price": 10, "unit_cost": 4},
        {"id": "C", "name": "C", "unit_price": None, "unit_cost": 4},
    ]
    frames = demand(leaves) | {"scenarios": scenarios(base=[0]), "plan_targets": aims([100])}

    def told(rows: list[dict[str, Any]]) -> Finding:
        made = plan(tables(**frames, products=pl.DataFrame(rows, schema_overrides={"unit_cost": pl.Int64})), config())
        return next(finding for finding in made.findings if finding.code == "reconcile.no_unit_cost")

    assert told(products).message == (
        "1 product has no unit cost (A); 1 product has no unit cost and no unit price (D); 1 product has no unit price "
        "(C); the plan's margin counts no cost for them."
    )
    priced = [
        row | {"unit_price": 10, "unit_cost": None, "id": name} for row, name in zip(products * 2, "ABCD", strict=False)
    ]
    assert told(priced).message.startswith("4 products have no unit cost (A, B, C, …); the plan's")
    assert told(priced).fix.startswith("Give unit_cost: ")
    assert told(priced).count == 4


def test_without_sellers_the_demand_is_the_supply() -> None:
    frames = demand(TEN_A_MONTH) | {"scenarios": BASE, "plan_targets": aims([1_000_000] * 3)}
    made = plan(tables(**frames), config())
    assert line(made, "bookings")["supply"] == pytest.approx([10_000] * 3)
    assert line(made, "capacity")["supply"] == []


def test_each_scenario_has_its_lines() -> None:
    leaves = {("P", "East"): [[2.0, 6.0]]}
    frames = demand(leaves) | {
        "scenarios": scenarios(base=[0, 1], best=[1], worst=[0]),
        "plan_targets": aims([400_000]),
    }
    bookings = line(plan(tables(**frames), config()), "bookings")
    assert dict(zip(bookings["scenario"], bookings["gap"], strict=True)) == pytest.approx(
        {"base": 0, "best": 2_000, "worst": -2_000}
    )


def test_a_quota_beyond_what_a_seller_can_close_is_a_finding() -> None:
    """Ann can close 3 x 4,000 = 12,000; 14,400 is the most that passes."""
    quotas = [
        {"person_id": name, "period_start": FIRST, "region": "East", "amount": amount, "share": 0.5, "reason": ""}
        for name, amount in (("Ann", 1_440_100), ("Bo", 1_440_000))
    ]
    found = next(f for f in short(quotas=pl.DataFrame(quotas)).findings if f.code == "reconcile.quota_above_capacity")
    assert found.count == 1
    assert found.money_at_stake == pytest.approx(2_401)


def test_the_latest_booked_deals_are_demand_and_supply_already() -> None:
    """On 16 July 500.00 of July were won and 10,000 are expected still."""
    frames = demand({("P", "East"): [[10.0]]}) | {"scenarios": scenarios(base=[0]), "plan_targets": aims([1_000_000])}
    made = plan(tables(**frames, opportunities=pl.DataFrame([won(FIRST, 50_000)])), config(date(2026, 7, 16)))
    assert line(made, "bookings")["demand"] == pytest.approx([10_500])
    assert line(made, "bookings")["supply"] == pytest.approx([10_500])
    assert line(made, "bookings")["gap"] == pytest.approx([500])


def test_one_team_for_all_regions_is_spread_by_the_deals_asked_for() -> None:
    frames = demand({("P", "East"): [[3.0]], ("P", "West"): [[1.0]]})
    frames |= {"scenarios": scenarios(base=[0]), "plan_targets": aims([400_000])}
    made = plan(tables(**frames, seller_capacity=sellers({"Ann": 8.0}, 1, region=None)), config())
    assert line(made, "capacity", "region", "East")["supply"] == pytest.approx([6])
    assert line(made, "capacity", "region", "West")["supply"] == pytest.approx([2])


def test_capacity_in_money_follows_the_won_share_of_the_month() -> None:
    """8 deals a month of 1,000 at a won share of a half, then of three quarters."""
    team = sellers({"Ann": 8.0}, 2).with_columns(rate=pl.Series([0.5, 0.75]))
    frames = demand({("P", "East"): [[2.0], [2.0]]}) | {"scenarios": scenarios(base=[0]), "plan_targets": aims([1, 1])}
    made = plan(tables(**frames, seller_capacity=team), config())
    assert line(made, "capacity")["money"] == pytest.approx([4_000, 6_000])
    assert line(made, "capacity", "region", "East")["money"] == pytest.approx([4_000, 6_000])


def test_the_reserve_is_held_against_the_lowest_tenth() -> None:
    """Futures of 0 to 10 deals: one in ten ends below 1,000."""
    frames = demand({("P", "East"): [[float(number) for number in range(11)]]})
    frames |= {"scenarios": scenarios(base=list(range(11))), "plan_targets": aims([400_000])}
    keep = option(plan(tables(**frames), config()), "keep_plan")
    assert keep["reason"].startswith(
        "Expected bookings are 1,000 USD above the target; one future in ten ends below 1,000"
    )


def test_without_a_frame_there_is_no_plan() -> None:
    made = plan(tables(), config())
    assert made.tables["plan_lines"].equals(empty("plan_lines"))
    assert made.tables["plan_options"].equals(empty("plan_options"))


def test_the_tables_are_as_the_schema_says_and_their_keys_are_unique() -> None:
    made = short(supply_lines=pl.DataFrame([supply_line(0, hire=1.0), supply_line(1), supply_line(2)]))
    lines = made.tables["plan_lines"]
    assert lines.equals(conform("plan_lines", lines))
    assert lines.select("scenario", "period_start", "line", "level", "member").is_unique().all()
    for name in ("plan_lines", "plan_options"):
        required = {"plan_lines": lines.columns[:5], "plan_options": made.tables["plan_options"].columns}[name]
        assert made.tables[name].select(required).null_count().sum_horizontal().item() == 0


def test_both_rooms_take_the_same_values_for_hires() -> None:
    """Sellers hired by the supply plan ramp in the reconciled plan as they did there."""
    ours, theirs = ReconcileSettings(), SupplySettings()
    for name in ("ramp", "hiring_lead_months", "hire_cost_months", "seller_cost_rate", "margin"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_a_region_without_sellers_is_worked_by_the_team_that_owns_its_deals() -> None:
    """Ann of the East closes 8 of the 8 deals asked for in East and Estt; Wes owns fewer deals there."""
    rows = [won(FIRST, 0, "Estt", day=day) | {"owner_id": owner} for day, owner in ((1, "Ann"), (2, "Ann"), (3, "Wes"))]
    deals = tables(opportunities=pl.DataFrame(rows))["opportunities"]
    team = pl.concat([sellers({"Ann": 8.0}, 1), sellers({"Wes": 8.0}, 1, region="West")])
    assert home_teams(deals, team) == {"Estt": "East"}
    frames = demand({("P", "East"): [[3.0]], ("P", "Estt"): [[1.0]]})
    frames |= {"scenarios": scenarios(base=[0]), "plan_targets": aims([400_000])}
    made = plan(tables(**frames, opportunities=deals, seller_capacity=team), config())
    assert line(made, "bookings")["supply"] == pytest.approx([4_000])
    assert line(made, "capacity", "region", "East")["demand"] == pytest.approx([8])


@st.composite
def futures(draw: st.DrawFn) -> Futures:
    leaves, months, number = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    size = leaves * months * number
    counts = st.lists(st.integers(0, 30), min_size=size, max_size=size)
    quantity = np.array(draw(counts), dtype=float).reshape(leaves, months, number)
    regions = tuple(draw(st.lists(st.sampled_from(["East", "West"]), min_size=leaves, max_size=leaves)))
    first = tuple(add_months(FIRST, place) for place in range(months))
    return Futures(first, ("P",) * leaves, regions, quantity, quantity * 10.0, np.zeros((leaves, months)))


@given(futures(), st.floats(0, 60), st.floats(0, 20))
@settings(max_examples=60, deadline=None)
def test_no_more_is_served_than_asked_for_and_more_sellers_never_serve_less(
    case: Futures, able: float, extra: float
) -> None:
    shape = (len(case.regions), len(case.months))
    rate = np.full(shape, 0.5)
    less, more = (served(case, rate, np.full(shape, number)) for number in (able, able + extra))
    asked, done = case.amount.cumsum(axis=1), less.cumsum(axis=1)
    assert (done <= asked + 1e-6).all()
    assert (more.sum(axis=(0, 1)) >= less.sum(axis=(0, 1)) - 1e-6).all()
    for g in range(len(case.regions)):
        worked = less[case.teams == g].sum(axis=0) / 10.0 / 0.5
        assert (worked <= able + 1e-6).all()
    assert served(case.by_team(), rate, np.full(shape, able)).sum(axis=(0, 1)) == pytest.approx(less.sum(axis=(0, 1)))


@given(futures())
@settings(max_examples=15, deadline=None)
def test_regions_and_products_add_up_to_the_total(case: Futures) -> None:
    leaves: dict[Any, Any] = {
        (f"P{place}", region): case.quantity[place].tolist() for place, region in enumerate(case.region)
    }
    frames = demand(leaves) | {
        "scenarios": scenarios(base=list(range(case.quantity.shape[2]))),
        "plan_targets": aims([100_000] * len(case.months)),
        "seller_capacity": sellers({"Ann": 9.0}, len(case.months), region="East"),
    }
    lines = plan(tables(**frames), config()).tables["plan_lines"].filter(pl.col("line") == "bookings")
    for measure in ("demand", "supply"):
        sums = {
            level: lines.filter(pl.col("level") == level)
            .group_by("period_start")
            .agg(pl.col(measure).sum())
            .sort("period_start")[measure]
            .to_list()
            for level in ("all", "region", "product")
        }
        assert sums["region"] == pytest.approx(sums["all"])
        assert sums["product"] == pytest.approx(sums["all"])
