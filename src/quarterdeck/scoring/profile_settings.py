"""Settings of the ideal customer profile: what it is learned from, rules by hand, letters, segments."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from quarterdeck.base.config import Section

LETTERS = "ABCDEF"


class Condition(Section):
    """What an attribute must be. All that is given must hold; a missing value holds for `is_missing: true` alone."""

    attribute: str
    """A column of accounts or leads, such as industry or employees, or one that only the source has."""
    one_of: tuple[str, ...] = ()
    """One of these values; capitals do not matter."""
    none_of: tuple[str, ...] = ()
    """None of these values."""
    contains: tuple[str, ...] = ()
    """One of these pieces of text is in it."""
    at_least: float | None = None
    """A number of at least this."""
    below: float | None = None
    """A number below this."""
    is_missing: bool | None = None
    """true when there must be no value, false when there must be one."""

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not (self.one_of or self.none_of or self.contains) and (self.at_least, self.below, self.is_missing) == (
            None,
            None,
            None,
        ):
            raise ValueError("say what the attribute must be: one_of, none_of, contains, at_least, below or is_missing")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError("at_least must lie below `below`, or nothing is in between")
        return self


class ProfileRule(Condition):
    """A rule by hand: points for an attribute, on a scale on which 20 points double the odds, or a letter outright."""

    subject: Literal["account", "lead", "both"] = "both"
    """Whether it holds for accounts, leads or both."""
    points: float | None = Field(default=None, ge=-1000, le=1000)
    """Points instead of those learned for the attribute; of several rules on an attribute the sum."""
    letter: Literal["A", "B", "C", "D", "E", "F"] | None = None
    """The letter whatever the points; of several the worst."""
    why: str = ""
    """Why it is so, for whoever reads it."""

    @model_validator(mode="after")
    def _gives_something(self) -> ProfileRule:
        if (self.points is None) == (self.letter is None):
            raise ValueError("give either points or a letter")
        return self


class SegmentRule(Section):
    """A segment by hand: records for which all conditions hold and no earlier segment's do."""

    name: str = Field(min_length=1)
    """Name of the segment in words."""
    where: tuple[Condition, ...] = Field(min_length=1)
    """Conditions; all must hold."""
    rep_category: str | None = None
    """Team or role that serves it; empty for the one that wins most there."""


class ProfileSettings(Section):
    """Who fits: the profile of those who buy, and the segments that they fall into."""

    use: Literal["learned", "hand", "both"] = "both"
    """Points learned from what was won and lost, from the rules by hand, or learned ones with the rules over them."""
    by: Literal["odds", "value"] = "odds"
    """Points tell the odds to buy, or what a record is worth: odds with each won one counted by its value."""
    rules: tuple[ProfileRule, ...] = ()
    """Rules by hand; where one holds, it replaces what was learned about its attribute."""
    leave_out: tuple[str, ...] = ()
    """Attributes that are not learned from, such as what is filled in after the outcome."""
    keep: tuple[str, ...] = ()
    """Attributes that are learned from although they look as if they were filled in after the outcome."""
    least_outcomes: int = Field(default=40, ge=10)
    """Won, and lost, records below which nothing is learned."""
    shrinkage: float = Field(default=20.0, gt=0)
    """Average records that a bin's own are mixed with: rare ones say little."""
    settled_days: int = Field(default=180, ge=1)
    """Days after which a lead that is still not converted counts as not converted."""
    suspicious: float = Field(default=1.5, gt=0)
    """Information value from which an attribute of the source is left out: so much is known after the outcome only."""
    shares: tuple[float, ...] = (0.90, 0.75, 0.50, 0.25, 0.10)
    """Shares of the records that fit worse, from which a record is A, B, C, D, E; below the last it is F."""
    least_points: tuple[float, ...] | None = None
    """Points from which a record is A, B, C, D, E, instead of shares."""
    segments: tuple[SegmentRule, ...] = ()
    """Segments by hand; without any, size × groups of industries that buy alike."""
    max_industry_groups: int = Field(default=3, ge=1, le=8)
    """Groups of industries that are told apart."""

    @field_validator("shares", "least_points")
    @classmethod
    def _five_falling(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and (len(value) != 5 or any(a <= b for a, b in pairwise(value))):
            raise ValueError("give five falling numbers: from where on A, B, C, D and E begin")
        return value
