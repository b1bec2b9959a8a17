"""Targets: typed, spread, decided, assumed, and split over regions to the minor unit."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_plan import FIRST, config, demand, tables, target, won

from quarterdeck.base.calendar import add_months
from quarterdeck.reconcile import frame
from quarterdeck.reconcile.targets import Target, region_targets

QUIET = {("P", "East"): [[1.0, 2.0]] * 3}


def totals(made: Any) -> list[tuple[int, bool]]:
    rows = made.tables["plan_targets"].filter(pl.col("level") == "all").sort("period_start")
    return list(zip(rows["amount"], rows["is_assumed"], strict=True))


def test_a_target_is_last_years_month_plus_growth_and_marked_as_assumed() -> None:
    """July 2025 brought 1,000.00, August 2,000.00, September 3,000.00; growth of 10 %."""
    deals = [won(date(2025, month, 1), amount) for month, amount in ((7, 100_000), (8, 200_000), (9, 300_000))]
    made = frame(tables(opportunities=pl.DataFrame(deals), **demand(QUIET)), config())
    assert totals(made) == [(110_000, True), (220_000, True), (330_000, True)]
    assert "2025-07 +10%" in made.tables["plan_targets"]["basis"][0]
    assumed = next(finding for finding in made.findings if finding.code == "reconcile.target_assumed")
    assert assumed.count == 3


def test_without_last_year_it_is_the_mean_of_the_months_that_are_known() -> None:
    """April 900.00, May nothing, June 300.00: the mean is 400.00, plus 5 % 420.00."""
    deals = [won(date(2026, 4, 1), 90_000), won(date(2026, 6, 1), 30_000)]
    made = frame(tables(opportunities=pl.DataFrame(deals), **demand(QUIET)), config(growth=0.05))
    assert totals(made) == [(42_000, True)] * 3


def test_without_history_it_is_the_expected_demand_plus_growth() -> None:
    """1 or 2 deals of 1,000 are expected to bring 1,500; plus 10 %."""
    assert totals(frame(tables(**demand(QUIET)), config())) == [(165_000, True)] * 3


def test_a_typed_month_wins_over_the_quarter_and_the_quarter_over_the_year() -> None:
    typed = [
        target(date(2026, 1, 1), 1_200_000, grain="year"),
        target(date(2026, 7, 1), 300_000, grain="quarter"),
        target(date(2026, 8, 1), 7_000),
    ]
    made = frame(tables(targets=pl.DataFrame(typed), **demand({("P", "East"): [[1.0]] * 4})), config())
    assert totals(made) == [(100_000, False), (7_000, False), (100_000, False), (100_000, False)]
    assert made.findings == []


def test_a_quarter_is_spread_by_last_years_months() -> None:
    """Last year's quarter brought 1 : 2 : 5."""
    deals = [won(date(2025, month, 1), amount) for month, amount in ((7, 100), (8, 200), (9, 500))]
    typed = pl.DataFrame([target(date(2026, 7, 1), 80_001, grain="quarter")])
    made = frame(tables(opportunities=pl.DataFrame(deals), targets=typed, **demand(QUIET)), config())
    assert [amount for amount, _ in totals(made)] == [10_000, 20_000, 50_001]


def test_the_target_set_last_holds() -> None:
    typed = [
        target(FIRST, 100, id="b", set_on=date(2026, 1, 5)),
        target(FIRST, 200, id="a", set_on=date(2026, 3, 5)),
    ]
    made = frame(tables(targets=pl.DataFrame(typed), **demand({("P", "East"): [[1.0]]})), config())
    assert totals(made) == [(200, False)]


def test_a_persons_decision_wins_over_what_was_typed() -> None:
    decided = pl.DataFrame(
        [
            {"id": "1", "room": "reconcile", "target": "all:all", "period_start": FIRST, "value": 12.5}
            | {"reason": "board", "who": "Kim", "decided_at": datetime(2026, 6, 1)},
            {"id": "3", "room": "reconcile", "target": "all:all", "period_start": None, "value": 11.0}
            | {"reason": "first thought", "who": "Kim", "decided_at": datetime(2026, 5, 1)},
            {"id": "2", "room": "demand", "target": "all:all", "period_start": FIRST, "value": 99.0}
            | {"reason": "no", "who": "Kim", "decided_at": datetime(2026, 6, 2)},
        ]
    )
    typed = pl.DataFrame([target(FIRST, 100)])
    made = frame(tables(targets=typed, overrides=decided, **demand({("P", "East"): [[1.0]]})), config())
    assert totals(made) == [(1_250, False)]
    assert made.tables["plan_targets"]["basis"][0] == "decided by Kim: board"


