"""The limits of the supply plan, one function each: the sentence of the business, then the inequality.

r is a resource, t a month, d a future; `a(s)` is the month in which what was decided in month s arrives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from quarterdeck.base.lp import INFINITY, Floats, Indices, Model
from quarterdeck.supply.problem import Decisions, Problem

Constraint = Callable[[Model, Problem, Decisions], None]


def demand_is_accounted_for(model: Model, problem: Problem, x: Decisions) -> None:
    """What is asked for in a month, and what waited for it, is served, waits on, or is lost.

    serve[r,t,d] + backlog[r,t,d] + lost[r,t,d] - backlog[r,t-1,d] = load[r,t,d]
    """
    terms = [(x.serve, 1.0), (x.backlog, 1.0), (x.lost, 1.0), (_month_before(x.backlog), -1.0)]
    model.rows("demand_is_accounted_for", problem.shape, terms, lower=problem.load, upper=problem.load)


def served_from_somewhere(model: Model, problem: Problem, x: Decisions) -> None:
    """What is served comes from own work, overtime, stock and arrived orders; goods left over are kept, hours are gone.

    make[r,t,d] + overtime[r,t,d] + stock[r,t-1,d] + sum over s with a(s) = t of order[r,s]
    - serve[r,t,d] - stock[r,t,d] = 0 for what is stored, >= 0 for the others;
    in the first month -(stock at the start) stands instead of 0
    """
    resources, months, futures = problem.shape
    arrived = np.full((resources, months), -1, dtype=np.int64)
    for r in range(resources):
        lead = int(problem.order_lead[r])
        arrived[r, lead:] = x.order[r, : max(months - lead, 0)]
    at_start = np.zeros(problem.shape)
    at_start[:, 0, :] = 0.0 - problem.stock[:, None]
    at_most = np.where(problem.is_stored[:, None, None], at_start, INFINITY)
    terms = [
        (x.make, 1.0),
        (x.overtime, 1.0),
        (_month_before(x.stock), 1.0),
        (np.repeat(arrived[:, :, None], futures, axis=2), 1.0),
        (x.serve, -1.0),
        (x.stock, -1.0),
    ]
    model.rows("served_from_somewhere", problem.shape, terms, lower=at_start, upper=at_most)


def own_capacity(model: Model, problem: Problem, x: Decisions) -> None:
    """Own work in a month does not exceed what is there and what hires, once arrived and as far as ramped, add.

    make[r,t,d] - sum over s with a(s) <= t of per_hire[r] ramp[r, t - a(s)] hire[r,s] <= capacity[r,t]
    """
    resources, months, futures = problem.shape
    hires, added = _hires_in_each_month(problem, x)
    shape = (resources, months, futures, months)
    variables, less = np.broadcast_to(hires[:, :, None, :], shape), np.broadcast_to(-added[:, :, None, :], shape)
    upper = np.broadcast_to(problem.capacity[:, :, None], problem.shape)
    model.rows("own_capacity", problem.shape, [(x.make, np.ones(1)), (variables, less)], upper=upper)


def overtime_limit(model: Model, problem: Problem, x: Decisions) -> None:
    """Overtime in a month does not exceed its share of what is there.

    overtime[r,t,d] <= overtime_rate[r] capacity[r,t]
    """
    upper = (problem.overtime_rate[:, None] * problem.capacity)[:, :, None]
    model.rows("overtime_limit", problem.shape, [(x.overtime, 1.0)], upper=np.broadcast_to(upper, problem.shape))


def supplier_limit(model: Model, problem: Problem, x: Decisions) -> None:
    """A supplier takes no larger order in a month than it can fill.

    order[r,t] <= order_limit[r,t]
    """
    model.rows("supplier_limit", problem.load.shape[:2], [(x.order, 1.0)], upper=problem.order_limit)


def hiring_limit(model: Model, problem: Problem, x: Decisions) -> None:
    """The company takes in no more people in a month than it can look after, all resources together.

    sum over r of hire[r,t] <= hires_per_month
    """
    if problem.hires_per_month < INFINITY:
        months = problem.load.shape[1]
        model.rows("hiring_limit", (months,), [(x.hire.T, 1.0)], upper=problem.hires_per_month)


def _month_before(variables: Indices) -> Indices:
    before = np.full_like(variables, -1)
    before[:, 1:] = variables[:, :-1]
    return before


def _hires_in_each_month(problem: Problem, x: Decisions) -> tuple[Indices, Floats]:
    """(R, T, T) variable and capacity in month t of one hire decided in month s."""
    resources, months, _ = problem.shape
    since = np.arange(months)[None, :, None] - problem.arrival(problem.hire_lead)[:, None, :]
    place = np.clip(since, 0, months - 1)
    share = np.take_along_axis(problem.ramp[:, None, :].repeat(months, axis=1), place, axis=2)
    added = np.where(since >= 0, share * problem.per_hire[:, None, None], 0.0)
    return np.broadcast_to(x.hire[:, None, :], (resources, months, months)), added


CONSTRAINTS: tuple[Constraint, ...] = (
    demand_is_accounted_for,
    served_from_somewhere,
    own_capacity,
    overtime_limit,
    supplier_limit,
    hiring_limit,
)
