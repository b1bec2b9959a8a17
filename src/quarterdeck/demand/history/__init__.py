"""Demand from its own history: series of orders or bookings, forecast, reconciled and explained."""

from quarterdeck.demand.history.forecasting import Options, PanelForecast, forecast_panel

__all__ = ["Options", "PanelForecast", "forecast_panel"]
