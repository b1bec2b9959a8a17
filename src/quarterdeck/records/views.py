"""Views: the records as they stood at a moment, computed from facts, on any engine that Ibis speaks to.

What lies after `as_of` is hidden three ways: rows that were born later are left out; values that became known later
(`known_from` in the schema) are emptied; a deal's own values come from its history. A source that sends no history says
only how a deal stands today: what its dates tell is inferred, and the row says so in `is_inferred`.

Records that were merged are shown as one, and empty columns are filled with what providers had found by then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from quarterdeck.base.config import Company
from quarterdeck.base.schema import Table, table
from quarterdeck.records.enriching import ENRICHED, enriched
from quarterdeck.records.merging import Merged, redirected, survivors
from quarterdeck.records.observing import SOURCE

if TYPE_CHECKING:
    import ibis

Lookup = Callable[[str], "ibis.Table | None"]

# A view of the left table needs the rows of the right ones.
NEEDS: dict[str, tuple[str, ...]] = {
    "opportunities": ("opportunity_history", "people", "accounts", "enrichments"),
    **dict.fromkeys(ENRICHED, ("enrichments",)),
}
NO_MERGES: Merged = {}

# A deal's values that its history tells.
PAST = (
    ("stage", "stage"),
    ("amount", "amount"),
    ("close_on", "expected_close_on"),
    ("category", "forecast_category"),
    ("owner", "owner_id"),
)


def last_day(as_of: datetime, company: Company) -> date:
    """The last day of the company that had begun before the moment."""
    local = as_of.replace(tzinfo=UTC).astimezone(company.zone)
    return (local - timedelta(microseconds=1)).date()


def view(
    name: str,
    rows: Lookup,
    as_of: datetime,
    company: Company,
    hints: dict[str, dict[str, Any]],
    merged: Merged = NO_MERGES,
) -> ibis.Table | None:
    """The table as it stood at `as_of`; None when no source brought it.

    `rows` gives the newest versions of a table's records, `hints` what mapping says about one-off exports by source,
    `merged` which records are one.
    """
    found = rows(name)
    if found is None:
        return None
    entry = table(name)
    born = _born(redirected(found, name, merged), entry, as_of, company)
    if name == "opportunities":
        return _deals(born, _whole(rows, as_of, company, merged), as_of, hints).select(*entry.names).order_by("id")
    shown = survivors(_hide(born, entry, as_of, company), name, merged)
    return _known(shown, name, rows, as_of, company, merged).select(*entry.names)


def _whole(rows: Lookup, as_of: datetime, company: Company, merged: Merged) -> Lookup:
    """The tables that deals are joined to, with merges and enrichments."""

    def whole(name: str) -> ibis.Table | None:
        found = rows(name)
        if found is None:
            return None
        entry = table(name)
        found = redirected(found, name, merged)
        found = survivors(found, name, merged, lambda touched: _born(touched, entry, as_of, company))
        return _known(found, name, rows, as_of, company, merged)

    return whole


def _known(found: ibis.Table, name: str, rows: Lookup, as_of: datetime, company: Company, merged: Merged) -> ibis.Table:
    given = rows("enrichments") if name in ENRICHED else None
    if given is None:
        return found
    return enriched(found, name, redirected(given, "enrichments", merged), as_of, company.currency)


def _bound(entry: Table, column: str, as_of: datetime, company: Company) -> tuple[Any, bool]:
    is_day = entry.column(column).type == "day"
    return (last_day(as_of, company), True) if is_day else (as_of, False)


def _is_past(value: Any, bound: Any, is_day: bool) -> Any:
    import ibis

    return value <= ibis.literal(bound, type="date") if is_day else value < ibis.literal(bound, type="timestamp(6)")


def _born(rows: ibis.Table, entry: Table, as_of: datetime, company: Company) -> ibis.Table:
    if not entry.born:
        return rows
    value = rows[entry.born]
    bound, is_day = _bound(entry, entry.born, as_of, company)
    return rows.filter(value.isnull() | _is_past(value, bound, is_day))


def _hide(rows: ibis.Table, entry: Table, as_of: datetime, company: Company) -> ibis.Table:
    """Empty the values that became known later; a column with a default goes back to it."""
    import ibis

    hidden = {}
    for column in entry.columns:
        if column.known_from:
            since = rows[column.known_from]
            bound, is_day = _bound(entry, column.known_from, as_of, company)
            known = since.isnull() | _is_past(since, bound, is_day)
            before = ibis.literal(column.default or None, type=rows[column.name].type())
            hidden[column.name] = known.ifelse(rows[column.name], before)
    return rows.mutate(**hidden) if hidden else rows


def _last_change(history: ibis.Table, as_of: datetime) -> ibis.Table:
    """A deal's last entry in its history before the moment."""
    import ibis

    past = history.filter(_is_past(history.changed_at, as_of, False))
    newest = ibis.window(group_by=past.opportunity_id, order_by=[past.changed_at.desc(), past.id.desc()])
    ranked = past.mutate(place=ibis.row_number().over(newest))
    return ranked.filter(ranked.place == 0).select(deal="opportunity_id", **{f"past_{to}": of for to, of in PAST})


