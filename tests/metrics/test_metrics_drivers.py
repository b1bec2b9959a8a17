"""What moves deals: the rows that it rests on, the model beside a published one, and what it says."""

from __future__ import annotations

import warnings
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Config
from quarterdeck.base.money import scale
from quarterdeck.base.schema import table
from quarterdeck.base.schema import tables as every_table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers import drivers
from quarterdeck.metrics.drivers.effects import Outcome, Problem, companions, estimate, q_values
from quarterdeck.metrics.drivers.hazard import fit, incidence
from quarterdeck.metrics.drivers.inputs import Input, recent, standing
from quarterdeck.metrics.drivers.known import Known, gather
from quarterdeck.metrics.drivers.moments import GOING_ON, LOST, WON, age_columns, drawn, every_deal
from quarterdeck.metrics.drivers.settings import DriverSettings
from quarterdeck.metrics.drivers.trail import Trail
from quarterdeck.simulate import World, WorldSpec

AS_OF = datetime(2024, 7, 1)
SETTINGS = DriverSettings()
SPEC = WorldSpec(opportunities=700, months=18, start=date(2023, 1, 1), seed=5, faults=0, detail=0.6)


@pytest.fixture(scope="module")
def company() -> Tables:
    world, parts = World(SPEC), {}
    for _ in range(SPEC.months):
        for name, frame in world.step().items():
            parts.setdefault(name, []).append(frame)
    found = {}
    for name in parts.keys() & every_table().keys():
        frame = pl.concat(parts[name], how="diagonal_relaxed").unique(list(table(name).key), keep="last")
        money = [c.name for c in table(name).columns if c.type == "money" and c.name in frame.columns]
        found[name] = frame.with_columns((pl.col(c) * scale(SPEC.currency)).round().cast(pl.Int64) for c in money)
    return Tables(**found)


def known_at(tables: Tables, as_of: datetime) -> Known:
    every = every_deal(tables, as_of)
    return gather(tables, every, drawn(every, SETTINGS, as_of, 1), SETTINGS, as_of)


def one_deal(**rows: list[dict[str, Any]]) -> Tables:
    base = {"id": "a", "status": "open", "created_at": datetime(2024, 1, 1)}
    given = {"opportunities": [base]} | rows
    frames = {}
    for name, lines in given.items():
        wanted = table(name).polars
        frames[name] = pl.DataFrame(
            [{"id": str(number)} | line for number, line in enumerate(lines)],
            schema_overrides={key: kind for key, kind in wanted.items() if any(key in line for line in lines)},
        )
    return Tables(**frames)


def inputs_of(tables: Tables, as_of: datetime = AS_OF) -> tuple[Known, dict[str, list[float]]]:
    known = known_at(tables, as_of)
    return known, {entry.name: entry.values.tolist() for entry in [*recent(known, SETTINGS), *standing(known, tables)]}


def test_rows_begin_when_the_beginning_is_over_and_end_with_the_deal_or_the_last_whole_period() -> None:
    open_deal = known_at(one_deal(), AS_OF).moments
    # 15 January + 28 days each; the sixth would end on 1 July, as_of itself
    assert open_deal.age.tolist() == [0, 1, 2, 3, 4, 5]
    assert set(open_deal.end.tolist()) == {GOING_ON}
    won = {"id": "a", "status": "won", "created_at": datetime(2024, 1, 1), "closed_at": datetime(2024, 3, 1)}
    assert known_at(one_deal(opportunities=[won]), AS_OF).moments.end.tolist() == [GOING_ON, WON]
    lost = won | {"status": "lost", "closed_at": datetime(2024, 2, 12)}
    assert known_at(one_deal(opportunities=[lost]), AS_OF).moments.end.tolist() == [LOST]


def test_a_period_that_is_not_over_tells_nothing_even_when_the_deal_has_closed_in_it() -> None:
    won = {"id": "a", "status": "won", "created_at": datetime(2024, 6, 10), "closed_at": datetime(2024, 6, 26)}
    assert known_at(one_deal(opportunities=[won]), AS_OF).moments.deal.size == 0
    later = known_at(one_deal(opportunities=[won]), datetime(2024, 7, 22)).moments
    assert later.end.tolist() == [WON]


