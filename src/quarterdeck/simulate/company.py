"""The company's own tables: products, sites, resources, recipes, tools, training, calendar."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from quarterdeck.base.schema import table
from quarterdeck.simulate.delivery import MACHINE_HOURS, PERSON_HOURS, Delivery
from quarterdeck.simulate.kinds import PRICE_LEVEL
from quarterdeck.simulate.noise import Ints
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.render import days, ids, money
from quarterdeck.simulate.scene import EPOCH, Scene, region_names
from quarterdeck.simulate.staff import COST, DELIVERY, SUPPORT

CREW, CARE, PARTNER = 0, 1, 2

ONBOARDING = (
    ("Meet the team", 1),
    ("Product basics", 5),
    ("Shadow ten calls", 20),
    ("First demo to a colleague", 30),
    ("Certified on the offer", 60),
)
TOOLS = (
    ("CRM", "Nobody knows where a deal stands", 2400, True, True, True),
    ("Email sequencer", "Follow-ups are forgotten", 900, True, True, True),
    ("Call recorder", "Managers cannot hear calls", 1100, True, False, False),
    ("Quote builder", "Proposals take two days", 700, False, False, True),
    ("Contact database", "Telephone numbers are missing", 1500, True, False, True),
)
CHANNELS = (
    ("wins", "Every won deal"),
    ("deal-desk", "Discounts and terms"),
    ("leads", "New leads by region"),
    ("old-campaign", "A campaign of last year"),
)


def frame(name: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows as a frame with the columns' types; money is given and kept in major units."""
    types = table(name).polars
    money_columns = {column.name for column in table(name).columns if column.type in ("money", "decimal")}
    schema = {key: (pl.Decimal(18, 2) if key in money_columns else types[key]) for key in rows[0]}
    return pl.DataFrame(rows, schema=schema)


def products(scene: Scene) -> pl.DataFrame:
    """Rows of `products` at the list prices of the first month."""
    level, kind = PRICE_LEVEL.get(scene.spec.currency, 1.0), scene.kind
    currency = scene.spec.currency
    return pl.DataFrame(
        {
            "id": ids("R", np.arange(len(kind.products))),
            "name": [entry.name for entry in kind.products],
            "family": [entry.family for entry in kind.products],
            "unit_price": money([entry.price * level * 100 for entry in kind.products], "USD"),
            "unit_cost": money([entry.cost * level * 100 for entry in kind.products], "USD"),
            "currency": currency,
            "is_subscription": [entry.term > 0 for entry in kind.products],
            "term_months": pl.Series([entry.term or None for entry in kind.products], dtype=pl.Int64),
        }
    )


def sites(scene: Scene) -> pl.DataFrame:
    """Rows of `sites`: one place serves all regions."""
    name = "Main plant" if scene.kind.name == "manufacturer" else "Headquarters"
    return frame("sites", [{"id": "S0000000", "name": name, "region": None}])


def resources(scene: Scene, delivery: Delivery, day: int) -> pl.DataFrame:
    """Rows of `resources` as they are on a day."""
    kind, staff = scene.kind, scene.staff
    level, goods = PRICE_LEVEL.get(scene.spec.currency, 1.0), delivery.is_goods
    common: dict[str, object] = {"site_id": "S0000000", "product_id": None, "currency": scene.spec.currency}
    hourly = round(level * COST[DELIVERY] / PERSON_HOURS, 2)
    crew: dict[str, object] = {
        "id": "U0000000",
        "name": kind.delivery_role,
        "kind": "machine" if goods else "people",
        "role": "operations" if goods else "delivery",
        "unit": "hours",
        "count": float(delivery.lines if goods else len(staff.active(DELIVERY, day))),
        "capacity": MACHINE_HOURS if goods else PERSON_HOURS,
        "unit_cost": hourly,
        "overtime_rate": 0.12,
        "overtime_cost": round(hourly * 1.6, 2),
        "hire_cost": round(level * (160000 if goods else 7000), 2),
        "lead_time_months": 5 if goods else 3,
        "minimum_order": None,
    }
    care = crew | {
        "id": "U0000001",
        "name": "Support engineers",
        "kind": "people",
        "role": "support",
        "count": float(len(staff.active(SUPPORT, day))),
        "capacity": PERSON_HOURS,
        "unit_cost": round(level * COST[SUPPORT] / PERSON_HOURS, 2),
        "hire_cost": round(level * 5000, 2),
        "lead_time_months": 2,
    }
    partner = crew | _supplier(scene, hourly)
    rows: list[dict[str, object]] = [crew, partner] if goods else [crew, care, partner]
    return frame("resources", [common | row for row in rows])


def _supplier(scene: Scene, hourly: float) -> dict[str, object]:
    """What differs of the supplier: of a bought product where the company buys one, else of hours."""
    kind, level = scene.kind, PRICE_LEVEL.get(scene.spec.currency, 1.0)
    row: dict[str, object] = {
        "id": SUPPLIER,
        "name": kind.supplier,
        "kind": "supplier",
        "role": None,
        "count": 1.0,
        "capacity": 400.0,
        "unit_cost": round(hourly * 1.7, 2),
        "overtime_rate": None,
        "overtime_cost": None,
        "hire_cost": None,
        "lead_time_months": SUPPLIER_LEAD,
        "minimum_order": 40.0,
    }
    for place, entry in enumerate(kind.products):
        if entry.is_bought:
            most = float(round(scene.spec.opportunities / scene.spec.months * entry.units))
            row |= {"product_id": f"R{place:07d}", "unit": "units", "unit_cost": entry.cost * level, "capacity": most}
    return row


