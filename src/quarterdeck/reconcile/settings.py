"""Settings of the reconcile room."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class ReconcileSettings(Section):
    """How targets are assumed, scenarios cut and options weighed."""

    growth: float = Field(default=0.10, gt=-1)
    """Growth on last year's month where nobody typed a target."""
    tail: float = Field(default=0.25, gt=0, le=0.5)
    """Share of the futures that make the best and the worst scenario."""
    ramp: tuple[float, ...] = Field(default=(0.0, 0.25, 0.5, 0.75, 1.0), min_length=1)
    """Share of full productivity in a seller's first months. The parameter `ramp` wins."""
    hiring_lead_months: int = Field(default=2, ge=0)
    """Months from the decision to hire until the person starts. The parameter `hiring_lead_months` wins."""
    hire_cost_months: float = Field(default=3.0, ge=0)
    """Cost of one hire in months of the person's cost, where no parameter `hire_cost` says it."""
    seller_cost_rate: float = Field(default=0.2, ge=0, le=1)
    """Monthly cost of a seller as a share of the bookings that one brings, where people have no cost."""
    margin: float = Field(default=0.6, gt=0, le=1)
    """Margin as a share of bookings for products without a unit cost."""
    hire_share: float = Field(default=0.25, gt=0, le=1)
    """Most sellers that the option to hire may add, as a share of the team."""
    pipeline_share: float = Field(default=0.3, gt=0, le=2)
    """Most new deals that the option of more pipeline may add, as a share of today's."""
