"""Which findings matter most."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.interfaces.ranking import at_or_above, groups, most_important, rows_read


def finding(code: str, severity: str, money: float | None = None, record: str | None = None, count: int = 1) -> Finding:
    return Finding(code, severity, f"{code} {record}", "mend", None, record, None, money, count)  # type: ignore[arg-type]


def test_an_error_comes_before_a_warning_that_touches_more_money() -> None:
    frame = findings_frame([finding("demand.a", "warning", 9e9), finding("metrics.b", "error", 1.0)])
    assert [group.code for group in groups(frame)] == ["metrics.b", "demand.a"]


def test_at_the_same_severity_the_room_nearest_to_the_decision_comes_first() -> None:
    frame = findings_frame(
        [
            finding("quality.a", "warning", 500.0),
            finding("scoring.b", "warning", 900.0),
            finding("reconcile.c", "warning", 1.0),
        ]
    )
    assert [group.code for group in groups(frame)] == ["reconcile.c", "quality.a", "scoring.b"]


def test_within_a_room_the_money_decides_then_the_records() -> None:
    frame = findings_frame(
        [
            finding("quality.few", "warning", None, count=2),
            finding("quality.many", "warning", None, count=30),
            finding("quality.costly", "warning", 10.0),
        ]
    )
    assert [group.code for group in groups(frame)] == ["quality.costly", "quality.many", "quality.few"]


def test_a_code_is_one_group_with_the_sums_and_the_costliest_record() -> None:
    frame = findings_frame(
        [
            finding("quality.a", "warning", 900.0, None, count=40),
            finding("quality.a", "warning", 20.0, "small"),
            finding("quality.a", "warning", 30.0, "large"),
        ]
    )
    (group,) = groups(frame)
    assert (group.count, group.lines, group.money_at_stake, group.message) == (42, 3, 950.0, "quality.a large")


def test_no_room_takes_a_second_place_while_another_has_a_warning() -> None:
    frame = findings_frame(
        [
            finding("reconcile.a", "warning", 3.0),
            finding("reconcile.b", "warning", 2.0),
            finding("supply.c", "warning", 1.0),
            finding("quality.d", "warning"),
            finding("metrics.e", "notice", 99.0),
        ]
    )
    assert [group.code for group in most_important(frame)] == ["reconcile.a", "supply.c", "quality.d"]


def test_a_second_error_of_a_room_waits_for_the_other_decisive_rooms_only() -> None:
    frame = findings_frame(
        [
            finding("quality.a", "error"),
            finding("quality.b", "error"),
            finding("reconcile.c", "warning", 5.0),
            finding("scoring.d", "warning", 9.0),
        ]
    )
    assert [group.code for group in most_important(frame, 4)] == ["quality.a", "reconcile.c", "quality.b", "scoring.d"]


def test_a_notice_of_a_decisive_room_comes_after_every_warning() -> None:
    frame = findings_frame([finding("reconcile.a", "notice", 9e9), finding("scoring.b", "warning")])
    assert [group.code for group in most_important(frame)] == ["scoring.b", "reconcile.a"]


def test_findings_of_a_part_belong_to_its_room() -> None:
    (group,) = groups(findings_frame([finding("commission.no_quota", "notice")]))
    assert group.room == "execute"


def test_as_severe_as_asked_counts_the_worse_ones_too() -> None:
    frame = findings_frame([finding("a.a", "error"), finding("a.b", "warning"), finding("a.c", "notice")])
    assert [at_or_above(frame, severity) for severity in ("error", "warning", "notice")] == [1, 2, 3]


def test_a_finding_counts_the_records_it_stands_for() -> None:
    assert at_or_above(findings_frame([finding("a.a", "error", count=40), finding("a.a", "error")]), "error") == 41


def reading(severity: str, count: int) -> Finding:
    return Finding("connectors.unreadable_date", severity, "m", "mend", "opportunities", None, None, None, count)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("severity", "count", "is_first"), [("warning", 50, True), ("warning", 49, False), ("notice", 900, False)]
)
def test_a_fault_in_reading_a_twentieth_of_a_table_comes_before_all(severity: str, count: int, is_first: bool) -> None:
    frame = findings_frame([finding("reconcile.gap", "error", 9e9), reading(severity, count)])
    first = most_important(frame, rows={"opportunities": 1000, "people": 3})[0]
    assert (first.code == "connectors.unreadable_date") == is_first


def test_rows_are_those_of_fact_tables() -> None:
    steps = [SimpleNamespace(rows={"opportunities": 8, "people": 3}), SimpleNamespace(rows={"scores": 5})]
    assert rows_read(SimpleNamespace(steps=steps)) == {"opportunities": 8, "people": 3}  # type: ignore[arg-type]


def test_an_override_that_holds_is_always_named() -> None:
    worse = [finding(f"{room}.a", "error", 9e9) for room in ("reconcile", "supply", "demand", "quality")]
    frame = findings_frame([*worse, finding("demand.override_holds", "notice")])
    codes = [group.code for group in most_important(frame)]
    assert codes == ["reconcile.a", "supply.a", "demand.override_holds"]
