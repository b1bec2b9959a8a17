"""What was known about a lead at a moment, and past leads as they stood at moments of their lives.

When a lead is dropped, hardly any system says when. So how long dropped leads were alive is told by the leads of today:
of each age, how many of those that did not convert are still open (current status data; Ayer et al. 1955). A dropped
lead counts at an age with the odds that it was still alive then.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from quarterdeck.base.draws import generator
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.features import columns_of, with_record
from quarterdeck.scoring.profile_records import FREE_MAIL, own_columns
from quarterdeck.scoring.reasons import Group
from quarterdeck.scoring.wording import company_words, said, whole

Array = NDArray[np.float64]
DAY = 86_400_000_000
AGES = (0.0, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 120.0)
"""Days of a lead's life between which it is looked at once each."""
LIFE_QUANTILE = 0.98
LEAST_LIFE = 14.0
LEAST_ALIVE = 0.02
"""Share of the dropped leads that must have been alive at an age for it to be learned from."""
RECENT_DAYS = 7
MOST_KINDS = 8
"""Kinds of events that are counted apart."""
OPEN = ("new", "working", "qualified")
FIELDS = ("channel", "title", "industry", "region", "country")


def is_converted() -> pl.Expr:
    """The lead became a deal or a customer."""
    return (
        pl.col("converted_at").is_not_null()
        | pl.col("opportunity_id").is_not_null()
        | (pl.col("status") == "converted").fill_null(False)
    )


def outcomes(tables: Tables) -> pl.DataFrame:
    """Leads in the order of time, those without a day in the order of their file: `id, created_at, converted_at,
    is_won, is_open`."""
    rows = columns_of(tables, "leads", "id", "created_at", "converted_at", "status", "opportunity_id")
    rows = rows.select(
        "id",
        "created_at",
        "converted_at",
        is_won=is_converted(),
        is_open=~is_converted() & pl.col("status").fill_null("new").is_in(OPEN),
    )
    return rows.sort("created_at", maintain_order=True, nulls_last=False)


def life_days(leads: pl.DataFrame) -> float:
    """Days within which nearly all leads that convert have converted."""
    days = (leads["converted_at"] - leads["created_at"]).dt.total_microseconds() / DAY
    found = days.filter(days >= 0).quantile(LIFE_QUANTILE)
    return max(float(found or 0.0), LEAST_LIFE)


def moments(leads: pl.DataFrame, as_of: datetime, limit: int, seed: int) -> pl.DataFrame:
    """Moments of past leads with what became of them: `id, at, won, weight, settled_at`, in the order of time.

    A lead is looked at once in each of AGES while it may have been alive, at most `limit` moments. `settled_at` is
    when its outcome was known at the latest: of a lead without a day it is null, and so is its one moment.
    """
    life = life_days(leads)
    undated = leads.filter(pl.col("created_at").is_null() & ~pl.col("is_open")).select(
        "id",
        at=pl.lit(None, dtype=pl.Datetime("us")),
        won=pl.col("is_won").cast(pl.Float64),
        weight=pl.lit(1.0),
        settled_at=pl.lit(None, dtype=pl.Datetime("us")),
    )
    settled = leads.filter(pl.col("created_at") < as_of - timedelta(days=life))
    parts = [undated.tail(limit)]
    if settled.height:
        parts.append(_dated(settled, _alive(leads, as_of), as_of, life, seed))
    found = pl.concat(parts)
    if found.height > limit:
        found = found.sample(limit, seed=seed).sort("at", "id", nulls_last=False)
    return found


def _dated(
    leads: pl.DataFrame, alive: IsotonicRegression | None, as_of: datetime, life: float, seed: int
) -> pl.DataFrame:
    place = generator(seed, "scoring.leads").random((leads.height, len(AGES) - 1))
    ages = np.array(AGES[:-1]) + place * np.diff(AGES)
    share = np.clip(alive.predict(ages.ravel()), 0, 1).reshape(ages.shape) if alive is not None else np.ones(ages.shape)
    kept = (share.mean(axis=0) >= LEAST_ALIVE) & (np.array(AGES[:-1]) < life)
    kept[0] = True
    rows, columns = np.nonzero(np.broadcast_to(kept, ages.shape))
    age, share = ages[rows, columns], np.where(columns == 0, 1.0, share[rows, columns])
    found = leads[rows].with_columns(age=pl.Series(age), share=pl.Series(share))
    at = pl.col("created_at") + pl.duration(microseconds=(pl.col("age") * DAY).cast(pl.Int64))
    settled = pl.col("created_at") + pl.duration(microseconds=int(life * DAY))
    found = found.with_columns(at=at, settled_at=pl.coalesce("converted_at", settled))
    is_dropped = ~pl.col("is_won") & ~pl.col("is_open")
    weight = pl.when(is_dropped).then("share").otherwise(1.0)
    found = found.filter((pl.col("at") < pl.col("settled_at")) & (pl.col("at") < as_of)).sort("at", "id")
    return found.select("id", "at", won=pl.col("is_won").cast(pl.Float64), weight=weight, settled_at="settled_at")


