"""Data faults as people make them, injected into an export, each with a label.

Which records are hurt, and how, follows from the record's number alone, so a record keeps its fault from month to
month. A record has at most one fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from quarterdeck.simulate.scene import Scene

LABELS = pl.Schema(
    {
        "table": pl.String(),
        "record_id": pl.String(),
        "fault": pl.String(),
        "column": pl.String(),
        "true_value": pl.String(),
        "written_value": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a table: at `rate` of its records the column holds `value` instead, where `when` holds.

    Expressions see the record's columns, `_n` (a random whole number of the record), `_before` (the instant after the
    last simulated one), `_leaver` and `_left_on` (the first seller who left).
    """

    name: str
    table: str
    rate: float
    column: str
    value: pl.Expr
    when: pl.Expr


_OPEN = pl.col("status") == "open"
_SPELLED = {"West": "west", "Central": "Centrl", "East": "EAST", "Europe": "EMEA/Europe"}
_BAD_REGION = pl.col("region").replace(_SPELLED)
_BAD_EMAIL = (
    pl.when(pl.col("_n") % 3 == 0)
    .then(pl.col("email").str.replace("@", "", literal=True))
    .when(pl.col("_n") % 3 == 1)
    .then(pl.col("email").str.replace(".example", ",example", literal=True))
    .otherwise(pl.col("email").str.replace("@", "@@", literal=True))
)
_ALWAYS = pl.lit(True)
_HAS_ACCOUNT = pl.col("account_id").is_not_null()
_LATER = pl.duration(days=1 + pl.col("_n") % 40)

FAULTS: tuple[Fault, ...] = (
    Fault("region_spelling", "accounts", 0.015, "region", _BAD_REGION, _ALWAYS),
    Fault("missing_currency", "accounts", 0.01, "currency", pl.lit(None, pl.String), _ALWAYS),
    Fault("wrong_email", "contacts", 0.015, "email", _BAD_EMAIL, _ALWAYS),
    Fault("missing_account", "contacts", 0.01, "account_id", pl.lit(None, pl.String), _ALWAYS),
    Fault("wrong_email", "leads", 0.015, "email", _BAD_EMAIL, _ALWAYS),
    Fault(
        "close_date_in_past",
        "opportunities",
        0.06,
        "expected_close_on",
        (pl.col("created_at") + pl.duration(days=9 + pl.col("_n") % 12)).dt.date(),
        _OPEN & (pl.col("created_at") + pl.duration(days=22) < pl.col("_before")),
    ),
    Fault(
        "owner_left",
        "opportunities",
        0.04,
        "owner_id",
        pl.col("_leaver"),
        _OPEN & (pl.col("_left_on") < pl.col("created_at").dt.date()),
    ),
    Fault("missing_amount", "opportunities", 0.012, "amount", pl.lit(None), pl.col("status") != "won"),
    Fault("negative_amount", "opportunities", 0.005, "amount", -pl.col("amount"), ~_OPEN),
    Fault(
        "misplaced_decimal",
        "opportunities",
        0.008,
        "amount",
        pl.col("amount") * pl.when(pl.col("_n") % 2 == 0).then(10).otherwise(100),
        _ALWAYS,
    ),
    Fault("closed_before_created", "opportunities", 0.008, "closed_at", pl.col("created_at") - _LATER, ~_OPEN),
    Fault("stage_status_mismatch", "opportunities", 0.008, "stage", pl.col("_stage"), ~_OPEN),
    Fault("region_spelling", "opportunities", 0.012, "region", _BAD_REGION, _ALWAYS),
    Fault(
        "future_created", "opportunities", 0.005, "created_at", pl.col("created_at") + pl.duration(days=3653), _ALWAYS
    ),
    Fault("missing_account", "opportunities", 0.015, "account_id", pl.lit(None, pl.String), _HAS_ACCOUNT),
    Fault(
        "orphan_reference",
        "opportunities",
        0.006,
        "account_id",
        pl.lit("A9") + pl.col("account_id").str.slice(2),
        _HAS_ACCOUNT,
    ),
    Fault("missing_currency", "opportunities", 0.006, "currency", pl.lit(None, pl.String), _ALWAYS),
)
"""Faults in the order in which they share out the records; those of open deals, which are few, have higher rates."""

DUPLICATES = {"accounts": 0.02, "contacts": 0.015}
"""Share of a table's records that stand twice, a little differently."""


