"""Settings of the supply room."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class SupplySettings(Section):
    """How capacity is read from the records and how the plan weighs hires, overtime, delay and loss."""

    horizon: int = Field(default=6, ge=1, le=36)
    """Months to plan, the month of the as-of day first."""
    history_months: int = Field(default=12, ge=1)
    """Full months of closed deals that a seller's capacity is read from."""
    capacity_quantile: float = Field(default=0.8, gt=0, lt=1)
    """Which of a seller's own months counts as what the seller can close: 0.8 is the best but one of five."""
    prior_months: float = Field(default=4.0, ge=0)
    """Weight of the team's closings beside a seller's own, in months."""
    prior_deals: float = Field(default=20.0, gt=0)
    """Weight of the team's won share and deal size beside a seller's own, in closed deals."""
    ramp: tuple[float, ...] = Field(default=(0.0, 0.25, 0.5, 0.75, 1.0), min_length=1)
    """Share of full productivity in a seller's first months; the last holds from then on. The parameter `ramp` wins."""
    hiring_lead_months: int = Field(default=2, ge=0)
    """Months from the decision to hire until the person starts. The parameter `hiring_lead_months` wins."""
    hire_cost_months: float = Field(default=3.0, ge=0)
    """Cost of one hire in months of the person's cost, where no resource and no parameter `hire_cost` says it."""
    hire_cost_spread: int = Field(default=12, ge=1)
    """Months over which the decision spreads the one-off cost of a hire."""
    hire_months: int = Field(default=2, ge=1)
    """Months of the horizon in which a hire must at least be there; later hires are left to the next plan."""
    seller_cost_rate: float = Field(default=0.2, ge=0, le=1)
    """Monthly cost of a seller as a share of the bookings that one brings, where people have no cost."""
    hires_per_month: float | None = Field(default=None, ge=0)
    """Most people that the company can take in during a month, all resources together; empty for no limit."""
    margin: float = Field(default=0.6, gt=0, le=1)
    """Margin as a share of bookings for products without a unit cost."""
    delay_rate: float = Field(default=0.05, ge=0, le=1)
    """Share of the margin that a month of delay costs."""
    holding_rate: float = Field(default=0.02, ge=0, le=1)
    """Cost of keeping a unit in stock for a month, as a share of its cost."""
    draws: int = Field(default=25, ge=1)
    """Futures that the plan is optimised on, chosen to spread over each scenario's range."""
    short_from: float = Field(default=0.2, ge=0, le=1)
    """A resource is reported as short in a month from this share of futures on."""
    seconds: float = Field(default=60.0, gt=0)
    """Longest time to solve one scenario."""
