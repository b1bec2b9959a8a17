"""All metrics, in the order in which they are shown, and the measures and stocks that they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.schema import table
from quarterdeck.metrics import (
    accounts,
    activities,
    aims,
    changes,
    customers,
    invoices,
    leads,
    lines,
    orders,
    people,
    pipeline,
    sales,
)
from quarterdeck.metrics.entities import ENTITIES, Entity
from quarterdeck.metrics.expression import parents
from quarterdeck.metrics.metric import DIMENSIONS, GIVEN, TOTAL, Measure, Metric, Stock
from quarterdeck.metrics.own import OwnMetric, metric_of, prepare
from quarterdeck.metrics.settings import MetricsSettings

_SHELF = (sales, pipeline, aims, lines, changes, leads, activities, people, customers, orders, invoices, accounts)

YEAR_BEFORE = "__year_before"
"""What a measure's name bears in a formula that asks for its sum in the same period of the year before."""


@dataclass(frozen=True)
class Catalogue:
    """Metrics by name, with everything that they are made of."""

    metrics: dict[str, Metric]
    measures: dict[str, Measure]
    stocks: dict[str, Stock]
    entities: dict[str, Entity] = field(default_factory=lambda: ENTITIES)

    def metric(self, name: str) -> Metric:
        """The metric of that name; raises with a remedy when there is none."""
        try:
            return self.metrics[name]
        except KeyError:
            raise QuarterdeckError(f"There is no metric {name!r}; {did_you_mean(name, self.metrics)}") from None

    def measures_of(self, metrics: Iterable[Metric]) -> tuple[Measure, ...]:
        """The measures that the metrics and their stocks are made of, each once."""
        found: dict[str, Measure] = {}
        for metric in metrics:
            for name in metric.names:
                for part in self._parts(name):
                    found[part] = self.measures[part]
        return tuple(found.values())

    def _parts(self, name: str) -> tuple[str, ...]:
        plain = name.removesuffix(YEAR_BEFORE)
        stock = self.stocks.get(plain) or self.stocks.get(plain.removesuffix("_before"))
        if stock:
            return tuple(part for part in (stock.enters, stock.leaves) if part)
        return () if plain in GIVEN else (plain,)

    def dimensions(self, metric: Metric) -> tuple[str, ...]:
        """What a metric can be cut by: the total, and what all of its entities have."""
        entities = {measure.entity for measure in self.measures_of([metric])}
        shared = [name for name in DIMENSIONS if all(name in self.entities[entity].dimensions for entity in entities)]
        return (TOTAL, *shared)


METRICS: dict[str, Metric] = {metric.name: metric for module in _SHELF for metric in module.METRICS}
BUILT_IN = Catalogue(
    metrics=METRICS,
    measures={measure.name: measure for module in _SHELF for measure in getattr(module, "MEASURES", ())},
    stocks={stock.name: stock for module in _SHELF for stock in getattr(module, "STOCKS", ())},
)


def catalogue_of(settings: MetricsSettings) -> Catalogue:
    """The built-in metrics and the company's own."""
    if not settings.own:
        return BUILT_IN
    metrics, measures, entities = dict(BUILT_IN.metrics), dict(BUILT_IN.measures), dict(BUILT_IN.entities)
    for own in settings.own:
        metric, parts = metric_of(own)
        metrics[own.name] = metric
        measures |= {part.name: part for part in parts}
        entities[metric.entity] = _entity(own)
    return Catalogue(metrics, measures, BUILT_IN.stocks, entities)


def _entity(own: OwnMetric) -> Entity:
    """The entity of an own metric: its table, with those dimensions that its rows or their one parent tell."""
    names = table(own.entity).names
    places = {"owner": "owner_id", "product": "product_id"}
    here = {name: places.get(name, name) for name in DIMENSIONS if places.get(name, name) in names}
    further: dict[str, tuple[str, str]] = {}
    reached = parents(own.entity)
    for parent in ("products", "accounts", "people", "leads"):
        for name in DIMENSIONS:
            if parent in reached and name not in here and name in table(parent).names and name != "source":
                further.setdefault(name, (parent, reached[parent]))
    return Entity(
        f"own:{own.name}", own.entity, lambda scope, by: prepare(own, scope, by, (here, further)), here, further
    )
