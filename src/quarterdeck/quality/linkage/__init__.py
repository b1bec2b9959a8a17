"""Which records are one? Probabilistic record linkage, as a library and as a step."""

from __future__ import annotations

from quarterdeck.quality.linkage.records import Linkage, link_records

__all__ = ["Linkage", "link_records"]
