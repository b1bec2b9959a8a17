"""Bookings of the past by product, region and month: from won deals, else from orders, else from invoices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base import money
from quarterdeck.base.config import Company, Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform
from quarterdeck.base.tables import Tables
from quarterdeck.demand.deals import NONE, Clock, first_month, month_day
from quarterdeck.demand.settings import DemandSettings

Array = NDArray[np.float64]
Source = Literal["deals", "orders", "invoices"]

OTHER = "(other)"
RECENT_MONTHS = 12
LATE_START = 5
"""A history whose first day lies after this day of its month begins with the month after."""
STRAY = 0.05
"""Months at the beginning that brought less than this share of the usual month are not part of the history."""


@dataclass(frozen=True)
class Bookings:
    """What was sold: rows `node_id, product, region, month, quantity, amount`; one a leaf and month that brought any.

    `month` is a month number, `amount` is in major units, `quantity` counts won deals, units of orders, or invoices.
    `first` is the first month that is seen whole.
    """

    source: Source
    rows: pl.DataFrame
    first: int

    @classmethod
    def of_table(cls, table: pl.DataFrame, nodes: pl.DataFrame, clock: Clock) -> Bookings:
        """From the table `bookings` and its nodes."""
        rows = table.join(nodes.select("node_id", product="product_id", region="region"), on="node_id").select(
            "node_id",
            "product",
            "region",
            "quantity",
            "amount",
            month=pl.col("period_start").dt.year().cast(pl.Int64) * 12
            + pl.col("period_start").dt.month().cast(pl.Int64)
            - 1,
            is_whole="is_whole",
        )
        first = rows.filter("is_whole")["month"].min()
        source = table["source"][0] if table.height else "deals"
        return cls(source, rows.drop("is_whole"), int(first) if first is not None else clock.month)  # type: ignore[arg-type]

    def before(self, month: int) -> Bookings:
        """What was known of them on the first day of a month."""
        return Bookings(self.source, self.rows.filter(pl.col("month") < month), self.first)

    def arrays(self, leaves: tuple[str, ...], last: int) -> tuple[Array, Array]:
        """Quantity and amount, arrays (leaves, months from `first` to before `last`)."""
        shape = (len(leaves), max(last - self.first, 0))
        quantity, amount = np.zeros(shape), np.zeros(shape)
        place = {leaf: number for number, leaf in enumerate(leaves)}
        inside = self.rows.filter(pl.col("month").is_between(self.first, last - 1) & pl.col("node_id").is_in(leaves))
        for node_id, month, count, value in inside.select("node_id", "month", "quantity", "amount").iter_rows():
            quantity[place[node_id], month - self.first] = count
            amount[place[node_id], month - self.first] = value
        return quantity, amount

    def table(self, clock: Clock) -> pl.DataFrame:
        """The table `bookings`; the month of as_of is in it as far as it went, and is not whole."""
        made = self.rows.filter(pl.col("month") <= clock.month).select(
            "node_id",
            period_start=pl.col("month").map_elements(month_day, return_dtype=pl.Date),
            source=pl.lit(self.source),
            is_whole=pl.col("month").is_between(self.first, clock.month - 1),
            quantity="quantity",
            amount="amount",
        )
        return conform("bookings", made.sort("node_id", "period_start"))


def of_deals(deals: pl.DataFrame, clock: Clock) -> Bookings:
    """From deals as `deals.prepare` gives them: what was won, in the month in which it was."""
    won = deals.filter((pl.col("status") == "won") & pl.col("closed").is_not_null())
    return Bookings("deals", _summed(won.with_columns(month="closed", quantity=1.0)), first_month(deals, clock, 10**6))


def read(tables: Tables, deals: pl.DataFrame, config: Config[DemandSettings]) -> tuple[Bookings, list[Finding]]:
    """The bookings of won deals; without any, those of orders with a value, else of invoices.

    Products and regions that bring little are taken together as `(other)`, so that no more than `max_leaves` remain;
    products that a recipe or a resource names stay by themselves.
    """
    clock = Clock.at(config.today)
    if (deals["status"] == "won").any():
        return of_deals(deals, clock), []
    sales, source = _orders(tables, config.company), "orders"
    if sales.is_empty():
        sales, source = _invoices(tables, config.company), "invoices"
    sales = sales.filter(pl.col("month").is_not_null() & (pl.col("month") <= clock.month))
    if sales.is_empty():
        return of_deals(deals, clock), []
    first = _first_whole(sales, clock)
    recent = sales.filter(pl.col("month") >= clock.month - RECENT_MONTHS)
    named = set(tables["recipes"]["product_id"].drop_nulls()) | set(tables["resources"]["product_id"].drop_nulls())
    regions = _largest(recent, "region", set(), max(int(np.sqrt(config.settings.max_leaves / 2)), 1))
    products = _largest(recent, "product", named, max(config.settings.max_leaves // max(len(regions) + 1, 1) - 1, 1))
    grouped = sales.with_columns(
        product=pl.when(pl.col("product").is_in(products)).then("product").otherwise(pl.lit(OTHER)),
        region=pl.when(pl.col("region").is_in(regions)).then("region").otherwise(pl.lit(OTHER)),
    ).with_columns(node_id=pl.format("product:{}|region:{}", "product", "region"))
    made = Bookings("orders" if source == "orders" else "invoices", _summed(grouped), first)
    return made, [*_findings(sales, made, len(products), clock), *_foreign(sales, made, config.company)]


def _summed(sales: pl.DataFrame) -> pl.DataFrame:
    return (
        sales.group_by("node_id", "product", "region", "month")
        .agg(pl.col("quantity").cast(pl.Float64).sum(), pl.col("amount").fill_null(0.0).sum())
        .sort("node_id", "month")
    )


def _orders(tables: Tables, company: Company) -> pl.DataFrame:
    """Orders' lines as `product, region, month, day, quantity, amount`; those without a value are left out."""
    orders = tables["orders"]
    minor = pl.coalesce(
        pl.col("amount").cast(pl.Float64) / _scale(orders, company),
        pl.col("quantity") * pl.col("unit_price").cast(pl.Float64),
    )
    placed = _placed(orders, tables, "ordered_at", company)
    return placed.select("product", "region", "month", "day", "currency", quantity="quantity", amount=minor).filter(
        pl.col("amount").is_not_null()
    )


