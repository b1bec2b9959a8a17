"""People, prepared: head-count, sellers who are ramped, and who left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total
from quarterdeck.metrics.scope import Scope

if TYPE_CHECKING:
    import ibis

OWN = {"region": "region", "team": "team", "owner": "id", "source": "source"}


def prepare(scope: Scope, by: tuple[str, ...]) -> ibis.Table:
    """People with the days hired_on, ramped_on and left_on (the last day), is_seller, hours (a hundredth) a week.

    Who has no first day, or left before it, is in no stock.
    """
    import ibis

    people = scope.tables.relation("people")
    is_dated = people.hired_on.notnull() & (people.left_on.isnull() | (people.left_on >= people.hired_on))
    ramped = (people.hired_on + ibis.interval(months=scope.settings.ramp_months)).cast("date")
    left = is_dated.ifelse(scope.past(people.left_on), None)
    stays = left.isnull() | (left >= ramped)
    people = people.mutate(
        first_on=is_dated.ifelse(scope.past(people.hired_on), None),
        ramped_on=(is_dated & stays).ifelse(scope.past(ramped), None),
        last_on=left,
        is_seller=(people.role == "seller").fill_null(True),
        hours=(people.weekly_hours.fill_null(40.0) * 100 + 0.5).floor().cast("int64"),
    )
    people = people.mutate(ramped_left_on=people.ramped_on.notnull().ifelse(people.last_on, None))
    people = scope.members(people, by, OWN, {})
    return people.select("id", "first_on", "ramped_on", "last_on", "ramped_left_on", "is_seller", "hours", *by)


def _seller(person: Any) -> Any:
    return person.is_seller


MEASURES: tuple[Measure, ...] = (
    count("hired", "people", "first_on"),
    count("parted", "people", "last_on"),
    count("sellers_hired", "people", "first_on", _seller),
    count("sellers_parted", "people", "last_on", _seller),
    count("ramped_in", "people", "ramped_on", _seller),
    count("ramped_out", "people", "ramped_left_on", _seller),
    total("hours_in", "people", "first_on", "hours", _seller),
    total("hours_out", "people", "last_on", "hours", _seller),
)

STOCKS: tuple[Stock, ...] = (
    Stock("staff", "hired", "parted"),
    Stock("sellers", "sellers_hired", "sellers_parted"),
    Stock("ramped", "ramped_in", "ramped_out"),
    Stock("weekly_hours", "hours_in", "hours_out"),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="headcount",
        title="Head-count",
        definition="Number of people who work here when the period ends; people without a first day are left out.",
        unit="count",
        counted_on="period end",
        formula="staff",
        records="staff",
        rows=standing("first_on", "last_on"),
        entity="people",
        needs=("people",),
        is_stock=True,
        is_additive=True,
        better="neither",
    ),
    Metric(
        name="ramped_sellers",
        title="Ramped sellers",
        definition=(
            "Number of sellers who work here when the period ends and have been here for the months of "
            "metrics.ramp_months."
        ),
        unit="count",
        counted_on="period end",
        formula="ramped",
        records="ramped",
        rows=standing("ramped_on", "ramped_left_on", _seller),
        entity="people",
        needs=("people",),
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="hires",
        title="Hires",
        definition="Number of people whose first day lies in the period.",
        unit="count",
        counted_on="hired_on",
        formula="hired",
        records="hired",
        rows=during("first_on"),
        entity="people",
        needs=("people",),
        is_additive=True,
        better="neither",
    ),
    Metric(
        name="attrition",
        title="Attrition",
        definition=(
            "People whose last day lies in the period, as a share of the mean of the head-counts at its beginning "
            "and end."
        ),
        unit="rate",
        counted_on="left_on",
        formula="parted / ((staff_before + staff) / 2)",
        records="parted",
        rows=during("last_on"),
        entity="people",
        needs=("people",),
        better="lower",
    ),
    Metric(
        name="won_per_seller",
        title="Won value per seller",
        definition=(
            "Won value of the period for each seller, by the mean of the sellers at the period's beginning and end."
        ),
        unit="money",
        counted_on="closed_at",
        formula="won_amount / ((sellers_before + sellers) / 2)",
        records="won",
        rows=during("closed_on", lambda deal: deal.is_won),
        needs=("people",),
    ),
    Metric(
        name="selling_time",
        title="Time in activities",
        definition=(
            "Hours of the period's activities as a share of the sellers' contracted hours, by the mean of its "
            "beginning and end and the days of it that have passed."
        ),
        unit="rate",
        counted_on="started_at",
        formula="act_minutes / 60000 / ((weekly_hours_before + weekly_hours) / 200 * days / 7)",
        records="act_timed",
        rows=during("started_on", lambda row: row.minutes.notnull()),
        entity="activities",
        needs=("activities", "people"),
        better="neither",
    ),
)
