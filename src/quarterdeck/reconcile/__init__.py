"""Which plan? Targets, scenarios, the gap between target and what can be served, and the ways to close it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarterdeck.reconcile.framing import frame as frame
    from quarterdeck.reconcile.planning import plan as plan

__all__ = ["frame", "plan"]

_HOMES = {"frame": "quarterdeck.reconcile.framing", "plan": "quarterdeck.reconcile.planning"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
