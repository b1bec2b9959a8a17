"""Who looks after whom: accounts and cells of deals given to sellers, balanced, with as few moves as that takes."""

from quarterdeck.execute.territory.assignment import Assignment, assign
from quarterdeck.execute.territory.settings import TerritorySettings
from quarterdeck.execute.territory.step import design

__all__ = ["Assignment", "TerritorySettings", "assign", "design"]
