"""The rules of pay plans. Each is a function (rule, ledger) -> lines, gathered in `RULES` under its word.

Amounts that accumulate are counted deal by deal in the order of closing; a line is the difference of the pay on all up
to and with the deal and the pay on all before it. So lines add up to the pay on the period's sum to the minor unit,
whatever order the deals came in, and a negative deal takes back exactly what an equal one gave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from quarterdeck.base.calendar import MONTHS, add_months
from quarterdeck.base.money import scale, to_minor
from quarterdeck.execute.commission.exact import MILLION, major, millionths, ratio, times
from quarterdeck.execute.commission.plan import (
    Accelerator,
    Cap,
    Clawback,
    Draw,
    DrawOffset,
    FlatRate,
    Installments,
    MarginalTiers,
    Plan,
    TargetVariable,
    Tier,
    WholeAmountTiers,
)

LINE = {
    "person_id": pl.String(),
    "month": pl.Date(),
    "period": pl.Date(),
    "opportunity_id": pl.String(),
    "part": pl.Int64(),
    "base": pl.Int64(),
    "rate": pl.Int64(),
    "amount": pl.Int64(),
    "reason": pl.String(),
}
"""Columns of a rule's lines; the rate in millionths."""
KEY = ["person_id", "period"]


@dataclass(frozen=True)
class Ledger:
    """What a rule sees: the plan, the currency, credited deals, cancellations, and the lines of the rules before."""

    plan: Plan
    currency: str
    deals: pl.DataFrame
    cancellations: pl.DataFrame
    lines: pl.DataFrame

    def text(self, amount: pl.Expr) -> pl.Expr:
        return pl.concat_str(major(amount, scale(self.currency)), pl.lit(f" {self.currency}"))


def flat_rate(rule: FlatRate, ledger: Ledger) -> pl.DataFrame:
    """One rate on each deal; a shared deal's pay is computed once and shared."""
    found = ledger.deals.with_columns(whole=times(pl.col("unit"), rule.rate) * pl.col("count"), part=pl.lit(0))
    reason = pl.format("{} of {}{}", pl.lit(_percent(rule.rate)), ledger.text(pl.col("base")), _shared())
    return _per_deal(found.with_columns(rate=pl.lit(millionths(rule.rate))), reason)


def marginal_tiers(rule: MarginalTiers, ledger: Ledger) -> pl.DataFrame:
    """Each tier's rate on the part of the amount that lies in it."""
    if rule.per == "period":
        return _accumulated(rule.tiers, rule.of == "attainment", ledger)
    edges = [to_minor(tier.start, ledger.currency) for tier in rule.tiers]
    parts = []
    for number, tier in enumerate(rule.tiers):
        low, high = edges[number], edges[number + 1] if number + 1 < len(edges) else None
        inside = pl.col("unit").sign() * _inside(pl.col("unit").abs(), low, high)
        found = ledger.deals.with_columns(
            whole=times(inside, tier.rate) * pl.col("count"), unit=inside, part=pl.lit(number)
        ).filter(pl.col("unit") != 0)
        reason = pl.format(
            "{} of the part of the deal {}{}", pl.lit(_percent(tier.rate)), pl.lit(_span(rule.tiers, number)), _shared()
        )
        parts.append(_per_deal(found.with_columns(rate=pl.lit(millionths(tier.rate))), reason))
    return pl.concat(parts)


def whole_amount_tiers(rule: WholeAmountTiers, ledger: Ledger) -> pl.DataFrame:
    """The rate of the tier that was reached, on the whole amount."""
    is_deal = rule.per == "deal"
    reached = pl.col("unit").abs() if is_deal else pl.col("credit").sum().over(KEY)
    tier = pl.lit(0, dtype=pl.Int64)
    for number, step in enumerate(rule.tiers[1:], 1):
        tier = (
            pl.when(reached >= _edge(step.start, rule.of == "attainment", ledger.currency)).then(number).otherwise(tier)
        )
    deals = ledger.deals.with_columns(part=tier)
    parts = []
    for number, step in enumerate(rule.tiers):
        found = deals.filter(pl.col("part") == number).with_columns(rate=pl.lit(millionths(step.rate)))
        if is_deal:
            found = found.with_columns(whole=times(pl.col("unit"), step.rate) * pl.col("count"))
            words = pl.format("{} of the whole {}", pl.lit(_percent(step.rate)), ledger.text(pl.col("base")))
            parts.append(_per_deal(found, pl.concat_str(words, _shared())))
        else:
            words = pl.format(
                "{} of the whole {}: the period reached the tier {}",
                pl.lit(_percent(step.rate)), ledger.text(pl.col("base")), pl.lit(_span(rule.tiers, number, rule.of)),
            )  # fmt: skip
            after, before = times(pl.col("after"), step.rate), times(pl.col("before"), step.rate)
            parts.append(_lines(found.with_columns(base="credit", amount=after - before), words))
    return pl.concat(parts)


