"""What goes with an outcome: the models, their average effects in points, and how sure they are.

The effect of an input is the mean over the rows of what the odds would be with one step more of it, less what they are
(average marginal effect), with all else in the model as it is. Its standard error follows from the clustered covariance
by the delta method. Q-values control the share of chance findings among those called clear (Benjamini and Hochberg
1995, J. R. Statist. Soc. B 57).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quarterdeck.metrics.drivers.hazard import Fit, fit, incidence
from quarterdeck.metrics.drivers.inputs import Input
from quarterdeck.metrics.drivers.trail import Floats, Ints

COMPANION = 0.6
"""Correlation from which on an input is named beside another."""
SAME = 0.95
"""Correlation from which on two inputs cannot be told apart: the later one is left out and named."""


class Outcome(NamedTuple):
    """What is looked at: `which` of the model's ends (0 or 1)."""

    name: str
    which: int


@dataclass(frozen=True)
class Problem:
    """Rows of a model: design columns that are no inputs (`controls`, the first is 1), those of the age, and the end.

    Effects are averaged over the rows `base`, each followed through the periods of `ages`.
    """

    outcomes: tuple[Outcome, ...]
    deal: Ints
    end: Ints
    controls: Floats
    age: Floats
    base: Ints
    ages: Floats


@dataclass(frozen=True)
class Effect:
    """An input's effect on an outcome, as probabilities."""

    outcome: str
    input: Input
    usual: float
    effect: float
    error: float
    baseline: float
    deals: int
    rows: int
    events: int
    companion: str
    correlation: float


def estimate(problem: Problem, inputs: Sequence[Input]) -> list[Effect]:
    """Effects of the inputs on the problem's outcomes.

    An input that sums others up has a model of its own, in which it stands in their place.
    """
    wholes = {entry.part_of for entry in inputs if entry.part_of}
    parts = [entry for entry in inputs if entry.name not in wholes]
    found = list(_effects(problem, parts, parts))
    whole = [entry for entry in inputs if not entry.part_of]
    if len(whole) < len(inputs) and any(entry.name in wholes for entry in whole):
        found += _effects(problem, whole, [entry for entry in whole if entry.name in wholes])
    return found


def _effects(problem: Problem, inputs: Sequence[Input], wanted: Sequence[Input]) -> Iterator[Effect]:
    columns = np.stack([entry.values for entry in inputs], axis=1) if inputs else np.zeros((len(problem.deal), 0))
    kept, beside = companions(columns, np.hstack([problem.controls, problem.age]), inputs)
    X = np.hstack([problem.controls, columns[:, kept], problem.age])
    _, cluster = np.unique(problem.deal, return_inverse=True)
    fitted = fit(X, problem.end, cluster)
    width = X.shape[1] - problem.ages.shape[1]
    base = X[problem.base][:, :width]
    deals = len(np.unique(problem.deal))
    for outcome in problem.outcomes:
        level, slope = incidence(fitted, base, problem.ages, outcome.which)
        events = int((problem.end == outcome.which + 1).sum())
        for place, number in enumerate(kept):
            entry = inputs[number]
            if not any(entry is other for other in wanted):
                continue
            effect, error = _more(
                fitted, base, problem, outcome, (problem.controls.shape[1] + place, entry.step), (level, slope)
            )
            usual = float(entry.values[problem.base].mean())
            size = (deals, len(problem.deal), events)
            yield Effect(outcome.name, entry, usual, effect, error, level, *size, *beside[number])


def _more(
    fitted: Fit, base: Floats, problem: Problem, outcome: Outcome, change: tuple[int, float], at: tuple[float, Floats]
) -> tuple[float, float]:
    """What a step more of a column changes, and its standard error."""
    column, step = change
    moved = base.copy()
    moved[:, column] += step
    level, slope = incidence(fitted, moved, problem.ages, outcome.which)
    gradient = slope - at[1]
    return level - at[0], max(float(gradient @ fitted.covariance @ gradient), 0.0) ** 0.5


def companions(
    columns: Floats, controls: Floats, inputs: Sequence[Input]
) -> tuple[list[int], dict[int, tuple[str, float]]]:
    """The inputs that can be told apart, and for each the one that it goes along with most, at equal controls.

    Correlations are those of what the controls leave (Frisch and Waugh 1933).
    """
    rest = columns - controls @ (np.linalg.pinv(controls.T @ controls, hermitian=True) @ (controls.T @ columns))
    spread = rest.std(axis=0)
    usable = spread > 1e-6 * np.maximum(columns.std(axis=0), 1e-12)
    scaled = np.where(usable, rest / np.where(usable, spread, 1.0), 0.0)
    correlation = scaled.T @ scaled / len(columns)
    kept: list[int] = []
    for number in range(len(inputs)):
        if usable[number] and all(abs(correlation[number, other]) < SAME for other in kept):
            kept.append(number)
    beside = {}
    for number in kept:
        size = np.abs(correlation[number])
        others = np.where(np.isin(np.arange(len(inputs)), kept) | (size >= SAME), size, 0.0)
        others[number] = 0.0
        best = int(others.argmax())
        is_named = bool(others[best] >= COMPANION)
        beside[number] = (inputs[best].name, float(correlation[number, best])) if is_named else ("", 0.0)
    return kept, beside


def q_values(p: Sequence[float]) -> list[float]:
    """Benjamini–Hochberg q-values of p-values."""
    from scipy.stats import false_discovery_control

    return list(map(float, false_discovery_control(p))) if len(p) else []
