"""Every check on rows that pass and rows that fail, and what the step does with the findings.

A case names the rows of the check's table (`pass` and `fail`, `times` repeats a row), other tables in `given`, settings,
and of the first finding what should be in it. Expected are the ids of the failing rows, or `expected`.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.base.schema import TYPES, table
from quarterdeck.base.tables import Tables
from quarterdeck.quality import CHECKS, INPUTS, check
from quarterdeck.quality.settings import QualitySettings

CASES = Path(__file__).parent / "cases"
KEYS = {"pass", "fail", "given", "settings", "expected", "first", "fixes"}


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table; dates may stand for instants; `times` repeats a row under numbered ids, {n} is the number."""
    kinds = {column.name: column.type for column in table(name).columns}
    written = []
    for row in rows:
        values = {key: value for key, value in row.items() if key != "times"}
        assert values.keys() <= kinds.keys()
        for key, value in values.items():
            if kinds[key] == "instant" and isinstance(value, date) and not isinstance(value, datetime):
                values[key] = datetime(value.year, value.month, value.day)
            elif kinds[key] in {"text", "decimal"}:
                values[key] = str(value)
        times = row.get("times", 1)
        for place in range(times):
            numbered = {
                key: value.replace("{n}", str(place)) for key, value in values.items() if isinstance(value, str)
            }
            written.append(values | numbered | ({"id": f"{values['id']} {place}"} if times > 1 else {}))
    columns = {column: [row.get(column) for row in written] for column in kinds}
    series = [
        pl.Series(column, values, dtype=pl.String).cast(TYPES["decimal"])
        if kinds[column] == "decimal"
        else pl.Series(column, values, dtype=TYPES[kinds[column]])
        for column, values in columns.items()
    ]
    return pl.DataFrame(series)


def only(name: str, **settings: Any) -> Config[QualitySettings]:
    """A configuration that makes one check and no other."""
    settings = {"disabled": [other for other in CHECKS if other != name]} | settings
    return Config(as_of=datetime(2024, 7, 1), settings=QualitySettings(**settings), company=Company())


def found(tables: Tables, name: str, **settings: Any) -> list[Finding]:
    """Findings of one check, the others not made."""
    return [made for made in check(tables, only(name, **settings)).findings if made.code == f"quality.{name}"]


def deals(**columns: list[Any]) -> Tables:
    return Tables(
        opportunities=pl.DataFrame({"id": [str(n) for n in range(len(next(iter(columns.values()))))]} | columns)
    )


@pytest.mark.parametrize("name", CHECKS)
def test_check_finds_the_rows_that_fail_and_no_other(name: str) -> None:
    case = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert case.keys() <= KEYS
    assert case["pass"]
    assert case["fail"]
    rows = {CHECKS[name].table: case["pass"] + case["fail"], **case.get("given", {})}
    tables = Tables(**{key: frame(key, value) for key, value in rows.items()})
    result = check(tables, only(name, **case.get("settings", {})))
    findings = [made for made in result.findings if made.code == f"quality.{name}"]
    expected = case.get("expected", [str(row["id"]) for row in case["fail"]])
    assert sorted(str(finding.record_id) for finding in findings) == sorted(expected)
    for finding in findings:
        assert finding.severity == CHECKS[name].severity
        assert "{" not in finding.message + finding.fix
    for key, value in case.get("first", {}).items():
        assert getattr(findings[0], key) == value
    if "fixes" in case:
        fixes = result.tables["fixes"].select("record_id", "column", "value_proposed")
        assert sorted(map(list, fixes.iter_rows())) == case["fixes"]


def test_every_check_has_its_case_and_every_case_its_check() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(CHECKS)


def test_checks_are_of_many_kinds_and_say_why_they_matter() -> None:
    assert len({entry.kind for entry in CHECKS.values()}) >= 14
    assert len(CHECKS) >= 60
    assert all(entry.why.endswith(".") and entry.fix.endswith(".") for entry in CHECKS.values())


