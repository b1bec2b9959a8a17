"""The metric catalogue beside SQL written by hand: the same files, engine, dimensions and periods; figures compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl

from quarterdeck.base.config import Config
from quarterdeck.metrics import measure_step
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.workspace import Run, Workspace

# As somebody would write it who knows the data: one pass over closings, one over creations, one over leads.
CUBE = """
CREATE OR REPLACE TEMP TABLE deals AS
SELECT o.region, o.owner_id AS owner, o.product_id AS product, a.industry, o.status, o.amount,
       coalesce(nullif(o.amount, 0), round(p.unit_price::DOUBLE * 100)::BIGINT) AS worth,
       date_trunc('month', o.created_at)::DATE AS created, date_trunc('month', o.closed_at)::DATE AS closed,
       CASE WHEN o.closed_at >= o.created_at
            THEN epoch(o.closed_at)::BIGINT - epoch(o.created_at)::BIGINT END AS seconds,
       o.status = 'open' OR coalesce(o.closed_at >= o.created_at, false) AS stocked,
       coalesce(w.activities, 0) AS activities
FROM opportunities o
LEFT JOIN accounts a ON a.id = o.account_id
LEFT JOIN products p ON p.id = o.product_id
LEFT JOIN (SELECT opportunity_id, count(*) AS activities FROM activities
           WHERE opportunity_id IS NOT NULL GROUP BY 1) w ON w.opportunity_id = o.id;

CREATE OR REPLACE TEMP TABLE closings AS
SELECT closed AS month, region, owner, product, industry,
       grouping(region, owner, product, industry) AS grp,
       count(*) FILTER (status = 'won') AS won, count(*) FILTER (status = 'lost') AS lost,
       sum(amount) FILTER (status = 'won') AS won_amount, count(amount) FILTER (status = 'won') AS won_valued,
       sum(worth) FILTER (status = 'lost') AS lost_worth, sum(worth) FILTER (stocked) AS left_worth,
       sum(seconds) AS seconds, count(seconds) AS cycled, sum(seconds) FILTER (status = 'won') AS won_seconds,
       count(seconds) FILTER (status = 'won') AS won_cycled, sum(activities) AS activities
FROM deals WHERE status IN ('won', 'lost') AND closed IS NOT NULL
GROUP BY GROUPING SETS ((closed), (closed, region), (closed, owner), (closed, product), (closed, industry));

CREATE OR REPLACE TEMP TABLE creations AS
SELECT created AS month, region, owner, product, industry,
       grouping(region, owner, product, industry) AS grp, count(*) AS new, count(*) FILTER (stocked) AS entered,
       sum(worth) FILTER (stocked) AS entered_worth
FROM deals WHERE created IS NOT NULL
GROUP BY GROUPING SETS ((created), (created, region), (created, owner), (created, product), (created, industry));

CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT date_trunc('month', created_at)::DATE AS month, region, owner_id AS owner, industry,
       grouping(region, owner_id, industry) AS grp, count(*) AS leads,
       count(*) FILTER (status = 'converted') AS converted, count(responded_at) AS answered,
       sum(epoch(responded_at)::BIGINT - epoch(created_at)::BIGINT) AS response
FROM leads WHERE created_at IS NOT NULL
GROUP BY GROUPING SETS ((1), (1, region), (1, owner_id), (1, industry));
"""

VALUES = """
WITH monthly AS (
    SELECT coalesce(c.month, n.month) AS month, coalesce(c.grp, n.grp) AS grp,
           coalesce(c.region, n.region) AS region, coalesce(c.owner, n.owner) AS owner,
           coalesce(c.product, n.product) AS product, coalesce(c.industry, n.industry) AS industry,
           coalesce(won, 0) AS won, coalesce(lost, 0) AS lost, coalesce(won_amount, 0) AS won_amount, won_valued,
           coalesce(lost_worth, 0) AS lost_worth, seconds, cycled, won_seconds, won_cycled, activities,
           coalesce(n.new, 0) AS new,
           coalesce(entered_worth, 0) - coalesce(left_worth, 0) AS stock_change,
           coalesce(n.entered, 0) - coalesce(c.cycled, 0) AS open_change
    FROM closings c FULL JOIN creations n
      ON c.month = n.month AND c.grp = n.grp AND c.region IS NOT DISTINCT FROM n.region
     AND c.owner IS NOT DISTINCT FROM n.owner AND c.product IS NOT DISTINCT FROM n.product
     AND c.industry IS NOT DISTINCT FROM n.industry),
