"""Checks on amounts: do they fit their peers and their own lines?"""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality import mending
from quarterdeck.quality.check import Check, Moment, deals, offending

TO_SIGMA = 1.4826
"""MAD of a normal distribution times this is its standard deviation (Hampel 1974)."""
LEAST_SPREAD = 0.1
"""Amounts that are nearly all the same have no spread; differences of a tenth are never outliers."""


def amount_outlier(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.amount > 0) & rows.product_id.notnull())
    rows = rows.mutate(size=rows.amount.cast("float64").ln())
    won = rows.filter(rows.status == "won")
    middle = won.group_by(peer_id=won.product_id).agg(middle=won["size"].median(), peers=won.count())
    middle = middle.filter(middle.peers >= moment.settings.outlier_minimum)
    around = won.inner_join(middle, won.product_id == middle.peer_id)
    spread = around.group_by(spread_id=around.product_id).agg(mad=(around["size"] - around.middle).abs().median())
    rows = rows.inner_join(middle, rows.product_id == middle.peer_id)
    rows = rows.inner_join(spread, rows.product_id == spread.spread_id)
    sigma = rows.mad * TO_SIGMA
    rows = rows.mutate(sigma=(sigma < LEAST_SPREAD).ifelse(LEAST_SPREAD, sigma))
    rows = rows.filter((rows["size"] - rows.middle).abs() > moment.settings.outlier_deviations * rows.sigma)
    return offending(
        rows,
        rows.amount,
        amount=rows.amount,
        median_amount=rows.middle.exp().round().cast("int64"),
        named=rows.product_id,
    )


def amount_differs_from_lines(tables: Tables, moment: Moment) -> Any:
    rows, lines = deals(tables, moment), tables.relation("opportunity_lines")
    sums = lines.group_by(whole_id=lines.opportunity_id).agg(
        lines_amount=lines.amount.sum(), count=lines.count(), valued=lines.amount.count()
    )
    sums = sums.filter(sums["count"] == sums.valued)
    rows = rows.inner_join(sums, rows.id == sums.whole_id)
    apart = (rows.amount - rows.lines_amount).abs()
    larger = (rows.amount > rows.lines_amount).ifelse(rows.amount, rows.lines_amount)
    rows = rows.filter((rows.amount > 0) & (apart > moment.settings.lines_tolerance * larger.cast("float64")))
    return offending(rows, apart, amount=rows.amount, lines_amount=rows.lines_amount)


CHECKS: tuple[Check, ...] = (
    Check(
        name="amount_outlier",
        kind="outlier",
        severity="warning",
        table="opportunities",
        title="Amount far from those of the same product",
        why="A point in the wrong place moves won value, the average deal and the forecast.",
        message="The amount is {amount}; won deals of {named} bring {median_amount} in the middle.",
        fix="Compare it with the order; correct the amount or its currency.",
        find=amount_outlier,
        mend=mending.amount_slipped,
    ),
    Check(
        name="amount_differs_from_lines",
        kind="consistency",
        severity="warning",
        table="opportunities",
        title="Amount that is not the sum of the deal's lines",
        why="One of the two is wrong; a point in the wrong place is the usual reason.",
        message="The amount is {amount}, the deal's lines add up to {lines_amount}.",
        fix="Compare both with the offer and correct the wrong one.",
        find=amount_differs_from_lines,
        mend=mending.amount_from_lines,
        needs=("opportunities", "opportunity_lines"),
    ),
)
