"""Generalized assignment: each job to one agent, at least cost, within what the agents can carry.

Small ones are solved exactly (base.lp); large ones by a local search of shifts and swaps from a given start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.lp import INFINITY, Model

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Status = Literal["optimal", "feasible", "infeasible"]

EXACT_PAIRS = 200_000
SHAKEN_PAIRS, MOST_ROUNDS = 50_000, 100
TINY = 1e-9


@dataclass(frozen=True)
class Problem:
    """Costs (agents, jobs), loads (kinds, agents, jobs), bounds of each agent's load (kinds, agents).

    With a `penalty` the bounds are soft: each unit outside costs so much.
    """

    cost: Floats
    load: Floats
    least: Floats
    most: Floats
    penalty: float | None = None


@dataclass(frozen=True)
class Assignment:
    """Each job's agent, the cost, and whether it is proven best; agents -1 and no finite cost when none was found."""

    agents: Indices
    cost: float
    status: Status


def assign(
    cost: ArrayLike,
    load: ArrayLike,
    capacity: ArrayLike,
    seconds: float = 10.0,
    *,
    least: ArrayLike | None = None,
) -> Assignment:
    """Each job to one agent at least cost, no agent above its capacity (nor below `least`, if given).

    `cost` and `load` are agents × jobs, `capacity` and `least` one value an agent. The status says `optimal` when
    proven within the seconds, else `feasible`. Raises when the shapes do not fit.

    >>> assign([[1, 5], [2, 2]], [[1, 1], [1, 1]], [1, 1]).agents
    array([0, 1])
    """
    costs, loads = np.asarray(cost, dtype=float), np.asarray(load, dtype=float)
    most = np.asarray(capacity, dtype=float)
    low = np.full(most.shape, -INFINITY) if least is None else np.asarray(least, dtype=float)
    if costs.ndim != 2 or loads.shape != costs.shape or {most.shape, low.shape} != {costs.shape[:1]}:
        raise QuarterdeckError(
            f"assign needs cost and load of one shape agents x jobs, and capacity and least of one value an agent; "
            f"got {costs.shape}, {loads.shape}, {most.shape}, {low.shape}"
        )
    problem = Problem(costs, loads[None], low[None], most[None])
    quick = _quick(problem)
    if costs.size > EXACT_PAIRS:
        return quick
    exact = solve(problem, seconds)
    return exact if exact.status == "optimal" or exact.cost <= quick.cost else quick


def _quick(problem: Problem) -> Assignment:
    """A good assignment without the solver: prices and search, at bounds that weigh little to much."""
    unit = max(float(np.ptp(problem.cost)), TINY) / max(float(np.mean(problem.load)), TINY)
    hard = replace(problem, penalty=100 * unit)
    found = []
    for factor in (1, 3, 10, 100):
        soft = replace(problem, penalty=factor * unit)
        found.append(_judged(problem, search(hard, search(soft, price(soft)))))
    return min(found, key=lambda answer: answer.cost)


def solve(problem: Problem, seconds: float) -> Assignment:
    """The best assignment by mixed-integer programming, or the best found within the seconds."""
    agents, jobs = problem.cost.shape
    fits = np.all(problem.load <= problem.most[:, :, None] + TINY, axis=0) if problem.penalty is None else True
    model = Model()
    pick = model.variables("pick", (agents, jobs), upper=np.where(fits, 1.0, 0.0), cost=problem.cost, is_integer=True)
    model.rows("one", (jobs,), [(pick.T, 1.0)], lower=1, upper=1)
    for kind, (load, least, most) in enumerate(zip(problem.load, problem.least, problem.most, strict=True)):
        terms = [(pick, load)]
        if problem.penalty is not None:
            over = model.variables(f"over{kind}", (agents,), cost=problem.penalty)
            under = model.variables(f"under{kind}", (agents,), cost=problem.penalty)
            terms += [(over, np.full(agents, -1.0)), (under, np.full(agents, 1.0))]
        model.rows(f"load{kind}", (agents,), terms, lower=least, upper=most)
    solution = model.solve(seconds)
    if solution.status == "infeasible" or "pick" not in solution.values or not _whole(solution.values["pick"]):
        return Assignment(np.full(jobs, -1, dtype=np.int64), INFINITY, "infeasible")
    chosen = solution.values["pick"].argmax(axis=0).astype(np.int64)
    cost = float(problem.cost[chosen, np.arange(jobs)].sum())
    return Assignment(chosen, cost, "optimal" if solution.status == "optimal" else "feasible")


def _whole(pick: Floats) -> bool:
    """A solver stopped before its first answer leaves zeros."""
    return bool(np.allclose(pick.sum(axis=0), 1, atol=1e-5) and np.all(pick.max(axis=0, initial=0) > 0.99))


def _judged(problem: Problem, agents: Indices) -> Assignment:
    totals = totals_of(problem, agents)
    fits = bool(np.all(totals <= problem.most + TINY) and np.all(totals >= problem.least - TINY))
    if not fits:
        return Assignment(np.full(agents.size, -1, dtype=np.int64), INFINITY, "infeasible")
    return Assignment(agents, float(problem.cost[agents, np.arange(agents.size)].sum()), "feasible")


