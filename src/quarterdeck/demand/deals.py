"""Deals as the room sees them: leaf, months of opening and closing as numbers, value in major units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from quarterdeck.base import money
from quarterdeck.base.config import Company
from quarterdeck.base.schema import conform

NONE = "(none)"
RENEWAL = "renewal"
EXTREME = 5.0
LEAST_SPREAD = 0.3
FEW = 20
"""Won deals of a product below which all products are taken together."""
NOT_RENEWAL = "new"
ALL = "all"


def month_number(day: date) -> int:
    """Months since year 0, so that months subtract.

    >>> month_number(date(2017, 10, 31)) - month_number(date(2016, 12, 1))
    10
    """
    return day.year * 12 + day.month - 1


def month_day(number: int) -> date:
    """First day of a numbered month."""
    return date(number // 12, number % 12 + 1, 1)


def quarter_month(number: int, company: Company) -> int:
    """Place of a month in its fiscal quarter: 0, 1 or 2."""
    return (number + 1 - company.fiscal_year_start) % 3


@dataclass(frozen=True)
class Clock:
    """Where as_of lies: the month in progress, and the share of it that is still to come (1 on its first day)."""

    month: int
    remaining: float

    @classmethod
    def at(cls, today: date) -> Clock:
        month = month_number(today)
        length = (month_day(month + 1) - month_day(month)).days
        return cls(month, (month_day(month + 1) - today).days / length)


def leaf_id(product: str, region: str) -> str:
    return f"product:{product}|region:{region}"


def _month(column: str, company: Company) -> pl.Expr:
    local = pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(company.timezone)
    return (local.dt.year().cast(pl.Int64) * 12 + local.dt.month().cast(pl.Int64) - 1).alias(f"{column}_month")


def prepare(opportunities: pl.DataFrame, company: Company) -> pl.DataFrame:
    """The deals' columns that count: `id, node_id, product, region, is_renewal, status, opened, closed, amount, cut`.

    `opened` and `closed` are month numbers (null when undated). A deal that closed before it was opened counts as
    opened in the month in which it closed. Closed deals without a closing date are dropped: they date nothing.
    `amount` is in major units; `cut` is what was taken off an extreme one.
    """
    frame = opportunities.select(
        "id", "product_id", "region", "kind", "status", "amount", "currency", "created_at", "closed_at"
    )
    frame = frame.filter((pl.col("status") == "open") | pl.col("closed_at").is_not_null())
    currencies = frame["currency"].drop_nulls().unique().to_list()
    scale = {name: money.scale(name) for name in currencies}
    product = pl.col("product_id").fill_null(NONE)
    region = pl.col("region").fill_null(NONE)
    major = pl.col("amount") / pl.col("currency").replace_strict(scale, default=money.scale(company.currency))
    closed = pl.when(pl.col("status") != "open").then(_month("closed_at", company))
    deals = frame.select(
        "id",
        node_id=pl.format("product:{}|region:{}", product, region),
        product=product,
        region=region,
        is_renewal=pl.col("kind").fill_null("new") == RENEWAL,
        status="status",
        opened=pl.when(pl.col("created_at").is_not_null()).then(
            pl.min_horizontal(_month("created_at", company), closed)
        ),
        closed=closed,
        amount=pl.when((pl.col("status") == "open") & (major <= 0)).then(None).otherwise(major),
    )
    return _without_extremes(deals)


def _without_extremes(deals: pl.DataFrame) -> pl.DataFrame:
    """Holds values at EXTREME robust standard deviations of their product's logarithms above its median.

    A value typed in cents, or with a digit too many, would else outweigh a year of others. Values below zero become 0.
    """
    log = pl.col("amount").log()
    low, middle, high = (log.quantile(share) for share in (0.25, 0.5, 0.75))
    # 1.349: distance of the quartiles of a normal distribution in standard deviations.
    spread = pl.max_horizontal((high - low) / 1.349, pl.lit(LEAST_SPREAD))
    limit = (middle + EXTREME * spread).exp()
    won = deals.filter((pl.col("status") == "won") & (pl.col("amount") > 0))
    if won.height < FEW:
        return deals.with_columns(cut=pl.lit(0.0))
    general = float(won.select(limit).item())
    own = won.group_by("product").agg(limit=limit, n=pl.len()).filter(pl.col("n") >= FEW).drop("n")
    limited = deals.join(own, on="product", how="left", maintain_order="left").with_columns(
        held=pl.col("amount").clip(0.0, pl.col("limit").fill_null(general))
    )
    return limited.with_columns(amount="held", cut=(pl.col("amount") - pl.col("held")).fill_null(0.0)).drop(
        "held", "limit"
    )


def segmented(deals: pl.DataFrame, by: str) -> pl.DataFrame:
    """The deals with `segment`: their product or region, or all of them (`none`); renewals are always apart."""
    own = {"product": pl.format("product:{}", "product"), "region": pl.format("region:{}", "region")}
    return deals.with_columns(
        segment=pl.when("is_renewal").then(pl.lit(RENEWAL)).otherwise(own.get(by, pl.lit(NOT_RENEWAL)))
    )


def first_month(deals: pl.DataFrame, clock: Clock, max_history: int) -> int:
    """First month in which closings are observed whole.

    An export may hold only deals that closed after some date, or were open then. Before that date no deal in it could
    close, so exposure begins there (delayed entry). Stray early months, under a twentieth of the usual, do not count.
    """
    closings = deals.filter(pl.col("closed").is_not_null() & (pl.col("closed") < clock.month))
    if closings.is_empty():
        return clock.month
    monthly = closings.group_by("closed").len().sort("closed")
    usual = float(monthly["len"].median() or 0.0)  # type: ignore[arg-type]
    whole = monthly.filter(pl.col("len") >= usual / 20)
    first = int(whole["closed"].min())  # type: ignore[arg-type]
    return max(first, clock.month - max_history)


def hierarchy(deals: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """The table `nodes`: all, each region, each product, and the leaves (product and region)."""
    leaves = deals.select("node_id", "product", "region").unique().sort("node_id")
    rows = [{"node_id": "all", "parent_id": None, "level": "all", "is_leaf": False, "name": "All"}]
    for region in sorted(leaves["region"].unique()):
        rows.append(
            {
                "node_id": f"region:{region}",
                "parent_id": "all",
                "level": "region",
                "is_leaf": False,
                "region": region,
                "name": region,
            }
        )
    for product in sorted(leaves["product"].unique()):
        rows.append(
            {
                "node_id": f"product:{product}", "parent_id": "all", "level": "product", "is_leaf": False,
                "product_id": product, "name": names.get(product, product),
            }
        )  # fmt: skip
    for node_id, product, region in leaves.iter_rows():
        rows.append(
            {
                "node_id": node_id, "parent_id": f"product:{product}", "level": "product_region", "is_leaf": True,
                "product_id": product, "region": region, "name": f"{names.get(product, product)} · {region}",
            }
        )  # fmt: skip
    return conform("nodes", pl.DataFrame(rows, infer_schema_length=None))
