"""What is on its way: new deals, the open stock at a period's end, and how fast it turns into money."""

from __future__ import annotations

from typing import Any

from quarterdeck.metrics.metric import Measure, Metric, Stock, count, during, standing, total


def _stocked(deal: Any) -> Any:
    return deal.entered_on.notnull()


def _valued(deal: Any) -> Any:
    return deal.entered_on.notnull() & deal.worth.notnull()


MEASURES: tuple[Measure, ...] = (
    count("new", "deals", "created_on"),
    count("new_valued", "deals", "created_on", lambda deal: deal.worth.notnull()),
    total("new_worth", "deals", "created_on", "worth", is_money=True),
    count("entered", "deals", "created_on", _stocked),
    count("entered_valued", "deals", "created_on", _valued),
    count("left_valued", "deals", "closed_on", lambda deal: deal.left_on.notnull() & deal.worth.notnull()),
    total("entered_worth", "deals", "created_on", "worth", _stocked, is_money=True),
    total("left_worth", "deals", "closed_on", "worth", lambda deal: deal.left_on.notnull(), is_money=True),
    total("entered_days", "deals", "created_on", "created_days", _stocked),
    total("left_days", "deals", "closed_on", "created_days", lambda deal: deal.left_on.notnull()),
)

STOCKS: tuple[Stock, ...] = (
    Stock("open", "entered", "cycled"),
    Stock("open_valued", "entered_valued", "left_valued"),
    Stock("open_worth", "entered_worth", "left_worth", is_money=True),
    Stock("open_since", "entered_days", "left_days"),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        name="new_deals",
        title="New deals",
        definition="Number of deals created in the period.",
        unit="count",
        counted_on="created_at",
        formula="new",
        records="new",
        rows=during("created_on"),
        is_additive=True,
    ),
    Metric(
        name="created_pipeline",
        title="Pipeline created",
        definition=(
            "Worth of the deals created in the period: the amount, or the product's list price where none is stated."
        ),
        unit="money",
        counted_on="created_at",
        formula="new_worth",
        records="new_valued",
        rows=during("created_on", lambda deal: deal.worth.notnull()),
        is_additive=True,
    ),
    Metric(
        name="open_deals",
        title="Open deals",
        definition="Number of deals that are open when the period ends; deals without a created date are left out.",
        unit="count",
        counted_on="period end",
        formula="open",
        records="open",
        rows=standing("entered_on", "left_on"),
        is_stock=True,
        is_additive=True,
        better="neither",
    ),
    Metric(
        name="open_pipeline",
        title="Open pipeline",
        definition=(
            "Worth of the deals that are open when the period ends: the amount, or the product's list price where none "
            "is stated; deals without a created date are left out. Past periods have the amounts that the deals have "
            "now; the waterfall has those of its time."
        ),
        unit="money",
        counted_on="period end",
        formula="open_worth",
        records="open_valued",
        rows=standing("entered_on", "left_on", lambda deal: deal.worth.notnull()),
        is_stock=True,
        is_additive=True,
    ),
    Metric(
        name="open_age_days",
        title="Age of open deals",
        definition="Mean days since creation of the deals that are open when the period ends.",
        unit="days",
        counted_on="period end",
        formula="end_day - open_since / open",
        records="open",
        rows=standing("entered_on", "left_on"),
        is_stock=True,
        better="lower",
    ),
    Metric(
        name="pipeline_turn",
        title="Pipeline closed",
        definition=(
            "Deals closed in the period as a share of those that were open at its beginning or created in it; how much "
            "of the pipeline comes to a decision."
        ),
        unit="rate",
        counted_on="closed_at",
        formula="cycled / (open_before + entered)",
        records="cycled",
        rows=during("left_on"),
    ),
    Metric(
        name="velocity",
        title="Sales velocity",
        definition=(
            "Money that the pipeline brings a day: open deals at the period's end × average deal × win rate ÷ sales "
            "cycle in days, the last three of the deals closed in the period."
        ),
        unit="money per day",
        counted_on="closed_at",
        formula="open * (won_amount / won_valued) * (won / (won + lost)) / (cycle_seconds / (cycled * 86400))",
        records="won_valued",
        rows=during("closed_on", lambda deal: deal.is_won & deal.amount.notnull()),
    ),
)
