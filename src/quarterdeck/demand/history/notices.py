"""Findings on series: what was wrong or odd in them and what was done about it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quarterdeck.base.finding import Finding
from quarterdeck.demand.history.ensemble import Combined

SHOWN = 5


def _named(keys: Sequence[Hashable]) -> str:
    shown = ", ".join(str(key) for key in keys[:SHOWN])
    return shown if len(keys) <= SHOWN else f"{shown} and {len(keys) - SHOWN} more"


def findings(combined: Sequence[Combined], lost: Sequence[Hashable]) -> tuple[Finding, ...]:
    """One finding for each kind of trouble, with the series that have it."""
    found = []

    def tell(keys: Sequence[Hashable], entry: str, severity: str, what: str, fix: str) -> None:
        if keys:
            message = f"{len(keys)} series {what}: {_named(keys)}."
            found.append(Finding(f"demand.series_{entry}", severity, message, fix, count=len(keys)))  # type: ignore[arg-type]

    def those(is_meant: Sequence[bool]) -> list[Hashable]:
        return [one.trial.series.unique_id for one, yes in zip(combined, is_meant, strict=True) if yes]

    series = [one.trial.series for one in combined]
    empty = [*lost, *those([len(one.y) == 0 for one in series])]
    tell(empty, "unreadable", "warning", "have no row with a date and a value", "Give them values, or leave them out.")
    tell(
        those([one.dropped > 0 for one in series]),
        "undated",
        "warning",
        "have rows without a usable date, which were left out",
        "Mend the dates of these rows.",
    )
    tell(
        those([one.merged > 0 for one in series]),
        "merged",
        "notice",
        "have several rows in one period, which were added up",
        "Nothing, if the rows are parts of one period; else remove the copies.",
    )
    tell(
        those([one.filled > 0 and len(one.y) > 0 for one in series]),
        "gaps",
        "notice",
        "have periods without a value; nothing was sold in them, or they were drawn between their neighbours",
        "Say which of the two holds (gaps='zero' or gaps='interpolate'), or give the missing values.",
    )
    tell(
        those([one.trial.pattern == "short" for one in combined]),
        "short",
        "notice",
        "are too short for a model; the mean of their last three values is carried on",
        "Load older values, or name a similar product as analogue.",
    )
    tell(
        those([bool(one.trial.cleaned.outliers) for one in combined]),
        "outliers",
        "notice",
        "have single values far from all around them, which were damped",
        "Look whether they are mistypes; a promotion is better given as a regressor.",
    )
    tell(
        those([one.trial.cleaned.shift is not None for one in combined]),
        "level_shift",
        "notice",
        "changed their level at once; what lies before was moved to the new level",
        "Look whether the change lasts; if it was a one-off, say so with a regressor.",
    )
    return tuple(found)
