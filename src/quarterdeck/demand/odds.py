"""Monthly odds in every draw: what is learned, how surely it is known, and the swings that all nodes share."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Company
from quarterdeck.base.draws import generator
from quarterdeck.demand.deals import ALL, NOT_RENEWAL, month_day, quarter_month
from quarterdeck.demand.hazards import load_factor

Array = NDArray[np.float64]


class Odds:
    """Draws of `demand_hazards`.

    A month's odds are the learned ones times a gamma factor of each segment and age (how surely they are known), times
    a lognormal swing that all segments share: one a month, and one a place in the quarter that few months leave open.
    """

    def __init__(self, hazards: pl.DataFrame, draws: int, seed: int, company: Company) -> None:
        ordered = hazards.sort("segment", "age_month")
        self.segments = {name: number for number, name in enumerate(ordered["segment"].unique(maintain_order=True))}
        self.ages = ordered.height // max(len(self.segments), 1)
        shape = (len(self.segments), self.ages)
        self._draws, self._seed, self._company = draws, seed, company
        self._base = {
            (what, place): ordered[f"{what}_rate_{place + 1}"].to_numpy().reshape(shape)
            for what in ("win", "loss")
            for place in range(3)
        }
        self._strength = {what: ordered[f"{what}_strength"].to_numpy().reshape(shape) for what in ("win", "loss")}
        self._swing = {what: float(ordered[f"{what}_swing"][0]) for what in ("win", "loss")}
        self._months = float(ordered["months"][0])
        self._exponent, self._reference = float(ordered["load_exponent"][0]), float(ordered["reference_load"][0])
        everyone = ordered.filter(pl.col("segment") == ALL)
        self._closing = (everyone["win_rate"] + everyone["loss_rate"]).to_numpy()
        self._factor = {what: self._factors(what) for what in ("win", "loss")}

    def segments_of(self, nodes: pl.DataFrame) -> dict[str, int]:
        """The place of each leaf's segment: its product's or region's where those have odds of their own."""
        leaves = nodes.filter("is_leaf").select("node_id", "product_id", "region")
        return {
            node_id: self.place(f"product:{product}", f"region:{region}", NOT_RENEWAL)
            for node_id, product, region in leaves.iter_rows()
        }

    def place(self, *names: str) -> int:
        """The first of these segments that has odds, else that of all deals."""
        return next((self.segments[name] for name in names if name in self.segments), self.segments[ALL])

    def _factors(self, what: str) -> Array:
        drawn = np.empty((len(self.segments), self.ages, self._draws))
        for segment, number in self.segments.items():
            strength = np.clip(self._strength[what][number], 0.5, 1e6)[:, None]
            noise = generator(self._seed, "demand.odds", what, segment)
            drawn[number] = noise.gamma(strength, size=(self.ages, self._draws)) / strength
        return drawn

    def _swings(self, what: str, month: int) -> Array:
        sigma, place = self._swing[what], quarter_month(month, self._company)
        monthly = generator(self._seed, "demand.swing", what, month_day(month)).standard_normal(self._draws)
        level = generator(self._seed, "demand.level", what, place).standard_normal(self._draws)
        lasting = sigma / np.sqrt(self._months)
        variance = sigma**2 + lasting**2
        return np.asarray(np.exp(sigma * monthly + lasting * level - variance / 2), dtype=np.float64)

    def expected(self, month: int, part: float, open_deals: Array) -> tuple[Array, float]:
        """Mean odds to close in a month (segments, ages) and the load's factor, for open deals (segments, ages)."""
        load = float((open_deals.sum(axis=0) * self._closing).sum())
        factor = float(load_factor(max(load, 1e-9), self._reference, self._exponent))
        place = quarter_month(month, self._company)
        closing = np.minimum((self._base["win", place] + self._base["loss", place]) * factor, 0.98)
        return 1 - (1 - closing) ** part, factor

    def at(self, month: int, part: float = 1.0, factor: float = 1.0) -> tuple[Array, Array]:
        """Odds to be won and lost in a numbered month, arrays (segments, ages, draws), under a load's factor.

        With `part` below 1 only that share of the month is left, and the odds to close at all shrink to it.
        """
        place = quarter_month(month, self._company)
        base_win, base_loss = self._base["win", place][:, :, None], self._base["loss", place][:, :, None]
        over = np.maximum((base_win + base_loss) * factor / 0.98, 1.0)
        base_win, base_loss = base_win * factor / over, base_loss * factor / over
        win = base_win * self._factor["win"] * self._swings("win", month)
        loss = base_loss * self._factor["loss"] * self._swings("loss", month)
        total = win + loss + np.maximum(1 - base_win - base_loss, 0.0)
        win, loss = win / total, loss / total
        if part < 1:
            close = np.clip(win + loss, 1e-12, 1 - 1e-12)
            shrink = (1 - (1 - close) ** part) / close
            win, loss = win * shrink, loss * shrink
        return win, loss
