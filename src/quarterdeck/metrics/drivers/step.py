"""The step `metrics.drivers`: rows, models, and their effects as sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers import inputs as shelf
from quarterdeck.metrics.drivers.effects import Outcome, Problem, estimate
from quarterdeck.metrics.drivers.inputs import Input
from quarterdeck.metrics.drivers.known import Known, gather
from quarterdeck.metrics.drivers.moments import LOST, WON, Moments, age_columns, drawn, every_deal
from quarterdeck.metrics.drivers.settings import DriverSettings
from quarterdeck.metrics.drivers.trail import Floats
from quarterdeck.metrics.drivers.words import POWER_80, table

SEGMENTS, PRODUCTS, YEAR = 6, 8, 31_557_600.0


def drivers(tables: Tables, config: Config[DriverSettings]) -> Result:
    """Which inputs go before stage progress, wins and losses: the table `deal_drivers`."""
    settings = config.settings
    every = every_deal(tables, config.as_of)
    chosen = drawn(every, settings, config.as_of, config.seed)
    known = gather(tables, every, chosen, settings, config.as_of)
    short = _too_few(known.moments, settings)
    if short:
        return Result({"deal_drivers": empty("deal_drivers")}, [short])
    controls = _controls(known, tables, settings)
    problems = [_next_period(known, tables, settings, controls), _in_the_end(known, tables, settings, controls)]
    if known.moments.stages:
        problems.insert(1, _progress(known, problems[0]))
    found = [effect for problem, inputs in problems for effect in estimate(problem, inputs)]
    return Result(
        {"deal_drivers": conform("deal_drivers", table(found, known.moments.population, settings))}, _gaps(known)
    )


def _too_few(moments: Moments, settings: DriverSettings) -> Finding | None:
    won, lost = (int((moments.end == end).sum()) for end in (WON, LOST))
    least = settings.least_ends
    if won >= least and lost >= least:
        return None
    return Finding(
        code="metrics.drivers_too_few",
        severity="notice",
        message=(
            f"What moves deals is not told: {won:,} won and {lost:,} lost deals lived longer than "
            f"{settings.first_days} days before they closed, and {least:,} of each are needed."
        ),
        fix="Give older opportunities with their created and closed dates, or come back when more have closed.",
        table="opportunities",
    )


def _needed(moments: Moments) -> int:
    """Deals for which 2 points show in 4 of 5 samples at 5 %, where the input differs by about one between deals."""
    won, lost = (int((moments.end == end).sum()) for end in (WON, LOST))
    rate = won / (won + lost)
    return int(round(rate * (1 - rate) * (POWER_80 / 0.02) ** 2, -2))


def _gaps(known: Known) -> list[Finding]:
    """Which tables would tell more."""
    wanted = []
    if known.work.is_empty():
        wanted.append(
            Finding(
                code="metrics.drivers_no_activities",
                severity="notice",
                message=(
                    "What moves deals says nothing of emails, calls, demos and meetings: no activity names its deal."
                ),
                fix=(
                    "Give the table activities with opportunity_id, kind and started_at. For one more call to show an "
                    f"effect of 2 points on the win rate, about {_needed(known.moments):,} deals are needed."
                ),
                table="activities",
            )
        )
    if known.changes.is_empty():
        wanted.append(
            Finding(
                code="metrics.drivers_no_history",
                severity="notice",
                message=(
                    "What moves deals cannot tell stage progress, time in the stage and pushed close dates: there is "
                    "no history of these deals."
                ),
                fix="Give the table opportunity_history with opportunity_id, changed_at, stage and expected_close_on.",
                table="opportunity_history",
            )
        )
    return wanted


def _dummies(values: pl.Series, most: int, least: int = 30) -> Floats:
    """A column for each of the commonest values but the first, which the others are held against."""
    counts = values.drop_nulls().value_counts(sort=True).sort("count", values.name, descending=[True, False])
    names = [name for name, count in counts.iter_rows() if count >= least][1 : most + 1]
    if not names:
        return np.zeros((len(values), 0))
    return np.stack([(values == name).fill_null(False).to_numpy() for name in names], axis=1).astype(np.float64)


def _controls(known: Known, tables: Tables, settings: DriverSettings) -> Floats:
    """1, then stage, owner, kind, product and segment as they were at each moment, and the calendar time."""
    moments = known.moments
    segments = tables["accounts"].select("id", "segment").unique("id", keep="first")
    of = moments.deals.select("kind", "product_id", id="account_id")
    of = of.join(segments, on="id", how="left", maintain_order="left")
    most = {"kind": 3, "product_id": PRODUCTS, "segment": SEGMENTS}
    by_deal = [_dummies(of[name], count)[moments.deal] for name, count in most.items()]
    time = (moments.at - moments.at.mean()) / YEAR
    return np.hstack(
        [
            np.ones((len(moments.deal), 1)),
            _dummies(pl.Series("stage", moments.stage), 20),
            _dummies(known.owner.rename("owner"), settings.max_owners),
            *by_deal,
            time[:, None],
            (time**2)[:, None],
        ]
    )


Posed = tuple[Problem, list[Input]]


def _next_period(known: Known, tables: Tables, settings: DriverSettings, controls: Floats) -> Posed:
    """How each period ends, by what was known when it began."""
    moments = known.moments
    rows = np.arange(len(moments.deal))
    age = age_columns(moments.age)
    problem = Problem(
        outcomes=(Outcome("won_next", 0), Outcome("lost_next", 1)),
        deal=moments.deal,
        end=moments.end,
        controls=np.hstack([controls, age[:, age.any(axis=0)]]),
        age=np.zeros((len(rows), 0)),
        base=rows,
        ages=np.zeros((1, 0)),
    )
    inputs = [*shelf.recent(known, settings), *shelf.standing(known, tables)]
    return problem, shelf.usable(inputs, moments.deal, rows)


def _progress(known: Known, posed: Posed) -> Posed:
    problem, inputs = posed
    return replace(problem, outcomes=(Outcome("progress", 0),), end=known.moments.moved), inputs


def _in_the_end(known: Known, tables: Tables, settings: DriverSettings, controls: Floats) -> Posed:
    """How deals end within the horizon, by what was known when their beginning was over."""
    moments = known.moments
    base = np.flatnonzero(moments.age == 0)
    start = np.maximum.accumulate(np.where(moments.age == 0, np.arange(len(moments.deal)), 0))
    periods = max(1, settings.horizon_days // settings.period_days)
    seen = moments.age < periods
    age = age_columns(moments.age)[seen]
    ages = age_columns(np.arange(periods))
    inputs = shelf.usable([*shelf.beginning(known, settings), *shelf.standing(known, tables)], moments.deal, base)
    problem = Problem(
        outcomes=(Outcome("win_rate", 0),),
        deal=moments.deal[seen],
        end=moments.end[seen],
        controls=controls[start][seen],
        age=age[:, age.any(axis=0)],
        base=(np.cumsum(seen) - 1)[base],
        ages=ages[:, age.any(axis=0)],
    )
    return problem, [replace(entry, values=entry.values[start][seen]) for entry in inputs]