def _as_first_seen(rows: ibis.Table, history: ibis.Table, as_of: datetime) -> ibis.Table:
    """Before a deal was first seen to change it stood as it was seen before that change."""
    import ibis

    later = history.filter(history.source == SOURCE, ~_is_past(history.changed_at, as_of, False))
    oldest = ibis.window(group_by=later.opportunity_id, order_by=[later.changed_at, later.id])
    ranked = later.mutate(place=ibis.row_number().over(oldest))
    first = ranked.filter(ranked.place == 0).select(
        first_deal="opportunity_id", **{f"first_{to}": of for to, of in PAST}
    )
    joined = rows.left_join(first, (rows.id == first.first_deal) & rows.deal.isnull())
    filled = {f"past_{to}": ibis.coalesce(joined[f"past_{to}"], joined[f"first_{to}"]) for to, _ in PAST}
    return joined.mutate(**filled).drop("first_deal", *(f"first_{to}" for to, _ in PAST))


def _by_source(rows: ibis.Table, hints: dict[str, dict[str, Any]], key: str, default: Any, kind: str) -> Any:
    import ibis

    cases = [
        (rows.source == source, ibis.literal(hint[key], type=kind))
        for source, hint in sorted(hints.items())
        if hint.get(key) is not None
    ]
    otherwise = ibis.literal(default, type=kind)
    return ibis.cases(*cases, else_=otherwise) if cases else otherwise


def _deals(rows: ibis.Table, lookup: Lookup, as_of: datetime, hints: dict[str, dict[str, Any]]) -> ibis.Table:
    import ibis

    history = lookup("opportunity_history")
    if history is not None:
        last = _last_change(history, as_of)
        rows = rows.left_join(last, rows.id == last.deal)
        if SOURCE in hints:
            rows = _as_first_seen(rows, history, as_of)
    else:
        texts = ("deal", "past_stage", "past_category", "past_owner")
        rows = rows.mutate(
            **{name: ibis.null("string") for name in texts},
            past_amount=ibis.null("int64"),
            past_close_on=ibis.null("date"),
        )
    is_late = (rows.closed_at >= ibis.literal(as_of, type="timestamp(6)")).fill_null(False)
    untold = is_late & rows.deal.isnull()
    at_close = _by_source(rows, hints, "amount_known", "always", "string") == "at_close"
    open_stage = _by_source(rows, hints, "open_stage", None, "string")
    deals = rows.mutate(
        owner_id=ibis.coalesce(rows.past_owner, rows.owner_id),
        stage=ibis.coalesce(rows.past_stage, is_late.ifelse(open_stage, rows.stage)),
        amount=ibis.coalesce(rows.past_amount, (is_late & at_close).ifelse(ibis.null("int64"), rows.amount)),
        # A closed deal's expected close date is its real one in most systems.
        expected_close_on=ibis.coalesce(rows.past_close_on, is_late.ifelse(ibis.null("date"), rows.expected_close_on)),
        forecast_category=ibis.coalesce(
            rows.past_category, is_late.ifelse(ibis.null("string"), rows.forecast_category)
        ),
        status=is_late.ifelse(ibis.literal("open"), rows.status),
        lost_reason=is_late.ifelse(ibis.null("string"), rows.lost_reason),
        closed_at=is_late.ifelse(ibis.null("timestamp(6)"), rows.closed_at),
        is_inferred=untold,
    )
    return _regions(deals, lookup)


def _regions(deals: ibis.Table, lookup: Lookup) -> ibis.Table:
    """A deal's region: as given, else its owner's, else its account's."""
    import ibis

    places = [deals.region]
    for name, reference in (("people", "owner_id"), ("accounts", "account_id")):
        other = lookup(name)
        if other is not None:
            regions = other.select(**{f"{name}_id": other.id, f"{name}_region": other.region})
            deals = deals.left_join(regions, deals[reference] == regions[f"{name}_id"])
            places.append(deals[f"{name}_region"])
    return deals.mutate(region=ibis.coalesce(*(deals[str(place.get_name())] for place in places)))
