"""What came of what was promised: the latest plan, or the forecast that would have been one, against what happened."""

from quarterdeck.review.settings import ReviewSettings
from quarterdeck.review.variance import compare

__all__ = ["ReviewSettings", "compare"]
