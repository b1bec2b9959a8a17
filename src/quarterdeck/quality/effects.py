"""What wrong entries did to what the deals' own dates and amounts promised.

For each past month and quarter: what the entries, as they stood when it began, said would close in it (expected close
date and amount), and what of these deals was won in it. The miss is shared out exactly among the classes of error: each
deal counts in the gravest class that it had.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from quarterdeck.base.calendar import MONTHS, Grain, label, next_start, period_start
from quarterdeck.base.config import instant
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Moment
from quarterdeck.quality.panel import CLASSES, company_amount, panel, starts_before
from quarterdeck.quality.wrong import Context

WRONG_AMOUNTS = ("amount_outlier", "amount_differs_from_lines", "amount_not_positive")
"""Checks that doubt the amount itself; what they found is known by now, not at the period's start."""

WORDS = {
    "amount_wrong": "deals whose amount is wrong",
    "owner_left": "deals of owners who had left",
    "close_date_in_past": "deals whose close date was over",
    "expected_close_missing": "deals without an expected close date",
    "open_without_amount": "deals without an amount",
    "open_too_long": "deals older than won deals get",
    "close_date_pushed": "deals whose close date had been put off again and again",
    "untouched": "deals that nobody worked on",
}


GRAINS: tuple[Grain, ...] = ("quarter", "month")


