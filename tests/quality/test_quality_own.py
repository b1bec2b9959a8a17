"""Checks that a company writes itself: what they find, and what is refused with file and line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.base.text import parse
from quarterdeck.quality import CHECKS, check
from quarterdeck.quality.own import OwnCheck
from quarterdeck.quality.settings import QualitySettings
from quarterdeck.quality.sql import refuse

DEALS = pl.DataFrame(
    {
        "id": ["small", "large", "open", "odd"],
        "name": ["Small deal", "Large deal", None, "TEST deal"],
        "status": ["won", "won", "open", "lost"],
        "stage": [" Offer ", "Done", "Talk", "Done"],
        "amount": [9_999, 500_000, None, 100_000],
        "owner_id": ["ann", "bob", None, "bob"],
        "created_at": [datetime(2024, 1, 1), datetime(2024, 5, 1), datetime(2024, 6, 1, 12), datetime(2023, 1, 1)],
        "expected_close_on": [None, None, datetime(2024, 8, 1).date(), None],
    },
    schema_overrides={"created_at": pl.Datetime("us")},
)


def own(where: str, **others: Any) -> OwnCheck:
    values = {"name": "ours", "table": "opportunities", "title": "Ours", "message": "Wrong.", "fix": "Mend it."}
    return OwnCheck.model_validate(values | {"where": where} | others)


def made(*checks: OwnCheck) -> Result:
    """What the checks find, those of the house not made."""
    settings = QualitySettings(checks=checks, disabled=tuple(CHECKS))
    config = Config(as_of=datetime(2024, 7, 1), settings=settings)
    return check(Tables(opportunities=DEALS), config)


def found(where: str, **others: Any) -> list[str]:
    findings = made(own(where, **others)).findings
    return sorted(str(finding.record_id) for finding in findings if finding.code == "quality.ours")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("status = 'won' and amount < 100", ["small"]),
        ("amount between 99.99 and 1000", ["odd", "small"]),
        ("amount is null or not status in ('won', 'open')", ["odd", "open"]),
        ("name is not null and name like '%deal' and lower(name) ilike 'TEST%'", ["odd"]),
        ("trim(stage) <> stage", ["small"]),
        ("created_at >= '2024-05-01' and status != 'lost'", ["large", "open"]),
        ("created_at = date '2024-06-01'", ["open"]),
        ("days_between(created_at, today()) > 180", ["odd", "small"]),
        ("expected_close_on > current_date", ["open"]),
        ("coalesce(owner_id, 'nobody') = 'nobody'", ["open"]),
        ("case when status = 'won' then amount * 2 > 9000 else false end", ["large"]),
        ("length(name || id) = 12", ["odd"]),
        ("abs(-amount) = 1e3", ["odd"]),
    ],
)
def test_a_condition_finds_the_rows_that_it_describes(where: str, expected: list[str]) -> None:
    assert found(where) == expected


def test_an_own_check_is_like_those_of_the_house() -> None:
    entry = own(
        "trim(stage) <> stage", message="The stage of {name} is '{stage}' with {amount}.", severity="error",
        money="amount", column="stage", value="trim(stage)", confidence=0.99, owner="owner_id",
    )  # fmt: skip
    result = made(entry)
    finding = next(finding for finding in result.findings if finding.code == "quality.ours")
    assert finding.message == "The stage of Small deal is ' Offer ' with 99.99 USD."
    assert (finding.severity, finding.owner_id, finding.money_at_stake) == ("error", "ann", 99.99)
    assert result.tables["errors"].filter(check="ours").select("record_id", "severity").rows() == [("small", "error")]
    fix = result.tables["fixes"].filter(check="ours").row(0, named=True)
    assert (fix["value_now"], fix["value_proposed"], fix["confidence"]) == (" Offer ", "Offer", 0.99)


def test_money_is_compared_in_the_major_units_of_each_records_currency() -> None:
    # 5,000 won, 50.00 dollars, 5.000 dinars, and 5,000 of a company in yen that names no currency.
    deals = pl.DataFrame(
        {"id": list("wdky"), "status": ["won"] * 4, "amount": [5_000] * 4, "currency": ["KRW", "USD", "KWD", None]}
    )
    settings = QualitySettings(checks=(own("amount >= 50", money="amount"),), disabled=tuple(CHECKS))
    config = Config(as_of=datetime(2024, 7, 1), settings=settings, company=Company(currency="JPY"))
    findings = [found for found in check(Tables(opportunities=deals), config).findings if found.code == "quality.ours"]
    assert sorted(str(finding.record_id) for finding in findings) == ["d", "w", "y"]


def test_an_own_check_can_be_switched_off_and_its_severity_set() -> None:
    settings = QualitySettings(checks=(own("amount > 0"),), severity={"ours": "notice"})
    findings = check(Tables(opportunities=DEALS), Config(as_of=datetime(2024, 7, 1), settings=settings)).findings
    assert {finding.severity for finding in findings if finding.code == "quality.ours"} == {"notice"}
    settings = settings.model_copy(update={"severity": {}, "disabled": ("ours", *list(CHECKS)[1:])})
    findings = check(Tables(opportunities=DEALS), Config(as_of=datetime(2024, 7, 1), settings=settings)).findings
    assert not [finding for finding in findings if finding.code == "quality.ours"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("amont > 1", "did you mean 'amount'"),
        ("amount > ", "no SQL expression"),
        ("amount > (select max(amount) from people)", "cannot be used"),
        ("exists (select 1)", "cannot be used"),
        ("sum(amount) > 1", "cannot be used"),
        ("read_csv('x') = 1", "known functions: lower"),
        ("row_number() over () = 1", "cannot be used"),
        ("amount > 1; drop table opportunities", "one expression"),
        ("1 from people", "one expression"),
        ("people.amount > 1", "has no column"),
        ("cast(amount as varchar) = '1'", "only days"),
        ("case status when 'won' then true end", "case when"),
        ("amount + 1", "is no condition"),
        ("name > 5", "does not fit"),
        ("created_at > 'soon'", "does not fit"),
    ],
)
def test_what_is_no_condition_over_the_table_is_refused(where: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("(", "[(]")):
        own(where)


def test_faults_are_told_with_file_line_and_remedy() -> None:
    text = """