stocked AS (
    SELECT *, sum(open_change) OVER w AS open_deals, sum(stock_change) OVER w AS open_worth FROM monthly
    WINDOW w AS (PARTITION BY grp, region, owner, product, industry ORDER BY month)),
periods AS (
    SELECT unnest(['month', 'quarter', 'year']) AS grain),
wide AS (SELECT grain, date_trunc(grain, month)::DATE AS period, grp, region, owner, product, industry,
       sum(won) AS won, sum(lost) AS lost, sum(won) / nullif(sum(won) + sum(lost), 0) AS win_rate,
       sum(won_amount) / 100 AS won_value, sum(won_amount) / 100 / nullif(sum(won_valued), 0) AS average_deal,
       sum(lost_worth) / 100 AS lost_value, sum(seconds) / 86400 / nullif(sum(cycled), 0) AS cycle_days,
       sum(won_seconds) / 86400 / nullif(sum(won_cycled), 0) AS won_cycle_days, sum(new) AS new_deals,
       sum(activities) / nullif(sum(won) + sum(lost), 0) AS activities_per_deal,
       arg_max(open_deals, month) AS open_deals, arg_max(open_worth, month) / 100 AS open_pipeline
FROM stocked, periods GROUP BY ALL)
UNPIVOT (SELECT * REPLACE (won::DOUBLE AS won, lost::DOUBLE AS lost, new_deals::DOUBLE AS new_deals,
         open_deals::DOUBLE AS open_deals) FROM wide)
ON won, lost, win_rate, won_value, average_deal, lost_value, cycle_days, won_cycle_days, new_deals, activities_per_deal,
   open_deals, open_pipeline INTO NAME metric VALUE value
"""

LEADS = """
UNPIVOT (SELECT grain, date_trunc(grain, month)::DATE AS period, grp, region, owner, industry,
       sum(converted) / sum(leads) AS lead_conversion, sum(response) / 3600 / nullif(sum(answered), 0) AS response_hours
FROM arrivals, (SELECT unnest(['month', 'quarter', 'year']) AS grain) GROUP BY ALL)
ON lead_conversion, response_hours INTO NAME metric VALUE value
"""

TABLES = ("opportunities", "accounts", "products", "activities", "leads")


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def compare(workspace: Workspace, run: Run, repeat: int) -> None:
    """Run both in turn after one warming call each; print medians, the ratio and whether the totals agree."""
    config = Config(
        as_of=run.as_of,
        settings=MetricsSettings(grains=("month", "quarter", "year")),
        company=workspace.settings.company,
    )
    connection = duckdb.connect()
    for name in TABLES:
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{run.paths[name]}')")

    def ours() -> pl.DataFrame:
        return measure_step(workspace.tables_of(run), config).tables["metric_values"]

    def by_hand() -> pl.DataFrame:
        connection.execute(CUBE)
        leads = connection.execute(LEADS).pl()
        return pl.concat([connection.execute(VALUES).pl(), leads], how="diagonal")

    ours(), by_hand()
    times: dict[str, list[float]] = {"ours": [], "by hand": []}
    for _ in range(repeat):
        for name, call in (("ours", ours), ("by hand", by_hand)):
            seconds, result = _timed(call)
            times[name].append(seconds)
            if name == "ours":
                values = result
            else:
                rows = result
    medians = {name: statistics.median(found) for name, found in times.items()}
    print(
        f"metric catalogue, warm, median of {repeat}: {medians['ours']:.2f} s ({values.height:,} values of "
        f"{values['metric'].n_unique()} metrics); SQL by hand {medians['by hand']:.2f} s ({rows.height:,} values "
        f"of {rows['metric'].n_unique()}); ratio {medians['ours'] / medians['by hand']:.2f}"
    )
    _agree(values, rows)


def _agree(values: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Say how far the totals by quarter lie from each other."""
    for metric in ("won_value", "win_rate", "won_deals", "new_deals", "cycle_days", "open_deals", "open_pipeline"):
        column = {"won_deals": "won"}.get(metric, metric)
        whole = rows.filter((pl.col("grp") == 15) & (pl.col("grain") == "quarter") & (pl.col("metric") == column))
        mine = values.filter(
            (pl.col("metric") == metric)
            & (pl.col("grain") == "quarter")
            & (pl.col("dimension") == "all")
            & (pl.col("n") > 0)
        )
        both = mine.join(whole.select(period_start="period", hand="value"), on="period_start")
        gap = (both["value"] - both["hand"].cast(pl.Float64)).abs().max()
        print(f"  {metric:14} {both.height:3} quarters, largest difference {gap:.6g}")