def test_deals_that_close_in_their_beginning_or_before_it_are_left_out() -> None:
    fast = {"id": "a", "status": "won", "created_at": datetime(2024, 1, 1), "closed_at": datetime(2024, 1, 9)}
    odd = fast | {"id": "b", "closed_at": datetime(2023, 12, 1)}
    undated = fast | {"id": "c", "closed_at": None}
    assert known_at(one_deal(opportunities=[fast, odd, undated]), AS_OF).moments.deals.is_empty()


def test_inputs_are_counted_by_hand() -> None:
    """Moments at 15 January, 12 February, 11 March, 8 April, 6 May, 3 June."""

    def at(month: int, day: int) -> datetime:
        return datetime(2024, month, day, 12)

    work = [
        ("demo", at(1, 5), "ann"),
        ("demo", at(1, 20), "ann"),
        ("call", at(1, 21), "bob"),
        ("demo", at(2, 13), "cho"),
        ("task", at(2, 14), None),
    ]
    activities = [
        {"opportunity_id": "0", "kind": kind, "started_at": when, "contact_id": who} for kind, when, who in work
    ]
    changes = [
        ("Lead", datetime(2024, 1, 1), date(2024, 3, 1), 100),
        ("Demo", at(2, 1), date(2024, 4, 1), 200),
        ("Demo", at(3, 1), date(2024, 3, 15), 200),
        ("Offer", at(5, 1), date(2024, 8, 1), 400),
    ]
    history = [
        {"opportunity_id": "0", "stage": stage, "changed_at": when, "expected_close_on": day, "amount": amount}
        for stage, when, day, amount in changes
    ]
    deal = {"status": "open", "created_at": datetime(2024, 1, 1)}
    known, found = inputs_of(one_deal(opportunities=[deal], activities=activities, opportunity_history=history))
    assert found["recent_demos"] == [1, 1, 1, 0, 0, 0]
    assert found["recent_calls"] == [0, 1, 0, 0, 0, 0]
    assert found["recent_touches"] == [1, 2, 1, 0, 0, 0]
    assert found["contacts"] == [1, 2, 3, 3, 3, 3]
    assert found["weeks_untouched"] == pytest.approx([9.5 / 7, 21.5 / 7, 25.5 / 7, 53.5 / 7, 81.5 / 7, 109.5 / 7])
    assert found["pushes"] == [0, 1, 1, 1, 2, 2]
    assert found["stage_weeks"] == pytest.approx([2, 10.5 / 7, 38.5 / 7, 66.5 / 7, 4.5 / 7, 32.5 / 7])
    assert found["amount"] == [-1, 0, 0, 0, 1, 1]
    assert known.moments.stages == ("Lead", "Demo", "Offer")
    assert known.moments.moved.tolist() == [1, 0, 0, 1, 0, 0]


def test_the_load_is_that_of_who_held_the_deals_then() -> None:
    def deal(name: str, owner: str, month: int, closed: datetime | None = None) -> dict[str, Any]:
        status = "open" if closed is None else "lost"
        return {
            "id": name,
            "owner_id": owner,
            "status": status,
            "created_at": datetime(2024, month, 1),
            "closed_at": closed,
        }

    deals = [deal("a", "ann", 1), deal("b", "ann", 1, datetime(2024, 2, 1)), deal("c", "ann", 3), deal("d", "bob", 1)]
    deals.append(deal("e", "bob", 1))
    moved = [
        {"opportunity_id": "d", "owner_id": "bob", "changed_at": datetime(2024, 1, 1)},
        {"opportunity_id": "d", "owner_id": "ann", "changed_at": datetime(2024, 5, 1)},
    ]
    deals[3]["owner_id"] = "ann"
    known, found = inputs_of(one_deal(opportunities=deals, opportunity_history=moved))
    by_deal = pl.DataFrame({"deal": known.moments.deals["id"].gather(known.moments.deal), "load": found["owner_load"]})
    assert by_deal.filter(deal="a")["load"].to_list() == [2, 1, 2, 2, 3, 3]
    assert by_deal.filter(deal="d")["load"].to_list() == [2, 2, 2, 2, 3, 3]
    assert by_deal.filter(deal="e")["load"].to_list() == [2, 2, 2, 2, 1, 1]


