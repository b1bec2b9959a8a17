"""Settings of the section `review`."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class ReviewSettings(Section):
    """How promises are held against what came."""

    usual_months: int = Field(default=12, ge=1)
    """Months before the promise that tell a product's usual deal."""
    miss_rate: float = Field(default=0.1, ge=0)
    """A completed month so far below its promise, and below its interval, is reported as missed."""
