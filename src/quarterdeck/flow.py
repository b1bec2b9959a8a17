"""The data's way on one screen: every step in order, with the tables that it reads and writes.

`quarterdeck steps`, the picture in the docs and the run itself are made from this list. A table is a fact (from the
records' view), a decision, or written by exactly one earlier step.
"""

from __future__ import annotations

from quarterdeck.base.step import Step

DEALS = ("opportunities", "accounts", "people", "products")

STEPS: tuple[Step, ...] = (
    Step(
        name="quality.check",
        title="Is the data right?",
        function="quarterdeck.quality:check",
        reads=(
            *DEALS,
            "contacts",
            "leads",
            "opportunity_lines",
            "opportunity_history",
            "activities",
            "orders",
            "invoices",
            "targets",
            "resources",
            "recipes",
            "events",
            "fx_rates",
            "holidays",
            "stock",
            "tools",
            "onboarding_steps",
            "training",
            "channels",
        ),
        writes=("errors", "fixes"),
        section="quality",
    ),
    Step(
        name="metrics.measure",
        title="What does it say?",
        function="quarterdeck.metrics:measure_step",
        reads=(*DEALS, "leads", "activities", "targets"),
        writes=("metric_values",),
        section="metrics",
    ),
    Step(
        name="scoring.score",
        title="Who will buy?",
        function="quarterdeck.scoring:score",
        reads=("opportunities", "accounts", "products", "opportunity_history", "activities"),
        writes=("scores",),
        section="scoring",
    ),
    Step(
        name="demand.fit",
        title="How do deals age, how many come, what do they bring?",
        function="quarterdeck.demand:fit",
        reads=("opportunities", "products"),
        writes=("nodes", "demand_hazards", "demand_arrivals", "demand_amounts"),
        section="demand",
    ),
    Step(
        name="demand.simulate",
        title="How much, of what, where and when?",
        function="quarterdeck.demand:simulate",
        reads=("opportunities", "nodes", "demand_hazards", "demand_arrivals", "demand_amounts", "overrides"),
        writes=("demand_draws", "demand_lines"),
        section="demand",
    ),
    Step(
        name="demand.backtest",
        title="Would it have been right before?",
        function="quarterdeck.demand:backtest",
        reads=("opportunities", "opportunity_history"),
        writes=("demand_accuracy",),
        section="demand",
    ),
    Step(
        name="reconcile.frame",
        title="What is aimed at, and which futures count?",
        function="quarterdeck.reconcile:frame",
        reads=("opportunities", "targets", "nodes", "demand_draws", "overrides"),
        writes=("plan_targets", "scenarios"),
        section="reconcile",
    ),
    Step(
        name="supply.capacity",
        title="What can each seller close?",
        function="quarterdeck.supply:capacity",
        reads=("opportunities", "people", "days"),
        writes=("seller_capacity",),
        section="supply",
        parameters=("ramp",),
    ),
    Step(
        name="supply.plan",
        title="Can we serve it?",
        function="quarterdeck.supply:plan",
        reads=(
            "opportunities",
            "people",
            "products",
            "resources",
            "recipes",
            "stock",
            "sites",
            "orders",
            "nodes",
            "demand_draws",
            "scenarios",
            "seller_capacity",
        ),
        writes=("supply_lines",),
        section="supply",
        parameters=("ramp", "hire_cost", "hiring_lead_months"),
    ),
    Step(
        name="execute.territory",
        title="Who looks after whom?",
        function="quarterdeck.execute.territory:design",
        reads=("opportunities", "accounts", "people", "scores", "seller_capacity"),
        writes=("territories",),
        section="territory",
    ),
    Step(
        name="execute.quota",
        title="Who carries which part of the target?",
        function="quarterdeck.execute.quota:design",
        reads=("people", "plan_targets", "seller_capacity", "territories"),
        writes=("quotas",),
        section="quota",
    ),
    Step(
        name="execute.commission",
        title="What does it pay, to the cent?",
        function="quarterdeck.execute.commission:design",
        reads=("opportunities", "quotas", "scenarios", "nodes", "demand_draws"),
        writes=("pay_lines",),
        section="commission",
        parameters=("pay_plan",),
    ),
    Step(
        name="reconcile.plan",
        title="Which plan?",
        function="quarterdeck.reconcile:plan",
        reads=(
            "products",
            "people",
            "opportunities",
            "recipes",
            "nodes",
            "demand_draws",
            "scenarios",
            "plan_targets",
            "seller_capacity",
            "supply_lines",
            "quotas",
            "pay_lines",
        ),
        writes=("plan_lines", "plan_options"),
        section="reconcile",
        parameters=("ramp", "hire_cost", "hiring_lead_months"),
    ),
    Step(
        name="review.compare",
        title="What came of what was promised?",
        function="quarterdeck.review:compare",
        reads=("opportunities", "promises", "demand_accuracy", "nodes"),
        writes=("variances",),
        section="review",
    ),
)

SECTIONS: dict[str, str] = {
    "quality": "quarterdeck.quality.settings:QualitySettings",
    "metrics": "quarterdeck.metrics.settings:MetricsSettings",
    "scoring": "quarterdeck.scoring.settings:ScoringSettings",
    "demand": "quarterdeck.demand.settings:DemandSettings",
    "supply": "quarterdeck.supply.settings:SupplySettings",
    "reconcile": "quarterdeck.reconcile.settings:ReconcileSettings",
    "territory": "quarterdeck.execute.territory.settings:TerritorySettings",
    "quota": "quarterdeck.execute.quota.settings:QuotaSettings",
    "commission": "quarterdeck.execute.commission.settings:CommissionSettings",
    "review": "quarterdeck.review.settings:ReviewSettings",
}
"""Where each section of `quarterdeck.yaml` is defined, as `module:class`."""

SHELVES: dict[str, str] = {
    "metrics": "quarterdeck.metrics.catalogue:METRICS",
    "checks": "quarterdeck.quality.catalogue:CHECKS",
}
"""Where the entries of a room's shelf are, as `module:name`; the reference is made from them."""
