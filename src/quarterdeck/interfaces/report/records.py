"""What several sections share: names of checks, what is left out of a table, a metric's values."""

from __future__ import annotations

import polars as pl

from quarterdeck.interfaces.report.source import Source

ROWS, BARS = 20, 12


def check_title(code: str) -> str:
    """What a check looks for, in words."""
    from quarterdeck.interfaces.reference import entries

    name = code.partition(".")[2]
    titles = {check.name: str(check.title) for check in entries("checks")}
    return titles.get(name, name.replace("_", " ").capitalize())


def unlisted() -> pl.Expr:
    """Findings that stand for the records of a check beyond those that it lists one by one."""
    is_rest = pl.col("record_id").is_null() & pl.col("record_id").is_not_null().any().over("code")
    return pl.col("code").str.starts_with("quality.") & is_rest


def rest(source: Source, total: int, *command: str) -> tuple[str, str]:
    """How many rows are not shown and the command that shows them."""
    if total <= ROWS:
        return "", ""
    more = source.words.say("{count} more.", count=source.words.number(total - ROWS))
    return more, source.command(*command)


def values(source: Source, metric: str, grain: str, dimension: str = "all") -> pl.DataFrame:
    """A metric's values, oldest first."""
    return (
        source.rows("metric_values")
        .filter(pl.col("metric") == metric, pl.col("grain") == grain, pl.col("dimension") == dimension)
        .collect()
        .sort("period_start", "member")
    )


def titles(source: Source) -> dict[str, str]:
    """What the metrics that the page shows are called."""
    say = source.words.say
    return {
        "won_value": say("Won value"),
        "won_deals": say("Won deals"),
        "win_rate": say("Win rate"),
        "average_deal": say("Average deal"),
        "cycle_days": say("Cycle time, days"),
        "new_deals": say("New deals"),
        "open_deals": say("Open deals at the end"),
        "open_pipeline": say("Open pipeline at the end"),
        "revenue": say("Sales billed"),
        "invoices": say("Invoices"),
        "average_invoice": say("Average invoice"),
        "order_value": say("Sales ordered"),
        "orders": say("Orders"),
        "average_order": say("Average order"),
        "customers": say("Customers"),
        "new_customers": say("New customers"),
        "repeat_rate": say("Customers who bought again"),
        "churn_rate": say("Customers lost, share"),
        "revenue_per_customer": say("Sales per customer"),
        "credit_rate": say("Credits, share"),
        "receivables": say("Receivables at the end"),
        "new_leads": say("New leads"),
        "qualified_leads": say("Qualified leads"),
        "qualification_rate": say("Qualification rate"),
        "lead_conversion": say("Leads converted, share"),
        "conversion_days": say("Days to conversion"),
        "response_hours": say("Hours to the first answer"),
    }