def accelerator(rule: Accelerator, ledger: Ledger) -> pl.DataFrame:
    """One rate up to the quota, a higher one above."""
    return _accumulated(rule.tiers, True, ledger)


def target_variable(rule: TargetVariable, ledger: Ledger) -> pl.DataFrame:
    """The variable pay times attainment, the part in each tier multiplied. Without a quota nothing is earned."""
    variable = to_minor(rule.variable, ledger.currency)
    deals = ledger.deals.filter(pl.col("quota") > 0)
    parts = []
    for number, tier in enumerate(rule.tiers):
        low, high = _bounds(rule.tiers, number, True, ledger.currency)
        factor = pl.lit(millionths(tier.rate) * variable, dtype=pl.Int128)
        sums = {name: _inside(pl.col(name), low, high, number == 0) for name in ("after", "before")}
        worth = {
            name: ratio(value.cast(pl.Int128) * factor, pl.col("quota").cast(pl.Int128) * MILLION)
            for name, value in sums.items()
        }
        found = deals.with_columns(
            base=sums["after"] - sums["before"],
            amount=worth["after"] - worth["before"],
            rate=ratio(factor, pl.col("quota")),
            part=pl.lit(number),
        ).filter((pl.col("base") != 0) | (pl.col("amount") != 0))
        words = pl.format(
            "{} x {} variable pay x {} of the quota of {} {}",
            pl.lit(f"{tier.rate.normalize():f}"), ledger.text(pl.lit(variable)), ledger.text(pl.col("base")),
            ledger.text(pl.col("quota")), pl.lit(_span(rule.tiers, number, "attainment")),
        )  # fmt: skip
        parts.append(_lines(found, words))
    return pl.concat(parts)


def cap(rule: Cap, ledger: Ledger) -> pl.DataFrame:
    """Takes off what the rules before earned above the amount in the period."""
    limit = to_minor(rule.amount, ledger.currency)
    monthly = ledger.lines.group_by(*KEY, "month").agg(pl.col("amount").sum()).sort(*KEY, "month")
    found = (
        monthly.with_columns(over=(pl.col("amount").cum_sum().over(KEY) - limit).clip(lower_bound=0))
        .with_columns(base="amount", amount=pl.col("over").shift(1, fill_value=0).over(KEY) - pl.col("over"))
        .filter(pl.col("amount") != 0)
        .with_columns(rate=pl.lit(0), part=pl.lit(0))
    )
    words = pl.format("The period's pay is capped at {}", ledger.text(pl.lit(limit)))
    return _lines(found.with_columns(opportunity_id=pl.lit(None, dtype=pl.String)), words)


def installments(rule: Installments, ledger: Ledger) -> pl.DataFrame:
    """Holds back what a month earned above its even part; the period's last month pays it."""
    limit, count = to_minor(rule.amount, ledger.currency), MONTHS[ledger.plan.period]
    sums = ledger.lines.group_by(*KEY, "month").agg(pl.col("amount").sum())
    last = ledger.deals["month"].max()
    number = pl.int_ranges(0, count)
    grid = (
        ledger.lines.select(KEY)
        .unique()
        .with_columns(number=number)
        .explode("number")
        .with_columns(month=pl.col("period").dt.offset_by(pl.format("{}mo", "number")))
        .filter(pl.col("month") <= last)
    )
    most = ratio(pl.lit(limit, dtype=pl.Int128) * (pl.col("number").cast(pl.Int128) + 1), count)
    found = (
        grid.join(sums, on=[*KEY, "month"], how="left")
        .with_columns(pl.col("amount").fill_null(0))
        .sort(*KEY, "month")
        .with_columns(total=pl.col("amount").cum_sum().over(KEY), base="amount")
        .with_columns(
            held=pl.when(pl.col("number") == count - 1).then(0).otherwise((pl.col("total") - most).clip(lower_bound=0))
        )
        .with_columns(amount=pl.col("held").shift(1, fill_value=0).over(KEY) - pl.col("held"))
        .filter(pl.col("amount") != 0)
        .with_columns(opportunity_id=pl.lit(None, dtype=pl.String), rate=pl.lit(0), part=pl.lit(0))
    )
    return _lines(found, pl.format("Held back so far in the period: {}", ledger.text(pl.col("held"))))


