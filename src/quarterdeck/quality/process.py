"""Checks on how deals are run: what a forecast needs to know of an open deal, and what a closed one should leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Found, Moment, deals, is_blank, offending, proposals, rule, seconds


def _told_elsewhere(rows: Any, column: str, *status: str) -> Any:
    """Deals of the status without a value that at least half of the others have: the source keeps it."""
    rows = rows.filter(rows.status.isin(status))
    blank = is_blank(rows[column]) if rows[column].type().is_string() else rows[column].isnull()
    share = rows.agg(known=blank.ifelse(0.0, 1.0).mean())
    return rows.mutate(is_lacking=blank).cross_join(share).filter(lambda row: row.is_lacking & (row.known >= 0.5))


def expected_close_missing(tables: Tables, moment: Moment) -> Any:
    rows = _told_elsewhere(deals(tables, moment), "expected_close_on", "open")
    return offending(rows, rows.worth)


def expected_close_far(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    last = moment.today + timedelta(days=moment.settings.far_days)
    rows = rows.filter((rows.status == "open") & (rows.expected_close_on > last))
    return offending(rows, rows.worth, expected=rows.expected_close_on)


def stage_missing(tables: Tables, moment: Moment) -> Any:
    rows = _told_elsewhere(deals(tables, moment), "stage", "open")
    return offending(rows, rows.worth)


def lost_reason_missing(tables: Tables, moment: Moment) -> Any:
    rows = _told_elsewhere(deals(tables, moment), "lost_reason", "lost")
    return offending(rows, rows.worth)


def contact_missing(tables: Tables, moment: Moment) -> Any:
    rows = _told_elsewhere(deals(tables, moment), "contact_id", "open")
    return offending(rows, rows.worth)


def category_contradicts_status(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    word = rows.forecast_category.lower().strip()
    open_but_ended = (rows.status == "open") & word.isin(["closed", "omitted"])
    won_but_omitted = (rows.status == "won") & ~word.isin(["closed"])
    rows = rows.filter(rows.forecast_category.notnull() & (open_but_ended | won_but_omitted))
    return offending(rows, rows.worth, category=rows.forecast_category, status=rows.status)


def commit_past_due(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    committed = rows.forecast_category.lower().isin(["commit", "committed"])
    near = moment.today + timedelta(days=90)
    undated = rows.expected_close_on.isnull() | (rows.expected_close_on > near)
    rows = rows.filter((rows.status == "open") & committed & (undated | rows.amount.isnull()))
    return offending(rows, rows.worth, expected=rows.expected_close_on, amount=rows.amount)


def won_on_first_day(tables: Tables, moment: Moment) -> Any:
    """Deals won within a day where half of the others take weeks: entered when all was over."""
    rows = deals(tables, moment)
    rows = rows.filter((rows.status == "won") & (rows.closed_at >= rows.created_at))
    rows = rows.mutate(took=(seconds(rows.closed_at) - seconds(rows.created_at)).cast("float64"))
    usual = rows.agg(middle=rows.took.median(), of=rows.count())
    rows = rows.cross_join(usual).filter(
        lambda row: (row.took < 86_400) & (row.middle > 14 * 86_400) & (row.of >= moment.settings.stale_minimum)
    )
    return offending(rows, rows.worth, closed=rows.closed_at.date(), usual=(rows.middle / 86_400).floor().cast("int64"))


def won_without_order(tables: Tables, moment: Moment) -> Any:
    rows, orders, invoices = (deals(tables, moment), tables.relation("orders"), tables.relation("invoices"))
    named = orders.filter(orders.opportunity_id.notnull()).select(deal="opportunity_id", at="ordered_at")
    billed = invoices.filter(invoices.opportunity_id.notnull()).select(deal="opportunity_id", at="invoiced_at")
    followed = named.union(billed, distinct=False)
    # Deals that were won before orders were kept have none.
    first = followed.agg(first_at=followed["at"].min(), named=followed.count())
    rows = rows.filter(rows.status == "won").anti_join(followed, rows.id == followed.deal).cross_join(first)
    late = moment.as_of - timedelta(days=moment.settings.delivery_days)
    rows = rows.filter((rows.closed_at < late) & (rows.closed_at >= rows.first_at) & (rows.named > 0))
    return offending(rows, rows.worth, closed=rows.closed_at.date())


def region_contradicts_owner(tables: Tables, moment: Moment) -> Any:
    rows, people = deals(tables, moment), tables.relation("people")
    homes = people.filter(~is_blank(people.region)).select(owner="id", home="region", who="name")
    accounts = tables.relation("accounts")
    places = accounts.filter(~is_blank(accounts.region)).select(site="id", place="region")
    rows = rows.inner_join(homes, rows.owner_id == homes.owner).inner_join(places, [("account_id", "site")])
    rows = rows.filter((rows.status == "open") & (rows.region != rows.home) & (rows.region != rows.place))
    rows = rows.filter(rows.home == rows.place)
    return offending(rows, rows.worth, region=rows.region, home=rows.home, name=rows.who)


def _to_the_owners(_tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    made = wrong.with_columns(
        pl.lit("region").alias("column"), pl.col("home").alias("value_proposed"), pl.lit(0.9).alias("confidence"),
        pl.lit("region of the deal's account and of its owner").alias("why"),
    )  # fmt: skip
    return proposals(made, "opportunities")


def renewal_without_past(tables: Tables, moment: Moment) -> Any:
    rows = deals(tables, moment)
    won = rows.filter((rows.status == "won") & rows.account_id.notnull())
    first = won.group_by(bought_id=won.account_id).agg(first_at=won.closed_at.min())
    asked = rows.filter((rows.kind == "renewal") & rows.account_id.notnull())
    asked = asked.left_join(first, asked.account_id == first.bought_id)
    asked = asked.filter(asked.first_at.isnull() | (asked.first_at > asked.created_at))
    oldest = rows.agg(oldest=rows.created_at.min())
    # A customer of old has bought before the records begin.
    asked = asked.cross_join(oldest).filter(lambda row: seconds(row.created_at) - seconds(row.oldest) > 400 * 86_400)
    return offending(asked, asked.worth, created=asked.created_at.date())


CHECKS: tuple[Check, ...] = (
    rule(
        expected_close_missing, "opportunities",
        "Open deal without an expected close date",
        "The forecast can only place it by its age.",
        "The deal is open and has no expected close date.",
        "Ask the customer when a decision falls, and enter that day.",
        kind="completeness", severity="warning", of_now=True,
    ),
    rule(
        expected_close_far, "opportunities",
        "Expected close date that is years away",
        "It is a placeholder: the deal is in the pipeline and in no forecast.",
        "The deal is expected to close on {expected}.",
        "Enter a day that the customer named, or close the deal and come back to it later.", of_now=True,
    ),
    rule(
        stage_missing, "opportunities",
        "Open deal without a stage",
        "It is in no funnel, and its odds are unknown.",
        "The deal is open and has no stage.",
        "Enter the stage in which it stands.",
        kind="completeness", severity="warning", of_now=True,
    ),
    rule(
        lost_reason_missing, "opportunities",
        "Lost deal without a reason",
        "Nobody can learn from it.",
        "The deal was lost, and nothing says why.",
        "Ask the seller, and enter the reason.",
        kind="completeness", dated="closed_at",
    ),
    rule(
        contact_missing, "opportunities",
        "Open deal without a contact",
        "Nobody knows whom to call when the owner is away.",
        "The deal is open and names no contact.",
        "Enter the person who decides.",
        kind="completeness", of_now=True,
    ),
    rule(
        category_contradicts_status, "opportunities",
        "Forecast category that contradicts the status",
        "The roll-up of categories and that of deals give different totals.",
        "The category is {category}, the status {status}.",
        "Set the category to what the deal is.",
        kind="consistency", severity="warning",
    ),
    rule(
        commit_past_due, "opportunities",
        "Committed deal without a date or an amount",
        "A promise to the company says when and how much.",
        "The deal is committed with an expected close date of {expected} and an amount of {amount}.",
        "Enter both, or take the deal out of the commit.",
        kind="consistency", severity="warning", of_now=True,
    ),
    rule(
        won_on_first_day, "opportunities",
        "Deal that was entered when it was won",
        "It was in no pipeline: coverage, odds and cycle times leave the work on it out.",
        "The deal was created and won on {closed}; half of the won deals take {usual} days or more.",
        "Enter deals when work on them begins; correct the created date.",
        kind="history", dated="closed_at",
    ),
    rule(
        won_without_order, "opportunities",
        "Won deal without an order or an invoice",
        "It was not delivered, not billed, or not won.",
        "The deal was won on {closed}, and no order or invoice names it.",
        "Ask delivery; link the order to the deal, or correct the status.",
        kind="billing", severity="warning", needs=("opportunities", "orders"), dated="closed_at",
    ),
    rule(
        region_contradicts_owner, "opportunities",
        "Deal of a region that neither its owner nor its account has",
        "Its money stands in another region's figures and target.",
        "The deal's region is {region}; its account and its owner {name} are of {home}.",
        "Set the deal's region to {home}.",
        kind="consistency", severity="warning", needs=("opportunities", "people", "accounts"), mend=_to_the_owners,
        of_now=True,
    ),
    rule(
        renewal_without_past, "opportunities",
        "Renewal of a customer who never bought",
        "New business stands among renewals; both growth and retention are wrong.",
        "The deal is a renewal of {created}, and its account has won no deal before.",
        "Set the kind to new, or link the deal to the right account.",
        kind="consistency",
    ),
)  # fmt: skip
