"""All metrics, in the order in which they are shown, and the measures and stocks that they are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
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
from quarterdeck.metrics.metric import DIMENSIONS, GIVEN, TOTAL, Measure, Metric, Stock

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


def catalogue_of(settings: object) -> Catalogue:
    """The built-in metrics and the company's own."""
    return BUILT_IN
