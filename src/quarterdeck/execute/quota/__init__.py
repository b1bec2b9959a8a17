"""Who carries which part of the target: quotas that add up to it exactly."""

from quarterdeck.execute.quota.design import design
from quarterdeck.execute.quota.settings import QuotaSettings

__all__ = ["QuotaSettings", "design"]
