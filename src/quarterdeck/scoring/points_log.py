"""The log of what people did, from events, activities and fields: one row an entry that a rule counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.scoring.points import LOG
from quarterdeck.scoring.points_settings import FIELD_TABLES, PointRule
from quarterdeck.scoring.profile_rules import holds

PERSON = ("lead_id", "contact_id", "account_id", "opportunity_id")


@dataclass(frozen=True)
class Entries:
    """What matched a rule: `rule, at, key` and the leads, contacts, accounts and deals that it names."""

    frame: pl.DataFrame

    def of(self, subject: str) -> pl.DataFrame:
        """The log of leads, contacts or deals by what their entries name themselves."""
        key = f"{subject}_id"
        named = self.frame.filter(pl.col(key).is_not_null())
        return named.select(pl.col(key).alias("subject_id"), "rule", "at", "key")


def entries(tables: Tables, rules: Sequence[PointRule]) -> Entries:
    """Entries of events, activities and fields that a rule counts, each once."""
    events = _matched(_read(tables, "events", "occurred_at"), [rule for rule in rules if rule.looks_at == "event"], "e")
    acts = _matched(
        _read(tables, "activities", "started_at"), [rule for rule in rules if rule.looks_at == "activity"], "a"
    )
    fields = [_of_fields(tables, rule) for rule in rules if rule.looks_at in FIELD_TABLES]
    return Entries(pl.concat([events, acts, *fields]))


def _read(tables: Tables, name: str, moment: str) -> pl.DataFrame:
    relation = tables.relation(name)
    there = [column for column in (*PERSON, "outcome") if column in relation.columns]
    frame: pl.DataFrame = relation.select("id", "kind", moment, *there).to_polars()
    gone = [pl.lit(None, dtype=pl.String).alias(name) for name in (*PERSON, "outcome") if name not in there]
    return frame.rename({moment: "at"}).filter(pl.col("at").is_not_null()).with_columns(gone)


def _matched(frame: pl.DataFrame, rules: Sequence[PointRule], origin: str) -> pl.DataFrame:
    """The rows that a rule matches, with the first such rule; found once for each kind and outcome that there is."""
    match = pl.lit(None, dtype=pl.String)
    for rule in reversed(rules):
        asked = pl.lit(True)
        if rule.kinds:
            asked &= _plain("kind").is_in([kind.lower() for kind in rule.kinds])
        if rule.outcomes:
            asked &= _plain("outcome").is_in([outcome.lower() for outcome in rule.outcomes])
        match = pl.when(asked.fill_null(False)).then(pl.lit(rule.name)).otherwise(match)
    kinds = frame.select("kind", "outcome").unique().with_columns(rule=match).filter(pl.col("rule").is_not_null())
    frame = frame.join(kinds, on=["kind", "outcome"], how="inner", nulls_equal=True)
    return frame.select("rule", "at", pl.concat_str(pl.lit(origin), "id").alias("key"), *PERSON).cast(
        {"at": pl.Datetime("us")}
    )


def _plain(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.to_lowercase()


def _of_fields(tables: Tables, rule: PointRule) -> pl.DataFrame:
    """An entry for each record whose fields are as the rule asks, at the moment when the record came to be known."""
    frame = tables[FIELD_TABLES[rule.looks_at]]
    for condition in rule.where:
        frame = frame.filter(pl.Series(holds(condition, frame), dtype=pl.Boolean))
    # A record without a day was known before everything else.
    at = pl.col("created_at").fill_null(pl.datetime(1970, 1, 1, time_unit="us"))
    named = {name: pl.lit(None, dtype=pl.String) for name in PERSON} | {f"{rule.looks_at}_id": pl.col("id")}
    return frame.select(rule=pl.lit(rule.name), at=at, key=pl.concat_str(pl.lit("f"), "id"), **named).select(
        "rule", "at", "key", *PERSON
    )


def people_of_accounts(log: Entries, tables: Tables) -> pl.DataFrame:
    """The log of each person of each account: `subject_id` is account and person, beside `account` and `person`.

    A person is a contact, a lead that was matched to the account, or the account itself where an entry names nobody.
    """
    homes = tables["contacts"].select(contact_id="id", home="account_id").unique("contact_id", keep="first")
    matched = tables["leads"].select(
        lead_id="id", lead_home="account_id", lead_contact="contact_id", since="converted_at"
    )
    frame = log.frame.join(matched.unique("lead_id", keep="first"), on="lead_id", how="left")
    frame = frame.with_columns(contact_id=pl.coalesce("contact_id", "lead_contact"))
    frame = frame.join(homes, on="contact_id", how="left")
    account = pl.coalesce("account_id", "lead_home", "home")
    person = pl.coalesce(
        pl.lit("contact ") + pl.col("contact_id"), pl.lit("lead ") + pl.col("lead_id"), pl.lit("nobody named")
    )
    frame = frame.with_columns(account=account, person=person).filter(pl.col("account").is_not_null())
    whose = pl.concat_str("account", "person", separator="\x1f")
    return frame.select(*(name for name in LOG if name != "subject_id"), "account", "person", subject_id=whose)


def of_open_deals(log: Entries, tables: Tables) -> pl.DataFrame:
    """The log of open deals: what names the deal, and what its contact, else its account, did since it was opened."""
    deals: pl.DataFrame = (
        tables.relation("opportunities").select("id", "status", "contact_id", "account_id", "created_at").to_polars()
    )
    deals = deals.filter(pl.col("status") == "open").rename({"id": "subject_id"})
    own = log.of("opportunity").join(deals, on="subject_id", how="semi")
    others = log.frame.filter(pl.col("opportunity_id").is_null()).drop("opportunity_id")
    since = (pl.col("at") >= pl.col("created_at")).fill_null(False)
    parts = [own]
    for key, asked in (
        ("contact_id", deals.filter(pl.col("contact_id").is_not_null())),
        ("account_id", deals.filter(pl.col("contact_id").is_null())),
    ):
        met = others.join(asked.select("subject_id", "created_at", key), on=key, how="inner").filter(since)
        parts.append(met.select("subject_id", "rule", "at", "key"))
    return pl.concat([part.select(list(LOG)) for part in parts]).unique(["subject_id", "key"], maintain_order=True)
