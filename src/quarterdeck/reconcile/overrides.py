"""Findings of persons' targets: which hold, instead of what, and which are of no use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale

Rows = Mapping[tuple[str, date], Mapping[str, Any]]


def by_target(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Rows of `plan_targets` by their target's name, such as region:East, and month."""
    return {(f"{row['level']}:{row['member']}", row["period_start"]): row for row in rows}


def override_findings(overrides: pl.DataFrame, before: Rows, after: Rows, currency: str) -> list[Finding]:
    """A finding for each override of reconcile that holds for a month of the plan, and for each that cannot.

    `before` and `after` are the targets without any override and with them. One that a later decision replaces in all
    its months is not told of.
    """
    mine = overrides.filter((pl.col("room") == "reconcile") & pl.col("value").is_not_null()).sort("decided_at", "id")
    months = sorted({month for _, month in after})
    names = sorted({name for name, _ in after})
    decisions = list(mine.iter_rows(named=True))
    holder = {
        (decision["target"], month): decision["id"] for decision in decisions for month in _span(decision, months)
    }
    found = []
    for decision in decisions:
        name = decision["target"]
        if name not in names:
            fix = f"Write {' or '.join(names[:4])}{' …' if len(names) > 4 else ''} as its target"
            found.append(_unused(decision, "the plan has no such target", fix))
            continue
        if not _span(decision, months):
            said = f"{decision['period_start']:%Y-%m-%d} is no month of the plan"
            fix = f"Write the first day of a month from {months[0]:%Y-%m} to {months[-1]:%Y-%m}"
            found.append(_unused(decision, said, fix))
            continue
        held = [month for month in _span(decision, months) if holder[name, month] == decision["id"]]
        if not held:
            continue
        pairs = [(before[name, month], after[name, month]) for month in held]
        asked = decision["value"] * scale(currency)
        if all(old["amount"] == new["amount"] != int(asked) for old, new in pairs):
            said = "the other regions have no target of their own, so each has its share of the total by bookings"
            found.append(_unused(decision, said, "Decide on a target of every region, or on all:all"))
        else:
            found.append(_held(decision, held, pairs, currency))
    return found


def _span(decision: Mapping[str, Any], months: Sequence[date]) -> list[date]:
    """The plan's months that an override names; all of them when it names none."""
    return [month for month in months if decision["period_start"] in (None, month)]


def _held(
    decision: Mapping[str, Any],
    months: Sequence[date],
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    currency: str,
) -> Finding:
    one = scale(currency)
    when = f"{months[0]:%Y-%m}" if len(months) == 1 else f"each of {len(months)} months from {months[0]:%Y-%m} on"
    old, new = ([pair[side]["amount"] / one for pair in pairs] for side in (0, 1))
    basis = f" ({pairs[0][0]['basis']})" if len(months) == 1 else ""
    message = (
        f"{decision['who']} set the target {decision['target']} of {when} to {decision['value']:,.0f} {currency} "
        f"instead of {_range(old)}{basis}: {decision['reason'].rstrip('.')}."
    )
    if any(abs(amount - decision["value"]) >= 1 for amount in new):
        message += f" Scaled to the total it is {_range(new)}."
    return Finding(
        code="reconcile.override",
        severity="notice",
        table="overrides",
        record_id=decision["id"],
        message=message,
        fix="Withdraw it when the reason holds no more (quarterdeck withdraw).",
    )


def _range(amounts: Sequence[float]) -> str:
    low, high = f"{min(amounts):,.0f}", f"{max(amounts):,.0f}"
    return low if low == high else f"{low} to {high}"


def _unused(decision: Mapping[str, Any], said: str, fix: str) -> Finding:
    return Finding(
        code="reconcile.override_unused",
        severity="warning",
        table="overrides",
        record_id=decision["id"],
        message=f"The override {decision['id']} of {decision['target']!r} by {decision['who']} is not used: {said}.",
        fix=f"{fix}, or withdraw it (quarterdeck withdraw).",
    )
