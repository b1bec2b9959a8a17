"""What the page holds, in the order of the loop."""

from __future__ import annotations

from quarterdeck.interfaces.report import actions, demand, front, measures, plan, quality, scoring
from quarterdeck.interfaces.report.page import Page
from quarterdeck.interfaces.report.source import Source

SECTIONS = (
    quality.quality,
    measures.metrics,
    scoring.scoring,
    demand.demand,
    plan.supply,
    plan.reconcile,
    actions.execute,
    actions.review,
)
"""Each makes its room's section from the source."""


def page(source: Source) -> Page:
    """The page of a run."""
    return Page(front.front(source), tuple(section(source) for section in SECTIONS))
