"""Values that would mend deals and addresses, from what other records say. Each function is a check's `mend`."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.money import scale
from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import PROPOSAL, Found, Moment, proposals

_INSTANT = "%Y-%m-%dT%H:%M:%S"
_DEALS = "opportunities"


def best(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """The surest proposal for each record and column."""
    made = pl.concat(parts) if parts else pl.DataFrame(schema=PROPOSAL)
    made = made.sort("confidence", descending=True, maintain_order=True)
    return made.unique(["table", "record_id", "column"], keep="first", maintain_order=True)


def proposed(rows: pl.DataFrame, column: str, value: pl.Expr, confidence: pl.Expr | float, why: str) -> pl.DataFrame:
    """Proposals for a column of deals from rows with `record_id`."""
    sure = pl.lit(confidence) if isinstance(confidence, float) else confidence
    made = rows.with_columns(
        pl.lit(column).alias("column"),
        value.alias("value_proposed"),
        sure.alias("confidence"),
        pl.lit(why).alias("why"),
    )
    return proposals(made, _DEALS)


def deals_of(wrong: Found, tables: Tables, *columns: str) -> pl.DataFrame:
    """The wrong deals with columns of theirs."""
    rows = tables.relation(_DEALS)
    frame: pl.DataFrame = rows.select(rows.id, *(rows[column] for column in columns)).to_polars()
    return wrong.select("record_id").join(frame, left_on="record_id", right_on="id")


def major(value: str, currency: str, moment: Moment) -> pl.Expr:
    """Minor units of a column as text in major units; the amounts of a record are in its own currency."""
    company = moment.company.currency

    def text(row: dict[str, Any]) -> str | None:
        from quarterdeck.quality.fixes import money_text

        return money_text(row[value], row[currency] or company)

    return pl.struct(value, currency).map_elements(text, return_dtype=pl.String, skip_nulls=False)


def _history_ends(tables: Tables, rows: pl.DataFrame) -> pl.DataFrame:
    """The first change of each of the deals, its last amount, owner and stage, and when that stage was entered."""
    import ibis

    wanted = ibis.memtable(rows.select(wanted="record_id").unique().to_arrow())
    changes = tables.relation("opportunity_history")
    changes = changes.semi_join(wanted, changes.opportunity_id == wanted.wanted)
    changes = changes.select("id", "changed_at", "amount", "owner_id", "stage", record_id="opportunity_id")
    told: pl.DataFrame = changes.to_polars().sort("changed_at", "id")
    return told.group_by("record_id", maintain_order=True).agg(
        pl.col("changed_at").min().alias("first_at"),
        *(pl.col(column).drop_nulls().last().alias(f"last_{column}") for column in ("amount", "owner_id", "stage")),
        pl.col("changed_at").filter(pl.col("stage").is_not_null()).last().alias("last_stage_at"),
    )


def amount_from_others(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """An amount from the deal's lines, else the last one of its history, else the product's list price."""
    rows = deals_of(wrong, tables, "amount", "currency", "product_id")
    every = tables.relation("opportunity_lines")
    sums = every.group_by(record_id=every.opportunity_id).agg(
        lines=every.amount.sum().cast("int64"), unknown=every.amount.isnull().ifelse(1, 0).sum()
    )
    lines: pl.DataFrame = sums.to_polars()
    summed = rows.join(lines.filter(pl.col("unknown") == 0), on="record_id")
    parts = [proposed(summed, "amount", major("lines", "currency", moment), 0.95, "sum of the deal's lines")]
    if tables.has("opportunity_history"):
        before = rows.join(_history_ends(tables, rows), on="record_id").filter(pl.col("last_amount") > 0)
        value = major("last_amount", "currency", moment)
        parts.append(proposed(before, "amount", value, 0.8, "the last amount in the deal's history"))
    prices = tables["products"].select(product_id="id", price="unit_price")
    listed = rows.join(prices, on="product_id").with_columns(
        (pl.col("price").cast(pl.Float64) * scale(moment.company.currency)).round().cast(pl.Int64).alias("listed")
    )
    value = major("listed", "currency", moment)
    parts.append(proposed(listed, "amount", value, 0.3, "list price of one unit of the product"))
    return best(parts)


def amount_turned(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """Of a negative amount the positive one: sure when the lines or the history say so."""
    others = amount_from_others(tables, moment, wrong)
    rows = deals_of(wrong, tables, "amount", "currency").filter(pl.col("amount") < 0)
    rows = rows.with_columns((-pl.col("amount")).alias("turned"))
    rows = rows.with_columns(major("turned", "currency", moment).alias("text"))
    rows = rows.join(others.select("record_id", said="value_proposed"), on="record_id", how="left")
    sure = pl.when(pl.col("said") == pl.col("text")).then(0.95).otherwise(0.5)
    zero = others.filter(~pl.col("record_id").is_in(rows["record_id"].implode()))
    return best([proposed(rows, "amount", pl.col("text"), sure, "the amount without its minus"), zero])


def amount_from_lines(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """The sum of the lines: nearly sure when the amount is 10, 100 or 1000 times as large or as small."""
    rows = deals_of(wrong, tables, "currency").join(wrong.select("record_id", "amount", "lines_amount"), on="record_id")
    factor = pl.max_horizontal("amount", "lines_amount") / pl.min_horizontal("amount", "lines_amount")
    power = factor.log10()
    slipped = ((power - power.round()).abs() < 0.01) & (power.round() >= 1)
    sure = pl.when(slipped).then(0.95).otherwise(0.6)
    return proposed(rows, "amount", major("lines_amount", "currency", moment), sure, "sum of the deal's lines")


def amount_slipped(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """The amount with its point moved, where that brings it among those of the same product."""
    rows = deals_of(wrong, tables, "currency").join(
        wrong.select("record_id", "amount", "median_amount"), on="record_id"
    )
    power = (pl.col("amount") / pl.col("median_amount")).log10().round()
    moved = (pl.col("amount") / pl.lit(10.0).pow(power)).round().cast(pl.Int64)
    rows = rows.with_columns(moved.alias("moved"), power.alias("power")).filter(pl.col("power").abs() >= 1)
    return proposed(
        rows, "amount", major("moved", "currency", moment), 0.5, "its point moved towards the product's usual amount"
    )


def account_from_people(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The account of the deal's contact, else of its lead."""
    rows = deals_of(wrong, tables, "contact_id", "lead_id")
    known = tables["accounts"].select(account="id")
    contacts = tables["contacts"].select(contact_id="id", account="account_id").join(known, on="account", how="semi")
    leads = tables["leads"].select(lead_id="id", account="account_id").join(known, on="account", how="semi")
    return best(
        [
            proposed(rows.join(contacts, on="contact_id"), "account_id", pl.col("account"), 0.9,
                     "account of the deal's contact"),
            proposed(rows.join(leads, on="lead_id"), "account_id", pl.col("account"), 0.85,
                     "account of the deal's lead"),
        ]
    )  # fmt: skip


