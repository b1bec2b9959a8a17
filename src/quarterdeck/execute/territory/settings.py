"""Settings of the section `territory`."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class TerritorySettings(Section):
    """How sellers share the work."""

    tolerance: float = Field(default=0.15, gt=0, le=1)
    """How far a seller's load or potential may lie from the fair share, as a part of it."""
    window_months: int = Field(default=6, ge=1, le=36)
    """Months of new deals that tell how many a member brings a month."""
    stale_days: int = Field(default=180, ge=1)
    """Age from which an open deal takes little work."""
    stale_weight: float = Field(default=0.25, ge=0, le=1)
    """Work of a stale or undated open deal, as a part of a live one's."""
    main_region_share: float = Field(default=0.8, gt=0.5, le=1)
    """An account with a smaller share of its deals in one region is looked after region by region."""
    exact_pairs: int = Field(default=300, ge=0)
    """Up to so many sellers times members in a region the solver seeks the proven best; above it a local search."""
    seconds: float = Field(default=5.0, gt=0)
    """Time for the solver in each region; the local search's answer holds when the proof takes longer."""
    team_size: int = Field(default=60, ge=2)
    """A region with more sellers is cut into teams of up to so many, and its members dealt out to them first."""
