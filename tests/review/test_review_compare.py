"""Review: promises against what came, with the difference split into number and size of deals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.review import ReviewSettings, compare

PLANNED = {
    "id": "l1", "reference": "p1", "label": "publication", "made_on": date(2024, 4, 1), "period_start": date(2024, 4, 1),
    "level": "all", "member": "all", "measure": "bookings", "planned": 1000.0, "q10": 800.0, "q90": 1200.0,
}  # fmt: skip


def config(day: datetime = datetime(2024, 5, 1), company: Company | None = None) -> Config[ReviewSettings]:
    return Config(as_of=day, settings=ReviewSettings(), company=company or Company())


def won(closed: datetime, amount: int, created: datetime = datetime(2024, 1, 1), **more: Any) -> dict[str, Any]:
    row = {"status": "won", "closed_at": closed, "created_at": created, "amount": amount * 100, "product_id": "tent"}
    return {**row, "region": "East", **more}


def tables(promises: list[dict[str, Any]], deals: list[dict[str, Any]], **more: pl.DataFrame) -> Tables:
    frames = dict(more)
    if promises:
        frames["promises"] = pl.DataFrame(promises)
    if deals:
        frames["opportunities"] = pl.DataFrame([{"id": f"d{n}", **row} for n, row in enumerate(deals)])
    return Tables(**frames)


# Before the promise a tent brought 200 in the mean.
BEFORE = [won(datetime(2024, 2, 1), 150), won(datetime(2024, 3, 1), 250)]


def test_the_difference_is_split_into_number_and_size() -> None:
    """Three deals of 150 came against 1,000: at the usual 200 they are 600, so 400 by number (2 deals), 150 by size."""
    deals = [*BEFORE, *(won(datetime(2024, 4, day), 150) for day in (2, 3, 30))]
    row = compare(tables([PLANNED], deals), config()).tables["variances"].row(0, named=True)
    assert (row["planned"], row["actual"], row["variance"]) == (1000.0, 450.0, -550.0)
    assert (row["is_inside"], row["is_complete"], row["label"]) == (False, True, "publication")
    assert row["reason"] == (
        "2 fewer deals than promised at their usual size (-400 USD), and deals smaller than usual (-150 USD);"
        " 100% of what came was open when it was promised."
    )


def test_what_came_from_deals_that_were_not_yet_open_is_told() -> None:
    deals = [*BEFORE, won(datetime(2024, 4, 2), 300), won(datetime(2024, 4, 9), 900, created=datetime(2024, 4, 3))]
    row = compare(tables([PLANNED], deals), config()).tables["variances"].row(0, named=True)
    assert row["is_inside"]
    assert "25% of what came was open" in row["reason"]
    assert "deals larger than usual (+800 USD)" in row["reason"]


def test_a_running_month_is_not_judged() -> None:
    row = (
        compare(tables([PLANNED], [won(datetime(2024, 4, 2), 300)]), config(datetime(2024, 4, 15)))
        .tables["variances"]
        .row(0, named=True)
    )
    assert (row["actual"], row["is_complete"], row["is_inside"]) == (300.0, False, None)
    assert row["reason"] == "The month is still running: 1 deal won so far."


def test_months_that_have_not_begun_are_left_out() -> None:
    result = compare(tables([PLANNED], []), config(datetime(2024, 4, 1)))
    assert result.tables["variances"].is_empty()
    assert [finding.code for finding in result.findings] == ["review.not_begun"]


def test_regions_and_products_are_held_against_their_own_deals() -> None:
    promises = [
        PLANNED,
        {**PLANNED, "id": "l2", "level": "region", "member": "West"},
        {**PLANNED, "id": "l3", "level": "product", "member": "stove"},
    ]
    deals = [
        won(datetime(2024, 4, 2), 100, region="West"),
        won(datetime(2024, 4, 2), 20, region="West", product_id="stove"),
        won(datetime(2024, 4, 2), 3, product_id="stove"),
        won(datetime(2024, 5, 2), 1000, product_id="stove"),
        won(datetime(2024, 4, 2), 1000, status="lost"),
    ]
    found = compare(tables(promises, deals), config()).tables["variances"]
    assert dict(found.select("level", "actual").rows()) == {"all": 123.0, "region": 120.0, "product": 23.0}


def test_nothing_won_is_said_so() -> None:
    row = compare(tables([PLANNED], BEFORE), config()).tables["variances"].row(0, named=True)
    assert (row["actual"], row["reason"]) == (0.0, "Nothing was won.")


def test_a_month_is_the_company_s_month() -> None:
    """31 March, 20:00 UTC is 1 April in Seoul."""
    given = tables([PLANNED], [won(datetime(2024, 3, 31, 20), 300)])
    seoul = Company(timezone="Asia/Seoul")
    assert compare(given, config(company=seoul)).tables["variances"]["actual"].to_list() == [300.0]
    assert compare(given, config()).tables["variances"]["actual"].to_list() == [0.0]


def test_a_miss_is_a_finding_with_its_money() -> None:
    result = compare(tables([PLANNED], [*BEFORE, won(datetime(2024, 4, 2), 200)]), config())
    missed = next(finding for finding in result.findings if finding.code == "review.missed")
    assert missed.money_at_stake == 800.0
    assert "The company fell short of its publication by 800 USD in 2024-04" in missed.message
    assert "review.no_publication" not in {finding.code for finding in result.findings}


def test_the_share_of_intervals_that_held_is_told() -> None:
    promises = [PLANNED, {**PLANNED, "id": "l2", "level": "region", "member": "East", "q10": 100.0}]
    result = compare(tables(promises, [won(datetime(2024, 4, 2), 200)]), config())
    hit = next(finding for finding in result.findings if finding.code == "review.hit_share")
    assert "1 of 2 completed promises (50%)" in hit.message


def test_a_draft_is_labelled_as_one() -> None:
    result = compare(tables([{**PLANNED, "label": "draft"}], [won(datetime(2024, 4, 2), 1000)]), config())
    assert result.tables["variances"]["label"].to_list() == ["draft"]
    assert "the draft of 2024-04-01 stands in" in result.findings[0].message


def test_without_a_plan_an_earlier_forecast_stands_in() -> None:
    nodes = pl.DataFrame(
        [
            {"node_id": "all", "level": "all"},
            {"node_id": "region:East", "level": "region", "region": "East"},
            {"node_id": "product:tent", "level": "product", "product_id": "tent"},
            {"node_id": "product:tent|region:East", "level": "product_region", "product_id": "tent", "region": "East"},
        ]
    )
    accuracy = pl.DataFrame(
        [
            {
                "origin": date(2024, 4, 1),
                "period_start": date(2024, 4, 1),
                "node_id": node,
                "mean": 90.0,
                "q10": 50.0,
                "q90": 150.0,
            }
            for node in nodes["node_id"]
        ]
    )
    given = tables([], [won(datetime(2024, 4, 2), 100)], nodes=nodes, demand_accuracy=accuracy)
    result = compare(given, config())
    found = result.tables["variances"]
    assert dict(found.schema) == table("variances").polars
    assert found.select("reference", "label", "level", "member").rows() == [
        ("hindcast 2024-04-01", "hindcast", "all", "all"),
        ("hindcast 2024-04-01", "hindcast", "product", "tent"),
        ("hindcast 2024-04-01", "hindcast", "region", "East"),
    ]
    assert found["variance"].to_list() == [10.0] * 3
    assert "forecasts made afresh as of earlier dates" in result.findings[0].message


def test_with_nothing_promised_there_is_nothing_to_compare() -> None:
    result = compare(Tables(), config())
    assert result.tables["variances"].is_empty()
    assert [finding.code for finding in result.findings] == ["review.no_publication"]


@pytest.mark.parametrize("members", [("East", "West"), ("East", "West", "North")])
def test_parts_add_up_to_the_whole(members: tuple[str, ...]) -> None:
    promises = [PLANNED, *({**PLANNED, "id": name, "level": "region", "member": name} for name in members)]
    deals = [won(datetime(2024, 4, 1 + n), 10 + n, region=name) for n, name in enumerate(members * 3)]
    found = compare(tables(promises, deals), config()).tables["variances"]
    whole = found.filter(pl.col("level") == "all")["actual"].item()
    assert found.filter(pl.col("level") == "region")["actual"].sum() == pytest.approx(whole)


def test_thousands_are_separated_in_reasons() -> None:
    """A tent brought 100,000; one at 50,000 came against 1,000: 99,000 more by number, 50,000 less by size."""
    deals = [won(datetime(2024, 2, 1), 100_000), won(datetime(2024, 4, 2), 50_000)]
    row = compare(tables([PLANNED], deals), config()).tables["variances"].row(0, named=True)
    assert "(+99,000 USD)" in row["reason"]
    assert "(-50,000 USD)" in row["reason"]


def test_the_money_at_stake_is_in_whole_units() -> None:
    promise = PLANNED | {"planned": 1000.4}
    deals = [won(datetime(2024, 2, 1), 200), won(datetime(2024, 4, 2), 200)]
    missed = next(f for f in compare(tables([promise], deals), config()).findings if f.code == "review.missed")
    assert missed.money_at_stake == 800.0
