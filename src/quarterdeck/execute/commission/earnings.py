"""Pay lines from a plan and what was closed: pure, exact, the same in any order of the deals."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from quarterdeck.base.calendar import MONTHS, period_start
from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.execute.commission.exact import MILLION, ratio
from quarterdeck.execute.commission.plan import Plan
from quarterdeck.execute.commission.rules import KEY, LINE, RULES, Ledger

OPTIONAL: dict[str, pl.DataType] = {
    "opportunity_id": pl.String(),
    "share": pl.Decimal(18, 6),
    "count": pl.Int64(),
    "reverses": pl.String(),
    "term_months": pl.Int64(),
    "served_months": pl.Int64(),
}


def pay(
    plan: Plan, facts: pl.DataFrame, quotas: pl.DataFrame | None = None, company: Company | None = None
) -> pl.DataFrame:
    """The pay of each person, line by line.

    `facts` holds a row a deal and person: `person_id, closed_on` (day) and `amount` (minor units, negative for what is
    taken back). It may also hold `opportunity_id`; `share` of the deal (rows of one opportunity must add up to 1);
    `count`, when a row stands for several deals of equal size; and, for a cancellation, `reverses` (the opportunity),
    `term_months` and `served_months`. `quotas` holds `person_id, period_start` (month), `amount` (minor units).

    Returns `id, person_id, period_start` (month), `plan, rule, opportunity_id, base, rate, amount, reason`; amounts in
    minor units, sorted. Raises when shares do not add up or a cancellation has no rule.
    """
    home = company or Company()
    prepared = _prepared(plan, facts, home)
    cancelled = prepared.filter(pl.col("reverses").is_not_null())
    if cancelled.height and not any(rule.rule == "clawback" for rule in plan.rules):
        raise QuarterdeckError(
            f"{cancelled.height} cancellations are to be taken back, and the pay plan {plan.name!r} does not say how: "
            "add the rule clawback with method pro_rated or full."
        )
    deals = _credited(prepared.filter(pl.col("reverses").is_null()))
    deals = deals.join(_period_quotas(plan, quotas, home), on=KEY, how="left", maintain_order="left")
    lines = pl.DataFrame(schema=LINE)
    parts = []
    for rule in plan.rules:
        found = RULES[rule.rule](rule, Ledger(plan, home.currency, deals, cancelled, lines))
        lines = pl.concat([lines, found])
        parts.append(found.with_columns(rule=pl.lit(rule.label)))
    return _finished(pl.concat(parts), plan)


def _prepared(plan: Plan, facts: pl.DataFrame, company: Company) -> pl.DataFrame:
    missing = [name for name in ("person_id", "closed_on", "amount") if name not in facts.columns]
    if missing:
        raise QuarterdeckError(f"pay needs the columns person_id, closed_on and amount; missing: {', '.join(missing)}")
    have = set(facts.columns)
    optional = [
        (pl.col(name) if name in have else pl.lit(None)).cast(kind).alias(name) for name, kind in OPTIONAL.items()
    ]
    days = facts.select(pl.col("closed_on").unique().sort().drop_nulls())
    periods = days.with_columns(
        month=pl.col("closed_on").dt.truncate("1mo"),
        period=pl.Series([period_start(day, plan.period, company) for day in days["closed_on"]], dtype=pl.Date),
    )
    return facts.select("person_id", "closed_on", pl.col("amount").cast(pl.Int64), *optional).join(
        periods, on="closed_on"
    )


def _credited(facts: pl.DataFrame) -> pl.DataFrame:
    """Each row with the part of its deal that is the person's, and the sums of the period before and after it."""
    order = ["person_id", "period", "closed_on", "opportunity_id", "amount", "share"]
    facts = facts.sort(order, nulls_last=True).with_columns(
        pl.col("count").fill_null(1), share=pl.col("share").fill_null(1)
    )
    facts = facts.with_columns(
        millionths=(pl.col("share") * MILLION).cast(pl.Int64),
    )
    is_shared = (pl.col("millionths") != MILLION) & pl.col("opportunity_id").is_not_null()
    alone = facts.filter(~is_shared).with_columns(
        credit="amount", share_before=pl.lit(0, dtype=pl.Int64), share_after=pl.lit(MILLION, dtype=pl.Int64)
    )
    shared = _split(facts.filter(is_shared))
    every = pl.concat([alone, shared.select(alone.columns)]).sort(order, nulls_last=True)
    count = pl.max_horizontal("count", pl.lit(1))
    return every.with_columns(
        after=pl.col("credit").cum_sum().over(KEY),
        unit=pl.when(pl.col("count") == 1).then("amount").otherwise((pl.col("amount") / count).round().cast(pl.Int64)),
    ).with_columns(before=pl.col("after") - pl.col("credit"))


def _split(shared: pl.DataFrame) -> pl.DataFrame:
    """Shared deals: credits that add up to the deal, and where each share begins and ends."""
    shared = shared.sort("opportunity_id", "amount", "person_id")
    sums = shared.group_by("opportunity_id", "amount", maintain_order=True).agg(pl.col("millionths").sum())
    wrong = sums.filter(pl.col("millionths") != MILLION)
    if wrong.height:
        first = wrong.row(0, named=True)
        total = Decimal(first["millionths"]).scaleb(-6).normalize()
        raise QuarterdeckError(
            f"The shares of the opportunity {first['opportunity_id']} add up to {total:f}, not to 1: mend its rows."
        )
    after = pl.col("millionths").cum_sum().over("opportunity_id", "amount")
    shared = shared.with_columns(share_before=after - pl.col("millionths"), share_after=after)
    held = {
        name: ratio(pl.col("amount").cast(pl.Int128) * pl.col(name), MILLION)
        for name in ("share_after", "share_before")
    }
    return shared.with_columns(credit=held["share_after"] - held["share_before"])


def _period_quotas(plan: Plan, quotas: pl.DataFrame | None, company: Company) -> pl.DataFrame:
    """Quota of a person in a plan period. A period whose months are known in part counts in proportion."""
    schema = {"person_id": pl.String(), "period": pl.Date(), "quota": pl.Int64()}
    if quotas is None or quotas.is_empty():
        return pl.DataFrame(schema=schema)
    months = quotas.select(pl.col("period_start").unique().sort())
    periods = months.with_columns(
        period=pl.Series([period_start(day, plan.period, company) for day in months["period_start"]], dtype=pl.Date)
    )
    known = periods.group_by("period").agg(known=pl.len())
    sums = quotas.join(periods, on="period_start").group_by(KEY).agg(quota=pl.col("amount").sum())
    whole = MONTHS[plan.period]
    return sums.join(known, on="period").select(*KEY, quota=pl.col("quota") * whole // pl.col("known"))


def _finished(lines: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    lines = lines.sort("person_id", "month", "rule", "opportunity_id", "part", "base", nulls_last=True)
    number = pl.int_range(pl.len()).over("person_id", "month", "rule", "opportunity_id", "part")
    return lines.select(
        id=pl.concat_str(
            "person_id",
            pl.col("month").dt.to_string("%Y-%m"),
            "rule",
            pl.col("opportunity_id").fill_null("-"),
            "part",
            number,
            separator="|",
        ),
        person_id="person_id",
        period_start="month",
        plan=pl.lit(plan.name),
        rule="rule",
        opportunity_id="opportunity_id",
        base="base",
        rate=(pl.col("rate").cast(pl.Decimal(38, 6)) * pl.lit(Decimal("0.000001"))).cast(pl.Decimal(18, 6)),
        amount="amount",
        reason="reason",
    )
