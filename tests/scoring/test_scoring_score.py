"""Open deals get odds that hold, three reasons that are the model's, and a grade."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from quarterdeck import scoring
from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import LeadScorer, rating, snapshots
from quarterdeck.scoring.features import GROUPS, filled_at_closing, known_at
from quarterdeck.scoring.rating import grades, rank
from quarterdeck.scoring.reasons import effects, shares
from quarterdeck.scoring.settings import ScoringSettings

AS_OF = datetime(2024, 1, 1)
START = datetime(2022, 1, 1)


def config(as_of: datetime = AS_OF, **settings: object) -> Config[ScoringSettings]:
    return Config(as_of=as_of, settings=ScoringSettings(**settings), company=Company())  # type: ignore[arg-type]


def company(deals: int = 1500, seed: int = 0, matters: bool = True) -> dict[str, pl.DataFrame]:
    """Two years of deals that live 10 to 90 days. Product P wins in 70 of 100, Q in 30; nothing else matters."""
    noise = np.random.default_rng(seed)
    created = [START + timedelta(days=float(day)) for day in np.sort(noise.uniform(0, 730, deals))]
    closed = [
        moment + timedelta(days=float(days)) for moment, days in zip(created, noise.uniform(10, 90, deals), strict=True)
    ]
    product = noise.choice(["P", "Q"], deals)
    won = noise.random(deals) < (np.where(product == "P", 0.7, 0.3) if matters else 0.5)
    there = [moment < AS_OF for moment in closed]
    opportunities = pl.DataFrame(
        {
            "id": [f"d{number:05d}" for number in range(deals)],
            "product_id": product,
            "region": noise.choice(["East", "West"], deals),
            "owner_id": noise.choice([f"o{n}" for n in range(6)], deals),
            "account_id": noise.choice([f"a{n}" for n in range(200)], deals),
            "created_at": created,
            "status": [("won" if w else "lost") if t else "open" for w, t in zip(won, there, strict=True)],
            "closed_at": [moment if t else None for moment, t in zip(closed, there, strict=True)],
        }
    )
    products = pl.DataFrame({"id": ["P", "Q"], "name": ["Pump", "Quill"]})
    return {"opportunities": opportunities, "products": products}


@pytest.fixture(scope="module")
def scored():
    frames = company()
    result = scoring.score(Tables(**frames), config())
    return frames["opportunities"], result


def test_open_deals_and_only_they_are_scored_once_each(scored):
    deals, result = scored
    scores = result.tables["scores"]
    assert sorted(scores["subject_id"]) == sorted(deals.filter(pl.col("status") == "open")["id"])
    assert scores.equals(conform("scores", scores))
    assert scores.select(table("scores").key).is_unique().all()
    assert scores.null_count().sum_horizontal().item() == 0


def test_the_odds_are_those_that_made_the_deals(scored):
    deals, result = scored
    odds = result.tables["scores"].join(deals.select(subject_id="id", product="product_id"), on="subject_id")
    means = dict(odds.group_by("product").agg(pl.col("probability").mean()).iter_rows())
    assert means["P"] == pytest.approx(0.7, abs=0.08)
    assert means["Q"] == pytest.approx(0.3, abs=0.08)


def test_exactly_three_reasons_and_the_one_that_matters_is_first(scored):
    _, result = scored
    first = []
    for text in result.tables["scores"]["reasons"]:
        found = json.loads(text)
        assert len(found) == 3
        assert all(set(reason) == {"text", "effect"} for reason in found)
        assert abs(found[0]["effect"]) >= abs(found[1]["effect"]) >= abs(found[2]["effect"])
        first.append(found[0]["text"])
    named = [text for text in first if text.startswith(("Product Pump", "Product Quill"))]
    assert len(named) > 0.4 * len(first)


def test_a_reason_is_the_difference_that_its_cause_makes(scored):
    """The reference product is the more common one: a deal of the other differs by about 40 points, the same by none."""
    deals, result = scored
    both = result.tables["scores"].join(deals.select(subject_id="id", product="product_id"), on="subject_id")
    effect = {"P": [], "Q": []}
    for product, text in both.select("product", "reasons").iter_rows():
        effect[product] += [r["effect"] for r in json.loads(text) if r["text"].startswith("Product")]
    means = {product: np.mean(values or [0.0]) for product, values in effect.items()}
    assert abs(means["P"] - means["Q"]) == pytest.approx(40, abs=12)


def test_a_deal_that_is_as_usual_in_one_thing_has_no_effect_from_it(scored):
    """Pumps and quills are about as common: the deals of the one that is the reference differ by exactly nothing."""
    deals, _ = scored
    scorer = LeadScorer(model="logistic").fit(deals.select(product="product_id"), deals["status"] == "won")
    usual = deals["product_id"].value_counts(sort=True)["product_id"][0]
    product = next(place for place, group in enumerate(GROUPS) if group.name == "product")
    effect = effects(*shares(scorer, deals.select(product="product_id"), GROUPS))[:, product]
    assert set(effect[(deals["product_id"] == usual).to_numpy()]) == {0.0}
    assert np.abs(effect[(deals["product_id"] != usual).to_numpy()]).min() > 10


def test_deals_explained_in_chunks_are_explained_alike(scored, monkeypatch):
    _, result = scored
    monkeypatch.setattr(rating, "CHUNK", 7)
    assert scoring.score(Tables(**company()), config()).tables["scores"].equals(result.tables["scores"])


def test_the_grade_says_fit_by_letter_and_engagement_by_number():
    assert grades(np.array([100.0, 50.0, 0.0]), np.array([100.0, 50.0, 0.0])) == ["A1", "B2", "C3"]


def test_rank_is_the_share_of_deals_below_and_half_of_the_equals():
    assert rank(np.array([3.0, 1.0, 2.0, 2.0])).tolist() == [87.5, 12.5, 50.0, 50.0]


def test_where_nothing_matters_odds_follow_age_alone():
    result = scoring.score(Tables(**company(matters=False)), config())
    scores = result.tables["scores"]
    assert set(scores["model"]) == {"base"}
    assert scores["probability"].mean() == pytest.approx(0.5, abs=0.08)
    assert "scoring.base_rate_only" in {finding.code for finding in result.findings}


def test_few_closed_deals_are_a_finding_and_every_deal_gets_the_odds_of_its_age():
    result = scoring.score(Tables(**company(deals=150)), config())
    assert {"scoring.little_data"} <= {finding.code for finding in result.findings}
    assert set(result.tables["scores"]["model"]) == {"base"}


def test_nothing_open_and_nothing_at_all_give_an_empty_table():
    frames = company(deals=300)
    frames["opportunities"] = frames["opportunities"].filter(pl.col("status") != "open")
    assert scoring.score(Tables(**frames), config()).tables["scores"].is_empty()
    assert scoring.score(Tables(), config()).tables["scores"].is_empty()


def test_open_deals_without_any_closed_one_are_even_odds():
    frames = company(deals=30)
    frames["opportunities"] = frames["opportunities"].with_columns(status=pl.lit("open"), closed_at=None)
    odds = scoring.score(Tables(**frames), config()).tables["scores"]["probability"]
    assert odds.to_list() == pytest.approx([0.5] * len(odds))


def test_deals_that_never_close_lower_the_odds_of_the_old():
    """One deal in three dies without being closed; of those open for half a year none is ever won."""
    frames = company(matters=False)
    dead = frames["opportunities"].with_columns(
        closed_at=pl.when(
            pl.col("id").str.ends_with("3") | pl.col("id").str.ends_with("6") | pl.col("id").str.ends_with("9")
        )
        .then(None)
        .otherwise("closed_at")
    )
    dead = dead.with_columns(status=pl.when(pl.col("closed_at").is_null()).then(pl.lit("open")).otherwise("status"))
    scores = scoring.score(Tables(opportunities=dead, products=frames["products"]), config()).tables["scores"]
    aged = scores.join(dead.select(subject_id="id", created="created_at"), on="subject_id")
    old = aged.filter(pl.col("created") < AS_OF - timedelta(days=180))["probability"]
    young = aged.filter(pl.col("created") > AS_OF - timedelta(days=20))["probability"]
    assert old.max() < 0.15
    assert young.mean() == pytest.approx(0.35, abs=0.12)


def test_the_same_seed_gives_the_same_scores(scored):
    _, result = scored
    again = scoring.score(Tables(**company()), config())
    assert again.tables["scores"].equals(result.tables["scores"])


def test_features_at_a_moment_know_nothing_of_what_came_later():
    frames = company(deals=400)
    moments = pl.DataFrame({"id": ["d00100"], "at": [START + timedelta(days=300)]}).with_columns(
        pl.col("at").cast(pl.Datetime("us"))
    )
    past = frames["opportunities"].filter(pl.col("created_at") < START + timedelta(days=300))
    later = past.with_columns(
        status=pl.when(pl.col("closed_at") >= START + timedelta(days=300)).then(pl.lit("won")).otherwise("status")
    )
    shuffled = pl.concat([later, frames["opportunities"].filter(pl.col("created_at") >= START + timedelta(days=300))])
    columns = ["owner_closed", "account_wins", "account_closed", "age_days"]
    before = known_at(moments, Tables(opportunities=past), 30).select(columns)
    after = known_at(moments, Tables(opportunities=shuffled), 30).select(columns)
    assert before.equals(after)


def test_an_owners_record_counts_only_deals_closed_before_the_moment():
    deals = pl.DataFrame(
        {
            "id": ["a", "b", "c", "now"],
            "owner_id": ["kim"] * 4,
            "status": ["won", "lost", "won", "open"],
            "created_at": [datetime(2023, 1, 1)] * 4,
            "closed_at": [datetime(2023, 2, 1), datetime(2023, 3, 1), datetime(2023, 6, 1), None],
        }
    )
    moments = pl.DataFrame({"id": ["now"], "at": [datetime(2023, 5, 1)]})
    found = known_at(moments, Tables(opportunities=deals), 30).row(0, named=True)
    assert found["owner_closed"] == 2
    # One of two won, mixed with ten deals of the average of two in three.
    assert found["owner_win_rate"] == pytest.approx((1 + 10 * 2 / 3) / 12)


def test_activities_count_in_the_days_before_the_moment():
    deals = pl.DataFrame({"id": ["d"], "status": ["open"], "created_at": [datetime(2023, 1, 1)]})
    times = [datetime(2023, 1, 5), datetime(2023, 4, 20), datetime(2023, 4, 28), datetime(2023, 5, 2)]
    activities = pl.DataFrame({"id": list("abcd"), "opportunity_id": ["d"] * 4, "started_at": times})
    moments = pl.DataFrame({"id": ["d"], "at": [datetime(2023, 5, 1)]})
    found = known_at(moments, Tables(opportunities=deals, activities=activities), 30).row(0, named=True)
    assert found["recent_activities"] == 2
    assert found["quiet_days"] == pytest.approx(3)


def test_a_column_that_is_filled_in_at_closing_is_not_learned_from():
    frames = company()
    blind = frames["opportunities"].with_columns(
        account_id=pl.when(pl.col("status") == "open").then(None).otherwise("account_id")
    )
    assert filled_at_closing(frames["opportunities"]) == []
    assert filled_at_closing(blind) == ["account_id"]


def test_weights_stand_for_moments_of_which_the_end_is_not_known():
    """Four moments, life 40 days: two closed after 10 and 30 days, one was lost sight of after 20, one after 50.

    At day 30 two of the three that were followed to day 20 remain, so what is known there counts 3 / 2.
    """
    moments = pl.DataFrame(
        {
            "id": list("abcd"),
            "at": [START] * 4,
            "won": [True, True, False, False],
            "is_closed": [True, True, False, False],
            "follow_days": [10.0, 30.0, 20.0, 50.0],
            "age_days": [0.0] * 4,
        }
    )
    found = snapshots.labelled(moments, 40.0)
    assert dict(found.select("id", "weight").iter_rows()) == pytest.approx({"a": 1.0, "b": 1.5, "d": 1.5})


def test_missing_inputs_say_what_they_would_buy():
    codes = {finding.table for finding in scoring.score(Tables(**company(deals=50)), config()).findings}
    assert {"activities", "opportunity_history", "accounts"} <= codes