def _invoices(tables: Tables, company: Company) -> pl.DataFrame:
    """Invoices in the form of orders; a credit counts as no invoice."""
    invoices = tables["invoices"].filter(pl.col("amount").is_not_null())
    placed = _placed(
        invoices.with_columns(product_id=pl.lit(None, pl.String), region=pl.lit(None, pl.String)),
        tables,
        "invoiced_at",
        company,
    )
    major = pl.col("amount") / _scale(invoices, company)
    return placed.select(
        "product", "region", "month", "day", "currency", quantity=(major > 0).cast(pl.Float64), amount=major
    )


def _placed(sales: pl.DataFrame, tables: Tables, instant: str, company: Company) -> pl.DataFrame:
    """The rows with product, region (their own, else the account's region, else its country), month and day."""
    accounts = tables["accounts"].select(account_id="id", home=pl.coalesce("region", "country"))
    local = pl.col(instant).dt.replace_time_zone("UTC").dt.convert_time_zone(company.timezone)
    return sales.join(accounts, on="account_id", how="left").with_columns(
        product=pl.col("product_id").fill_null(NONE),
        region=pl.coalesce("region", "home").fill_null(NONE),
        month=local.dt.year().cast(pl.Int64) * 12 + local.dt.month().cast(pl.Int64) - 1,
        day=local.dt.day().cast(pl.Int64),
    )


def _scale(sales: pl.DataFrame, company: Company) -> pl.Expr:
    known = {name: money.scale(name) for name in sales["currency"].drop_nulls().unique()}
    return pl.col("currency").replace_strict(known, default=money.scale(company.currency), return_dtype=pl.Int64)


def _first_whole(sales: pl.DataFrame, clock: Clock) -> int:
    """First month that the history holds whole, without stray early rows."""
    monthly = sales.group_by("month").agg(pl.col("amount").sum(), pl.col("day").min()).sort("month")
    whole = monthly.filter(pl.col("month") < clock.month)
    if whole.is_empty():
        return clock.month
    usual = float(whole["amount"].median() or 0.0)  # type: ignore[arg-type]
    kept = whole.filter(pl.col("amount") >= STRAY * usual)
    month, day = kept.select("month", "day").row(0) if kept.height else (clock.month, 1)
    return int(month) + int(day > LATE_START)


def _largest(recent: pl.DataFrame, column: str, named: set[str], most: int) -> list[str]:
    """Members by value, largest first, after those that are named; a member of one's own needs some value."""
    worth = recent.group_by(column).agg(pl.col("amount").sum()).filter(pl.col("amount") > 0)
    order = worth.sort("amount", column, descending=[True, False])[column].to_list()
    first = [name for name in order if name in named]
    rest = [name for name in order if name not in named]
    return [*first, *rest[: max(most - len(first), 0)]]


def _findings(sales: pl.DataFrame, made: Bookings, kept: int, clock: Clock) -> list[Finding]:
    months = clock.month - made.first
    small = sales["product"].n_unique() - kept
    grouped = f" {small:,} products that bring little are one, {OTHER}." if small > 0 else ""
    found = [
        Finding(
            code="demand.from_sales",
            severity="notice",
            message=f"There are no won deals; the forecast is made from {sales.height:,} {made.source} "
            f"of {months} whole months.{grouped}",
            fix="Nothing, if the company sells without deals; else load its deals, so that open ones count too.",
            table=made.source,
        )
    ]
    if months < 2 * RECENT_MONTHS:
        found.append(
            Finding(
                code="demand.no_season_seen",
                severity="warning",
                message=f"{months} whole months are not enough to tell a season from a trend: no month is there twice.",
                fix=f"Load {made.source} of at least two years; until then hold the months against what you know.",
                table=made.source,
            )
        )
    return found


def _foreign(sales: pl.DataFrame, made: Bookings, company: Company) -> list[Finding]:
    foreign = sales.filter(pl.col("currency").is_not_null() & (pl.col("currency") != company.currency))
    if foreign.is_empty():
        return []
    names = ", ".join(sorted(foreign["currency"].unique()))
    return [
        Finding(
            code="demand.foreign_currency",
            severity="warning",
            message=f"{foreign.height:,} {made.source} are in {names}; they are added one to one to "
            f"{company.currency}.",
            fix=f"Give the values in {company.currency}.",
            table=made.source,
            count=foreign.height,
        )
    ]
