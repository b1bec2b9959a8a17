"""The step `execute.quota`: each month's target, split over the sellers to the minor unit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import split, to_major
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.execute.quota.settings import QuotaSettings


@dataclass(frozen=True)
class Seller:
    """A seller in a month: what the person can close, and the potential of the person's territory."""

    id: str
    region: str | None
    capacity: float
    potential: float


def design(tables: Tables, config: Config[QuotaSettings]) -> Result:
    """Quotas by person and month; in each month they add up to the target exactly, and so do the regions'."""
    targets = tables["plan_targets"].sort("period_start")
    sellers = tables["people"].filter(pl.col("role").fill_null("seller") == "seller").sort("id")
    findings = _missing(tables, sellers)
    sellers = _marked(sellers, tables, config, findings)
    if targets.is_empty() or sellers.is_empty():
        return Result({"quotas": empty("quotas")}, findings)
    rows: list[dict[str, Any]] = []
    notes: dict[str, set[str]] = defaultdict(set)
    by_month = targets.partition_by("period_start", as_dict=True, maintain_order=True)
    for (month,), part in by_month.items():
        team = _team(tables, sellers, month)
        if not team:
            notes["no_seller"].add(f"{month:%Y-%m}")
            continue
        total, regions = _amounts(part, notes)
        shares = _region_shares(total, regions, team, notes)
        for region, amount in shares.items():
            members = [seller for seller in team if region == ALL or seller.region == region]
            rows += _quotas(month, (region, amount, total), members, config)
    findings += _findings(notes) + _stretched(rows, tables, config)
    frame = pl.DataFrame(rows, schema=empty("quotas").schema) if rows else empty("quotas")
    return Result({"quotas": conform("quotas", frame).sort("period_start", "person_id")}, findings)


# The part of the target that every seller shares: used when nobody works in a region that has a target.
ALL = "all"


def _missing(tables: Tables, sellers: pl.DataFrame) -> list[Finding]:
    found = []
    if not tables.has("plan_targets"):
        found.append(
            Finding(
                "quota.no_target",
                "warning",
                "There is no target, so nobody has a quota.",
                "Bring the table targets in, or let reconcile assume one.",
                "targets",
            )
        )
    if sellers.is_empty():
        found.append(
            Finding(
                "quota.no_people",
                "warning",
                "The table people names no seller, so the target could not be shared.",
                "Bring the table people in, with role and region: it gives quotas, capacity and pay.",
                table="people",
            )
        )
    elif not tables.has("seller_capacity"):
        found.append(
            Finding(
                "quota.no_capacity",
                "notice",
                "No seller's capacity is known: quotas follow the territories' potential, else equal parts.",
                "Run supply.capacity before; it needs closed deals with an owner.",
                table="seller_capacity",
            )
        )
    return found


def _marked(
    sellers: pl.DataFrame, tables: Tables, config: Config[QuotaSettings], findings: list[Finding]
) -> pl.DataFrame:
    """The sellers with `is_able`: false for one without any capacity while others have one; they are reported."""
    able = pl.col("id").is_in(tables["seller_capacity"]["person_id"].unique().to_list())
    marked = sellers.with_columns(is_able=able)
    is_here = pl.col("left_on").is_null() | (pl.col("left_on") > config.today)
    idle = marked.filter(~pl.col("is_able") & is_here)
    if marked["is_able"].any() and idle.height:
        findings.append(
            Finding(
                "quota.idle_seller",
                "notice",
                f"{idle.height} sellers have no capacity and were left out, they have no quota: "
                f"{', '.join(idle['id'].head(5))}.",
                "Enter their last day (left_on) or their role, or give them deals.",
                table="people",
                record_id=idle["id"][0] if idle.height == 1 else None,
                count=idle.height,
            )
        )
    return marked


def _team(tables: Tables, sellers: pl.DataFrame, month: date) -> list[Seller]:
    """Who sells in the month: those with a capacity; where none of them is there, all who are.

    A seller whose capacity ends before the month counts with the mean of the others.
    """
    active = sellers.filter(
        (pl.col("hired_on").is_null() | (pl.col("hired_on") < add_months(month, 1)))
        & (pl.col("left_on").is_null() | (pl.col("left_on") > month))
    )
    able = active.filter("is_able")
    active = able if able.height else active
    capacity = (
        tables["seller_capacity"].filter(pl.col("period_start") == month).select(id="person_id", capacity="amount")
    )
    potential = tables["territories"].group_by(id="owner_id").agg(pl.col("potential").sum())
    rows = (
        active.join(capacity, on="id", how="left")
        .join(potential, on="id", how="left")
        .with_columns(
            pl.col("capacity").fill_null(pl.col("capacity").mean()).fill_null(0.0),
            pl.col("potential").fill_null(0.0),
        )
        .sort("id")
    )
    return [Seller(*row) for row in rows.select("id", "region", "capacity", "potential").iter_rows()]


def _amounts(part: pl.DataFrame, notes: dict[str, set[str]]) -> tuple[int, dict[str, int]]:
    """The month's whole target, and its regions scaled so that they fit into it."""
    regions = {
        member: int(amount)
        for member, amount in part.filter(pl.col("level") == "region").select("member", "amount").sort("member").rows()
    }
    whole = part.filter(pl.col("level") == "all")["amount"].to_list()
    total = int(whole[0]) if whole else sum(regions.values())
    known = sum(regions.values())
    if abs(known) > abs(total) and known:
        notes["regions_exceed_total"].add(f"{part['period_start'][0]:%Y-%m}")
        regions = dict(zip(regions, split(total, [abs(amount) for amount in regions.values()]), strict=True))
    return total, regions


