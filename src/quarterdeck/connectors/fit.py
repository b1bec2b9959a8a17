"""Which canonical column each column of a file is, for one table: confidences and their best assignment."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors import convert
from quarterdeck.connectors.evidence import NUMERIC, TEMPORAL, Evidence
from quarterdeck.connectors.joins import Join, Joins
from quarterdeck.connectors.mapping import ATTRIBUTES
from quarterdeck.connectors.periods import is_year
from quarterdeck.connectors.systems import Dialect
from quarterdeck.connectors.vocabulary import REFERENCES, Likeness, canonical_value, like, value_words

LEAST = 0.4
"""A column whose best place is less sure than this goes to attributes."""

_KINDS: dict[str, tuple[str, ...]] = {
    "money": NUMERIC,
    "number": NUMERIC,
    "decimal": NUMERIC,
    "integer": NUMERIC,
    "instant": TEMPORAL,
    "day": TEMPORAL,
    "flag": ("flag",),
}
_WORDS = ("channel", "country", "city", "industry", "title", "company", "outcome", "lost_reason", "measure")
"""Columns of words: numbers in them mean something else."""
_MANY = ("contact_id", "lead_id", "opportunity_id", "order_id")
"""References of which a long table names more than one or two."""
_OWN_KIND = {"email": "email", "phone": "phone", "currency": "currency", "domain": "link"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A column's place."""

    target: str
    confidence: float
    reason: str
    joins: str = ""


def place(
    columns: list[Evidence], table: str, path: str, joins: Joins, dialect: Dialect | None = None
) -> dict[str, Placed]:
    """Source column to its place in the table; columns without one are left out.

    What a known system means by its columns goes before what their names are like.
    """
    from scipy.optimize import linear_sum_assignment

    found = {} if dialect is None else _by_dialect(columns, table, path, joins, dialect)
    taken = {entry.target for entry in found.values()}
    columns = [column for column in columns if dialect is None or column.name not in dialect.places]
    targets = [target for target in schema.table(table).names if target not in taken]
    if not any(column.name == "source_id" for column in columns):
        # a lead's "source" is its channel; only beside source_id it names the system that a row came from
        targets = [target for target in targets if target != "source"]
    options = [_options(column, table, path, joins) for column in columns]
    weight = np.zeros((len(columns), len(targets)))
    for row, choices in enumerate(options):
        for target, choice in choices.items():
            if choice.confidence >= LEAST and target in targets:
                weight[row, targets.index(target)] = choice.confidence
    rows, places = linear_sum_assignment(weight, maximize=True)
    for row, at in sorted(zip(rows, places, strict=True)):
        if weight[row, at] > 0:
            found[columns[row].name] = options[row][targets[at]]
    return found


def _by_dialect(columns: list[Evidence], table: str, path: str, joins: Joins, dialect: Dialect) -> dict[str, Placed]:
    found = {}
    for column in columns:
        target = dialect.places.get(column.name, ATTRIBUTES)
        if target == ATTRIBUTES:
            continue
        join = joins.best(column, REFERENCES[target], path) if target in REFERENCES else None
        named = Likeness(1.0, f"{column.name} of {dialect.system}")
        sure, reason = _confidence(column, table, schema.table(table).column(target), named, join)
        if sure >= LEAST:
            by = f"{join.table}.{join.by}" if join is not None and join.overlap > 0 else ""
            found[column.name] = Placed(target, round(sure, 3), reason.replace("named like", "known as", 1), by)
    return found


def _options(column: Evidence, table: str, path: str, joins: Joins) -> dict[str, Placed]:
    entry, near = schema.table(table), like(column.name, table)
    out = {}
    for target in entry.columns:
        name = near.get(target.name)
        join = joins.best(column, REFERENCES[target.name], path) if target.name in REFERENCES else None
        if name is None and (target.name == ATTRIBUTES or column.kind == "empty"):
            continue
        sure, reason = _confidence(column, table, target, name, join)
        if sure > 0.05:
            by = f"{join.table}.{join.by}" if join is not None and join.overlap > 0 else ""
            out[target.name] = Placed(target.name, round(sure, 3), reason, by)
    return _companies_called_leads(out)


def _companies_called_leads(options: dict[str, Placed]) -> dict[str, Placed]:
    """Keys called leads that no file of leads holds but one of companies does are those companies'."""
    lead, account = options.get("lead_id"), options.get("account_id")
    if lead is None or account is None or lead.joins or not account.joins:
        return options
    reason = f"called a lead, but {account.reason}"
    as_account = Placed("account_id", max(lead.confidence, account.confidence), reason, account.joins)
    return {**options, "account_id": as_account, "lead_id": Placed("lead_id", 0.1, lead.reason)}


def _confidence(
    column: Evidence, table: str, target: schema.Column, name: Likeness | None, join: Join | None
) -> tuple[float, str]:
    """How sure it is that the column is the target, and why."""
    if name is None:
        return _by_values(column, table, target, join)
    said = f'named like "{name.spelling}"' if name.spelling != target.name.replace("_", " ") else "named so"
    if name.score < 0.9:
        said = f'its name is near "{name.spelling}"'
    fits = _fits(column, table, target)
    sure = name.score * (0.98 if fits == 1.0 else 0.96 if column.kind == "empty" else fits)
    reason = f"{said}; {column.told()}"
    if join is not None and column.kind != "empty":
        if join.overlap >= 0.5:
            sure = min(0.99, sure + (0.99 - sure) * join.overlap * 0.8)
            reason = f"{said}; {join.told()}"
        elif not join.is_partial and name.score < 1.0:
            sure *= 0.75
            reason = f"{said}, though {join.told()}"
    if column.other_format and target.type in ("day", "instant"):
        sure = min(sure, 0.55)
        reason += "; day and month could also stand the other way round: please check"
    if fits < 0.5:
        reason = f"{said}, but {column.told()}"
    return sure, reason


