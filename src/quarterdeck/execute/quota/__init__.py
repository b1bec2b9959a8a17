"""Who carries which part of the target: quotas that add up to it exactly."""

from quarterdeck.execute.quota.settings import QuotaSettings
from quarterdeck.execute.quota.step import design

__all__ = ["QuotaSettings", "design"]
