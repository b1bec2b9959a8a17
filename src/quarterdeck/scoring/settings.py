"""Settings of the section `scoring`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quarterdeck.base.config import Section


class ScoringSettings(Section):
    """How open deals and leads are scored."""

    model: Literal["auto", "boosting", "logistic", "base"] = "auto"
    """`auto` takes the one that foretells later deals best, and the odds by age (`base`) unless another beats them."""
    min_closed: int = Field(default=200, ge=20)
    """Closed deals below which only the odds by age are used."""
    min_converted: int = Field(default=100, ge=20)
    """Converted leads below which only the odds by age are used."""
    known_late: tuple[str, ...] = ()
    """Columns of leads that are known only once their outcome is; they are left out of the odds."""
    known_early: tuple[str, ...] = ()
    """Columns of leads that are known before their outcome, whatever evidence there is against it."""
    max_snapshots: int = Field(default=200_000, ge=1_000)
    """Moments of past deals to learn from, at most."""
    snapshot_days: int = Field(default=30, ge=5, le=180)
    """Days between two moments at which a past deal is looked at."""
    recent_days: int = Field(default=30, ge=1, le=365)
    """Days over which activities count as recent."""
