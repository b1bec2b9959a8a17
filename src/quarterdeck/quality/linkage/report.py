"""What is told about records that are there twice."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding, Severity
from quarterdeck.base.money import scale
from quarterdeck.quality.settings import QualitySettings

_ONE = {"accounts": "account", "contacts": "contact", "leads": "lead"}
_SEVERITY: dict[str, Severity] = {"accounts": "warning", "contacts": "warning", "leads": "notice"}
_LIVE = ("new", "working")


def findings_of(
    table: str, proposed: pl.DataFrame, rows: pl.DataFrame, config: Config[QualitySettings]
) -> list[Finding]:
    """A finding a duplicate, those with the most deals first, and one for the rest beyond `max_records`.

    A person who comes back next year is a new lead: of leads, only those are told that are both alive or came within
    `double_days`.
    """
    if table == "leads":
        proposed = _doubled(proposed, rows, config.settings.double_days)
    if proposed.is_empty():
        return []
    owner = pl.col("owner_id") if "owner_id" in rows.columns else pl.lit(None, pl.String)
    owners = rows.select(record_id="id", owner_id=owner)
    names = rows.select(record_id="id", name="name")
    told = proposed.join(owners, on="record_id", how="left").join(names, on="record_id", how="left")
    told = told.join(names.rename({"record_id": "survivor_id", "name": "survivor"}), on="survivor_id", how="left")
    told = told.sort(["open_amount", "deals", "record_id"], descending=[True, True, False])
    limit, unit = config.settings.max_records, scale(config.company.currency)
    findings = [_finding(table, row, unit) for row in told.head(limit).iter_rows(named=True)]
    rest = told.slice(limit)
    if rest.height:
        findings.append(
            Finding(
                code=f"quality.same_{_ONE[table]}",
                severity=_SEVERITY[table],
                message=f"{rest.height:,} more {table} of {told.height:,} are probably there twice.",
                fix="Merge the listed ones first; the table links has them all.",
                table=table,
                money_at_stake=float(rest["open_amount"].sum()) / unit,
                count=rest.height,
            )
        )
    return findings


def _finding(table: str, row: dict[str, object], unit: int) -> Finding:
    deals = int(str(row["deals"]))
    saved = f" {deals} {'deal hangs' if deals == 1 else 'deals hang'} on it." if deals else ""
    probability = float(str(row["probability"]))
    likely = "" if probability >= 0.9995 else f" ({probability:.1%} likely)"
    return Finding(
        code=f"quality.same_{_ONE[table]}",
        severity=_SEVERITY[table],
        message=f"{row['name']} is probably {row['survivor']} ({row['survivor_id']}){likely}: "
        f"{row['evidence']}.{saved}",
        fix=f"Merge {row['record_id']} into {row['survivor_id']}.",
        table=table,
        record_id=str(row["record_id"]),
        owner_id=None if row["owner_id"] is None else str(row["owner_id"]),
        money_at_stake=float(str(row["open_amount"])) / unit or None,
    )


def _doubled(proposed: pl.DataFrame, leads: pl.DataFrame, days: int) -> pl.DataFrame:
    """The duplicates that are alive together with their survivor, or came within so many days of it."""
    facts = leads.select("id", "created_at", is_live=pl.col("status").is_in(_LIVE))
    both = proposed.join(facts, left_on="record_id", right_on="id").join(
        facts, left_on="survivor_id", right_on="id", suffix="_other"
    )
    is_near = (pl.col("created_at") - pl.col("created_at_other")).abs() <= timedelta(days=days)
    kept = both.filter((pl.col("is_live") & pl.col("is_live_other")) | is_near.fill_null(False))
    return kept.select(proposed.columns)