def _alive(leads: pl.DataFrame, as_of: datetime) -> IsotonicRegression | None:
    """Odds by age that a lead that does not convert is still open; None where none was ever dropped."""
    lost = leads.filter(~pl.col("is_won") & (pl.col("created_at") < as_of))
    if lost["is_open"].all():
        return None
    age = (as_of - lost["created_at"]).dt.total_microseconds() / DAY
    model = IsotonicRegression(y_min=0.0, y_max=1.0, increasing=False, out_of_bounds="clip")
    return model.fit(age.to_numpy(), lost["is_open"].cast(pl.Float64).to_numpy())


class Known:
    """Reads once what the tables tell of leads, and says what was known of any of them at moments.

    `late` are columns that are filled in, or only true, once the outcome is known: they are left out.
    """

    def __init__(self, tables: Tables, life: float, late: set[str]) -> None:
        self.life = life
        leads = tables["leads"]
        own = own_columns(leads["attributes"], taken=set(leads.columns))
        self.own = [name for name in own.columns if name not in late]
        mail = pl.col("email").str.to_lowercase()
        kind = pl.when(mail.str.contains(FREE_MAIL)).then(pl.lit("free")).when(mail != "").then(pl.lit("own domain"))
        described = leads.select(
            "id",
            *(name for name in FIELDS if name not in late),
            *(pl.lit(None, dtype=pl.String).alias(name) for name in FIELDS if name in late),
            employees=pl.col("employees").cast(pl.Float64) if "employees" not in late else pl.lit(None, pl.Float64),
            mail=kind,
            has_phone=(pl.col("phone").str.len_chars() > 4).fill_null(False).cast(pl.Float64),
            owner_id=pl.col("owner_id") if "owner_id" not in late else pl.lit(None, pl.String),
            company_key=pl.col("company").str.to_lowercase().str.strip_chars(),
            created_at="created_at",
            responded_at=pl.col("responded_at"),
        )
        self.described = pl.concat([described, own.select(self.own).rename(_own_name)], how="horizontal")
        over = pl.coalesce("converted_at", pl.col("created_at") + pl.duration(microseconds=int(life * DAY)))
        self.past = leads.filter(pl.col("created_at").is_not_null()).select(
            "owner_id",
            company_key=pl.col("company").str.to_lowercase().str.strip_chars(),
            status=pl.when(is_converted()).then(pl.lit("won")).otherwise(pl.lit("lost")),
            closed_at=over,
        )
        self.events = columns_of(tables, "events", "lead_id", "kind", "occurred_at").drop_nulls()
        self.kinds = self.events["kind"].value_counts().sort("count", "kind", descending=True)["kind"].head(MOST_KINDS)
        touches = columns_of(tables, "activities", "lead_id", "started_at", "outcome")
        self.touches = touches.filter(pl.col("lead_id").is_not_null() & pl.col("started_at").is_not_null())

    @property
    def groups(self) -> tuple[Group, ...]:
        """Columns that are explained together."""
        own = tuple(Group(name, (_own_name(name),), _own_words(name)) for name in self.own)
        events = tuple(_event_name(kind) for kind in sorted(self.kinds.to_list()))
        return (
            *_GROUPS,
            Group("events", ("events", "recent_events", "quiet_days", *events), _event_words(), True),
            *own,
        )

    def at(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Features of `id, at` rows in their order, each from what lies before its `at` alone.

        A row without a moment is taken as the table shows it.
        """
        rows = asked.select("id", "at").with_row_index("row").join(self.described, on="id", how="left")
        for key, name in (("owner_id", "owner"), ("company_key", "company")):
            rows = with_record(rows, self.past.select(key, "status", "closed_at"), key, name)
        rows = rows.join(self._counted(rows), on="row", how="left").join(self._touched(rows), on="row", how="left")
        age = (pl.col("at") - pl.col("created_at")).dt.total_microseconds() / DAY
        answered = pl.col("responded_at") < pl.col("at")
        waited = pl.when(answered).then(pl.col("responded_at")).otherwise("at") - pl.col("created_at")
        counts = [_event_name(kind) for kind in sorted(self.kinds.to_list())] if self.events.height else []
        is_dated = pl.col("at").is_not_null()
        nothing = pl.lit(None, dtype=pl.Float64)
        return rows.sort("row").select(
            *FIELDS,
            "employees",
            "mail",
            "has_phone",
            *(_own_name(name) for name in self.own),
            "owner_win_rate",
            "owner_closed",
            "company_wins",
            "company_closed",
            age_days=age,
            arrival_weekday=pl.col("created_at").dt.weekday().cast(pl.Float64),
            arrival_hour=pl.col("created_at").dt.hour().cast(pl.Float64),
            is_answered=pl.when(is_dated).then(answered.fill_null(False).cast(pl.Float64)),
            wait_hours=waited.dt.total_microseconds() / DAY * 24,
            events=pl.when(is_dated).then(pl.col("events").fill_null(0.0)) if self.events.height else nothing,
            recent_events=pl.when(is_dated).then(pl.col("recent_events").fill_null(0.0)) if counts else nothing,
            quiet_days=pl.col("quiet_days") if counts else nothing,
            touches=pl.when(is_dated).then(pl.col("touches").fill_null(0.0)) if self.touches.height else nothing,
            last_outcome="last_outcome",
            **{name: pl.col(name).fill_null(0.0) for name in counts},
        )

    def _counted(self, rows: pl.DataFrame) -> pl.DataFrame:
        asked = rows.select("row", "at", lead_id="id")
        met = asked.join(self.events, on="lead_id").filter(pl.col("occurred_at") < pl.col("at"))
        is_recent = pl.col("occurred_at") >= pl.col("at") - timedelta(days=RECENT_DAYS)
        return met.group_by("row").agg(
            events=pl.len().cast(pl.Float64),
            recent_events=is_recent.sum().cast(pl.Float64),
            quiet_days=(pl.col("at") - pl.col("occurred_at")).min().dt.total_microseconds() / DAY,
            **{_event_name(kind): (pl.col("kind") == kind).sum().cast(pl.Float64) for kind in self.kinds.to_list()},
        )

    def _touched(self, rows: pl.DataFrame) -> pl.DataFrame:
        asked = rows.select("row", "at", lead_id="id")
        met = asked.join(self.touches, on="lead_id").filter(pl.col("started_at") < pl.col("at"))
        last = pl.col("outcome").sort_by("started_at", "outcome").last()
        return met.group_by("row").agg(touches=pl.len().cast(pl.Float64), last_outcome=last)


def _own_name(name: str) -> str:
    return f"own: {name}"


def _event_name(kind: str) -> str:
    return f"event: {kind}"


def _own_words(name: str) -> pl.Expr:
    label = name.replace("_", " ").replace("{", "(").replace("}", ")")
    return said(_own_name(name), f"{label[:1].upper()}{label[1:]}: {{}}", otherwise=f"No {label} stated")


def _event_words() -> pl.Expr:
    told = pl.format(
        "{} visits, forms, openings and the like, {} in the last week", whole("events"), whole("recent_events")
    )
    return pl.when(pl.col("events").is_not_null()).then(told).otherwise(pl.lit("No events recorded"))


_ANSWER = (
    pl.when(pl.col("is_answered") > 0)
    .then(pl.format("Answered after {} hours", whole("wait_hours")))
    .when(pl.col("is_answered") == 0)
    .then(pl.format("Waiting {} hours for an answer", whole("wait_hours")))
    .otherwise(pl.lit("Nothing known of an answer"))
)
_OWNER = (
    pl.when(pl.col("owner_closed") > 0)
    .then(
        pl.format(
            "Owner's record: {}% of {} leads converted",
            (100 * pl.col("owner_win_rate")).round().cast(pl.Int64),
            whole("owner_closed"),
        )
    )
    .otherwise(pl.lit("The owner has no record yet"))
)
_EARLIER = (
    pl.when(pl.col("company_closed") > 0)
    .then(pl.format("The company: {} of {} earlier leads converted", whole("company_wins"), whole("company_closed")))
    .otherwise(pl.lit("The company's first lead"))
)
_TOUCHES = (
    pl.when(pl.col("touches").is_null())
    .then(pl.lit("No calls or emails recorded"))
    .when(pl.col("last_outcome").is_not_null())
    .then(pl.format("{} calls and emails, the last: {}", whole("touches"), pl.col("last_outcome").fill_null("")))
    .otherwise(pl.format("{} calls and emails", whole("touches")))
)
_ARRIVED = (
    pl.when(pl.col("age_days").is_not_null())
    .then(pl.format("Arrived {} days ago", whole("age_days")))
    .otherwise(pl.lit("No day of arrival"))
)
_GROUPS = (
    Group("age", ("age_days", "arrival_weekday", "arrival_hour"), _ARRIVED, True),
    Group("channel", ("channel",), said("channel", "Came by {}", otherwise="No channel stated")),
    Group("title", ("title",), said("title", "Title {}", otherwise="No title stated")),
    Group("company", ("industry", "employees"), company_words()),
    Group("place", ("region", "country"), said("region", "Region {}", otherwise="No region stated")),
    Group(
        "contact",
        ("mail", "has_phone"),
        said("mail", "Address of a mail service or an own domain: {}", otherwise="No address"),
    ),
    Group("owner", ("owner_win_rate",), _OWNER),
    Group("earlier", ("company_wins", "company_closed"), _EARLIER),
    Group("answer", ("is_answered", "wait_hours"), _ANSWER, True),
    Group("touches", ("touches", "last_outcome"), _TOUCHES, True),
)
