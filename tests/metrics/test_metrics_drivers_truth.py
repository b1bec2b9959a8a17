"""What moves deals, held against companies whose truth is known: intervals cover it, and nothing is made of nothing.

In these companies sellers of unlike skill work unlike hard on deals of unlike liveliness, so that everything goes along
with everything; but of all that is done only demos change the odds, by coefficients that the test knows. The true
effect is computed from them, deal by deal, without the code under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from quarterdeck.base.config import Config
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers import drivers
from quarterdeck.metrics.drivers.settings import DriverSettings

Floats = NDArray[np.float64]

START, MONTHS, PERIODS, HORIZON = datetime(2023, 1, 1), 30, 33, 13
AS_OF = START + timedelta(days=28 * PERIODS)
RATES = {"call": 0.6, "demo": 0.25, "meeting": 0.3}
"""How often a week; the demos' is the only one that changes anything."""
WON, LOST = (-2.1, 0.35), (-2.0, -0.25)
"""Log odds of an end in a period, and what a demo adds to them."""
OWNERS = 8


@dataclass(frozen=True)
class Company:
    tables: Tables
    truth: dict[str, float]


def odds(demos: Floats, skill: Floats) -> tuple[Floats, Floats]:
    won, lost = np.exp(WON[0] + WON[1] * demos + skill), np.exp(LOST[0] + LOST[1] * demos - 0.5 * skill)
    return won / (1 + won + lost), lost / (1 + won + lost)


def in_the_end(demos: Floats, skill: Floats) -> Floats:
    """Odds to be won within the horizon, when the odds of every period are the same."""
    won, lost = odds(demos, skill)
    return won * sum((1 - won - lost) ** period for period in range(HORIZON))


def company(seed: int, deals: int, *, lasting: bool) -> Company:
    """`lasting`: the demos of the first two weeks work for good; else those of the last four weeks, in the next ones."""
    rng = np.random.default_rng(seed)
    born = rng.uniform(0, 28 * (PERIODS - 2), deals)
    owner = rng.integers(0, OWNERS, deals)
    skill = np.linspace(-0.4, 0.4, OWNERS)[owner]
    lively = np.exp(0.5 * rng.normal(size=deals) + 0.8 * skill)
    weeks = 4 * PERIODS
    counts = {kind: rng.poisson(rate * lively[:, None], (deals, weeks)) for kind, rate in RATES.items()}
    first = counts["demo"][:, :2].sum(axis=1).astype(float)
    end, closed, rows = np.zeros(deals, dtype=int), np.full(deals, np.inf), []
    for period in range(PERIODS):
        week = 2 + 4 * period
        recent = counts["demo"][:, max(0, week - 4) : week].sum(axis=1).astype(float)
        is_whole = (end == 0) & (born + 7 * week + 28 <= 28 * PERIODS)
        demos = first if lasting else recent
        won, lost = odds(demos, skill)
        rows.append((demos[is_whole], skill[is_whole]))
        drawn = rng.uniform(size=deals)
        came = (end == 0) & (drawn < won + lost)
        end[came] = np.where(drawn < won, 1, 2)[came]
        closed[came] = (born + 7 * week + rng.uniform(0, 28, deals))[came]
    demos, skills = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    more, now = odds(demos + 1, skills), odds(demos, skills)
    lived = born + 42 <= 28 * PERIODS
    truth = {
        "won_next": float((more[0] - now[0]).mean()),
        "lost_next": float((more[1] - now[1]).mean()),
        "win_rate": float((in_the_end(first + 1, skill) - in_the_end(first, skill))[lived].mean()),
    }
    return Company(tables(rng, born, owner, end, closed, counts), {name: 100 * value for name, value in truth.items()})


