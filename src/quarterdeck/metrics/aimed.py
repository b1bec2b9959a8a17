"""What a company aims a metric at: a bound by period, and how long it may be missed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from quarterdeck.base.config import Section
from quarterdeck.metrics.metric import DIMENSIONS, TOTAL


class MetricTarget(Section):
    """A bound that a metric should keep in every period."""

    metric: str
    """Name of the metric, built-in or own."""
    dimension: str = TOTAL
    """What it is cut by; all for the whole company."""
    member: str = TOTAL
    """Which member of the dimension; all for each of them."""
    at_least: float | None = None
    """The value should not be below; money in major units, rates as 0.25."""
    at_most: float | None = None
    """The value should not be above."""
    grain: Literal["week", "month", "quarter", "year"] = "month"
    """Length of the periods that are looked at."""
    periods: int = Field(default=2, ge=1, le=52)
    """How many finished periods in a row may not miss it: with 2 weeks, below target two weeks running is told."""
    severity: Literal["error", "warning", "notice"] = "warning"
    """How bad that is."""
    owner: str | None = None
    """Who is told: people.id."""

    @model_validator(mode="after")
    def _is_whole(self) -> MetricTarget:
        if self.at_least is None and self.at_most is None:
            raise ValueError("write at_least or at_most")
        if self.dimension != TOTAL and self.dimension not in DIMENSIONS:
            raise ValueError(f"there is no dimension {self.dimension!r}; known: {', '.join(DIMENSIONS)}")
        if self.dimension == TOTAL and self.member != TOTAL:
            raise ValueError("a member wants its dimension")
        return self
