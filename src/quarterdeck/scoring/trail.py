"""What the records say of a deal's life before a moment: aggregated where they lie, one small row a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.tables import Tables

if TYPE_CHECKING:
    import ibis

ACTIVITY = {"row": pl.Int64(), "recent_activities": pl.Float64(), "last_activity": pl.Datetime("us")}
HISTORY = {"row": pl.Int64(), "stage": pl.String(), "stated_amount": pl.Float64()}


def activity(moments: pl.DataFrame, tables: Tables, recent_days: int) -> pl.DataFrame | None:
    """Activities of the last days and the instant of the last one before each moment: `row, recent_activities,
    last_activity`.

    `moments` are `row, id, at` with `id` a deal's. Moments without an activity have no row; None where no activity
    of the company names a deal.
    """
    every = tables.relation("activities")
    done = every.select(deal="opportunity_id", past="started_at")
    done = done.filter(done.deal.notnull(), done.past.notnull())
    if not tables.has("activities") or not done.limit(1).count().execute():
        return None
    asked = _asked(moments.with_columns(since=pl.col("at") - timedelta(days=recent_days)))
    met = asked.join(done, [asked.id == done.deal, done.past < asked.at])
    found = met.group_by("row").agg(
        recent_activities=met.count(where=met.past >= met.since), last_activity=met.past.max()
    )
    return _frame(found, ACTIVITY)


def history(moments: pl.DataFrame, tables: Tables) -> pl.DataFrame | None:
    """Stage and stated amount as they were last changed before each moment: `row, stage, stated_amount`.

    Of changes of one instant the one with the greatest key counts, a longer key before a shorter one. None where
    there is no history.
    """
    import ibis

    if not tables.has("opportunity_history"):
        return None
    changes = tables.relation("opportunity_history").select("opportunity_id", "changed_at", "stage", "amount", key="id")
    asked = _asked(moments)
    met = asked.join(changes, [asked.id == changes.opportunity_id, changes.changed_at < asked.at])
    met = met.select("row", "changed_at", "key", "stage", "amount")
    newest = [met.changed_at.desc(), met.key.length().desc(), met.key.desc()]
    ranks = {
        f"{name}_rank": ibis.row_number().over(
            ibis.window(group_by="row", order_by=[met[name].isnull().ifelse(1, 0), *newest])
        )
        for name in ("stage", "amount")
    }
    ranked = met.mutate(**ranks)
    found = ranked.group_by("row").agg(
        stage=ranked.stage.max(where=ranked.stage_rank == 0),
        stated_amount=ranked.amount.max(where=ranked.amount_rank == 0),
    )
    return _frame(found, HISTORY)


def _asked(moments: pl.DataFrame) -> ibis.Table:
    import ibis

    return ibis.memtable(moments.with_columns(pl.col("row").cast(pl.Int64)).to_arrow())


def _frame(rows: ibis.Table, types: dict[str, pl.DataType]) -> pl.DataFrame:
    frame: pl.DataFrame = rows.to_polars()
    return frame.select(pl.col(name).cast(kind) for name, kind in types.items())
