"""Faults: each label points at a record that carries the fault, and clean data carries none."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from quarterdeck.simulate import World, WorldSpec
from quarterdeck.simulate.faults import DUPLICATES, FAULTS

Frames = dict[str, pl.DataFrame]
END = datetime(2026, 7, 1)

CARRIES = {
    "close_date_in_past": (pl.col("status") == "open") & (pl.col("expected_close_on") < END.date()),
    "missing_amount": pl.col("amount").is_null(),
    "negative_amount": pl.col("amount") < 0,
    "closed_before_created": pl.col("closed_at") < pl.col("created_at"),
    "stage_status_mismatch": (pl.col("status") != "open") & ~pl.col("stage").str.starts_with("Closed"),
    "region_spelling": ~pl.col("region").is_in(["West", "Central", "East", "Europe"]),
    "future_created": pl.col("created_at") >= END,
    "missing_account": pl.col("account_id").is_null(),
    "missing_currency": pl.col("currency").is_null(),
    "wrong_email": ~pl.col("email").str.contains(r"^[^@]+@[^@,]+\.example$"),
}


def labelled(faulty: tuple[Frames, Frames], table: str, fault: str) -> pl.DataFrame:
    """The records that carry the label, with what was true."""
    export, truth = faulty
    labels = truth["faults"].filter(table=table, fault=fault)
    return export[table].join(labels, left_on="id", right_on="record_id")


@pytest.mark.parametrize(
    ("table", "name"), sorted({(fault.table, fault.name) for fault in FAULTS if fault.name in CARRIES})
)
def test_exactly_the_labelled_records_carry_the_fault(faulty: tuple[Frames, Frames], table: str, name: str) -> None:
    found = labelled(faulty, table, name)
    assert found.height > 0
    assert found.select(CARRIES[name].all()).item()
    everywhere = faulty[0][table].filter(CARRIES[name])["id"].to_list()
    doubled = faulty[1]["faults"].filter(fault="duplicate", table=table)["record_id"].to_list()
    allowed = {"closed_before_created": "future_created", "missing_account": "-"}.get(name)
    others = labelled(faulty, table, allowed)["id"].to_list() if allowed else []
    assert set(everywhere) - set(doubled) - set(others) - set(found["id"]) == set()


def test_a_misplaced_decimal_is_ten_or_a_hundred_times_the_true_amount(faulty: tuple[Frames, Frames]) -> None:
    found = labelled(faulty, "opportunities", "misplaced_decimal")
    ratio = [written / Decimal(true) for written, true in zip(found["amount"], found["true_value"], strict=True)]
    assert set(ratio) == {Decimal(10), Decimal(100)}


def test_an_orphan_names_an_account_that_does_not_exist(faulty: tuple[Frames, Frames]) -> None:
    found = labelled(faulty, "opportunities", "orphan_reference")
    accounts = set(faulty[0]["accounts"]["id"])
    assert found.height > 0
    assert not set(found["account_id"]) & accounts
    assert set(found["true_value"]) <= accounts


def test_the_owner_of_a_deal_labelled_so_had_left_before_it_began() -> None:
    world = World(WorldSpec(opportunities=1500, months=24, seed=5, faults=6.0, detail=0))
    for _ in range(24):
        frames = world.step()
    labels = world.truth()["faults"].filter(fault="owner_left")
    people = pl.concat([world.roster()["people"]])
    found = (
        frames["opportunities"]
        .filter(pl.col("id").is_in(labels["record_id"].to_list()))
        .join(people, left_on="owner_id", right_on="id")
    )
    assert found.height == labels.height > 0
    assert (found["left_on"] < found["created_at"].dt.date()).all()


@pytest.mark.parametrize("table", sorted(DUPLICATES))
def test_a_duplicate_resembles_its_original(faulty: tuple[Frames, Frames], table: str) -> None:
    export, truth = faulty
    labels = truth["faults"].filter(table=table, fault="duplicate")
    twins = labels.join(export[table], left_on="record_id", right_on="id").join(
        export[table], left_on="true_value", right_on="id", suffix="_true"
    )
    assert twins.height == labels.height > 0
    assert (twins["name"] != twins["name_true"]).all()
    assert (
        twins["name"].str.to_lowercase().str.slice(0, 2) == twins["name_true"].str.to_lowercase().str.slice(0, 2)
    ).all()
    assert (twins["created_at"] >= twins["created_at_true"]).all()


def test_faults_change_nothing_but_what_they_are_labelled_with(clean: Frames, faulty: tuple[Frames, Frames]) -> None:
    export, truth = faulty
    for name, frame in clean.items():
        doubled = truth["faults"].filter(table=name, fault="duplicate")["record_id"].to_list()
        hurt = export[name].filter(~pl.col("id").is_in(doubled)).sort("id")
        right = frame.sort("id")
        for column in right.columns:
            labels = truth["faults"].filter(table=name, column=column)["record_id"].to_list()
            kept = ~pl.col("id").is_in(labels)
            assert_frame_equal(right.filter(kept).select(column), hurt.filter(kept).select(column))
        labelled_rows = truth["faults"].filter(pl.col("table") == name, pl.col("fault") != "duplicate")
        for row in labelled_rows.iter_rows(named=True):
            original = right.filter(id=row["record_id"])[row["column"]].cast(pl.String)[0]
            assert original == row["true_value"]


def test_without_faults_nothing_is_labelled() -> None:
    world = World(WorldSpec(opportunities=200, months=3, faults=0, detail=0))
    frames = [world.step() for _ in range(3)][-1]
    assert world.truth()["faults"].is_empty()
    deals = frames["opportunities"]
    assert deals.filter(
        pl.col("amount").is_null() | pl.col("account_id").is_null() | pl.col("currency").is_null()
    ).is_empty()


def test_usual_faults_hurt_some_records_but_not_many(clean: Frames) -> None:
    world = World(WorldSpec(opportunities=2000, months=12, detail=0, seed=2))
    count = {"opportunities": 0}
    for _ in range(12):
        final, live = world.advance()
        count["opportunities"] += final.get("opportunities", clean["opportunities"].head(0)).height
    share = world.truth()["faults"].filter(table="opportunities").height / (
        count["opportunities"] + live["opportunities"].height
    )
    assert 0.03 < share < 0.15
