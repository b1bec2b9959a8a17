"""Generalized assignment against published optima, and what holds for any problem."""

from __future__ import annotations

import re
import time
import zipfile
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.execute.territory import assign
from quarterdeck.execute.territory.assignment import Problem, objective, search, solve, totals_of

Floats = NDArray[np.float64]


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, Floats, Floats]:
    agents, jobs = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    cells = st.lists(st.integers(1, 9), min_size=agents * jobs, max_size=agents * jobs)
    cost, load = (np.array(draw(cells), dtype=float).reshape(agents, jobs) for _ in range(2))
    capacity = np.array(draw(st.lists(st.integers(1, 25), min_size=agents, max_size=agents)), dtype=float)
    return cost, load, capacity


def best_by_trying_all(cost: Floats, load: Floats, capacity: Floats) -> float:
    agents, jobs = cost.shape
    best = float("inf")
    for choice in product(range(agents), repeat=jobs):
        picked = np.array(choice)
        totals = np.bincount(picked, weights=load[picked, np.arange(jobs)], minlength=agents)
        if np.all(totals <= capacity):
            best = min(best, float(cost[picked, np.arange(jobs)].sum()))
    return best


@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_the_cost_is_that_of_the_best_of_all_assignments(problem: tuple[Floats, Floats, Floats]) -> None:
    found = assign(*problem)
    best = best_by_trying_all(*problem)
    assert found.cost == best
    assert found.status == ("optimal" if np.isfinite(best) else "infeasible")


def test_an_agent_that_must_carry_something_gets_it() -> None:
    """Both jobs are cheaper with the first; the second must carry one at least."""
    found = assign([[1, 1], [5, 7]], [[1, 1], [1, 1]], [2, 2], least=[0, 1])
    assert found.agents.tolist() == [1, 0]
    assert found.cost == 6


def test_one_job_cannot_serve_two_agents() -> None:
    found = assign([[1], [1]], [[1], [1]], [1, 1], least=[1, 1])
    assert (found.status, found.agents.tolist()) == ("infeasible", [-1])


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(QuarterdeckError, match="agents x jobs"):
        assign([[1, 2]], [[1, 2, 3]], [1])
    with pytest.raises(QuarterdeckError, match="one value an agent"):
        assign([[1, 2]], [[1, 2]], [1, 2])


@settings(max_examples=30, deadline=None)
@given(problem=problems(), seed=st.integers(0, 5))
def test_the_search_gives_each_job_to_one_agent_and_never_worsens(
    problem: tuple[Floats, Floats, Floats], seed: int
) -> None:
    cost, load, capacity = problem
    soft = Problem(cost, load[None], np.zeros((1, capacity.size)), capacity[None], penalty=100.0)
    start = np.random.default_rng(seed).integers(0, cost.shape[0], size=cost.shape[1])
    found = search(soft, start, np.random.default_rng(seed))
    assert found.shape == (cost.shape[1],)
    assert set(found) <= set(range(cost.shape[0]))
    assert objective(soft, found) <= objective(soft, start) + 1e-9
    assert objective(soft, found) >= objective(soft, solve(soft, 5).agents) - 1e-6
    assert np.isclose(totals_of(soft, found).sum(), load[found, np.arange(cost.shape[1])].sum())


def read_instance(path: Path) -> tuple[Floats, Floats, Floats]:
    numbers = np.array(path.read_text().split(), dtype=float)
    agents, jobs = int(numbers[0]), int(numbers[1])
    cells = agents * jobs
    cost, load = (numbers[2 + part * cells : 2 + (part + 1) * cells].reshape(agents, jobs) for part in (0, 1))
    return cost, load, numbers[2 + 2 * cells :]


def read_bounds(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text().splitlines())
    return {name.removesuffix("_Min"): int(lower) for name, lower, _ in rows if name.endswith("_Min")}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["a05100", "a10100", "a20100", "b05100", "c05100"])
def test_published_optima_are_reached(shared_data: Path, name: str) -> None:
    found = assign(*read_instance(shared_data / "assignment" / name), seconds=20)
    assert found.status == "optimal"
    assert found.cost == read_bounds(shared_data / "assignment" / "bounds.txt")[name]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["c20400", "b20200"])
def test_large_ones_come_within_two_percent_of_the_published_bound(shared_data: Path, name: str) -> None:
    started = time.monotonic()
    found = assign(*read_instance(shared_data / "assignment" / name), seconds=6)
    assert time.monotonic() - started < 20
    assert found.cost <= 1.02 * read_bounds(shared_data / "assignment" / "bounds.txt")[name]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["a20200", "b10200", "c20200", "c40400"])
def test_above_the_solver_s_size_the_search_comes_within_five_percent(
    shared_data: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.execute.territory.assignment.EXACT_PAIRS", 0)
    found = assign(*read_instance(shared_data / "assignment" / name))
    assert found.status == "feasible"
    assert found.cost <= 1.05 * read_bounds(shared_data / "assignment" / "bounds.txt")[name]


def read_sheet(path: Path, sheet: int) -> list[list[float | None]]:
    """Numbers of a sheet by row and column; text and empty cells are None."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    rows = []
    for row in root.iter(f"{space}row"):
        cells: dict[int, float | None] = {}
        for cell in row.iter(f"{space}c"):
            letters = re.sub(r"\d", "", cell.attrib["r"])
            place = sum((ord(letter) - 64) * 26**power for power, letter in enumerate(reversed(letters))) - 1
            value = cell.find(f"{space}v")
            is_number = value is not None and cell.attrib.get("t") != "s"
            cells[place] = float(value.text or 0) if is_number and value is not None else None
        rows.append([cells.get(place) for place in range(max(cells, default=-1) + 1)])
    return rows


# The territories of the published case as they were: bricks of each of the four representatives.
NOW = ([4, 5, 6, 7, 8, 15], [10, 11, 12, 13, 14], [9, 16, 17, 18], [1, 2, 3, 19, 20, 21, 22])


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("width", "distance", "disruption"), [(0.2, 154.60, 0.1696), (0.15, 160.32, 0.2529), (0.1, 162.43, 0.2529)]
)
def test_sales_territories_reach_the_published_distance_and_disruption(
    shared_data: Path, width: float, distance: float, disruption: float
) -> None:
    folder = shared_data / "territory"
    work = np.array([row[1] for row in read_sheet(folder / "indexValues.xlsx", 1)], dtype=float)
    cost = np.array([row[2:6] for row in read_sheet(folder / "distances.xlsx", 1)[2:]], dtype=float).T
    moved = np.tile(work, (4, 1))
    for representative, bricks in enumerate(NOW):
        moved[representative, np.array(bricks) - 1] = 0.0
    bounds = {"capacity": np.full(4, 1 + width), "least": np.full(4, 1 - width)}
    for objective_cost, expected, digits in ((cost, distance, 0.005), (moved, disruption, 0.00005)):
        found = assign(objective_cost, np.tile(work, (4, 1)), seconds=10, **bounds)
        assert found.status == "optimal"
        assert found.cost == pytest.approx(expected, abs=digits)
