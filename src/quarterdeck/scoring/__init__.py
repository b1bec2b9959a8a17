"""Who will buy: odds, grade and reasons for each open deal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarterdeck.scoring.scorer import LeadScorer
    from quarterdeck.scoring.step import score

__all__ = ["LeadScorer", "score"]


def __getattr__(name: str) -> Any:
    # scikit-learn takes seconds to import: it waits until it is needed.
    if name == "score":
        from quarterdeck.scoring.step import score

        return score
    if name == "LeadScorer":
        from quarterdeck.scoring.scorer import LeadScorer

        return LeadScorer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
