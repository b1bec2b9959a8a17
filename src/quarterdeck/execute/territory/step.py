"""The step `execute.territory`: each account or cell to one seller of its region."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.draws import generator
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.execute.territory.assignment import (
    Floats,
    Indices,
    Problem,
    objective,
    search,
    solve,
)
from quarterdeck.execute.territory.members import members
from quarterdeck.execute.territory.settings import TerritorySettings
from quarterdeck.execute.territory.teams import deal_out, teams_of

# Cost of a seller-load outside the tolerance, where moving a seller-load costs 1: balance first, then few moves.
OUTSIDE = 10.0


def design(tables: Tables, config: Config[TerritorySettings]) -> Result:
    """Balanced territories: each member with its seller, what it takes and brings, and why (table `territories`)."""
    sellers, findings = _sellers(tables, config)
    units, now = members(tables, config, sellers)
    if units.is_empty() or sellers.is_empty():
        findings.append(_nothing(units))
        return Result({"territories": empty("territories")}, findings)
    if not tables.has("scores"):
        findings.append(
            Finding(
                "territory.no_scores",
                "notice",
                "No deal scores are there: each open deal counts with the share of closed deals that were won.",
                "Run the step scoring.score before, so that a member's potential follows its deals' own odds.",
                table="scores",
            )
        )
    units = units.with_columns(group=_groups(units, sellers, findings))
    parts = []
    for (group,), part in units.group_by("group", maintain_order=True):
        for members_of, team in _teams(part, sellers.filter(pl.col("group") == group), config.settings):
            chosen = _assigned(members_of, team, config)
            parts.append(members_of.with_columns(owner_id=team["id"].gather(chosen)))
    found = pl.concat(parts)
    rows = _with_reasons(found, now, sellers, tables["people"])
    findings += _balance(rows, now, sellers, config.settings)
    return Result({"territories": conform("territories", rows).sort("member_id")}, findings)


def _nothing(units: pl.DataFrame) -> Finding:
    if units.is_empty():
        return Finding(
            "territory.no_deals",
            "warning",
            "There are no deals to look after, so no territories were drawn.",
            "Bring the table opportunities in.",
            table="opportunities",
        )
    return Finding(
        "territory.no_sellers",
        "error",
        "There is no active seller to look after the deals.",
        "Bring the table people in, with role seller and without a left_on for those who work now.",
        table="people",
    )


def _sellers(tables: Tables, config: Config[TerritorySettings]) -> tuple[pl.DataFrame, list[Finding]]:
    """Active sellers: `id, name, group` (region, empty text for none) `, share` (ramp, of full productivity)."""
    today, findings = config.today, []
    people = tables["people"].filter(
        (pl.col("role").fill_null("seller") == "seller")
        & (pl.col("left_on").is_null() | (pl.col("left_on") > today))
        & (pl.col("hired_on").is_null() | (pl.col("hired_on") <= today))
    )
    if people.is_empty():
        people = (
            tables["opportunities"]
            .filter(pl.col("owner_id").is_not_null() & (pl.col("status") == "open"))
            .group_by(id="owner_id")
            .agg(pl.col("region").drop_nulls().mode().sort().first())
            .with_columns(name="id", team=pl.lit(None, dtype=pl.String))
        )
        findings.append(
            Finding(
                "territory.no_people",
                "notice",
                "The table people names no active seller: the owners of open deals count as the sellers.",
                "Bring people in: who joined or left and who sells where changes the territories.",
                table="people",
            )
        )
    ramp = tables["seller_capacity"].group_by(id="person_id").agg(pl.col("ramp").mean())
    idle = people.join(ramp, on="id", how="anti")
    if 0 < idle.height < people.height:
        people = people.join(ramp, on="id", how="semi")
        findings.append(_idle(idle))
    sellers = people.join(ramp, on="id", how="left").select(
        "id",
        "name",
        "team",
        group=pl.col("region").fill_null(""),
        share=pl.col("ramp").fill_null(1.0).clip(0.25, 1.0),
    )
    return sellers.sort("id"), findings


def _idle(idle: pl.DataFrame) -> Finding:
    names = idle["id"].sort()
    return Finding(
        "territory.idle_seller",
        "notice",
        f"{idle.height} sellers have no capacity and were left out, they look after nothing: "
        f"{', '.join(names.head(5))}.",
        "Enter their last day (left_on) or their role, or give them deals.",
        table="people",
        record_id=names[0] if idle.height == 1 else None,
        count=idle.height,
    )


def _groups(units: pl.DataFrame, sellers: pl.DataFrame, findings: list[Finding]) -> pl.Series:
    """The group of sellers that each member belongs to: its region's, else its owner's, else the least laden one."""
    home = sellers.select(previous_owner_id="id", owner_group="group")
    known = sellers["group"].unique(maintain_order=True)
    placed = units.join(home, on="previous_owner_id", how="left", maintain_order="left").with_columns(
        served=pl.when(pl.col("region").is_in(known.implode())).then("region")
    )
    group = placed.select(pl.coalesce("served", "owner_group")).to_series()
    weight = sellers.group_by("group").agg(pl.col("share").sum())
    heavy = units.with_columns(group=group).group_by("group").agg(pl.col("load").sum())
    laden = weight.join(heavy, on="group", how="left").with_columns(pl.col("load").fill_null(0.0) / pl.col("share"))
    spare = laden.sort("load", "group")["group"][0]
    stray = units.filter(~pl.col("region").is_in(known.implode()))
    if stray.height:
        findings.append(_unserved(stray, [name for name in known if name]))
    return group.fill_null(spare)


def _unserved(stray: pl.DataFrame, known: list[str]) -> Finding:
    regions = stray["region"].unique().sort().to_list()
    return Finding(
        "territory.region_without_sellers",
        "warning",
        f"No active seller works in {', '.join(regions)}: {stray.height} accounts and cells of there went to their "
        "owners' regions, else to where there was room.",
        f"Is it another spelling of a region ({', '.join(known) or 'people names none'})? Then mend it in the source; "
        "else give a seller the region in people, or hire one.",
        table="people",
        record_id=regions[0] if len(regions) == 1 else None,
        count=stray.height,
    )


def _assigned(part: pl.DataFrame, team: pl.DataFrame, config: Config[TerritorySettings]) -> Indices:
    """Places in the team, one a member: as few moves as keep everyone's load and potential near the fair share."""
    settings = config.settings
    share = team["share"].to_numpy() / team["share"].sum() * team.height
    weights = np.stack([_shares(part[name].to_numpy(), team.height) for name in ("load", "potential")])
    place = {person: number for number, person in enumerate(team["id"])}
    start = np.array([place.get(owner, -1) for owner in part["previous_owner_id"]], dtype=np.int64)
    moved = np.ones((team.height, part.height))
    held = np.flatnonzero(start >= 0)
    moved[start[held], held] = 0.0
    moved[:, start < 0] = 0.0
    cost = moved * (weights.mean(axis=0) + 1e-6)
    load = np.broadcast_to(weights[:, None, :], (2, team.height, part.height))
    low, high = share * (1 - settings.tolerance), share * (1 + settings.tolerance)
    problem = Problem(cost, load, np.stack([low, low]), np.stack([high, high]), penalty=OUTSIDE)
    agents = search(problem, start, generator(config.seed, "territory", team["group"][0]))
    if team.height > 1 and team.height * part.height <= settings.exact_pairs:
        exact = solve(problem, settings.seconds)
        if exact.status == "optimal" and objective(problem, exact.agents) < objective(problem, agents):
            return exact.agents
    return agents


