"""Settings of the section `quota`."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class QuotaSettings(Section):
    """How a target is shared among sellers."""

    potential_weight: float = Field(default=0.3, ge=0, le=1)
    """Weight of the territory's potential; the rest is what the seller can close, ramp included."""
    stretch_rate: float = Field(default=0.1, ge=0)
    """A region whose quotas exceed its sellers' capacity by more than this is reported."""
