"""Forecasts of a hierarchy that add up, with joint draws in which every parent is the sum of its children."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base import draws as random_draws
from quarterdeck.base.finding import Finding
from quarterdeck.demand.frames import given_like, to_polars
from quarterdeck.demand.history import ensemble, reconciling, structure
from quarterdeck.demand.history.ensemble import Combined, Kind, Pool
from quarterdeck.demand.history.forecasting import Options, try_all
from quarterdeck.demand.history.notices import findings
from quarterdeck.demand.history.panel import Frequency, Series, checked, coming
from quarterdeck.demand.history.structure import Structure

Array = NDArray[np.float64]

MARGIN = 0.98
"""MinT must bring the error of bottom-up at earlier periods down to this share of it."""

ACCURACY = {"level": pl.String, "method": pl.String, "error": pl.Float64}


@dataclass(frozen=True)
class HierarchyForecast:
    """Forecasts of every node of a hierarchy.

    `frame`: `unique_id, ds, mean, lo-…, hi-…` in the kind of frame that was given. `nodes`: `unique_id, level` and the
    levels' columns, the leaves last. `draws`: array (nodes, horizon, draws) in the order of `nodes`; each node's draw
    is the sum of its leaves' draws. `method`: `mint` or `bottom_up`. `accuracy`: `level, method, error`, error at
    earlier periods over the sum of what came, for base (not adding up), bottom_up and mint. `moved`: what reconciling
    moved in each node over the horizon: `unique_id, level, base, reconciled, moved`.
    """

    frame: Any
    nodes: pl.DataFrame
    draws: Array
    method: str
    accuracy: pl.DataFrame
    moved: pl.DataFrame
    findings: tuple[Finding, ...]


def forecast_hierarchy(
    history: Any,
    levels: Sequence[str | Sequence[str]],
    horizon: int,
    freq: str | int = "1mo",
    draws: int = 1000,
    seed: int = 0,
    *,
    workers: int = 1,
    **options: Any,
) -> HierarchyForecast:
    """Forecast a hierarchy from a long frame with the levels' columns, `ds` and `y` (polars, pandas or Arrow).

    `levels` is a nesting of columns (`["state", "region"]`) or, for crossed hierarchies, a list of lists of columns of
    which the last holds all others; the total is always there. A leaf without a row in a period sold nothing then.
    `options` are the fields of `Options` (`level`, `season`, `tests`, `country`, `models`). The same seed gives the
    same draws. Raises on missing columns, an unknown frequency or level; faults in the data are findings.
    """
    settings = Options(**{"gaps": "zero", **options})
    frequency = Frequency.of(freq, settings.season)
    given = to_polars(history)
    frame = checked(given.with_columns(unique_id=pl.lit("")), horizon, frequency).drop("unique_id")
    tree, rows = structure.build(frame, levels)
    values, last = _grid(rows, tree, frequency)
    if not values.size:
        return _nothing(tree, horizon, draws, settings, given)
    ids = tree.nodes["unique_id"].to_list()
    series = [Series(key, last, mine) for key, mine in zip(ids, np.asarray(tree.summing @ values), strict=True)]
    tried = try_all(series, horizon, frequency.season, settings, workers)
    pools: dict[Kind, Pool] = {}
    for trial in tried:
        ensemble.add(pools, trial)
    base = [ensemble.combine(trial, pools, (*settings.level, 80)) for trial in tried]
    method, reconcile, accuracy = choose(tree, base)
    means = np.stack([one.mean for one in base])
    leaves = reconcile(means)
    is_nonnegative = bool(values.min() >= 0)
    if is_nonnegative:
        leaves = reconciling.nonnegative(tree.summing, leaves)
    paths = sample(tree, base, reconcile, leaves, draws, seed, is_nonnegative)
    reconciled = np.asarray(tree.summing @ leaves)
    days = coming(series[0], frequency, horizon)
    return HierarchyForecast(
        frame=given_like(_frame(tree, days, reconciled, paths, settings.level, given), history),
        nodes=tree.nodes,
        draws=paths,
        method=method,
        accuracy=accuracy,
        moved=_moved(tree, means, reconciled),
        findings=findings(base, []),
    )


def _grid(rows: pl.DataFrame, tree: Structure, frequency: Frequency) -> tuple[Array, Any]:
    """Array (leaves, periods) of sums, and the last period's `ds`."""
    known = rows.filter(pl.col("ds").is_not_null() & pl.col("y").is_not_null())
    if known.is_empty():
        return np.zeros((tree.leaves, 0)), None
    known = known.with_columns(_period=frequency.number(pl.col("ds")))
    start = int(known["_period"].min())  # type: ignore[arg-type]
    length = int(known["_period"].max()) - start + 1  # type: ignore[arg-type]
    values = np.zeros((tree.leaves, length))
    places = (known["leaf"].to_numpy().astype(np.int64), known["_period"].to_numpy() - start)
    np.add.at(values, places, known["y"].to_numpy())
    return values, known["ds"].max()


