"""How much, of what, where and when: sample paths of bookings from open deals and new business."""

from quarterdeck.demand.backtest import backtest
from quarterdeck.demand.history import forecast_hierarchy
from quarterdeck.demand.pipeline import PipelineModel
from quarterdeck.demand.series import forecast_series
from quarterdeck.demand.steps import fit, simulate

__all__ = ["PipelineModel", "backtest", "fit", "forecast_hierarchy", "forecast_series", "simulate"]
