"""The grid of fit and engagement, A1 to F4: how many are in each cell, and which share of such ones was won before.

Rates are tested, not fitted: of leads and deals that came after the profile's cut, with the letter that the earlier
profile gives them and the points they had a few days after they came, the share that was converted or won later.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.points import give, points_at
from quarterdeck.scoring.points_log import Entries, entries
from quarterdeck.scoring.points_settings import EngagementSettings
from quarterdeck.scoring.points_step import levels, rules_in_force
from quarterdeck.scoring.profile_step import TESTED

LOWEST = 4
CELL = ["letter", "level"]


def grade(tables: Tables, config: Config[EngagementSettings]) -> Result:
    """Table `grades`: the grid of open leads, accounts and open deals, with the tested rates of leads and deals."""
    counted = _now(tables)
    rules = rules_in_force(config.settings)
    log = entries(tables, rules)
    parts = [_tested(_lead_outcomes(tables, config), log, "lead", config)]
    parts.append(_tested(_deal_outcomes(tables, config), log, "opportunity", config))
    tested = pl.concat(parts)
    grid = counted.join(tested, on=["subject", *CELL], how="full", coalesce=True)
    grid = grid.with_columns(pl.col("n", "tested", "won").fill_null(0)).sort("subject", *CELL)
    grid = grid.with_columns(pl.concat_str("letter", "level").alias("grade"), *_interval())
    table = conform("grades", grid) if grid.height else empty("grades")
    return Result({"grades": table}, _findings(table))


def _now(tables: Tables) -> pl.DataFrame:
    """How many open leads, accounts and open deals are in each cell; without an entry in the log the level is 4."""
    settled = tables["leads"].filter(
        pl.col("status").is_in(["converted", "unqualified"]) | pl.col("converted_at").is_not_null()
    )
    gone = settled.select(subject=pl.lit("lead"), subject_id="id")
    fits = tables["fits"].join(gone, on=["subject", "subject_id"], how="anti")
    level = tables["engagement"].select("subject", "subject_id", "level")
    both = fits.join(level, on=["subject", "subject_id"], how="left").with_columns(pl.col("level").fill_null(LOWEST))
    return both.group_by("subject", *CELL).agg(n=pl.len().cast(pl.Int64))


def _lead_outcomes(tables: Tables, config: Config[EngagementSettings]) -> pl.DataFrame:
    """Leads that came after the cut and were open when they were looked at: `subject_id, at, letter, won`."""
    letters = tables["fits"].filter((pl.col("subject") == "lead") & pl.col("letter_before").is_not_null())
    leads = tables["leads"].join(letters.select(id="subject_id", letter="letter_before"), on="id", how="inner")
    at = pl.col("created_at") + timedelta(days=config.settings.graded_days)
    won = pl.col("converted_at").is_not_null() | (pl.col("status") == "converted")
    # A lead without a day has no engagement either, and is graded by its fit alone.
    was_open = (pl.col("converted_at") >= pl.col("at")).fill_null(True)
    return leads.with_columns(at=at).filter(was_open).select("letter", "at", subject_id="id", won=won)


def _deal_outcomes(tables: Tables, config: Config[EngagementSettings]) -> pl.DataFrame:
    """Closed deals of accounts with a letter from before the cut, opened after it: `subject_id, at, letter, won`."""
    fits = tables["fits"].filter((pl.col("subject") == "account") & pl.col("letter_before").is_not_null())
    deals: pl.DataFrame = (
        tables.relation("opportunities").select("id", "account_id", "status", "created_at", "closed_at").to_polars()
    )
    at = pl.col("created_at") + timedelta(days=config.settings.graded_days)
    closed = deals.filter(pl.col("status").is_in(["won", "lost"])).with_columns(at=at)
    closed = closed.filter(pl.col("closed_at") >= pl.col("at")).sort("closed_at", "id")
    later = closed[int(closed.height * (1 - TESTED)) :]
    met = later.join(fits.select(account_id="subject_id", letter="letter_before"), on="account_id", how="inner")
    return met.select("letter", "at", subject_id="id", won=pl.col("status") == "won")


def _tested(outcomes: pl.DataFrame, log: Entries, subject: str, config: Config[EngagementSettings]) -> pl.DataFrame:
    """Tested records and won ones of each cell."""
    settings, rules = config.settings, rules_in_force(config.settings)
    own = log.of(subject)
    given = give(own.join(outcomes.select("subject_id"), on="subject_id", how="semi"), rules, config.company.timezone)
    moments = outcomes.with_row_index("row").select(pl.col("row").cast(pl.Int64), "subject_id", "at")
    points = points_at(given, moments, rules, half_life_days=settings.half_life_days, groups=settings.groups)
    level = pl.Series("level", levels(points["points"].to_numpy(), settings), dtype=pl.Int64)
    cells = outcomes.with_columns(level).group_by(CELL)
    found = cells.agg(tested=pl.len().cast(pl.Int64), won=pl.col("won").sum().cast(pl.Int64))
    return found.select(pl.lit(subject).alias("subject"), *CELL, "tested", "won")


def _interval() -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Rate and the limits of its 95 % interval (E. Wilson, 1927); null where nothing was tested."""
    n = pl.when(pl.col("tested") > 0).then(pl.col("tested").cast(pl.Float64))
    rate, z = pl.col("won") / n, 1.96
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z * (rate * (1 - rate) / n + z**2 / (4 * n**2)).sqrt() / (1 + z**2 / n)
    return rate.alias("rate"), (middle - margin).clip(0, 1).alias("low"), (middle + margin).clip(0, 1).alias("high")


def _findings(grid: pl.DataFrame) -> list[Finding]:
    """How much more often the best grades were won than the others, by subject."""
    found = []
    for subject, table in (("lead", "leads"), ("opportunity", "opportunities")):
        own = grid.filter((pl.col("subject") == subject) & (pl.col("tested") > 0))
        best = own.filter(pl.col("letter").is_in(["A", "B"]) & (pl.col("level") <= 2))
        n, won = _total(own, "tested"), _total(own, "won")
        if not best.height or not won or _total(best, "tested") < 20:
            continue
        rate, usual = _total(best, "won") / _total(best, "tested"), won / n
        found.append(
            Finding(
                code="scoring.grades_tested",
                severity="notice",
                message=f"Of {n} later {table}, {usual:.1%} were won; of the {_total(best, 'tested')} graded A1 to B2 "
                f"a few days after they came, {rate:.1%}: {rate / usual:.1f} times as often.",
                fix="Nothing to mend: it says what the grades are worth.",
                table=table,
                count=n,
            )
        )
    return found


def _total(cells: pl.DataFrame, column: str) -> int:
    return int(cells[column].to_numpy().sum())
