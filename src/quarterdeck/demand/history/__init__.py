"""Demand from its own history: series of orders or bookings, forecast, reconciled and explained."""

from quarterdeck.demand.history.forecasting import Options, PanelForecast, forecast_panel
from quarterdeck.demand.history.hierarchy import HierarchyForecast, forecast_hierarchy
from quarterdeck.demand.history.launches import forecast_launches
from quarterdeck.demand.history.seasonality import heat_map, seasonality

__all__ = [
    "HierarchyForecast",
    "Options",
    "PanelForecast",
    "forecast_hierarchy",
    "forecast_launches",
    "forecast_panel",
    "heat_map",
    "seasonality",
]
