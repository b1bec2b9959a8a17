"""Segments: by rules, or small, middle and large companies of industries that buy alike; named in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from quarterdeck.scoring.profile import MAX_CATEGORIES, shown
from quarterdeck.scoring.profile_cuts import merge
from quarterdeck.scoring.profile_records import Records
from quarterdeck.scoring.profile_rules import holds
from quarterdeck.scoring.profile_settings import ProfileSettings, SegmentRule

SIZES = {"employees": "employees", "revenue": "revenue"}
KINDS = ("industry", "title")
KNOWN = 0.3
"""Share of the records that must have a value before it divides them."""
REST = "Everyone else"


@dataclass(frozen=True)
class Scheme:
    """How records are divided. Without anything that divides them all are in one segment."""

    rules: tuple[SegmentRule, ...] = ()
    size: str | None = None
    edges: tuple[float, ...] = ()
    kind: str | None = None
    groups: Mapping[str, str] | None = None

    def of(self, frame: pl.DataFrame) -> pl.Series:
        """The segment of each record, in words."""
        if self.rules:
            return self._by_rules(frame)
        parts = [part for part in (self._sizes(frame), self._kinds(frame)) if part is not None]
        if not parts:
            return pl.Series("segment", ["All"] * frame.height, dtype=pl.String)
        return pl.select(segment=pl.concat_str(parts, separator=" · ")).to_series()

    def _by_rules(self, frame: pl.DataFrame) -> pl.Series:
        found = np.full(frame.height, len(self.rules))
        for place in reversed(range(len(self.rules))):
            here = np.logical_and.reduce([holds(condition, frame) for condition in self.rules[place].where])
            found = np.where(here, place, found)
        names = [*(rule.name for rule in self.rules), REST]
        return pl.Series("segment", [names[place] for place in found], dtype=pl.String)

    def _sizes(self, frame: pl.DataFrame) -> pl.Series | None:
        if self.size is None:
            return None
        if self.size not in frame.columns:
            return pl.Series(["Size unknown"] * frame.height, dtype=pl.String)
        place = pl.Series(np.searchsorted(np.array(self.edges), frame[self.size].fill_null(0).to_numpy(), side="right"))
        words = place.replace_strict(dict(enumerate(size_words(self.edges))), return_dtype=pl.String)
        return pl.select(pl.when(frame[self.size].is_null()).then(pl.lit("Size unknown")).otherwise(words)).to_series()

    def _kinds(self, frame: pl.DataFrame) -> pl.Series | None:
        if self.kind is None or not self.groups or len(set(self.groups.values())) < 2:
            return None
        unknown = f"other {self.kind}"
        if self.kind not in frame.columns:
            return pl.Series([unknown] * frame.height, dtype=pl.String)
        return (
            frame[self.kind]
            .replace_strict(dict(self.groups), default=unknown, return_dtype=pl.String)
            .fill_null(unknown)
        )

    def meaning(self, segment: str) -> str:
        """What a segment is, in words and numbers."""
        for rule in self.rules:
            if rule.name == segment:
                return "; ".join(f"{condition.attribute} as the rule says" for condition in rule.where)
        said = []
        if self.size and self.edges:
            for word, low, high in zip(size_words(self.edges), (None, *self.edges), (*self.edges, None), strict=True):
                if segment.startswith(word):
                    said.append(_range(self.size, low, high))
        for group in sorted(set((self.groups or {}).values())):
            if segment.endswith(group):
                members = sorted(kind for kind, name in (self.groups or {}).items() if name == group)
                said.append(f"{self.kind}: {', '.join(members)}")
        return "; ".join(said)


def size_words(edges: tuple[float, ...]) -> tuple[str, ...]:
    return {0: ("All sizes",), 1: ("Small", "Large")}.get(len(edges), ("Small", "Middle", "Large"))


def _range(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"{name} below {shown(high)}"
    return f"{name} {shown(low)} or more" if high is None else f"{name} {shown(low)} to below {shown(high)}"


def scheme(records: Sequence[Records], settings: ProfileSettings) -> Scheme:
    """The scheme by hand where there is one, else what size and industry of the records and their outcomes suggest.

    Sizes are divided as the first records that have any are; industries by those with most won outcomes.
    """
    if settings.segments:
        return Scheme(rules=settings.segments)
    frame = next((entry.frame for entry in records if entry.frame.height), pl.DataFrame())
    size = next((name for name in SIZES if _divides(frame, name)), None)
    kind = next((name for name in KINDS if _divides(frame, name) and frame[name].n_unique() <= MAX_CATEGORIES), None)
    if size is None and kind is None:
        return Scheme()
    edges = _thirds(frame[size]) if size else ()
    if kind is None:
        return Scheme((), size, edges)
    able = [entry for entry in records if kind in entry.frame.columns]
    telling = max(able, key=lambda entry: float(entry.outcomes["won"].sum()))
    return Scheme((), size, edges, kind, group_alike(telling.lessons(), kind, settings))


def _divides(frame: pl.DataFrame, name: str) -> bool:
    if name not in frame.columns or not frame.height:
        return False
    column = frame[name]
    return column.null_count() <= (1 - KNOWN) * frame.height and column.drop_nulls().n_unique() > 2


def _thirds(sizes: pl.Series) -> tuple[float, ...]:
    """Two round numbers near which a third of the records ends."""
    known = sizes.drop_nulls().cast(pl.Float64)
    edges = sorted({round_number(float(known.quantile(share, "nearest") or 0.0)) for share in (1 / 3, 2 / 3)})
    return tuple(edge for edge in edges if known.min() < edge <= known.max())  # type: ignore[operator]


def round_number(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten.

    >>> round_number(61), round_number(420)
    (50.0, 500.0)
    """
    if value <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = np.array([1, 2, 5, 10]) * power
    return float(steps[np.argmin(np.abs(np.log(steps / value)))])


