"""The step that measures: the table of values, and the targets that were kept or missed."""

from __future__ import annotations

from quarterdeck.base.config import Config
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.metrics import alerts, engine
from quarterdeck.metrics.catalogue import catalogue_of
from quarterdeck.metrics.scope import Scope
from quarterdeck.metrics.settings import MetricsSettings


def measure_step(tables: Tables, config: Config[MetricsSettings]) -> Result:
    """All metrics that the tables can tell, for the settings' dimensions and grains, and those that have a target.

    Writes `metric_values` and `target_lines`; a target missed several periods running is a finding.
    """
    settings = config.settings
    catalogue = catalogue_of(settings)
    scope = Scope(tables, config.company, config.as_of, settings)
    chosen = [metric for metric in catalogue.metrics.values() if engine.is_measurable(metric, tables)]
    values = engine.evaluate(scope, catalogue, chosen, settings.dimensions, settings.grains)
    aimed = alerts.lines(scope, catalogue)
    found = [*engine.findings(scope, catalogue, chosen), *alerts.findings(scope, catalogue, aimed, settings.targets)]
    return Result({"metric_values": values, "target_lines": aimed}, found)
