"""All metrics, in the order in which they are shown, and the measures and stocks that they are made of."""

from __future__ import annotations

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.metrics import aims, leads, pipeline, sales
from quarterdeck.metrics.metric import Measure, Metric, Stock

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*sales.METRICS, *pipeline.METRICS, *aims.METRICS, *leads.METRICS)
}
MEASURES: dict[str, Measure] = {
    measure.name: measure for measure in (*sales.MEASURES, *pipeline.MEASURES, *leads.MEASURES)
}
STOCKS: tuple[Stock, ...] = pipeline.STOCKS


def metric(name: str) -> Metric:
    """The metric of that name; raises with a remedy when there is none."""
    try:
        return METRICS[name]
    except KeyError:
        raise QuarterdeckError(f"There is no metric {name!r}; {did_you_mean(name, METRICS)}") from None
