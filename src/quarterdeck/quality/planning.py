"""Checks on what plans are held against: targets, currencies' rates and holidays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from quarterdeck.base.calendar import period_start
from quarterdeck.base.tables import Tables
from quarterdeck.quality.accounts import country_code
from quarterdeck.quality.check import Check, Found, Moment, is_blank, offending, proposals, rule

MONEY = ("opportunities", "opportunity_lines", "orders", "invoices")
"""Tables whose money is added up."""
SIGNS = {
    "$": "USD", "US$": "USD", "DOLLAR": "USD", "DOLLARS": "USD", "€": "EUR", "EURO": "EUR", "EUROS": "EUR",
    "£": "GBP", "POUND": "GBP", "POUNDS": "GBP", "¥": "JPY", "YEN": "JPY", "₩": "KRW", "WON": "KRW", "원": "KRW",
    "원화": "KRW", "달러": "USD", "유로": "EUR", "엔": "JPY", "RMB": "CNY", "元": "CNY", "CHF.": "CHF", "FR.": "CHF",
}  # fmt: skip
"""Usual ways to write a currency that are not its code."""


def targets_do_not_add_up(tables: Tables, _moment: Moment) -> Any:
    """Parts (regions, teams, persons, products) whose sum is not the whole's target of the same period."""
    rows = tables.relation("targets")
    rows = rows.mutate(by=rows.grain.fill_null("month"), what=rows.measure.fill_null("bookings"))
    parts = rows.filter(rows.level != "all").select("by", "what", "amount", start="period_start", part="level")
    parts = parts.group_by("start", "by", "what", "part").agg(parts_amount=parts.amount.sum(), members=parts.count())
    rows = rows.filter(rows.level.fill_null("all") == "all")
    rows = rows.inner_join(parts, [rows.period_start == parts.start, "by", "what"])
    apart = (rows.parts_amount - rows.amount).abs()
    rows = rows.filter((apart.cast("float64") > 0.01 * rows.amount) & (rows.members > 1))
    single = rows.group_by("id").agg(
        amount=rows.amount.max(), parts_amount=rows.parts_amount.min(), part=rows.part.min(), start=rows.start.min(),
        currency=rows.currency.max(),
    )  # fmt: skip
    return offending(
        single, (single.parts_amount - single.amount).abs(), amount=single.amount, parts_amount=single.parts_amount,
        part=single.part, start=single.start,
    )  # fmt: skip


def target_of_nobody(tables: Tables, _moment: Moment) -> Any:
    """Targets of a region, team, person or product that no list knows."""
    rows, people, products = (tables.relation(name) for name in ("targets", "people", "products"))
    known = people.filter(people.region.notnull()).select(known_level=_text("region"), known_member="region")
    for level, column in (("team", "team"), ("person", "id"), ("person", "name")):
        known = known.union(people.select(known_level=_text(level), known_member=column), distinct=False)
    for column in ("id", "name"):
        known = known.union(products.select(known_level=_text("product"), known_member=column), distinct=False)
    kept = known.group_by("known_level").agg(kept=known.known_member.count())
    rows = rows.anti_join(known, [rows.level == known.known_level, rows.member == known.known_member])
    rows = rows.inner_join(kept, rows.level == kept.known_level)
    rows = rows.filter(rows.kept > 0)
    return offending(rows, rows.amount, level=rows.level, member=rows.member.fill_null("none"))


def _text(value: str) -> Any:
    import ibis

    return ibis.literal(value)


