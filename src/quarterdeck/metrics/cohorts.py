"""Cohorts: what became of the deals of a month, and of the customers who came in it, month after month."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.metrics.customers import purchases
from quarterdeck.metrics.metric import TOTAL
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.states import deals, local

COLUMNS = ("kind", "dimension", "member", "cohort", "age", "size", "n", "share", "amount")


def deal_cohorts(scope: Scope, by: str | None = None) -> pl.DataFrame:
    """Deals by the month of their creation and their age in months: n and share won until then, amount (minor units).

    Age 0 is the month of creation. An age is given once its month has begun.
    """
    found = deals(scope, (by,) if by else ())
    rows = found.select(
        member=pl.col(by) if by else pl.lit(TOTAL),
        cohort=local(scope, "created_at").dt.truncate("1mo"),
        month=local(scope, "closed_at").dt.truncate("1mo"),
        is_won=pl.col("status") == "won",
        amount="worth",
    )
    sizes = rows.group_by("member", "cohort").agg(size=pl.len().cast(pl.Int64))
    won = rows.filter("is_won").with_columns(age=_age("month"))
    sums = won.group_by("member", "cohort", "age").agg(n=pl.len().cast(pl.Int64), amount=pl.col("amount").sum())
    grid = _grid(sizes, scope).join(sums, on=["member", "cohort", "age"], how="left").fill_null(0)
    grid = grid.sort("member", "cohort", "age").with_columns(pl.col("n", "amount").cum_sum().over("member", "cohort"))
    return _shaped(grid, "deals", by)


def customer_cohorts(scope: Scope, by: str | None = None) -> pl.DataFrame:
    """Customers by the month of their first purchase and age in months: n and share that bought in that month."""
    bought = purchases(scope).filter(lambda row: row.amount > 0).select("account_id", "bought_on", "amount")
    if by:
        from quarterdeck.metrics.customers import JOINED

        bought = scope.members(bought, (by,), {}, JOINED)
    frame: pl.DataFrame = bought.to_polars()
    rows = frame.select(
        "account_id",
        "amount",
        member=pl.col(by) if by else pl.lit(TOTAL),
        month=pl.col("bought_on").cast(pl.Date).dt.truncate("1mo"),
    ).with_columns(cohort=pl.col("month").min().over("account_id"))
    sizes = rows.group_by("member", "cohort").agg(size=pl.col("account_id").n_unique().cast(pl.Int64))
    sums = (
        rows.with_columns(age=_age("month"))
        .group_by("member", "cohort", "age")
        .agg(n=pl.col("account_id").n_unique().cast(pl.Int64), amount=pl.col("amount").sum())
    )
    grid = _grid(sizes, scope).join(sums, on=["member", "cohort", "age"], how="left").fill_null(0)
    return _shaped(grid.sort("member", "cohort", "age"), "customers", by)


def _age(month: str) -> pl.Expr:
    """Months from the cohort to a month."""
    later, first = pl.col(month), pl.col("cohort")
    months = (
        (later.dt.year() - first.dt.year()) * 12 + later.dt.month().cast(pl.Int32) - first.dt.month().cast(pl.Int32)
    )
    return months.cast(pl.Int64)


def _grid(sizes: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """Every age that a cohort has had."""
    today = scope.today.replace(day=1)
    grid = sizes.with_columns(month=pl.date_ranges("cohort", pl.lit(today), interval="1mo")).explode("month")
    return grid.with_columns(age=_age("month")).drop("month")


def _shaped(grid: pl.DataFrame, kind: str, by: str | None) -> pl.DataFrame:
    rows = grid.with_columns(kind=pl.lit(kind), dimension=pl.lit(by or TOTAL), share=pl.col("n") / pl.col("size"))
    return rows.select(COLUMNS)


def lines(scope: Scope, dimensions: tuple[str, ...], months: int) -> pl.DataFrame:
    """The table `cohort_lines`: cohorts of the last months, for the total and the members of the dimensions."""
    from quarterdeck.metrics.customers import JOINED

    since: date = add_months(scope.today - timedelta(days=1), -months)
    parts = [deal_cohorts(scope, by) for by in (None, *dimensions)]
    parts += [customer_cohorts(scope, by) for by in (None, *(name for name in dimensions if name in JOINED))]
    return pl.concat(parts).filter(pl.col("cohort") >= since)
