"""The traces that work and interest leave: activities of our people, events of persons outside."""

from __future__ import annotations

import numpy as np

from quarterdeck.simulate.leads import Leads
from quarterdeck.simulate.noise import Ints
from quarterdeck.simulate.pool import Pool, Rows
from quarterdeck.simulate.render import DAY
from quarterdeck.simulate.scene import Scene, Tick

ACTIVITIES = ("email", "call", "demo", "meeting", "proposal", "task")
_MINUTES = np.array([12.0, 22.0, 55.0, 50.0, 75.0, 25.0])
_BY_STAGE = np.array(
    [
        [0.50, 0.38, 0.00, 0.05, 0.00, 0.07],
        [0.40, 0.28, 0.04, 0.20, 0.00, 0.08],
        [0.36, 0.20, 0.20, 0.14, 0.02, 0.08],
        [0.40, 0.20, 0.05, 0.15, 0.12, 0.08],
        [0.42, 0.26, 0.00, 0.18, 0.06, 0.08],
    ]
)
OUTCOMES = ("reached", "no answer", "interested", "follow-up", "done")
EVENTS = ("form", "visit", "email_open", "email_click", "login", "feature_use", "signup")


def activities(scene: Scene, tick: Tick, spent: Rows) -> None:
    """Hours spent on deals become activities."""
    if scene.recorder.is_silent or not spent:
        return
    count = scene.fate.whole("activities", spent["hours"] * 1.35 * scene.spec.detail, spent["key"], tick.number)
    rows = np.repeat(np.arange(len(count)), count)
    if not len(rows):
        return
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    key = scene.noise.bits("activity", spent["key"][rows], tick.number, place)
    edges = np.cumsum(_BY_STAGE, axis=1)[np.minimum(spent["stage"][rows], 4)]
    kind = (scene.noise.uniform("activity kind", key)[:, None] >= edges).sum(axis=1).clip(0, 5)
    mood = spent["conviction"][rows] + 1.2 * scene.noise.normal("outcome", key)
    outcome = np.where(kind == 5, 4, np.where(mood > 1.0, 2, np.where(mood > 0.0, 3, np.where(mood > -0.8, 0, 1))))
    scene.recorder.add(
        "activities",
        {
            "n": scene.serial("activities", len(rows)),
            "kind": kind,
            "owner": spent["owner"][rows],
            "opportunity": spent["n"][rows],
            "account": spent["account"][rows],
            "contact": spent["contact"][rows],
            "lead": np.full(len(rows), -1),
            "started": scene.moments("activity at", tick, key),
            "minutes": np.round(_MINUTES[kind] * np.exp(0.35 * scene.noise.normal("minutes", key))),
            "outcome": outcome,
        },
    )


def answers(scene: Scene, tick: Tick, leads: Pool) -> None:
    """First answers to leads in the tick become calls and emails."""
    if scene.recorder.is_silent:
        return
    rows = leads.rows((leads["responded"] >= tick.start) & (leads["responded"] < tick.end) & (leads["owner"] >= 0))
    count = len(rows["n"])
    if not count or scene.spec.detail == 0:
        return
    kind = (scene.noise.uniform("answer kind", rows["key"]) < 0.55).astype(np.int64)
    mood = rows["quality"] + scene.noise.normal("answer outcome", rows["key"])
    scene.recorder.add(
        "activities",
        {
            "n": scene.serial("activities", count),
            "kind": kind,
            "owner": rows["owner"],
            "opportunity": np.full(count, -1),
            "account": np.full(count, -1),
            "contact": np.full(count, -1),
            "lead": rows["n"],
            "started": rows["responded"],
            "minutes": np.round(_MINUTES[kind]),
            "outcome": np.where(mood > 0.8, 2, np.where(mood > 0, 3, 1)),
        },
    )


def _spread(
    scene: Scene, tick: Tick, purpose: str, key: Ints, mean: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[Ints, Ints, Ints]:
    """Rows of a purpose: which agent, the event's own key, and when."""
    noise = scene.fate
    lively = mean * noise.exponential(purpose, key, tick.number)
    count = noise.whole(purpose + " count", np.minimum(lively, 40), key, tick.number)
    rows = np.repeat(np.arange(len(count)), count)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    own = scene.noise.bits(purpose, key[rows], tick.number, place)
    at = tick.start + (scene.noise.uniform(purpose + " at", own) * (tick.end - tick.start)).astype(np.int64)
    return rows, own.astype(np.int64), at


def events(scene: Scene, tick: Tick, spent: Rows, leads: Leads, customers: Pool) -> None:
    """Marketing and product events: more of them where interest or conviction is high."""
    if scene.recorder.is_silent or scene.spec.detail == 0:
        return
    pool, detail = leads.pool, scene.spec.detail
    fresh = pool.rows((pool["created"] >= tick.start) & (pool["created"] < tick.end))
    _log(scene, fresh["created"], np.zeros(len(fresh["n"]), dtype=np.int64), lead=fresh["n"])
    waiting = pool.rows(pool["created"] < tick.start)
    rows, own, at = _spread(scene, tick, "lead event", waiting["key"], 0.55 * detail * np.exp(0.5 * waiting["quality"]))
    _log(scene, at, 1 + np.asarray(own.astype(np.uint64) % np.uint64(3), dtype=np.int64), lead=waiting["n"][rows])
    if spent:
        mean = 1.05 * detail * np.exp(0.6 * spent["conviction"].clip(-2, 2))
        rows, own, at = _spread(scene, tick, "deal event", spent["key"], mean)
        kind = np.where(
            (spent["stage"][rows] >= 2) & (scene.noise.uniform("trial", own) < 0.3),
            5,
            1 + np.asarray(own.astype(np.uint64) % np.uint64(3), dtype=np.int64),
        )
        _log(scene, at, kind, contact=spent["contact"][rows], account=spent["account"][rows])
    if tick.number % 4 == 3 and len(customers):
        there = customers.rows(customers["since"] < tick.start - 7 * DAY)
        value = np.round(
            there["quantity"]
            * 6
            * np.exp(0.5 * there["mood"] + 0.3 * scene.fate.normal("use", there["key"], tick.number))
        )
        at = tick.start + (scene.fate.uniform("use at", there["key"], tick.number) * (tick.end - tick.start)).astype(
            np.int64
        )
        _log(scene, at, np.full(len(at), 4), account=there["account"], value=np.maximum(0, value))


def _log(scene: Scene, at: Ints, kind: Ints, **given: np.ndarray[tuple[int], np.dtype[np.float64]] | Ints) -> None:
    count = len(at)
    none = np.full(count, -1)
    scene.recorder.add(
        "events",
        {
            "n": scene.serial("events", count),
            "kind": kind,
            "at": at,
            "lead": given.get("lead", none),
            "contact": given.get("contact", none),
            "account": given.get("account", none),
            "value": given.get("value", np.full(count, 1.0)),
        },
    )
