"""What holds for any deals: order does not matter, a reversal undoes exactly, sums are the plan's on the sum."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.execute.commission import Plan, parse, pay

TIERS = [{"from": 0, "rate": "0.0125"}, {"from": 1000, "rate": "0.0333"}, {"from": "2500.50", "rate": "0.071"}]
PLANS = {
    "flat": [{"rule": "flat_rate", "rate": "0.0375"}],
    "per deal": [{"rule": "marginal_tiers", "per": "deal", "tiers": TIERS}],
    "accumulated": [{"rule": "marginal_tiers", "tiers": TIERS}],
    "cliff": [{"rule": "whole_amount_tiers", "tiers": TIERS}],
    "accelerator": [{"rule": "accelerator", "rate": "0.08", "above": "0.12"}],
    "variable": [
        {"rule": "target_variable", "variable": "777.77", "tiers": [{"from": 0, "rate": 1}, {"from": 1, "rate": "1.5"}]}
    ],
    "capped": [{"rule": "flat_rate", "rate": "0.1"}, {"rule": "cap", "amount": 50}],
}
QUOTAS = pl.DataFrame(
    [
        {"person_id": who, "period_start": date(2024, month, 1), "amount": 123_457}
        for who in "ab"
        for month in range(1, 7)
    ]
)
EARNING = [name for name in PLANS if name != "capped"]

deal = st.fixed_dictionaries(
    {
        "person_id": st.sampled_from("ab"),
        "closed_on": st.integers(0, 120).map(lambda day: date(2024, 1, 1) + timedelta(day)),
        "amount": st.integers(-500_000, 500_000),
    }
)
deals = st.lists(deal, min_size=1, max_size=12)


def plan_of(name: str, period: str = "quarter") -> Plan:
    return parse({"name": name, "period": period, "rules": PLANS[name]})


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{**row, "opportunity_id": f"d{number}"} for number, row in enumerate(rows)])


@pytest.mark.parametrize("name", PLANS)
@settings(max_examples=15, deadline=None)
@given(rows=deals, random=st.randoms(use_true_random=False))
def test_the_order_of_the_deals_does_not_matter(name: str, rows: list[dict[str, Any]], random: Any) -> None:
    facts = frame(rows)
    order = list(range(facts.height))
    random.shuffle(order)
    assert_frame_equal(pay(plan_of(name), facts, QUOTAS), pay(plan_of(name), facts[order], QUOTAS))


@pytest.mark.parametrize("name", EARNING)
@settings(max_examples=15, deadline=None)
@given(rows=deals, other=deals)
def test_a_reversed_deal_leaves_the_pay_of_the_others(
    name: str, rows: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    undone = [*rows, *({**row, "amount": -row["amount"]} for row in rows)]
    alone = pay(plan_of(name), frame(other), QUOTAS)["amount"].sum()
    together = pay(plan_of(name), frame([*undone, *other]), QUOTAS)["amount"].sum()
    assert together == alone


def cents(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def marginal_by_hand(total: int) -> int:
    """The tiers of TIERS on a sum, by Decimal, tier by tier."""
    edges, rates = [0, 100_000, 250_050], [Decimal("0.0125"), Decimal("0.0333"), Decimal("0.071")]
    if total < edges[1]:
        return cents(total * rates[0])
    paid = cents(edges[1] * rates[0])
    paid += cents((min(total, edges[2]) - edges[1]) * rates[1])
    return paid + cents(max(total - edges[2], 0) * rates[2])


@settings(max_examples=60, deadline=None)
@given(rows=deals)
def test_lines_add_up_to_the_tiers_on_the_sum(rows: list[dict[str, Any]]) -> None:
    same = [{**row, "person_id": "a", "closed_on": date(2024, 2, 1 + number)} for number, row in enumerate(rows)]
    lines = pay(plan_of("accumulated"), frame(same))
    assert lines["amount"].sum() == marginal_by_hand(sum(row["amount"] for row in rows))
    assert lines["base"].sum() == sum(row["amount"] for row in rows)


@settings(max_examples=60, deadline=None)
@given(amount=st.integers(-(10**9), 10**9), parts=st.lists(st.integers(1, 50), min_size=2, max_size=5))
def test_shares_of_a_deal_add_up_to_its_pay(amount: int, parts: list[int]) -> None:
    shares = [Decimal(part * 1_000_000 // sum(parts)).scaleb(-6) for part in parts]
    shares[0] += 1 - sum(shares)
    facts = pl.DataFrame(
        {
            "person_id": [f"p{number}" for number in range(len(parts))],
            "closed_on": [date(2024, 1, 1)] * len(parts),
            "amount": [amount] * len(parts),
            "opportunity_id": ["d"] * len(parts),
            "share": shares,
        }
    )
    alone = facts.head(1).drop("share")
    for name in ("flat", "per deal"):
        assert pay(plan_of(name), facts)["amount"].sum() == pay(plan_of(name), alone)["amount"].sum()
    assert pay(plan_of("accumulated"), facts)["base"].sum() == amount


@given(amount=st.integers(-(10**12), 10**12))
@settings(max_examples=60, deadline=None)
def test_a_half_cent_rounds_away_from_zero(amount: int) -> None:
    lines = pay(plan_of("flat"), frame([{"person_id": "a", "closed_on": date(2024, 1, 1), "amount": amount}]))
    assert lines["amount"].sum() == cents(amount * Decimal("0.0375"))


def test_a_fiscal_quarter_accumulates_over_its_own_months() -> None:
    """With a fiscal year from February, January and February lie in different quarters."""
    rows = [
        {"person_id": "a", "closed_on": date(2024, 1, 31), "amount": 100_000},
        {"person_id": "a", "closed_on": date(2024, 2, 1), "amount": 100_000},
    ]
    together = pay(plan_of("accumulated"), frame(rows))["amount"].sum()
    apart = pay(plan_of("accumulated"), frame(rows), company=Company(fiscal_year_start=2))["amount"].sum()
    assert (together, apart) == (1_250 + 3_330, 1_250 + 1_250)


def test_won_has_no_cents() -> None:
    facts = frame([{"person_id": "a", "closed_on": date(2024, 1, 1), "amount": 1_000}])
    lines = pay(plan_of("per deal"), facts, company=Company(currency="KRW"))
    assert lines["amount"].to_list() == [13]
    assert lines["reason"].to_list() == ["1.25% of the part of the deal below 1000"]


def test_shares_that_do_not_add_up_are_refused() -> None:
    facts = pl.DataFrame(
        {
            "person_id": ["a", "b"],
            "closed_on": [date(2024, 1, 1)] * 2,
            "amount": [100, 100],
            "opportunity_id": ["d", "d"],
            "share": [Decimal("0.6"), Decimal("0.5")],
        }
    )
    with pytest.raises(QuarterdeckError, match=r"opportunity d add up to 1\.1, not to 1"):
        pay(plan_of("flat"), facts)


def test_a_cancellation_without_a_rule_is_refused() -> None:
    facts = pl.DataFrame({"person_id": ["a"], "closed_on": [date(2024, 1, 1)], "amount": [0], "reverses": ["d"]})
    with pytest.raises(QuarterdeckError, match="add the rule clawback"):
        pay(plan_of("flat"), facts)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([{"rule": "flat_rat", "rate": 1}], "did you mean 'flat_rate'"),
        ([{"rule": "flat_rate", "rat": 1}], "did you mean 'rate'"),
        ([{"rule": "flat_rate"}], r"rules\.0\.rate: is missing"),
        ([{"rule": "flat_rate", "rate": "0.1234567"}], "no more than 6 decimal places"),
        ([{"rule": "flat_rate", "rate": -1}], "greater than or equal to 0"),
        ([], "at least 1 item"),
        ([{"rule": "marginal_tiers", "tiers": [{"from": 10, "rate": 0}]}], "add one from 0"),
        (
            [{"rule": "marginal_tiers", "tiers": [{"from": 0, "to": 5, "rate": 0}, {"from": 9, "rate": 1}]}],
            "gap from 5 to 9: let the lower tier end at 9",
        ),
        (
            [{"rule": "marginal_tiers", "tiers": [{"from": 0, "to": 9, "rate": 0}, {"from": 5, "rate": 1}]}],
            "overlap from 5 to 9",
        ),
        (
            [{"rule": "marginal_tiers", "tiers": [{"from": 0, "rate": 0}, {"from": 0, "rate": 1}]}],
            "write them ascending",
        ),
        ([{"rule": "marginal_tiers", "tiers": [{"from": 0, "to": 5, "rate": 0}]}], "leave the last tier's `to` away"),
        (
            [{"rule": "marginal_tiers", "of": "attainment", "per": "deal", "tiers": [{"from": 0, "rate": 0}]}],
            "write per: period",
        ),
        ([{"rule": "flat_rate", "rate": 0.1}, {"rule": "flat_rate", "rate": 0.2}], "give each a name of its own"),
    ],
)
def test_a_wrong_plan_says_what_to_mend(rules: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(QuarterdeckError, match=words):
        parse({"name": "p", "rules": rules})
