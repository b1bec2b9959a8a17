"""What was won and lost: counted on the day on which a deal was closed."""

from __future__ import annotations

from typing import Any

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total

CLOSE = "closed_on"


def _priced(deal: Any) -> Any:
    return deal.is_won & deal.amount.notnull() & (deal.list_price > 0).fill_null(False)


def _termed(deal: Any) -> Any:
    return deal.is_won & deal.yearly.notnull()


MEASURES: tuple[Measure, ...] = (
    count("won", "deals", CLOSE, lambda deal: deal.is_won),
    count("lost", "deals", CLOSE, lambda deal: deal.is_lost),
    total("won_amount", "deals", CLOSE, "amount", lambda deal: deal.is_won, is_money=True),
    count("won_valued", "deals", CLOSE, lambda deal: deal.is_won & deal.amount.notnull()),
    total("lost_worth", "deals", CLOSE, "worth", lambda deal: deal.is_lost, is_money=True),
    total("won_worth", "deals", CLOSE, "worth", lambda deal: deal.is_won, is_money=True),
    count("lost_valued", "deals", CLOSE, lambda deal: deal.is_lost & deal.worth.notnull()),
    count("closed_valued", "deals", CLOSE, lambda deal: (deal.is_won | deal.is_lost) & deal.worth.notnull()),
    total("cycle_seconds", "deals", CLOSE, "cycle_seconds"),
    count("cycled", "deals", CLOSE, lambda deal: deal.cycle_seconds.notnull()),
    total("won_cycle_seconds", "deals", CLOSE, "cycle_seconds", lambda deal: deal.is_won),
    count("won_cycled", "deals", CLOSE, lambda deal: deal.is_won & deal.cycle_seconds.notnull()),
    total("worked", "deals", CLOSE, "activities"),
    total("priced_amount", "deals", CLOSE, "amount", _priced, is_money=True),
    total("priced_list", "deals", CLOSE, "list_price", _priced, is_money=True),
    count("priced", "deals", CLOSE, _priced),
    total("yearly_amount", "deals", CLOSE, "yearly", _termed, is_money=True),
    count("termed", "deals", CLOSE, _termed),
    total("monthly_starts", "deals", CLOSE, "monthly", _termed, is_money=True),
    total("monthly_ends", "deals", "ends_on", "monthly", _termed, is_money=True),
    count("termed_ends", "deals", "ends_on", _termed),
    count("cohort_won", "deals", "created_on", lambda deal: deal.is_won),
    count("cohort_lost", "deals", "created_on", lambda deal: deal.is_lost),
)

