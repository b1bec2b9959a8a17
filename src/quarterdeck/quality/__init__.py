"""Is the data right? Checks of the records, each finding with its fix."""

from __future__ import annotations

from quarterdeck.quality.catalogue import CHECKS, catalogue
from quarterdeck.quality.check import Check
from quarterdeck.quality.engine import check
from quarterdeck.quality.linkage.records import Linkage, link_records
from quarterdeck.quality.linkage.step import link
from quarterdeck.quality.missing import INPUTS
from quarterdeck.quality.trend import trend

__all__ = ["CHECKS", "INPUTS", "Check", "Linkage", "catalogue", "check", "link", "link_records", "trend"]