def _region_shares(
    total: int, regions: dict[str, int], team: list[Seller], notes: dict[str, set[str]]
) -> dict[str | None, int]:
    """The target by region of its sellers (None: those without a region); adds up to the total."""
    staffed = {seller.region for seller in team if seller.region is not None}
    served: dict[str | None, int] = {region: amount for region, amount in regions.items() if region in staffed}
    if not served:
        return {ALL: total}
    notes["region_without_sellers"].update(region for region in regions if region not in staffed)
    rest = total - sum(served.values())
    unserved = sum(amount for region, amount in regions.items() if region not in staffed)
    others = sorted(region for region in staffed if region not in regions)
    if any(seller.region is None for seller in team) or others:
        loose: list[str | None] = [*others]
        if any(seller.region is None for seller in team):
            loose.append(None)
        left = rest - unserved
        if left <= 0:
            notes["seller_without_target"].update(
                seller.id for seller in team if seller.region is None or seller.region in others
            )
        counts = [sum(seller.region == region for seller in team) for region in loose]
        served.update(zip(loose, split(left, counts), strict=True))
        rest = unserved
    weights = [abs(amount) for amount in served.values()]
    extra = split(rest, weights if sum(weights) else [1] * len(weights))
    return {region: amount + more for (region, amount), more in zip(served.items(), extra, strict=True)}


def _quotas(
    month: date, target: tuple[str | None, int, int], members: list[Seller], config: Config[QuotaSettings]
) -> list[dict[str, Any]]:
    """A region's amount over its sellers, by what they can close and what their territories hold."""
    region, amount, total = target
    weight = config.settings.potential_weight
    capacity, potential = sum(m.capacity for m in members), sum(m.potential for m in members)
    if not potential:
        weight = 0.0
    elif not capacity:
        weight = 1.0
    parts = [
        (1 - weight) * (m.capacity / capacity if capacity else 1 / len(members))
        + weight * (m.potential / potential if potential else 0.0)
        for m in members
    ]
    whole, currency = sum(parts), config.company.currency
    where = "the whole target" if region == ALL else "what no region has" if region is None else f"{region}'s target"
    words = f"of {where} of {to_major(amount, currency):,} {currency}"
    rows = []
    for seller, part, value in zip(members, parts, split(amount, parts), strict=True):
        held = f"{seller.capacity / capacity:.1%} of the capacity" if capacity else "an equal part"
        held += f", {seller.potential / potential:.1%} of the potential" if potential else ""
        rows.append(
            {
                "person_id": seller.id,
                "period_start": month,
                "region": seller.region,
                "amount": value,
                "share": value / total if total else 0.0,
                "reason": f"{part / whole:.1%} {words}: {held}.",
            }
        )
    return rows


def _findings(notes: dict[str, set[str]]) -> list[Finding]:
    found = []
    if regions := sorted(notes["region_without_sellers"]):
        found.append(
            Finding(
                "quota.region_without_sellers",
                "warning",
                f"There is a target and in some month no seller in {', '.join(regions)}: that part was shared "
                "among the other regions.",
                "If it is another spelling of a region, mend it in the source; else give a seller the region in "
                "people, plan a hire, or lower the target.",
                table="people",
                record_id=regions[0] if len(regions) == 1 else None,
                count=len(regions),
            )
        )
    if people := sorted(notes["seller_without_target"]):
        found.append(
            Finding(
                "quota.seller_without_target",
                "warning",
                f"{len(people)} sellers have no region with a target ({', '.join(people[:3])}) and nothing of the "
                "target is left for them: their quota is zero.",
                "Give them a region in people, or leave a part of the total target outside the regions.",
                table="people",
                count=len(people),
            )
        )
    if months := sorted(notes["regions_exceed_total"]):
        found.append(
            Finding(
                "quota.regions_exceed_total",
                "warning",
                f"The regions' targets add up to more than the whole in {len(months)} months (first: {months[0]}): "
                "they were scaled to fit.",
                "Mend targets, so that the regions add up to the whole.",
                table="targets",
                count=len(months),
            )
        )
    if months := sorted(notes["no_seller"]):
        found.append(
            Finding(
                "quota.no_seller",
                "error",
                f"Nobody sells in {months[0]}: the target of {len(months)} months is carried by no one.",
                "Check hired_on and left_on in people.",
                table="people",
                count=len(months),
            )
        )
    return found


def _stretched(rows: list[dict[str, Any]], tables: Tables, config: Config[QuotaSettings]) -> list[Finding]:
    """Regions in which the quotas ask for more than the sellers closed at their own rates."""
    capacity = tables["seller_capacity"].select("person_id", "period_start", capacity="amount")
    if not rows or capacity.is_empty():
        return []
    frame = pl.DataFrame(rows, schema=empty("quotas").schema).join(capacity, on=["person_id", "period_start"])
    currency = config.company.currency
    sums = frame.group_by("region").agg(pl.col("amount").sum(), pl.col("capacity").sum()).sort("region")
    found = []
    for region, amount, able in sums.select("region", "amount", "capacity").iter_rows():
        asked = float(to_major(int(amount), currency))
        if able > 0 and asked / able - 1 > config.settings.stretch_rate:
            found.append(
                Finding(
                    "quota.over_capacity",
                    "warning",
                    f"{region or 'Sellers without a region'}: the quotas ask for {asked / able - 1:.0%} more than the "
                    f"sellers can close ({asked:,.0f} against {able:,.0f} {currency}).",
                    "Hire, lower the target, or raise win rate and deal size before these quotas are handed out.",
                    table="quotas",
                    record_id=region,
                    money_at_stake=float(round(asked - able)),
                )
            )
    return found