def _by_values(column: Evidence, table: str, target: schema.Column, join: Join | None) -> tuple[float, str]:
    """Confidence where the name says nothing."""
    if target.name in ("parent_id", "manager_id") and column.is_unique:
        return 0.0, ""  # it would point to itself
    if join is not None and column.distinct >= 3 and join.overlap >= 0.8:
        return 0.3 + 0.4 * join.overlap, join.told()
    if _OWN_KIND.get(target.name) == column.kind:
        return 0.6, f"its values are {column.told().rsplit(', ', 1)[-1]}"
    looks = _by_looks(column, table, target)
    if looks is not None:
        return looks
    known = value_words(f"{table}.{target.name}")
    if known and column.kind == "text" and 2 <= column.distinct <= 30:
        share = _known_share(column, f"{table}.{target.name}")
        if share >= 0.6:
            return 0.25 + 0.35 * share, f"its values are words for {target.name.replace('_', ' ')}"
    return 0.0, ""


def _by_looks(column: Evidence, table: str, target: schema.Column) -> tuple[float, str] | None:
    """Confidence by what the values look like: persons, companies, sums of money."""
    if target.name in ("owner_id", "person_id") and column.has_persons and column.is_repeated and column.distinct > 1:
        return 0.5, f"its values look like persons' names that come again, {column.distinct:,} of them"
    if f"{table}.{target.name}" == "targets.member" and column.has_persons:
        return 0.5, "its values look like persons' names"
    if target.name == "account_id" and column.has_companies:
        return 0.52, "its values look like companies' names"
    if target.name == "company" and column.has_companies:
        return 0.55, "its values look like companies' names"
    if target.name == "name" and column.is_unique:
        if table == "accounts" and column.has_companies:
            return 0.55, "its values look like companies' names"
        if table in ("people", "contacts", "leads") and column.has_persons:
            return 0.5, "its values look like persons' names"
    if target.name == "amount" and column.kind == "number" and column.currency:
        return 0.5, f"its values are sums of money in {column.currency}"
    return None


def _known_share(column: Evidence, name: str) -> float:
    return sum(canonical_value(name, value) is not None for value in column.values) / max(len(column.values), 1)


def _fits(column: Evidence, table: str, target: schema.Column) -> float:
    """1 when the values are of the target's type, less when they speak against it."""
    if column.kind == "empty":
        return 0.98
    wanted = _KINDS.get(target.type)
    if wanted is not None:
        return _fits_type(column, target, wanted)
    if target.name == "id":
        return 1.0 if column.is_unique else 0.35
    if target.name in _OWN_KIND:
        own = _OWN_KIND[target.name]
        return 1.0 if column.kind == own or (own in ("link", "phone") and column.kind in ("text", "integer")) else 0.45
    if target.name in ("name", "company") and column.kind in ("email", "flag", *TEMPORAL):
        return 0.4
    if target.type == "text" and column.kind in TEMPORAL:
        return 0.3
    if f"{table}.{target.name}" == "opportunities.status":
        return 1.0 if _known_share(column, "opportunities.status") >= 0.5 or is_flag(column) else 0.5
    if f"{table}.{target.name}" == "leads.status":
        return 1.0 if is_flag(column) or _known_share(column, "leads.status") >= 0.3 else 0.45
    if target.name in REFERENCES and column.kind in ("flag", "day", "instant"):
        return 0.4
    if target.name in _MANY and column.kind == "text" and column.distinct <= 2 and column.rows >= 50:
        return 0.4
    if target.name in ("stage", "region", "role", "team") and column.kind in ("number", "flag"):
        return 0.45
    if target.name in _WORDS and column.kind in ("integer", "number", "flag"):
        return 0.35
    return 1.0


def is_flag(column: Evidence) -> bool:
    """All values say yes or no."""
    return column.kind == "flag" or (column.kind == "integer" and set(column.values) <= {"0", "1"})


def is_years(column: Evidence) -> bool:
    """All values are years: 2026."""
    return column.kind in ("integer", "text") and bool(is_year(pl.Series(column.values, dtype=pl.String)).all())


def _begins_months(column: Evidence) -> bool:
    """Most of its days are the first of a month, as periods begin."""
    days = convert.days(pl.Series(column.values, dtype=pl.String), column.format, ZoneInfo("UTC"))
    return float((days.dt.day() == 1).mean() or 0.0) >= 0.5  # type: ignore[arg-type]


def _fits_type(column: Evidence, target: schema.Column, wanted: tuple[str, ...]) -> float:
    if target.name == "period_start" != column.name and column.kind == "day" and not _begins_months(column):
        return 0.5
    if column.kind in wanted:
        if target.type == "integer" and not column.is_integer_like:
            return 0.4
        if target.type in ("money", "number", "decimal", "integer") or column.kind != "epoch":
            return 1.0
        return 1.0 if column.kind == "epoch" else 0.9
    if target.name == "period_start" and is_years(column):
        return 1.0
    if target.type == "flag" and column.kind == "integer" and set(column.values) <= {"0", "1"}:
        return 1.0
    if column.kind == "flag" and target.type in ("integer", "number", "money", "decimal") and column.is_integer_like:
        return 1.0
    if column.kind == "epoch" and target.type in ("money", "number", "integer"):
        return 0.9
    return 0.25
