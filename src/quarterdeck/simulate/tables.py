"""Columns of numbers rendered as the tables of an export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.money import digits
from quarterdeck.simulate.company import ONBOARDING
from quarterdeck.simulate.deals import REASONS
from quarterdeck.simulate.leads import CHANNELS
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.render import days, ids, instants, money, pick
from quarterdeck.simulate.scene import Scene, region_names
from quarterdeck.simulate.touches import ACTIVITIES, EVENTS, OUTCOMES
from quarterdeck.simulate.words import TITLES, addresses, companies, domains, people

CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")
STATUS = ("open", "won", "lost")
DEAL_KINDS = ("new", "renewal", "expansion")


def price(values: Any, currency: str) -> pl.Series:
    """Unit prices in major units."""
    return pl.Series("price", np.asarray(values, dtype=np.float64)).cast(pl.Decimal(18, digits(currency)))


def opportunities(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Deals as they stand; without `status` they are open."""
    count = len(rows["n"])
    status = rows.get("status", np.zeros(count, dtype=np.int64))
    stages = [name for name, _ in scene.kind.stages] + ["Closed Won", "Closed Lost"]
    names = [entry.name for entry in scene.kind.products]
    title = companies(rows["account"]) + " - " + pick(names, rows["product"])
    return pl.DataFrame(
        {
            "id": ids("O", rows["n"]),
            "name": title,
            "account_id": ids("A", rows["account"]),
            "contact_id": ids("C", rows["contact"]),
            "lead_id": ids("L", rows["lead"]),
            "owner_id": ids("P", rows["owner"]),
            "product_id": ids("R", rows["product"]),
            "region": pick(region_names(), scene.market.region[rows["account"]]),
            "pipeline": pick(("sales", "renewals", "sales"), rows["kind"]),
            "kind": pick(DEAL_KINDS, rows["kind"]),
            "stage": pick(stages, rows["stage"]),
            "status": pick(STATUS, status),
            "amount": money(rows["amount"], scene.spec.currency),
            "currency": pl.Series([scene.spec.currency], dtype=pl.String).new_from_index(0, count),
            "created_at": instants(rows["created"]),
            "expected_close_on": days(rows["close_on"]),
            "closed_at": instants(np.where(status > 0, rows["changed"], -1)),
            "lost_reason": pick(REASONS, rows.get("reason", np.full(count, -1))),
            "forecast_category": pick(CATEGORIES, rows["category"]),
        }
    )