def beginnings(grain: Grain, moment: Moment) -> dict[datetime, date]:
    """The instants at which past periods of the grain began, with their first days."""
    current = period_start(moment.today, grain, moment.company)
    starts = starts_before(current, grain, moment.settings.trend_months // MONTHS[grain], moment.company)
    return {instant(start, moment.company): start for start in starts}


def error_effects(tables: Tables, context: Context, held: pl.DataFrame) -> tuple[pl.DataFrame, list[Finding]]:
    """Rows of `error_effects`, and a finding that says by which errors the last quarter (else month) missed.

    `held` is what `held_at` gives of the beginnings of the periods.
    """
    made = pl.concat([_of_grain(tables, context, grain, held) for grain in GRAINS])
    told = [finding for grain in GRAINS for finding in _told(made, grain, context.moment)]
    return made.sort("grain", "period_start", "class"), told[:1]


def _of_grain(tables: Tables, context: Context, grain: Grain, held: pl.DataFrame) -> pl.DataFrame:
    moment = context.moment
    begins = beginnings(grain, moment)
    held = panel(tables, moment, list(begins), held)
    if held.is_empty():
        return empty("error_effects")
    ends = {start: next_start(start, grain, moment.company) for start in begins.values()}
    rates = context.rates()
    held = held.with_columns(pl.col("at").replace_strict(begins, return_dtype=pl.Date).alias("period_start"))
    end = pl.col("period_start").replace_strict(ends, return_dtype=pl.Date)
    closed = pl.col("closed_at").dt.replace_time_zone("UTC").dt.convert_time_zone(moment.company.timezone).dt.date()
    due = (pl.col("expected_close_on") >= pl.col("period_start")) & (pl.col("expected_close_on") < end)
    came = (pl.col("status") == "won") & (closed < end)
    held = held.with_columns(
        _class(tables).alias("class"),
        due.fill_null(False).alias("is_due"),
        pl.when(due).then(company_amount("amount", moment, rates)).fill_null(0.0).alias("promised"),
        pl.when(came).then(company_amount("won_amount", moment, rates)).fill_null(0.0).alias("came"),
    )
    rows = held.group_by("period_start", "class").agg(
        pl.len().alias("deals"), pl.col("is_due").sum().alias("expected_deals"), pl.col("promised", "came").sum()
    )
    rows = pl.concat([rows, _new(tables, held, ends, context)], how="diagonal_relaxed")
    return _shared_out(rows, grain)


def _class(tables: Tables) -> pl.Expr:
    """The gravest error that a deal had; clean for none."""
    doubted = tables["errors"].filter(pl.col("table") == "opportunities", pl.col("check").is_in(WRONG_AMOUNTS))
    found = pl.lit("clean")
    for name in reversed(CLASSES):
        found = pl.when(pl.col(name)).then(pl.lit(name)).otherwise(found)
    return pl.when(pl.col("deal").is_in(doubted["record_id"].implode())).then(pl.lit("amount_wrong")).otherwise(found)


def _new(tables: Tables, held: pl.DataFrame, ends: dict[date, date], context: Context) -> pl.DataFrame:
    """Deals that were won in a period and were not open when it began."""
    moment = context.moment
    rows = tables.relation("opportunities")
    rows = rows.filter((rows.status == "won") & rows.closed_at.notnull())
    won: pl.DataFrame = rows.select("amount", "currency", "closed_at", deal="id").to_polars()
    day = pl.col("closed_at").dt.replace_time_zone("UTC").dt.convert_time_zone(moment.company.timezone).dt.date()
    start = pl.lit(None, pl.Date)
    for first, after in ends.items():
        start = pl.when((day >= first) & (day < after)).then(pl.lit(first)).otherwise(start)
    won = won.with_columns(start.alias("period_start"), company_amount("amount", moment, context.rates()).alias("came"))
    won = won.filter(pl.col("period_start").is_not_null()).join(held, on=["period_start", "deal"], how="anti")
    return won.group_by("period_start").agg(
        pl.lit("new").first().alias("class"), pl.len().alias("deals"), pl.lit(0).first().alias("expected_deals"),
        pl.lit(0.0).first().alias("promised"), pl.col("came").sum(),
    )  # fmt: skip


def _shared_out(rows: pl.DataFrame, grain: Grain) -> pl.DataFrame:
    everything = rows.group_by("period_start").agg(
        pl.lit("all").first().alias("class"), pl.col("deals", "expected_deals", "promised", "came").sum()
    )
    miss = pl.col("promised") - pl.col("came")
    rows = rows.with_columns(miss.alias("miss"))
    total = pl.col("miss").abs().sum().over("period_start")
    rows = rows.with_columns(pl.when(total > 0).then(pl.col("miss").abs() / total).alias("share"))
    everything = everything.with_columns(miss.alias("miss"), pl.lit(None, pl.Float64).alias("share"))
    made = pl.concat([rows, everything], how="diagonal_relaxed").with_columns(pl.lit(grain).alias("grain"))
    return conform("error_effects", made).sort("grain", "period_start", "class")


def _told(effects: pl.DataFrame, grain: Grain, moment: Moment) -> list[Finding]:
    """The last period with enough deals: by how much its entries missed, and by which errors."""
    rows = effects.filter(pl.col("grain") == grain)
    enough = rows.filter(pl.col("class") == "all", pl.col("expected_deals") >= moment.settings.effect_minimum)
    if enough.is_empty():
        return []
    start: date = enough["period_start"].sort()[-1]
    last = rows.filter(pl.col("period_start") == start)
    whole = last.row(by_predicate=pl.col("class") == "all", named=True)
    promised = last.filter(pl.col("class") != "all", pl.col("class") != "new")
    wrong = promised.filter(pl.col("class") != "clean").sort("promised", descending=True)
    at_fault = promised.filter(pl.col("class") != "clean")["promised"].sum()
    came_of_wrong = promised.filter(pl.col("class") != "clean")["came"].sum()
    clean = promised.filter(pl.col("class") == "clean")
    currency = moment.company.currency
    parts = ", ".join(
        f"{row['promised']:,.0f} by {WORDS[row['class']]} (came {row['came']:,.0f})"
        for row in wrong.head(3).iter_rows(named=True)
        if row["promised"] > 0
    )
    name = label(start, grain, moment.company)
    came, right = promised["came"].sum(), clean["came"].sum()
    message = (
        f"At the start of {name} the deals' own dates and amounts promised {whole['promised']:,.0f} {currency}; "
        f"{came:,.0f} came of them. Deals with a wrong entry promised {at_fault:,.0f} and brought "
        f"{came_of_wrong:,.0f}, clean ones promised {clean['promised'].sum():,.0f} and brought {right:,.0f}."
    )
    return [
        Finding(
            code="quality.forecast_effect",
            severity="notice",
            message=message + (f" Most of the wrong ones: {parts}." if parts else ""),
            fix="Mend these deals before the next period begins; error_effects has every class and period.",
            table="opportunities",
            money_at_stake=abs(float(at_fault) - float(came_of_wrong)),
            count=int(wrong["expected_deals"].sum()),
        )
    ]
