"""Who serves a segment: the team or role that wins most there, and whether that raised the rate of wins."""

from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.scoring.segments import Scheme

LEAST = 20
"""Closed deals that a team needs in a segment before it can be its own."""
MIXED = 50.0
"""Deals at the expected rate that a team's own in a segment are mixed with."""
LEARNED_ON = 0.6
"""Share of the deals, the earlier ones, from which a segment's team is chosen before the test on the others."""
AT_HOME = 0.9
DEALS = {
    "id": pl.String(),
    "at": pl.Datetime("us"),
    "won": pl.Float64(),
    "segment": pl.String(),
    "category": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Rates of wins of the segment's own team and of the others, and their difference with its 95 % interval."""

    own_n: int
    own_rate: float
    other_n: int
    other_rate: float
    effect: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Choice:
    """The category of a segment: who serves it, where that comes from, and its rate there (shrunk)."""

    category: str
    origin: str
    rate: float | None = None


def category_column(tables: Tables, deals: pl.DataFrame) -> tuple[str | None, str]:
    """`team` or `role` where sellers differ by it and it is not only where they sit; else None, and why."""
    people = tables["people"]
    named = deals.join(people.select(owner_id="id", team="team", role="role"), on="owner_id", how="inner")
    for column in ("team", "role"):
        counts = named.filter(pl.col(column).is_not_null()).group_by(column).len().filter(pl.col("len") >= LEAST)
        if counts.height < 2:
            continue
        if column == "team" and _is_regional(named):
            continue
        return column, ""
    if named["team"].n_unique() > 1:
        return None, "teams go by region, and sellers have one role"
    return None, "sellers are not told apart by team or role" if named.height else "no closed deal names its seller"


def _is_regional(named: pl.DataFrame) -> bool:
    """Each team works nearly all of its deals in one region of the accounts."""
    placed = named.filter(pl.col("home").is_not_null() & pl.col("team").is_not_null())
    if placed["home"].n_unique() < 2:
        return False
    counts = placed.group_by("team", "home").len()
    at_home = counts.group_by("team").agg(pl.col("len").max())["len"].to_numpy().sum()
    return bool(at_home >= AT_HOME * placed.height)


def choose(deals: pl.DataFrame) -> dict[str, Choice]:
    """For each segment the category with the best rate of wins, mixed with what its rates elsewhere let expect."""
    if deals.is_empty():
        return {}
    mean = float(deals["won"].to_numpy().mean())
    cells = deals.group_by("segment", "category").agg(n=pl.len(), won=pl.col("won").sum())
    teams = deals.group_by("category").agg(team_rate=(pl.col("won").sum() + MIXED * mean) / (pl.len() + MIXED))
    kinds = deals.group_by("segment").agg(rate=(pl.col("won").sum() + MIXED * mean) / (pl.len() + MIXED))
    cells = cells.join(teams, on="category").join(kinds, on="segment").filter(pl.col("n") >= LEAST)
    expected = (pl.col("rate") + pl.col("team_rate") - mean).clip(0.01, 0.99)
    cells = cells.with_columns(shrunk=(pl.col("won") + MIXED * expected) / (pl.col("n") + MIXED))
    best = cells.sort("shrunk", "category", descending=[True, False]).unique(
        "segment", keep="first", maintain_order=True
    )
    return {
        segment: Choice(category, "wins most there", rate)
        for segment, category, rate in best.select("segment", "category", "shrunk").iter_rows()
    }


def by_hand(tables: Tables, scheme: Scheme, column: str | None) -> dict[str, Choice]:
    """Categories that rules name, or whose people name the segment as theirs."""
    found = {}
    for person in tables["people"].filter(pl.col("segments").is_not_null()).iter_rows(named=True):
        category = person[column or "team"] or person["role"]
        for segment in _listed(person["segments"]):
            found[segment] = Choice(str(category), "people.segments")
    return found | {
        rule.name: Choice(rule.rep_category, "by rule") for rule in scheme.rules if rule.rep_category is not None
    }


def _listed(text: str) -> list[str]:
    try:
        said = json.loads(text)
    except ValueError:
        return [part.strip() for part in text.split(",")]
    return [str(part) for part in said] if isinstance(said, list) else [str(said)]


def specialisation(deals: pl.DataFrame, hand: dict[str, Choice]) -> tuple[dict[str, Difference], Difference | None]:
    """Did deals that the segment's own team worked win more often than the others? By segment, and over all.

    A learned choice is made from the earlier deals and tested on the later ones alone; one by hand on all. Over all
    segments the differences are weighed as in Mantel and Haenszel's risk difference (S. Greenland and J. Robins, 1985),
    so that a segment in which everybody wins does not count for its team.
    """
    ordered = deals.sort("at", "id")
    edge = int(ordered.height * LEARNED_ON)
    chosen = {segment: choice.category for segment, choice in choose(ordered[:edge]).items() if segment not in hand}
    learned = _own(ordered[edge:].filter(~pl.col("segment").is_in(list(hand))), chosen)
    both = pl.concat([learned, _own(ordered, {segment: choice.category for segment, choice in hand.items()})])
    cells = both.group_by("segment").agg(
        n1=pl.col("is_own").sum().cast(pl.Float64),
        n0=(~pl.col("is_own")).sum().cast(pl.Float64),
        w1=pl.col("won").filter("is_own").sum(),
        w0=pl.col("won").filter(~pl.col("is_own")).sum(),
    )
    cells = cells.filter((pl.col("n1") > 0) & (pl.col("n0") > 0)).sort("segment")
    by_segment = {row["segment"]: _pooled([row]) for row in cells.iter_rows(named=True)}
    return by_segment, _pooled(list(cells.iter_rows(named=True))) if cells.height else None


def _own(deals: pl.DataFrame, chosen: dict[str, str]) -> pl.DataFrame:
    mine = deals.filter(pl.col("segment").is_in(list(chosen)))
    team = pl.col("segment").replace_strict(chosen, default="", return_dtype=pl.String)
    return mine.select("segment", "won", is_own=pl.col("category") == team)


def _pooled(cells: list[dict[str, float]]) -> Difference:
    """Mantel and Haenszel's risk difference of fourfold tables n1, w1 (own), n0, w0 (others)."""
    weight = [cell["n1"] * cell["n0"] / (cell["n1"] + cell["n0"]) for cell in cells]
    effect = sum(
        w * (cell["w1"] / cell["n1"] - cell["w0"] / cell["n0"]) for w, cell in zip(weight, cells, strict=True)
    ) / sum(weight)
    spread = 0.0
    for w, cell in zip(weight, cells, strict=True):
        # Half a win and half a loss more keep a cell without spread from looking certain.
        p1, p0 = ((cell[f"w{k}"] + 0.5) / (cell[f"n{k}"] + 1) for k in (1, 0))
        spread += w**2 * (p1 * (1 - p1) / cell["n1"] + p0 * (1 - p0) / cell["n0"])
    margin = 1.96 * spread**0.5 / sum(weight)
    n1, n0 = sum(cell["n1"] for cell in cells), sum(cell["n0"] for cell in cells)
    w1, w0 = sum(cell["w1"] for cell in cells), sum(cell["w0"] for cell in cells)
    return Difference(int(n1), w1 / n1, int(n0), w0 / n0, effect, effect - margin, effect + margin)
