"""Each constraint built alone gives the rows of its golden file; the files are checked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_supply import problem

from quarterdeck.base.lp import Model
from quarterdeck.supply.constraints import CONSTRAINTS, Constraint
from quarterdeck.supply.problem import declare

GOLDEN = Path(__file__).parent / "golden"


def tiny() -> object:
    """A team that hires (2 months of 4 hours a head, ramp a half, then full) and a supplier with stock and a lead time."""
    return problem(
        [[5, 6, 7], [10, 20, 30]],
        [[4, 4, 4], [0, 0, 0]],
        per_hire=[2.0, 0.0],
        ramp=[[0.5, 1.0, 1.0], [1.0, 1.0, 1.0]],
        hire_lead=[1, 0],
        overtime_rate=[0.25, 0.0],
        order_limit=[[0, 0, 0], [40, 40, 40]],
        order_lead=[0, 1],
        is_stored=[False, True],
        stock=[0.0, 12.0],
        hires_per_month=3,
    )


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda constraint: constraint.__name__)
def test_a_constraint_alone_is_its_golden_file(constraint: Constraint) -> None:
    model = Model()
    given = tiny()
    constraint(model, given, declare(model, given))  # type: ignore[arg-type]
    rows = "".join(f"{line}\n" for line in model.text().splitlines() if line.startswith(constraint.__name__))
    assert rows == (GOLDEN / f"{constraint.__name__}.txt").read_text(encoding="utf-8")


def test_every_golden_file_has_its_constraint_and_every_constraint_says_its_inequality() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {constraint.__name__ for constraint in CONSTRAINTS}
    for constraint in CONSTRAINTS:
        sentence, _, inequality = (constraint.__doc__ or "").partition("\n\n")
        assert sentence.endswith(".")
        assert "=" in inequality
