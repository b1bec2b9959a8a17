"""The step that says which kind of customer each record is, who serves that kind, and what to talk of with it."""

from __future__ import annotations

import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import profile_records as records_of
from quarterdeck.scoring import segments_reps as reps
from quarterdeck.scoring.profile_records import Records
from quarterdeck.scoring.profile_settings import ProfileSettings
from quarterdeck.scoring.segments import Scheme, scheme
from quarterdeck.scoring.segments_guides import guides, of_leads, values_of
from quarterdeck.scoring.segments_reps import Choice, Difference

ANY = "any seller"


def segment(tables: Tables, config: Config[ProfileSettings]) -> Result:
    """Tables `segment_members` (account, lead, open deal), `segments` with who serves them, and `segment_guides`."""
    records = {
        "account": records_of.accounts(tables, config),
        "lead": records_of.leads(tables, config),
    }
    divided = scheme(list(records.values()), config.settings)
    members = pl.concat([_members(subject, entry, divided) for subject, entry in records.items()])
    members = pl.concat([members, _open_deals(tables, members)])
    deals = closed_deals(tables, members)
    column, why_not = reps.category_column(tables, deals)
    chosen, tests, overall = _served(tables, deals, divided, column)
    table = _segments(members, records, deals, divided, (chosen, tests), why_not)
    category = {name: chosen[name].category if name in chosen else ANY for name in table["segment"]}
    members = members.with_columns(rep_category=pl.col("segment").replace_strict(category, default=ANY))
    found = guides(values_of(tables, deals)) if deals.height else guides(of_leads(records["lead"], divided), "leads")
    return Result(
        {
            "segment_members": conform("segment_members", members),
            "segments": conform("segments", table),
            "segment_guides": conform("segment_guides", found),
        },
        _findings(overall, why_not, column),
    )


def _members(subject: str, records: Records, divided: Scheme) -> pl.DataFrame:
    frame = records.frame
    return pl.DataFrame(
        {"subject_id": frame["id"], "segment": divided.of(frame)},
        schema={"subject_id": pl.String, "segment": pl.String},
    ).select(pl.lit(subject).alias("subject"), "subject_id", "segment")


def _of_deals(tables: Tables, members: pl.DataFrame) -> pl.DataFrame:
    """Each deal with the segment of its account, else of its lead."""
    relation = tables.relation("opportunities")
    deals: pl.DataFrame = relation.select(
        "id", "account_id", "lead_id", "owner_id", "status", "closed_at", "kind"
    ).to_polars()
    for subject, key in (("account", "account_id"), ("lead", "lead_id")):
        own = members.filter(pl.col("subject") == subject).select(pl.col("subject_id").alias(key), f"{subject}_segment")
        deals = deals.join(own, on=key, how="left", maintain_order="left")
    return deals.with_columns(segment=pl.coalesce("account_segment", "lead_segment"))


def _named(members: pl.DataFrame) -> pl.DataFrame:
    return members.with_columns(account_segment="segment", lead_segment="segment")


def _open_deals(tables: Tables, members: pl.DataFrame) -> pl.DataFrame:
    deals = _of_deals(tables, _named(members)).filter((pl.col("status") == "open") & pl.col("segment").is_not_null())
    return deals.select(pl.lit("opportunity").alias("subject"), subject_id="id", segment="segment")


def closed_deals(tables: Tables, members: pl.DataFrame) -> pl.DataFrame:
    """Closed deals `id, owner_id, at, won, segment` and `home`, the region of the account."""
    deals = _of_deals(tables, _named(members.filter(pl.col("subject") != "opportunity")))
    homes = tables["accounts"].select(account_id="id", home="region")
    closed = deals.filter(pl.col("status").is_in(["won", "lost"]) & pl.col("segment").is_not_null())
    closed = closed.join(homes, on="account_id", how="left", maintain_order="left")
    return closed.select(
        "id", "owner_id", "segment", "home", at="closed_at", won=(pl.col("status") == "won").cast(pl.Float64)
    )


def _served(
    tables: Tables, deals: pl.DataFrame, divided: Scheme, column: str | None
) -> tuple[dict[str, Choice], dict[str, Difference], Difference | None]:
    """Who serves each segment, and the tests whether that raised the rate of wins."""
    hand = reps.by_hand(tables, divided, column)
    if column is None:
        return hand, {}, None
    people = tables["people"].select(owner_id="id", category=column)
    named = deals.join(people, on="owner_id", how="inner").filter(pl.col("category").is_not_null())
    tests, overall = reps.specialisation(named, hand)
    return reps.choose(named) | hand, tests, overall


