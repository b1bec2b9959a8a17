"""What do the records say? The metric catalogue and its engine.

`measure_step` is the step of the flow, `measure` the same on anybody's frames, `records` what is behind a figure.
"""

from __future__ import annotations

from quarterdeck.metrics.catalogue import METRICS
from quarterdeck.metrics.engine import measure_step
from quarterdeck.metrics.library import measure, records
from quarterdeck.metrics.metric import DIMENSIONS, Metric

__all__ = ["DIMENSIONS", "METRICS", "Metric", "measure", "measure_step", "records"]
