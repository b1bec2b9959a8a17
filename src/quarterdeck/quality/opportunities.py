"""Checks on opportunities: are they complete, possible, free of contradiction and up to date?"""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality import mending
from quarterdeck.quality.check import Check, Moment, deals, is_blank, offending

_CLOSED = ("won", "lost")
_LEAST_DEALS = 20


def closed_without_amount(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(rows.status.isin(_CLOSED) & rows.amount.isnull())
    return offending(rows, rows.worth, status=rows.status)


def open_without_amount(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.status == "open") & rows.amount.isnull())
    return offending(rows, rows.worth)


def account_missing(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(is_blank(rows.account_id))
    return offending(rows, rows.worth, status=rows.status)


def product_missing(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(is_blank(rows.product_id))
    return offending(rows, rows.worth, status=rows.status)


def owner_missing(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(is_blank(rows.owner_id))
    return offending(rows, rows.worth, status=rows.status)


def created_date_missing(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(rows.created_at.isnull())
    return offending(rows, rows.worth, status=rows.status)


def amount_not_positive(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.amount < 0) | ((rows.status == "won") & (rows.amount == 0)))
    return offending(rows, rows.worth.abs(), amount=rows.amount, status=rows.status)


def currency_missing(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = deals(tables, moment)
    # A source that names no currency at all means the company's.
    known = rows.agg(known=rows.currency.count())
    rows = rows.cross_join(known).filter(
        lambda deal: (deal.known > 0) & is_blank(deal.currency) & deal.amount.notnull()
    )
    return offending(rows, rows.worth, amount=rows.amount, assumed=ibis.literal(moment.company.currency))


def date_in_future(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.created_at >= moment.as_of) | (rows.closed_at >= moment.as_of))
    later = (rows.closed_at >= moment.as_of).fill_null(False).ifelse(rows.closed_at, rows.created_at)
    return offending(rows, rows.worth, day=later.date())


def closed_before_created(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    # A created date in the future is the fault of `date_in_future`.
    rows = rows.filter((rows.closed_at < rows.created_at) & (rows.created_at < moment.as_of))
    return offending(rows, rows.worth, created=rows.created_at.date(), closed=rows.closed_at.date())


def closed_without_date(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter(rows.status.isin(_CLOSED) & rows.closed_at.isnull())
    return offending(rows, rows.worth, status=rows.status)


def open_with_close_date(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.status == "open") & rows.closed_at.notnull())
    return offending(rows, rows.worth, closed=rows.closed_at.date())


def stage_contradicts_status(tables: Tables, moment: Moment) -> Any:
    """A deal whose stage is that of the other outcome, or a closed one outside the stage that its outcome has.

    An outcome has a stage when nearly all of its deals stand in it; where lost deals stay in the stage in which they
    were lost, as in some CRMs, it has none.
    """
    rows = deals(tables, moment)
    counts = rows.filter(rows.status.isin(_CLOSED) & rows.stage.notnull())
    counts = counts.group_by(outcome=counts.status, home=counts.stage).agg(here=counts.count())
    sizes = counts.group_by("outcome").agg(size=counts.here.sum()).rename(of="outcome")
    homes = counts.inner_join(sizes, counts.outcome == sizes.of)
    homes = homes.filter((homes.size >= _LEAST_DEALS) & (homes.here >= moment.settings.stage_share * homes.size))
    own = homes.select(own_outcome=homes.outcome, own_home=homes.home)
    other = homes.select(said=homes.outcome, home=homes.home)
    rows = rows.left_join(own, rows.status == own.own_outcome)
    rows = rows.left_join(other, rows.stage == other.home)
    # Sources write the end of a deal as Won, Closed Won, closedlost, 5 - Lost.
    word = rows.stage.lower().re_replace("[^a-z]+", "").re_replace("(closed|deal)", "")
    says = word.isin(_CLOSED).ifelse(word, rows.said)
    strays = rows.own_home.notnull() & (rows.stage != rows.own_home) & (says.isnull() | (says != rows.status))
    rows = rows.filter(strays.fill_null(False) | (says != rows.status).fill_null(False))
    return offending(rows, rows.worth, stage=rows.stage, status=rows.status)


def close_date_in_past(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    rows = rows.filter((rows.status == "open") & (rows.expected_close_on < moment.today))
    return offending(rows, rows.worth, expected=rows.expected_close_on)


def open_too_long(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = deals(tables, moment)
    seconds = rows.closed_at.epoch_seconds().cast("int64") - rows.created_at.epoch_seconds().cast("int64")
    ages = rows.mutate(seconds=seconds).filter((rows.status == "won") & (rows.closed_at >= rows.created_at))
    limit = ages.agg(oldest=ages.seconds.cast("float64").quantile(moment.settings.stale_rate), won=ages.count())
    limit = limit.filter(limit.won >= moment.settings.stale_minimum)
    now = ibis.literal(moment.as_of).epoch_seconds().cast("int64")
    rows = rows.filter((rows.status == "open") & rows.created_at.notnull())
    rows = rows.mutate(age=now - rows.created_at.epoch_seconds().cast("int64")).cross_join(limit)
    rows = rows.filter(rows.age > rows.oldest)
    days = {"age": (rows.age / 86_400).floor().cast("int64"), "oldest": (rows.oldest / 86_400).floor().cast("int64")}
    return offending(rows, rows.worth, **days, share=ibis.literal(round(100 * moment.settings.stale_rate)))


def untouched(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = deals(tables, moment).filter(lambda deal: deal.status == "open")
    every = tables.relation("activities")
    every = every.filter(every.opportunity_id.notnull())
    last = every.group_by(worked_id=every.opportunity_id).agg(last_at=every.started_at.max())
    rows = rows.left_join(last, rows.id == last.worked_id)
    since = rows.last_at.coalesce(rows.created_at)
    now = ibis.literal(moment.as_of).epoch_seconds().cast("int64")
    idle = ((now - since.epoch_seconds().cast("int64")) / 86_400).floor().cast("int64")
    rows = rows.mutate(idle=idle).filter(lambda deal: deal.idle > moment.settings.idle_days)
    return offending(rows, rows.worth, days=rows.idle)


CHECKS: tuple[Check, ...] = (
    Check(
        name="closed_without_amount",
        kind="completeness",
        severity="error",
        table="opportunities",
        title="Closed deal without an amount",
        why="A won one brings nothing: won value, quotas and pay are too low. A lost one hides what was lost.",
        message="The deal is {status} and has no amount.",
        fix="Enter the amount of the order or of the last offer.",
        find=closed_without_amount,
        mend=mending.amount_from_others,
    ),
    Check(
        name="open_without_amount",
        kind="completeness",
        severity="notice",
        table="opportunities",
        title="Open deal without an amount",
        why="The open pipeline can only value it at list price.",
        message="The deal is open and has no amount.",
        fix="Enter the amount that the customer is likely to spend.",
        find=open_without_amount,
        of_now=True,
        mend=mending.amount_from_others,
    ),
    Check(
        name="account_missing",
        kind="completeness",
        severity="warning",
        table="opportunities",
        title="Deal without an account",
        why="It is missing in every figure by industry, country and segment.",
        message="The deal ({status}) has no account.",
        fix="Link the deal to its account; create the account if there is none.",
        find=account_missing,
        mend=mending.account_from_people,
    ),
    Check(
        name="product_missing",
        kind="completeness",
        severity="warning",
        table="opportunities",
        title="Deal without a product",
        why="Demand for it cannot be planned, and nothing says what it would take to deliver.",
        message="The deal ({status}) has no product.",
        fix="Enter the main product of the deal.",
        find=product_missing,
    ),
    Check(
        name="owner_missing",
        kind="completeness",
        severity="error",
        table="opportunities",
        title="Deal without an owner",
        why="Nobody works on it, and nobody's quota or pay knows of it.",
        message="The deal ({status}) has no owner.",
        fix="Give the deal to a seller.",
        find=owner_missing,
        mend=mending.owner_from_others,
    ),
    Check(
        name="created_date_missing",
        kind="completeness",
        severity="warning",
        table="opportunities",
        title="Deal without a created date",
        why="Its age is unknown: it is left out of new deals, of the open pipeline and of the forecast.",
        message="The deal ({status}) has no created date.",
        fix="Enter the day on which work on the deal began, or close it if nobody works on it.",
        find=created_date_missing,
        mend=mending.dates_from_history,
    ),
    Check(
        name="amount_not_positive",
        kind="validity",
        severity="error",
        table="opportunities",
        title="Won deal for nothing, or deal with a negative amount",
        why="It lowers won value and the average deal.",
        message="The deal is {status} with an amount of {amount}.",
        fix="Enter what the deal was closed at; record a credit as an invoice, not as a deal.",
        find=amount_not_positive,
        mend=mending.amount_turned,
    ),
    Check(
        name="currency_missing",
        kind="completeness",
        severity="warning",
        table="opportunities",
        title="Amount without a currency",
        why="Other deals name theirs; read in the wrong currency, the amount can be off by a factor of a thousand.",
        message="The amount of {amount} names no currency; {assumed} is assumed.",
        fix="Enter the currency of the offer.",
        find=currency_missing,
        mend=mending.currency_of_others,
    ),
    Check(
        name="date_in_future",
        kind="validity",
        severity="error",
        table="opportunities",
        title="Deal that happened in the future",
        why="Nothing that is still to come can have been created or closed.",
        message="The deal's date {day} lies in the future.",
        fix="Correct the date; day and month may be the wrong way round.",
        find=date_in_future,
        mend=mending.dates_from_history,
    ),
    Check(
        name="closed_before_created",
        kind="consistency",
        severity="error",
        table="opportunities",
        title="Deal closed before it was created",
        why="Its sales cycle would be negative: it is left out of cycle times and the open pipeline.",
        message="The deal was created on {created} and closed on {closed}.",
        fix="Correct the wrong one of the two dates.",
        find=closed_before_created,
        mend=mending.dates_from_history,
    ),
    Check(
        name="closed_without_date",
        kind="consistency",
        severity="error",
        table="opportunities",
        title="Closed deal without a close date",
        why="It is in no month: won value and win rate miss it.",
        message="The deal is {status} and has no close date.",
        fix="Enter the day on which it was closed.",
        find=closed_without_date,
        mend=mending.dates_from_history,
    ),
    Check(
        name="open_with_close_date",
        kind="consistency",
        severity="warning",
        table="opportunities",
        title="Open deal with a close date",
        why="Either it is closed and still counted in the pipeline, or the date is an expectation in the wrong field.",
        message="The deal is open and was closed on {closed}.",
        fix="Close the deal, or move the date to the expected close date.",
        find=open_with_close_date,
        of_now=True,
        mend=mending.as_expectation,
    ),
    Check(
        name="stage_contradicts_status",
        kind="consistency",
        severity="error",
        table="opportunities",
        title="Stage and status contradict each other",
        why="Reports by stage and reports by status give different totals.",
        message="The stage says {stage}, the status says {status}.",
        fix="Set the one that is wrong.",
        find=stage_contradicts_status,
        mend=mending.stage_of_status,
    ),
    Check(
        name="close_date_in_past",
        kind="timeliness",
        severity="warning",
        table="opportunities",
        title="Open deal whose expected close date is over",
        why="The forecast cannot place it in any month.",
        message="The deal is open; it was expected to close on {expected}.",
        fix="Ask the customer and enter a new date, or close the deal.",
        find=close_date_in_past,
        of_now=True,
        mend=mending.expected_by_age,
    ),
    Check(
        name="open_too_long",
        kind="timeliness",
        severity="warning",
        table="opportunities",
        title="Open deal that is older than won deals get",
        why="Deals of this age are hardly ever won; they make the pipeline look larger than it is.",
        message="The deal has been open for {age} days; {share} % of the won deals were closed within {oldest}.",
        fix="Close it as lost, or write down the next step that the customer agreed to.",
        find=open_too_long,
        of_now=True,
    ),
    Check(
        name="untouched",
        kind="timeliness",
        severity="warning",
        table="opportunities",
        title="Open deal that nobody works on",
        why="Deals without contact are lost without anybody noticing.",
        message="Nothing has been done on the deal for {days} days.",
        fix="Call the customer, or close the deal.",
        find=untouched,
        of_now=True,
        needs=("activities",),
    ),
)
