"""The profile of those who buy: weights by hand, noise that gets nothing, letters, rules over it, honest tests."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from math import log

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.base.text import parse
from quarterdeck.scoring.profile import FACTOR, Outcomes, design_effect, learn
from quarterdeck.scoring.profile_cuts import cut
from quarterdeck.scoring.profile_lift import lift
from quarterdeck.scoring.profile_settings import ProfileRule, ProfileSettings
from quarterdeck.scoring.profile_step import letters, profile, share

AS_OF = datetime(2025, 1, 1)


def config(as_of: datetime = AS_OF, **settings: object) -> Config[ProfileSettings]:
    return Config(as_of=as_of, settings=ProfileSettings(**settings), company=Company())  # type: ignore[arg-type]


def bins(made, attribute):
    entry = next(entry for entry in made.attributes if entry.name == attribute)
    return {part.text: part for part in entry.bins}


def drawn(rates: np.ndarray, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(rates)) < rates).astype(float)


def test_the_weight_of_a_value_is_the_log_of_its_odds_to_the_average_odds_with_twenty_average_records_more():
    frame = pl.DataFrame({"industry": ["Bank"] * 100 + ["Shop"] * 100})
    won = np.array([1.0] * 60 + [0.0] * 40 + [1.0] * 20 + [0.0] * 80)
    found = bins(learn(frame, Outcomes(won), shrinkage=20), "industry")
    # 80 of 200 were won: 20 average records are 8 won and 12 lost.
    assert found["Bank"].weight == pytest.approx(log((60 + 8) / (40 + 12)) - log(80 / 120))
    assert found["Shop"].weight == pytest.approx(log((20 + 8) / (80 + 12)) - log(80 / 120))
    assert (found["Bank"].n, found["Bank"].won, found["Shop"].n, found["Shop"].won) == (100, 60, 100, 20)
    assert found["Bank"].points > 0 > found["Shop"].points


def test_twenty_points_double_the_odds_that_it_tells():
    noise = np.random.default_rng(1)
    frame = pl.DataFrame({"size": noise.normal(size=4000)})
    made = learn(frame, Outcomes(drawn(1 / (1 + np.exp(-frame["size"].to_numpy())))))
    points, odds = made.points(frame), made.odds(frame)
    ratio = np.log(odds / (1 - odds))
    assert np.allclose(ratio - ratio[0], (points - points[0]) * log(2) / 20)
    assert odds.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("shape", "turns"),
    [(lambda x: x, 0), (lambda x: -x, 0), (lambda x: 1 - 2 * np.abs(x - 0.5), 1), (lambda x: 2 * np.abs(x - 0.5), 1)],
)
def test_bins_of_a_number_rise_fall_or_turn_once_as_the_rates_do(shape, turns):
    values = np.random.default_rng(2).random(6000)
    made = learn(pl.DataFrame({"x": values}), Outcomes(drawn(0.2 + 0.5 * (shape(values) % 1.0001))))
    weights = [part.weight for part in made.attributes[0].bins if part.n]
    signs = np.sign(np.diff(weights))
    assert len(weights) >= 3
    assert int((np.diff(signs) != 0).sum()) == turns


def test_a_number_that_tells_nothing_is_not_cut_in_nineteen_of_twenty_worlds():
    noise = np.random.default_rng(3)
    edges = [len(cut(noise.normal(size=2000), drawn(np.full(2000, 0.3), seed), np.ones(2000))) for seed in range(60)]
    assert sum(count > 0 for count in edges) <= 6


def test_an_attribute_of_noise_gets_hardly_any_points_and_the_telling_one_gets_its_own():
    noise = np.random.default_rng(4)
    frame = pl.DataFrame(
        {
            "industry": noise.choice(["Bank", "Shop", "Farm"], 3000),
            "city": [f"city {number}" for number in noise.integers(0, 45, 3000)],
        }
    )
    rate = frame["industry"].replace_strict({"Bank": 0.6, "Shop": 0.3, "Farm": 0.1}).to_numpy()
    made = learn(frame, Outcomes(drawn(rate, 5)))
    telling, empty = made.attributes
    assert np.ptp([part.points for part in telling.bins]) > 0.7 * FACTOR * (log(0.6 / 0.4) - log(0.1 / 0.9))
    assert np.ptp([part.points for part in empty.bins]) < 5


def test_a_rare_value_says_less_than_a_frequent_one_of_the_same_rate():
    frame = pl.DataFrame({"x": ["often"] * 200 + ["rare"] * 6 + ["rest"] * 400})
    won = np.array([1.0] * 150 + [0.0] * 50 + [1.0] * 5 + [0.0] + [1.0] * 100 + [0.0] * 300)
    found = bins(learn(frame, Outcomes(won)), "x")
    assert found["often"].weight > 3 * found["rare"].weight > 0


def test_missing_values_new_values_and_missing_columns_are_normal():
    frame = pl.DataFrame({"x": ["a"] * 80 + ["b"] * 80 + [None] * 80, "n": [1.0] * 120 + [None] * 120})
    won = np.array(([1.0] * 60 + [0.0] * 20 + [1.0] * 20 + [0.0] * 60) + [0.0] * 60 + [1.0] * 20)
    made = learn(frame, Outcomes(won))
    new = pl.DataFrame({"x": ["a", None, "never seen"]}, schema={"x": pl.String})
    points = made.parts(new)["x"]
    assert points[0] > 0 > points[1]
    assert points[2] == pytest.approx(0, abs=1e-9)
    assert made.points(pl.DataFrame({"y": [1, 2]})).shape == (2,)


def test_equal_lessons_have_an_equal_version_and_other_ones_another():
    frame = pl.DataFrame({"x": ["a", "b"] * 100})
    won = np.array([1.0, 0.0, 1.0, 1.0] * 50)
    assert learn(frame, Outcomes(won)).version == learn(frame.clone(), Outcomes(won.copy())).version
    assert learn(frame, Outcomes(won)).version != learn(frame, Outcomes(1 - won)).version


def test_by_value_those_who_bring_more_get_more_points_although_they_buy_no_more_often():
    frame = pl.DataFrame({"size": ["large"] * 400 + ["small"] * 400})
    won = np.array(([1.0] * 100 + [0.0] * 300) * 2)
    value = won * np.array([900.0] * 400 + [100.0] * 400)
    plain, worth = (bins(learn(frame, Outcomes(won, value), by_value=by), "size") for by in (False, True))
    assert plain["large"].points == pytest.approx(plain["small"].points, abs=0.5)
    assert worth["large"].points > worth["small"].points + 20


def test_rows_that_only_repeat_their_group_count_as_one():
    group = np.repeat(np.arange(40), 10)
    assert design_effect(np.repeat(np.arange(40) % 2, 10).astype(float), group) == pytest.approx(10, rel=0.05)
    assert design_effect(drawn(np.full(400, 0.5)), np.arange(400)) == 1
    assert design_effect(drawn(np.full(400, 0.5), 3), group) < 1.6


def test_the_test_of_points_by_hand():
    points, won = np.array([4.0, 3, 3, 2, 1]), np.array([1.0, 1, 0, 0, 0])
    found = lift(points, won, won * 10)
    # Pairs of a won and a lost one: (4 beats three), (3 ties one, beats two): 5.5 of 6.
    assert found.auc == pytest.approx(5.5 / 6)
    assert found.ks == pytest.approx(2 / 3)
    assert found.lift == pytest.approx(1 / 0.4)
    assert lift(np.array([1.0, 1, 1, 1, 1]), won).lift == pytest.approx(1)
    assert lift(points, np.zeros(5)) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_shares_keep_the_order_of_points_and_lie_between_0_and_100(values):
    points = np.round(np.array(values))
    fit = share(points)
    assert ((fit >= 0) & (fit <= 100)).all()
    order = np.argsort(points, kind="stable")
    assert (np.diff(fit[order]) >= 0).all()
    assert fit.mean() == pytest.approx(50)


def test_letters_by_shares_by_points_and_by_hand():
    points = np.arange(100.0)
    none = np.full(100, -1)
    by_share = letters(points, share(points), none, ProfileSettings())
    assert [by_share.count(letter) for letter in "ABCDEF"] == [10, 15, 25, 25, 15, 10]
    edges = ProfileSettings(least_points=(90, 80, 70, 60, 50))
    assert [letters(points, share(points), none, edges)[number] for number in (95, 80, 79, 60, 50, 49)] == list(
        "ABCDEF"
    )
    assert letters(points, share(points), np.full(100, 5), ProfileSettings())[99] == "F"


def company(deals: int = 1200, seed: int = 0) -> dict[str, pl.DataFrame]:
    """Banks buy in 60 of 100, shops in 20; `reached` is written down for closed leads only, `result` is the outcome."""
    noise = np.random.default_rng(seed)
    industry = noise.choice(["Bank", "Shop"], 300)
    accounts = pl.DataFrame(
        {
            "id": [f"a{number:03d}" for number in range(300)],
            "name": [f"Company {number}" for number in range(300)],
            "industry": industry,
            "employees": noise.integers(5, 900, 300),
            "created_at": [datetime(2022, 1, 1)] * 300,
        }
    )
    owner = noise.integers(0, 300, deals)
    won = drawn(np.where(industry[owner] == "Bank", 0.6, 0.2), seed + 1) > 0
    opportunities = pl.DataFrame(
        {
            "id": [f"d{number:04d}" for number in range(deals)],
            "account_id": [f"a{number:03d}" for number in owner],
            "status": ["won" if value else "lost" for value in won],
            "amount": noise.integers(100, 1000, deals) * 100,
            "created_at": [datetime(2023, 1, 1) + timedelta(hours=12 * place) for place in range(deals)],
            "closed_at": [datetime(2023, 2, 1) + timedelta(hours=12 * place) for place in range(deals)],
        }
    )
    count = 900
    bought = drawn(np.full(count, 0.3), seed + 2) > 0
    is_open = np.arange(count) >= 800
    leads = pl.DataFrame(
        {
            "id": [f"l{number:03d}" for number in range(count)],
            "industry": noise.choice(["Bank", "Shop"], count),
            "email": ["x@gmail.com" if free else "x@firm.example" for free in noise.random(count) < 0.4],
            "status": [
                "new" if o else "converted" if w else "unqualified" for o, w in zip(is_open, bought, strict=True)
            ],
            "created_at": [datetime(2024, 10, 1) + timedelta(hours=place) for place in range(count)],
            "attributes": [
                json.dumps(
                    {"result": "yes" if w else "no", "seats": int(s)}
                    | ({} if o else {"reached": "monday" if s % 2 else "friday"})
                )
                for w, o, s in zip(bought, is_open, noise.integers(1, 50, count), strict=True)
            ],
        }
    )
    return {"accounts": accounts, "opportunities": opportunities, "leads": leads}


@pytest.fixture(scope="module")
def fitted():
    frames = company()
    return frames, profile(Tables(**frames), config())


def test_every_account_and_lead_is_graded_once_and_tables_hold_their_schema(fitted):
    frames, result = fitted
    fits = result.tables["fits"]
    for subject in ("account", "lead"):
        assert sorted(fits.filter(subject=subject)["subject_id"]) == sorted(frames[f"{subject}s"]["id"])
    for name, frame in result.tables.items():
        entry = table(name)
        assert frame.select(entry.key).is_unique().all()
        assert not [column.name for column in entry.columns if column.is_required and frame[column.name].null_count()]


def test_banks_fit_better_than_shops_and_the_reason_says_so(fitted):
    frames, result = fitted
    fits = result.tables["fits"].filter(subject="account").join(frames["accounts"], left_on="subject_id", right_on="id")
    points = dict(fits.group_by("industry").agg(pl.col("points").mean()).iter_rows())
    # 0.6 to 0.2 are odds of 6 to 1: 51.7 points less what shrinkage takes.
    assert 40 < points["Bank"] - points["Shop"] < 56
    said = json.loads(fits.filter(industry="Bank")["reasons"][0])[0]
    assert said["text"] == "industry Bank"
    assert said["effect"] > 0


def test_the_profile_is_tested_on_the_latest_quarter_of_the_outcomes(fitted):
    _, result = fitted
    row = result.tables["profiles"].filter(subject="account").row(0, named=True)
    assert (row["n"], row["tested"]) == (1200, 300)
    assert 0.6 < row["auc_low"] < row["auc"] < row["auc_high"] < 0.85
    assert row["lift"] > 1.2
    assert "scoring.profile_report" in {finding.code for finding in result.findings if finding.table == "accounts"}


def test_what_tells_the_outcome_is_left_out_and_can_be_kept(fitted):
    frames, result = fitted
    attributes = set(result.tables["profile_bins"].filter(subject="lead")["attribute"])
    assert attributes == {"industry", "mail", "seats"}
    note = next(finding for finding in result.findings if finding.code == "scoring.known_afterwards")
    assert "result" in note.message
    assert "reached" in note.message
    kept = profile(Tables(**frames), config(keep=("result",)))
    assert "result" in set(kept.tables["profile_bins"]["attribute"])


def test_where_nothing_tells_the_outcome_all_fit_alike_and_a_finding_says_so():
    result = profile(Tables(leads=company()["leads"]), config())
    assert result.tables["fits"]["points"].std() < 6
    assert "scoring.profile_tells_little" in {finding.code for finding in result.findings if finding.table == "leads"}


def test_a_subject_whose_own_outcomes_tell_nothing_is_read_by_what_the_other_s_tell(fitted):
    frames, result = fitted
    fits = result.tables["fits"]
    leads = fits.filter(subject="lead").join(frames["leads"], left_on="subject_id", right_on="id")
    points = dict(leads.group_by("industry").agg(pl.col("points").mean()).iter_rows())
    assert points["Bank"] > points["Shop"] + 40
    assert leads["profile"].unique().to_list() == fits.filter(subject="account")["profile"].unique().to_list()
    told = next(finding for finding in result.findings if finding.code == "scoring.profile_borrowed")
    assert told.table == "leads"


def test_letters_from_before_the_cut_do_not_know_what_came_after_it():
    frames = company()
    later = pl.col("closed_at") > frames["opportunities"]["closed_at"][899]
    turned = pl.when(pl.col("status") == "won").then(pl.lit("lost")).otherwise(pl.lit("won"))
    other = frames["opportunities"].with_columns(status=pl.when(later).then(turned).otherwise("status"))
    before = [
        profile(Tables(**(frames | {"opportunities": deals})), config(least_points=(124, 118, 112, 106, 100)))
        .tables["fits"]
        .filter(subject="account")
        for deals in (frames["opportunities"], other)
    ]
    assert before[0]["letter_before"].null_count() < 300
    assert before[0]["letter_before"].equals(before[1]["letter_before"], null_equal=True)
    assert not before[0]["points"].equals(before[1]["points"])


def test_rules_by_hand_win_over_what_was_learned_and_leave_other_attributes_alone():
    frames = company()
    rules = (
        ProfileRule(attribute="industry", one_of=("shop",), points=80, why="we want shops"),
        ProfileRule(attribute="employees", below=50, letter="F"),
    )
    tables = Tables(**frames)
    plain, ruled = (
        profile(tables, config(rules=given)).tables["fits"].filter(subject="account") for given in ((), rules)
    )
    both = (
        frames["accounts"]
        .join(plain, left_on="id", right_on="subject_id")
        .join(
            ruled.select("subject_id", "reasons", "letter", "points"),
            left_on="id",
            right_on="subject_id",
            suffix="_ruled",
        )
    )
    shops, banks = both.filter(industry="Shop"), both.filter(industry="Bank")
    gain = (shops["points_ruled"] - shops["points"]).round(1).unique()
    assert len(gain) == 1
    assert gain[0] > 80
    assert banks["points"].equals(banks["points_ruled"])
    assert "we want shops" in shops["reasons_ruled"][0]
    assert set(both.filter(pl.col("employees") < 50)["letter_ruled"]) == {"F"}
    by_hand = profile(tables, config(rules=rules, use="hand")).tables
    assert set(by_hand["fits"].filter(subject="account")["points"].unique()) == {100.0, 180.0}
    assert by_hand["profiles"]["origin"].to_list() == ["by hand", "by hand"]


def test_leads_without_outcomes_are_read_by_the_profile_of_accounts():
    frames = company()
    leads = frames["leads"].drop("attributes", "email").with_columns(status=pl.lit("new"))
    result = profile(Tables(**(frames | {"leads": leads})), config())
    fits = result.tables["fits"].filter(subject="lead").join(leads, left_on="subject_id", right_on="id")
    points = dict(fits.group_by("industry").agg(pl.col("points").mean()).iter_rows())
    assert points["Bank"] > points["Shop"] + 30
    assert "scoring.no_profile" in {finding.code for finding in result.findings}


def test_with_nothing_at_all_there_are_empty_tables_and_findings_that_name_what_would_help():
    result = profile(Tables(), config())
    assert all(frame.is_empty() for frame in result.tables.values())
    assert {finding.table for finding in result.findings} == {"accounts", "leads"}


def test_faults_of_rules_by_hand_name_the_line():
    text = "rules:\n  - attribute: industry\n    one_of: [Bank]\n  - attribute: size\n    points: 5\n"
    with pytest.raises(ConfigurationError) as fault:
        parse(ProfileSettings, text, "quarterdeck.yaml")
    assert "quarterdeck.yaml:2" in str(fault.value)
    assert "either points or a letter" in str(fault.value)
    assert "quarterdeck.yaml:4" in str(fault.value)
    assert "say what the attribute must be" in str(fault.value)


def test_the_learned_weights_rank_industries_and_sizes_as_the_simulated_market_has_them():
    from quarterdeck.simulate import World, WorldSpec
    from quarterdeck.simulate.kinds import INDUSTRIES

    world = World(WorldSpec(opportunities=1500, months=18, faults=0, drift=0, shocks=(), detail=0))
    parts = [world.step() for _ in range(18)]
    leads = pl.concat([part["leads"] for part in parts if "leads" in part]).unique("id", keep="last")
    result = profile(Tables(leads=leads), config(as_of=datetime.combine(date(2025, 1, 1), datetime.min.time())))
    found = result.tables["profile_bins"].filter(subject="lead")
    points = dict(found.filter(attribute="industry").select("category", "points").iter_rows())
    truth = {name: fit for name, _, fit in INDUSTRIES}
    named = [name for name in truth if name in points]
    ranks = [np.argsort(np.argsort([values[name] for name in named])) for values in (points, truth)]
    assert np.corrcoef(*ranks)[0, 1] > 0.7
    assert max(points, key=lambda name: points[name]) == "Software"
    size = found.filter((pl.col("attribute") == "employees") & (pl.col("n") > 0)).sort("place")
    weights = size["weight"].to_list()
    # The offer suits companies of about 140 people best: both ends are worse than the middle.
    assert max(weights) > weights[0]
    assert max(weights) > weights[-1]


@pytest.mark.shared_data
def test_on_the_bank_s_calls_the_scorecard_comes_near_boosting_and_holds_in_later_calls(shared_data):
    calls = pl.read_csv(
        shared_data / "bank_marketing" / "bank-additional-full.csv", separator=";", infer_schema_length=None
    ).drop("duration")
    won = (calls["y"] == "yes").cast(pl.Float64).to_numpy()
    frame, rows = calls.drop("y"), len(won)
    chance = np.random.default_rng(0).random(rows) < 0.8
    made = learn(frame.filter(chance), Outcomes(won[chance]))
    assert lift(made.points(frame.filter(~chance)), won[~chance]).auc > 0.775
    edge = int(rows * 0.8)
    later = lift(learn(frame[:edge], Outcomes(won[:edge])).points(frame[edge:]), won[edge:])
    # Boosting falls to 0.643 there.
    assert later.auc_low > 0.68
    assert later.lift > 1.5


def test_columns_of_the_source_are_read_from_text_that_is_no_json_too():
    from quarterdeck.scoring.profile_records import own_columns

    rows = ['{"seats": 1, "plan": "x"}', "not json", "", None, "[1, 2]", '{"seats": "2", "plan": null, "a.b": "q"}']
    rows += ['{"seats": 3, "plan": "y", "a.b": "r", "more": {"deep": 1}}']
    found = own_columns(pl.Series(rows * 20), taken={"name"})
    assert found.schema == {"seats": pl.Float64, "plan": pl.String, "a.b": pl.String}
    assert found["seats"].to_list()[:7] == [1, None, None, None, None, 2, 3]
    assert found["plan"].to_list()[:7] == ["x", None, None, None, None, None, "y"]
    assert own_columns(pl.Series([None, None], dtype=pl.String), taken=set()).is_empty()
