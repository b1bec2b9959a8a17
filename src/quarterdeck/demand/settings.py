"""Settings of the section `demand`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quarterdeck.base.config import Section


class DemandSettings(Section):
    """How bookings are forecast."""

    horizon: int = Field(default=6, ge=1, le=36)
    """Months to forecast; the first is the month in which as_of lies."""
    draws: int = Field(default=500, ge=50, le=10_000)
    """Joint sample paths."""
    segment_by: Literal["auto", "none", "product", "region"] = "auto"
    """Groups of deals that get odds of their own, shrunk towards those of all; `auto` takes those that differ most."""
    max_age: int = Field(default=18, ge=2, le=60)
    """Months after which a deal's age no longer matters."""
    max_history: int = Field(default=36, ge=6, le=240)
    """Past months that the odds and the arrivals are learned from."""
    amount_sample: int = Field(default=200, ge=10, le=5_000)
    """Values of won deals kept for each node."""
    min_amounts: int = Field(default=20, ge=1)
    """Won deals that a node needs for values of its own; with fewer it borrows from its product, then from all."""
    max_leaves: int = Field(default=120, ge=4, le=5_000)
    """Leaves (product and region) where bookings come from orders; what brings little is taken together."""
    origins: int = Field(default=3, ge=1, le=24)
    """Earlier dates at which the forecast is made again."""
    origin_step: int = Field(default=3, ge=1, le=12)
    """Months between those dates; less when the history is short."""
    min_history: int = Field(default=3, ge=2)
    """Months with closed deals that an earlier forecast needs before it."""
    stale_days: int = Field(default=45, ge=1)
    """Days without a new or closed deal before as_of after which the data count as stale."""