def choose(tree: Structure, base: Sequence[Combined]) -> tuple[str, reconciling.Reconcile, pl.DataFrame]:
    """MinT where it did better than bottom-up at earlier periods, and the errors of both and of the base by level."""
    plain = reconciling.bottom_up(tree.summing)
    y = np.stack([one.trial.series.y for one in base])
    final = reconciling.mint(tree.summing, y - np.stack([one.fitted for one in base]))
    said, came = _rehearsal(base)
    ways: dict[str, Array] = {}
    if said.shape[1]:
        ways = {"base": said, "bottom_up": np.asarray(tree.summing @ plain(said))}
        then = np.stack([_weighted(one, one.trial.fitted_then) for one in base])
        earlier = reconciling.mint(tree.summing, y - then)
        if earlier is not None and final is not None:
            ways["mint"] = np.asarray(tree.summing @ earlier(said))
    level = tree.nodes["level"].to_numpy()
    found = []
    for name in tree.levels:
        mine = level == name
        size = max(float(np.abs(came[mine]).sum()), 1e-12)
        for way, values in ways.items():
            found.append({"level": name, "method": way, "error": float(np.abs(values - came)[mine].sum()) / size})
    accuracy = pl.DataFrame(found, schema=ACCURACY)
    means = dict(accuracy.group_by("method").agg(pl.col("error").mean()).iter_rows())
    if final is not None and "mint" in means and means["mint"] < MARGIN * means["bottom_up"]:
        return "mint", final, accuracy
    return "bottom_up", plain, accuracy


def _weighted(one: Combined, fitted: Array) -> Array:
    return np.asarray(one.weights @ np.where(one.weights[:, None] > 0, fitted, 0.0))


def _rehearsal(base: Sequence[Combined]) -> tuple[Array, Array]:
    """What was said of and what came to all nodes in the periods that were tested, arrays (nodes, k).

    Nodes that are too young for the tested periods of the total are taken to carry on what they had sold (the mean of
    their last three periods then).
    """
    whole = base[0].trial
    if not whole.came.size:
        return np.zeros((len(base), 0)), np.zeros((len(base), 0))
    length = len(whole.series.y)
    begins = np.flatnonzero(whole.step == 1)
    reaches = np.diff([*begins, len(whole.step)])
    said, came = np.zeros((len(base), len(whole.step))), np.zeros((len(base), len(whole.step)))
    for row, one in enumerate(base):
        y, trial = one.trial.series.y, one.trial
        for begin, reach in zip(begins, reaches, strict=True):
            place = length - reach
            came[row, begin : begin + reach] = y[place:]
            said[row, begin : begin + reach] = y[max(place - 3, 0) : place].mean()
        if np.array_equal(trial.step, whole.step):
            said[row] = one.weights @ trial.said
    return said, came


