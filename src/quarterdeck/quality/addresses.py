"""Mail addresses as they were meant, and the accounts that they belong to."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Found, Moment, proposals

EMAIL = "^[^@ ,;<>]+@[^@ ,;<>.]+([.][^@ ,;<>.]+)+$"
"""One @ with something before it and a domain with a point after it: what no mail server can do without."""


def as_meant(table: str) -> Callable[[Tables, Moment, Found], pl.DataFrame]:
    """Addresses without the usual slips: brackets, spaces, a comma for a point, a doubled @, an @ that was left out."""

    def mend(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
        plain = (
            pl.col("address")
            .str.replace_all(r"^.*<|>.*$", "")
            .str.replace_all(r"^(mailto:|\s)+|[\s.;,]+$", "")
            .str.replace_all(r"\s+", "")
            .str.replace_all(",", ".", literal=True)
            .str.replace_all("@+", "@")
            .str.replace_all(r"\.+", ".")
        )
        rows = wrong.with_columns(plain.alias("plain"))
        domains = _domains(tables)
        meant = [address if "@" in address else _with_at(address, domains) for address in rows["plain"].to_list()]
        rows = rows.with_columns(
            pl.lit("email").alias("column"),
            pl.Series("value_proposed", meant, dtype=pl.String),
            pl.when(pl.col("plain").str.contains("@")).then(0.9).otherwise(0.85).alias("confidence"),
            pl.lit("the same address without the slip").alias("why"),
        )
        return proposals(rows.filter(pl.col("value_proposed").str.contains(EMAIL)), table)

    return mend


def _domains(tables: Tables) -> frozenset[str]:
    """Domains of accounts and of addresses that are right."""
    texts = tables["accounts"]["domain"].drop_nulls().str.to_lowercase().to_list()
    for table in ("contacts", "leads"):
        good = tables[table]["email"].drop_nulls()
        good = good.filter(good.str.contains(EMAIL))
        texts += good.str.to_lowercase().str.replace("^.*@", "").unique().to_list()
    return frozenset(texts)


def _with_at(address: str, domains: frozenset[str]) -> str | None:
    """The address with its @ before the longest domain that it ends with, where one is known."""
    low = address.lower()
    for place in range(1, len(low)):
        if low[place:] in domains:
            return f"{address[:place]}@{address[place:]}"
    return None


def account_by_domain(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The only account of the address's domain."""
    domain = pl.col("domain").str.to_lowercase().str.strip_chars().str.replace("^(https?://)?(www[.])?", "")
    accounts = tables["accounts"].select(account="id", at=domain.str.replace("/.*$", ""))
    accounts = accounts.filter(pl.col("at").is_not_null()).filter(pl.col("at").is_unique())
    contacts = tables["contacts"].select("id", at=pl.col("email").str.to_lowercase().str.replace("^.*@", ""))
    rows = wrong.select("record_id").join(contacts, left_on="record_id", right_on="id")
    rows = rows.join(accounts, on="at")
    rows = rows.with_columns(
        pl.lit("account_id").alias("column"),
        pl.col("account").alias("value_proposed"),
        pl.lit(0.9).alias("confidence"),
        pl.lit("the only account of the address's domain").alias("why"),
    )  # fmt: skip
    return proposals(rows, "contacts")
