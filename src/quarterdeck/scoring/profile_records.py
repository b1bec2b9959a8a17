"""Accounts and leads as rows of attributes, and what became of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.profile_settings import ProfileSettings

SAMPLE = 2_000
MAX_KEYS = 60
COMMON = {
    "accounts": ("industry", "employees", "revenue", "region", "country", "city", "founded_year"),
    "leads": ("channel", "title", "industry", "employees", "region", "country"),
}
"""Columns that tell who a record is, whatever became of it."""
FREE_MAIL = (
    r"@(gmail|googlemail|yahoo|hotmail|outlook|live|icloud|aol|gmx|web|naver|daum|hanmail|kakao|qq|163|proton)\."
)


@dataclass(frozen=True)
class Records:
    """Rows `id`, `at` (when it came to be known, or null) and attributes; and outcomes of some of them.

    `outcomes` has `id`, `at` (the moment in whose order they are tested), `won` (0 or 1) and `value` in major units, an
    account's once for each of its deals; `own` are attributes that only the source has.
    """

    frame: pl.DataFrame
    outcomes: pl.DataFrame
    own: tuple[str, ...]

    @property
    def attributes(self) -> list[str]:
        return [name for name in self.frame.columns if name not in ("id", "at")]

    def lessons(self) -> pl.DataFrame:
        """A row an outcome with its record's attributes, in the order of time; undated ones in the file's order."""
        joined = self.outcomes.join(self.frame.drop("at"), on="id", how="inner", maintain_order="left")
        return joined.sort("at", maintain_order=True, nulls_last=False)


def accounts(tables: Tables, config: Config[ProfileSettings]) -> Records:
    """Accounts, with each closed deal as an outcome; first sales alone where there are enough of them."""
    table = tables["accounts"]
    units = scale(config.company.currency)
    described, own = _described(table.with_columns(revenue=pl.col("revenue") / units), "accounts")
    deals = (
        tables.relation("opportunities")
        .select("account_id", "status", "kind", "closed_at", "amount")
        .to_polars()
        .filter(pl.col("status").is_in(["won", "lost"]) & pl.col("account_id").is_not_null())
    )
    first = deals.filter(pl.col("kind").fill_null("new") == "new")
    won = first.filter(pl.col("status") == "won").height
    if min(won, first.height - won) >= config.settings.least_outcomes:
        deals = first
    outcomes = deals.select(
        id="account_id",
        at="closed_at",
        won=(pl.col("status") == "won").cast(pl.Float64),
        value=pl.when(pl.col("status") == "won").then(pl.col("amount") / units).fill_null(0.0),
    )
    return Records(described, outcomes, own)


def leads(tables: Tables, config: Config[ProfileSettings]) -> Records:
    """Leads, with whether they were converted as outcome; those that are still open have none."""
    table = tables["leads"]
    mail = pl.col("email").str.to_lowercase()
    kind = (
        pl.when(mail.str.contains(FREE_MAIL))
        .then(pl.lit("free mail"))
        .when(mail.is_not_null())
        .then(pl.lit("own domain"))
    )
    described, own = _described(table, "leads", mail=kind)
    worth = _worth(tables, config)
    is_won = (
        pl.col("converted_at").is_not_null()
        | pl.col("opportunity_id").is_not_null()
        | (pl.col("status") == "converted")
    )
    too_old = pl.col("created_at") < config.as_of - timedelta(days=config.settings.settled_days)
    is_over = is_won | (pl.col("status") == "unqualified") | too_old.fill_null(False)
    outcomes = (
        table.filter(is_over)
        .join(worth, on="opportunity_id", how="left", maintain_order="left")
        .select("id", at="created_at", won=is_won.cast(pl.Float64), value=pl.col("value").fill_null(0.0))
    )
    return Records(described, outcomes, own)


def _worth(tables: Tables, config: Config[ProfileSettings]) -> pl.DataFrame:
    """What each won deal brought, major units."""
    deals: pl.DataFrame = tables.relation("opportunities").select("id", "status", "amount").to_polars()
    worth = pl.col("amount") / scale(config.company.currency)
    return deals.filter(pl.col("status") == "won").select(opportunity_id="id", value=worth)


def _described(table: pl.DataFrame, name: str, **derived: pl.Expr) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The columns that tell who a record is, and the source's own that hold numbers or few kinds of text."""
    common = table.select("id", pl.col("created_at").alias("at"), *COMMON[name], **derived)
    common = common.select("id", "at", *(c for c in common.columns[2:] if common[c].n_unique() > 1))
    own = own_columns(table["attributes"], taken=set(common.columns))
    return pl.concat([common, own], how="horizontal"), tuple(own.columns)


def own_columns(attributes: pl.Series, taken: set[str]) -> pl.DataFrame:
    """Columns of the source that have no place in the schema: numbers as numbers, text where it repeats itself."""
    given = attributes.drop_nulls()
    if given.is_empty():
        return pl.DataFrame()
    keys: dict[str, None] = {}
    for text in given.gather_every(max(1, len(given) // SAMPLE)):
        keys |= dict.fromkeys(_keys(text))
    found = {}
    for key in list(keys)[:MAX_KEYS]:
        if key in taken or "'" in key or "\\" in key:
            continue
        column = attributes.str.json_path_match(f"$['{key}']").replace({"": None, "null": None})
        kept = _typed(column)
        if kept is not None:
            found[key] = kept
    return pl.DataFrame(found)


def _keys(text: str) -> list[str]:
    try:
        said = json.loads(text)
    except ValueError:
        return []
    return (
        [str(key) for key, value in said.items() if not isinstance(value, (dict, list))]
        if isinstance(said, dict)
        else []
    )


def _typed(column: pl.Series) -> pl.Series | None:
    """The column as numbers where nearly all are, as text where kinds repeat; None for keys and free text."""
    known = len(column) - column.null_count()
    kinds = column.drop_nulls().n_unique()
    if kinds < 2:
        return None
    numbers = column.cast(pl.Float64, strict=False)
    if len(column) - numbers.null_count() >= 0.95 * known:
        is_key = kinds == known and known > 50
        return None if is_key and (numbers.drop_nulls() % 1 == 0).all() else numbers
    return column if kinds <= 0.2 * known and kinds <= 1_000 else None


def filled_late(records: Records, names: list[str]) -> list[str]:
    """Attributes that are filled in when the outcome is known: open records lack them far more often."""
    settled = records.frame["id"].is_in(records.outcomes["id"].unique().implode())
    open_ones, closed = records.frame.filter(~settled), records.frame.filter(settled)
    found = []
    for name in names:
        if open_ones.height >= 30 and closed.height:
            gone = open_ones[name].null_count() / open_ones.height
            usual = closed[name].null_count() / closed.height
            if gone > max(0.05, 3 * usual) and gone - usual > 0.2:
                found.append(name)
    return found