def test_checks_on_no_rows_find_nothing() -> None:
    config = Config(as_of=datetime(2024, 7, 1), settings=QualitySettings())
    assert {finding.code for finding in check(Tables(), config).findings} == {f"quality.no_{name}" for name in INPUTS}


def test_missing_tables_say_what_they_would_buy() -> None:
    config = Config(as_of=datetime(2024, 7, 1), settings=QualitySettings())
    codes = {finding.code: finding for finding in check(deals(status=["open"]), config).findings}
    assert "quality.no_opportunities" not in codes
    assert codes["quality.no_activities"].severity == "notice"
    assert codes["quality.no_activities"].fix == f"Give them to get {INPUTS['activities']}."


def test_beyond_the_limit_one_finding_stands_for_the_rest_and_no_money_is_lost() -> None:
    tables = deals(status=["open"] * 9, amount=[100 * n for n in range(1, 10)], owner_id=["ann"] * 9)
    findings = found(tables, "account_missing", max_records=3)
    assert [finding.record_id for finding in findings] == ["8", "7", "6", None]
    assert [finding.money_at_stake for finding in findings] == [9.0, 8.0, 7.0, 21.0]
    assert sum(finding.count for finding in findings) == 9


def test_a_disabled_check_is_not_made_and_a_severity_can_be_set() -> None:
    tables = deals(status=["open"])
    assert found(tables, "account_missing", disabled=["account_missing"]) == []
    assert found(tables, "account_missing", severity={"account_missing": "notice"})[0].severity == "notice"


def test_an_unknown_check_in_the_settings_is_refused_with_a_remedy() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'account_missing'"):
        found(deals(status=["open"]), "account_missing", disabled=["account_mising"])


def test_money_is_in_the_companys_currency_without_decimals_where_it_has_none() -> None:
    tables = deals(status=["won"], amount=[-5000])
    config = Config(as_of=datetime(2024, 7, 1), settings=QualitySettings(), company=Company(currency="KRW"))
    finding = next(f for f in check(tables, config).findings if f.code == "quality.amount_not_positive")
    assert finding.money_at_stake == 5000.0
    assert finding.message == "The deal is won with an amount of -5,000 KRW."


def test_the_last_days_of_a_week_are_those_of_the_companys_zone() -> None:
    # Thursday 23:00 UTC is Friday 8:00 in Seoul; Sunday 16:00 UTC is Monday there.
    def bursts(company: Company, *started_at: datetime) -> list[str]:
        frame = pl.DataFrame({"id": [str(n) for n in range(9 * len(started_at))], "owner_id": ["ann"] * 9 * len(started_at),
                              "started_at": [at for at in started_at for _ in range(9)]})  # fmt: skip
        config = only("activities_in_bulk")
        config = Config(as_of=config.as_of, settings=config.settings, company=company)
        findings = check(Tables(activities=frame), config).findings
        return [made.message for made in findings if made.code == "quality.activities_in_bulk"]

    thursday, sunday = datetime(2024, 6, 6, 23, 10), datetime(2024, 6, 9, 16, 10)
    seoul = Company(timezone="Asia/Seoul")
    told = "9 of the week's 9 activities stand within one hour on 2024-06-0{}."
    assert bursts(seoul, thursday, sunday) == [told.format(7)]
    assert bursts(Company(), thursday) == []
    assert bursts(Company(), sunday) == [told.format(9)]
    # In Cairo clocks went from midnight to one on Friday 26 April 2024; the week began on Monday 22.
    assert bursts(Company(timezone="Africa/Cairo"), datetime(2024, 4, 26, 10)) == [told.format(9)[:-11] + "2024-04-26."]


def test_findings_have_one_row_a_code_table_and_record() -> None:
    tables = deals(status=["open"] * 5, stage=["Closed Won"] * 5)
    config = Config(as_of=datetime(2024, 7, 1), settings=QualitySettings(max_records=2))
    rows = findings_frame(check(tables, config).findings)
    assert not rows.select(table("findings").key).is_duplicated().any()
