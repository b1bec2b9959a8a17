"""A history of our own: how deals differ from one sync to the next, for sources that send none."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import polars as pl

from quarterdeck.base.schema import conform

if TYPE_CHECKING:
    import ibis

SOURCE = "observed"
"""Source of the rows of `opportunity_history` that were seen by comparing."""

WATCHED = ("stage", "amount", "expected_close_on", "forecast_category", "owner_id")


def observe(
    changed: ibis.Table,
    known: ibis.Table,
    history: ibis.Table | None,
    before: tuple[int, datetime],
    now: tuple[int, datetime],
) -> pl.DataFrame:
    """Rows of `opportunity_history` for deals of `known` that are otherwise in `changed`.

    `before` and `now` are number and moment of the syncs compared. A deal's first change brings two rows: as it was
    seen to be at the last sync, and as it is.
    """
    new = changed.select("id", "currency", *WATCHED).rename({f"new_{name}": name for name in ("currency", *WATCHED)})
    both = known.select("id", "currency", *WATCHED).inner_join(new, "id")
    differs = reduce(or_, (~both[name].identical_to(both[f"new_{name}"]) for name in WATCHED))
    pairs = pl.DataFrame(pl.from_arrow(both.filter(differs).to_pyarrow()))
    if pairs.is_empty():
        return conform("opportunity_history", pairs.select(pl.lit(None).alias("id")).clear())
    seen = _seen(history, pairs["id"])
    unseen = pairs.filter(~pl.col("id").is_in(seen.implode()))
    old = _rows(unseen, "", *before)
    return pl.concat([old, _rows(pairs, "new_", *now)]).sort("id")


def _seen(history: ibis.Table | None, deals: pl.Series) -> pl.Series:
    """The deals of which a change was observed before."""
    if history is None:
        return pl.Series("id", [], dtype=pl.String)
    import ibis

    asked = ibis.memtable(deals.to_frame("id").to_arrow())
    found = history.filter(history.source == SOURCE).semi_join(asked, history.opportunity_id == asked.id)
    return pl.Series(
        "id", found.select("opportunity_id").distinct().to_pyarrow()["opportunity_id"].to_pylist(), pl.String
    )


def _rows(pairs: pl.DataFrame, prefix: str, sequence: int, at: datetime) -> pl.DataFrame:
    key = pl.format(f"{SOURCE}-{{}}-{sequence}", "id")
    rows = pairs.select(
        id=key,
        source=pl.lit(SOURCE),
        source_id=key,
        opportunity_id="id",
        changed_at=pl.lit(at).cast(pl.Datetime("us")),
        **{name: f"{prefix}{name}" for name in ("currency", *WATCHED)},
    )
    return conform("opportunity_history", rows)
