"""What deals went through, prepared: each span in which a deal's values held, with what had changed when it began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics import deals
from quarterdeck.metrics.metric import Measure, Metric, count, during, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"region": "region", "product": "product_id", "kind": "kind", "pipeline": "pipeline", "owner": "owner_id"}
JOINED = {
    "family": ("products", "product_id"),
    "industry": ("accounts", "account_id"),
    "segment": ("accounts", "account_id"),
    "country": ("accounts", "account_id"),
    "team": ("people", "owner_id"),
}
_CARRIED = ("region", "product_id", "kind", "pipeline", "account_id")


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """Entries of the history, one row an entry; its own owner, the deal's other members.

    Columns: id, the days changed_on and slipped_on (the expected close, where it passed before anything changed),
    moved_days (of the expected close, since the entry before), is_new_stage, is_new_owner, change (of the amount, minor
    units), amount, and one column a dimension in `by`. Entries before a deal's creation or after its close are left
    out: they were dated back or mend a closed deal.
    """
    import ibis

    history = scope.tables.relation("opportunity_history")
    names = ("id", "opportunity_id", "changed_at", "stage", "amount", "currency", "expected_close_on", "owner_id")
    history = history.select(*names).filter(lambda row: row.changed_at < scope.as_of)
    known = deals.known(scope)
    known = known.mutate(ended_on=(known.is_won | known.is_lost).ifelse(scope.day(known.closed_at), None))
    kept = {name: known[name] for name in _CARRIED}
    known = known.select(
        deal_id=known.id, begun=known.created_at, closed=known.closed_at, ended_on=known.ended_on, **kept
    )
    rows = history.inner_join(known, history.opportunity_id == known.deal_id)
    rows = rows.filter(
        (rows.begun.isnull() | (rows.changed_at >= rows.begun))
        & (rows.ended_on.isnull() | (rows.changed_at < rows.closed))
    )
    rows = scope.converted(rows, "opportunity_history", "amount", ibis.null("date"))
    rows = rows.mutate(changed_on=scope.day(rows.changed_at))
    place = ibis.window(group_by=rows.opportunity_id, order_by=[rows.changed_at.asc(), rows.id.asc()])

    def before(column: str) -> Any:
        return rows[column].lag().over(place)

    moved = deals.day_number(rows.expected_close_on) - deals.day_number(before("expected_close_on"))
    until = rows.changed_on.lead().over(place).coalesce(rows.ended_on, scope.today)
    rows = rows.mutate(
        moved_days=moved,
        is_new_stage=(rows.stage != before("stage")).fill_null(False),
        is_new_owner=(rows.owner_id != before("owner_id")).fill_null(False),
        change=rows.amount - before("amount"),
        until_on=until,
    )
    is_slipped = (rows.expected_close_on >= rows.changed_on) & (rows.expected_close_on < rows.until_on)
    rows = rows.mutate(slipped_on=is_slipped.fill_null(False).ifelse(rows.expected_close_on, None))
    rows = scope.members(rows, by, OWN, JOINED)
    flags = ["moved_days", "is_new_stage", "is_new_owner", "change", "amount"]
    return rows.select("id", "changed_on", "slipped_on", *flags, *by)


def _pushed(row: Any) -> Any:
    return (row.moved_days > 0).fill_null(False)


def _pulled(row: Any) -> Any:
    return (row.moved_days < 0).fill_null(False)


def _raised(row: Any) -> Any:
    return (row.change > 0).fill_null(False)


def _cut(row: Any) -> Any:
    return (row.change < 0).fill_null(False)


CHANGED = "changed_on"

MEASURES: tuple[Measure, ...] = (
    count("pushes", "changes", CHANGED, _pushed),
    count("pulls", "changes", CHANGED, _pulled),
    total("pushed_days", "changes", CHANGED, "moved_days", _pushed),
    count("stage_moves", "changes", CHANGED, lambda row: row.is_new_stage),
    count("handovers", "changes", CHANGED, lambda row: row.is_new_owner),
    count("raises", "changes", CHANGED, _raised),
    total("raised", "changes", CHANGED, "change", _raised, is_money=True),
    count("cuts", "changes", CHANGED, _cut),
    total("cut", "changes", CHANGED, "change", _cut, is_money=True),
    count("slips", "changes", "slipped_on"),
    count("slips_valued", "changes", "slipped_on", lambda row: row.amount.notnull()),
    total("slipped_amount", "changes", "slipped_on", "amount", is_money=True),
)


def _change_metric(**given: Any) -> Metric:
    return Metric(entity="changes", needs=("opportunity_history",), is_additive=given["unit"] != "days", **given)


METRICS: tuple[Metric, ...] = (
    _change_metric(
        name="slipped_deals",
        title="Deals slipped",
        definition="How often a deal's expected close passed in the period while the deal stayed open.",
        unit="count",
        counted_on="expected_close_on",
        formula="slips",
        records="slips",
        rows=during("slipped_on"),
        better="lower",
    ),
    _change_metric(
        name="slipped_value",
        title="Value slipped",
        definition="Amounts of the deals whose expected close passed in the period while they stayed open.",
        unit="money",
        counted_on="expected_close_on",
        formula="slipped_amount",
        records="slips_valued",
        rows=during("slipped_on", lambda row: row.amount.notnull()),
        better="lower",
    ),
    _change_metric(
        name="pushes",
        title="Close dates pushed",
        definition="How often the expected close of a deal was moved to a later day in the period.",
        unit="count",
        counted_on="changed_at",
        formula="pushes",
        records="pushes",
        rows=during(CHANGED, _pushed),
        better="lower",
    ),
    _change_metric(
        name="push_days",
        title="Days pushed",
        definition="Mean days by which an expected close was moved to a later day, of the moves in the period.",
        unit="days",
        counted_on="changed_at",
        formula="pushed_days / pushes",
        records="pushes",
        rows=during(CHANGED, _pushed),
        better="lower",
    ),
    _change_metric(
        name="pull_ins",
        title="Close dates pulled in",
        definition="How often the expected close of a deal was moved to an earlier day in the period.",
        unit="count",
        counted_on="changed_at",
        formula="pulls",
        records="pulls",
        rows=during(CHANGED, _pulled),
    ),
    _change_metric(
        name="stage_moves",
        title="Stage moves",
        definition="How often a deal went to another stage in the period, its close left out.",
        unit="count",
        counted_on="changed_at",
        formula="stage_moves",
        records="stage_moves",
        rows=during(CHANGED, lambda row: row.is_new_stage),
    ),
    _change_metric(
        name="handovers",
        title="Owner changes",
        definition="How often a deal got another owner in the period, counted for the new one.",
        unit="count",
        counted_on="changed_at",
        formula="handovers",
        records="handovers",
        rows=during(CHANGED, lambda row: row.is_new_owner),
        better="neither",
    ),
    _change_metric(
        name="amount_raised",
        title="Amounts raised",
        definition="What the amounts of open deals were raised by in the period.",
        unit="money",
        counted_on="changed_at",
        formula="raised",
        records="raises",
        rows=during(CHANGED, _raised),
    ),
    _change_metric(
        name="amount_cut",
        title="Amounts cut",
        definition="What the amounts of open deals were lowered by in the period.",
        unit="money",
        counted_on="changed_at",
        formula="0 - cut",
        records="cuts",
        rows=during(CHANGED, _cut),
        better="lower",
    ),
)
