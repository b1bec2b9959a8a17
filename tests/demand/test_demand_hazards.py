"""The odds that are learned are the odds that made the deals."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from quarterdeck.base.config import Company
from quarterdeck.demand import hazards
from quarterdeck.demand.deals import Clock, first_month, prepare, segmented
from quarterdeck.demand.exposure import observe

START = 2020 * 12
WIN, LOSS = (0.10, 0.25, 0.15), (0.05, 0.10, 0.20)


def learned(frame: pl.DataFrame, today: date, by: str = "none") -> pl.DataFrame:
    deals = prepare(frame, Company())
    clock = Clock.at(today)
    seen = observe(segmented(deals, by), first_month(deals, clock, 60), clock, max_age=6)
    return hazards.estimate(seen, Company()).table


def row(table: pl.DataFrame, segment: str, age: int) -> dict[str, float]:
    return table.row(by_predicate=(pl.col("segment") == segment) & (pl.col("age_month") == age), named=True)


def test_odds_by_age_are_recovered_within_three_standard_errors(make_company):
    table = learned(make_company(arrivals=120), date(2022, 1, 1))
    for age in range(3):
        found = row(table, "all", age)
        for name, truth in (("win_rate", WIN[age]), ("loss_rate", LOSS[age])):
            error = np.sqrt(truth * (1 - truth) / found["n"])
            assert abs(found[name] - truth) < 3 * error + 0.004


def test_an_export_that_begins_with_the_first_closings_gives_the_same_odds(make_company):
    """Deals that closed in the first 12 months are not in the export; counting the others from their birth would
    halve the odds of old deals."""
    full = make_company(arrivals=120)
    cut = full.filter(pl.col("closed_at").is_null() | (pl.col("closed_at") >= date(2021, 1, 1)))
    table = learned(cut, date(2022, 1, 1))
    assert row(table, "all", 1)["win_rate"] == pytest.approx(WIN[1], abs=0.03)
    assert row(table, "all", 0)["win_rate"] == pytest.approx(WIN[0], abs=0.02)


def test_a_stray_early_closing_does_not_move_the_beginning(make_company):
    full = make_company(arrivals=60).filter(pl.col("closed_at").is_null() | (pl.col("closed_at") >= date(2021, 1, 1)))
    stray = full.filter(pl.col("status") == "won").head(1)
    stray = stray.with_columns(
        id=pl.lit("stray"), created_at=pl.lit(date(2020, 1, 1)), closed_at=pl.lit(date(2020, 2, 1))
    )
    deals = prepare(pl.concat([full, stray.cast(full.schema)]), Company())
    assert first_month(deals, Clock.at(date(2022, 1, 1)), 60) == 2021 * 12


def test_quarter_ends_in_which_twice_as_many_deals_close_are_seen(make_company):
    def factor(month: int) -> float:
        return 2.0 if month % 3 == 2 else 1.0

    frame = make_company(arrivals=150, win=(0.1, 0.15), loss=(0.1, 0.1), factor=factor, months=30)
    found = row(learned(frame, date(2022, 7, 1)), "all", 1)
    assert found["win_rate_3"] == pytest.approx(0.30, abs=0.04)
    assert found["win_rate_1"] == pytest.approx(0.15, abs=0.03)
    assert found["win_rate_2"] == pytest.approx(0.15, abs=0.03)


def test_without_a_calendar_the_three_months_of_a_quarter_are_alike(make_company):
    found = row(learned(make_company(arrivals=120), date(2022, 1, 1)), "all", 1)
    rates = [found[f"win_rate_{place}"] for place in (1, 2, 3)]
    assert max(rates) - min(rates) < 0.03


def test_a_product_that_wins_twice_as_often_is_told_apart_and_a_rare_one_follows_all(make_company):
    good = make_company(arrivals=60, win=(0.2, 0.4), loss=(0.1, 0.1), product="good")
    poor = make_company(arrivals=60, win=(0.1, 0.2), loss=(0.1, 0.1), product="poor", seed=8)
    rare = make_company(arrivals=1, months=2, win=(0.9,), loss=(0.0,), product="rare", keep_months=24, seed=9)
    rare = rare.with_columns(
        created_at=pl.col("created_at").dt.offset_by("12mo"), closed_at=pl.col("closed_at").dt.offset_by("12mo")
    )
    table = learned(pl.concat([good, poor, rare]), date(2022, 1, 1), by="product")
    assert row(table, "product:good", 1)["win_rate"] == pytest.approx(0.4, abs=0.05)
    assert row(table, "product:poor", 1)["win_rate"] == pytest.approx(0.2, abs=0.04)
    assert row(table, "product:rare", 0)["win_rate"] < 0.5


def test_deals_that_wait_for_the_same_few_people_close_at_a_steady_number(make_company):
    """Twenty deals a month are closed, however many are open: half as many more arrive every other half year."""
    rows, waiting = [], []
    for month in range(30):
        waiting += [month] * (20 if month % 12 < 6 else 30)
        noise = np.random.default_rng(month)
        for place in sorted(noise.choice(len(waiting), min(20, len(waiting)), replace=False), reverse=True):
            rows.append((waiting.pop(int(place)), month, "won" if noise.random() < 0.5 else "lost"))
    rows += [(opened, None, "open") for opened in waiting]
    deals = pl.DataFrame(
        [
            (f"d{n}", "A", "East", False, status, START + o, None if c is None else START + c)
            for n, (o, c, status) in enumerate(rows)
        ],
        schema=["id", "product", "region", "is_renewal", "status", "opened", "closed"],
        orient="row",
        infer_schema_length=None,
    )
    clock = Clock.at(date(2022, 7, 1))
    seen = observe(segmented(deals, "none"), START, clock, 12)
    assert hazards.estimate(seen, Company()).table["load_exponent"][0] == 1.0


def test_deals_that_do_not_wait_have_no_load(make_company):
    assert learned(make_company(arrivals=120), date(2022, 1, 1))["load_exponent"][0] == 0.0


def test_renewals_do_not_lift_the_odds_of_new_deals(make_company):
    new = make_company(arrivals=60, win=(0.1, 0.1), loss=(0.1, 0.1))
    renewals = make_company(arrivals=60, win=(0.5, 0.5), loss=(0.05, 0.05), seed=3, product="R")
    renewals = renewals.with_columns(kind=pl.lit("renewal"))
    table = learned(pl.concat([new, renewals]), date(2022, 1, 1))
    assert row(table, "new", 1)["win_rate"] == pytest.approx(0.1, abs=0.03)
    assert row(table, "renewal", 0)["win_rate"] == pytest.approx(0.5, abs=0.05)