def test_a_leads_answer_counts_from_the_moment_at_which_it_was_given() -> None:
    deal = {"lead_id": "0", "status": "open", "created_at": datetime(2024, 1, 1)}
    lead = {"channel": "web", "created_at": datetime(2024, 1, 1), "responded_at": datetime(2024, 1, 1, 3)}
    _, found = inputs_of(one_deal(opportunities=[deal], leads=[lead]))
    assert found["response_time"] == pytest.approx([2.0] * 6)
    late = lead | {"responded_at": datetime(2024, 6, 1)}
    known, found = inputs_of(one_deal(opportunities=[deal], leads=[late]))
    assert found["response_time"] == pytest.approx([np.log2(1 + 152 * 24)] * 6)
    assert known.moments.deal.size == 6


def cut(tables: Tables, moment: datetime) -> Tables:
    """The tables as they were: later rows are not there, deals that closed later are open."""
    later = {"activities": "started_at", "opportunity_history": "changed_at", "leads": "created_at"}
    frames = {name: tables[name].filter(pl.col(column) < moment) for name, column in later.items()}
    deals = tables["opportunities"].filter(pl.col("created_at") < moment)
    is_later = (pl.col("closed_at") >= moment).fill_null(False)
    frames["opportunities"] = deals.with_columns(
        status=pl.when(is_later).then(pl.lit("open")).otherwise("status"),
        closed_at=pl.when(~is_later).then("closed_at"),
    )
    frames["leads"] = frames["leads"].with_columns(
        responded_at=pl.when(pl.col("responded_at") < moment).then("responded_at")
    )
    return Tables(**frames, products=tables["products"], accounts=tables["accounts"])


def rows_of(tables: Tables, as_of: datetime) -> pl.DataFrame:
    known = known_at(tables, as_of)
    values = {entry.name: entry.values for entry in [*recent(known, SETTINGS), *standing(known, tables)]}
    moments = known.moments
    return pl.DataFrame(
        {"id": moments.deals["id"].gather(moments.deal), "age": moments.age, "end": moments.end, "owner": known.owner}
        | {"stage": [moments.stages[place] for place in moments.stage]}
        | {name: found for name, found in values.items() if name != "response_time"}
    ).sort("id", "age")


COUNTS = ("emails", "calls", "demos", "meetings", "proposals", "touches", "contacts", "pushes")