def inject(scene: Scene, name: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The table with its faults, and their labels: rows of `LABELS`."""
    factor = scene.spec.faults
    mine = [fault for fault in FAULTS if fault.table == name]
    if factor == 0 or not (mine or name in DUPLICATES) or not frame.height:
        return frame, pl.DataFrame(schema=LABELS)
    number = frame["id"].str.slice(1).cast(pl.Int64).to_numpy()
    chance = scene.noise.uniform(f"fault {name}", number)
    own = (scene.noise.bits(f"fault size {name}", number) >> np.uint64(40)).astype(np.int64)
    labels: list[pl.DataFrame] = []
    frame = frame.with_columns(pl.Series("_n", own), *(_scenery(scene) if name == "opportunities" else ()))
    low = 0.0
    for fault in mine:
        high = low + fault.rate * factor
        picked = pl.Series("_hit", (chance >= low) & (chance < high))
        frame, found = _hurt(frame.with_columns(picked), fault)
        labels.append(found)
        low = high
    frame = frame.select(pl.exclude("^_.*$"))
    if name in DUPLICATES:
        frame, found = _double(scene, name, frame)
        labels.append(found)
    return frame, pl.concat(labels)


def _scenery(scene: Scene) -> Iterable[pl.Expr]:
    """What faults refer to beside the record itself."""
    staff = scene.staff
    people = (
        staff.frame(np.arange(len(staff))).filter(pl.col("left_on").is_not_null(), role="seller").sort("left_on", "id")
    )
    leaver, left_on = (people["id"][0], people["left_on"][0]) if people.height else (None, None)
    return (
        pl.lit(leaver, pl.String).alias("_leaver"),
        pl.lit(left_on, pl.Date).alias("_left_on"),
        pl.lit(scene.kind.stages[-1][0]).alias("_stage"),
        pl.lit(scene.before, pl.Int64).cast(pl.Datetime("us")).alias("_before"),
    )


def _hurt(frame: pl.DataFrame, fault: Fault) -> tuple[pl.DataFrame, pl.DataFrame]:
    kind = frame.schema[fault.column]
    hit = pl.col("_hit") & fault.when.fill_null(False)
    frame = frame.with_columns(hit.alias("_hit"), pl.col(fault.column).alias("_true"))
    frame = frame.with_columns(
        pl.when("_hit").then(fault.value.cast(kind)).otherwise(pl.col(fault.column)).alias(fault.column)
    )
    changed = frame.filter(pl.col("_hit") & pl.col("_true").ne_missing(pl.col(fault.column)))
    label = changed.select(
        pl.lit(fault.table).alias("table"),
        pl.col("id").alias("record_id"),
        pl.lit(fault.name).alias("fault"),
        pl.lit(fault.column).alias("column"),
        pl.col("_true").cast(pl.String).alias("true_value"),
        pl.col(fault.column).cast(pl.String).alias("written_value"),
    )
    return frame.drop("_hit", "_true"), label


def _double(scene: Scene, name: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records that somebody entered again: another id, the name written differently, some minutes later."""
    number = frame["id"].str.slice(1).cast(pl.Int64).to_numpy()
    hit = scene.noise.uniform(f"double {name}", number) < DUPLICATES[name] * scene.spec.faults
    way = pl.Series("_way", (scene.noise.bits(f"double way {name}", number) % np.uint64(4)).astype(np.int64))
    late = pl.Series("_late", 1 + scene.noise.bits(f"double late {name}", number).astype(np.float64) / 2**64 * 20)
    twice = frame.with_columns(way, late).filter(pl.Series(hit))
    written = (
        pl.when(pl.col("_way") == 0)
        .then(pl.col("name").str.to_uppercase())
        .when(pl.col("_way") == 1)
        .then(pl.col("name") + (" Inc." if name == "accounts" else " "))
        .when(pl.col("_way") == 2)
        .then(pl.col("name").str.slice(0, 3) + pl.col("name").str.slice(4))
        .otherwise(pl.col("name").str.replace(" ", "  ", literal=True))
    )
    original = twice["id"]
    copy = twice.with_columns(
        id=pl.col("id").str.slice(0, 1) + "8" + pl.col("id").str.slice(2),
        name=written,
        created_at=(
            pl.col("created_at") + (pl.col("_late") * 60_000_000).cast(pl.Int64).cast(pl.Duration("us"))
        ).dt.truncate("1s"),
    ).drop("_way", "_late")
    label = pl.DataFrame(
        {
            "table": [name] * copy.height,
            "record_id": copy["id"],
            "fault": ["duplicate"] * copy.height,
            "column": ["id"] * copy.height,
        },
        schema_overrides={"table": pl.String, "fault": pl.String, "column": pl.String},
    ).with_columns(true_value=original, written_value=copy["id"])
    return pl.concat([frame, copy]), label