def draw(rule: Draw, ledger: Ledger) -> pl.DataFrame:
    """Fills pay up to the draw; from the recovery on, takes what was filled up from pay above the draw."""
    amount = to_minor(rule.amount, ledger.currency)
    step = MONTHS[ledger.plan.period]
    found: list[dict[str, Any]] = []
    earned = _earned(ledger)
    last = max((period for _, period in earned), default=None)
    for person in sorted({person for person, _ in earned}):
        owed, period = 0, min(start for who, start in earned if who == person)
        while last is not None and period <= last:
            pay, top = earned.get((person, period), 0), 0
            is_due = rule.recover_from is None or add_months(period, step) > rule.recover_from
            if pay < amount:
                top = amount - pay
            elif is_due and owed > 0:
                top = -min(owed, pay - amount)
            if rule.is_recoverable:
                owed += top
            if top:
                found.append({"person_id": person, "period": period, "base": pay, "amount": top, "owed": owed})
            period = add_months(period, step)
    return _settled(found, ledger, "draw")


def draw_offset(rule: DrawOffset, ledger: Ledger) -> pl.DataFrame:
    """Takes an advance off the period's pay, not below zero."""
    amount = to_minor(rule.amount, ledger.currency)
    found = [
        {"person_id": person, "period": period, "base": pay, "amount": -min(amount, pay), "owed": max(0, amount - pay)}
        for (person, period), pay in _earned(ledger).items()
        if pay > 0
    ]
    return _settled(found, ledger, "advance")


def clawback(rule: Clawback, ledger: Ledger) -> pl.DataFrame:
    """Takes back what a cancelled deal paid, in the month of the cancellation: all of it, or the term's part that was
    not served."""
    paid = ledger.lines.filter(pl.col("opportunity_id").is_not_null()).select(
        "person_id", "opportunity_id", "part", base="amount"
    )
    unserved = pl.lit(MILLION)
    if rule.method == "pro_rated":
        left = (pl.col("term_months") - pl.col("served_months")).clip(lower_bound=0)
        unserved = ratio(left.cast(pl.Int128) * MILLION, pl.col("term_months"))
        exact = ratio(pl.col("base").cast(pl.Int128) * left.cast(pl.Int128), pl.col("term_months"))
    else:
        exact = pl.col("base")
    found = (
        ledger.cancellations.select("reverses", "month", "period", "term_months", "served_months")
        .join(paid, left_on="reverses", right_on="opportunity_id")
        .with_columns(opportunity_id="reverses", amount=-exact, rate=unserved)
    )
    words = pl.format(
        "Cancelled after {} of {} months: taken back from the {} paid",
        pl.col("served_months").fill_null(0), pl.col("term_months").fill_null(0), ledger.text(pl.col("base")),
    )  # fmt: skip
    return _lines(found, words)


