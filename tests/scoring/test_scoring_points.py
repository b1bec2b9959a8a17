"""Points for engagement: the total is its log, caps hold, decay halves, and what comes later changes nothing before."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given as tried
from hypothesis import settings as limits
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.base.text import parse
from quarterdeck.scoring.points import give, points_at, together, worth
from quarterdeck.scoring.points_log import entries
from quarterdeck.scoring.points_settings import EngagementSettings, PointRule
from quarterdeck.scoring.points_step import SUBJECTS, engage, levels, log_of, rules_in_force
from quarterdeck.scoring.profile_settings import Condition

NOON = datetime(2024, 6, 1, 12)
RULES = (
    PointRule(name="visit", points=2, cap_day=5, group="web", half_life_days=7),
    PointRule(name="form", points=10, times=2, per_days=30, group="web"),
    PointRule(name="call", points=6, cap=9, expires_days=20),
    PointRule(name="bounce", points=-5, times=1),
)
GROUPS = {"web": 18.0}


def config(as_of: datetime = NOON, **settings: object) -> Config[EngagementSettings]:
    return Config(as_of=as_of, settings=EngagementSettings(**settings), company=Company())  # type: ignore[arg-type]


def log(*rows: tuple[str, str, datetime]) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows, schema={"subject_id": pl.String, "rule": pl.String, "at": pl.Datetime("us")}, orient="row"
    )
    return frame.with_row_index("key").with_columns(pl.col("key").cast(pl.String))


def totals(frame: pl.DataFrame, at: datetime = NOON) -> dict[str, float]:
    found = worth(give(frame, RULES), at, RULES, groups=GROUPS)
    return dict(found.group_by("subject_id").agg(pl.col("points").sum().round(9)).iter_rows())


def one(frame: pl.DataFrame, rule: PointRule, at: datetime = NOON, **how: object) -> float:
    return float(worth(give(frame, [rule]), at, [rule], **how)["points"].sum())  # type: ignore[arg-type]


moments = st.integers(0, 60 * 24 * 60).map(lambda minutes: NOON - timedelta(minutes=minutes))
logs = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([rule.name for rule in RULES]), moments), max_size=40)


@tried(logs, st.randoms())
@limits(deadline=None, max_examples=60)
def test_the_order_of_entries_does_not_matter(rows, chance):
    frame = log(*rows)
    mixed = frame.sample(fraction=1, shuffle=True, seed=chance.randint(0, 9999))
    assert totals(mixed) == totals(frame)


@tried(logs, st.lists(moments, max_size=20))
@limits(deadline=None, max_examples=60)
def test_what_comes_later_changes_nothing_at_an_earlier_moment(rows, later):
    then = NOON - timedelta(days=20)
    early = [row for row in rows if row[2] < then]
    more = [("a", "visit", moment) for moment in later if moment >= then]
    late = [row for row in rows if row[2] >= then]
    assert totals(log(*early, *late, *more), then) == totals(log(*early), then)


@tried(logs)
@limits(deadline=None, max_examples=60)
def test_no_cap_no_limit_and_no_repeat_is_ever_exceeded(rows):
    given = give(log(*rows), RULES)
    found = worth(given, NOON, RULES, groups=GROUPS)
    day = given.filter(rule="visit").group_by("subject_id", pl.col("at").dt.date()).agg(pl.col("given").sum())
    assert (day["given"] <= 5).all()
    calls = found.filter(rule="call")
    assert (calls.group_by("subject_id").agg(pl.col("points").sum())["points"] <= 9 + 1e-9).all()
    assert (calls["at"] > NOON - timedelta(days=20)).all()
    web = found.filter(pl.col("rule").is_in(["visit", "form"])).group_by("subject_id").agg(pl.col("points").sum())
    assert (web["points"] <= 18 + 1e-9).all()
    period = pl.col("at").dt.date().cast(pl.Int32) // 30
    forms = given.filter(rule="form").group_by("subject_id", period).len()
    assert (forms["len"] <= 2).all()
    assert (given.filter(rule="bounce").group_by("subject_id").len()["len"] <= 1).all()
    assert (found["points"].abs() <= found["given"].abs() + 1e-9).all()


@tried(logs)
@limits(deadline=None, max_examples=30)
def test_many_moments_at_once_give_what_each_gives_alone(rows):
    given = give(log(*rows), RULES)
    asked = [("a", NOON - timedelta(days=days)) for days in (0, 3, 25)] + [("b", NOON), ("nobody", NOON)]
    frame = pl.DataFrame(
        [(row, who, at) for row, (who, at) in enumerate(asked)],
        schema={"row": pl.Int64, "subject_id": pl.String, "at": pl.Datetime("us")},
        orient="row",
    )
    found = points_at(given, frame, RULES, groups=GROUPS)
    assert found["row"].to_list() == [0, 1, 2, 3, 4]
    for (who, at), points, events in zip(asked, found["points"], found["events"], strict=True):
        alone = worth(given, at, RULES, groups=GROUPS).filter(subject_id=who)
        assert points == pytest.approx(alone["points"].sum())
        assert events == alone.height


def test_points_halve_with_every_half_life():
    rule = PointRule(name="form", points=10, half_life_days=10)
    frame = log(("a", "form", NOON))
    after = [one(frame, rule, NOON + timedelta(days=days)) for days in (0.000001, 10, 20, 30)]
    assert after == pytest.approx([10, 5, 2.5, 1.25], rel=1e-6)
    assert one(frame, rule, NOON) == 0


def test_what_keeps_does_not_decay_and_what_expires_is_gone():
    frame = log(("a", "form", NOON - timedelta(days=30)))
    assert one(frame, PointRule(name="form", points=10, keeps=True)) == 10
    assert one(frame, PointRule(name="form", points=10, expires_days=30)) == 0
    assert one(frame, PointRule(name="form", points=10, expires_days=31, keeps=True)) == 10


def test_a_day_gives_its_cap_and_the_last_entry_the_rest_of_it():
    rule = PointRule(name="visit", points=2, cap_day=5, keeps=True)
    frame = log(
        *[("a", "visit", datetime(2024, 5, 1, hour)) for hour in range(1, 6)], ("a", "visit", datetime(2024, 5, 2))
    )
    given = give(frame, [rule])
    assert given["given"].to_list() == [2, 2, 1, 2]
    assert one(frame, rule) == 7


def test_a_day_begins_at_midnight_of_the_company():
    rule = PointRule(name="visit", points=3, cap_day=3)
    # 14:30 and 15:30 UTC are one day in London and two in Seoul.
    frame = log(("a", "visit", datetime(2024, 5, 1, 14, 30)), ("a", "visit", datetime(2024, 5, 1, 15, 30)))
    assert [give(frame, [rule], zone)["given"].sum() for zone in ("UTC", "Asia/Seoul")] == [3, 6]


def test_negative_points_take_away_and_their_caps_hold_too():
    rule = PointRule(name="bounce", points=-5, cap_day=8, cap=10, keeps=True)
    frame = log(*[("a", "bounce", NOON - timedelta(days=day, hours=hour)) for day in (1, 2) for hour in (1, 2, 3)])
    assert give(frame, [rule])["given"].sum() == -16
    assert one(frame, rule) == -10


def test_a_group_s_rules_share_its_limit_alike():
    rules = [PointRule(name=name, points=points, group="g", keeps=True) for name, points in (("x", 30), ("y", 10))]
    frame = log(("a", "x", NOON - timedelta(1)), ("a", "y", NOON - timedelta(1)), ("b", "y", NOON - timedelta(1)))
    found = worth(give(frame, rules), NOON, rules, groups={"g": 20})
    assert dict(found.select(pl.concat_str("subject_id", "rule"), "points").iter_rows()) == {
        "ax": 15,
        "ay": 5,
        "by": 10,
    }


def test_the_second_person_of_an_account_counts_half_and_who_lost_interest_counts_whole():
    people = pl.DataFrame(
        [("acme", "ann", 10.0), ("acme", "bob", 40.0), ("acme", "cid", 20.0), ("acme", "dan", -6.0)],
        schema=["subject_id", "person", "points"],
        orient="row",
    )
    found = together(people, 0.5)
    assert dict(found.select("person", "part").iter_rows()) == {"bob": 40, "cid": 10, "ann": 2.5, "dan": -6}


def records() -> dict[str, pl.DataFrame]:
    def day(number: int) -> datetime:
        return NOON - timedelta(days=number)

    return {
        "leads": pl.DataFrame(
            {
                "id": ["l1", "l2", "l3"],
                "title": ["Head of IT", "Intern", None],
                "created_at": [day(9), day(9), None],
                "account_id": [None, "acme", None],
                "converted_at": [None, day(5), None],
            }
        ),
        "contacts": pl.DataFrame({"id": ["c1", "c2"], "account_id": ["acme", "acme"]}),
        "opportunities": pl.DataFrame(
            {
                "id": ["o1", "o2"],
                "status": ["open", "won"],
                "contact_id": ["c1", "c1"],
                "account_id": ["acme"] * 2,
                "created_at": [day(4), day(30)],
            }
        ),
        "events": pl.DataFrame(
            {
                "id": [str(number) for number in range(8)],
                "kind": ["form", "Visit ", "visit", "form", "visit", "odd", None, "visit"],
                "lead_id": ["l1", "l1", None, "l2", None, "l1", "l1", None],
                "contact_id": [None, None, "c1", None, "c2", None, None, "c1"],
                "account_id": [None, None, "acme", None, None, None, None, None],
                "occurred_at": [day(8), day(1), day(2), day(7), day(3), day(2), day(1), day(20)],
            }
        ),
        "activities": pl.DataFrame(
            {
                "id": ["m1", "m2"],
                "kind": ["meeting", "call"],
                "outcome": [None, "no answer"],
                "opportunity_id": ["o1", "o1"],
                "contact_id": ["c1", "c1"],
                "account_id": ["acme"] * 2,
                "started_at": [day(2), day(1)],
            }
        ),
    }


def test_totals_of_every_subject_are_the_sums_of_their_logs():
    tables = Tables(**records())
    setup = config(rules=RULES[:2], groups=GROUPS)
    result = engage(tables, setup).tables["engagement"]
    rules = rules_in_force(setup.settings)
    found = entries(tables, rules)
    for subject in SUBJECTS:
        own = log_of(subject, found, tables, rules, setup)
        sums = dict(own.group_by("subject_id").agg(pl.col("points").sum()).iter_rows())
        said = dict(result.filter(subject=subject).select("subject_id", "points").iter_rows())
        assert said == pytest.approx(sums)
        assert said


def test_each_subject_gets_its_own_entries():
    result = engage(Tables(**records()), config(half_life_days=1e9)).tables["engagement"]
    points = {(row["subject"], row["subject_id"]): row["points"] for row in result.iter_rows(named=True)}
    # l1: form 10, visit 2, odd 1, an event without a kind 1 (both by the rule for any other event).
    assert points["lead", "l1"] == pytest.approx(14)
    assert points["lead", "l2"] == pytest.approx(10)
    # c1: two visits and a meeting 12; the call was not answered.
    assert points["contact", "c1"] == pytest.approx(16)
    assert points["contact", "c2"] == pytest.approx(2)
    # acme: c1 16, the lead that became its own 10 / 2, c2 2 / 4.
    assert points["account", "acme"] == pytest.approx(16 + 5 + 0.5)
    # o1: the meeting of the deal and what its contact did since it was opened; o2 is closed.
    assert points["opportunity", "o1"] == pytest.approx(14)
    assert ("opportunity", "o2") not in points


def test_rules_on_fields_give_points_from_the_day_of_the_record_that_do_not_decay():
    rule = PointRule(
        name="leads IT", looks_at="lead", where=(Condition(attribute="title", contains=("head of it",)),), points=15
    )
    tables = Tables(**records())
    now, later, before = (
        engage(tables, config(as_of=as_of, rules=(rule,))).tables["engagement"]
        for as_of in (NOON, NOON + timedelta(days=900), NOON - timedelta(days=10))
    )
    assert now.select("subject_id", "points").rows() == [("l1", 15.0)]
    assert later["points"].to_list() == [15.0]
    assert before.is_empty()


def test_reasons_are_the_rules_that_are_worth_most():
    result = engage(Tables(**records()), config()).tables["engagement"]
    said = json.loads(result.filter(subject="lead", subject_id="l1")["reasons"][0])
    assert [reason["text"] for reason in said] == ["form", "visit", "other event (2 times)"]
    assert said[0]["effect"] == round(10 * 0.5 ** (8 / 30), 1)


def test_tables_hold_their_schema_and_the_rules_say_how_often_they_counted():
    result = engage(Tables(**records()), config())
    for name, frame in result.tables.items():
        entry = table(name)
        assert frame.select(entry.key).is_unique().all()
        assert not [column.name for column in entry.columns if column.is_required and frame[column.name].null_count()]
    rules = dict(result.tables["engagement_rules"].select("rule", "entries").iter_rows())
    assert (rules["form"], rules["visit"], rules["meeting"], rules["signup"]) == (2, 4, 1, 0)


def test_levels_by_shares_and_by_points():
    import numpy as np

    points = np.array([0.0, -3, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert levels(points, EngagementSettings()) == [4, 4, 4, 3, 3, 3, 3, 3, 2, 2, 2, 1, 1]
    assert levels(points, EngagementSettings(level_points=(9, 5, 1))) == [4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1]


def test_without_records_there_is_nothing_and_findings_say_what_would_help():
    result = engage(Tables(), config())
    assert result.tables["engagement"].is_empty()
    assert {finding.table for finding in result.findings} == {"events", "activities"}


def test_a_rule_that_nothing_matches_is_told():
    rules = (PointRule(name="demo asked for", kinds=("demo request",), points=20), RULES[0])
    result = engage(Tables(**records()), config(rules=rules, groups=GROUPS))
    told = next(finding for finding in result.findings if finding.code == "scoring.rule_without_entries")
    assert "demo asked for" in told.message
    assert "visit" not in told.message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "rules:\n  - {name: a, points: 1}\n  - {name: b, looks_at: event, outcomes: [reached], points: 1}\n",
            3,
            "no outcomes",
        ),
        ("rules:\n  - {name: a, points: 1, per_days: 3}\n", 2, "needs times"),
        ("rules:\n  - {name: a, points: 1, group: web}\n", 1, "no limit for web"),
        ("groups: {web: 0}\n", 1, "above 0"),
        (
            "rules:\n  - name: a\n    looks_at: lead\n    points: 9\n    where: [{attribute: status, one_of: [converted]}]\n",
            2,
            "known only from converted_at",
        ),
        (
            "rules:\n  - name: a\n    looks_at: lead\n    points: 9\n    where: [{attribute: titel, one_of: [x]}]\n",
            2,
            "title",
        ),
        ("rules:\n  - {name: a, points: 1, halflife_days: 3}\n", 2, "half_life_days"),
        ("level_points: [1, 5, 9]\n", 1, "falling"),
    ],
)
def test_faults_of_rules_name_the_line_and_what_to_do(text, line, words):
    with pytest.raises(ConfigurationError) as fault:
        parse(EngagementSettings, text, "quarterdeck.yaml")
    assert f"quarterdeck.yaml:{line}" in str(fault.value)
    assert words in str(fault.value)


def test_learned_points_are_high_for_what_converts_and_low_for_what_does_not():
    import numpy as np

    noise = np.random.default_rng(0)
    count = 3000
    created = [NOON - timedelta(days=300) + timedelta(hours=int(place)) for place in range(count)]
    forms, visits = noise.random(count) < 0.4, noise.random(count) < 0.5
    won = noise.random(count) < np.where(forms, 0.4, 0.1)
    leads = pl.DataFrame(
        {
            "id": [str(place) for place in range(count)],
            "status": ["converted" if value else "unqualified" for value in won],
            "created_at": created,
            "converted_at": [
                at + timedelta(days=20) if value else None for at, value in zip(created, won, strict=True)
            ],
        }
    )
    rows = [("form", place) for place in np.flatnonzero(forms)] + [("visit", place) for place in np.flatnonzero(visits)]
    # What comes after the first days, such as a login of those who bought, must teach nothing.
    rows += [("login", place) for place in np.flatnonzero(won)]
    events = pl.DataFrame(
        {
            "id": [str(number) for number in range(len(rows))],
            "kind": [kind for kind, _ in rows],
            "lead_id": [str(place) for _, place in rows],
            "occurred_at": [created[place] + timedelta(days=25 if kind == "login" else 1) for kind, place in rows],
        }
    )
    rules = engage(Tables(leads=leads, events=events), config(learned=True)).tables["engagement_rules"]
    points = dict(rules.select("rule", "points").iter_rows())
    # Odds of 0.4 to those of 0.1 are 6 to 1: 51.7 points, of which more than 40 are never given.
    assert points["form"] == 40
    assert abs(points["visit"]) < 5
    assert points["login"] == 3
    assert set(rules["origin"]) == {"learned"}
    few = engage(Tables(leads=leads[:50], events=events), config(learned=True)).tables["engagement_rules"]
    assert set(few["origin"]) == {"usual"}


def test_the_rules_that_the_how_to_shows_are_accepted():
    import re
    from pathlib import Path

    import yaml

    from quarterdeck.scoring.profile_settings import ProfileSettings

    page = Path(__file__).parents[2] / "docs" / "how-to" / "scoring.md"
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)]
    sections = {"profile": ProfileSettings, "engagement": EngagementSettings}
    shown = [(name, sections[name].model_validate(given)) for block in blocks for name, given in block.items()]
    assert [name for name, _ in shown] == ["profile", "engagement", "profile"]
    assert all(section != sections[name]() for name, section in shown)