def totals_of(problem: Problem, agents: Indices) -> Floats:
    """Load of each kind and agent, (kinds, agents)."""
    kinds, count, jobs = problem.load.shape
    totals = np.zeros((kinds, count))
    for kind in range(kinds):
        totals[kind] = np.bincount(agents, weights=problem.load[kind, agents, np.arange(jobs)], minlength=count)
    return totals


def objective(problem: Problem, agents: Indices) -> float:
    """Cost with the penalties of a soft problem."""
    outside = _outside(totals_of(problem, agents), problem.least, problem.most).sum()
    return float(problem.cost[agents, np.arange(agents.size)].sum()) + (problem.penalty or 0.0) * float(outside)


def price(problem: Problem, rounds: int = 200) -> Indices:
    """A start whose loads nearly fit: agents' loads get prices, raised where too much comes and lowered where too
    little, and each job takes its cheapest agent (Lagrangian relaxation by subgradients: Fisher 1981)."""
    jobs = np.arange(problem.cost.shape[1])
    unit = float(np.median(problem.cost) / max(np.median(problem.load), TINY))
    over, under = np.zeros_like(problem.most), np.zeros_like(problem.most)
    best, value = np.zeros(jobs.size, dtype=np.int64), INFINITY
    for number in range(rounds):
        priced = problem.cost + np.einsum("ka,kaj->aj", over - under, problem.load)
        agents = priced.argmin(axis=0).astype(np.int64)
        totals = totals_of(problem, agents)
        outside = float(_outside(totals, problem.least, problem.most).sum())
        level = float(problem.cost[agents, jobs].sum()) + (problem.penalty or 0.0) * outside
        if level < value:
            best, value = agents, level
        step = unit / (1 + number / 10) / np.maximum(np.abs(problem.most), 1.0)
        over = np.maximum(over + step * np.nan_to_num(totals - problem.most, posinf=0, neginf=0), 0)
        under = np.maximum(under + step * np.nan_to_num(problem.least - totals, posinf=0, neginf=0), 0)
    return best


