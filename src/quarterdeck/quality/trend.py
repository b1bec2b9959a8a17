"""How error rates move: by person, team and source, week by week and month by month.

Two bases, each honest about the past. *Dated*: a record counts in the period in which it was created, closed or
changed, as it stands now; what was mended since counts as right. Checks of how things stand now (open, unpaid, waiting)
have no such past and are left out. *State*: deals that were open when a period ended, as their history says that they
stood then; what was mended since still counts as wrong there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from quarterdeck.base.calendar import next_start, period_start
from quarterdeck.base.config import Config, instant
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality.catalogue import catalogue
from quarterdeck.quality.check import Moment
from quarterdeck.quality.effects import GRAINS, beginnings, error_effects
from quarterdeck.quality.panel import CLASSES, company_amount, held_at, panel, starts_before, week_start
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.quality.wrong import DATED, Context, local_day

_KEY = ("period_start", "dimension", "member", "table", "check")
_DIMENSIONS = ("all", "owner", "team", "source")


@dataclass(frozen=True, slots=True)
class Periods:
    """Whole past periods of a grain, the oldest first; `ends` are the days after them."""

    grain: str
    starts: tuple[date, ...]
    ends: tuple[date, ...]

    def of(self, day: pl.Expr) -> pl.Expr:
        """First day of the period that holds the day; null outside of them."""
        found = pl.lit(None, pl.Date)
        for start, end in zip(self.starts, self.ends, strict=True):
            found = pl.when((day >= start) & (day < end)).then(pl.lit(start)).otherwise(found)
        return found


def trend(tables: Tables, config: Config[QualitySettings]) -> Result:
    """Writes `error_rates` and `error_effects`; a finding for what got worse, and one for what errors did."""
    moment = Moment(config.as_of, config.today, config.company, config.settings)
    context = Context(tables, moment)
    every = [periods for periods in past_periods(moment) if periods.starts]
    ends = [end for periods in every for end in _ends(periods, moment)]
    held = held_at(tables, moment, [*ends, *(at for grain in GRAINS for at in beginnings(grain, moment))])
    parts = []
    for periods in every:
        parts.append(_dated(tables, context, periods))
        parts.append(_state(tables, context, periods, held))
    rates = pl.concat(parts).sort("grain", "basis", *_KEY) if parts else empty("error_rates")
    effects, findings = error_effects(tables, context, held)
    return Result({"error_rates": rates, "error_effects": effects}, [*_got_worse(rates, config.settings), *findings])


def past_periods(moment: Moment) -> tuple[Periods, ...]:
    """The whole weeks and fiscal months before the moment that the settings ask for."""
    settings, company = moment.settings, moment.company
    # The moment's day is over only when the moment is its end.
    last = week_start(moment.today)
    weeks = [last - timedelta(weeks=back) for back in range(settings.trend_weeks, 0, -1)]
    current = period_start(moment.today, "month", company)
    months = starts_before(current, "month", settings.trend_months, company)
    return (
        Periods("week", tuple(weeks), tuple(start + timedelta(weeks=1) for start in weeks)),
        Periods("month", tuple(months), tuple(next_start(start, "month", company) for start in months)),
    )


def _ends(periods: Periods, moment: Moment) -> dict[datetime, date]:
    """The instants at which the periods end, with their first days."""
    return {instant(end, moment.company): start for start, end in zip(periods.starts, periods.ends, strict=True)}


def _teams(tables: Tables) -> pl.DataFrame:
    return tables["people"].select(owner_id="id", team="team").unique("owner_id", keep="first", maintain_order=True)


def _dated(tables: Tables, context: Context, periods: Periods) -> pl.DataFrame:
    """Rates of records by their own day."""
    checks = catalogue(context.moment.settings)
    past = [name for name, entry in checks.items() if not entry.of_now]
    errors = tables["errors"].filter(pl.col("check").is_in(past))
    teams = _teams(tables)
    made = []
    for (name,), wrong in errors.group_by("table", maintain_order=True):
        table = str(name)
        usual = DATED.get(table, "")
        by_column: dict[str, list[str]] = {}
        for check in wrong["check"].unique(maintain_order=True).to_list():
            entry = checks.get(check)
            by_column.setdefault((entry.dated if entry else "") or usual, []).append(check)
        for column, names in by_column.items():
            if not column:
                continue
            found = wrong.filter(pl.col("check").is_in(names)).select("record_id", "check", "money_at_stake")
            records = _records(context.index_of(table, found["record_id"]), column, periods, context.moment)
            sizes = _sizes(context, table, column, periods)
            found = records.join(found, left_on="id", right_on="record_id")
            made.append(_rates(sizes, found, table, teams, with_any=column == usual))
    return _finished(made, periods, "dated")


def _records(index: pl.DataFrame, column: str, periods: Periods, moment: Moment) -> pl.DataFrame:
    """Records of an index with the period of their day, their owner and source."""
    owner = next((key for key in ("owner_id", "person_id") if key in index.columns), None)
    return index.select(
        "id",
        periods.of(local_day(index, column, moment)).alias("period_start"),
        (pl.col(owner) if owner else pl.lit(None, pl.String)).alias("owner_id"),
        pl.col("source") if "source" in index.columns else pl.lit(None, pl.String).alias("source"),
    ).filter(pl.col("period_start").is_not_null())


def _sizes(context: Context, table: str, column: str, periods: Periods) -> pl.DataFrame:
    """Number of records by period, owner and source."""
    keys = ["period_start", "owner_id", "source"]
    if not context.is_long(table):
        records = _records(context.index(table), column, periods, context.moment)
        return records.group_by(keys).agg(pl.len().cast(pl.Int64).alias("records"))
    import ibis

    rows = context.told(table)
    owner = next((key for key in ("owner_id", "person_id") if key in rows.columns), None)
    zone = context.moment.company
    is_day = rows[column].type().is_date()
    bounds = [
        (start, *((start, end) if is_day else (instant(start, zone), instant(end, zone))))
        for start, end in zip(periods.starts, periods.ends, strict=True)
    ]
    cases = [((rows[column] >= first) & (rows[column] < after), ibis.literal(start)) for start, first, after in bounds]
    rows = rows.select(
        period_start=ibis.cases(*cases, else_=ibis.null("date")),
        owner_id=rows[owner] if owner else ibis.null("string"),
        source=rows.source if "source" in rows.columns else ibis.null("string"),
    )
    counts = rows.filter(rows.period_start.notnull()).group_by(keys).agg(records=lambda row: row.count())
    frame: pl.DataFrame = counts.to_polars()
    return frame


def _state(tables: Tables, context: Context, periods: Periods, held: pl.DataFrame) -> pl.DataFrame:
    """Rates of deals by how they stood when a period ended."""
    moment = context.moment
    ends = _ends(periods, moment)
    held = panel(tables, moment, list(ends), held)
    if held.is_empty():
        return empty("error_rates")
    amount = company_amount("amount", moment, context.rates())
    held = held.with_columns(
        pl.col("at").replace_strict(ends, return_dtype=pl.Date).alias("period_start"),
        amount.alias("money_at_stake"),
        pl.col("deal").alias("id"),
    )
    records = held.select("id", "period_start", "owner_id", "source")
    sizes = records.group_by("period_start", "owner_id", "source").agg(pl.len().cast(pl.Int64).alias("records"))
    disabled = set(moment.settings.disabled)
    found = [
        held.filter(pl.col(name)).select(*records.columns, pl.lit(name).alias("check"), "money_at_stake")
        for name in CLASSES
        if name not in disabled
    ]
    wrong = pl.concat(found) if found else records.clear().with_columns(check=pl.lit(""), money_at_stake=pl.lit(0.0))
    made = [_rates(sizes, wrong, "opportunities", _teams(tables), with_any=True)]
    return _finished(made, periods, "state")


def _rates(
    records: pl.DataFrame, wrong: pl.DataFrame, table: str, teams: pl.DataFrame, *, with_any: bool
) -> pl.DataFrame:
    """Records and errors by period, member and check; `any` counts a record once, however much is wrong with it.

    `records` are numbers of records by period, owner and source, `wrong` a row a record and check.
    """
    parts = []
    for dimension, by in zip(_DIMENSIONS, ("all", "owner_id", "team", "source"), strict=True):
        whole, found = (_with_member(rows, by, teams) for rows in (records, wrong))
        sizes = whole.group_by("period_start", "member").agg(pl.col("records").sum())
        counts = [found.group_by("period_start", "member", "check").agg(
            pl.col("id").n_unique().alias("errors"), pl.col("money_at_stake").sum())]  # fmt: skip
        if with_any:
            once = found.group_by("period_start", "member", "id").agg(pl.col("money_at_stake").max())
            whole_sizes = sizes.select("period_start", "member", pl.lit("any").alias("check"))
            once = once.group_by("period_start", "member").agg(pl.len().alias("errors"), pl.col("money_at_stake").sum())
            counts.append(whole_sizes.join(once, on=["period_start", "member"], how="left").select(counts[0].columns))
        rows = pl.concat([frame.cast({"errors": pl.Int64}) for frame in counts])
        rows = _with_zeros(rows, sizes)
        parts.append(rows.with_columns(pl.lit(dimension).alias("dimension"), pl.lit(table).alias("table")))
    return pl.concat(parts)


def _with_member(rows: pl.DataFrame, by: str, teams: pl.DataFrame) -> pl.DataFrame:
    if by == "all":
        return rows.with_columns(pl.lit("all").alias("member"))
    if by == "team":
        rows = rows.join(teams, on="owner_id", how="left")
    return rows.with_columns(pl.col(by).alias("member")).filter(pl.col("member").is_not_null())


def _with_zeros(rows: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """A row for each period in which the member had records, of every check that found something with the member."""
    pairs = rows.select("member", "check").unique()
    every = sizes.join(pairs, on="member")
    return every.join(rows, on=["period_start", "member", "check"], how="left").with_columns(
        pl.col("errors").fill_null(0), pl.col("money_at_stake").fill_null(0.0)
    )


def _finished(made: list[pl.DataFrame], periods: Periods, basis: str) -> pl.DataFrame:
    if not made:
        return empty("error_rates")
    rows = pl.concat(made, how="diagonal").with_columns(
        (pl.col("errors") / pl.col("records")).alias("rate"),
        pl.lit(periods.grain).alias("grain"),
        pl.lit(basis).alias("basis"),
    )
    following = dict(zip(periods.starts[:-1], periods.starts[1:], strict=True))
    before = rows.select(
        pl.col("period_start").replace_strict(following, default=None, return_dtype=pl.Date),
        *_KEY[1:],
        pl.col("rate").alias("rate_before"),
    ).filter(pl.col("period_start").is_not_null())
    rows = rows.join(before, on=list(_KEY), how="left")
    return conform("error_rates", rows.with_columns((pl.col("rate") - pl.col("rate_before")).alias("change")))


def _got_worse(rates: pl.DataFrame, settings: QualitySettings) -> Iterator[Finding]:
    """Teams and sources whose share of wrong records rose in the last month by more than chance would have it."""
    last = rates.filter(
        pl.col("grain") == "month",
        pl.col("check") == "any",
        pl.col("dimension").is_in(["owner", "team", "source"]),
        pl.col("records") >= settings.trend_minimum,
    )
    last = last.filter(pl.col("period_start") == pl.col("period_start").max().over("table", "basis"))
    noise = (pl.col("rate_before") * (1 - pl.col("rate_before")) / pl.col("records")).sqrt().clip(lower_bound=0.01)
    last = last.filter(pl.col("change") > 3 * noise).sort("change", descending=True)
    for row in last.head(20).iter_rows(named=True):
        yield Finding(
            code="quality.got_worse",
            severity="notice",
            message=f"{row['errors']:,} of {row['records']:,} {row['table']} of {row['dimension']} {row['member']} "
            f"were wrong in {row['period_start']:%Y-%m} ({row['rate']:.0%}); the month before it was "
            f"{row['rate_before']:.0%}.",
            fix="Look at the rows of error_rates of that month to see which check found them, and ask what changed.",
            table=row["table"],
            record_id=f"{row['basis']} {row['dimension']} {row['member']}",
            owner_id=row["member"] if row["dimension"] == "owner" else None,
            money_at_stake=row["money_at_stake"],
            count=row["errors"],
        )