def _segments(
    members: pl.DataFrame,
    records: dict[str, Records],
    deals: pl.DataFrame,
    divided: Scheme,
    served: tuple[dict[str, Choice], dict[str, Difference]],
    why_not: str,
) -> pl.DataFrame:
    """A row a segment that has members."""
    chosen, tests = served
    counts = members.group_by("segment").agg(
        accounts=(pl.col("subject") == "account").sum(),
        leads=(pl.col("subject") == "lead").sum(),
        open_deals=(pl.col("subject") == "opportunity").sum(),
    )
    ends = deals.group_by("segment").agg(closed=pl.len(), won=pl.col("won").sum().cast(pl.Int64))
    brought = _outcomes(members, records["account"], "account").group_by("segment").agg(value=pl.col("value").sum())
    leads = (
        _outcomes(members, records["lead"], "lead")
        .group_by("segment")
        .agg(settled_leads=pl.len(), converted=pl.col("won").sum().cast(pl.Int64))
    )
    table = counts.join(ends, on="segment", how="left").join(brought, on="segment", how="left")
    table = table.join(leads, on="segment", how="left").sort("segment")
    rows = []
    for row in table.iter_rows(named=True):
        choice, test = chosen.get(row["segment"]), tests.get(row["segment"])
        row |= {name: row[name] or 0 for name in ("closed", "won", "settled_leads", "converted")}
        row |= {
            "value": row["value"] or 0.0,
            "meaning": divided.meaning(row["segment"]) or None,
            "win_rate": row["won"] / row["closed"] if row["closed"] else None,
            "conversion": row["converted"] / row["settled_leads"] if row["settled_leads"] else None,
            "rep_category": choice.category if choice else ANY,
            "rep_origin": choice.origin if choice else why_not or "too few closed deals",
            "rep_rate": choice.rate if choice else None,
            "effect": test.effect if test else None,
            "effect_low": test.low if test else None,
            "effect_high": test.high if test else None,
            "evidence": _evidence(test),
        }
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None) if rows else empty("segments")


def _outcomes(members: pl.DataFrame, records: Records, subject: str) -> pl.DataFrame:
    own = members.filter(pl.col("subject") == subject).select(id="subject_id", segment="segment")
    return records.outcomes.join(own, on="id", how="inner")


def _evidence(test: Difference | None) -> str:
    if test is None:
        return "No deals to tell whether a team of its own wins more there."
    figures = (
        f"its own team won {test.own_rate:.0%} of {test.own_n} deals, others {test.other_rate:.0%} of {test.other_n}: "
        f"{100 * test.effect:+.1f} points ({100 * test.low:+.1f} to {100 * test.high:+.1f})"
    )
    if not test.is_clear:
        return f"No evidence that it matters who serves it: {figures}."
    return f"Who serves it matters: {figures}." if test.effect > 0 else f"Its own team wins less: {figures}."


def _findings(overall: Difference | None, why_not: str, column: str | None) -> list[Finding]:
    """What specialisation brought, over all segments."""
    if column is None:
        return [
            Finding(
                code="scoring.no_rep_categories",
                severity="notice",
                message=f"Nobody is said to serve a segment: {why_not}.",
                fix="Fill in people.team or people.role, or name segments in people.segments.",
                table="people",
            )
        ]
    if overall is None:
        return []
    figures = (
        f"segments' own {column}s won {overall.own_rate:.1%} of {overall.own_n} later deals, the others "
        f"{overall.other_rate:.1%} of {overall.other_n}; weighed by segment {100 * overall.effect:+.1f} points "
        f"({100 * overall.low:+.1f} to {100 * overall.high:+.1f})"
    )
    if overall.is_clear and overall.effect > 0:
        message, fix = f"Specialisation raised the rate of wins: {figures}.", "Give each segment to its own team."
    elif overall.is_clear:
        message, fix = (
            f"Specialisation lowered the rate of wins: {figures}.",
            "Do not follow it; see who works where.",
        )
    else:
        message = f"There is no evidence that specialisation raises the rate of wins: {figures}."
        fix = "Take other grounds, such as distance or language, to say who serves whom."
    return [Finding(code="scoring.specialisation", severity="notice", message=message, fix=fix, table="people")]