def owner_from_others(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """The owner of the account, else the last one of the history; of a leaver's deal the leaver's manager at last."""
    rows = deals_of(wrong, tables, "account_id", "owner_id")
    people = tables["people"]
    here = people.filter(pl.col("left_on").is_null() | (pl.col("left_on") >= moment.today))
    here = here.select(heir="id")
    accounts = tables["accounts"].select(account_id="id", heir="owner_id").join(here, on="heir", how="semi")
    parts = [proposed(rows.join(accounts, on="account_id"), "owner_id", pl.col("heir"), 0.7, "owner of the account")]
    if tables.has("opportunity_history"):
        last = _history_ends(tables, rows).select("record_id", heir="last_owner_id").join(here, on="heir", how="semi")
        last = rows.join(last, on="record_id").filter(pl.col("heir").ne_missing(pl.col("owner_id")))
        parts.append(proposed(last, "owner_id", pl.col("heir"), 0.8, "the last owner in the deal's history"))
    bosses = people.select(owner_id="id", heir="manager_id").join(here, on="heir", how="semi")
    parts.append(
        proposed(rows.join(bosses, on="owner_id"), "owner_id", pl.col("heir"), 0.4, "manager of the one who left")
    )
    return best(parts)


def dates_from_history(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """The created date from the first change or activity of the deal, the close date from its last change of stage."""
    rows = deals_of(wrong, tables, "created_at", "closed_at", "status")
    parts: list[pl.DataFrame] = []
    if tables.has("opportunity_history"):
        ends = rows.join(_history_ends(tables, rows), on="record_id")
        first, last = pl.col("first_at"), pl.col("last_stage_at")
        young = ends.filter(pl.col("created_at").is_null() | (pl.col("created_at") - first > pl.duration(days=1)))
        parts.append(proposed(young, "created_at", first.dt.to_string(_INSTANT), 0.9,
                              "the deal's first entry in its history"))  # fmt: skip
        ended = ends.filter(
            (pl.col("status") != "open")
            & (pl.col("closed_at").is_null() | (pl.col("closed_at") < first) | (pl.col("closed_at") >= moment.as_of))
        )
        parts.append(proposed(ended, "closed_at", last.dt.to_string(_INSTANT), 0.85,
                              "when the deal entered its last stage"))  # fmt: skip
    worked = tables.relation("activities")
    worked = worked.filter(worked.opportunity_id.notnull())
    begun = worked.group_by(record_id=worked.opportunity_id).agg(begun=worked.started_at.min()).to_polars()
    unknown = rows.filter(pl.col("created_at").is_null()).join(begun, on="record_id")
    parts.append(proposed(unknown, "created_at", pl.col("begun").dt.to_string(_INSTANT), 0.6,
                          "the first activity on the deal"))  # fmt: skip
    told = pl.concat(parts)["record_id"]
    swapped = rows.filter(
        pl.col("closed_at") < pl.col("created_at"),
        pl.col("created_at") < moment.as_of,
        ~pl.col("record_id").is_in(told.implode()),
    )
    why = "the two dates the other way round"
    for column, other in (("created_at", "closed_at"), ("closed_at", "created_at")):
        parts.append(proposed(swapped, column, pl.col(other).dt.to_string(_INSTANT), 0.4, why))
    return best(parts)


def as_expectation(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The close date of an open deal as its expected one, where it has none."""
    rows = deals_of(wrong, tables, "closed_at", "expected_close_on").filter(pl.col("expected_close_on").is_null())
    day = pl.col("closed_at").dt.date().dt.to_string()
    return proposed(rows, "expected_close_on", day, 0.6, "the date in the field of the close date")


def expected_by_age(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
    """The day by which half of the won deals that were open this long had closed."""
    everything = tables["opportunities"].filter(pl.col("status") == "won", pl.col("closed_at") >= pl.col("created_at"))
    cycles = everything.select(days=(pl.col("closed_at") - pl.col("created_at")).dt.total_days())["days"].sort()
    if cycles.len() < moment.settings.stale_minimum:
        return pl.DataFrame(schema=PROPOSAL)
    rows = deals_of(wrong, tables, "created_at").filter(pl.col("created_at") < moment.as_of)
    ages = (pl.lit(moment.as_of) - pl.col("created_at")).dt.total_days()
    rows = rows.with_columns(ages.alias("age"))
    waits = {
        age: float(left.median()) - age  # type: ignore[arg-type]
        for age in rows["age"].unique().to_list()
        if (left := cycles.filter(cycles > age)).len() >= 5
    }
    wait = pl.col("age").replace_strict(waits, default=None, return_dtype=pl.Float64).ceil()
    day = pl.lit(moment.today) + pl.duration(days=wait.clip(lower_bound=1).cast(pl.Int64))
    return proposed(rows, "expected_close_on", day.cast(pl.Date).dt.to_string(), 0.4,
                    "the day by which half of the won deals of this age had closed")  # fmt: skip


def currency_of_others(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The currency of the account's other deals, else of nearly all deals."""
    rows = deals_of(wrong, tables, "account_id")
    known = tables["opportunities"].filter(pl.col("currency").str.contains("^[A-Z]{3}$"))
    counts = known.group_by("account_id", "currency").len("here")
    counts = counts.with_columns(pl.col("here").sum().over("account_id").alias("of"))
    usual = counts.filter(pl.col("account_id").is_not_null(), pl.col("here") == pl.col("of"))
    parts = [
        proposed(rows.join(usual, on="account_id"), "currency", pl.col("currency"), 0.9,
                 "currency of the account's other deals")
    ]  # fmt: skip
    total = known["currency"].value_counts(sort=True)
    share = total["count"][0] / known.height if known.height else 0.0
    if share >= 0.95:
        parts.append(proposed(rows, "currency", pl.lit(total["currency"][0]), 0.85, "currency of nearly all deals"))
    return best(parts)


def stage_of_status(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The stage in which nearly all other deals of the same outcome stand."""
    rows = deals_of(wrong, tables, "status")
    counts = tables["opportunities"].filter(pl.col("stage").is_not_null()).group_by("status", "stage").len("here")
    counts = counts.with_columns(pl.col("here").sum().over("status").alias("of"))
    homes = counts.filter(pl.col("status") != "open", pl.col("here") >= 0.8 * pl.col("of"))
    share = pl.col("here") / pl.col("of")
    return proposed(rows.join(homes, on="status"), "stage", pl.col("stage"), share.clip(0, 0.95),
                    "the stage of nearly all deals of this status")  # fmt: skip
