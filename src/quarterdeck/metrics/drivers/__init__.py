"""What moves deals: inputs that go before stage progress, wins and losses."""

from __future__ import annotations

from quarterdeck.metrics.drivers.step import drivers

__all__ = ["drivers"]
