"""Segments, who serves them, what to talk of with them, and the grid: planted truths are found, noise is called noise."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.grid import grade
from quarterdeck.scoring.points_settings import EngagementSettings
from quarterdeck.scoring.profile_settings import Condition, ProfileSettings, SegmentRule
from quarterdeck.scoring.segments import round_number
from quarterdeck.scoring.segments_guides import compare
from quarterdeck.scoring.segments_reps import choose, specialisation
from quarterdeck.scoring.segments_step import segment

AS_OF = datetime(2025, 1, 1)
START = datetime(2023, 1, 1)
BUYS = {"Bank": 0.6, "Insurer": 0.6, "Shop": 0.25, "Farm": 0.25}


def config(**settings: object) -> Config[ProfileSettings]:
    return Config(as_of=AS_OF, settings=ProfileSettings(**settings), company=Company())  # type: ignore[arg-type]


def company(seed: int = 0, deals: int = 3000, special: float = 0.0, by_region: bool = False) -> dict[str, pl.DataFrame]:
    """Banks and insurers buy Vaults, and more often, than shops and farms, who buy Tills and leave over the price.

    `special` is added to the odds of team Red with banks and insurers, and of Blue with the others.
    """
    noise = np.random.default_rng(seed)
    count = 400
    industry = noise.choice(list(BUYS), count)
    accounts = pl.DataFrame(
        {
            "id": [f"a{number:03d}" for number in range(count)],
            "name": [f"Company {number}" for number in range(count)],
            "industry": industry,
            "employees": np.exp(noise.normal(5, 1.2, count)).astype(int),
            "region": noise.choice(["North", "South"], count),
        }
    )
    whose, owner = noise.integers(0, count, deals), noise.integers(0, 8, deals)
    if by_region:
        owner = np.where(accounts["region"].to_numpy()[whose] == "North", owner % 4, 4 + owner % 4)
    is_rich = np.isin(industry[whose], ["Bank", "Insurer"])
    rate = np.array([BUYS[name] for name in industry[whose]]) + special * (is_rich == (owner < 4))
    won = noise.random(deals) < rate
    opened = [START + timedelta(hours=5 * place) for place in range(deals)]
    opportunities = pl.DataFrame(
        {
            "id": [f"d{number:04d}" for number in range(deals)],
            "account_id": [f"a{number:03d}" for number in whose],
            "owner_id": [f"p{number}" for number in owner],
            "product_id": np.where(noise.random(deals) < np.where(is_rich, 0.8, 0.2), "V", "T"),
            "status": np.where(won, "won", "lost"),
            "lost_reason": np.where(noise.random(deals) < np.where(is_rich, 0.2, 0.7), "Price", "Timing"),
            "amount": [10_000] * deals,
            "created_at": opened,
            "closed_at": [moment + timedelta(days=20) for moment in opened],
        }
    )
    people = pl.DataFrame(
        {
            "id": [f"p{number}" for number in range(8)],
            "name": [f"Person {number}" for number in range(8)],
            "team": ["Red"] * 4 + ["Blue"] * 4,
            "role": ["seller"] * 8,
        }
    )
    products = pl.DataFrame({"id": ["V", "T"], "name": ["Vault", "Till"]})
    return {"accounts": accounts, "opportunities": opportunities, "people": people, "products": products}


@pytest.fixture(scope="module")
def divided():
    frames = company(special=0.15)
    return frames, segment(Tables(**frames), config())


def test_industries_that_buy_alike_are_together_and_sizes_are_named(divided):
    frames, result = divided
    members = result.tables["segment_members"].filter(subject="account")
    both = frames["accounts"].join(members, left_on="id", right_on="subject_id")
    groups = (
        both.with_columns(group=pl.col("segment").str.split(" · ").list.last())
        .group_by("group")
        .agg(pl.col("industry").unique().sort())
    )
    assert sorted(groups["industry"].to_list()) == [["Bank", "Insurer"], ["Farm", "Shop"]]
    largest = (
        both.sort("employees")
        .group_by(pl.col("segment").str.split(" · ").list.first())
        .agg(low=pl.col("employees").min(), high=pl.col("employees").max())
    )
    sizes = {row[0]: row[1:] for row in largest.iter_rows()}
    assert sizes["Small"][1] < sizes["Middle"][0] <= sizes["Middle"][1] < sizes["Large"][0]


def test_tables_hold_their_schema_and_every_member_has_a_segment_that_is_listed(divided):
    frames, result = divided
    for name, frame in result.tables.items():
        entry = table(name)
        assert frame.select(entry.key).is_unique().all()
        assert not [column.name for column in entry.columns if column.is_required and frame[column.name].null_count()]
    members = result.tables["segment_members"]
    assert sorted(members.filter(subject="account")["subject_id"]) == sorted(frames["accounts"]["id"])
    assert set(members["segment"]) == set(result.tables["segments"]["segment"])
    assert result.tables["segments"]["closed"].sum() == frames["opportunities"].height


def test_the_team_that_wins_most_serves_the_segment_and_its_advantage_is_found(divided):
    _, result = divided
    rows = {row["segment"]: row for row in result.tables["segments"].iter_rows(named=True)}
    for name, row in rows.items():
        assert row["rep_category"] == ("Red" if "Bank" in name else "Blue")
    told = next(finding for finding in result.findings if finding.code == "scoring.specialisation")
    assert "raised" in told.message


def test_without_an_advantage_it_is_seldom_said_that_there_is_one():
    said = 0
    for seed in range(20):
        frames = company(seed, deals=800)
        result = segment(Tables(**frames), config())
        told = next(finding for finding in result.findings if finding.code == "scoring.specialisation")
        said += "no evidence" not in told.message
    assert said <= 3


def test_the_difference_is_weighed_by_segment_and_not_fooled_by_who_works_where():
    # In each segment both teams win alike; Red works where everybody wins.
    rows = []
    for name, rate, red, blue in (("easy", 0.8, 400, 100), ("hard", 0.2, 100, 400)):
        for team, n in (("Red", red), ("Blue", blue)):
            rows += [(name, team, float(place < rate * n)) for place in range(n)]
    deals = pl.DataFrame(rows, schema=["segment", "category", "won"], orient="row").with_row_index("id")
    deals = deals.sample(fraction=1, shuffle=True, seed=1).with_columns(
        pl.col("id").cast(pl.String), at=pl.Series([START + timedelta(hours=place) for place in range(len(rows))])
    )
    from quarterdeck.scoring.segments_reps import Choice

    _, overall = specialisation(deals, {"easy": Choice("Red", "by rule"), "hard": Choice("Red", "by rule")})
    assert overall.own_rate - overall.other_rate == pytest.approx(0.36)
    assert overall.effect == pytest.approx(0.0, abs=1e-9)
    assert not overall.is_clear


def test_who_is_best_is_chosen_from_earlier_deals_and_tested_on_later_ones_alone():
    rows = []
    for start, n, red, blue in ((0, 300, 0.6, 0.5), (300, 200, 0.2, 0.8)):
        for place in range(n):
            # The rates are met exactly in every ten deals of a team.
            rows += [
                (start + place, "s", "Red", float(place % 10 < 10 * red)),
                (start + place, "s", "Blue", float(place % 10 < 10 * blue)),
            ]
    deals = pl.DataFrame(rows, schema=["hour", "segment", "category", "won"], orient="row").select(
        "segment",
        "category",
        "won",
        id=pl.concat_str("hour", "category"),
        at=pl.lit(START) + pl.duration(hours=pl.col("hour")),
    )
    assert choose(deals)["s"].category == "Blue"
    by_segment, overall = specialisation(deals, {})
    assert (by_segment["s"].own_n, by_segment["s"].other_n) == (200, 200)
    assert overall.effect == pytest.approx(0.2 - 0.8)
    assert overall.is_clear


def test_a_team_with_three_lucky_deals_is_not_the_segment_s_own():
    rows = [("s", "Red", 1.0)] * 60 + [("s", "Red", 0.0)] * 60 + [("s", "Blue", 1.0)] * 3
    deals = pl.DataFrame(rows, schema=["segment", "category", "won"], orient="row")
    assert choose(deals)["s"].category == "Red"


def test_where_teams_go_by_region_nobody_is_said_to_serve_a_segment():
    result = segment(Tables(**company(by_region=True)), config())
    assert set(result.tables["segments"]["rep_category"]) == {"any seller"}
    assert "teams go by region" in next(f for f in result.findings if f.code == "scoring.no_rep_categories").message


def test_segments_by_hand_are_tried_in_order_and_name_who_serves_them():
    rules = (
        SegmentRule(name="Giants", where=(Condition(attribute="employees", at_least=1000),), rep_category="Blue"),
        SegmentRule(name="Money", where=(Condition(attribute="industry", one_of=("bank", "insurer")),)),
    )
    frames = company()
    result = segment(Tables(**frames), config(segments=rules))
    both = frames["accounts"].join(result.tables["segment_members"], left_on="id", right_on="subject_id")
    giant, money = pl.col("employees") >= 1000, pl.col("industry").is_in(["Bank", "Insurer"])
    expected = (
        pl.when(giant).then(pl.lit("Giants")).when(money).then(pl.lit("Money")).otherwise(pl.lit("Everyone else"))
    )
    assert both.select(expected.eq(pl.col("segment")).all()).item()
    row = result.tables["segments"].row(by_predicate=pl.col("segment") == "Giants", named=True)
    assert (row["rep_category"], row["rep_origin"]) == ("Blue", "by rule")


def test_guides_say_what_each_segment_buys_and_why_it_leaves(divided):
    _, result = divided
    guides = result.tables["segment_guides"]
    for name in result.tables["segments"]["segment"]:
        own = guides.filter(segment=name)
        values = set(own["value"])
        if "Bank" in name:
            assert "Vault" in values
            assert "Price" not in values
        else:
            assert {"Till", "Price"} <= values
        assert own["place"].to_list() == list(range(1, own.height + 1))
        assert own.height <= 5


def test_log_odds_by_hand_and_a_value_as_frequent_as_elsewhere_has_none():
    rows = [(f"x{n}", 1.0, "x", "product", "P" if n < 30 else "Q") for n in range(50)]
    rows += [(f"y{n}", 1.0, "y", "product", "P" if n < 10 else "Q") for n in range(50)]
    rows += [(f"{s}{n}", 1.0, s, "answer", "yes" if n < 25 else "no") for s in "xy" for n in range(50)]
    values = pl.DataFrame(rows, schema=["id", "won", "segment", "field", "value"], orient="row")
    found = {(r["segment"], r["value"]): r for r in compare(values).iter_rows(named=True)}
    # 40 of 100 have P, so 20 of the prior's 50 have it: (30 + 20) / (20 + 30) to (10 + 20) / (40 + 30).
    assert found["x", "P"]["log_odds"] == pytest.approx(np.log(50 / 50) - np.log(30 / 70))
    assert found["x", "P"]["z"] == pytest.approx(np.log(7 / 3) / np.sqrt(1 / 50 + 1 / 50 + 1 / 30 + 1 / 70))
    assert found["x", "yes"]["log_odds"] == pytest.approx(0)
    assert (found["x", "P"]["share"], found["x", "P"]["elsewhere"]) == (0.6, 0.2)


@pytest.mark.parametrize(("value", "near"), [(61, 50), (420, 500), (130, 100), (0.03, 0.02), (9, 10)])
def test_edges_are_round_numbers(value, near):
    assert round_number(value) == pytest.approx(near)


def test_leads_without_deals_are_divided_and_guided_too():
    noise = np.random.default_rng(0)
    title = noise.choice(["student", "retired", "clerk", "cook"], 2000)
    won = noise.random(2000) < np.where(np.isin(title, ["student", "retired"]), 0.4, 0.1)
    channel = np.where(noise.random(2000) < np.where(np.isin(title, ["student", "retired"]), 0.7, 0.3), "web", "call")
    leads = pl.DataFrame(
        {
            "id": [str(n) for n in range(2000)],
            "title": title,
            "channel": channel,
            "status": np.where(won, "converted", "unqualified"),
        }
    )
    result = segment(Tables(leads=leads), config())
    groups = set(result.tables["segments"]["meaning"])
    assert groups == {"title: retired, student", "title: clerk, cook"}
    assert "They come by web" in " ".join(
        result.tables["segment_guides"]["text"]
    ) or "channel is often web" in " ".join(result.tables["segment_guides"]["text"])


def test_with_nothing_at_all_there_is_nothing():
    result = segment(Tables(), config())
    assert all(frame.is_empty() for frame in result.tables.values())


def graded() -> Tables:
    def day(number: float) -> datetime:
        return START + timedelta(days=number)

    leads = pl.DataFrame(
        [
            ("open", "working", day(100), None),
            ("won", "converted", day(50), day(70)),
            ("lost", "unqualified", day(50), None),
            ("early", "converted", day(50), day(52)),
            ("old", "unqualified", day(1), None),
        ],
        schema=["id", "status", "created_at", "converted_at"],
        orient="row",
    )
    fits = pl.DataFrame(
        {
            "subject": ["lead"] * 5,
            "subject_id": ["open", "won", "lost", "early", "old"],
            "fit": [50.0] * 5,
            "points": [100.0] * 5,
            "letter": list("BBBBB"),
            "reasons": ["[]"] * 5,
            "profile": ["x"] * 5,
            "letter_before": [None, "A", "A", "A", None],
        }
    )
    events = pl.DataFrame(
        {
            "id": list("123"),
            "kind": ["form"] * 3,
            "lead_id": ["won", "lost", "lost"],
            "occurred_at": [day(51), day(60), day(61)],
        }
    )
    engagement = pl.DataFrame(
        {
            "subject": ["lead"],
            "subject_id": ["open"],
            "points": [9.0],
            "engagement": [50.0],
            "level": [2],
            "events": [1],
            "reasons": ["[]"],
        }
    )
    return Tables(leads=leads, fits=fits, events=events, engagement=engagement)


def test_the_grid_counts_open_leads_and_tests_later_ones_as_they_stood_a_week_after_they_came():
    setup = Config(as_of=AS_OF, settings=EngagementSettings(level_points=(9, 5, 1)), company=Company())
    rows = {row["grade"]: row for row in grade(graded(), setup).tables["grades"].iter_rows(named=True)}
    # `open` is B2 now. `won` had sent a form within its first week: ten points less six days' decay, level 2.
    # `lost` sent one later and was A4 then; `early` was converted before it was looked at; `old` came before the cut.
    assert set(rows) == {"B2", "A2", "A4"}
    assert (rows["B2"]["n"], rows["B2"]["tested"], rows["B2"]["rate"]) == (1, 0, None)
    assert (rows["A2"]["n"], rows["A2"]["tested"], rows["A2"]["won"], rows["A2"]["rate"]) == (0, 1, 1, 1.0)
    assert (rows["A4"]["n"], rows["A4"]["tested"], rows["A4"]["won"]) == (0, 1, 0)
    # Wilson's interval of 1 of 1.
    assert rows["A2"]["low"] == pytest.approx(1 / (1 + 1.96**2))
    assert rows["A2"]["high"] == pytest.approx(1)
