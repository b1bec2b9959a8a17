"""Both rooms on a published CRM export: 8,800 deals of a hardware seller, as of 1 October 2017."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from quarterdeck import reconcile, supply
from quarterdeck.base import draws
from quarterdeck.base.calendar import add_months, days
from quarterdeck.base.config import Company, Config
from quarterdeck.base.tables import Tables
from quarterdeck.reconcile.settings import ReconcileSettings
from quarterdeck.supply.settings import SupplySettings

AS_OF = datetime(2017, 10, 1)


def export(folder: Path) -> Tables:
    """Deals closed before the day, the sellers, and draws of a Poisson demand at the pace of the months before."""
    day = pl.col("close_date").str.strptime(pl.Date, "%d-%m-%y")
    teams = pl.read_csv(folder / "sales_teams.csv").select(
        id="sales_agent", name="sales_agent", region="regional_office", role=pl.lit("seller")
    )
    deals = (
        pl.read_csv(folder / "sales_pipeline.csv", infer_schema=False)
        .filter(pl.col("deal_stage").is_in(["Won", "Lost"]) & (day < AS_OF.date()))
        .select(
            id="opportunity_id",
            owner_id="sales_agent",
            product_id="product",
            status=pl.col("deal_stage").str.to_lowercase(),
            amount=(pl.col("close_value").cast(pl.Float64) * 100).cast(pl.Int64),
            closed_at=day.cast(pl.Datetime("us")),
        )
        .join(teams.select(owner_id="id", region="region"), on="owner_id")
    )
    won = (
        deals.filter(pl.col("status") == "won").group_by("region").agg(pl.len(), pl.col("amount").mean()).sort("region")
    )
    random = np.random.default_rng(1)
    rows, counts, money = [], [], []
    for region, number, amount in won.iter_rows():
        for place in range(6):
            rows.append({"period_start": add_months(AS_OF.date(), place), "node_id": f"region:{region}"})
            counts.append(random.poisson(number / 7, 100))
            money.append(counts[-1] * amount / 100)
    nodes = won.select(
        node_id="region:" + pl.col("region"), region="region", level=pl.lit("region"), is_leaf=True, name="region"
    )
    return Tables(
        opportunities=deals,
        people=teams,
        days=days(date(2016, 1, 1), date(2018, 12, 31), Company()),
        nodes=nodes,
        demand_draws=pl.DataFrame(rows).with_columns(
            quantity=draws.column(np.array(counts)), amount=draws.column(np.array(money))
        ),
    )


@pytest.mark.shared_data
def test_the_public_export_gets_a_plan_with_its_gap_and_three_options(shared_data: Path) -> None:
    """7,203,038 were won in seven months; plus 10 % of their mean that is 1,131,905.97 a month until February, and March
    2018 aims at 10 % above March 2017."""
    tables = export(shared_data / "crm_sales_opportunities")
    assert tables["opportunities"].filter(pl.col("status") == "won")["amount"].sum() == 720_303_800
    ours: Config[ReconcileSettings] = Config(AS_OF, ReconcileSettings())
    theirs: Config[SupplySettings] = Config(AS_OF, SupplySettings())
    made = dict(tables)
    made |= reconcile.frame(Tables(**made), ours).tables
    made |= supply.capacity(Tables(**made), theirs).tables
    made |= supply.plan(Tables(**made), theirs).tables
    planned = reconcile.plan(Tables(**made), ours)
    total = made["plan_targets"].filter(pl.col("level") == "all").sort("period_start")
    march = tables["opportunities"].filter(
        (pl.col("status") == "won") & pl.col("closed_at").is_between(datetime(2017, 3, 1), datetime(2017, 3, 31))
    )
    assert total["amount"].to_list() == [113_190_597] * 5 + [march["amount"].sum() * 11 // 10]
    by_region = (
        made["plan_targets"].filter(pl.col("level") == "region").group_by("period_start").agg(pl.col("amount").sum())
    )
    assert by_region.sort("period_start")["amount"].to_list() == total["amount"].to_list()
    # Thirty of the 35 listed sellers have deals; together they closed 586 to 805 deals a month.
    able = made["seller_capacity"].group_by("period_start").agg(pl.col("deals").sum(), pl.col("person_id").n_unique())
    assert able["person_id"].to_list() == [30] * 6
    assert able["deals"].is_between(586, 860).all()
    bookings = planned.tables["plan_lines"].filter(
        (pl.col("scenario") == "base") & (pl.col("line") == "bookings") & (pl.col("level") == "all")
    )
    assert bookings["demand"].sum() == pytest.approx(6 * 7_203_038 / 7, rel=0.03)
    assert 0.9 <= bookings["supply"].sum() / bookings["demand"].sum() <= 1.0
    assert planned.tables["plan_options"].height == 3
    assert "reconcile.gap" in {finding.code for finding in planned.findings}
