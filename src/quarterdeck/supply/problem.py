"""The planning problem as arrays: R resources, T months, D futures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quarterdeck.base.lp import INFINITY, Floats, Indices, Model

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """What is given. Loads and capacities are in each resource's own unit, money in major units.

    A resource may be *staffed* (more of it can be hired), *ordered* (it arrives after a lead time) and *stored*
    (made or bought ahead of need); the arrays say how far, zero where it is not.
    """

    load: Floats
    """(R, T, D) what demand asks for."""
    weight: Floats
    """(D,) share of the futures that each one stands for; adds up to 1."""
    capacity: Floats
    """(R, T) what is there without any decision."""
    per_hire: Floats
    """(R,) what one more gives in a month at full productivity; 0 where none can be had."""
    ramp: Floats
    """(R, T) share of full productivity by months since arrival."""
    hire_lead: NDArray[np.int64]
    """(R,) months from the decision to the arrival of a hire."""
    hire_cost: Floats
    """(R, T) one-off cost of a hire decided in a month that the horizon bears."""
    hire_month_cost: Floats
    """(R,) monthly cost of a hire from arrival on."""
    use_cost: Floats
    """(R,) cost of a unit of own capacity used."""
    overtime_rate: Floats
    """(R,) most overtime as a share of capacity."""
    overtime_cost: Floats
    """(R,) cost of a unit of overtime."""
    order_limit: Floats
    """(R, T) most that can be ordered in a month."""
    order_lead: NDArray[np.int64]
    """(R,) months from order to arrival."""
    order_cost: Floats
    """(R,) cost of a unit ordered."""
    is_stored: Flags
    """(R,) what is made or bought may be kept."""
    stock: Floats
    """(R,) stock at the start."""
    holding_cost: Floats
    """(R,) cost of a unit in stock at a month's end."""
    delay_cost: Floats
    """(R,) cost of a unit of load that waits a month."""
    loss_cost: Floats
    """(R,) cost of a unit of load that is never served."""
    hire_months: int = 1
    """Months of the horizon in which a hire must at least be there; later ones are left to the next plan."""
    hires_per_month: float = INFINITY
    """Most hires in a month, all resources together."""
    hires: tuple[Floats, Floats] | None = None
    """(R, T) lowest and highest number of hires, when they are settled."""
    orders: tuple[Floats, Floats] | None = None
    """(R, T) lowest and highest orders, when they are settled."""

    @property
    def shape(self) -> tuple[int, int, int]:
        resources, months, futures = self.load.shape
        return resources, months, futures

    def arrival(self, lead: NDArray[np.int64]) -> Indices:
        """(R, T) month in which what is decided in a month arrives; T or more is after the horizon."""
        return np.arange(self.load.shape[1])[None, :] + lead[:, None]


@dataclass(frozen=True)
class Decisions:
    """Indices of the model's variables. `hire` and `order` are the same in every future, the others are not."""

    hire: Indices = field()
    """(R, T) people or machines decided on in a month."""
    order: Indices = field()
    """(R, T) units ordered in a month."""
    make: Indices = field()
    """(R, T, D) own capacity used."""
    overtime: Indices = field()
    """(R, T, D) extra capacity used."""
    serve: Indices = field()
    """(R, T, D) load served."""
    stock: Indices = field()
    """(R, T, D) stock at the end."""
    backlog: Indices = field()
    """(R, T, D) load that waits for the next month."""
    lost: Indices = field()
    """(R, T, D) load that is never served."""


def declare(model: Model, problem: Problem) -> Decisions:
    """Add the variables with their costs: hires, overtime, purchases, stock, delay and loss, weighted over futures."""
    months = problem.load.shape[1]
    arrives = problem.arrival(problem.hire_lead)
    employed = np.maximum(months - arrives, 0)
    may_hire = (problem.per_hire[:, None] > 0) & (arrives + problem.hire_months <= months)
    low, high = problem.hires or (0.0, np.where(may_hire, INFINITY, 0.0))
    hire_cost = problem.hire_cost + problem.hire_month_cost[:, None] * employed
    hire = model.variables("hire", problem.load.shape[:2], lower=low, upper=high, cost=hire_cost)
    in_time = problem.arrival(problem.order_lead) < months
    low, high = problem.orders or (0.0, np.where(in_time, INFINITY, 0.0))
    order = model.variables("order", problem.load.shape[:2], lower=low, upper=high, cost=problem.order_cost[:, None])

    def each_future(name: str, cost: Floats, upper: Floats | float = INFINITY) -> Indices:
        return model.variables(
            name, problem.shape, upper=upper, cost=cost[:, None, None] * problem.weight[None, None, :]
        )

    wait = np.full(problem.shape, INFINITY)
    wait[:, -1, :] = 0.0  # what is not served by the end is lost, so that nothing is put off for ever
    return Decisions(
        hire=hire,
        order=order,
        make=each_future("make", problem.use_cost),
        overtime=each_future("overtime", problem.overtime_cost),
        serve=each_future("serve", np.zeros(len(problem.load))),
        stock=each_future("stock", problem.holding_cost, np.where(problem.is_stored, INFINITY, 0.0)[:, None, None]),
        backlog=each_future("backlog", problem.delay_cost, wait),
        lost=each_future("lost", problem.loss_cost),
    )
