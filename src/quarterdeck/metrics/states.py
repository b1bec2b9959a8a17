"""Deals over time: what a deal was from each moment on, told by its dates and, where there is one, its history."""

from __future__ import annotations

import polars as pl

from quarterdeck.base import exchange
from quarterdeck.base.money import scale
from quarterdeck.metrics.metric import NOBODY
from quarterdeck.metrics.scope import Scope

WON, LOST = "won", "lost"


def local(scope: Scope, column: str) -> pl.Expr:
    """The company's day of an instant."""
    at = pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(scope.company.timezone)
    return at.dt.date()


def deals(scope: Scope, by: tuple[str, ...] = ()) -> pl.DataFrame:
    """One row a deal: id, status, stage, created_at, closed_at, worth (minor units) and its members now.

    Left out are deals that nobody says when they began, that closed before they began, or closed on no day: they are
    in no stock.
    """
    from quarterdeck.metrics import deals as prepared

    rows = prepared.known(scope)
    rows = rows.select("id", "account_id", "owner_id", "product_id", "lead_id", "region", "kind", "pipeline", "source")
    named = scope.members(rows, by, prepared.OWN, prepared.JOINED).select("id", *by).to_polars()
    own = ["id", "product_id", "stage", "status", "amount", "currency", "expected_close_on", "created_at", "closed_at"]
    found = scope.tables["opportunities"].select(own)
    is_closed = pl.col("closed_at").is_not_null() & (pl.col("closed_at") < scope.as_of) & (pl.col("status") != "open")
    is_undated = pl.col("closed_at").is_null() & (pl.col("status") != "open")
    found = found.filter((pl.col("created_at") < scope.as_of) & ~is_undated)
    found = found.with_columns(
        status=pl.when(is_closed).then("status").otherwise(pl.lit("open")),
        closed_at=pl.when(is_closed).then("closed_at"),
        # A deal that closes later stands in a stage of which nothing is known yet.
        stage=pl.when(is_closed | (pl.col("status") == "open")).then("stage"),
    ).filter(pl.col("closed_at").is_null() | (pl.col("closed_at") >= pl.col("created_at")))
    found = _worth(found, scope).join(named, on="id", how="left")
    return found.with_columns(pl.col(name).fill_null(NOBODY) for name in by)


def _worth(frame: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """Amounts at the newest rate; the list price stands in where none is stated."""
    home = scope.company.currency
    frame = frame.with_columns(newest=pl.lit(None, dtype=pl.Date))
    if frame.filter(pl.col("currency") != home).height:
        frame = exchange.convert(frame, exchange.rates(scope.tables, home), home, amount="amount", day="newest")
    price = (pl.col("unit_price").cast(pl.Float64).max() * scale(home)).round().cast(pl.Int64)
    prices = scope.tables["products"].group_by(product_id="id").agg(price=price)
    frame = frame.join(prices, on="product_id", how="left", maintain_order="left")
    amount = pl.when(pl.col("amount") != 0).then("amount")
    return frame.with_columns(worth=amount.fill_null(pl.col("price"))).drop("newest", "price")


def closing_stages(found: pl.DataFrame) -> dict[str, str]:
    """Stages in which every deal is closed, with the outcome that most of them have."""
    known = found.filter(pl.col("stage").is_not_null())
    counts = known.group_by("stage").agg(
        is_open=(pl.col("status") == "open").any(), wins=(pl.col("status") == WON).sum(), n=pl.len()
    )
    closing = counts.filter(~pl.col("is_open"))
    return {
        stage: WON if wins * 2 >= n else LOST for stage, wins, n in closing.select("stage", "wins", "n").iter_rows()
    }


def states(scope: Scope, found: pl.DataFrame) -> pl.DataFrame:
    """`id, at, outcome, stage, worth, close_on`: what each deal was from a moment on, in the order of time.

    `outcome` is open, won or lost. A stage in which every deal is closed closes a deal, and another stage after it
    opens it again. Entries dated before a deal's creation hold from its creation on, those after its close are left
    out.
    """
    ids = found.select("id", "product_id", "created_at", "closed_at")
    history = scope.tables["opportunity_history"].filter(pl.col("changed_at") < scope.as_of)
    history = history.select(
        "opportunity_id", "changed_at", "stage", "amount", "currency", "expected_close_on", order="id"
    )
    history = history.join(ids, left_on="opportunity_id", right_on="id").sort("opportunity_id", "changed_at", "order")
    history = _worth(history, scope).with_columns(
        pl.col("stage", "worth", "expected_close_on").forward_fill().over("opportunity_id"),
        at=pl.max_horizontal("changed_at", "created_at"),
    )
    history = history.filter(pl.col("closed_at").is_null() | (pl.col("at") < pl.col("closed_at")))
    outcome = pl.col("stage").replace_strict(closing_stages(found) or {"": ""}, default="open", return_dtype=pl.String)
    columns = {"id": "opportunity_id", "at": "at", "stage": "stage", "worth": "worth", "close_on": "expected_close_on"}
    changes = history.select(**columns).with_columns(outcome=outcome)
    changes = changes.unique(["id", "at"], keep="last", maintain_order=True)
    first = changes.unique("id", keep="first", maintain_order=True).select(
        "id", "stage", "worth", "close_on", "outcome"
    )
    births = found.select("id", at="created_at").join(first, on="id", how="left")
    births = births.join(
        found.select("id", now="worth", due="expected_close_on", stands="stage", status="status"), on="id"
    )
    is_told = pl.col("outcome").is_not_null()
    births = births.with_columns(
        worth=pl.col("worth").fill_null(pl.col("now")),
        close_on=pl.when(is_told).then("close_on").otherwise("due"),
        stage=pl.when(is_told).then("stage").when(pl.col("status") == "open").then("stands"),
        outcome=pl.lit("open"),
    ).select(changes.columns)
    closes = found.filter(pl.col("status") != "open").select(
        id="id", at="closed_at", stage="stage", worth="worth", close_on="expected_close_on", outcome="status"
    )
    whole = pl.concat([births, changes.select(births.columns), closes.select(births.columns)])
    order = pl.concat([pl.repeat(0, births.height, eager=True), pl.repeat(1, changes.height, eager=True),
                       pl.repeat(2, closes.height, eager=True)])  # fmt: skip
    whole = whole.with_columns(order=order).sort("id", "at", "order")
    # A birth and a close of one instant are two states; of an entry and either, the later one counts.
    is_birth = pl.col("order") == 0
    later = pl.concat([whole.filter(is_birth), whole.filter(~is_birth).unique(["id", "at"], keep="last")])
    return later.sort("id", "at", "order").drop("order")
