"""A small company as hand-made tables behind the workspace's methods, for tests of pages and commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Company
from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.base.schema import conform, empty
from quarterdeck.flow import STEPS

AS_OF = datetime(2017, 10, 1)
FIRST = date(2017, 10, 1)
MONTHS = [add_months(FIRST, step) for step in range(6)]
PAST = [add_months(FIRST, -step) for step in range(12, 0, -1)]
HOSTILE = "<script>alert('x')</script> & Söhne"
LEVELS = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")
FACTORS = dict(zip(LEVELS, (0.5, 0.65, 0.85, 0.98, 1.12, 1.35, 1.6), strict=True))


def facts() -> dict[str, list[dict[str, Any]]]:
    people = [
        {"id": f"p{place}", "name": name, "role": "seller", "region": region}
        for place, (name, region) in enumerate([("Ann Lee", "East"), ("Bo Kim", "East"), ("Cy Diaz", "West")])
    ]
    accounts = [{"id": "a0", "name": HOSTILE}, {"id": "a1", "name": "Isdom"}]
    products = [{"id": "x", "name": "GTX Pro"}, {"id": "y", "name": "MG Special"}]
    deals = [
        {
            "id": f"d{place:02}",
            "name": f"Deal {place}",
            "account_id": f"a{place % 2}",
            "owner_id": f"p{place % 3}",
            "product_id": "xy"[place % 2],
            "region": ("East", "East", "West")[place % 3],
            "status": "open" if place < 24 else "won" if place % 3 else "lost",
            "amount": 55_010 * (place + 1),
            "currency": "USD",
            "created_at": AS_OF - timedelta(days=20 + place),
            "closed_at": None if place < 24 else AS_OF - timedelta(days=place - 20),
        }
        for place in range(40)
    ]
    return {"people": people, "accounts": accounts, "products": products, "opportunities": deals}


def metric_values() -> list[dict[str, Any]]:
    rows = []
    for place, start in enumerate(PAST):
        rows.append(_value("won_value", "month", start, 600_000 + 45_000 * (place % 5), 200 + place, "money"))
        rows.append(_value("win_rate", "month", start, 0.58 + 0.01 * (place % 7), 320, "rate"))
    for place, start in enumerate(PAST[::3]):
        rows.append(_value("won_value", "quarter", start, 2_000_000 + 90_000 * place, 700, "money"))
        rows.append(_value("win_rate", "quarter", start, 0.61 + 0.01 * place, 1000, "rate"))
        rows.append(_value("cycle_days", "quarter", start, 47.6 + place, 1000, "days"))
    for dimension, members in (("region", ("East", "West")), ("owner", ("p0", "p1", "p2"))):
        for place, member in enumerate(members):
            for metric, value, unit in (("won_value", 3_000_000 - place * 1e6, "money"), ("win_rate", 0.63, "rate")):
                rows.append(
                    _value(metric, "all", PAST[0], value, 900, unit) | {"dimension": dimension, "member": member}
                )
    return rows


def _value(metric: str, grain: str, start: date, value: float, n: int, unit: str) -> dict[str, Any]:
    total = {"dimension": "all", "member": "all"}
    return {"metric": metric, "grain": grain, "period_start": start, "value": value, "n": n, "unit": unit} | total


def demand() -> dict[str, list[dict[str, Any]]]:
    nodes = [
        {"node_id": "all", "level": "all", "is_leaf": False, "name": "All"},
        *({"node_id": f"region:{name}", "level": "region", "is_leaf": True, "name": name} for name in ("East", "West")),
        *(
            {"node_id": f"product:{key}", "level": "product", "is_leaf": False, "name": key}
            for key in ("GTX Pro", HOSTILE)
        ),
    ]
    lines, draws = [], []
    for node, share in (("all", 1.0), ("region:East", 0.6), ("region:West", 0.4), ("product:GTX Pro", 0.7)):
        for place, start in enumerate(MONTHS):
            mean = share * (700_000 + 30_000 * place)
            parts = {"from_open": mean * (0.8 - 0.1 * place), "from_renewal": 0.0, "from_override": 0.0}
            parts["from_new"] = mean - parts["from_open"]
            quantiles = {name: mean * factor for name, factor in FACTORS.items()}
            lines.append(
                {"period_start": start, "node_id": node, "measure": "amount", "mean": mean} | quantiles | parts
            )
    for node in ("region:East", "region:West"):
        draws += [
            {
                "period_start": start,
                "node_id": node,
                "amount": [300_000.0 + 10_000 * draw for draw in range(20)],
                "quantity": [1.0] * 20,
            }
            for start in MONTHS
        ]
    accuracy = [
        {
            "origin": date(2017, 7, 1),
            "period_start": start,
            "node_id": "all",
            "horizon": place + 1,
            "mean": 650_000.0,
            "baseline": 500_000.0,
            "actual": 640_000.0 + 200_000 * (place == 2),
        }
        | {name: 650_000.0 * factor for name, factor in FACTORS.items()}
        for place, start in enumerate(PAST[-3:])
    ]
    return {"nodes": nodes, "demand_lines": lines, "demand_draws": draws, "demand_accuracy": accuracy}


def plan() -> dict[str, list[dict[str, Any]]]:
    targets = [
        {
            "period_start": start,
            "level": "all",
            "member": "all",
            "amount": 80_000_001,
            "is_assumed": True,
            "basis": "last year plus 10 %",
        }
        for start in MONTHS
    ]
    scenarios = [
        {"scenario": name, "title": title, "draws": "[0]", "mean": mean, "probability": odds}
        for name, title, mean, odds in (
            ("base", "All futures", 4.65e6, 0.38),
            ("best", "The best tenth", 6.1e6, 1.0),
            ("worst", "The worst tenth", 3.2e6, 0.0),
        )
    ]
    lines: list[dict[str, Any]] = [
        {"scenario": scenario, "period_start": start, "line": line, "level": "all", "member": "all", "money": money}
        for scenario in ("base", "best", "worst")
        for start in MONTHS
        for line, money in (
            ("bookings", 775_000.0),
            ("capacity", 820_000.0),
            ("pay_cost", 40_000.0),
            ("margin", 510_000.0),
        )
    ]
    lines += [
        {"scenario": name, "period_start": MONTHS[0], "line": "odds", "level": "all", "member": "all", "demand": demand, "supply": served}
        for name, demand, served in (("base", 0.38, 0.31), ("best", 1.0, 0.9), ("worst", 0.0, 0.0))
    ]  # fmt: skip
    options = [
        {"option": "hire", "title": "Hire two sellers in East", "gain": 90_000.0, "cost": 60_000.0, "gap_after": -60_000.0, "probability": 0.44, "is_feasible": True, "reason": "2 sellers × ramp"},
        {"option": "price", "title": "Raise prices by 3 %", "gain": 0.0, "cost": 0.0, "gap_after": -150_000.0, "probability": 0.38, "is_feasible": False, "reason": "no price response known"},
    ]  # fmt: skip
    supply = [
        {
            "scenario": "base", "period_start": start, "site_id": "East", "resource_id": key, "name": name, "kind": "sellers",
            "unit": unit, "load": load + 3 * place, "load_q90": load + 20, "capacity": 120.0, "shortage": max(0.0, load + 3 * place - 120),
            "shortage_rate": min(1.0, max(0.0, (load + 3 * place - 100) / 40)), "hire": 1.0 if place == 1 else 0.0, "cost": 0.0,
        }
        for place, start in enumerate(MONTHS)
        for key, name, unit, load in (("sellers:East", "Sellers East", "deals", 118.0), ("r1", HOSTILE, "hours", 70.0))
    ]  # fmt: skip
    return {
        "plan_targets": targets,
        "scenarios": scenarios,
        "plan_lines": lines,
        "plan_options": options,
        "supply_lines": supply,
    }


def actions() -> dict[str, list[dict[str, Any]]]:
    quotas = [
        {
            "person_id": f"p{place}",
            "period_start": start,
            "region": "East",
            "amount": 26_666_667,
            "share": 1 / 3,
            "reason": "share of capacity",
        }
        for place in range(3)
        for start in MONTHS
    ]
    pay = [
        {"id": f"{scenario}{place}{start}", "scenario": scenario, "person_id": f"p{place}", "period_start": start, "plan": "Standard", "rule": "rate", "base": 25_000_000, "rate": "0.05", "amount": 1_250_000, "is_assumed": True, "reason": "5 % of bookings"}
        for scenario in ("paid", "base")
        for place in range(3)
        for start in MONTHS
    ]  # fmt: skip
    territories = [
        {"member_id": f"a{place}", "member_kind": "account", "owner_id": f"p{place % 3}", "region": "East", "load": 3.0 + place, "potential": 1e5, "is_moved": place == 1, "reason": "balance"}
        for place in range(6)
    ]  # fmt: skip
    capacity = [{"person_id": f"p{place}", "period_start": start, "deals": 9.0, "amount": 270_000.0, "ramp": 1.0, "n": 90} for place in range(3) for start in MONTHS]  # fmt: skip
    variances = [
        {"reference": "2017-07-01", "label": "hindcast", "period_start": start, "level": "all", "member": "all", "measure": "bookings", "planned": 650_000.0, "actual": 640_000.0, "variance": -10_000.0, "is_inside": place != 1, "is_complete": True, "reason": "fewer new deals"}
        for place, start in enumerate(PAST[-3:])
    ]  # fmt: skip
    scores = [
        {"subject": "opportunity", "subject_id": f"d{place:02}", "probability": 0.9 - 0.035 * place, "score": 100.0 - 4 * place, "grade": "A1" if place < 8 else "C3", "reasons": '[{"text": "age 20 days", "effect": 12.5}, {"text": "product", "effect": -3}]', "model": "made"}
        for place in range(24)
    ]  # fmt: skip
    return {
        "quotas": quotas,
        "pay_lines": pay,
        "territories": territories,
        "seller_capacity": capacity,
        "variances": variances,
        "scores": scores,
    }


FINDINGS = (
    Finding("reconcile.gap", "error", "The plan misses the target by 150,000; 31% of futures reach it.", "Choose an option or lower the target.", money_at_stake=150_000.0),
    Finding("supply.short", "warning", "Sellers East are short in 4 of 6 months.", "Hire one seller before November.", "resources", "sellers:East", money_at_stake=90_000.0),
    Finding("quality.close_date_in_past", "warning", f"Deal 3 of {HOSTILE} should have closed on 2017-09-01.", "Close it or move its date.", "opportunities", "d03", "p0", 1650.3),
    Finding("quality.close_date_in_past", "warning", "Deal 4 should have closed on 2017-09-01.", "Close it or move its date.", "opportunities", "d04", "p1", 2200.4),
    Finding("scoring.no_activities", "notice", "There are no activities.", "Map a table of activities: scores then see silence.", "activities"),
)  # fmt: skip


RECONCILIATION = pl.DataFrame(
    {
        "source": ["crm"] * 3, "file": ["deals.csv", "people.csv", None], "table": ["opportunities", "people", "people"],
        "measure": ["rows", "rows", "held"], "currency": [None] * 3, "read": [42.0, 3.0, 3.0], "kept": [40.0, 3.0, 3.0],
        "set_aside": [2.0, 0.0, 0.0], "agrees": [False, True, True],
    }
)  # fmt: skip


@dataclass
class MadeWorkspace:
    """What a page asks of a workspace, answered from the tables above. `without` leaves tables out."""

    root: Path
    language: str = "en"
    currency: str = "USD"
    is_published: bool = False
    without: tuple[str, ...] = ()
    findings_: tuple[Finding, ...] = FINDINGS
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    changed: dict[str, pl.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        company = Company(name="Acme & Co", language=self.language, currency=self.currency)  # type: ignore[arg-type]
        self.settings = SimpleNamespace(company=company)
        made = facts() | {"metric_values": metric_values()} | demand() | plan() | actions()
        for name, rows in made.items():
            if name not in self.without:
                self.frames[name] = conform(name, pl.DataFrame(rows, infer_schema_length=None))
        self.frames |= self.changed
        self.paths = {name: self.root / f"{name}.parquet" for name in self.frames}
        self.root.mkdir(parents=True, exist_ok=True)
        for name, frame in self.frames.items():
            frame.write_parquet(self.paths[name])

    def table(self, name: str, *, run: Any = None, as_of: Any = None, known_at: Any = None) -> pl.DataFrame:
        return self.frames.get(name, empty(name))

    def findings(self, run: Any = None) -> pl.DataFrame:
        return findings_frame(self.findings_)

    def reconciliation(self, *, known_at: Any = None) -> pl.DataFrame:
        if "people" in self.without and "opportunities" in self.without:
            return RECONCILIATION.clear()
        return RECONCILIATION

    def publications(self) -> list[Any]:
        made = SimpleNamespace(id="publication-1", plan_hash="abc123" * 10, who="Kim Mina", approved_at=AS_OF)
        return [made] if self.is_published else []

    def run(self) -> Any:
        steps = [
            SimpleNamespace(name=step.name, title=step.title, key="k", reused=place < 3, seconds=0.1, rows={})
            for place, step in enumerate(STEPS)
        ]
        return SimpleNamespace(
            id="2017-10-01-base-12345678", as_of=AS_OF, known_at=None, scenario="base", started_at=datetime(2026, 7, 1, 9, 30),
            seconds=1.5, steps=tuple(steps), plan_hash="abc123" * 10, is_published=self.is_published, overlay={}, note="", paths=self.paths,
        )  # fmt: skip
