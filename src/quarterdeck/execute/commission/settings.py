"""Settings of the section `commission`."""

from __future__ import annotations

from pydantic import Field

from quarterdeck.base.config import Section


class CommissionSettings(Section):
    """What is paid and what the plan's futures would cost."""

    paid_months: int = Field(default=3, ge=0, le=36)
    """Complete months whose closed deals are paid out line by line, besides the current one."""
    draws: int = Field(default=50, ge=1)
    """Futures of each scenario on which pay is computed; the expected cost is their mean."""
