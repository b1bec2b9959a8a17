"""The step that tells how the pipeline moved: waterfalls, funnels and cohorts for the report."""

from __future__ import annotations

from quarterdeck.base.calendar import Grain
from quarterdeck.base.config import Config
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import cohorts, flows, waterfall
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import MetricsSettings

GRAINS: tuple[Grain, ...] = ("month", "quarter")


def flow_step(tables: Tables, config: Config[MetricsSettings]) -> Result:
    """The tables `flow_lines`, `funnel_lines` and `cohort_lines`, for the total and the settings' flow dimensions."""
    names = ("flow_lines", "funnel_lines", "cohort_lines")
    if not tables.has("opportunities"):
        return Result({name: empty(name) for name in names})
    settings = config.settings
    scope = Scope(tables, config.company, config.as_of, settings)
    by = settings.flow_dimensions
    funnels = flows.lines(scope, by, ("quarter", "all"))
    return Result(
        {
            "flow_lines": conform("flow_lines", waterfall.lines(scope, by, GRAINS, settings.flow_months)),
            "funnel_lines": conform("funnel_lines", funnels),
            "cohort_lines": conform("cohort_lines", cohorts.lines(scope, by[:1], settings.flow_months)),
        }
    )