def on_one_scale(rows: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Counts are capped and amounts held against the median of all rows, so that more rows move the scale of all."""
    counts = [name for name in rows.columns if name.endswith(COUNTS)]
    caps = {name: min(rows[name].max(), other[name].max()) for name in counts}
    return rows.with_columns(
        *(pl.col(name).clip(upper_bound=cap) for name, cap in caps.items()),
        (pl.col("amount") - pl.col("amount").first()).round(9),
    )


@settings(max_examples=4, deadline=None)
@given(day=st.integers(250, 520))
def test_nothing_of_the_future_is_in_a_row(company: Tables, day: int) -> None:
    """The rows of a day are those that a later day has of the same moments."""
    moment = datetime(2023, 1, 1) + timedelta(days=day)
    then = rows_of(cut(company, moment), moment)
    now = rows_of(company, AS_OF).join(then.select("id", "age"), on=["id", "age"], how="semi")
    assert then.height > 50
    now = now.select(then.columns)
    assert on_one_scale(now, then).equals(on_one_scale(then, now))


def test_what_happens_after_as_of_changes_no_figure(company: Tables) -> None:
    config = Config(as_of=datetime(2024, 3, 1), settings=DriverSettings(least_ends=20))
    whole, past = (drivers(tables, config).tables["deal_drivers"] for tables in (company, cut(company, config.as_of)))
    assert whole.height > 20
    assert whole.equals(past)


@pytest.fixture(scope="module")
def sample() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(3)
    deal = np.repeat(np.arange(500), 4)
    own, hidden = rng.normal(size=(2, 500))[:, deal]
    X = np.column_stack([np.ones(2000), own, rng.poisson(1.5, 2000)])
    eta = X @ np.array([[-1.5, 0.5, 0.1], [-1.2, -0.3, 0.0]]).T + hidden[:, None]
    odds = np.exp(eta) / (1 + np.exp(eta).sum(axis=1, keepdims=True))
    drawn_at = rng.uniform(size=2000)
    end = np.where(drawn_at < odds[:, 0], 1, np.where(drawn_at < odds.sum(axis=1), 2, 0))
    return X, end, deal


def test_coefficients_and_clustered_errors_are_those_of_statsmodels(sample: tuple[Any, Any, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api = pytest.importorskip("statsmodels.discrete.discrete_model")
        X, end, deal = sample
        peer = api.MNLogit(end, X).fit(disp=0, cov_type="cluster", cov_kwds={"groups": deal, "use_correction": False})
    ours = fit(X, end, deal)
    assert ours.coefficients == pytest.approx(peer.params.T, abs=3e-4)
    # the house's errors carry the correction for the number of deals
    errors = np.sqrt(np.diag(ours.covariance) * 499 / 500).reshape(2, 3)
    assert errors == pytest.approx(np.asarray(peer.bse).T, rel=1e-3)


def test_clusters_matter_where_the_rows_of_a_deal_are_alike(sample: tuple[Any, Any, Any]) -> None:
    X, end, deal = sample
    alone = fit(X, end, np.arange(len(end)))
    assert fit(X, end, deal).covariance[1, 1] > 1.1 * alone.covariance[1, 1]


def test_incidence_is_the_sum_over_periods_and_its_gradient_that_of_small_steps(sample: tuple[Any, Any, Any]) -> None:
    X, end, deal = sample
    ages = age_columns(np.arange(4))[:, :3]
    fitted = fit(np.hstack([X, age_columns(np.tile(np.arange(4), 500))[:, :3]]), end, deal)
    level, slope = incidence(fitted, X[:50], ages, 0)
    by_hand = 0.0
    for row in X[:50]:
        alive = 1.0
        for age in ages:
            eta = np.exp(fitted.coefficients @ np.concatenate([row, age]))
            by_hand += alive * eta[0] / (1 + eta.sum()) / 50
            alive *= 1 / (1 + eta.sum())
    assert level == pytest.approx(by_hand, rel=1e-12)
    for place in range(fitted.coefficients.size):
        step = np.zeros(fitted.coefficients.size)
        step[place] = 1e-6
        moved = type(fitted)(fitted.coefficients + step.reshape(2, -1), fitted.covariance)
        assert (incidence(moved, X[:50], ages, 0)[0] - level) / 1e-6 == pytest.approx(slope[place], abs=1e-5)


def test_the_error_of_an_effect_is_the_spread_over_the_coefficients_uncertainty(sample: tuple[Any, Any, Any]) -> None:
    """The delta method beside draws of the coefficients from their distribution."""
    X, end, deal = sample
    entry = Input("touches", "Touches", "One more touch", X[:, 2], "effort")
    none = np.zeros((len(end), 0))
    problem = Problem((Outcome("won_next", 0),), deal, end, X[:, :2], none, np.arange(len(end)), np.zeros((1, 0)))
    (effect,) = estimate(problem, [entry])
    fitted, rng, more = fit(X, end, deal), np.random.default_rng(2), X + np.array([0, 0, 1.0])

    def odds(rows: Any, coefficients: Any) -> float:
        raised = np.exp(rows @ coefficients.reshape(2, 3).T)
        return float((raised[:, 0] / (1 + raised.sum(axis=1))).mean())

    draws = rng.multivariate_normal(fitted.coefficients.ravel(), fitted.covariance, 400)
    effects = [odds(more, drawn) - odds(X, drawn) for drawn in draws]
    assert effect.effect == pytest.approx(odds(more, fitted.coefficients) - odds(X, fitted.coefficients))
    assert effect.error == pytest.approx(np.std(effects), rel=0.12)


def test_a_model_without_one_of_the_ends_is_refused() -> None:
    with pytest.raises(ValueError, match="each end"):
        fit(np.ones((4, 1)), np.array([0, 1, 1, 0]), np.arange(4))


def test_inputs_that_move_as_one_are_named_and_the_second_is_left_out() -> None:
    rng = np.random.default_rng(1)
    calls, noise, other = rng.normal(size=(3, 400))
    columns = np.column_stack([calls, calls + 0.01 * noise, calls + 0.8 * noise, other])
    inputs = [Input(name, name, name, column, "effort") for name, column in zip("abcd", columns.T, strict=True)]
    kept, beside = companions(columns, np.ones((400, 1)), inputs)
    assert kept == [0, 2, 3]
    assert beside[0][0] == "b"
    assert beside[2][0] == "a"
    assert beside[2][1] == pytest.approx(0.78, abs=0.05)
    assert beside[3] == ("", 0.0)


def test_q_values_are_those_of_the_published_procedure() -> None:
    """Benjamini and Hochberg 1995, section 3.2: at 5 % the first four of the fifteen are rejected."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert sum(q <= 0.05 for q in q_values(p)) == 4


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=30), st.integers(0, 3), st.integers(-5, 60))
def test_a_trail_counts_what_lies_strictly_before(events: list[tuple[int, int]], deal: int, at: int) -> None:
    pairs = np.array(events, dtype=np.int64).reshape(-1, 2)
    trail = Trail(pairs[:, 0], pairs[:, 1] * 86_400)
    which, when = np.array([deal]), np.array([at * 86_400])
    mine = sorted(day for number, day in events if number == deal and day < at)
    assert trail.before(which, when).tolist() == [len(mine)]
    assert trail.within(which, when, 7).tolist() == [sum(day >= at - 7 for day in mine)]
    assert trail.since(which, when, np.array([-10 * 86_400])).tolist() == [at - (mine[-1] if mine else -10)]


