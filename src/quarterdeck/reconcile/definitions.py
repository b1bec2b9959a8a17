"""What each line of the plan means, in the words of its users."""

from __future__ import annotations

LINES: dict[str, str] = {
    "bookings": (
        "Bookings that can be served: in each future the smaller of what the market would take and what sellers (with "
        "the plan's hires) and delivery can do, then the mean of the scenario's futures. The gap is to the target, of "
        "a product to its demand."
    ),
    "target": "What is aimed at, typed or assumed; show plan_targets says which and where it comes from.",
    "capacity": (
        "Deals that the sellers can close, from each one's own record and ramp, with the plan's hires, against the "
        "deals that must be closed, won or lost, to win what is demanded. Money is what closing all would bring."
    ),
    "hires": "People whom the supply plan hires, in the month in which they are decided on.",
    "hours": "What a delivery resource has in a month against what sold and expected deals ask of it.",
    "supply_cost": "Cost of the plan's hires, overtime and purchases.",
    "pay_cost": "Variable pay by the rules of the pay plan on the scenario's bookings: the mean of its futures.",
    "odds": (
        "Odds that the target of the whole horizon is reached, as shares of the scenario's futures: under demand by "
        "what the market would take, under supply by what can be served. One row a scenario, at the first month."
    ),
    "margin": (
        "Bookings that can be served, less the products' unit cost, variable pay, and the cost of hires and overtime. "
        "A product without a unit cost counts as costing nothing."
    ),
}
