"""What do the records say? The metric catalogue and its engine.

`measure_step` and `flow_step` are the steps of the flow, `measure` the same on anybody's frames, `records` what is
behind a figure; `waterfall`, `flow_between` and `funnel` tell what moved.
"""

from __future__ import annotations

from quarterdeck.metrics.catalogue import METRICS, catalogue_of
from quarterdeck.metrics.flow_step import flow_step
from quarterdeck.metrics.flows import flow, flow_between, funnel
from quarterdeck.metrics.library import add_up, measure, records, records_in
from quarterdeck.metrics.measuring import measure_step
from quarterdeck.metrics.metric import DIMENSIONS, Metric
from quarterdeck.metrics.settings import MetricsSettings
from quarterdeck.metrics.waterfall import waterfall, waterfall_deals

__all__ = [
    "DIMENSIONS",
    "METRICS",
    "Metric",
    "MetricsSettings",
    "add_up",
    "catalogue_of",
    "flow",
    "flow_between",
    "flow_step",
    "funnel",
    "measure",
    "measure_step",
    "records",
    "records_in",
    "waterfall",
    "waterfall_deals",
]