def _teams(
    part: pl.DataFrame, sellers: pl.DataFrame, settings: TerritorySettings
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """A group as it is, or cut into teams with the members of each."""
    if sellers.height <= settings.team_size:
        yield part, sellers
        return
    team = teams_of(sellers, settings.team_size)
    shares = sellers["share"].to_numpy()
    fair = np.bincount(team, weights=shares) / shares.sum() * float(part["load"].sum())
    place = dict(zip(sellers["id"], team.tolist(), strict=True))
    start = np.array([place.get(owner, -1) for owner in part["previous_owner_id"]], dtype=np.int64)
    chosen = deal_out(part["load"].to_numpy(), start, fair, settings.tolerance)
    for number in range(fair.size):
        yield part.filter(chosen == number), sellers.filter(team == number)


def _shares(values: Floats, sellers: int) -> Floats:
    """Values in units of a fair seller's part; an even part each when all are zero."""
    total = values.sum()
    even = np.full(values.size, sellers / max(values.size, 1))
    return values / total * sellers if total > 0 else even


def _with_reasons(found: pl.DataFrame, now: pl.DataFrame, sellers: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    names = pl.concat([people.select("id", "name"), sellers.select("id", "name")]).unique("id", keep="first")
    percent = [
        (pl.col(part) * 100).round(0).cast(pl.Int64).cast(pl.String).alias(part) for part in ("load", "potential")
    ]
    held = _parts(sellers, now).select(
        previous_owner_id="id",
        previous_group="group",
        held=pl.format("load {}%, potential {}%", *percent),
    )
    rows = (
        found.join(names.select(owner_id="id", owner="name"), on="owner_id", how="left")
        .join(names.select(previous_owner_id="id", previous="name"), on="previous_owner_id", how="left")
        .join(held, on="previous_owner_id", how="left")
    )
    previous, group = pl.coalesce("previous", "previous_owner_id"), pl.col("previous_group")
    reason = (
        pl.when(pl.col("previous_owner_id").is_null())
        .then(pl.format("Nobody looked after it; {} had the room.", "owner"))
        .when(pl.col("previous_owner_id") == pl.col("owner_id"))
        .then(pl.format("Stays with {}: the balance does not need the move.", "owner"))
        .when(group.is_null())
        .then(pl.format("{} is no active seller; {} had the room.", previous, "owner"))
        .when(group != pl.col("group"))
        .then(pl.format("{} works in another region; goes to {}.", previous, "owner"))
        .otherwise(pl.format("From {} ({} of the fair share before) to {}, to even out.", previous, "held", "owner"))
    )
    is_moved = (pl.col("previous_owner_id") != pl.col("owner_id")).fill_null(False)
    return rows.with_columns(reason=reason, is_moved=is_moved)


def _balance(
    rows: pl.DataFrame, now: pl.DataFrame, sellers: pl.DataFrame, settings: TerritorySettings
) -> list[Finding]:
    """What the new territories do to the spread, and who still lies outside the tolerance."""
    after = rows.group_by(id="owner_id").agg(pl.col("load", "potential").sum())
    spread = {"before": _parts(sellers, now), "after": _parts(sellers, after)}
    text = "; ".join(
        f"{name} {_range(spread['after'][name])} of the fair share (now {_range(spread['before'][name])})"
        for name in ("load", "potential")
    )
    moved = rows.filter("is_moved")
    total = float(rows["potential"].sum()) or 1.0
    findings = [
        Finding(
            "territory.balance",
            "notice",
            f"The sellers' parts become {text}; {moved.height} of {rows.height} accounts and cells change "
            f"hands ({float(moved['potential'].sum()) / total:.0%} of the potential).",
            "Look through the moves in territories; widen territory.tolerance in quarterdeck.yaml to have fewer.",
            table="territories",
            count=moved.height,
        )
    ]
    limit = settings.tolerance + 0.005
    uneven = spread["after"].filter(((pl.col("load") - 1).abs() > limit) | ((pl.col("potential") - 1).abs() > limit))
    if uneven.height:
        worst = ", ".join(uneven.sort(pl.col("load").sub(1).abs(), descending=True)["name"].head(3))
        findings.append(
            Finding(
                "territory.uneven",
                "notice",
                f"{uneven.height} of {sellers.height} sellers stay outside {settings.tolerance:.0%} of the fair share "
                f"(first: {worst}): their regions' accounts cannot be dealt out more evenly on load "
                "and potential at once.",
                "Let a seller help in a second region, split the largest accounts, or accept it.",
                table="territories",
                count=uneven.height,
            )
        )
    return findings


def _parts(sellers: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Each seller's `load` and `potential` as a part of the fair share: 1 is fair."""
    carried = sellers.join(held, on="id", how="left")
    return carried.select("id", "name", "group", *(_fair(name) for name in ("load", "potential")))


def _fair(name: str) -> pl.Expr:
    """A seller's part of the region's sum, over the seller's fair part of it."""
    value = pl.col(name).fill_null(0.0)
    fair = value.sum().over("group") * pl.col("share") / pl.col("share").sum().over("group")
    return pl.when(fair > 0).then(value / fair).otherwise(1.0).alias(name)


def _range(values: pl.Series) -> str:
    low, high = np.quantile(values.to_numpy(), [0.0, 1.0])
    return f"{low:.0%} - {high:.0%}"
