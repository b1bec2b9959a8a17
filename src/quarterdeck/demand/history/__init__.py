"""Demand from its own history: series of orders or bookings, forecast, reconciled and explained."""

from quarterdeck.demand.history.forecasting import Options, PanelForecast, forecast_panel
from quarterdeck.demand.history.hierarchy import HierarchyForecast, forecast_hierarchy

__all__ = ["HierarchyForecast", "Options", "PanelForecast", "forecast_hierarchy", "forecast_panel"]
