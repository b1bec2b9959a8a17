"""Findings of the reconciled plan: the gap, what binds, and quotas that nobody can reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.futures import Futures
from quarterdeck.reconcile.options import Case, Option


def notices(tables: Tables, futures: Futures, case: Case, options: Sequence[Option]) -> list[Finding]:
    """The findings of the base scenario."""
    return [
        _gap(case, options),
        *_sellers_bind(case, futures),
        *_delivery_binds(case, futures),
        *_quotas(tables, case),
        *_no_unit_cost(tables, futures),
    ]


def _gap(case: Case, options: Sequence[Option]) -> Finding:
    months = case.futures.months
    odds = float((case.picture.totals >= case.target).mean())
    span = f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}"
    share = abs(case.gap) / case.target if case.target else 0.0
    side = "below" if case.gap < 0 else "above"
    return Finding(
        code="reconcile.gap",
        severity="warning" if case.gap < 0 else "notice",
        table="plan_lines",
        message=(
            f"{span}: the bookings that can be served, {case.picture.totals.mean():,.0f} {case.currency}, are "
            f"{abs(case.gap):,.0f} ({share:.0%}) {side} the target of {case.target:,.0f}; "
            f"{odds:.0%} of futures reach it."
        ),
        fix=_ways(options),
        money_at_stake=float(round(-case.gap)) if case.gap < 0 else None,
    )


def _ways(options: Sequence[Option]) -> str:
    ways = [f"{o.title} (gap then {o.gap_after:+,.0f}, odds {o.probability:.0%})" for o in options if o.is_feasible]
    if not ways:
        return "None of the options in plan_options helps in these months; see there why."
    return f"Decide: {'; or '.join(ways)}."


def _sellers_bind(case: Case, futures: Futures) -> list[Finding]:
    demand = np.bincount(futures.teams, weights=case.picture.demand.sum(axis=1), minlength=len(case.waiting))
    binding = [g for g, left in enumerate(case.waiting) if left > 0.01 * max(demand[g], 1e-9)]
    if not binding:
        return []
    names = case.sellers.names
    where = ", ".join(f"{names[g]} {case.waiting[g]:,.0f} ({case.waiting[g] / demand[g]:.0%})" for g in binding)
    return [
        Finding(
            code="reconcile.capacity_binds",
            severity="warning",
            table="plan_lines",
            message=f"Sellers cannot close all that the market would take; bookings left ({case.currency}): {where}.",
            fix="Put the best deals first, move deals to teams with room, or hire in time for the next horizon.",
            money_at_stake=float(round(float(case.waiting[binding].sum()))),
            count=len(binding),
        )
    ]


def _delivery_binds(case: Case, futures: Futures) -> list[Finding]:
    lost = case.picture.undelivered.sum(axis=1)
    if lost.sum() <= 0.01 * float(case.picture.demand.sum()):
        return []
    by_product: dict[str, float] = {}
    for product, money in zip(futures.product, lost, strict=True):
        by_product[product or "all"] = by_product.get(product or "all", 0.0) + float(money)
    worst = sorted(
        (name for name, money in by_product.items() if money > 0), key=lambda name: (-by_product[name], name)
    )
    return [
        Finding(
            code="reconcile.delivery_binds",
            severity="warning",
            table="plan_lines",
            message=f"Bookings of {lost.sum():,.0f} {case.currency} could be sold but not delivered in time: "
            f"{', '.join(worst[:5])}.",
            fix="See what is short in supply_lines: hire, order, use overtime, or agree later dates before selling.",
            money_at_stake=float(round(float(lost.sum()))),
        )
    ]


def _no_unit_cost(tables: Tables, futures: Futures) -> list[Finding]:
    sold = {product for product in futures.product if product is not None}
    lacking: dict[str, list[str]] = {}
    for row in tables["products"].filter(pl.col("id").is_in(list(sold))).sort("id").iter_rows(named=True):
        needs = (("unit cost", row["unit_cost"] is None), ("unit price", not (row["unit_price"] or 0) > 0))
        what = " and no ".join(name for name, is_missing in needs if is_missing)
        if what:
            lacking.setdefault(what, []).append(row["id"])
    unlisted = sorted(sold - set(tables["products"]["id"].to_list()))
    if not sold or unlisted:
        lacking["unit cost and no unit price"] = sorted([*lacking.get("unit cost and no unit price", []), *unlisted])
    if not lacking:
        return []
    count = sum(len(products) for products in lacking.values())
    parts = "; ".join(
        f"{len(products)} {'product has' if len(products) == 1 else 'products have'} no {what} "
        f"({', '.join(products[:3])}{', …' if len(products) > 3 else ''})"
        for what, products in sorted(lacking.items())
        if products
    )
    fields = " and ".join(field for field in ("unit_cost", "unit_price") if field.replace("_", " ") in parts)
    return [
        Finding(
            code="reconcile.no_unit_cost",
            severity="notice",
            table="products",
            message=f"{parts or 'The demand names no product'}; the plan's margin counts no cost for them.",
            fix=f"Give {fields or 'each deal its product'}: "
            "then the margin is right and short supply goes to what earns most.",
            count=max(count, 1),
        )
    ]


def _quotas(tables: Tables, case: Case) -> list[Finding]:
    """Sellers whose quota over the horizon is more than 1.2 times the bookings that they can close."""
    quotas = tables["quotas"].group_by("person_id").agg(quota=pl.col("amount").sum() / scale(case.currency))
    able = tables["seller_capacity"].group_by("person_id").agg(able=pl.col("amount").sum())
    both = quotas.join(able, on="person_id", how="inner").filter(pl.col("quota") > 1.2 * pl.col("able"))
    if both.is_empty():
        return []
    some = ", ".join(both.sort("person_id")["person_id"].head(5).to_list())
    return [
        Finding(
            code="reconcile.quota_above_capacity",
            severity="warning",
            table="quotas",
            message=f"{both.height} sellers carry a quota of more than 1.2 times what they can close: {some}.",
            fix="Move accounts or quota to sellers with room, or lower the target.",
            money_at_stake=float(round(float((both["quota"] - both["able"]).sum()))),
            count=both.height,
        )
    ]