def _lines(found: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    return found.with_columns(reason=reason).select(pl.col(name).cast(kind) for name, kind in LINE.items())


def _per_deal(found: pl.DataFrame, reason: pl.Expr) -> pl.DataFrame:
    """Lines of a rule that looks at each deal alone: `whole` is the deal's pay, shared as the deal is."""
    whole = pl.col("whole")
    before = ratio(whole.cast(pl.Int128) * pl.col("share_before"), MILLION)
    after = ratio(whole.cast(pl.Int128) * pl.col("share_after"), MILLION)
    base = pl.col("unit") * pl.col("count")
    return _lines(found.with_columns(base=base, amount=after - before), reason)


def _shared() -> pl.Expr:
    share = pl.col("share_after") - pl.col("share_before")
    percent = (share / 10_000).round(4).cast(pl.String).str.strip_suffix(".0")
    return pl.when(share == MILLION).then(pl.lit("")).otherwise(pl.format(", of which {}%", percent))


def _accumulated(tiers: tuple[Tier, ...], is_attainment: bool, ledger: Ledger) -> pl.DataFrame:
    """Lines of marginal tiers on the period's accumulated credit."""
    parts = []
    for number, tier in enumerate(tiers):
        low, high = _bounds(tiers, number, is_attainment, ledger.currency)
        sums = {name: _inside(pl.col(name), low, high, number == 0) for name in ("after", "before")}
        found = ledger.deals.with_columns(
            base=sums["after"] - sums["before"],
            amount=times(sums["after"], tier.rate) - times(sums["before"], tier.rate),
            rate=pl.lit(millionths(tier.rate)),
            part=pl.lit(number),
        ).filter(pl.col("base") != 0)
        span = _span(tiers, number, "attainment" if is_attainment else "amount")
        words = [pl.lit(_percent(tier.rate)), ledger.text(pl.col("base")), pl.lit(span)]
        reason = pl.format("{} of {} {}", *words)
        if is_attainment:
            quota = pl.format(" (quota {})", ledger.text(pl.col("quota")))
            reason = pl.concat_str(reason, pl.coalesce(quota, pl.lit(" (no quota)")))
        parts.append(_lines(found, reason))
    return pl.concat(parts)


def _edge(start: Decimal, is_attainment: bool, currency: str) -> pl.Expr:
    """An edge in minor units; of attainment it is a part of the quota. Without a quota no edge is reached."""
    if not is_attainment:
        return pl.lit(to_minor(start, currency), dtype=pl.Int64)
    return times(pl.when(pl.col("quota") > 0).then("quota"), start)


def _bounds(tiers: tuple[Tier, ...], number: int, is_attainment: bool, currency: str) -> tuple[pl.Expr, pl.Expr | None]:
    low = _edge(tiers[number].start, is_attainment, currency)
    high = _edge(tiers[number + 1].start, is_attainment, currency) if number + 1 < len(tiers) else None
    return low, high


FAR = 2**62


def _inside(value: pl.Expr, low: pl.Expr | int, high: pl.Expr | int | None, is_first: bool = False) -> pl.Expr:
    """The part of a value that lies between the edges; the first tier also takes what is below zero."""
    bottom = pl.lit(low) if isinstance(low, int) else low.fill_null(FAR)
    top = pl.lit(FAR) if high is None else pl.lit(high) if isinstance(high, int) else high.fill_null(FAR)
    below = pl.min_horizontal(value, top)
    return below if is_first else (below - bottom).clip(lower_bound=0)


def _earned(ledger: Ledger) -> dict[tuple[str, Any], int]:
    sums = ledger.lines.group_by(KEY).agg(pl.col("amount").sum()).sort(KEY)
    held = ledger.deals.select(KEY).unique().sort(KEY)
    rows = held.join(sums, on=KEY, how="full", coalesce=True).with_columns(pl.col("amount").fill_null(0)).sort(KEY)
    return {(person, period): amount for person, period, amount in rows.select(*KEY, "amount").iter_rows()}


def _settled(found: list[dict[str, Any]], ledger: Ledger, what: str) -> pl.DataFrame:
    schema = {
        "person_id": pl.String(),
        "period": pl.Date(),
        "base": pl.Int64(),
        "amount": pl.Int64(),
        "owed": pl.Int64(),
    }
    frame = pl.DataFrame(found, schema=schema).with_columns(
        month="period", opportunity_id=pl.lit(None, dtype=pl.String), rate=pl.lit(0), part=pl.lit(0)
    )
    words = pl.format(
        "Earned {}; {} {}; still owed {}",
        ledger.text(pl.col("base")),
        pl.when(pl.col("amount") > 0)
        .then(pl.lit(f"filled up to the {what} with"))
        .otherwise(pl.lit(f"{what} taken off")),
        ledger.text(pl.col("amount").abs()),
        ledger.text(pl.col("owed")),
    )
    return _lines(frame, words)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f}%"


def _span(tiers: tuple[Tier, ...], number: int, of: str = "amount") -> str:
    """Where a tier lies, in words."""
    edges = [_percent(tier.start) if of == "attainment" else f"{tier.start.normalize():f}" for tier in tiers]
    if len(tiers) == 1:
        return ""
    low, high = edges[number], edges[number + 1] if number + 1 < len(edges) else None
    if high is None:
        return f"from {low}"
    return f"below {high}" if number == 0 else f"from {low} to {high}"


RULES: dict[str, Callable[[Any, Ledger], pl.DataFrame]] = {
    "flat_rate": flat_rate,
    "marginal_tiers": marginal_tiers,
    "whole_amount_tiers": whole_amount_tiers,
    "accelerator": accelerator,
    "target_variable": target_variable,
    "cap": cap,
    "installments": installments,
    "draw": draw,
    "draw_offset": draw_offset,
    "clawback": clawback,
}
