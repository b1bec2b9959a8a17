"""What selling pays: a pay plan written as data, computed to the minor unit, with a reason for each line."""

from quarterdeck.execute.commission.earnings import pay
from quarterdeck.execute.commission.plan import Plan, parse
from quarterdeck.execute.commission.settings import CommissionSettings
from quarterdeck.execute.commission.step import design

__all__ = ["CommissionSettings", "Plan", "design", "parse", "pay"]
