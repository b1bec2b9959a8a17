"""The steps `demand.fit` and `demand.simulate`."""

from __future__ import annotations

from quarterdeck.base.config import Config
from quarterdeck.base.schema import conform
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.demand.deals import prepare
from quarterdeck.demand.health import findings
from quarterdeck.demand.lines import draws_table, lines_table
from quarterdeck.demand.overrides import apply
from quarterdeck.demand.pipeline import PipelineModel, fitted
from quarterdeck.demand.settings import DemandSettings


def fit(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Writes `nodes`, how deals age (`demand_hazards`), how many come (`demand_arrivals`), what they bring."""
    deals = prepare(tables["opportunities"], config.company)
    names = dict(tables["products"].select("id", "name").iter_rows())
    model = PipelineModel.learn(deals, config.today, config.settings, config.company, names)
    made = {
        "nodes": model.nodes,
        "demand_hazards": model.hazards,
        "demand_arrivals": model.arrivals,
        "demand_amounts": model.amounts,
    }
    return Result(made, findings(tables["opportunities"], deals, config))


def simulate(tables: Tables, config: Config[DemandSettings]) -> Result:
    """Plays open and new deals forward: `demand_draws` of the leaves and `demand_lines` of all nodes."""
    settings = config.settings
    deals = prepare(tables["opportunities"], config.company)
    names = ("nodes", "demand_hazards", "demand_arrivals", "demand_amounts")
    model = fitted(config, {name: tables[name] for name in names})
    paths = model.paths(deals, settings.horizon, settings.draws, config.seed)
    held = apply(paths, model.nodes, tables["overrides"])
    made = {
        "demand_draws": draws_table(paths, held),
        "demand_lines": lines_table(paths, held, model.nodes),
    }
    return Result({name: conform(name, frame) for name, frame in made.items()}, held.findings)
