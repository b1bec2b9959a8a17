"""Metrics as somebody would write them by hand who knows the data: one pass a table, grouping sets, sums first."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

MEASURED = (
    *("win_rate", "won_value", "won_deals", "lost_deals", "lost_value", "average_deal", "cycle_days"),
    *("won_cycle_days", "lost_cycle_days", "activities_per_deal", "new_deals", "open_deals", "open_pipeline"),
    *("velocity", "lead_conversion", "response_hours"),
)
"""The metrics that this file tells."""

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
SELECT closed AS month, region, owner, product, industry, grouping(region, owner, product, industry) AS grp,
       count(*) FILTER (status = 'won') AS won, count(*) FILTER (status = 'lost') AS lost,
       sum(amount) FILTER (status = 'won') AS won_amount, count(amount) FILTER (status = 'won') AS won_valued,
       sum(worth) FILTER (status = 'lost') AS lost_worth, sum(worth) FILTER (stocked) AS left_worth,
       sum(seconds) AS seconds, count(seconds) AS cycled, sum(seconds) FILTER (status = 'won') AS won_seconds,
       count(seconds) FILTER (status = 'won') AS won_cycled, sum(activities) AS activities
FROM deals WHERE status IN ('won', 'lost') AND closed IS NOT NULL
GROUP BY GROUPING SETS ((closed), (closed, region), (closed, owner), (closed, product), (closed, industry));

CREATE OR REPLACE TEMP TABLE creations AS
SELECT created AS month, region, owner, product, industry, grouping(region, owner, product, industry) AS grp,
       count(*) AS new, count(*) FILTER (stocked) AS entered, sum(worth) FILTER (stocked) AS entered_worth
FROM deals WHERE created IS NOT NULL
GROUP BY GROUPING SETS ((created), (created, region), (created, owner), (created, product), (created, industry));

CREATE OR REPLACE TEMP TABLE arrivals AS
SELECT date_trunc('month', created_at)::DATE AS month, region, owner_id AS owner, NULL AS product, industry,
       grouping(region, owner_id, industry) AS grp, count(*) AS leads,
       count(*) FILTER (status = 'converted') AS converted,
       count(*) FILTER (responded_at < TIMESTAMP '2025-01-01') AS answered,
       sum(epoch(responded_at)::BIGINT - epoch(created_at)::BIGINT)
           FILTER (responded_at < TIMESTAMP '2025-01-01') AS response
FROM leads WHERE created_at IS NOT NULL
GROUP BY GROUPING SETS ((1), (1, region), (1, owner_id), (1, industry));
"""

DEALS = """
WITH monthly AS (
    SELECT * FROM (
        SELECT month, grp, coalesce(region, owner, product, industry, 'all') AS member, won, lost, won_amount,
               won_valued, lost_worth, left_worth, seconds, cycled, won_seconds, won_cycled, activities, 0 AS new,
               0 AS entered, 0 AS entered_worth FROM closings
        UNION ALL BY NAME
        SELECT month, grp, coalesce(region, owner, product, industry, 'all') AS member, new, entered, entered_worth
        FROM creations)),
summed AS (
    SELECT month, grp, member, sum(COLUMNS(* EXCLUDE (month, grp, member))) FROM monthly GROUP BY ALL),
grid AS (
    SELECT c.month, m.grp, m.member
    FROM (SELECT grp, member, min(month) AS first FROM summed GROUP BY ALL) m
    JOIN (SELECT unnest(generate_series((SELECT min(month) FROM summed), DATE '2024-12-01', INTERVAL 1 MONTH))::DATE
          AS month) c ON c.month >= m.first),
stocked AS (
    SELECT g.month, g.grp, g.member, s.* EXCLUDE (month, grp, member),
           sum(coalesce(entered, 0) - coalesce(cycled, 0)) OVER w AS open,
           sum(coalesce(entered_worth, 0) - coalesce(left_worth, 0)) OVER w AS open_worth
    FROM grid g LEFT JOIN summed s USING (month, grp, member)
    WINDOW w AS (PARTITION BY g.grp, g.member ORDER BY g.month)),
wide AS (
    SELECT grain, date_trunc(grain, month)::DATE AS period_start, grp, member,
           sum(won) AS won, sum(lost) AS lost, sum(won_amount) / 100 AS won_amount, sum(won_valued) AS valued,
           sum(lost_worth) / 100 AS lost_worth, sum(seconds) / 86400 AS days, sum(cycled) AS cycled,
           sum(won_seconds) / 86400 AS won_days, sum(won_cycled) AS won_cycled, sum(activities) AS activities,
           sum(new) AS new, arg_max(open, month) AS open, arg_max(open_worth, month) / 100 AS open_worth
    FROM stocked, (SELECT unnest(['month', 'quarter', 'year']) AS grain) GROUP BY ALL)
SELECT metric, grain, period_start,
       CASE grp WHEN 15 THEN 'all' WHEN 7 THEN 'region' WHEN 11 THEN 'owner' WHEN 13 THEN 'product' ELSE 'industry' END
       AS dimension, member, value
FROM (UNPIVOT (
    SELECT grain, period_start, grp, member, won / nullif(won + lost, 0) AS win_rate, won_amount::DOUBLE AS won_value,
           won::DOUBLE AS won_deals, lost::DOUBLE AS lost_deals, lost_worth::DOUBLE AS lost_value,
           won_amount / nullif(valued, 0) AS average_deal, days / nullif(cycled, 0) AS cycle_days,
           won_days / nullif(won_cycled, 0) AS won_cycle_days,
           (days - won_days) / nullif(cycled - won_cycled, 0) AS lost_cycle_days,
           activities / nullif(won + lost, 0) AS activities_per_deal, new::DOUBLE AS new_deals,
           open::DOUBLE AS open_deals, open_worth::DOUBLE AS open_pipeline,
           open * (won_amount / nullif(valued, 0)) * (won / nullif(won + lost, 0))
               / nullif(days / nullif(cycled, 0), 0) AS velocity FROM wide)
    ON COLUMNS(* EXCLUDE (grain, period_start, grp, member)) INTO NAME metric VALUE value)
"""

LEADS = """
SELECT metric, grain, period_start,
       CASE grp WHEN 7 THEN 'all' WHEN 3 THEN 'region' WHEN 5 THEN 'owner' ELSE 'industry' END AS dimension,
       member, value
FROM (UNPIVOT (
    SELECT grain, date_trunc(grain, month)::DATE AS period_start, grp,
           coalesce(region, owner, industry, 'all') AS member, sum(converted) / sum(leads) AS lead_conversion,
           sum(response) / 3600 / nullif(sum(answered), 0) AS response_hours
    FROM arrivals, (SELECT unnest(['month', 'quarter', 'year']) AS grain) GROUP BY ALL)
    ON lead_conversion, response_hours INTO NAME metric VALUE value)
"""


def values_by_hand(folder: Path) -> pl.DataFrame:
    """`metric, grain, period_start, dimension, member, value` from the Parquet files of a folder."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '4GB'")
    for path in folder.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM read_parquet('{path}')")
    connection.execute(CUBE)
    return pl.concat([connection.execute(query).pl() for query in (DEALS, LEADS)])