def target_not_positive(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("targets")
    rows = rows.filter(rows.amount <= 0)
    return offending(rows, amount=rows.amount, start=rows.period_start)


def target_missing(tables: Tables, moment: Moment) -> pl.DataFrame:
    """The company's fiscal months from now to the year's end without a target, where other months have one."""
    targets = tables["targets"].filter(
        (pl.col("level").fill_null("all") == "all") & (pl.col("grain").fill_null("month") == "month")
    )
    known = set(targets["period_start"].to_list())
    start = period_start(moment.today, "month", moment.company)
    year = period_start(moment.today, "year", moment.company)
    missing = []
    while known and period_start(start, "year", moment.company) == year:
        if start not in known:
            missing.append(start)
        start = period_start(start + timedelta(days=32), "month", moment.company)
    keys = [f"month={start:%Y-%m}" for start in missing]
    return pl.DataFrame({"record_id": keys, "month": keys, "records": [1] * len(keys)}, schema_overrides={
        "record_id": pl.String, "month": pl.String, "records": pl.Int64})  # fmt: skip


def currency_odd(tables: Tables, _moment: Moment) -> pl.DataFrame:
    """Currencies that are not three capital letters, a row a record."""
    parts = []
    for table in (*MONEY, "products", "targets"):
        if table in tables:
            rows = tables.relation(table)
            rows = rows.filter(~is_blank(rows.currency) & ~rows.currency.re_search("^[A-Z]{3}$"))
            money = rows.amount if "amount" in rows.columns else None
            frame: pl.DataFrame = offending(rows, money, written=rows.currency).to_polars()
            company = pl.lit(None, pl.String).alias("money_currency")
            parts.append(frame.with_columns(company, pl.lit(table).alias("table")))
    return pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame(schema={"record_id": pl.String})


def _code(_tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    written = pl.col("written").str.strip_chars().str.to_uppercase()
    code = pl.coalesce(
        written.replace_strict(SIGNS, default=None, return_dtype=pl.String),
        pl.when(written.str.contains("^[A-Z]{3}$")).then(written),
    )
    parts = [
        proposals(
            rows.with_columns(
                pl.lit("currency").alias("column"),
                code.alias("value_proposed"),
                pl.when(written.is_in(["$", "¥"])).then(0.7).otherwise(0.95).alias("confidence"),
                pl.lit("the currency's three letters").alias("why"),
            ),
            str(table),
        )
        for (table,), rows in wrong.group_by("table", maintain_order=True)
    ]
    return pl.concat(parts)


def fx_rate_missing(tables: Tables, moment: Moment) -> pl.DataFrame:
    """Currencies of money that have no rate, or whose newest rate is old, with the number of records."""
    newest = dict(tables["fx_rates"].group_by("currency").agg(pl.col("rated_on").max()).iter_rows())
    used: dict[str, int] = {}
    for table in MONEY:
        if table in tables:
            rows = tables.relation(table)
            rows = rows.filter(rows.currency.re_search("^[A-Z]{3}$") & (rows.currency != moment.company.currency))
            counts = rows.group_by("currency").agg(records=rows.count()).to_polars()
            for name, records in counts.select("currency", "records").iter_rows():
                used[name] = used.get(name, 0) + records
    oldest = moment.today - timedelta(days=moment.settings.rate_days)
    found = [
        (f"currency={name}", name, str(newest.get(name) or "never"), used[name])
        for name in sorted(used)
        if name not in newest or newest[name] < oldest
    ]
    schema = {"record_id": pl.String, "currency": pl.String, "rated": pl.String, "records": pl.Int64}
    return pl.DataFrame(found, schema=schema, orient="row")


def holidays_missing(tables: Tables, moment: Moment) -> pl.DataFrame:
    """Countries of our own people's region or the company that have no holidays of this year, where others have."""
    days = tables["holidays"]
    years = {
        (country_code(country) or country)
        for country, day in days.select("country", "day").iter_rows()
        if country and day.year == moment.today.year
    }
    wanted = {moment.company.country} if moment.company.country else set()
    named = {country_code(text) for text in days["country"].drop_nulls().unique().to_list()}
    missing = sorted(country for country in wanted | named if country is not None and country not in years)
    keys = [f"country={country}" for country in missing]
    frame = pl.DataFrame(
        {"record_id": keys, "country": missing, "year": [moment.today.year] * len(keys), "records": [1] * len(keys)},
        schema={"record_id": pl.String, "country": pl.String, "year": pl.Int64, "records": pl.Int64},
    )
    return frame if days["country"].null_count() == 0 else frame.clear()


CHECKS: tuple[Check, ...] = (
    rule(
        targets_do_not_add_up, "targets",
        "Target that is not the sum of its parts",
        "Every part can be reached while the whole is missed, or the other way round.",
        "The target of {start} is {amount}; by {part} it adds up to {parts_amount}.",
        "Change the parts or the whole until they agree.",
        kind="planning", severity="warning",
    ),
    rule(
        target_of_nobody, "targets",
        "Target of a region, team, person or product that is not there",
        "Nobody is held against it, and the one who is meant has none.",
        "The target is for the {level} {member}, which no list knows.",
        "Correct the name, or add the {level}.",
        kind="planning", severity="warning", needs=("targets", "people"),
    ),
    rule(
        target_not_positive, "targets",
        "Target of nothing",
        "Attainment cannot be told.",
        "The target of {start} is {amount}.",
        "Enter the target, or delete the row.",
        kind="planning", severity="warning",
    ),
    rule(
        target_missing, "targets",
        "Month without a target",
        "The gap of the month is held against an assumption.",
        "There is no target for {month}.",
        "Enter the company's target of the month.",
        kind="planning", severity="warning",
    ),
    rule(
        currency_odd, "opportunities",
        "Currency that is no code",
        "The amount cannot be converted and is left out of totals.",
        "{written} is no currency's three letters.",
        "Write the code, such as USD, EUR or KRW.",
        severity="warning", needs=("opportunities",), mend=_code,
    ),
    rule(
        fx_rate_missing, "fx_rates",
        "Currency in use without a recent rate",
        "Its amounts are not in the company's currency, or at an old rate.",
        "Amounts in {currency} are used; its newest rate is of {rated}.",
        "Add the rate of {currency}.",
        kind="planning", severity="warning", needs=("opportunities",),
    ),
    rule(
        holidays_missing, "holidays",
        "Country in use without this year's holidays",
        "Work days are counted that are none: capacity of the month is too high.",
        "There are no holidays of {country} in {year}.",
        "Add them, or set company.country to take them from the calendar.",
        kind="planning",
    ),
)  # fmt: skip
