"""Leads get odds from what was known at the moment, and reasons that add up."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from math import factorial

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from quarterdeck import scoring
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import LeadScorer, trees
from quarterdeck.scoring.settings import ScoringSettings

AS_OF = datetime(2024, 1, 1)
START = datetime(2023, 1, 1)


def config(**settings: object) -> Config[ScoringSettings]:
    return Config(as_of=AS_OF, settings=ScoringSettings(**settings), company=Company())  # type: ignore[arg-type]


def company(count: int = 3000, seed: int = 0) -> dict[str, pl.DataFrame]:
    """A year of leads: referrals convert in 60 of 100, others in 10; `call length` is known once the lead was called."""
    noise = np.random.default_rng(seed)
    created = [START + timedelta(days=float(day)) for day in np.sort(noise.uniform(0, 365, count))]
    channel = noise.choice(["referral", "web", "advert"], count)
    won = noise.random(count) < np.where(channel == "referral", 0.6, 0.1)
    over = [
        moment + timedelta(days=float(days)) for moment, days in zip(created, noise.uniform(2, 20, count), strict=True)
    ]
    there = np.array([moment < AS_OF for moment in over])
    length = np.where(won, 300, 100) + noise.normal(0, 90, count)
    leads = pl.DataFrame(
        {
            "id": [f"l{number:05d}" for number in range(count)],
            "channel": channel,
            "created_at": created,
            "status": np.where(there, np.where(won, "converted", "unqualified"), "working"),
            "converted_at": [moment if w and t else None for moment, w, t in zip(over, won, there, strict=True)],
            "attributes": [
                json.dumps({"call length": str(int(n)), "size": size})
                for n, size in zip(length, noise.choice(["s", "m"], count), strict=True)
            ],
        }
    )
    return {"leads": leads}


@pytest.fixture(scope="module")
def scored():
    frames = company()
    return frames["leads"], scoring.score(Tables(**frames), config())


def test_open_leads_are_scored_with_the_odds_that_made_them(scored):
    leads, result = scored
    scores = result.tables["scores"]
    assert sorted(scores["subject_id"]) == sorted(leads.filter(pl.col("status") == "working")["id"])
    assert set(scores["subject"]) == {"lead"}
    odds = scores.join(leads.select(subject_id="id", channel="channel"), on="subject_id")
    means = dict(odds.group_by("channel").agg(pl.col("probability").mean()).iter_rows())
    assert means["referral"] > 3 * means["web"]
    assert means["referral"] == pytest.approx(0.6, abs=0.15)


def test_the_channel_is_the_reason_of_a_referral(scored):
    leads, result = scored
    referred = leads.filter(pl.col("channel") == "referral")["id"]
    texts = result.tables["scores"].filter(pl.col("subject_id").is_in(referred.implode()))["reasons"]
    firsts = [json.loads(text)[0] for text in texts]
    assert all(first["text"] == "Came by referral: raises the odds" for first in firsts)
    assert np.mean([first["effect"] for first in firsts]) == pytest.approx(50, abs=15)


def test_what_is_known_after_the_call_is_left_out_unless_a_person_says_otherwise(scored):
    _, result = scored
    assert any("call length" in finding.message for finding in result.findings)
    assert not any("call length" in text.lower() for text in result.tables["scores"]["reasons"])
    kept = scoring.score(Tables(**company()), config(known_early=("call length",)))
    assert any("Call length" in text for text in kept.tables["scores"]["reasons"])


def test_what_happens_later_changes_nothing(scored):
    leads, result = scored
    later = pl.DataFrame(
        {
            "id": [f"e{number}" for number in range(leads.height)],
            "kind": ["visit"] * leads.height,
            "lead_id": leads["id"],
            "occurred_at": [AS_OF + timedelta(days=1)] * leads.height,
        }
    )
    again = scoring.score(Tables(leads=leads, events=later), config())
    both = result.tables["scores"].join(again.tables["scores"], on="subject_id")
    assert both.height == result.tables["scores"].height
    assert both["probability"].to_numpy() == pytest.approx(both["probability_right"].to_numpy(), abs=0.01)


def test_too_few_conversions_are_said_to_be_too_few():
    result = scoring.score(Tables(**company(200)), config())
    assert "scoring.little_lead_data" in {finding.code for finding in result.findings}
    assert set(result.tables["scores"]["model"]) == {"base"}


def test_without_open_leads_the_newest_are_foretold_from_those_before_them():
    leads = company()["leads"].filter(pl.col("status") != "working")
    undated = leads.with_columns(created_at=None, converted_at=None)
    result = scoring.score(Tables(leads=undated), config())
    scores = result.tables["scores"]
    assert set(scores["subject_id"]) == set(leads["id"].tail(scores.height))
    assert scores.height == pytest.approx(leads.height / 4, abs=1)
    assert "scoring.no_open_leads" in {finding.code for finding in result.findings}


def test_shares_of_trees_are_shapley_values_worked_out_one_by_one():
    noise = np.random.default_rng(0)
    given = np.column_stack([noise.normal(size=1500), noise.integers(0, 6, 1500), noise.normal(size=1500)]).astype(
        float
    )
    given[noise.random(given.shape) < 0.1] = np.nan
    bought = np.nan_to_num(given[:, 0]) * np.nan_to_num(given[:, 2]) + (given[:, 1] == 2) > 0.3
    boosting = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=15, categorical_features=[False, True, False])
    boosting.fit(given, bought)
    usual, players = np.array([[0.1, 1.0, np.nan]]), range(3)
    found = trees.learn(boosting, usual, [0, 1, 2], 3).shares(given[:4])
    for row, shares in zip(given[:4], found, strict=True):
        worth = {}
        for size in range(4):
            for chosen in itertools.combinations(players, size):
                mixed = np.where(np.isin(np.arange(3), chosen), row, usual[0])
                worth[chosen] = float(boosting.decision_function(mixed[None])[0])
        for player in players:
            others = [other for other in players if other != player]
            value = sum(
                factorial(len(chosen))
                * factorial(2 - len(chosen))
                / 6
                * (worth[tuple(sorted((*chosen, player)))] - worth[chosen])
                for size in range(3)
                for chosen in itertools.combinations(others, size)
            )
            assert shares[player] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("model", ["base", "scorecard", "logistic", "boosting"])
def test_shares_and_the_usual_rows_log_odds_sum_to_the_rows_own(model):
    noise = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "size": noise.normal(size=900),
            "channel": noise.choice(["web", "event"], 900),
            "day": [START + timedelta(days=float(day)) for day in noise.uniform(0, 365, 900)],
        }
    )
    bought = (frame["size"].to_numpy() + noise.normal(size=900) > 0).astype(int)
    scorer = LeadScorer(model=model, base="size", max_iter=20).fit(frame, bought)
    shares, usual = scorer.shares(frame)
    assert usual + shares.sum(axis=1) == pytest.approx(scorer.decision_function(frame), abs=1e-5)
    one = scorer.score_one(frame.row(3, named=True))
    assert one.probability == pytest.approx(scorer.predict_proba(frame[3:4])[0, 1], abs=1e-5)
