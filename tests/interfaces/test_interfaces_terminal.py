"""Frames as text, JSON and files: nothing is lost, nothing acts."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.base import money
from quarterdeck.base.schema import conform
from quarterdeck.interfaces import spreadsheet
from quarterdeck.interfaces.cli.terminal import cell, json_rows, known_columns, print_frame

DEALS = conform(
    "opportunities",
    pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "name": ["=1+1", '"quoted", with comma', None],
            "status": ["won", "won", "open"],
            "amount": [9_007_199_254_740_993, 1200, None],
            "currency": ["USD", "KRW", None],
            "created_at": [datetime(2017, 10, 1, 9, 30), None, None],
            "attributes": ['{"Stufe": "ä"}', "not json", None],
        }
    ),
)


def rows_of(frame: pl.DataFrame, table: str, currency: str = "USD") -> list[dict[str, object]]:
    return [json.loads(line, parse_float=Decimal) for line in json_rows(frame, table, currency)]


def test_money_in_json_has_every_digit_and_its_own_currency() -> None:
    first, second, third = rows_of(DEALS, "opportunities")
    assert first["amount"] == Decimal("90071992547409.93")
    assert second["amount"] == 1200
    assert third["amount"] is None


def test_json_holds_every_column_with_maps_as_maps_and_instants_in_utc() -> None:
    first, second, _ = rows_of(DEALS, "opportunities")
    assert list(first) == DEALS.columns
    assert first["attributes"] == {"Stufe": "ä"}
    assert second["attributes"] == "not json"
    assert first["created_at"] == "2017-10-01T09:30:00Z"


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["USD", "KRW", "KWD"]))
def test_any_amount_survives_json(minor: int, currency: str) -> None:
    frame = conform(
        "quotas", pl.DataFrame({"person_id": ["p"], "amount": [minor]}, schema_overrides={"amount": pl.Int64})
    )
    (row,) = rows_of(frame, "quotas", currency)
    assert Decimal(str(row["amount"])) * money.scale(currency) == minor


def test_numbers_without_a_value_are_null_in_json() -> None:
    frame = pl.DataFrame({"value": [float("nan"), float("inf"), 0.1]})
    assert [row["value"] for row in rows_of(frame, "")] == [None, None, Decimal("0.1")]


@pytest.mark.parametrize(
    ("table", "column", "value", "text"),
    [
        ("quotas", "amount", 123_456_789, "1,234,567.89 USD"),
        ("scores", "probability", 0.6314, "63.1%"),
        ("demand_lines", "mean", 1_040_615.4, "1,040,615"),
        ("plan_options", "gain", 12.4, "12"),
        ("variances", "is_inside", False, "no"),
        ("demand_lines", "period_start", date(2017, 11, 1), "2017-11-01"),
        ("opportunities", "created_at", datetime(2017, 10, 1), "2017-10-01"),
        (
            "scores",
            "reasons",
            '[{"text": "Product Enterprise: raises the odds", "effect": 28.04},'
            ' {"text": "Owner\'s record: 61% won: lowers the odds", "effect": -2.9},'
            ' {"text": "Stage New: makes no difference here", "effect": 0.04}]',
            "Product Enterprise +28; Owner's record: 61% won -2.9; Stage New makes no difference here",
        ),
        ("scores", "reasons", "not json", "not json"),
    ],
)
def test_a_cell_is_written_as_its_unit_wants(table: str, column: str, value: object, text: str) -> None:
    assert cell(value, known_columns(table)[column], "USD") == text


def test_a_table_names_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    frame = DEALS.with_columns(
        pl.lit("x" * 60).alias(name) for name in ("stage", "pipeline", "lost_reason", "region", "source")
    )
    print_frame(frame, "opportunities", "USD", limit=2)
    text = capsys.readouterr().out
    assert "2 of 3 rows; --limit 0 shows all." in text
    assert "Not shown: source, " in text
    assert "lost_reason" in text.split("Not shown:")[1]


def test_money_person_and_period_stay_where_the_columns_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    line = {
        "id": "base|A|2017-10|flat",
        "scenario": "base",
        "person_id": "Ann" + "n" * 60,
        "period_start": date(2017, 10, 1),
        "plan": "p" * 60,
        "rule": "r" * 60,
        "opportunity_id": "D1" + "d" * 60,
        "base": 491_400,
        "rate": Decimal("0.1"),
        "amount": 49_140,
        "is_assumed": True,
        "reason": "w" * 60,
    }
    frame = conform("pay_lines", pl.DataFrame([line]))
    print_frame(frame, "pay_lines", "USD")
    text = capsys.readouterr().out
    assert "Not shown: id, scenario, plan, rule, " in text
    for shown in ("4,914.00 USD", "491.40 USD", "Ann", "2017-10-01", "D1"):
        assert shown in text


def test_a_scenario_stays_where_it_differs_and_goes_where_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"scenario": name, "line": "x" * 60, "level": "y" * 60, "member": "z" * 60, "gap": 1.0} for name in "ab"]
    columns = {"line": "x", "level": "y", "member": "z"}
    frame = pl.DataFrame(rows).with_columns(pl.lit(value * 60).alias(f"{name}_more") for name, value in columns.items())
    print_frame(frame, "plan_lines", "USD")
    assert "scenario" not in capsys.readouterr().out.split("Not shown:")[1]
    print_frame(frame.with_columns(scenario=pl.lit("a")), "plan_lines", "USD")
    assert "scenario" in capsys.readouterr().out.split("Not shown:")[1]


def test_a_value_is_written_in_the_unit_of_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    values = {
        "metric": ["win_rate", "won_value", "cycle"],
        "value": [0.6441, 1234.5, 47.0],
        "unit": ["rate", "money", "days"],
    }
    print_frame(pl.DataFrame(values), "metric_values", "USD")
    text = capsys.readouterr().out
    for shown in ("64.4%", "1,234.50 USD", "47 days"):
        assert shown in text


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_hold_money_exactly_in_major_units(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{form}"
    spreadsheet.write(DEALS, "opportunities", path, form, "USD")
    frame = pl.read_parquet(path) if form == "parquet" else pl.read_csv(path, infer_schema=False)
    assert [None if value is None else Decimal(str(value)) for value in frame["amount"]] == [
        Decimal("90071992547409.93"),
        Decimal("1200"),
        None,
    ]
    assert frame["name"].to_list()[:2] == ["=1+1", '"quoted", with comma']


def test_draws_go_into_a_text_file_as_a_list(tmp_path: Path) -> None:
    frame = pl.DataFrame({"amount": [[1.5, 2.0]]}, schema={"amount": pl.List(pl.Float32)})
    spreadsheet.write(frame, "", tmp_path / "out.csv", "csv", "USD")
    assert (tmp_path / "out.csv").read_text() == 'amount\n"[1.5,2.0]"\n'
