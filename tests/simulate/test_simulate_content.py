"""The records of a world without faults: whole, consistent, and the same for the same seed."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from quarterdeck.base.schema import facts, table
from quarterdeck.simulate import World, WorldSpec, write

Frames = dict[str, pl.DataFrame]

SPEC = WorldSpec(opportunities=250, months=8, start=date(2025, 11, 1), seed=3, detail=0.2, faults=3.0)
END = datetime(2026, 7, 1)

REFERENCES = {
    "contacts": {"account_id": "accounts"},
    "leads": {
        "owner_id": "people",
        "account_id": "accounts",
        "contact_id": "contacts",
        "opportunity_id": "opportunities",
    },
    "opportunities": {
        "account_id": "accounts",
        "contact_id": "contacts",
        "lead_id": "leads",
        "owner_id": "people",
        "product_id": "products",
    },
    "opportunity_lines": {"opportunity_id": "opportunities", "product_id": "products"},
    "opportunity_history": {"opportunity_id": "opportunities", "owner_id": "people"},
    "activities": {
        "owner_id": "people",
        "opportunity_id": "opportunities",
        "account_id": "accounts",
        "contact_id": "contacts",
        "lead_id": "leads",
    },
    "events": {"lead_id": "leads", "contact_id": "contacts", "account_id": "accounts"},
    "orders": {
        "account_id": "accounts",
        "opportunity_id": "opportunities",
        "product_id": "products",
        "site_id": "sites",
    },
    "invoices": {"account_id": "accounts", "order_id": "orders", "opportunity_id": "opportunities"},
    "accounts": {"owner_id": "people"},
    "people": {"manager_id": "people"},
    "recipes": {"product_id": "products", "resource_id": "resources"},
    "training": {"person_id": "people", "step_id": "onboarding_steps"},
}


def fold(spec: WorldSpec) -> Frames:
    """The last state of every record that the steps of a world returned."""
    world, found = World(spec), dict[str, list[pl.DataFrame]]()
    for _ in range(spec.months):
        for name, frame in world.step().items():
            found.setdefault(name, []).append(frame)
    return {
        name: pl.concat(frames).unique("id", keep="last", maintain_order=True).sort("id")
        for name, frames in found.items()
    }


def exported(spec: WorldSpec, folder: Path) -> Frames:
    write(spec, folder, replicas=0)
    return {path.stem: pl.read_parquet(path).sort("id") for path in (folder / "export").glob("*.parquet")}


def assert_whole(export: Frames, months: int = 20) -> None:
    """Every key is unique, every required column is there, every reference finds its record."""
    for name, frame in export.items():
        entry = table(name)
        assert set(frame.columns) <= set(entry.names), name
        assert frame.select(pl.struct(entry.key).is_unique().all()).item(), name
        for column in entry.columns:
            if column.is_required:
                assert frame[column.name].null_count() == 0, (name, column.name)
    for name, columns in REFERENCES.items():
        for column, target in columns.items():
            if name in export:
                lost = export[name].filter(~pl.col(column).is_in(export[target]["id"].to_list()))
                assert lost[column].null_count() == lost.height, (name, column, lost)


def test_the_same_seed_gives_the_same_content_and_another_seed_another(tmp_path: Path) -> None:
    one, two = exported(SPEC, tmp_path / "one"), exported(SPEC, tmp_path / "two")
    assert one.keys() == two.keys()
    for name, frame in one.items():
        assert_frame_equal(frame, two[name])
    other = exported(SPEC.model_copy(update={"seed": 4}), tmp_path / "other")
    assert not one["opportunities"].equals(other["opportunities"])


def test_stepping_returns_what_writing_writes(tmp_path: Path) -> None:
    written, stepped = exported(SPEC, tmp_path), fold(SPEC)
    assert written.keys() == stepped.keys()
    for name, frame in written.items():
        assert_frame_equal(frame, stepped[name].select(frame.columns))


def test_every_fact_table_but_rates_stock_and_enrichments_is_there(clean: Frames) -> None:
    assert set(facts()) - set(clean) == {"fx_rates", "stock", "enrichments"}


def test_keys_are_unique_and_references_find_their_records(clean: Frames) -> None:
    assert_whole(clean)


def test_money_is_decimal_in_major_units_and_adds_up(clean: Frames) -> None:
    lines = clean["opportunity_lines"].group_by("opportunity_id").agg(pl.col("amount").sum().alias("lines"))
    deals = clean["opportunities"].join(lines, left_on="id", right_on="opportunity_id")
    assert deals.height == clean["opportunities"].height
    assert deals["amount"].dtype == pl.Decimal(18, 2)
    assert (deals["amount"] - deals["lines"]).cast(pl.Float64).abs().max() <= 0.02
    orders = clean["orders"]
    off = orders["quantity"] * orders["unit_price"].cast(pl.Float64) - orders["amount"].cast(pl.Float64)
    assert off.abs().max() < 0.011


def test_nothing_lies_after_the_last_day(clean: Frames) -> None:
    plans = {"due_on", "promised_on", "expected_close_on", "period_start", "day", "renewed_on", "completed_on"}
    for name, frame in clean.items():
        for column, kind in frame.schema.items():
            if kind in (pl.Datetime("us"), pl.Date) and column not in plans and frame[column].drop_nulls().len():
                assert frame[column].cast(pl.Datetime("us")).max() < END, (name, column)  # type: ignore[operator]


def test_deals_close_after_they_are_created_and_open_ones_expect_a_later_day(clean: Frames) -> None:
    deals = clean["opportunities"]
    closed, still = deals.filter(pl.col("status") != "open"), deals.filter(status="open")
    assert (closed["closed_at"] > closed["created_at"]).all()
    assert still["closed_at"].null_count() == still.height
    assert (still["expected_close_on"] >= END.date()).all()
    assert closed.filter(status="lost")["lost_reason"].null_count() == 0
    assert (closed.filter(status="won")["stage"] == "Closed Won").all()


def test_the_last_line_of_a_deals_history_is_the_deal(clean: Frames) -> None:
    history = clean["opportunity_history"].sort("opportunity_id", "changed_at", "id")
    assert history.group_by("opportunity_id").agg(pl.col("changed_at").is_duplicated().any())["changed_at"].sum() == 0
    last = history.group_by("opportunity_id", maintain_order=True).last()
    joined = clean["opportunities"].join(last, left_on="id", right_on="opportunity_id", suffix="_then")
    assert joined.height == clean["opportunities"].height
    for column in ("stage", "amount", "expected_close_on", "forecast_category", "owner_id"):
        assert (joined[column] == joined[f"{column}_then"]).all(), column
    closed = joined.filter(pl.col("status") != "open")
    assert (closed["closed_at"] == closed["changed_at"]).all()


def test_open_deals_have_owners_who_are_there(clean: Frames) -> None:
    assert clean["people"].filter(pl.col("left_on").is_not_null(), role="seller").height > 0
    still = clean["opportunities"].filter(status="open").join(clean["people"], left_on="owner_id", right_on="id")
    assert still["left_on"].null_count() == still.height
    assert (still["role"] == "seller").all()


@pytest.mark.parametrize("preset", ["software", "agency", "manufacturer"])
def test_each_kind_wins_about_a_quarter_of_its_new_deals_in_one_to_four_months(preset: str) -> None:
    spec = WorldSpec(kind=preset, opportunities=1500, months=18, start=date(2025, 1, 1), seed=9, detail=0, faults=0)  # type: ignore[arg-type]
    deals = fold(spec)["opportunities"]
    new = deals.filter(pl.col("kind") == "new", pl.col("status") != "open")
    cycle = (new["closed_at"] - new["created_at"]).dt.total_days()
    assert 0.17 < (new["status"] == "won").mean() < 0.36  # type: ignore[operator]
    assert 30 < cycle.median() < 110  # type: ignore[operator]
    assert 0.75 * 1500 < deals.height < 1.25 * 1500


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(["software", "agency", "manufacturer"]),
    seed=st.integers(0, 2**40),
    months=st.integers(3, 7),
    start=st.sampled_from([date(2019, 12, 1), date(2024, 2, 1), date(2026, 6, 1)]),
    misspecified=st.booleans(),
    drift=st.floats(-5, 5),
    currency=st.sampled_from(["USD", "KRW", "EUR"]),
)
def test_any_spec_gives_a_whole_company(**given: object) -> None:
    spec = WorldSpec(opportunities=220, detail=0.2, faults=0, **given)  # type: ignore[arg-type]
    export = fold(spec)
    assert_whole(export)
    assert export["opportunities"].height > 50
    amount = export["opportunities"]["amount"]
    assert amount.dtype == pl.Decimal(18, 0 if spec.currency == "KRW" else 2)
    assert (amount > 0).all()
