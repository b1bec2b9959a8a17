"""A resource with its load over all futures, and resources put together as a planning problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarterdeck.base.lp import INFINITY, Floats
from quarterdeck.supply.problem import Problem
from quarterdeck.supply.settings import SupplySettings


@dataclass(frozen=True)
class Resource:
    """One thing that limits supply. Load and capacity are in `unit`, money is in major units."""

    id: str
    name: str
    kind: str
    """sellers, people, machine or supplier"""
    unit: str
    site_id: str | None
    load: Floats
    """(T, N) over all futures"""
    capacity: Floats
    """(T,) what is there; 0 for suppliers"""
    value: float
    """Margin that hangs on a unit of load"""
    per_hire: float = 0.0
    ramp: tuple[float, ...] = (1.0,)
    hire_lead: int = 0
    hire_cost: float = 0.0
    hire_month_cost: float = 0.0
    use_cost: float = 0.0
    overtime_rate: float = 0.0
    overtime_cost: float = 0.0
    order_limit: Floats | None = None
    """(T,) what a supplier, or a second source of people's hours, can fill"""
    second_source: str = ""
    """Name of the second source"""
    order_lead: int = 0
    order_cost: float = 0.0
    minimum_order: float = 0.0
    is_stored: bool = False
    stock: float = 0.0

    @property
    def worst_cost(self) -> float:
        """The dearest way to serve a unit: serving is always better than losing it."""
        hire = (self.hire_month_cost + self.hire_cost) / self.per_hire if self.per_hire else 0.0
        return max(self.use_cost, self.overtime_cost, self.order_cost, hire)


def problem_of(
    resources: Sequence[Resource],
    futures: NDArray[np.int64],
    weight: Floats,
    *,
    settings: SupplySettings,
) -> Problem:
    """The planning problem of the resources on some of the futures."""
    months = resources[0].load.shape[0]
    zeros = np.zeros(months)

    def each(name: str) -> Floats:
        return np.asarray([getattr(resource, name) for resource in resources], dtype=np.float64)

    def whole(name: str) -> NDArray[np.int64]:
        return each(name).astype(np.int64)

    there = months - np.arange(months)[None, :] - whole("hire_lead")[:, None]
    bears = np.clip(there / settings.hire_cost_spread, 0.0, 1.0)
    loss = np.maximum(each("value"), 1.5 * each("worst_cost")) + 1e-6
    unit_cost = np.maximum(each("use_cost"), each("order_cost"))
    return Problem(
        load=np.stack([resource.load[:, futures] for resource in resources]),
        weight=weight,
        capacity=np.stack([resource.capacity for resource in resources]),
        per_hire=each("per_hire"),
        ramp=np.asarray([[r.ramp[min(m, len(r.ramp) - 1)] for m in range(months)] for r in resources]),
        hire_lead=whole("hire_lead"),
        hire_cost=each("hire_cost")[:, None] * bears,
        hire_month_cost=each("hire_month_cost"),
        use_cost=np.maximum(each("use_cost"), 1e-6 * loss),  # idle hours are not counted as made
        overtime_rate=each("overtime_rate"),
        overtime_cost=each("overtime_cost"),
        order_limit=np.stack([zeros if r.order_limit is None else r.order_limit for r in resources]),
        order_lead=whole("order_lead"),
        order_cost=each("order_cost"),
        is_stored=np.asarray([resource.is_stored for resource in resources]),
        stock=each("stock"),
        holding_cost=settings.holding_rate * unit_cost,
        delay_cost=settings.delay_rate * loss,
        loss_cost=loss,
        hire_months=settings.hire_months,
        hires_per_month=INFINITY if settings.hires_per_month is None else settings.hires_per_month,
    )


def spread_of_futures(total: Floats, draws: Sequence[int], size: int) -> tuple[NDArray[np.int64], Floats]:
    """At most `size` of a scenario's draws that cover its range, with the share of the draws each stands for.

    The draws are sorted by their total and cut into groups of equal number; each group's middle one is taken.
    """
    ordered = np.asarray(sorted(draws, key=lambda draw: (total[draw], draw)), dtype=np.int64)
    groups = np.array_split(ordered, min(size, len(ordered)))
    chosen = np.asarray([group[len(group) // 2] for group in groups], dtype=np.int64)
    return chosen, np.asarray([len(group) / len(ordered) for group in groups])