checks:
  - name: small
    table: opportunities
    where: amount < 1
    title: Small
    message: It is {amount}.
    fix: Ask.
  - name: wrong
    table: oportunities
    where: amount < 1
    title: Small
    message: It is {amount}.
    fix: Ask.
  - name: places
    table: opportunities
    where: amount < 1
    title: Small
    message: It is {amout}.
    fix: Ask.
    money: stage
"""
    with pytest.raises(ConfigurationError) as raised:
        parse(QualitySettings, text, "quarterdeck.yaml")
    first, second = raised.value.faults
    assert first.startswith("quarterdeck.yaml:10: checks.1.table: there is no table 'oportunities'; did you mean 'oppo")
    assert second.startswith("quarterdeck.yaml:15: checks.2: check places: ")
    assert "{amout}: opportunities has no column 'amout'; did you mean 'amount'?" in second
    assert "money: stage of opportunities is no money" in second


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="ours are taken"):
        QualitySettings(checks=(own("amount > 1"), own("amount > 2")))
    with pytest.raises(ValueError, match="untouched are taken"):
        QualitySettings(checks=(own("amount > 1", name="untouched"),))


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_conditions(text: str) -> None:
    said = refuse(text, "opportunities")
    assert said is None or len(said) > 10


def test_the_settings_of_a_workspace_hold_own_checks(tmp_path: Path) -> None:
    from quarterdeck.workspace.settings import read_settings

    (tmp_path / "quarterdeck.yaml").write_text(
        "company: {name: Acme}\n"
        "quality:\n"
        "  checks:\n"
        "    - {name: ours, table: leads, where: employees < 5, title: Too small, message: Small., fix: Drop it.}\n"
    )
    settings = read_settings(tmp_path).section("quality")
    assert isinstance(settings, QualitySettings)
    assert settings.checks[0].as_check().table == "leads"