def decided(*rows: tuple[str, date | None, float]) -> pl.DataFrame:
    """Overrides of reconcile by Kim for the board, each an hour after the one before: target, month, value."""
    return pl.DataFrame(
        [
            {"id": f"o{n}", "room": "reconcile", "target": name, "period_start": start, "value": value}
            | {"reason": "board", "who": "Kim", "decided_at": datetime(2026, 6, 1, n)}
            for n, (name, start, value) in enumerate(rows)
        ],
        schema_overrides={"period_start": pl.Date},
    )


def told(overrides: pl.DataFrame, *typed: dict[str, Any]) -> dict[str | None, tuple[str, str, str]]:
    """Findings of overrides on two regions and two months, by override: code, severity, message."""
    leaves = {("P", "East"): [[1.0], [1.0]], ("P", "West"): [[1.0], [1.0]]}
    given_tables = tables(targets=pl.DataFrame(typed), overrides=overrides, **demand(leaves))
    findings = frame(given_tables, config()).findings
    return {f.record_id: (f.code, f.severity, f.message) for f in findings if "override" in f.code}


def test_an_override_that_holds_is_told_with_who_what_instead_of_what_and_why() -> None:
    found = told(decided(("all:all", FIRST, 1_200.0)), target(FIRST, 100_000))
    assert found == {
        "o0": (
            "reconcile.override",
            "notice",
            "Kim set the target all:all of 2026-07 to 1,200 USD instead of 1,000 (typed for the month): board.",
        )
    }


def test_an_override_without_a_month_holds_for_those_that_no_later_one_takes() -> None:
    months = (FIRST, add_months(FIRST, 1))
    typed = [target(month, 100_000 * (place + 1)) for place, month in enumerate(months)]
    found = told(decided(("all:all", None, 1_200.0)), *typed)
    assert "of each of 2 months from 2026-07 on to 1,200 USD instead of 1,000 to 2,000: board." in found["o0"][2]
    found = told(decided(("all:all", None, 1_200.0), ("all:all", FIRST, 1_300.0)), *typed)
    assert "of 2026-08 to 1,200 USD instead of 2,000 (typed" in found["o0"][2]
    assert "of 2026-07 to 1,300 USD instead of 1,000 (typed" in found["o1"][2]
    assert set(told(decided(("all:all", FIRST, 1.0), ("all:all", FIRST, 2.0)), *typed)) == {"o1"}


def test_regions_overrides_that_are_scaled_say_what_they_become() -> None:
    found = told(decided(("region:East", FIRST, 300.0), ("region:West", FIRST, 100.0)), target(FIRST, 100_000))
    assert found["o0"][0] == "reconcile.override"
    assert found["o0"][2].endswith("Scaled to the total it is 750.")


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("region:Nowhere", FIRST, "no such target"),
        ("East", FIRST, "no such target"),
        ("all:all", date(2027, 7, 1), "2027-07-01 is no month of the plan"),
        ("all:all", date(2026, 7, 15), "2026-07-15 is no month of the plan"),
        ("region:East", FIRST, "the other regions have no target"),
    ],
)
def test_an_override_that_cannot_be_used_is_told_by_name(name: str, start: date, said: str) -> None:
    found = told(decided((name, start, 300.0)), target(FIRST, 100_000))
    code, severity, message = found["o0"]
    assert (code, severity) == ("reconcile.override_unused", "warning")
    assert name in message
    assert said in message


def test_regions_share_the_total_by_last_years_bookings_to_the_cent() -> None:
    """1 : 2 of 100.00 are 33.33 and 66.67."""
    deals = [won(date(2026, 6, 1), 100, "East"), won(date(2026, 5, 1), 200, "West")]
    leaves = {("P", "East"): [[1.0]], ("P", "West"): [[1.0]]}
    typed = pl.DataFrame([target(FIRST, 10_000)])
    made = frame(tables(opportunities=pl.DataFrame(deals), targets=typed, **demand(leaves)), config())
    regions = made.tables["plan_targets"].filter(pl.col("level") == "region").sort("member")
    assert regions["amount"].to_list() == [3_333, 6_667]