def group_alike(lessons: pl.DataFrame, kind: str, settings: ProfileSettings) -> dict[str, str]:
    """Industries in groups that win alike, named after their members; one group where they hardly differ.

    Industries in the order of their rates, shrunk to the average, are merged while their difference matters less than
    twice what the Bayesian information criterion asks for: they were put in order by the same outcomes.
    """
    known = lessons.filter(pl.col(kind).is_not_null())
    counts = known.group_by(kind).agg(n=pl.len(), won=pl.col("won").sum()).with_columns(pl.col("n").cast(pl.Float64))
    total = float(counts["n"].sum())
    if total < 2 or not 0 < float(counts["won"].sum()) < total:
        return dict.fromkeys(lessons[kind].drop_nulls().unique().to_list(), "all")
    mean = float(counts["won"].sum()) / total
    shrunk = (pl.col("won") + settings.shrinkage * mean) / (pl.col("n") + settings.shrinkage)
    counts = counts.sort(shrunk, kind, descending=[True, False])
    n, won = counts["n"].to_numpy(), counts["won"].to_numpy()
    starts = merge(n, won, np.arange(len(n)), float(np.log(total)), settings.max_industry_groups)
    place = np.searchsorted(starts, np.arange(len(n)), side="right") - 1
    found: dict[str, str] = {}
    for group in range(len(starts)):
        members = counts.filter(pl.Series(place == group)).sort("n", kind, descending=[True, False])[kind].to_list()
        found |= dict.fromkeys(members, _named(members))
    return found


def _named(members: list[str]) -> str:
    """Names of the largest industries of a group.

    >>> _named(["Retail", "Energy", "Law", "Food"])
    'Retail, Energy and 2 more'
    """
    if len(members) <= 2:
        return " and ".join(members)
    return f"{members[0]}, {members[1]} and {len(members) - 2} more"
