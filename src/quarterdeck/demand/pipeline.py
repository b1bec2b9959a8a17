"""The pipeline model: fitted to past deals, it makes sample paths of what open and new deals will bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.base.config import Company, Config
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.schema import conform
from quarterdeck.demand import amounts, arrivals, exposure, hazards
from quarterdeck.demand.deals import Clock, first_month, hierarchy, prepare, segmented
from quarterdeck.demand.frames import given_like, to_polars
from quarterdeck.demand.lines import draws_table
from quarterdeck.demand.odds import Odds
from quarterdeck.demand.overrides import Overridden
from quarterdeck.demand.paths import Paths, Simulator
from quarterdeck.demand.settings import DemandSettings

SEGMENTS = ("none", "product", "region")


@dataclass(frozen=True)
class PipelineModel:
    """Odds by age, arrivals and values of deals, as tables; `fit` learns them, `simulate` plays them forward.

    >>> model = PipelineModel.fit(history, as_of=date(2017, 10, 1))  # doctest: +SKIP
    >>> model.simulate(open_deals, periods=6, draws=500, seed=1)  # doctest: +SKIP
    """

    nodes: pl.DataFrame
    hazards: pl.DataFrame
    arrivals: pl.DataFrame
    amounts: pl.DataFrame
    clock: Clock
    company: Company
    settings: DemandSettings

    @classmethod
    def fit(
        cls,
        history: Any,
        *,
        as_of: date | None = None,
        settings: DemandSettings | None = None,
        company: Company | None = None,
        names: dict[str, str] | None = None,
    ) -> PipelineModel:
        """Learns from a frame of deals (polars, pandas or Arrow): `status, created_at, closed_at`, and where known
        `amount` (minor units), `currency, product_id, region, kind`.

        `as_of` is the day after the last that the history knows; without it, the day after its newest date.
        """
        company, settings = company or Company(), settings or DemandSettings()
        deals = conform("opportunities", to_polars(history))
        today = as_of or _day_after(deals)
        return cls.learn(prepare(deals, company), today, settings, company, names or {})

    @classmethod
    def learn(
        cls, deals: pl.DataFrame, today: date, settings: DemandSettings, company: Company, names: dict[str, str]
    ) -> PipelineModel:
        """Learns from deals as `deals.prepare` gives them."""
        clock = Clock.at(today)
        first = first_month(deals, clock, settings.max_history)
        nodes = hierarchy(deals, names)
        fits = [
            hazards.estimate(exposure.observe(segmented(deals, by), first, clock, settings.max_age), company)
            for by in (SEGMENTS if settings.segment_by == "auto" else [settings.segment_by])
        ]
        past = arrivals.history(deals, first, clock)
        coming, _ = arrivals.estimate(past, nodes, first, clock, settings.horizon)
        return cls(
            nodes=nodes,
            hazards=max(fits, key=lambda fit: fit.gain).table,
            arrivals=coming,
            amounts=amounts.estimate(deals, nodes, clock, settings),
            clock=clock,
            company=company,
            settings=settings,
        )

    def paths(self, deals: pl.DataFrame, periods: int, draws: int, seed: int) -> Paths:
        """Sample paths of the leaves from deals as `deals.prepare` gives them; closed ones are passed over."""
        odds = Odds(self.hazards, draws, seed, self.company)
        simulator = Simulator(odds, self.clock, periods, draws, seed)
        coming = self.arrivals.filter("is_forecast")
        return simulator.run(placed(deals), coming, self.amounts, odds.segments_of(self.nodes))

    def simulate(self, open: Any, periods: int = 6, draws: int = 500, seed: int = 1) -> Any:  # noqa: A002
        """Draws of the open deals and of new business: `period_start, node_id, quantity, amount` (major units).

        The frame is of the kind that `open` is. `periods` may not exceed the horizon that the model was fitted with.
        """
        if not 1 <= periods <= self.settings.horizon:
            raise QuarterdeckError(
                f"The model was fitted for {self.settings.horizon} months; ask for no more periods (and at least one), "
                "or fit it with settings=DemandSettings(horizon=…)."
            )
        deals = prepare(conform("opportunities", to_polars(open)), self.company)
        known = set(self.amounts["node_id"])
        strange = sorted(set(deals["node_id"]) - known)
        if strange:
            raise QuarterdeckError(
                f"The history holds no deal of {strange[0]!r}; fit the model with open deals included."
            )
        paths = self.paths(deals, periods, draws, seed)
        plain = Overridden(paths.quantity.sum(axis=1), paths.amount.sum(axis=1), [])
        return given_like(draws_table(paths, plain), open)


def placed(deals: pl.DataFrame) -> pl.DataFrame:
    """Open deals with a month of opening each.

    Where closed deals always carry a date, an undated one is not begun: it is dated when work begins, and so is among
    the new deals that are forecast. Where closed deals lack dates too, undated ones get the ages of the dated.
    """
    current = deals.filter(pl.col("status") == "open")
    dated, undated = current.filter(pl.col("opened").is_not_null()), current.filter(pl.col("opened").is_null())
    if undated.is_empty() or dated.is_empty() or not begins_undated(deals):
        return dated
    months = dated["opened"].sort().to_numpy()
    ranks = ((np.arange(undated.height) + 0.5) / undated.height * len(months)).astype(np.int64)
    spread = undated.sort("node_id", "id").with_columns(opened=pl.Series(months[ranks]))
    return pl.concat([dated, spread.select(dated.columns)])


def begins_undated(deals: pl.DataFrame) -> bool:
    """More than a hundredth of the closed deals carry no date of opening: work begins without one."""
    closed = deals.filter(pl.col("status") != "open")
    return closed.height > 0 and closed["opened"].null_count() > closed.height / 100


def _day_after(deals: pl.DataFrame) -> date:
    newest = deals.select(pl.max_horizontal(pl.col("created_at").max(), pl.col("closed_at").max())).item()
    if not isinstance(newest, datetime):
        raise QuarterdeckError("No deal in the history carries a date; give created_at and closed_at.")
    return date.fromordinal(newest.date().toordinal() + 1)


def fitted(config: Config[DemandSettings], frames: dict[str, pl.DataFrame]) -> PipelineModel:
    """The model from the tables that `demand.fit` wrote."""
    return PipelineModel(
        nodes=frames["nodes"],
        hazards=frames["demand_hazards"],
        arrivals=frames["demand_arrivals"],
        amounts=frames["demand_amounts"],
        clock=Clock.at(config.today),
        company=config.company,
        settings=config.settings,
    )
