"""What came of what was promised: the latest plan, or the forecast that would have been one, against what happened."""

from quarterdeck.review.compare import compare
from quarterdeck.review.settings import ReviewSettings

__all__ = ["ReviewSettings", "compare"]