def test_typed_regions_make_the_total_when_nobody_typed_one() -> None:
    leaves = {("P", "East"): [[1.0]], ("P", "West"): [[1.0]]}
    typed = [target(FIRST, 400, level="region", member="East"), target(FIRST, 600, level="region", member="West")]
    made = frame(tables(targets=pl.DataFrame(typed), **demand(leaves)), config())
    assert made.tables["plan_targets"].sort("level", "member")["amount"].to_list() == [1_000, 400, 600]
    assert made.findings == []


def test_typed_regions_that_do_not_add_up_are_scaled_and_said() -> None:
    leaves = {("P", "East"): [[1.0]], ("P", "West"): [[1.0]]}
    typed = [target(FIRST, 400, level="region", member="East"), target(FIRST, 400, level="region", member="West")]
    made = frame(tables(targets=pl.DataFrame([*typed, target(FIRST, 1_000)]), **demand(leaves)), config())
    assert made.tables["plan_targets"].sort("level", "member")["amount"].to_list() == [1_000, 500, 500]
    assert [finding.code for finding in made.findings] == ["reconcile.targets_disagree"]


def test_a_target_in_another_currency_is_said() -> None:
    typed = pl.DataFrame([target(FIRST, 100, currency="EUR")])
    made = frame(tables(targets=typed, **demand({("P", "East"): [[1.0]]})), config())
    assert [finding.code for finding in made.findings] == ["reconcile.target_currency"]


@given(
    st.integers(0, 10**12),
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 10**9), min_size=1),
    st.booleans(),
)
def test_regions_always_add_up_to_the_total(total: int, weights: dict[str, int], are_typed: bool) -> None:
    typed = {name: {FIRST: Target(weight, False, "typed")} for name, weight in weights.items()} if are_typed else {}
    parts = region_targets(Target(total, False, ""), FIRST, typed, weights)
    assert sum(part.amount for part in parts.values()) == total
    assert list(parts) == list(weights)


def test_scenarios_are_all_draws_and_the_quarters_with_most_and_least() -> None:
    """Eight futures of 1 to 8 deals against a target of 5,000.00: half reach it; of the best two both, of the worst none."""
    typed = pl.DataFrame([target(FIRST, 500_000)])
    made = frame(tables(targets=typed, **demand({("P", "East"): [[3.0, 1, 8, 2, 7, 4, 5, 6]]})), config())
    found = {row["scenario"]: row for row in made.tables["scenarios"].iter_rows(named=True)}
    assert json.loads(found["base"]["draws"]) == list(range(8))
    assert json.loads(found["best"]["draws"]) == [2, 4]
    assert json.loads(found["worst"]["draws"]) == [1, 3]
    assert [found[name]["mean"] for name in ("base", "best", "worst")] == pytest.approx([4500, 7500, 1500])
    assert [found[name]["probability"] for name in ("base", "best", "worst")] == [0.5, 1.0, 0.0]


def test_what_the_month_in_progress_brought_counts_towards_its_target() -> None:
    """500.00 booked until the 16th and 1,000.00 to come reach 1,500.00."""
    deals = [won(FIRST, 50_000)]
    typed = pl.DataFrame([target(FIRST, 150_000)])
    given_tables = tables(opportunities=pl.DataFrame(deals), targets=typed, **demand({("P", "East"): [[1.0]]}))
    base = frame(given_tables, config(date(2026, 7, 16))).tables["scenarios"].row(0, named=True)
    assert (base["mean"], base["probability"]) == (1500.0, 1.0)


def test_minor_units_follow_the_currency() -> None:
    """A won has no cents: 1 or 2 deals of 1,000 plus 10 % are 1,650."""
    made = frame(tables(**demand({("P", "East"): [[1.0, 2.0]]})), config(currency="KRW"))
    assert totals(made) == [(1_650, True)]


def test_without_demand_there_is_no_frame_and_it_is_said() -> None:
    made = frame(tables(), config())
    assert made.tables["plan_targets"].is_empty()
    assert made.tables["scenarios"].is_empty()
    assert [finding.code for finding in made.findings] == ["reconcile.no_demand"]


def test_months_before_the_history_are_not_taken_for_months_without_bookings() -> None:
    """Only June is known, so the mean is June's, not a twelfth of it."""
    made = frame(
        tables(opportunities=pl.DataFrame([won(add_months(FIRST, -1), 1_000)]), **demand(QUIET)), config(growth=0)
    )
    assert totals(made) == [(1_000, True)] * 3