def sample(
    tree: Structure,
    base: Sequence[Combined],
    reconcile: reconciling.Reconcile,
    leaves: Array,
    draws: int,
    seed: int,
    is_nonnegative: bool,
) -> Array:
    """Joint draws, array (nodes, horizon, draws), around the leaves' reconciled means (leaves, horizon).

    Errors of all nodes are drawn together from the same past periods, so that they move as they did; from one coming
    period to the next they carry on as the errors at earlier periods did. They are then reconciled like the means.
    """
    nodes, (count, horizon) = len(base), leaves.shape
    random = random_draws.generator(seed, "hierarchy")
    pool = _standard_errors(base, random)
    rho = _persistence(base)
    sd = np.stack([one.sd * one.widths[80] / 1.2815515655 for one in base])
    state = np.zeros((nodes, draws))
    found = np.empty((count, horizon, draws))
    for step in range(horizon):
        fresh = pool[:, random.integers(0, pool.shape[1], draws)]
        state = fresh if step == 0 else rho * state + np.sqrt(1 - rho**2) * fresh
        apart = reconcile(sd[:, step, None] * state)
        found[:, step] = leaves[:, step, None] + apart - apart.mean(axis=1, keepdims=True)
    if is_nonnegative:
        found = np.maximum(found, 0.0)
        mean = found.mean(axis=2, keepdims=True)
        found *= np.divide(leaves[:, :, None], mean, out=np.ones_like(mean), where=mean > 0)
    return np.asarray((tree.summing @ found.reshape(count, -1)).reshape(nodes, horizon, draws))


def _standard_errors(base: Sequence[Combined], random: np.random.Generator) -> Array:
    """One-step errors over their size, array (nodes, periods), for the periods in which most nodes have one."""
    errors = np.stack([one.trial.series.y - one.fitted for one in base])
    errors = errors[:, np.isfinite(errors).mean(axis=0) > 0.5]
    if errors.shape[1] < reconciling.LEAST_ERRORS:
        return random.standard_normal((len(base), 500))
    known = np.isfinite(errors)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    errors = np.where(known, errors, 0.0)
    errors = np.where(known, errors - errors.sum(axis=1, keepdims=True) / count, 0.0)
    size = np.sqrt(np.square(errors).sum(axis=1, keepdims=True) / count)
    standard = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
    return np.where(known & (size > 0), standard, random.standard_normal(errors.shape))


def _persistence(base: Sequence[Combined]) -> float:
    """Correlation of the errors of one tested period and the next, over all nodes."""
    products, squares = 0.0, 0.0
    for one in base:
        trial = one.trial
        if not trial.came.size:
            continue
        sd = one.weights @ trial.sd
        z = np.divide(one.weights @ trial.said - trial.came, sd, out=np.zeros_like(sd), where=sd > 0)
        follows = np.diff(trial.step) == 1
        products += float((z[1:] * z[:-1])[follows].sum())
        squares += float(((z[1:] ** 2 + z[:-1] ** 2) / 2)[follows].sum())
    return float(np.clip(products / squares, 0.0, 0.95)) if squares > 0 else 0.5


def _frame(
    tree: Structure, days: list[Any], mean: Array, paths: Array, level: Sequence[int], given: pl.DataFrame
) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "unique_id": np.repeat(tree.nodes["unique_id"].to_numpy(), len(days)),
        "ds": pl.Series(days * len(mean), dtype=given.schema["ds"], strict=False),
        "mean": mean.ravel(),
    }
    for width in level:
        low, high = np.quantile(paths, [0.5 - width / 200, 0.5 + width / 200], axis=2)
        columns |= {f"lo-{width}": low.ravel(), f"hi-{width}": high.ravel()}
    return pl.DataFrame(columns, schema_overrides={"unique_id": pl.String})


def _moved(tree: Structure, base: Array, reconciled: Array) -> pl.DataFrame:
    return tree.nodes.select("unique_id", "level").with_columns(
        base=pl.Series(base.sum(axis=1)),
        reconciled=pl.Series(reconciled.sum(axis=1)),
        moved=pl.Series(reconciled.sum(axis=1) - base.sum(axis=1)),
    )


def _nothing(tree: Structure, horizon: int, draws: int, settings: Options, given: pl.DataFrame) -> HierarchyForecast:
    """The answer to a history without a single usable row."""
    bare = Structure(tree.nodes.clear(), tree.summing, tree.levels)
    none = np.zeros((0, 0, 1))
    found = Finding(
        "demand.series_unreadable",
        "warning",
        "No row of the history has a usable date and value; nothing was forecast.",
        "Give each row a date in ds and a number in y.",
    )
    return HierarchyForecast(
        frame=given_like(_frame(bare, [], none[:, :, 0], none, settings.level, given), given),
        nodes=bare.nodes,
        draws=np.zeros((0, horizon, draws)),
        method="bottom_up",
        accuracy=pl.DataFrame(schema=ACCURACY),
        moved=_moved(bare, none[:, :, 0], none[:, :, 0]),
        findings=(found,),
    )
