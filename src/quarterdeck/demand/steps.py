"""The steps `demand.fit` and `demand.simulate`."""

from __future__ import annotations

from quarterdeck.base.config import Config
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.demand import bookings, extrapolate
from quarterdeck.demand.bookings import Bookings
from quarterdeck.demand.combine import Weights, combine
from quarterdeck.demand.deals import Clock, hierarchy, prepare
from quarterdeck.demand.health import findings
from quarterdeck.demand.lines import draws_table, lines_table
from quarterdeck.demand.overrides import apply
from quarterdeck.demand.pipeline import PipelineModel, fitted
from quarterdeck.demand.settings import DemandSettings

MODEL = ("nodes", "demand_hazards", "demand_arrivals", "demand_amounts")


def fit(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Writes `nodes`, `bookings` of the past, how deals age (`demand_hazards`), how many come (`demand_arrivals`), what
    they bring (`demand_amounts`). A company without won deals has bookings from orders or invoices, and no odds."""
    deals = prepare(tables["opportunities"], config.company)
    names = dict(tables["products"].select("id", "name").iter_rows())
    past, notes = bookings.read(tables, deals, config)
    clock = Clock.at(config.today)
    if past.source != "deals":
        made = {name: empty(name) for name in MODEL} | {"nodes": hierarchy(past.rows, names)}
        return Result({**made, "bookings": past.table(clock)}, notes)
    model = PipelineModel.learn(deals, config.today, config.settings, config.company, names)
    made = {
        "nodes": model.nodes,
        "demand_hazards": model.hazards,
        "demand_arrivals": model.arrivals,
        "demand_amounts": model.amounts,
        "bookings": past.table(clock),
    }
    return Result(made, notes + findings(tables["opportunities"], deals, config))


def simulate(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Plays open and new deals forward and weighs them with the history of bookings, as `demand_weights` says.

    Writes `demand_draws` of the leaves and `demand_lines` of all nodes. Without weights the pipeline stands alone.
    """
    settings, nodes, clock = config.settings, tables["nodes"], Clock.at(config.today)
    past = Bookings.of_table(tables["bookings"], nodes, clock)
    weights = Weights.of_table(tables["demand_weights"], settings.horizon)
    by_deals = past.source == "deals"
    if by_deals:
        model = fitted(config, {name: tables[name] for name in MODEL})
        deals = prepare(tables["opportunities"], config.company)
        paths = model.paths(deals, settings.horizon, settings.draws, config.seed)
    if weights or not by_deals:
        history = extrapolate.simulate(past, nodes, clock, settings.horizon, settings.draws, config.seed)
        weights = weights or Weights.plain(settings.horizon, 0.0)
        paths = combine(paths if by_deals else history, history, weights)
    weights = weights or Weights.plain(settings.horizon)
    held = apply(paths, nodes, tables["overrides"])
    made = {
        "demand_draws": draws_table(paths, held),
        "demand_lines": lines_table(paths, held, nodes, 1.0 - weights.pipeline),
    }
    return Result({name: conform(name, frame) for name, frame in made.items()}, held.findings)
