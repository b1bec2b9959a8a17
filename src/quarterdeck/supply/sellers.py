"""What each seller can close in a month: the seller's own record, drawn towards the team's where it is thin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.calendar import add_months
from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.money import scale
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.supply.settings import SupplySettings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Months:
    """The months that are looked back on and ahead at, with their workdays."""

    past: tuple[date, ...]
    ahead: tuple[date, ...]
    workdays: dict[date, int]

    def share(self, month: date, days: set[date], start: date | None, end: date | None) -> float:
        """Share of the month's workdays on which a person who starts and leaves on those days works."""
        if (start is None or start <= month) and (end is None or end >= add_months(month, 1)):
            return 1.0
        after = add_months(month, 1)
        mine = [day for day in days if month <= day < after and (not start or day >= start) and (not end or day <= end)]
        return len(mine) / max(self.workdays[month], 1)


def ramp_curve(config: Config[SupplySettings]) -> tuple[tuple[float, ...], bool]:
    """Shares of full productivity by month of tenure, and whether they are assumed.

    The parameter may be a list of shares, or a map with the key `shares`.
    """
    given = config.parameters.at("ramp", config.today)
    if given is None:
        return config.settings.ramp, True
    shares = given.get("shares", []) if isinstance(given, dict) else given
    assumed = config.parameters["ramp"].is_assumed
    return tuple(float(share) for share in shares) or config.settings.ramp, assumed


def ramp_at(curve: tuple[float, ...], hired_on: date | None, month: date) -> float:
    """Share of full productivity in a month; 1 when the first day of work is unknown.

    >>> ramp_at((0.0, 0.5, 1.0), date(2017, 9, 11), date(2017, 10, 1))
    0.5
    """
    if hired_on is None:
        return 1.0
    tenure = (month.year - hired_on.year) * 12 + month.month - hired_on.month
    return 0.0 if tenure < 0 else curve[min(tenure, len(curve) - 1)]


def _months(tables: Tables, config: Config[SupplySettings]) -> tuple[Months, set[date]]:
    first = add_months(config.today, 0)
    past = tuple(add_months(first, -back) for back in range(config.settings.history_months, 0, -1))
    ahead = tuple(add_months(first, place) for place in range(config.settings.horizon))
    open_days = set(tables["days"].filter("is_workday")["day"].to_list())
    workdays: dict[date, int] = {}
    for month in (*past, *ahead):
        length = (add_months(month, 1) - month).days
        days = {month + timedelta(place) for place in range(length)}
        if not days & open_days:  # the calendar does not reach here: Monday to Friday
            open_days |= {day for day in days if day.weekday() < 5}
        workdays[month] = len(days & open_days)
    return Months(past, ahead, workdays), open_days


def _sellers(tables: Tables, config: Config[SupplySettings], findings: list[Finding]) -> pl.DataFrame:
    """Active sellers: id, region, hired_on, left_on."""
    people = tables["people"]
    if people.is_empty():
        deals = tables["opportunities"].filter(pl.col("owner_id").is_not_null())
        findings.append(
            Finding(
                code="supply.no_people",
                severity="notice",
                table="people",
                message="There is no list of people; whoever owns a deal counts as a seller.",
                fix="Give people with region, first and last day and cost: then ramp, leavers and pay are planned.",
            )
        )
        return deals.group_by(id=pl.col("owner_id")).agg(
            region=pl.col("region").drop_nulls().mode().sort().first(),
            hired_on=pl.lit(None, dtype=pl.Date),
            left_on=pl.lit(None, dtype=pl.Date),
        )
    role = pl.col("role").fill_null("seller").str.to_lowercase()
    here = pl.col("left_on").is_null() | (pl.col("left_on") >= config.today)
    return people.filter((role == "seller") & here).select("id", "region", "hired_on", "left_on")


