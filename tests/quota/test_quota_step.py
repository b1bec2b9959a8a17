"""Quotas: shares of the target that add up to it to the cent, and why they are as they are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.finding import Finding
from quarterdeck.base.schema import table
from quarterdeck.base.tables import Tables
from quarterdeck.execute.quota import QuotaSettings, design

MONTH = date(2024, 7, 1)


def config(currency: str = "USD", **chosen: Any) -> Config[QuotaSettings]:
    return Config(as_of=datetime(2024, 7, 1), settings=QuotaSettings(**chosen), company=Company(currency=currency))


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None)


def world(
    people: dict[str, str | None],
    targets: dict[str, int],
    capacity: dict[str, float] | None = None,
    potential: dict[str, float] | None = None,
) -> Tables:
    """Sellers by region, targets by member (`all` for the whole) in cents, capacity and potential by seller."""
    frames = {
        "people": [{"id": name, "name": name, "role": "seller", "region": region} for name, region in people.items()],
        "plan_targets": [
            {"period_start": MONTH, "level": "all" if name == "all" else "region", "member": name, "amount": amount}
            for name, amount in targets.items()
        ],
        "seller_capacity": [
            {"person_id": name, "period_start": MONTH, "amount": amount} for name, amount in (capacity or {}).items()
        ],
        "territories": [{"owner_id": name, "potential": amount} for name, amount in (potential or {}).items()],
    }
    return Tables(**{name: frame(rows) for name, rows in frames.items() if rows})


def quotas(tables: Tables, **chosen: Any) -> dict[str, int]:
    found = design(tables, config(**chosen)).tables["quotas"]
    return dict(found.select("person_id", "amount").rows())


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


def test_a_target_is_shared_by_what_each_can_close() -> None:
    given = world({"ann": None, "bob": None}, {"all": 100_000}, {"ann": 300.0, "bob": 100.0})
    assert quotas(given) == {"ann": 75_000, "bob": 25_000}


def test_the_territory_s_potential_counts_with_its_weight() -> None:
    """Half by capacity (3 to 1), half by potential (1 to 1): 5/8 and 3/8."""
    given = world({"ann": None, "bob": None}, {"all": 80_000}, {"ann": 300.0, "bob": 100.0}, {"ann": 5.0, "bob": 5.0})
    assert quotas(given, potential_weight=0.5) == {"ann": 50_000, "bob": 30_000}


def test_cents_that_do_not_divide_go_to_the_first() -> None:
    given = world({"ann": None, "bob": None, "cay": None}, {"all": 100}, {"ann": 1.0, "bob": 1.0, "cay": 1.0})
    assert quotas(given) == {"ann": 34, "bob": 33, "cay": 33}


def test_a_region_s_target_stays_with_its_sellers() -> None:
    given = world({"ann": "East", "bob": "West", "cay": "West"}, {"all": 300, "East": 200, "West": 100})
    assert quotas(given) == {"ann": 200, "bob": 50, "cay": 50}


def test_a_region_without_sellers_is_carried_by_the_others_in_proportion() -> None:
    given = world({"ann": "East", "bob": "West"}, {"all": 600, "East": 200, "West": 100, "North": 300})
    assert quotas(given) == {"ann": 400, "bob": 200}
    result = design(given, config())
    assert [f.record_id for f in result.findings if f.code == "quota.region_without_sellers"] == ["North"]


def test_who_has_no_region_shares_what_is_left() -> None:
    given = world({"ann": "East", "bob": None}, {"all": 300, "East": 200})
    assert quotas(given) == {"ann": 200, "bob": 100}


def test_what_is_left_goes_to_the_regions_when_everyone_has_one() -> None:
    given = world({"ann": "East", "bob": "West"}, {"all": 330, "East": 200, "West": 100})
    assert quotas(given) == {"ann": 220, "bob": 110}


def test_who_has_no_region_and_nothing_left_is_named() -> None:
    result = design(world({"ann": "East", "bob": None}, {"all": 200, "East": 200}), config())
    assert dict(result.tables["quotas"].select("person_id", "amount").rows()) == {"ann": 200, "bob": 0}
    assert "quota.seller_without_target" in codes(result.findings)


def test_regions_that_exceed_the_whole_are_scaled() -> None:
    result = design(world({"ann": "East", "bob": "West"}, {"all": 300, "East": 400, "West": 200}), config())
    assert dict(result.tables["quotas"].select("person_id", "amount").rows()) == {"ann": 200, "bob": 100}
    assert "quota.regions_exceed_total" in codes(result.findings)


def test_a_target_by_region_alone_is_the_whole() -> None:
    assert quotas(world({"ann": "East", "bob": "West"}, {"East": 400, "West": 200})) == {"ann": 400, "bob": 200}


def test_only_who_sells_in_the_month_has_a_quota() -> None:
    tables = dict(world({"ann": None, "new": None, "gone": None, "boss": None}, {"all": 100}))
    tables["people"] = tables["people"].with_columns(
        hired_on=pl.when(pl.col("id") == "new").then(date(2024, 8, 1)),
        left_on=pl.when(pl.col("id") == "gone").then(MONTH),
        role=pl.when(pl.col("id") == "boss").then(pl.lit("manager")).otherwise("role"),
    )
    assert quotas(Tables(**tables)) == {"ann": 100}


def test_a_seller_without_capacity_has_no_quota_and_the_rest_carry_all() -> None:
    given = world({"ann": None, "bob": None, "idle": None}, {"all": 900}, {"ann": 400.0, "bob": 200.0})
    assert quotas(given) == {"ann": 600, "bob": 300}
    found = next(finding for finding in design(given, config()).findings if finding.code == "quota.idle_seller")
    assert (found.count, found.record_id) == (1, "idle")
    assert "left out" in found.message


def test_one_who_left_is_not_called_idle() -> None:
    given = world({"ann": None, "gone": None}, {"all": 900}, {"ann": 400.0})
    people = given["people"].with_columns(
        left_on=pl.when(pl.col("id") == "gone").then(pl.date(2024, 1, 31)).otherwise(None)
    )
    made = design(
        Tables(people=people, plan_targets=given["plan_targets"], seller_capacity=given["seller_capacity"]), config()
    )
    assert codes(made.findings) == []


def test_where_only_sellers_without_capacity_are_left_they_carry_the_target_all_the_same() -> None:
    """Ann leaves before the month: the two others share it evenly, so that nothing of the target is lost."""
    given = world({"ann": None, "x": None, "y": None}, {"all": 900}, {"ann": 400.0})
    people = given["people"].with_columns(
        left_on=pl.when(pl.col("id") == "ann").then(pl.date(2024, 6, 30)).otherwise(None)
    )
    made = design(
        Tables(people=people, plan_targets=given["plan_targets"], seller_capacity=given["seller_capacity"]), config()
    )
    assert dict(made.tables["quotas"].select("person_id", "amount").rows()) == {"x": 450, "y": 450}


def test_quotas_above_capacity_are_reported_with_what_is_missing() -> None:
    result = design(world({"ann": "East"}, {"all": 50_000}, {"ann": 400.0}), config())
    found = next(finding for finding in result.findings if finding.code == "quota.over_capacity")
    assert found.money_at_stake == 100.0
    assert "25%" in found.message


def test_missing_inputs_are_findings() -> None:
    assert codes(design(Tables(), config()).findings) == ["quota.no_target", "quota.no_people"]
    assert codes(design(world({"ann": None}, {"all": 100}), config()).findings) == ["quota.no_capacity"]
    gone = dict(world({"ann": None}, {"all": 100}))
    gone["people"] = gone["people"].with_columns(left_on=date(2020, 1, 1))
    assert "quota.no_seller" in codes(design(Tables(**gone), config()).findings)


def test_the_reason_names_the_parts() -> None:
    given = world({"ann": "East", "bob": "East"}, {"East": 400_000}, {"ann": 300.0, "bob": 100.0})
    first = design(given, config()).tables["quotas"]["reason"][0]
    assert first == "75.0% of East's target of 4,000.00 USD: 75.0% of the capacity."


@settings(max_examples=80, deadline=None)
@given(
    people=st.lists(st.sampled_from(["East", "West", "South", None]), min_size=1, max_size=7),
    regions=st.dictionaries(st.sampled_from(["East", "West", "North"]), st.integers(0, 10**11), max_size=3),
    whole=st.integers(0, 10**11),
    capacity=st.lists(st.floats(0, 1e7), min_size=7, max_size=7),
    potential=st.lists(st.floats(0, 1e7), min_size=7, max_size=7),
)
def test_persons_add_up_to_the_target(
    people: list[str | None],
    regions: dict[str, int],
    whole: int,
    capacity: list[float],
    potential: list[float],
) -> None:
    names = {f"p{number}": region for number, region in enumerate(people)}
    given = world(
        names,
        {"all": whole, **regions},
        dict(zip(names, capacity, strict=False)),
        dict(zip(names, potential, strict=False)),
    )
    found = design(given, config()).tables["quotas"]
    assert dict(found.schema) == table("quotas").polars
    assert found["amount"].sum() == whole
    assert found["person_id"].to_list() == sorted(names)
    assert (found["amount"] >= 0).all()
    served = {region for region in regions if region in names.values()}
    if sum(regions.values()) == whole and served == set(regions):
        for region, amount in regions.items():
            assert found.filter(pl.col("region") == region)["amount"].sum() == amount
