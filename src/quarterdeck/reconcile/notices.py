"""Findings of the reconciled plan: the gap, what binds, and quotas that nobody can reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.options import Case, Option


def notices(tables: Tables, case: Case, options: Sequence[Option]) -> list[Finding]:
    """The findings of the base scenario."""
    return [
        _gap(case, options),
        *_sellers_bind(case),
        *_delivery_binds(case),
        *_quotas(tables, case),
        *_no_unit_cost(tables, case),
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
        fix="Decide: "
        + "; or ".join(f"{o.title} (gap then {o.gap_after:+,.0f}, odds {o.probability:.0%})" for o in options)
        + ".",
        money_at_stake=round(-case.gap, 2) if case.gap < 0 else None,
    )


def _sellers_bind(case: Case) -> list[Finding]:
    unserved = (case.picture.demand - case.picture.supply * _undo(case.delivery)).sum(axis=1)
    by_team = np.bincount(case.futures.teams, weights=np.maximum(unserved, 0.0), minlength=len(case.sellers.names))
    demand = np.bincount(case.futures.teams, weights=case.picture.demand.sum(axis=1), minlength=len(case.sellers.names))
    binding = [g for g in range(len(by_team)) if by_team[g] > 0.01 * max(demand[g], 1e-9)]
    if not binding:
        return []
    where = ", ".join(f"{case.sellers.names[g]} {by_team[g]:,.0f} ({by_team[g] / demand[g]:.0%})" for g in binding)
    total = float(by_team[binding].sum())
    return [
        Finding(
            code="reconcile.capacity_binds",
            severity="warning",
            table="plan_lines",
            message=f"Sellers cannot close all that the market would take; bookings left ({case.currency}): {where}.",
            fix="Put the best deals first, move deals to teams with room, or hire in time for the next horizon.",
            money_at_stake=round(total, 2),
            count=len(binding),
        )
    ]


def _undo(
    delivery: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Factor that takes delivery's limit out again."""
    return 1.0 / np.maximum(delivery, 1e-9)


def _delivery_binds(case: Case) -> list[Finding]:
    lost = float((case.picture.supply * (_undo(case.delivery) - 1.0)).sum())
    if lost <= 0.01 * float(case.picture.demand.sum()):
        return []
    worst = sorted({case.futures.product[place] or "" for place in np.argwhere(case.delivery < 0.99)[:, 0]})
    return [
        Finding(
            code="reconcile.delivery_binds",
            severity="warning",
            table="plan_lines",
            message=f"Bookings of {lost:,.0f} {case.currency} could be sold but not delivered in time: "
            f"{', '.join(worst[:5])}.",
            fix="See what is short in supply_lines: hire, order, use overtime, or agree later dates before selling.",
            money_at_stake=round(lost, 2),
        )
    ]


def _no_unit_cost(tables: Tables, case: Case) -> list[Finding]:
    sold = {product for product in case.futures.product if product is not None}
    costed = set(
        tables["products"].filter(pl.col("unit_cost").is_not_null() & (pl.col("unit_price") > 0))["id"].to_list()
    )
    missing = sorted(sold - costed) if sold else ["all"]
    if not missing:
        return []
    return [
        Finding(
            code="reconcile.no_unit_cost",
            severity="notice",
            table="products",
            message=f"{len(missing)} products have no unit cost or price; the plan's margin counts no cost for them.",
            fix="Give unit_price and unit_cost: then the margin is right and short supply goes to what earns most.",
            count=len(missing),
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
            money_at_stake=round(float((both["quota"] - both["able"]).sum()), 2),
            count=both.height,
        )
    ]
