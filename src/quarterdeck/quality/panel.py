"""Open deals as they stood at past moments, from history: what their entries said then, and what was wrong with them.

A deal that has no history before a moment is left out: nobody knows what was typed then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from quarterdeck.base.calendar import Grain, previous_start
from quarterdeck.base.config import Company
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Moment, seconds

CLASSES: tuple[str, ...] = (
    "owner_left",
    "close_date_in_past",
    "expected_close_missing",
    "open_without_amount",
    "open_too_long",
    "close_date_pushed",
    "untouched",
)
"""Checks of a deal's state, the gravest first: of each the panel has a flag."""


def panel(
    tables: Tables, moment: Moment, moments: Sequence[datetime], held: pl.DataFrame | None = None
) -> pl.DataFrame:
    """A row for each deal that was open at one of the moments.

    Columns: at, deal, source, owner_id, amount (minor units, may be null), currency, expected_close_on, pushes, a flag
    for each of CLASSES, and how the deal ended: status, closed_at, won_amount. Empty without a history. `held` is what
    `held_at` gives of these moments and any others.
    """
    frame = held_at(tables, moment, moments) if held is None else held.filter(pl.col("at").is_in(list(moments)))
    if frame.is_empty():
        return _empty()
    limit = _age_limit(tables, moment, min(moments))
    age = (pl.col("at") - pl.col("created_at")).dt.total_seconds()
    return frame.with_columns(
        (age > limit).alias("open_too_long") if limit is not None else pl.lit(False).alias("open_too_long"),
        pl.col("owner_left", "untouched").fill_null(False),
        (pl.col("expected_close_on") < pl.col("at").dt.date()).fill_null(False).alias("close_date_in_past"),
        pl.col("expected_close_on").is_null().alias("expected_close_missing"),
        (pl.col("amount").fill_null(0) <= 0).alias("open_without_amount"),
        (pl.col("pushes") >= moment.settings.pushes).alias("close_date_pushed"),
    ).sort("at", "deal")


def held_at(tables: Tables, moment: Moment, moments: Sequence[datetime]) -> pl.DataFrame:
    """The deals that were open at each of the moments, with what their entries said: one walk through the history."""
    import ibis

    if not (moments and tables.has("opportunities") and tables.has("opportunity_history")):
        return _empty()
    ats = ibis.memtable(pl.DataFrame({"at": sorted(set(moments))}, schema={"at": pl.Datetime("us")}).to_arrow())
    states = _states(tables)
    rows = tables.relation("opportunities").select(
        "source", "status", "closed_at", "created_at", deal="id", won_amount="amount", now_currency="currency"
    )
    held = states.inner_join(ats, (states.since <= ats["at"]) & (states.until.isnull() | (states.until > ats["at"])))
    held = held.inner_join(rows, held.state_deal == rows.deal)
    held = held.filter((held.created_at <= held["at"]) & (held.closed_at.isnull() | (held.closed_at > held["at"])))
    held = _with_flags(held, tables, moment, ats)
    frame: pl.DataFrame = held.select(*_COLUMNS).to_polars()
    return frame


_COLUMNS = (
    "at", "deal", "source", "owner_id", "amount", "currency", "expected_close_on", "pushes", "created_at", "status",
    "closed_at", "won_amount", "owner_left", "untouched",
)  # fmt: skip


def _empty() -> pl.DataFrame:
    kinds: dict[str, Any] = dict.fromkeys(_COLUMNS, pl.String) | dict.fromkeys(CLASSES, pl.Boolean)
    kinds |= dict.fromkeys(("at", "created_at", "closed_at"), pl.Datetime("us"))
    kinds |= {"amount": pl.Int64, "won_amount": pl.Int64, "pushes": pl.Int64, "expected_close_on": pl.Date}
    return pl.DataFrame(schema=kinds)


def _states(tables: Tables) -> Any:
    """Each change of a deal, the time for which its values held, and how often the close date was put off by then."""
    import ibis

    changes = tables.relation("opportunity_history")
    in_time = ibis.window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    before = changes.expected_close_on.lag().over(in_time)
    pushed = (changes.expected_close_on > before).fill_null(False).ifelse(1, 0)
    changes = changes.mutate(is_push=pushed, until=changes.changed_at.lead().over(in_time))
    so_far = ibis.cumulative_window(group_by=changes.opportunity_id, order_by=[changes.changed_at, changes.id])
    return changes.select(
        "owner_id", "amount", "currency", "expected_close_on", "until", state_deal="opportunity_id",
        since="changed_at", pushes=changes.is_push.sum().over(so_far).cast("int64"),
    )  # fmt: skip


def _with_flags(held: Any, tables: Tables, moment: Moment, ats: Any) -> Any:
    people, worked = tables.relation("people"), tables.relation("activities")
    gone = people.filter(people.left_on.notnull()).select(gone_id="id", left_on="left_on")
    held = held.left_join(gone, held.owner_id == gone.gone_id)
    held = held.mutate(owner_left=held.left_on < held["at"].date())
    if not tables.has("activities"):
        import ibis

        return held.mutate(untouched=ibis.literal(False))
    worked = worked.filter(worked.opportunity_id.notnull() & worked.started_at.notnull())
    # Whoever did something in the days before a moment has touched the deal: no need for the last time itself.
    idle = moment.settings.idle_days * 86_400
    ahead = seconds(ats["at"]) - idle
    marks = ats.mutate(from_second=ahead, to_second=seconds(ats["at"])).select("from_second", "to_second", mark="at")
    worked = worked.select(touched_deal="opportunity_id", second=seconds(worked.started_at))
    touched = worked.inner_join(marks, (worked.second >= marks.from_second) & (worked.second < marks.to_second))
    touched = touched.select("touched_deal", "mark").distinct()
    held = held.left_join(touched, [held.deal == touched.touched_deal, held["at"] == touched.mark])
    is_old = seconds(held["at"]) - seconds(held.created_at) > idle
    return held.mutate(untouched=held.mark.isnull() & is_old)


def _age_limit(tables: Tables, moment: Moment, first: datetime) -> float | None:
    """Seconds within which nearly all deals won before the first moment had closed: the same for every moment."""
    rows = tables.relation("opportunities")
    rows = rows.filter((rows.status == "won") & (rows.closed_at >= rows.created_at) & (rows.closed_at < first))
    took = (seconds(rows.closed_at) - seconds(rows.created_at)).cast("float64")
    found = rows.agg(limit=took.quantile(moment.settings.stale_rate), won=rows.count()).to_polars()
    enough = found["won"][0] >= moment.settings.stale_minimum
    return float(found["limit"][0]) if enough else None


def company_amount(column: str, moment: Moment, rates: dict[str, float]) -> pl.Expr:
    """Minor units of a column as major units of the company's currency; null where no rate is known."""
    currency = pl.coalesce(pl.col("currency").replace("", None), pl.lit(moment.company.currency))
    return pl.col(column) * currency.replace_strict(rates, default=None, return_dtype=pl.Float64)


def week_start(day: Any) -> Any:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def starts_before(current: date, grain: Grain, count: int, company: Company) -> list[date]:
    """First days of the periods before the one that begins on `current`, the oldest first."""
    found = [current]
    while len(found) <= count:
        found.append(previous_start(found[-1], grain, company))
    return found[:0:-1]
