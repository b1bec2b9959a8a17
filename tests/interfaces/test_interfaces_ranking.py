"""Which findings matter most."""

from __future__ import annotations

from quarterdeck.base.finding import Finding, findings_frame
from quarterdeck.interfaces.ranking import at_or_above, groups, most_important


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
