"""Solve the planning problem: a linear program over the futures, then again with whole hires and orders settled."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.lp import INFINITY, Floats, Model, Solution
from quarterdeck.supply.constraints import CONSTRAINTS
from quarterdeck.supply.problem import Problem, declare


@dataclass(frozen=True)
class Answer:
    """The plan: `values` by variable, hire and order (R, T), the others (R, T, D)."""

    cost: float
    values: dict[str, Floats]
    worth: Floats
    """(R, T) expected saving by one more unit of own capacity, or of what the supplier can fill, in the month."""


def model_of(problem: Problem) -> Model:
    """The linear program of a problem with every constraint."""
    model = Model()
    x = declare(model, problem)
    for constraint in CONSTRAINTS:
        constraint(model, problem, x)
    return model


def relaxed(problem: Problem, seconds: float | None = None) -> Answer:
    """The plan with fractional hires. Loss is always allowed, so there always is a plan."""
    solution = _solved(model_of(problem), seconds)
    is_bought = (problem.order_limit.sum(axis=1) > 0) & (problem.capacity.sum(axis=1) == 0)
    own, bought = solution.duals["own_capacity"].sum(axis=2), solution.duals["supplier_limit"]
    worth = np.maximum(-np.where(is_bought[:, None], bought, own), 0.0)
    return Answer(solution.objective, solution.values, worth)


def solve(problem: Problem, minimum_order: Floats, seconds: float | None = None) -> Answer:
    """The plan with whole hires and orders of at least the supplier's minimum (R,).

    The linear program is solved first; hires are rounded so that their running total stays nearest, orders below the
    minimum are raised to it from its half on and dropped below; with these settled it is solved again, so that the
    duals are those of a linear program.
    """
    first = relaxed(problem, seconds)
    hire, order = first.values["hire"], first.values["order"]
    whole = _whole(hire, problem.hires_per_month)
    minimum = np.minimum(minimum_order[:, None], problem.order_limit)
    is_small = (order > 1e-6) & (order < minimum - 1e-6)
    if np.allclose(hire, whole, atol=1e-6) and not is_small.any():
        return first
    raised = is_small & (order >= minimum / 2)
    in_time = problem.arrival(problem.order_lead) < problem.load.shape[1]
    highest = np.where(in_time & ~(is_small & ~raised) & ((order > 1e-6) | (minimum <= 0)), INFINITY, 0.0)
    lowest = np.where(raised | (order >= minimum - 1e-6) & (minimum > 0) & (order > 1e-6), minimum, 0.0)
    return relaxed(replace(problem, hires=(whole, whole), orders=(lowest, highest)), seconds)


def _whole(hire: Floats, per_month: float) -> Floats:
    """Whole hires (R, T): each month's running total is rounded; what the limit leaves over goes on."""
    whole, given = np.zeros_like(hire), np.zeros(len(hire))
    for month, total in enumerate(np.cumsum(hire, axis=1).T):
        wanted = np.maximum(np.floor(total + 0.5 - given), 0.0)
        room = np.floor(per_month + 1e-9)
        for r in np.argsort(given - total, kind="stable"):
            whole[r, month] = min(wanted[r], room)
            room -= whole[r, month]
        given += whole[:, month]
    return whole


def _solved(model: Model, seconds: float | None) -> Solution:
    solution = model.solve(seconds)
    if not solution.values or solution.status not in ("optimal", "time limit reached"):
        raise QuarterdeckError(
            f"The supply plan was not solved ({solution.status}); "
            "plan on fewer futures (supply.draws) or months (supply.horizon)."
        )
    return solution