SUPPLIER = "U0000002"
"""The supplier's resources.id."""

SUPPLIER_LEAD = 1
"""Months until a supplier's order arrives."""


def recipes(scene: Scene) -> pl.DataFrame:
    """Rows of `recipes`: the hours that the delivery of a product takes, and its support after."""
    rows: list[dict[str, object]] = []
    for place, entry in enumerate(scene.kind.products):
        uses = [
            (
                "U0000000",
                entry.hours / entry.spread,
                entry.per,
                1 if entry.per == "customer" or entry.hours > 20 else 0,
                entry.spread,
            )
        ]
        uses.append(("U0000001", entry.support, "customer", 1, 12))
        for resource, quantity, per, offset, duration in uses:
            if quantity > 0:
                row: dict[str, object] = {
                    "id": f"B{len(rows):07d}",
                    "product_id": f"R{place:07d}",
                    "resource_id": resource,
                }
                row |= {
                    "per": per,
                    "quantity": round(quantity, 3),
                    "offset_months": offset,
                    "duration_months": duration,
                }
                rows.append(row)
    return frame("recipes", rows)


def stock(delivery: Delivery, day: int) -> pl.DataFrame:
    """Rows of `stock` as counted on a day; nothing but a manufacturer has any."""
    count = len(delivery.stock) if delivery.is_goods else 0
    return pl.DataFrame(
        {
            "id": ids("K", np.arange(count)),
            "product_id": ids("R", np.arange(count)),
            "site_id": ids("S", np.zeros(count)),
            "counted_on": days(np.full(count, day)),
            "quantity": delivery.stock[:count],
        }
    )


def holidays(scene: Scene, months: int) -> pl.DataFrame:
    """Rows of `holidays` of the home country from the first day for so many months."""
    import holidays as calendars

    years = range(scene.spec.start.year, scene.spec.start.year + months // 12 + 2)
    found = sorted(calendars.country_holidays("US", years=years).items())
    return frame(
        "holidays",
        [{"id": f"Y{place:07d}", "day": day, "country": "US", "name": name} for place, (day, name) in enumerate(found)],
    )


def settled(scene: Scene) -> dict[str, pl.DataFrame]:
    """Tables that do not change while the world runs."""
    spec = scene.spec
    level = PRICE_LEVEL.get(spec.currency, 1.0)
    tools = [
        {
            "id": f"W{place:07d}",
            "name": name,
            "obstacle": obstacle,
            "monthly_cost": cost * level,
            "currency": spec.currency,
            "owner_id": "P0000000",
            "is_working": works,
            "is_integrated": integrated,
            "is_trained": trained,
            "renewed_on": spec.end + timedelta(30 * place + 10),
        }
        for place, (name, obstacle, cost, works, integrated, trained) in enumerate(TOOLS)
    ]
    steps = [
        {"id": f"G{place:07d}", "name": name, "role": "seller", "due_days": due}
        for place, (name, due) in enumerate(ONBOARDING)
    ]
    channels = [
        {
            "id": f"J{place:07d}",
            "name": name,
            "purpose": purpose,
            "owner_id": "P0000000",
            "used_on": spec.end - timedelta(1 if place < 3 else 190),
        }
        for place, (name, purpose) in enumerate(CHANNELS)
    ]
    return {
        "products": products(scene),
        "sites": sites(scene),
        "recipes": recipes(scene),
        "holidays": holidays(scene, spec.months + 24),
        "tools": frame("tools", tools),
        "onboarding_steps": frame("onboarding_steps", steps),
        "channels": frame("channels", channels),
    }


def training(scene: Scene, person: Ints) -> Rows:
    """Onboarding steps of new sellers with the day on which they complete them; some never do."""
    who = np.repeat(person, len(ONBOARDING))
    step = np.tile(np.arange(len(ONBOARDING)), len(person))
    due = np.array([due for _, due in ONBOARDING])[step]
    late = np.exp(0.5 * scene.noise.normal("training", who, step))
    done = scene.staff.pool["hired"][who] + np.ceil(due * late).astype(np.int64)
    keep = scene.noise.uniform("training done", who, step) < 0.93
    score = np.round(
        70 + 20 * scene.staff.pool["skill"][who] + 8 * scene.noise.normal("training score", who, step)
    ).clip(0, 100)
    return {"person": who[keep], "step": step[keep], "done": done[keep], "score": score[keep]}


def targets(scene: Scene, first: date, amounts: list[float]) -> pl.DataFrame:
    """Rows of `targets` for the months from `first` on: the company's and its regions' shares of it."""
    shares = np.bincount(
        scene.staff.pool["region"][scene.staff.active(0, first.toordinal() - EPOCH)], minlength=len(region_names())
    ).astype(float)
    shares = shares / shares.sum() if shares.sum() else np.full(len(shares), 1 / len(shares))
    rows: list[dict[str, object]] = []
    for place, amount in enumerate(amounts):
        month = (first.year * 12 + first.month - 1) + place
        day = date(month // 12, month % 12 + 1, 1)
        parts = np.round(amount * shares, -3)
        members = [("all", "all", float(parts.sum()))] + [
            ("region", name, float(part)) for name, part in zip(region_names(), parts, strict=True)
        ]
        rows += [
            {
                "id": f"Q{day:%Y%m}{number}",
                "period_start": day,
                "grain": "month",
                "measure": "bookings",
                "level": level,
                "member": member,
                "amount": value,
                "currency": scene.spec.currency,
                "set_on": first - timedelta(10),
            }
            for number, (level, member, value) in enumerate(members)
        ]
    return frame("targets", rows)
