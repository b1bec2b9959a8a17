"""Who looks after whom: accounts and cells of deals given to sellers, balanced, with as few moves as that takes."""

from quarterdeck.execute.territory.assignment import Assignment, assign
from quarterdeck.execute.territory.design import design
from quarterdeck.execute.territory.settings import TerritorySettings

__all__ = ["Assignment", "TerritorySettings", "assign", "design"]
