"""What is known of the deals at their moments: their changes, what was done on them, and who held them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers.moments import NEVER, Moments, take
from quarterdeck.metrics.drivers.settings import DriverSettings
from quarterdeck.metrics.drivers.trail import Floats, Trail, seconds

_CHANGES = ("id", "opportunity_id", "changed_at", "stage", "amount", "expected_close_on", "owner_id")
_WORK = ("opportunity_id", "started_at", "kind", "contact_id")


@dataclass(frozen=True)
class Known:
    """The moments, and the traces to ask at them.

    `changes` (deal, changed_at, stage, amount, expected_close_on, owner_id) and `work` (deal, started_at, kind,
    contact_id) are of the drawn deals, in order of deal and time. `owner` is the owner at each moment, `load` how many
    open deals that owner has then.
    """

    moments: Moments
    changes: pl.DataFrame
    work: pl.DataFrame
    owner: pl.Series
    load: Floats


def gather(
    tables: Tables, population: pl.DataFrame, deals: pl.DataFrame, settings: DriverSettings, as_of: datetime
) -> Known:
    """What is known of drawn deals, among all deals of the population (`moments.every_deal`)."""
    changes = _of(tables, "opportunity_history", deals, _CHANGES).filter(pl.col("changed_at") < as_of)
    changes = changes.sort("deal", "changed_at", "id")
    work = _of(tables, "activities", deals, _WORK).filter(pl.col("started_at") < as_of).sort("deal", "started_at")
    moments = take(deals, changes, settings, as_of)
    return Known(moments, changes, work, *_owners(moments, _stays(tables, population, as_of)))


def trail(rows: pl.DataFrame, column: str) -> Trail:
    """The rows' instants of a column, by deal."""
    return Trail(rows["deal"].to_numpy().astype(np.int64), seconds(rows[column]))


def held(rows: pl.DataFrame, column: str, moments: Moments) -> pl.Series:
    """The value of `changes` (ordered) that held at each moment, null before a deal's first."""
    place = pl.Series(trail(rows, "changed_at").last(moments.deal, moments.at))
    return rows[column].gather(place.set(place < 0, None))


def _of(tables: Tables, name: str, deals: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a table that belong to the deals, with the deal's number as `deal`."""
    import ibis

    numbers = deals.select(opportunity_id="id").with_row_index("deal")
    rows = tables.relation(name).select(*columns)
    rows = rows.semi_join(ibis.memtable(numbers.select("opportunity_id").to_arrow()), "opportunity_id")
    found: pl.DataFrame = rows.to_polars()
    return found.join(numbers, on="opportunity_id", how="inner").drop("opportunity_id")


def _stays(tables: Tables, population: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Who owned each deal from when to when (seconds): id, owner_id, start, stop.

    Owners are those of the history; a deal without one has had its owner from the beginning.
    """
    lives = population.select(
        "id",
        holder="owner_id",
        created=pl.col("created_at").dt.epoch("us") // 1_000_000,
        closed=(pl.col("closed_at").dt.epoch("us") // 1_000_000).fill_null(NEVER),
    )
    rows = tables.relation("opportunity_history").select("opportunity_id", "changed_at", "owner_id")
    changed: pl.DataFrame = rows.filter(rows.owner_id.notnull() & (rows.changed_at < as_of)).to_polars()
    changed = changed.rename({"opportunity_id": "id"}).sort("id", "changed_at")
    repeated = (pl.col("owner_id") == pl.col("owner_id").shift()) & (pl.col("id") == pl.col("id").shift())
    changed = changed.filter(~repeated.fill_null(False)).select("id", "owner_id", start=pl.col("changed_at"))
    changed = changed.with_columns(start=pl.col("start").dt.epoch("us") // 1_000_000)
    changed = changed.with_columns(
        stop=pl.col("start").shift(-1).over("id"), is_first=pl.int_range(pl.len()).over("id") == 0
    )
    stays = lives.join(changed, on="id", how="left").select(
        "id",
        owner_id=pl.coalesce("owner_id", "holder"),
        start=pl.when(pl.col("is_first").fill_null(True)).then("created").otherwise("start"),
        stop=pl.min_horizontal(pl.coalesce("stop", "closed"), "closed"),
    )
    return stays.filter(pl.col("stop") > pl.col("start"))


def _owners(moments: Moments, stays: pl.DataFrame) -> tuple[pl.Series, Floats]:
    """The owner at each moment, and how many open deals that owner has then."""
    mine = stays.join(moments.deals.select("id").with_row_index("deal"), on="id", how="inner").sort("deal", "start")
    place = pl.Series(
        Trail(mine["deal"].to_numpy().astype(np.int64), mine["start"].to_numpy()).last(moments.deal, moments.at)
    )
    owner = mine["owner_id"].gather(place.set(place < 0, None))
    names = stays["owner_id"].unique().drop_nulls().sort()
    code = owner.replace_strict(names, range(len(names)), default=None, return_dtype=pl.Int64)
    number = code.fill_null(0).to_numpy()
    held_by = stays.drop_nulls("owner_id").with_columns(
        number=pl.col("owner_id").replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    )
    each = held_by["number"].to_numpy()
    begun = Trail(each, held_by["start"].to_numpy()).before(number, moments.at)
    over = Trail(each, held_by["stop"].to_numpy()).before(number, moments.at)
    return owner, np.where(code.is_null().to_numpy(), 0.0, begun - over)