STOCKS: tuple[Stock, ...] = (
    Stock("recurring", "monthly_starts", "monthly_ends", is_money=True),
    Stock("terms", "termed", "termed_ends"),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="win_rate",
        title="Win rate",
        definition="Won deals as a share of won and lost deals, among the deals closed in the period.",
        unit="rate",
        counted_on="closed_at",
        formula="won / (won + lost)",
        records="won + lost",
        rows=during(CLOSE),
    ),
    Metric(
        name="win_rate_by_value",
        title="Win rate by value",
        definition=(
            "Worth of the won deals as a share of the worth of won and lost deals, among the deals closed in the "
            "period; the list price stands in where no amount is stated."
        ),
        unit="rate",
        counted_on="closed_at",
        formula="won_worth / (won_worth + lost_worth)",
        records="closed_valued",
        rows=during(CLOSE, lambda deal: deal.worth.notnull()),
    ),
    Metric(
        name="cohort_win_rate",
        title="Win rate by cohort",
        definition=(
            "Won deals as a share of won and lost deals, among the deals created in the period; it moves while deals "
            "of the cohort are still open."
        ),
        unit="rate",
        counted_on="created_at",
        formula="cohort_won / (cohort_won + cohort_lost)",
        records="cohort_won + cohort_lost",
        rows=during("created_on", lambda deal: deal.is_won | deal.is_lost),
    ),
    Metric(
        name="won_value",
        title="Won value",
        definition="Sum of the amounts of the deals won in the period.",
        unit="money",
        counted_on="closed_at",
        formula="won_amount",
        records="won",
        rows=during(CLOSE, lambda deal: deal.is_won),
        is_additive=True,
    ),
    Metric(
        name="won_deals",
        title="Won deals",
        definition="Number of deals won in the period.",
        unit="count",
        counted_on="closed_at",
        formula="won",
        records="won",
        rows=during(CLOSE, lambda deal: deal.is_won),
        is_additive=True,
    ),
    Metric(
        name="lost_deals",
        title="Lost deals",
        definition="Number of deals lost in the period.",
        unit="count",
        counted_on="closed_at",
        formula="lost",
        records="lost",
        rows=during(CLOSE, lambda deal: deal.is_lost),
        is_additive=True,
        better="lower",
    ),
    Metric(
        name="lost_value",
        title="Lost value",
        definition=(
            "Worth of the deals lost in the period: the amount, or the product's list price where no amount is stated."
        ),
        unit="money",
        counted_on="closed_at",
        formula="lost_worth",
        records="lost_valued",
        rows=during(CLOSE, lambda deal: deal.is_lost & deal.worth.notnull()),
        is_additive=True,
        better="lower",
    ),
    Metric(
        name="average_deal",
        title="Average deal",
        definition="Mean amount of the deals won in the period, of those that have an amount.",
        unit="money",
        counted_on="closed_at",
        formula="won_amount / won_valued",
        records="won_valued",
        rows=during(CLOSE, lambda deal: deal.is_won & deal.amount.notnull()),
    ),
    Metric(
        name="cycle_days",
        title="Sales cycle",
        definition="Mean days from creation to close of the deals closed in the period, won and lost.",
        unit="days",
        counted_on="closed_at",
        formula="cycle_seconds / (cycled * 86400)",
        records="cycled",
        rows=during(CLOSE, lambda deal: deal.cycle_seconds.notnull()),
        better="lower",
    ),
    Metric(
        name="won_cycle_days",
        title="Sales cycle of won deals",
        definition="Mean days from creation to close of the deals won in the period.",
        unit="days",
        counted_on="closed_at",
        formula="won_cycle_seconds / (won_cycled * 86400)",
        records="won_cycled",
        rows=during(CLOSE, lambda deal: deal.is_won & deal.cycle_seconds.notnull()),
        better="lower",
    ),
    Metric(
        name="lost_cycle_days",
        title="Sales cycle of lost deals",
        definition="Mean days from creation to close of the deals lost in the period.",
        unit="days",
        counted_on="closed_at",
        formula="(cycle_seconds - won_cycle_seconds) / ((cycled - won_cycled) * 86400)",
        records="cycled - won_cycled",
        rows=during(CLOSE, lambda deal: deal.is_lost & deal.cycle_seconds.notnull()),
        better="lower",
    ),
    Metric(
        name="activities_per_deal",
        title="Activities per deal",
        definition="Mean number of emails, calls and meetings that a deal took, of the deals closed in the period.",
        unit="count",
        counted_on="closed_at",
        formula="worked / (won + lost)",
        records="won + lost",
        rows=during(CLOSE),
        needs=("activities",),
        better="neither",
    ),
    Metric(
        name="price_level",
        title="Price level",
        definition=(
            "Amounts of the deals won in the period as a share of their products' list prices, of deals that have both "
            "and no lines; discount tells of those with lines."
        ),
        unit="rate",
        counted_on="closed_at",
        formula="priced_amount / priced_list",
        records="priced",
        rows=during(CLOSE, _priced),
        needs=("products",),
    ),
    Metric(
        name="contract_value",
        title="Annual contract value",
        definition=(
            "Mean amount of a year, of the deals won in the period for products that are sold for a term: the amount "
            "by the term's months, times twelve."
        ),
        unit="money",
        counted_on="closed_at",
        formula="yearly_amount / termed",
        records="termed",
        rows=during(CLOSE, _termed),
        needs=("products",),
    ),
    Metric(
        name="recurring_revenue",
        title="Monthly recurring revenue",
        definition=(
            "A month's part of the won deals whose term runs at the period's end; the term begins at the close and has "
            "the product's months."
        ),
        unit="money",
        counted_on="period end",
        formula="recurring",
        records="terms",
        rows=standing(CLOSE, "ends_on", _termed),
        needs=("products",),
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="won_growth",
        title="Growth of won value",
        definition="Won value of the period against that of the same period of the fiscal year before, less one.",
        unit="rate",
        counted_on="closed_at",
        formula="won_amount / won_amount__year_before - 1",
        records="won",
        rows=during(CLOSE, lambda deal: deal.is_won),
    ),
)
