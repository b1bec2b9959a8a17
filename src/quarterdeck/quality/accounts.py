"""Checks on accounts, and on how names, domains, telephone numbers and addresses are written."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Found, Moment, deals, is_blank, offending, proposals, rule

NAMED = ("accounts", "contacts", "leads", "people", "products")
_DOMAIN = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
_E164 = "^[+][1-9][0-9]{6,14}$"
_SHARE = 0.9


def name_spaced(tables: Tables, _moment: Moment) -> pl.DataFrame:
    """Names with spaces at an end or two in a row, in every table that has names."""
    parts = []
    for table in NAMED:
        if table in tables:
            rows = tables.relation(table)
            rows = rows.filter(rows.name.re_search("^\\s|\\s$|\\s\\s"))
            frame: pl.DataFrame = offending(rows, name=rows.name).to_polars()
            parts.append(frame.with_columns(pl.lit(table).alias("table")))
    return pl.concat(parts, how="vertical_relaxed") if parts else pl.DataFrame(schema={"record_id": pl.String})


def _single_spaces(_tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    parts = [
        proposals(
            rows.with_columns(
                pl.lit("name").alias("column"),
                pl.col("name").str.replace_all(r"\s+", " ").str.strip_chars().alias("value_proposed"),
                pl.lit(0.95).alias("confidence"),
                pl.lit("the same name without extra spaces").alias("why"),
            ),
            str(table),
        )
        for (table,), rows in wrong.group_by("table", maintain_order=True)
    ]
    return pl.concat(parts)


def domain_odd(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("accounts")
    rows = rows.filter(~is_blank(rows.domain) & ~rows.domain.re_search(_DOMAIN))
    return offending(rows, domain=rows.domain)


def _bare_domain(_tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    bare = (
        pl.col("domain")
        .str.strip_chars()
        .str.to_lowercase()
        .str.replace(r"^[a-z]+://", "")
        .str.replace(r"^.*@", "")
        .str.replace(r"^www\.", "")
        .str.replace(r"[/?#:].*$", "")
        .str.strip_chars(". ")
        .str.replace_all(",", ".", literal=True)
    )
    made = wrong.with_columns(
        pl.lit("domain").alias("column"), bare.alias("value_proposed"), pl.lit(0.9).alias("confidence"),
        pl.lit("the bare domain of what stands there").alias("why"),
    )  # fmt: skip
    return proposals(made.filter(pl.col("value_proposed").str.contains(_DOMAIN)), "accounts")


def _odd_phone(tables: Tables, table: str) -> Any:
    rows = tables.relation(table)
    plain = rows.phone.re_replace("[ ().-]", "")
    rows = rows.filter(~is_blank(rows.phone) & ~plain.re_search(_E164))
    return offending(rows, phone=rows.phone)


def contact_phone_odd(tables: Tables, _moment: Moment) -> Any:
    return _odd_phone(tables, "contacts")


def lead_phone_odd(tables: Tables, _moment: Moment) -> Any:
    return _odd_phone(tables, "leads")


def _international(table: str) -> Any:
    def mend(tables: Tables, moment: Moment, wrong: Found) -> pl.DataFrame:
        countries = _countries(tables, table, wrong["record_id"])
        home = moment.company.country
        written = [
            _e164(phone, countries.get(key) or home) for key, phone in wrong.select("record_id", "phone").iter_rows()
        ]
        made = wrong.with_columns(
            pl.lit("phone").alias("column"), pl.Series("value_proposed", written, dtype=pl.String),
            pl.lit(0.85).alias("confidence"), pl.lit("the same number with its country's code").alias("why"),
        )  # fmt: skip
        return proposals(made, table)

    return mend


def _countries(tables: Tables, table: str, keys: pl.Series) -> dict[str, str]:
    """Country of each record as two letters, its own or its account's; only those that can be told."""
    if table == "leads":
        frame = tables["leads"].select("id", "country")
    else:
        homes = tables["accounts"].select(account_id="id", country="country")
        frame = tables["contacts"].select("id", "account_id").join(homes, on="account_id", how="left")
    frame = frame.filter(pl.col("id").is_in(keys.implode()), pl.col("country").is_not_null()).select("id", "country")
    codes = {country: country_code(country) for country in frame["country"].unique().to_list()}
    return {key: code for key, country in frame.iter_rows() if (code := codes[country]) is not None}