def test_sentences_say_the_step_the_points_the_interval_and_the_deals(company: Tables) -> None:
    rows = drivers(company, Config(AS_OF, DriverSettings(least_ends=20))).tables["deal_drivers"]
    for row in rows.iter_rows(named=True):
        assert f"95 %: {row['low']:+.1f} to {row['high']:+.1f}; {row['n']:,} deals" in row["sentence"]
        assert ("goes with" in row["sentence"]) == row["is_clear"]
        assert ("no clear difference" in row["sentence"]) != row["is_clear"]
        assert row["low"] <= row["effect"] <= row["high"]
    assert set(rows["outcome"]) == {"win_rate", "won_next", "lost_next", "progress"}
    told = rows.filter(input="recent_calls")["caveat"].unique().to_list()
    assert told == [
        "Sellers work more on deals that go well anyway, so this alone does not prove that the work moved them."
    ]


def test_of_many_deals_a_stated_number_is_drawn_and_the_same_each_time(company: Tables) -> None:
    config = Config(AS_OF, DriverSettings(least_ends=20, max_deals=500), seed=3)
    rows, again = (drivers(company, config).tables["deal_drivers"] for _ in range(2))
    assert rows["n"].max() <= 500 < rows["of_deals"][0]
    assert rows.equals(again)


def test_without_activities_or_history_a_finding_says_what_they_would_buy(company: Tables) -> None:
    result = drivers(Tables(opportunities=company["opportunities"]), Config(AS_OF, DriverSettings(least_ends=20)))
    found = {finding.code: finding for finding in result.findings}
    assert set(found) == {"metrics.drivers_no_activities", "metrics.drivers_no_history"}
    assert "2 points on the win rate, about" in found["metrics.drivers_no_activities"].fix
    assert "progress" not in result.tables["deal_drivers"]["outcome"]


def test_with_too_few_deals_a_finding_says_how_many_are_needed() -> None:
    result = drivers(one_deal(), Config(AS_OF, SETTINGS))
    assert result.tables["deal_drivers"].is_empty()
    (finding,) = result.findings
    assert finding.code == "metrics.drivers_too_few"
    assert "0 won and 0 lost deals lived longer than 14 days before they closed, and 60 of each" in finding.message