def tables(
    rng: np.random.Generator,
    born: Floats,
    owner: NDArray[np.int64],
    end: NDArray[np.int64],
    closed: Floats,
    counts: dict[str, NDArray[np.int64]],
) -> Tables:
    """The company's records until as_of; nothing is done on a closed deal."""
    last = 28.0 * PERIODS

    def instants(days: Floats) -> pl.Series:
        return START + pl.Series((days * 86_400e6).astype(np.int64)).cast(pl.Duration("us"))

    is_closed = closed < last
    ids = np.array([f"D{number}" for number in range(len(born))])
    deals = pl.DataFrame(
        {
            "id": ids,
            "owner_id": [f"P{number}" for number in owner],
            "created_at": instants(born),
            "closed_at": instants(np.where(is_closed, closed, 0)),
            "status": np.where(is_closed, np.where(end == 1, "won", "lost"), "open"),
        }
    ).with_columns(closed_at=pl.when(pl.col("status") != "open").then("closed_at"))
    done = []
    for kind, each in counts.items():
        deal, week = np.repeat(np.indices(each.shape).reshape(2, -1), each.ravel(), axis=1)
        at = born[deal] + 7 * (week + rng.uniform(size=len(deal)))
        kept = (at < closed[deal]) & (at < last)
        done.append(pl.DataFrame({"opportunity_id": ids[deal[kept]], "kind": kind, "started_at": instants(at[kept])}))
    work = pl.concat(done).with_row_index("id").with_columns(pl.col("id").cast(pl.String))
    return Tables(opportunities=deals, activities=work)


def measured(made: Company) -> pl.DataFrame:
    return drivers(made.tables, Config(as_of=AS_OF, settings=DriverSettings())).tables["deal_drivers"]


def found(first_seed: int, count: int, deals: int) -> Iterator[tuple[str, str, float, pl.DataFrame]]:
    """Outcome, kind, true effect and estimated row, of companies with either truth."""
    for seed in range(first_seed, first_seed + count):
        lasting = seed % 2 == 0
        made = company(seed, deals, lasting=lasting)
        rows = measured(made)
        prefix = "first" if lasting else "recent"
        for outcome in ["win_rate"] if lasting else ["won_next", "lost_next"]:
            for kind in RATES:
                row = rows.filter(outcome=outcome, input=f"{prefix}_{kind}s")
                assert row.height == 1, (outcome, kind)
                yield outcome, kind, made.truth[outcome] if kind == "demo" else 0.0, row


def shares(seeds: int, deals: int) -> tuple[float, float, float, int]:
    """Share of intervals that hold the truth, of idle inputs with p < 0.05 and called clear, and the number held."""
    covered, idle, clear = [], [], []
    for _, kind, truth, row in found(0, seeds, deals):
        covered.append(row["low"].item() <= truth <= row["high"].item())
        if kind != "demo":
            idle.append(row["p_value"].item() < 0.05)
            clear.append(row["is_clear"].item())
    return float(np.mean(covered)), float(np.mean(idle)), float(np.mean(clear)), len(covered)


def test_intervals_cover_the_true_effect_and_idle_inputs_are_left_alone() -> None:
    """20 companies, 90 effects: at 95 % at least 86 % must be covered (binomial, 1 in 10,000)."""
    covered, idle, clear, count = shares(20, 700)
    assert count == 90
    assert covered >= 0.86
    assert idle <= 0.14
    assert clear <= 0.08


@pytest.mark.long
def test_intervals_cover_the_true_effect_over_many_companies() -> None:
    covered, idle, clear, count = shares(200, 1500)
    assert count == 900
    assert 0.93 <= covered <= 0.97
    assert 0.03 <= idle <= 0.07
    assert clear <= 0.05


def test_the_one_input_that_works_is_found_with_its_size() -> None:
    made = company(1, 6000, lasting=True)
    rows = measured(made).filter(outcome="win_rate")
    demo = rows.filter(input="first_demos")
    assert demo["is_clear"].item()
    assert demo["effect"].item() == pytest.approx(made.truth["win_rate"], abs=2.0)
    assert not rows.filter(pl.col("input").is_in(["first_calls", "first_meetings"]))["is_clear"].any()