def opportunity_lines(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Products of deals: the main one and perhaps an addition."""
    parts = []
    for place, (product, quantity, unit) in enumerate(
        (("product", "quantity", "price"), ("addon", "addon_quantity", "addon_price"))
    ):
        has = (rows[product] >= 0) & (rows[quantity] > 0)
        parts.append(
            {
                "n": rows["n"][has] * 2 + place,
                "opportunity": rows["n"][has],
                "product": rows[product][has],
                "quantity": rows[quantity][has],
                "price": rows[unit][has],
            }
        )
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    joined = {name: values[np.argsort(joined["n"], kind="stable")] for name, values in joined.items()}
    currency = scene.spec.currency
    return pl.DataFrame(
        {
            "id": ids("N", joined["n"]),
            "opportunity_id": ids("O", joined["opportunity"]),
            "product_id": ids("R", joined["product"]),
            "quantity": joined["quantity"],
            "unit_price": price(joined["price"], currency),
            "amount": money(np.round(joined["quantity"] * joined["price"] * 10 ** digits(currency)), currency),
        }
    ).with_columns(currency=pl.lit(currency))


def opportunity_history(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Values of deals after each change."""
    stages = [name for name, _ in scene.kind.stages] + ["Closed Won", "Closed Lost"]
    return pl.DataFrame(
        {
            "id": ids("H", rows["n"]),
            "opportunity_id": ids("O", rows["opportunity"]),
            "changed_at": instants(rows["changed"]),
            "stage": pick(stages, rows["stage"]),
            "amount": money(rows["amount"], scene.spec.currency),
            "expected_close_on": days(rows["close_on"]),
            "forecast_category": pick(CATEGORIES, rows["category"]),
            "owner_id": ids("P", rows["owner"]),
        }
    ).with_columns(currency=pl.lit(scene.spec.currency))


def leads(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Leads as they stand at the end of the month; `opportunity` says which deal a converted one became."""
    market, account, before = scene.market, rows["account"], scene.before
    settled = rows["settled"] < before
    converted = settled & rows["is_won"]
    status = np.where(settled, np.where(rows["is_won"], 3, 2), np.where(rows["responded"] < before, 1, 0))
    names, firms = people(rows["contact"]), companies(account)
    return pl.DataFrame(
        {
            "id": ids("L", rows["n"]),
            "name": names,
            "company": firms,
            "email": addresses(names, domains(firms)),
            "title": pick(TITLES, scene.noise.pick("title", [1, 2, 1, 2, 1, 2, 1, 2], rows["contact"])),
            "channel": pick(CHANNELS, rows["channel"]),
            "industry": pick([name for name, _, _ in scene.kind.industries], market.industry[account]),
            "employees": market.employees[account],
            "region": pick(region_names(), market.region[account]),
            "status": pick(("new", "working", "unqualified", "converted"), status),
            "owner_id": ids("P", rows["owner"]),
            "created_at": instants(rows["created"]),
            "responded_at": instants(rows["responded"], before),
            "converted_at": instants(np.where(converted, rows["settled"], -1)),
            "account_id": ids("A", np.where(converted, account, -1)),
            "contact_id": ids("C", np.where(converted, rows["contact"], -1)),
            "opportunity_id": ids("O", np.where(converted, rows.get("opportunity", np.full(len(account), -1)), -1)),
        }
    )


def activities(_: Scene, rows: Rows) -> pl.DataFrame:
    """Activities."""
    return pl.DataFrame(
        {
            "id": ids("T", rows["n"]),
            "kind": pick(ACTIVITIES, rows["kind"]),
            "owner_id": ids("P", rows["owner"]),
            "opportunity_id": ids("O", rows["opportunity"]),
            "account_id": ids("A", rows["account"]),
            "contact_id": ids("C", rows["contact"]),
            "lead_id": ids("L", rows["lead"]),
            "started_at": instants(rows["started"]),
            "duration_minutes": rows["minutes"],
            "outcome": pick(OUTCOMES, rows["outcome"]),
        }
    )


def events(_: Scene, rows: Rows) -> pl.DataFrame:
    """Events."""
    return pl.DataFrame(
        {
            "id": ids("E", rows["n"]),
            "kind": pick(EVENTS, rows["kind"]),
            "lead_id": ids("L", rows["lead"]),
            "contact_id": ids("C", rows["contact"]),
            "account_id": ids("A", rows["account"]),
            "occurred_at": instants(rows["at"]),
            "value": rows["value"],
        }
    )


def orders(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Orders; without `shipped` they wait."""
    count = len(rows["n"])
    return pl.DataFrame(
        {
            "id": ids("D", rows["n"]),
            "account_id": ids("A", rows["account"]),
            "opportunity_id": ids("O", rows["opportunity"]),
            "product_id": ids("R", rows["product"]),
            "site_id": ids("S", np.zeros(count)),
            "region": pick(region_names(), scene.market.region[rows["account"]]),
            "ordered_at": instants(rows["ordered"]),
            "promised_on": days(rows["promised"]),
            "shipped_at": instants(rows.get("shipped", np.full(count, -1))),
            "quantity": rows["quantity"],
            "unit_price": price(rows["price"], scene.spec.currency),
            "amount": money(rows["amount"], scene.spec.currency),
        }
    ).with_columns(currency=pl.lit(scene.spec.currency))


def invoices(scene: Scene, rows: Rows) -> pl.DataFrame:
    """Invoices as they stand at the end of the month."""
    return pl.DataFrame(
        {
            "id": ids("I", rows["n"]),
            "account_id": ids("A", rows["account"]),
            "order_id": ids("D", rows["order"]),
            "opportunity_id": ids("O", rows["opportunity"]),
            "invoiced_at": instants(rows["invoiced"]),
            "due_on": days(rows["due"]),
            "paid_at": instants(rows["paid"], scene.before),
            "amount": money(rows["amount"], scene.spec.currency),
        }
    ).with_columns(currency=pl.lit(scene.spec.currency))


def training(_: Scene, rows: Rows) -> pl.DataFrame:
    """Training that people completed."""
    return pl.DataFrame(
        {
            "id": ids("X", rows["person"] * 10 + rows["step"]),
            "person_id": ids("P", rows["person"]),
            "step_id": ids("G", rows["step"]),
            "name": pick([name for name, _ in ONBOARDING], rows["step"]),
            "completed_on": days(rows["done"]),
            "score": rows["score"],
        }
    )


_RENDER: dict[str, Callable[[Scene, Rows], pl.DataFrame]] = {
    "opportunities": opportunities,
    "opportunity_history": opportunity_history,
    "leads": leads,
    "activities": activities,
    "events": events,
    "orders": orders,
    "invoices": invoices,
    "training": training,
}


def frame(scene: Scene, name: str, rows: Rows) -> pl.DataFrame:
    """The rows of a table."""
    return _RENDER[name](scene, rows)
