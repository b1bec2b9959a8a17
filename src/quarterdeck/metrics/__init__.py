"""What do the records say? The metric catalogue and its engine."""

from __future__ import annotations

from quarterdeck.metrics.catalogue import METRICS
from quarterdeck.metrics.engine import measure_step
from quarterdeck.metrics.metric import Metric

__all__ = ["METRICS", "Metric", "measure_step"]
