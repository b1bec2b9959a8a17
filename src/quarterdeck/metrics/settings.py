"""Settings of the metrics: which dimensions, which periods, how far back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import did_you_mean
from quarterdeck.metrics.aimed import MetricTarget
from quarterdeck.metrics.metric import DIMENSIONS
from quarterdeck.metrics.own import OwnMetric

Grain = Literal["week", "month", "quarter", "year", "all"]


class MetricsSettings(Section):
    """Which figures `metric_values` holds."""

    dimensions: tuple[str, ...] = ("region", "owner", "product", "industry")
    """What the metrics are cut by, beside the total: region, owner, product, family, industry, segment, kind, channel,
    team, country, pipeline, source."""
    grains: tuple[Grain, ...] = ("month", "quarter", "year", "all")
    """Lengths of period: week, month, quarter and year of the fiscal calendar, and all."""
    months: int | None = Field(default=None, ge=1)
    """How many months of history to give, the current one included; all when empty."""
    customer_days: int = Field(default=365, ge=1)
    """Days for which a company stays a customer after its last purchase."""
    ramp_months: int = Field(default=6, ge=0)
    """Months from a seller's first day to full productivity, for the head-count that is ramped."""

    flow_dimensions: tuple[str, ...] = ("region", "owner")
    """What waterfalls and funnels are cut by, beside the total; cohorts by the first of them."""
    flow_months: int = Field(default=24, ge=1, le=120)
    """How many months back waterfalls and cohorts go."""
    own: tuple[OwnMetric, ...] = ()
    """The company's own metrics."""

    targets: tuple[MetricTarget, ...] = ()
    """What metrics should be, and when missing it is told."""

    @field_validator("dimensions", "flow_dimensions")
    @classmethod
    def _dimensions_exist(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name != "all" and name not in DIMENSIONS:
                raise ValueError(f"there is no dimension {name!r}; {did_you_mean(name, DIMENSIONS)}")
        return value

    @field_validator("own")
    @classmethod
    def _own_names_are_new(cls, value: tuple[OwnMetric, ...]) -> tuple[OwnMetric, ...]:
        from quarterdeck.metrics.catalogue import METRICS

        seen = set(METRICS)
        for entry in value:
            if entry.name in seen:
                raise ValueError(f"there is a metric {entry.name!r} already; choose another name")
            seen.add(entry.name)
        return value

    @model_validator(mode="after")
    def _targets_are_of_metrics(self) -> MetricsSettings:
        from quarterdeck.metrics.catalogue import catalogue_of

        if self.targets:
            catalogue = catalogue_of(self)
            for aim in self.targets:
                if aim.metric not in catalogue.metrics:
                    raise ValueError(
                        f"there is no metric {aim.metric!r}; {did_you_mean(aim.metric, catalogue.metrics)}"
                    )
                if aim.dimension not in catalogue.dimensions(catalogue.metric(aim.metric)):
                    raise ValueError(f"{aim.metric} is not measured by {aim.dimension}")
        return self
