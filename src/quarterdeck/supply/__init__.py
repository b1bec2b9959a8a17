"""Can we serve it? What sellers can close, what delivery, machines and suppliers can give, and what is short, when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarterdeck.supply.planning import plan as plan
    from quarterdeck.supply.sellers import capacity as capacity

__all__ = ["capacity", "plan"]

_HOMES = {"capacity": "quarterdeck.supply.sellers", "plan": "quarterdeck.supply.planning"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
