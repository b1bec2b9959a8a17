"""The public CRM export against its published totals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import pytest

from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import conform, table
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import measure_step, records
from quarterdeck.metrics.settings import MetricsSettings

pytestmark = pytest.mark.shared_data

At = Callable[[date], Tables]


def measured(tables: Tables, day: date, company: Company | None = None) -> pl.DataFrame:
    moment = datetime(day.year, day.month, day.day)
    config = Config(as_of=moment, settings=MetricsSettings(), company=company or Company())
    return measure_step(tables, config).tables["metric_values"]


def value(values: pl.DataFrame, metric: str, grain: str = "all", **where: object) -> float:
    where = {"dimension": "all", "member": "all"} | where
    rows = values.filter(metric=metric, grain=grain, **where)
    assert rows.height == 1
    return rows["value"].item()


@pytest.fixture(scope="module")
def at_2018(crm_export: At) -> pl.DataFrame:
    return measured(crm_export(date(2018, 1, 1)), date(2018, 1, 1))


def test_totals_at_the_end_of_2017_are_the_published_ones(at_2018: pl.DataFrame) -> None:
    assert value(at_2018, "won_deals") == 4238
    assert value(at_2018, "lost_deals") == 2473
    assert value(at_2018, "won_value") == 10_005_534
    assert value(at_2018, "win_rate") == pytest.approx(0.6315, abs=5e-5)
    assert value(at_2018, "cycle_days") == pytest.approx(48.0, abs=0.05)
    assert value(at_2018, "won_cycle_days") == pytest.approx(51.8, abs=0.05)
    assert value(at_2018, "lost_cycle_days") == pytest.approx(41.5, abs=0.05)
    assert value(at_2018, "open_deals") == 1589


def test_quarters_of_2017_bring_the_published_values(at_2018: pl.DataFrame) -> None:
    rows = at_2018.filter(metric="won_value", grain="quarter", dimension="all").sort("period_start")
    assert rows.filter(pl.col("period_start") >= date(2017, 1, 1))["value"].to_list() == [
        1_134_672,
        3_086_111,
        2_982_255,
        2_802_496,
    ]


def test_best_seller_is_darcel_schlecht(at_2018: pl.DataFrame) -> None:
    best = at_2018.filter(metric="won_value", grain="all", dimension="owner").sort("value", nulls_last=False).tail(1)
    assert best.select("member", "value").row(0) == ("Darcel Schlecht", 1_153_214)


def test_totals_at_the_start_of_october_are_the_published_ones(crm_export: At) -> None:
    values = measured(crm_export(date(2017, 10, 1)), date(2017, 10, 1))
    assert value(values, "won_deals") == 3042
    assert value(values, "lost_deals") == 1684
    assert value(values, "won_value") == 7_203_038
    assert value(values, "open_deals") == 2409


def test_deals_of_later_months_do_not_change_what_was_measured_before(crm_export: At) -> None:
    rewound = measured(crm_export(date(2017, 10, 1)), date(2017, 10, 1))
    whole = measured(crm_export(date(2018, 1, 1)), date(2017, 10, 1))
    # Amounts of deals that were open then are known by now, so what is worth what may differ; counts and results may not.
    keys = ["metric", "grain", "period_start", "dimension", "member"]
    steady = ~pl.col("metric").is_in(["open_pipeline", "created_pipeline"])
    assert rewound.filter(steady).sort(keys).equals(whole.filter(steady).sort(keys))


def test_every_row_keeps_the_contract_of_the_table(at_2018: pl.DataFrame) -> None:
    assert at_2018.equals(conform("metric_values", at_2018))
    assert not at_2018.select(table("metric_values").key).is_duplicated().any()
    figures = ("value", "previous", "year_before", "to_date")
    assert at_2018.drop(figures).null_count().sum_horizontal().item() == 0
    assert (at_2018["value"].is_null() == (at_2018["n"] == 0)).all()


def test_stock_at_a_quarters_end_is_that_of_its_last_month(at_2018: pl.DataFrame) -> None:
    stock = at_2018.filter(metric="open_deals", dimension="all")
    december = stock.filter(grain="month", period_start=date(2017, 12, 1))["value"].item()
    assert stock.filter(grain="quarter", period_start=date(2017, 10, 1))["value"].item() == december == 1589


def test_records_behind_a_figure_are_as_many_as_its_n(crm_export: At, at_2018: pl.DataFrame) -> None:
    tables = crm_export(date(2018, 1, 1))
    for metric in ("win_rate", "won_value", "open_deals", "cycle_days"):
        rows = at_2018.filter(
            metric=metric, grain="quarter", period_start=date(2017, 7, 1), dimension="region", member="East"
        )
        found = records(tables, metric, date(2017, 7, 1), date(2017, 10, 1), "region", "East")
        assert found.height == rows["n"].item() > 0


def test_fiscal_year_from_april_moves_quarters_and_years(crm_export: At) -> None:
    tables = crm_export(date(2018, 1, 1))
    values = measured(tables, date(2018, 1, 1), Company(fiscal_year_start=4))
    years = values.filter(metric="won_value", grain="year", dimension="all").sort("period_start")
    assert years["period_start"].to_list() == [date(2016, 4, 1), date(2017, 4, 1)]
    assert years["value"].to_list() == [1_134_672, 3_086_111 + 2_982_255 + 2_802_496]