def search(problem: Problem, start: Indices, random: np.random.Generator | None = None) -> Indices:
    """A good assignment of a soft problem: jobs without a start (-1) to who suits, largest first; then shifts of
    single jobs and swaps of pairs as long as they pay. With random numbers, and where that is cheap, it is then shaken
    and searched again, the best kept (iterated local search: Lourenço, Martin, Stützle 2003)."""
    best = _descend(problem, _fill(problem, start.copy()))
    agents, jobs = problem.cost.shape
    if random is None or agents < 2:
        return best
    value = objective(problem, best)
    for _ in range(min(MOST_ROUNDS, SHAKEN_PAIRS // problem.cost.size)):
        shaken = best.copy()
        shaken[random.integers(0, jobs, size=max(2, jobs // 12))] = -1
        moved = random.permutation(jobs)[: random.integers(1, 4)]
        shaken[moved] = random.integers(0, agents, size=moved.size)
        found = _descend(problem, _fill(problem, shaken))
        if (level := objective(problem, found)) < value - TINY:
            best, value = found, level
    return best


def _descend(problem: Problem, agents: Indices) -> Indices:
    totals = totals_of(problem, agents)
    budget = 20 * agents.size + 1000
    for _ in range(3):
        budget = _shift(problem, agents, totals, budget)
        if not _swap(problem, agents, totals):
            break
    return agents


def _outside(totals: Floats, least: Floats, most: Floats) -> Floats:
    return np.maximum(totals - most, 0.0) + np.maximum(least - totals, 0.0)


def _fill(problem: Problem, agents: Indices) -> Indices:
    free = np.flatnonzero(agents < 0)
    held = np.flatnonzero(agents >= 0)
    totals: Floats = np.zeros(problem.most.shape)
    for kind in range(totals.shape[0]):
        loads = problem.load[kind, agents[held], held]
        totals[kind] = np.bincount(agents[held], weights=loads, minlength=totals.shape[1])
    middle = (problem.most + np.maximum(problem.least, 0.0)) / 2
    weight: Floats = np.asarray(np.mean(problem.load, axis=(0, 1)), dtype=np.float64)
    for job in free[np.argsort(-weight[free], kind="stable")].tolist():
        after = totals + problem.load[:, :, job]
        fill = (after / np.maximum(middle, TINY)).max(axis=0)
        over = np.maximum(after - problem.most, 0.0).sum(axis=0) * (problem.penalty or 0.0)
        agent = int(np.argmin(problem.cost[:, job] + over + fill * TINY))
        agents[job] = agent
        totals[:, agent] += problem.load[:, agent, job]
    return agents


def _shift(problem: Problem, agents: Indices, totals: Floats, budget: int) -> int:
    """Move single jobs from or to the agent that is most outside its bounds, then back to cheaper ones."""
    penalty = problem.penalty or 0.0
    outside = _outside(totals, problem.least, problem.most)
    stuck = np.zeros(totals.shape[1], dtype=bool)
    while budget > 0 and not stuck.all():
        worst = int(np.argmax(np.where(stuck, -1.0, outside.sum(axis=0))))
        if outside[:, worst].sum() <= TINY:
            break
        budget -= 1
        is_over = (totals[:, worst] - problem.most[:, worst]).max() > (problem.least[:, worst] - totals[:, worst]).max()
        jobs = np.flatnonzero(agents == worst) if is_over else np.flatnonzero(agents != worst)
        targets = _roomy(problem, totals, worst) if is_over else np.array([worst])
        best = _best_shift(problem, (agents, totals, outside), jobs, targets)
        if best is None or best[0] > -TINY * max(penalty, 1.0):
            stuck[worst] = True
            continue
        _, job, agent = best
        for changed in _move(problem, agents, totals, job, agent):
            outside[:, changed] = _outside(totals[:, changed], problem.least[:, changed], problem.most[:, changed])
        stuck[:] = False
    cheapest = problem.cost.min(axis=0)
    for job in np.flatnonzero(problem.cost[agents, np.arange(agents.size)] > cheapest + TINY).tolist():
        best = _best_shift(problem, (agents, totals, outside), np.array([job]), np.arange(totals.shape[1]))
        if best is not None and best[0] < -TINY:
            _, piece, target = best
            for changed in _move(problem, agents, totals, piece, target):
                outside[:, changed] = _outside(totals[:, changed], problem.least[:, changed], problem.most[:, changed])
    return budget


def _roomy(problem: Problem, totals: Floats, worst: int, count: int = 40) -> Indices:
    """The agents with most room, so that a move's cost does not grow with the number of agents."""
    room = (1 - totals / np.maximum(problem.most, TINY)).min(axis=0)
    room[worst] = -np.inf
    order = np.argsort(-room, kind="stable")[: min(count, room.size - 1)]
    return order.astype(np.int64)


def _best_shift(
    problem: Problem, state: tuple[Indices, Floats, Floats], jobs: Indices, targets: Indices
) -> tuple[float, int, int] | None:
    """The change of the objective, the job and the agent of the best move; None when there is nothing to move."""
    agents, totals, outside = state
    if not jobs.size or not targets.size:
        return None
    now = agents[jobs]
    source = totals[:, now] - problem.load[:, now, jobs]
    gain = (_outside(source, problem.least[:, now], problem.most[:, now]) - outside[:, now]).sum(axis=0)
    goal = totals[:, targets, None] + problem.load[:, targets[:, None], jobs]
    loss = _outside(goal, problem.least[:, targets, None], problem.most[:, targets, None]) - outside[:, targets, None]
    delta = (problem.penalty or 0.0) * (gain + loss.sum(axis=0))
    delta += problem.cost[targets[:, None], jobs] - problem.cost[now, jobs]
    delta[targets[:, None] == now] = np.inf
    place = int(np.argmin(delta))
    row, column = divmod(place, jobs.size)
    return float(delta[row, column]), int(jobs[column]), int(targets[row])


def _move(problem: Problem, agents: Indices, totals: Floats, job: int, agent: int) -> tuple[int, int]:
    before = int(agents[job])
    totals[:, before] -= problem.load[:, before, job]
    totals[:, agent] += problem.load[:, agent, job]
    agents[job] = agent
    return before, agent


def _swap(problem: Problem, agents: Indices, totals: Floats) -> bool:
    """Exchange jobs between the agents outside their bounds and the others; True when one paid."""
    penalty, found = problem.penalty or 0.0, False
    for worst in np.argsort(-_outside(totals, problem.least, problem.most).sum(axis=0), kind="stable")[:50].tolist():
        outside = _outside(totals, problem.least, problem.most)
        if outside[:, worst].sum() <= TINY:
            break
        mine = np.flatnonzero(agents == worst)[:500]
        for other in _roomy(problem, totals, int(worst), 10):
            theirs = np.flatnonzero(agents == other)[:500]
            if not mine.size or not theirs.size:
                continue
            here = totals[:, worst, None, None] - problem.load[:, worst, mine][:, :, None]
            here = here + problem.load[:, worst, theirs][:, None, :]
            there = totals[:, other, None, None] - problem.load[:, other, theirs][:, None, :]
            there = there + problem.load[:, other, mine][:, :, None]
            bounds = (problem.least[:, :, None, None], problem.most[:, :, None, None])
            after = _outside(here, bounds[0][:, worst], bounds[1][:, worst])
            after = after + _outside(there, bounds[0][:, other], bounds[1][:, other])
            delta = penalty * (after.sum(axis=0) - outside[:, [worst, other]].sum())
            delta = delta + (problem.cost[other, mine] - problem.cost[worst, mine])[:, None]
            delta = delta + (problem.cost[worst, theirs] - problem.cost[other, theirs])[None, :]
            row, column = divmod(int(np.argmin(delta)), theirs.size)
            if delta[row, column] < -TINY:
                _move(problem, agents, totals, int(mine[row]), int(other))
                _move(problem, agents, totals, int(theirs[column]), int(worst))
                found = True
                break
    return found