def _closings(tables: Tables, months: Months, config: Config[SupplySettings]) -> pl.DataFrame:
    """Closed deals of the months looked back on, one row an owner and month: closed, won, value in major units."""
    first, last = months.past[0], months.ahead[0]
    won = pl.col("status") == "won"
    return (
        tables["opportunities"]
        .filter(pl.col("status").is_in(["won", "lost"]) & pl.col("owner_id").is_not_null())
        .filter(pl.col("closed_at").dt.date().is_between(first, last, closed="left"))
        .group_by(owner_id="owner_id", month=pl.col("closed_at").dt.truncate("1mo").dt.date())
        .agg(
            closed=pl.len(),
            won=won.sum(),
            valued=(won & pl.col("amount").is_not_null()).sum(),
            value=pl.col("amount").filter(won).sum() / scale(config.company.currency),
        )
        .sort("owner_id", "month")
    )


def _throughput(rows: dict[date, int], months: Months, since: date, quantile: float) -> tuple[float, int]:
    """A month's closings per workday at the quantile, over the months from `since` on, and their number."""
    counted = [month for month in months.past if month >= since]
    if not counted:
        return 0.0, 0
    per_day = [rows.get(month, 0) / max(months.workdays[month], 1) for month in counted]
    return float(np.quantile(per_day, quantile)), len(counted)


def _records(
    sellers: pl.DataFrame, closings: pl.DataFrame, months: Months, curve: tuple[float, ...], quantile: float
) -> list[dict[str, Any]]:
    """Each seller with own throughput per workday, months behind it, closed and won deals and their value."""
    by_owner: dict[str, dict[date, int]] = {}
    for owner, month, closed in closings.select("owner_id", "month", "closed").iter_rows():
        by_owner.setdefault(owner, {})[month] = closed
    sums = {row["owner_id"]: row for row in closings.group_by("owner_id").sum().iter_rows(named=True)}
    records = []
    for row in sellers.sort("id").iter_rows(named=True):
        mine = by_owner.get(row["id"], {})
        ramped = add_months(row["hired_on"], len(curve) - 1) if row["hired_on"] else months.past[0]
        since = max(ramped, min(mine)) if mine else months.ahead[0]
        per_day, n_months = _throughput(mine, months, since, quantile)
        total = sums.get(row["id"], {"closed": 0, "won": 0, "valued": 0, "value": 0.0})
        records.append(
            {
                **row,
                "per_day": per_day,
                "months": n_months,
                **{k: total[k] for k in total if k not in ("owner_id", "month")},
            }
        )
    return records


def _shrunk(records: list[dict[str, Any]], settings: SupplySettings) -> None:
    """Draw each record towards the team's: throughput by months, won share (Beta) and deal size by deals."""
    weight = sum(r["months"] for r in records)
    team_day = sum(r["per_day"] * r["months"] for r in records) / weight if weight else 0.0
    closed, won = sum(r["closed"] for r in records), sum(r["won"] for r in records)
    valued = sum(r["valued"] for r in records)
    team_rate = won / closed if closed else 0.0
    team_value = sum(r["value"] for r in records) / valued if valued else 0.0
    for r in records:
        months, prior = r["months"], settings.prior_months
        r["full_day"] = (r["per_day"] * months + team_day * prior) / (months + prior) if months + prior else 0.0
        r["rate"] = (r["won"] + settings.prior_deals * team_rate) / (r["closed"] + settings.prior_deals)
        r["size"] = (r["value"] + settings.prior_deals * team_value) / (r["valued"] + settings.prior_deals)


def quarter_pattern(closings: pl.DataFrame, months: Months, first_month: int, prior: float) -> dict[date, float]:
    """How far the won share of each month ahead lies from the mean, by its place in the fiscal quarter.

    Many teams win more of what they close at a quarter's end. Each place's share is drawn towards the mean with the
    weight of `prior` deals; 1.0 without closed deals.
    """
    total = closings.select(pl.col("closed").sum(), pl.col("won").sum()).row(0)
    mean = total[1] / total[0] if total[0] else 0.0
    if not mean:
        return dict.fromkeys(months.ahead, 1.0)
    place = (pl.col("month").dt.month().cast(pl.Int64) - first_month) % 3
    sums = closings.group_by(place=place).agg(pl.col("closed").sum(), pl.col("won").sum())
    shares = {row[0]: (row[2] + prior * mean) / (row[1] + prior) for row in sums.iter_rows()}
    return {month: shares.get((month.month - first_month) % 3, mean) / mean for month in months.ahead}


