"""An override hits its value, and the difference is named."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from quarterdeck import demand
from quarterdeck.base.config import Company, Config
from quarterdeck.base.schema import conform
from quarterdeck.base.tables import Tables
from quarterdeck.demand.settings import DemandSettings

AS_OF = date(2022, 1, 1)
CONFIG = Config(as_of=datetime(2022, 1, 1), settings=DemandSettings(draws=200, horizon=3), company=Company())


def decided(*rows: tuple[str, date | None, float]) -> pl.DataFrame:
    return conform(
        "overrides",
        pl.DataFrame(
            [
                {
                    "id": f"o{number}", "room": "demand", "target": target, "period_start": start, "value": value,
                    "reason": "known order", "who": "Kim", "decided_at": datetime(2022, 1, 1, number),
                }
                for number, (target, start, value) in enumerate(rows)
            ],
            infer_schema_length=None,
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def world(make_company):
    deals = pl.concat(
        [
            make_company(arrivals=20, product="A", region="East"),
            make_company(arrivals=20, product="A", region="West", seed=2),
            make_company(arrivals=20, product="B", region="East", seed=3),
            make_company(arrivals=0).vstack(make_company(arrivals=1, months=1, product="C", seed=4).head(0)),
        ]
    )
    return deals, demand.fit(Tables(opportunities=deals), CONFIG).tables


def lines(world, *rows: tuple[str, date | None, float]):
    deals, learned = world
    result = demand.simulate(Tables(opportunities=deals, **learned, overrides=decided(*rows)), CONFIG)
    return result.tables["demand_lines"].filter(pl.col("measure") == "amount"), result.findings


def line(frame: pl.DataFrame, node: str, start: date = AS_OF) -> dict[str, float]:
    return frame.row(by_predicate=(pl.col("node_id") == node) & (pl.col("period_start") == start), named=True)


@pytest.mark.parametrize("node", ["all", "region:East", "product:A", "product:A|region:West"])
def test_an_override_of_any_node_hits_its_value(world, node):
    before, _ = lines(world, ("all", date(1999, 1, 1), 0.0))
    after, _ = lines(world, (node, AS_OF, 1_000_000.0))
    found = line(after, node)
    assert found["mean"] == pytest.approx(1_000_000, rel=1e-5)
    assert found["from_override"] == pytest.approx(1_000_000 - line(before, node)["mean"], rel=1e-4)
    assert found["from_open"] == pytest.approx(line(before, node)["from_open"])


def test_an_override_is_shared_out_in_proportion_and_leaves_other_months_alone(world):
    before, _ = lines(world, ("all", date(1999, 1, 1), 0.0))
    after, _ = lines(world, ("product:A", AS_OF, 1_000_000.0))
    share = line(before, "product:A|region:East")["mean"] / line(before, "product:A")["mean"]
    assert line(after, "product:A|region:East")["mean"] == pytest.approx(1_000_000 * share, rel=1e-4)
    assert line(after, "product:B") == line(before, "product:B")
    assert line(after, "all", date(2022, 2, 1)) == line(before, "all", date(2022, 2, 1))


def test_the_narrower_of_two_overrides_holds_exactly(world):
    after, _ = lines(world, ("product:A|region:East", AS_OF, 50_000.0), ("all", AS_OF, 1_000_000.0))
    assert line(after, "product:A|region:East")["mean"] == pytest.approx(50_000, rel=1e-5)


def test_the_later_of_two_overrides_of_the_same_node_and_month_holds(world):
    after, _ = lines(world, ("all", AS_OF, 500_000.0), ("all", AS_OF, 700_000.0))
    assert line(after, "all")["mean"] == pytest.approx(700_000, rel=1e-5)


def test_an_override_without_a_month_holds_for_each(world):
    after, _ = lines(world, ("all", None, 300_000.0))
    for month in (1, 2, 3):
        assert line(after, "all", date(2022, month, 1))["mean"] == pytest.approx(300_000, rel=1e-5)


def test_where_nothing_was_expected_each_leaf_gets_an_equal_share(make_company):
    sold = make_company(arrivals=20)
    old = make_company(arrivals=4, months=2, product="old", keep_months=24)
    more = old.with_columns(id=pl.format("w{}", "id"), region=pl.lit("West"))
    deals = pl.concat([sold, old, more]).filter((pl.col("product_id") != "old") | (pl.col("status") != "open"))
    deals = deals.filter((pl.col("product_id") != "old") | (pl.col("created_at") < datetime(2020, 2, 1)))
    fitted = demand.fit(Tables(opportunities=deals), CONFIG).tables
    fitted["demand_arrivals"] = fitted["demand_arrivals"].with_columns(
        deals=pl.when(pl.col("node_id").str.contains("old") & pl.col("is_forecast")).then(0.0).otherwise("deals")
    )
    made = demand.simulate(
        Tables(opportunities=deals, **fitted, overrides=decided(("product:old", AS_OF, 8_000.0))), CONFIG
    ).tables["demand_lines"]
    found = made.filter(pl.col("measure") == "amount")
    assert line(found, "product:old|region:East")["mean"] == pytest.approx(4_000)
    assert line(found, "product:old|region:West")["from_override"] == pytest.approx(4_000)


def test_an_override_of_an_unknown_node_is_a_finding(world):
    _, findings = lines(world, ("region:Nowhere", AS_OF, 1.0))
    assert [(finding.code, finding.record_id) for finding in findings] == [("demand.override_unused", "o0")]
    assert "'region:Nowhere' by Kim is not used: there is no such node" in findings[0].message


def test_an_override_of_a_month_outside_the_plan_is_a_finding_that_names_the_months(world):
    _, findings = lines(world, ("all", date(2022, 4, 1), 1.0), ("all", date(2021, 12, 1), 1.0))
    assert [finding.code for finding in findings] == ["demand.override_unused"] * 2
    assert "2022-04 is no month of the plan" in findings[0].message
    assert findings[0].fix.startswith("Write a month from 2022-01 to 2022-03, or withdraw it")


def test_an_override_that_holds_is_told_with_who_what_instead_of_what_and_why(world):
    before, _ = lines(world, ("all", date(1999, 1, 1), 0.0))
    _, findings = lines(world, ("all", AS_OF, 900_000.0), ("region:East", AS_OF, 500_000.0))
    assert [(finding.code, finding.severity) for finding in findings] == [("demand.override", "notice")] * 2
    for finding, node, value in zip(findings, ("all", "region:East"), ("900,000", "500,000"), strict=True):
        assert finding.message == (
            f"Kim set the expected bookings of {node} in 2022-01 to {value} instead of "
            f"{line(before, node)['mean']:,.0f}: known order."
        )
