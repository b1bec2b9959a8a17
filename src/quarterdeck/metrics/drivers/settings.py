"""Settings of what moves deals: how long a period is, what counts as the beginning, how many deals are looked at."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class DriverSettings(Section):
    """What `deal_drivers` rests on."""

    first_days: int = Field(default=14, ge=1, le=90)
    """Days from a deal's creation that are its beginning; what was done in them is held against how the deal ends."""
    period_days: int = Field(default=28, ge=7, le=92)
    """Length of a period: what was done in one is held against what happens in the next."""
    horizon_days: int = Field(default=364, ge=28, le=1100)
    """Within how many days after its beginning a deal counts as won."""
    max_deals: int = Field(default=10_000, ge=500)
    """How many deals are looked at; of more, so many are drawn at random."""
    least_ends: int = Field(default=60, ge=20)
    """How many won, and how many lost, deals there must be before anything is said."""
    max_owners: int = Field(default=40, ge=0, le=200)
    """How many owners are told apart; the others share one level."""
    false_discoveries: float = Field(default=0.05, gt=0, lt=0.5)
    """Share of the findings called clear that may be chance."""


_SPANS = {7: "seven days", 14: "two weeks", 21: "three weeks", 28: "four weeks", 56: "eight weeks", 364: "a year"}


def span(days: int) -> str:
    """Days in words: 28 is four weeks."""
    return _SPANS.get(days, f"{days} days")
