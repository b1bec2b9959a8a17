"""What providers know of accounts, contacts and leads, put where neither a source nor a person said anything."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from quarterdeck.base import money
from quarterdeck.base.schema import Column, table

if TYPE_CHECKING:
    import ibis

ENRICHED = ("accounts", "contacts", "leads")
UNTOUCHED = ("id", "source", "source_id", "attributes")
UNSURE = 0.5
"""Confidence of a row that names none."""


def fillable(name: str) -> list[Column]:
    """The columns of a table that an enrichment may fill."""
    return [column for column in table(name).columns if column.name not in UNTOUCHED and column.type != "json"]


def best(enrichments: ibis.Table, name: str, as_of: datetime) -> ibis.Table:
    """Of the rows for a table found before `as_of` one a record and column: the surest, then the newest."""
    import ibis

    mine = enrichments.filter(
        enrichments.table == name,
        enrichments.value.notnull(),
        enrichments.found_at < ibis.literal(as_of, type="timestamp(6)"),
    )
    order = [ibis.coalesce(mine.confidence, UNSURE).desc(), mine.found_at.desc(), mine.id]
    ranked = mine.mutate(
        place=ibis.row_number().over(ibis.window(group_by=[mine.record_id, mine.column], order_by=order))
    )
    return ranked.filter(ranked.place == 0)


def enriched(rows: ibis.Table, name: str, enrichments: ibis.Table | None, as_of: datetime, currency: str) -> ibis.Table:
    """The rows with empty columns filled by enrichments; `currency` is the company's, for rows that name none."""
    if enrichments is None or name not in ENRICHED:
        return rows
    import ibis

    names = list(rows.columns)
    columns = [column for column in fillable(name) if column.name in names]
    found = best(enrichments, name, as_of)
    wide = found.group_by(known_id=found.record_id).agg(
        **{f"known_{column.name}": found.value.max(where=found.column == column.name) for column in columns}
    )
    joined = rows.left_join(wide, rows.id == wide.known_id)
    unit = ibis.coalesce(joined.currency, currency) if "currency" in names else ibis.literal(currency)
    filled = {
        column.name: ibis.coalesce(joined[column.name], _read(joined[f"known_{column.name}"], column, unit))
        for column in columns
    }
    return joined.mutate(**filled).select(*names)


def _read(value: Any, column: Column, currency: Any) -> Any:
    """A text as the column's type; null where it is none."""
    import ibis

    plain = value.strip().replace(",", "")
    match column.type:
        case "integer":
            return _if(plain, r"^-?[0-9]{1,15}(\.0+)?$").cast("decimal(24, 6)").cast("int64")
        case "number":
            return _if(plain, r"^-?[0-9]{1,15}(\.[0-9]+)?$").cast("float64")
        case "decimal":
            return _if(plain, r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$").cast("decimal(18, 6)")
        case "money":
            major = _if(plain, r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$").cast("decimal(24, 6)")
            cases = [(currency == code, ibis.literal(10**digits)) for code, digits in money.UNUSUAL.items()]
            return (major * ibis.cases(*cases, else_=ibis.literal(100))).cast("int64")
        case "day":
            return _if(value.strip(), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$").try_cast("date")
        case "instant":
            return _if(value.strip(), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?$").try_cast("timestamp(6)")
        case "flag":
            word = value.strip().lower()
            return ibis.cases((word.isin(["true", "yes", "1"]), True), (word.isin(["false", "no", "0"]), False))
        case _:
            return value.strip().nullif("")


def _if(value: Any, pattern: str) -> Any:
    import ibis

    return value.re_search(pattern).ifelse(value, ibis.null("string"))
