"""The step: accounts, contacts and leads that are there twice, and the accounts that leads belong to."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.quality.linkage import normal
from quarterdeck.quality.linkage.records import link_records
from quarterdeck.quality.linkage.report import findings_of
from quarterdeck.quality.linkage.survivors import proposals
from quarterdeck.quality.settings import QualitySettings

SAMPLE = 200
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """A table in which duplicates are looked for: what is compared as what, by the words that findings use."""

    table: str
    columns: dict[str, tuple[str, str]]


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "accounts",
        {
            "name": ("name", "company"),
            "domain": ("domain", "domain"),
            "city": ("city", "text"),
            "country": ("country", "country"),
            "industry": ("industry", "category"),
            "founded_year": ("founded year", "year"),
            "employees": ("employees", "number"),
        },
    ),
    Subject(
        "contacts",
        {
            "name": ("name", "person"),
            "email": ("e-mail", "email"),
            "phone": ("phone", "phone"),
            "account_id": ("account", "group"),
            "title": ("title", "text"),
        },
    ),
    Subject(
        "leads",
        {
            "name": ("name", "person"),
            "email": ("e-mail", "email"),
            "phone": ("phone", "phone"),
            "company": ("company", "company"),
            "title": ("title", "text"),
        },
    ),
)

LINKED = {
    "record_id": pl.String,
    "matched_id": pl.String,
    "cluster": pl.Int64,
    "probability": pl.Float64,
    "weight": pl.Float64,
    "evidence": pl.String,
}


def link(tables: Tables, config: Config[QualitySettings]) -> Result:
    """Writes `links`: a row a record that is there twice, with the record that should stand for both, and a row a lead
    that belongs to an account. Records that were merged already are one and are not compared."""
    found, findings = [], []
    for subject in SUBJECTS:
        rows = _rows(tables, subject.table)
        linked = _duplicates(rows, subject, config)
        proposed = proposals(subject.table, linked, rows, tables)
        found.append(proposed)
        findings += findings_of(subject.table, proposed, rows, config)
    matched = _accounts_of_leads(tables, config)
    found.append(matched)
    findings += _matches_told(matched)
    if all(_rows(tables, subject.table).height < FEWEST for subject in SUBJECTS):
        findings.append(
            Finding(
                code="quality.nothing_to_link",
                severity="notice",
                message="There are no accounts, contacts or leads to compare with each other.",
                fix="Give accounts, contacts or leads to learn which of them are there twice.",
                table="accounts",
                count=0,
            )
        )
    return Result({"links": conform("links", pl.concat(found, how="diagonal"))}, findings)


def _rows(tables: Tables, name: str) -> pl.DataFrame:
    rows = tables[name]
    merged = tables["merges"].filter(pl.col("table") == name)["record_id"]
    return rows.filter(~pl.col("id").is_in(merged.implode())) if len(merged) else rows


def _duplicates(rows: pl.DataFrame, subject: Subject, config: Config[QualitySettings]) -> pl.DataFrame:
    """A row a record of a cluster: the record that it is most like, and why; columns `LINKED`."""
    named = rows.select("id", *(pl.col(name).alias(label) for name, (label, _) in subject.columns.items()))
    columns = [label for label, _ in subject.columns.values()]
    named = named.filter(pl.any_horizontal(pl.col(columns).is_not_null()))
    distinct = named.group_by(columns, maintain_order=True).agg(pl.col("id").first(), twins=pl.col("id"))
    result = link_records(
        distinct.select("id", *columns),
        id="id",
        columns=dict(subject.columns.values()),
        threshold=config.settings.link_probability,
        country=config.company.country,
        seed=config.seed,
        sample=SAMPLE,
    )
    pairs = result.links.rename({"id_left": "record_id", "id_right": "matched_id"})
    identical = _identical(distinct)
    pairs = pl.concat([pairs, identical], how="diagonal")
    both = pl.concat([pairs, pairs.rename({"record_id": "matched_id", "matched_id": "record_id"})], how="diagonal")
    best = both.sort(["weight", "matched_id"], descending=[True, False], nulls_last=False)
    best = best.unique("record_id", keep="first", maintain_order=True)
    cluster = _clusters(result.clusters, distinct)
    return best.join(cluster, on="record_id").select(pl.col(name).cast(kind) for name, kind in LINKED.items())


def _identical(distinct: pl.DataFrame) -> pl.DataFrame:
    """Records that are equal in all that is compared, each beside the first of them."""
    twins = distinct.filter(pl.col("twins").list.len() > 1).select(pl.col("id").alias("matched_id"), "twins")
    twins = twins.explode("twins").rename({"twins": "record_id"}).filter(pl.col("record_id") != pl.col("matched_id"))
    return twins.select(
        "record_id",
        "matched_id",
        probability=pl.lit(1.0),
        weight=pl.lit(None, pl.Float64),
        evidence=pl.lit("the same in all that is compared"),
    )


def _clusters(clusters: pl.DataFrame, distinct: pl.DataFrame) -> pl.DataFrame:
    """The cluster of each record that has a partner, identical ones included."""
    after = clusters["cluster"].n_unique()
    groups = distinct.with_row_index("row", offset=after + 1).join(
        clusters.select("id", "cluster"), on="id", how="left"
    )
    groups = groups.filter(pl.col("cluster").is_not_null() | (pl.col("twins").list.len() > 1))
    groups = groups.with_columns(pl.coalesce("cluster", pl.col("row").cast(pl.Int64)).alias("cluster"))
    return groups.select("cluster", pl.col("twins").alias("record_id")).explode("record_id")


def _accounts_of_leads(tables: Tables, config: Config[QualitySettings]) -> pl.DataFrame:
    """Leads without an account, each with the account that it most probably belongs to."""
    columns = {"name": "company", "domain": "domain", "country": "country", "industry": "category"}
    leads, accounts = _rows(tables, "leads"), _rows(tables, "accounts")
    leads = leads.filter(pl.col("account_id").is_null()).select(
        "id",
        name="company",
        domain=normal.mail_domain(normal.email(pl.col("email"))),
        country="country",
        industry="industry",
    )
    leads = leads.filter(pl.col("name").is_not_null() | pl.col("domain").is_not_null())
    if leads.is_empty() or accounts.is_empty():
        return pl.DataFrame(schema={"table": pl.String})
    distinct = leads.group_by(list(columns), maintain_order=True).agg(pl.col("id").first(), twins=pl.col("id"))
    result = link_records(
        distinct.select("id", *columns),
        accounts.select("id", *columns),
        id="id",
        columns=columns,
        one_to_one=False,
        threshold=config.settings.link_probability,
        seed=config.seed,
        sample=SAMPLE,
    )
    best = result.links.sort(["weight", "id_right"], descending=[True, False]).unique(
        "id_left", keep="first", maintain_order=True
    )
    matched = best.join(distinct.select(pl.col("id").alias("id_left"), "twins"), on="id_left").explode("twins")
    return matched.sort("twins").select(
        pl.lit("leads").alias("table"),
        pl.col("twins").alias("record_id"),
        pl.lit("accounts").alias("survivor_table"),
        pl.col("id_right").alias("survivor_id"),
        pl.col("id_right").alias("matched_id"),
        "probability",
        "weight",
        "evidence",
    )


def _matches_told(matched: pl.DataFrame) -> list[Finding]:
    """One finding for all leads that have an account which nobody wrote down."""
    if matched.is_empty():
        return []
    first = matched.row(0, named=True)
    return [
        Finding(
            code="quality.lead_of_account",
            severity="notice",
            message=f"{matched.height:,} leads without an account belong to one, such as lead {first['record_id']} to "
            f"account {first['survivor_id']}: {first['evidence']}.",
            fix="Write the account into the leads, so that the account's owner answers; the table links has them all.",
            table="leads",
            count=matched.height,
        )
    ]