def capacity(tables: Tables, config: Config[SupplySettings]) -> Result:
    """Deals and bookings that each active seller can close in each month of the horizon.

    Closings per workday are the seller's own at `capacity_quantile` over full months after ramp, drawn towards the
    team's with the weight of `prior_months`; the won share is a Beta posterior with the team's share as its prior mean,
    times the pattern within the quarter. `amount` is in major units of the company's currency.
    """
    settings = config.settings
    findings: list[Finding] = []
    curve, assumed = ramp_curve(config)
    months, open_days = _months(tables, config)
    sellers = _sellers(tables, config, findings)
    closings = _closings(tables, months, config)
    active = set(closings["owner_id"].to_list()) | set(_open_owners(tables))
    recent = pl.col("hired_on").is_not_null() & (pl.col("hired_on") >= months.past[0])
    idle = sellers.filter(~(pl.col("id").is_in(list(active)) | recent))
    sellers = sellers.join(idle, on="id", how="anti")
    findings += _notices(sellers, idle, curve, assumed, settings)
    records = _records(sellers, closings, months, curve, settings.capacity_quantile)
    _shrunk(records, settings)
    pattern = quarter_pattern(closings, months, config.company.fiscal_year_start, settings.prior_deals)
    rows = []
    for r in records:
        for month in months.ahead:
            ramp = ramp_at(curve, r["hired_on"], month)
            since = max(r["hired_on"] or config.today, config.today)  # of the month in progress the rest is left
            there = months.share(month, open_days, since, r["left_on"])
            rate = min(r["rate"] * pattern[month], 1.0)
            deals = r["full_day"] * months.workdays[month] * ramp * there
            rows.append(
                {
                    "person_id": r["id"],
                    "period_start": month,
                    "region": r["region"],
                    "deals": deals,
                    "amount": deals * rate * r["size"],
                    "rate": rate,
                    "ramp": ramp,
                    "n": r["closed"],
                }
            )
    frame = conform("seller_capacity", pl.DataFrame(rows)) if rows else empty("seller_capacity")
    return Result({"seller_capacity": frame}, findings)


def _open_owners(tables: Tables) -> list[str]:
    return tables["opportunities"].filter(pl.col("status") == "open")["owner_id"].drop_nulls().unique().to_list()


def _notices(
    sellers: pl.DataFrame, idle: pl.DataFrame, curve: tuple[float, ...], assumed: bool, settings: SupplySettings
) -> list[Finding]:
    findings = []
    if assumed:
        shares = ", ".join(f"{share:.0%}" for share in curve)
        findings.append(
            Finding(
                code="supply.ramp_assumed",
                severity="notice",
                message=f"New sellers are taken to reach {shares} of full productivity in their first months; "
                "nobody said so.",
                fix="Write your own ramp into parameters/, or first days of work (people.hired_on) for all sellers.",
            )
        )
    if idle.height:
        some = ", ".join(idle["id"].sort().head(5).to_list())
        findings.append(
            Finding(
                code="supply.idle_seller",
                severity="warning",
                table="people",
                message=f"{idle.height} sellers have no open deal and closed none in {settings.history_months} months: "
                f"{some}. They are given no capacity.",
                fix="Enter their last day (left_on) or their role, or give them deals.",
                count=idle.height,
            )
        )
    if sellers.is_empty():
        findings.append(
            Finding(
                code="supply.no_sellers",
                severity="warning",
                table="people",
                message="No active seller is known, so nothing can be said of what the sales team can close.",
                fix="Give people with the role seller, or owners of deals.",
            )
        )
    return findings
