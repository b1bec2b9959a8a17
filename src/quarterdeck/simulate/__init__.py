"""A company whose truth is known, at any size: demonstration, tests and benchmarks use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.simulate.spec import PRESETS, Decisions, Hire, Shock, SupplierOrder, WorldSpec

if TYPE_CHECKING:
    from quarterdeck.simulate.export import Manifest, write
    from quarterdeck.simulate.world import World

__all__ = ["PRESETS", "Decisions", "Hire", "Manifest", "Shock", "SupplierOrder", "World", "WorldSpec", "write"]

_LATE = {
    "World": "quarterdeck.simulate.world",
    "write": "quarterdeck.simulate.export",
    "Manifest": "quarterdeck.simulate.export",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATE[name]), name)
