"""Published planning examples, and what holds for any plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_supply import problem

from quarterdeck.supply.problem import Problem
from quarterdeck.supply.solving import relaxed, solve


def test_a_level_plan_with_overtime_and_stock_costs_78_600() -> None:
    """Stevenson, Operations Management, chapter 11: six months, regular 300 at 40, overtime 20 at 50, stock at 10.

    1,800 regular units cost 72,000, 120 of overtime 6,000; stock at the months' ends is 20, 20, 20, 0, 0, 0 at 10: 600.
    """
    given_plan = problem(
        [[300, 320, 320, 340, 320, 320]],
        300,
        use_cost=[40.0],
        overtime_rate=[20 / 300],
        overtime_cost=[50.0],
        is_stored=[True],
        holding_cost=[10.0],
        delay_cost=[1e4],
        loss_cost=[1e5],
    )
    answer = relaxed(given_plan)
    assert answer.cost == pytest.approx(78_600)
    assert answer.values["stock"].ravel() == pytest.approx([20, 20, 20, 0, 0, 0])


def test_500_units_of_half_an_hour_on_200_hours_are_50_hours_short() -> None:
    """Rough-cut capacity: 250 hours of load on 200 are 125 %, 50 hours over; an hour more saves the loss of one."""
    answer = relaxed(problem([[500 * 0.5]], 200))
    assert answer.values["serve"].item() == pytest.approx(200)
    assert answer.values["lost"].item() == pytest.approx(50)
    assert answer.worth.item() == pytest.approx(100)


def test_an_order_arrives_after_its_lead_time_and_stock_covers_until_then() -> None:
    """12 in stock, 10 + 20 + 30 asked for, a month of lead: 60 - 12 are ordered, nothing is lost."""
    answer = solve(
        problem(
            [[10, 20, 30]],
            0,
            order_limit=[[40, 40, 40]],
            order_lead=[1],
            order_cost=[1.0],
            is_stored=[True],
            stock=[12.0],
            holding_cost=[0.1],
        ),
        np.zeros(1),
    )
    assert answer.values["order"].ravel() == pytest.approx([18, 30, 0])
    assert answer.values["lost"].sum() == pytest.approx(0)


def test_an_order_below_the_suppliers_minimum_is_raised_to_it_and_the_rest_is_stock() -> None:
    given_plan = problem([[0, 30]], 0, order_limit=[[100, 100]], order_lead=[1], order_cost=[1.0], is_stored=[True])
    answer = solve(given_plan, np.array([50.0]))
    assert answer.values["order"].ravel() == pytest.approx([50, 0])
    assert answer.values["stock"].ravel() == pytest.approx([0, 20])


def test_an_order_below_half_of_the_minimum_is_dropped() -> None:
    given_plan = problem([[0, 20]], 0, order_limit=[[100, 100]], order_lead=[1], order_cost=[1.0], is_stored=[True])
    assert solve(given_plan, np.array([50.0])).values["order"].sum() == pytest.approx(0)


def test_hires_are_whole_and_start_to_help_after_the_lead_time_and_with_the_ramp() -> None:
    """8 hours too few from month 2 on; a hire gives 4 from the month after next but one at full ramp."""
    given_plan = problem(
        [[4, 12, 12, 12]],
        4,
        per_hire=[4.0],
        ramp=[[0.5, 1.0, 1.0, 1.0]],
        hire_lead=[1],
        hire_cost=[[1.0, 1.0, 1.0, 1.0]],
        delay_cost=[50.0],
    )
    answer = solve(given_plan, np.zeros(1))
    hire = answer.values["hire"].ravel()
    assert hire == pytest.approx(np.round(hire))
    assert hire[0] == pytest.approx(4)  # half of 4 x 4 hours in the month of arrival
    assert answer.values["lost"].sum() == pytest.approx(0)


def test_no_more_people_are_hired_in_a_month_than_the_company_can_take_in() -> None:
    load = [[40.0, 40, 40, 40], [40.0, 40, 40, 40]]
    given_plan = problem(load, 0, per_hire=[4.0, 4.0], hires_per_month=3)
    answer = solve(given_plan, np.zeros(2))
    assert (answer.values["hire"].sum(axis=0) <= 3 + 1e-6).all()
    assert answer.values["hire"].sum() == pytest.approx(12)


def test_what_cannot_be_served_now_waits_when_there_is_room_later() -> None:
    answer = relaxed(problem([[6, 2]], 4))
    assert answer.values["backlog"].ravel() == pytest.approx([2, 0])
    assert answer.values["lost"].sum() == pytest.approx(0)
    assert answer.cost == pytest.approx(2)  # two units wait a month at 1


def test_futures_weigh_by_their_share() -> None:
    """Short by 10 in a quarter of the futures at 100 a unit: 250."""
    given_plan = replace(problem([[[10.0, 20.0]]], 10), weight=np.array([0.75, 0.25]))
    assert relaxed(given_plan).cost == pytest.approx(250)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    resources, months, futures = (draw(st.integers(1, high)) for high in (3, 4, 3))
    amounts = st.floats(0, 100).map(lambda value: round(value, 1))

    def numbers(*shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        return np.array(draw(st.lists(amounts, min_size=size, max_size=size))).reshape(shape)

    return problem(
        numbers(resources, months, futures),
        numbers(resources, months),
        per_hire=numbers(resources) / 10,
        hire_lead=np.array(draw(st.lists(st.integers(0, 3), min_size=resources, max_size=resources))),
        hire_cost=numbers(resources, months),
        hire_month_cost=numbers(resources),
        overtime_rate=numbers(resources) / 200,
        overtime_cost=numbers(resources),
        order_limit=numbers(resources, months),
        order_lead=np.array(draw(st.lists(st.integers(0, 3), min_size=resources, max_size=resources))),
        order_cost=numbers(resources),
        is_stored=np.array(draw(st.lists(st.booleans(), min_size=resources, max_size=resources))),
        stock=numbers(resources),
        holding_cost=numbers(resources) / 10,
    )


@given(problems())
@settings(max_examples=25, deadline=None)
def test_load_is_served_waits_or_is_lost_and_nothing_exceeds_its_capacity(case: Problem) -> None:
    x = solve(case, np.zeros(len(case.load))).values
    before = np.zeros_like(x["backlog"])
    before[:, 1:] = x["backlog"][:, :-1]
    assert x["serve"] + x["backlog"] + x["lost"] - before == pytest.approx(case.load, abs=1e-5)
    assert (x["backlog"][:, -1] <= 1e-6).all()
    added = np.zeros(case.load.shape[:2])
    for r, lead in enumerate(case.hire_lead):
        for decided in range(added.shape[1]):
            added[r, decided + lead :] += x["hire"][r, decided] * case.per_hire[r]
    assert (x["make"] <= (case.capacity + added)[:, :, None] + 1e-5).all()
    assert (x["overtime"] <= (case.overtime_rate[:, None] * case.capacity)[:, :, None] + 1e-5).all()
    assert (x["order"] <= case.order_limit + 1e-5).all()
    assert (x["stock"][~case.is_stored] == 0).all()


@given(problems(), st.integers(0, 2), st.floats(1, 50))
@settings(max_examples=25, deadline=None)
def test_more_capacity_never_costs_more(case: Problem, place: int, extra: float) -> None:
    more = case.capacity.copy()
    more[place % len(more)] += extra
    assert relaxed(replace(case, capacity=more)).cost <= relaxed(case).cost + 1e-4