def country_code(name: str) -> str | None:
    """A country's two letters (ISO 3166) by its code or English name; None when it is none.

    >>> country_code("South Korea"), country_code("us"), country_code("Atlantis")
    ('KR', 'US', None)
    """
    from holidays.registry import COUNTRIES
    from phonenumbers import SUPPORTED_REGIONS

    word = re.sub("[^a-z]", "", name.lower())
    if len(word) == 2 and word.upper() in SUPPORTED_REGIONS:
        return word.upper()
    names = {key.replace("_", ""): codes[1] for key, codes in COUNTRIES.items()}
    usual = {"usa": "US", "unitedstatesofamerica": "US", "korea": "KR", "republicofkorea": "KR", "uk": "GB"}
    return usual.get(word) or names.get(word)


def _e164(phone: str, region: str | None) -> str | None:
    import phonenumbers as numbers

    try:
        number = numbers.parse(phone, region)
    except numbers.NumberParseException:
        return None
    return numbers.format_number(number, numbers.PhoneNumberFormat.E164) if numbers.is_valid_number(number) else None


def contact_unreachable(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("contacts")
    kept = rows.agg(reached=rows.email.count() + rows.phone.count())
    rows = rows.cross_join(kept).filter(lambda row: is_blank(row.email) & is_blank(row.phone) & (row.reached > 0))
    return offending(rows, name=rows.name)


def account_without_owner(tables: Tables, moment: Moment) -> Any:
    rows, held = tables.relation("accounts"), deals(tables, moment)
    kept = rows.agg(owned=is_blank(rows.owner_id).ifelse(0.0, 1.0).mean())
    held = held.filter(held.status == "open")
    money = held.group_by(held_id=held.account_id).agg(money=held.worth.sum())
    rows = rows.cross_join(kept).filter(lambda row: is_blank(row.owner_id) & (row.owned >= 0.5))
    rows = rows.left_join(money, rows.id == money.held_id)
    return offending(rows, rows.money, name=rows.name)


def account_owner_left(tables: Tables, moment: Moment) -> Any:
    rows, people = tables.relation("accounts"), tables.relation("people")
    gone = people.filter(people.left_on < moment.today).select(gone_id="id", who="name", left_on="left_on")
    rows = rows.inner_join(gone, rows.owner_id == gone.gone_id)
    return offending(rows, name=rows.who, left=rows.left_on)


def account_parent_wrong(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("accounts")
    known = tables.relation("accounts").select(other_id="id", other_name="name", grand="parent_id")
    asked = rows.filter(~is_blank(rows.parent_id))
    by_id = asked.left_join(known, asked.parent_id == known.other_id)
    circle = (by_id.parent_id == by_id.id) | (by_id.grand == by_id.id)
    lost = by_id.other_id.isnull() & ~by_id.parent_id.isin(known.other_name)
    by_id = by_id.filter(circle.fill_null(False) | lost)
    return offending(by_id, name=by_id.name, parent=by_id.parent_id)


def account_industry_missing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("accounts")
    kept = rows.agg(known=is_blank(rows.industry).ifelse(0.0, 1.0).mean())
    rows = rows.cross_join(kept).filter(lambda row: is_blank(row.industry) & (row.known >= 0.5))
    return offending(rows, name=rows.name)


def account_region_missing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("accounts")
    kept = rows.agg(known=is_blank(rows.region).ifelse(0.0, 1.0).mean())
    rows = rows.cross_join(kept).filter(lambda row: is_blank(row.region) & (row.known >= 0.5))
    return offending(rows, name=rows.name, country=rows.country)


def _region_of_country(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    known = tables["accounts"].filter(pl.col("country").is_not_null(), pl.col("region").is_not_null())
    counts = known.group_by("country", "region").len("here")
    counts = counts.with_columns(pl.col("here").sum().over("country").alias("of"))
    usual = counts.filter(pl.col("here") >= _SHARE * pl.col("of"), pl.col("of") >= 3)
    made = wrong.join(usual, on="country", how="inner").with_columns(
        pl.lit("region").alias("column"),
        pl.col("region").alias("value_proposed"),
        ((pl.col("here") + 1) / (pl.col("of") + 2)).alias("confidence"),
        pl.format("{} of {} accounts of {} are in it", "here", "of", "country").alias("why"),
    )
    return proposals(made, "accounts")


def account_numbers_wrong(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("accounts")
    rows = rows.filter(
        (rows.employees < 0)
        | (rows.revenue < 0)
        | (rows.founded_year > moment.today.year)
        | (rows.founded_year < 1000)
        | (rows.latitude.abs() > 90)
        | (rows.longitude.abs() > 180)
    )
    return offending(rows, name=rows.name, employees=rows.employees, amount=rows.revenue, founded=rows.founded_year)


def account_unused(tables: Tables, moment: Moment) -> Any:
    """Customers with won deals who have neither an open deal nor any activity for a year."""
    from datetime import timedelta

    rows, held = tables.relation("accounts"), deals(tables, moment)
    won = held.filter((held.status == "won") & held.closed_at.notnull())
    won = won.group_by(won_id=won.account_id).agg(money=won.worth.sum(), last_won=won.closed_at.max())
    year = moment.as_of - timedelta(days=365)
    won = won.filter(won.last_won < year)
    live = held.filter((held.status == "open") | (held.created_at >= year)).select(live_id="account_id").distinct()
    rows = rows.inner_join(won, rows.id == won.won_id).anti_join(live, [("id", "live_id")])
    touched = tables.relation("activities")
    touched = touched.filter(touched.started_at >= year)
    rows = rows.anti_join(touched, rows.id == touched.account_id)
    return offending(rows, rows.money, name=rows.name, won=rows.last_won.date())


CHECKS: tuple[Check, ...] = (
    rule(
        name_spaced, "accounts",
        "Name with extra spaces",
        "Search, lists and the match with other systems take it for another one.",
        "'{name}' has extra spaces.",
        "Remove them.",
        kind="spelling", mend=_single_spaces,
    ),
    rule(
        domain_odd, "accounts",
        "Web domain that is none",
        "Contacts and leads of the company are not matched with it.",
        "{domain} is no bare domain such as example.com.",
        "Enter the domain alone.",
        mend=_bare_domain,
    ),
    rule(
        contact_phone_odd, "contacts",
        "Telephone number without its country's code",
        "Diallers cannot call it, and it does not match the same number elsewhere.",
        "{phone} is not written as +82 2 1234 5678 is.",
        "Write it with + and the country's code.",
        mend=_international("contacts"),
    ),
    rule(
        lead_phone_odd, "leads",
        "Telephone number of a lead without its country's code",
        "Diallers cannot call it, and it does not match the same number elsewhere.",
        "{phone} is not written as +82 2 1234 5678 is.",
        "Write it with + and the country's code.",
        mend=_international("leads"),
    ),
    rule(
        contact_unreachable, "contacts",
        "Contact without an address and a number",
        "Nobody can reach the person.",
        "{name} has neither an e-mail address nor a telephone number.",
        "Enter one of them, or delete the contact.",
        kind="completeness", severity="warning",
    ),
    rule(
        account_without_owner, "accounts",
        "Account without an owner",
        "Nobody looks after it, and it is in no territory.",
        "{name} has no owner.",
        "Give it to a seller.",
        kind="completeness", severity="warning",
    ),
    rule(
        account_owner_left, "accounts",
        "Account of an owner who left",
        "Nobody looks after it.",
        "The account's owner {name} left on {left}.",
        "Give it to a seller who is there.",
        kind="people", severity="warning", needs=("accounts", "people"), of_now=True,
    ),
    rule(
        account_parent_wrong, "accounts",
        "Account whose parent company is itself or is not there",
        "Groups of companies cannot be added up.",
        "{name} names {parent} as its parent.",
        "Correct the parent company.",
        kind="reference",
    ),
    rule(
        account_industry_missing, "accounts",
        "Account without an industry",
        "It is missing in every figure by industry, and its deals are scored without it.",
        "{name} has no industry.",
        "Enter the industry, or let an enrichment fill it.",
        kind="completeness",
    ),
    rule(
        account_region_missing, "accounts",
        "Account without a region",
        "It is in no region's figures and in no territory.",
        "{name} ({country}) has no region.",
        "Enter its region.",
        kind="completeness", mend=_region_of_country,
    ),
    rule(
        account_numbers_wrong, "accounts",
        "Account with impossible figures",
        "Segments and scores go by them.",
        "{name} has {employees} employees, a revenue of {amount} and was founded in {founded}.",
        "Correct what is impossible.",
        severity="warning",
    ),
    rule(
        account_unused, "accounts",
        "Customer whom nobody has called on for a year",
        "Selling to a customer is the shortest way to new business, and the silence may be a loss.",
        "{name} last bought on {won}; there is no deal and no activity since.",
        "Call the customer.",
        kind="timeliness", needs=("accounts", "opportunities", "activities"), of_now=True,
    ),
)  # fmt: skip
