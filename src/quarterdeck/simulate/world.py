"""The world: a company, its people and its market, month by month."""

from __future__ import annotations

import copy

import numpy as np
import polars as pl

from quarterdeck.base.calendar import add_months
from quarterdeck.base.money import scale
from quarterdeck.simulate import company, state, tables, touches, truth
from quarterdeck.simulate.deals import LOST, WON, Deals
from quarterdeck.simulate.delivery import Delivery
from quarterdeck.simulate.faults import LABELS, inject
from quarterdeck.simulate.kinds import KINDS
from quarterdeck.simulate.leads import Leads
from quarterdeck.simulate.management import WIN_SHARE, decide, found, leave, manage
from quarterdeck.simulate.market import Market
from quarterdeck.simulate.noise import Noise
from quarterdeck.simulate.pool import Rows
from quarterdeck.simulate.render import DAY
from quarterdeck.simulate.scene import EPOCH, Scene, Tick
from quarterdeck.simulate.spec import NOTHING, Decisions, Shock, WorldSpec
from quarterdeck.simulate.staff import Staff, growth

Frames = dict[str, pl.DataFrame]


class World:
    """A simulated company that lives month by month.

    `step` plays a month under decisions and returns the records that are new or still open. Until the spec's last month
    the company also hires, replaces leavers and reorders by its own habit; after it, nothing but decisions changes
    what it has.
    """

    def __init__(self, spec: WorldSpec) -> None:
        kind, noise = KINDS[spec.kind], Noise(spec.seed, "traits")
        fate, market, staff = Noise(spec.seed, "fate"), Market(spec, kind, noise), Staff(spec, noise)
        scene = Scene(spec, kind, noise, fate, market, staff, _shocks(spec, noise))
        self.spec, self.month = spec, 0
        self._settled = company.settled(scene)
        scene.off_days = frozenset(day.toordinal() - EPOCH for day in self._settled["holidays"]["day"])
        scene.set_prices(0)
        self.state = state.State(scene, Deals(), Leads(), Delivery(scene))
        self._labels: list[pl.DataFrame] = []
        self._live_labels: list[pl.DataFrame] = []
        found(self.state)

    def step(self, decisions: Decisions = NOTHING) -> Frames:
        """Play the next month; returns the records by table: new ones, changed ones and those that are still open.

        A table without such records is left out. Columns are those of the canonical tables, as a source shows them:
        ids as text, money in major units.
        """
        final, live = self.advance(decisions)
        names = [*final, *(name for name in live if name not in final)]
        return {name: pl.concat([part[name] for part in (final, live) if name in part]) for name in names}

    def advance(self, decisions: Decisions = NOTHING, with_open: bool = True) -> tuple[Frames, Frames]:
        """Like `step`, but records that will not change any more, and those that may (unless not asked for), apart."""
        scene, delivery, month = self.state.scene, self.state.delivery, self.month
        scene.before = scene.month_start(month + 1) * DAY
        decide(self.state, decisions, month)
        if month < self.spec.months:
            manage(self.state, month)
        leave(self.state, month)
        scene.set_prices(month)
        final: dict[str, list[Rows]] = {}
        for tick in scene.ticks(month):
            for name, rows in self._tick(tick).items():
                final.setdefault(name, []).append(rows)
        delivery.repeat(scene, month)
        shipped = delivery.ship(scene, month)
        delivery.care(scene, month)
        paid, unpaid = delivery.bill(scene.before)
        self.month += 1
        if scene.recorder.is_silent:
            return {}, {}
        joined = {
            name: {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
            for name, parts in final.items()
        }
        done = self._finished(joined | {"orders": shipped, "invoices": paid})
        return done, self._open(unpaid) if with_open else {}

    def _tick(self, tick: Tick) -> dict[str, Rows]:
        """A week: interest comes, deals are opened, people work, customers decide."""
        scene, deals, leads, delivery = self.state.scene, self.state.deals, self.state.leads, self.state.delivery
        leads.arrive(scene, tick)
        touches.answers(scene, tick, leads.pool)
        settled = leads.settle(tick)
        state.open_leads(self.state, tick, settled)
        state.prospect(self.state, tick)
        state.again(self.state, tick)
        closed = deals.play(scene, tick)
        touches.activities(scene, tick, deals.spent)
        touches.events(scene, tick, deals.spent, leads, delivery.customers)
        booked = self.state.booked
        booked.extend([0.0] * (tick.month + 1 - len(booked)))
        if not closed:
            return {"leads": settled}
        won = closed["status"] == WON
        booked[tick.month] += float(closed["amount"][won].sum())
        delivery.book(scene, {name: values[won] for name, values in closed.items()})
        delivery.drop({name: values[closed["status"] == LOST] for name, values in closed.items()})
        return {"leads": settled, "opportunities": closed}

    def _finished(self, final: dict[str, Rows]) -> Frames:
        """Records of the month that will not change any more, with their faults."""
        scene, month = self.state.scene, self.month - 1
        done: Frames = {}
        for name, rows in (scene.recorder.take() | final).items():
            if len(next(iter(rows.values()))):
                done[name] = tables.frame(scene, name, rows)
        if "opportunities" in done:
            done["opportunity_lines"] = tables.opportunity_lines(scene, final["opportunities"])
        since = scene.month_start(month) * DAY if month else 0
        known = np.flatnonzero((scene.market.known_at >= since) & (scene.market.known_at < scene.before))
        if len(known):
            done["contacts"] = scene.market.contacts(known)
        if month == 0:
            done |= self._settled
        if month == 0 or add_months(self.spec.start, month).month == 1:
            done["targets"] = self._targets(month)
        hurt = {name: inject(scene, name, frame) for name, frame in done.items()}
        self._labels += [labels for _, labels in hurt.values() if labels.height]
        return {name: frame for name, (frame, _) in hurt.items()}

    def _open(self, unpaid: Rows) -> Frames:
        """Records that may still change, with their faults."""
        scene, delivery = self.state.scene, self.state.delivery
        deals, day = self.state.deals.pool.rows(), scene.before // DAY - 1
        waiting = delivery.orders.rows(delivery.orders["ordered"] < scene.before)
        live = {
            "opportunities": tables.opportunities(scene, deals),
            "opportunity_lines": tables.opportunity_lines(scene, deals),
            "leads": tables.leads(scene, self.state.leads.pool.rows()),
            "orders": tables.orders(scene, waiting),
            "invoices": tables.invoices(scene, unpaid),
            "accounts": scene.market.accounts(np.flatnonzero(scene.market.is_changed)),
            "people": scene.staff.frame(np.flatnonzero(scene.staff.pool["is_changed"])),
            "resources": company.resources(scene, delivery, day),
            "stock": company.stock(delivery, day),
        }
        scene.market.is_changed[:] = False
        scene.staff.pool["is_changed"] = False
        hurt = {name: inject(scene, name, frame) for name, frame in live.items() if frame.height}
        self._live_labels = [labels for name, (_, labels) in hurt.items() if name != "accounts" and labels.height]
        return {name: frame for name, (frame, _) in hurt.items()}

    def _targets(self, month: int) -> pl.DataFrame:
        """Last year's bookings and a stretch; in the first year what the founders reckon with."""
        first = add_months(self.spec.start, month)
        season = np.array(self.state.scene.kind.season)
        recent = self.state.booked[-12:]
        if len(recent) >= 6:
            level = sum(recent) / len(recent) / scale(self.spec.currency) * (1.22 if len(recent) == 12 else 1.12)
        else:
            kind = self.state.scene.kind
            worth = float(
                np.mean(
                    self.state.scene.list_price(np.arange(len(kind.products)))
                    * [entry.units for entry in kind.products]
                )
            )
            flow = self.spec.opportunities / self.spec.months * growth(self.spec, kind, month)
            level = flow * WIN_SHARE * worth * (kind.employees / 100) ** kind.bulk
        amounts = [level * season[first.month - 1 + place] for place in range(13 - first.month)]
        return company.targets(self.state.scene, first, amounts)

    def roster(self) -> Frames:
        """All accounts and people as they stand: the last state that an export shows, with its faults."""
        return {name: frame for name, (frame, _) in self._roster().items()}

    def _roster(self) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
        scene = self.state.scene
        accounts = scene.market.accounts(np.flatnonzero(scene.market.known_at >= 0))
        people = scene.staff.frame(np.arange(len(scene.staff)))
        return {name: inject(scene, name, frame) for name, frame in (("accounts", accounts), ("people", people))}

    def truth(self, replicas: int = 0, horizon: int = 6) -> Frames:
        """What nobody in the company knows.

        `people`, `accounts`, `opportunities` (hidden traits; of open deals, with `replicas`, the odds that they are won
        within the horizon), `parameters`, `shocks`, `faults` (labels) and, with `replicas`, `bookings`: the mean and
        spread of coming months, from so many futures of the world as it stands.
        """
        labels = [*self._labels, *self._live_labels, *(found for _, found in self._roster().values())]
        frames = truth.tables_of(self.state, self.month)
        frames["faults"] = pl.concat(labels) if labels else pl.DataFrame(schema=LABELS)
        if replicas:
            futures = [self.copy(number) for number in range(replicas)]
            frames |= truth.foresee(self.state, futures, self.month, horizon)
        return frames

    def copy(self, fate: int) -> World:
        """The world as it stands with another future: the same people and minds, other accidents from here on.

        The copy keeps no record: its steps return nothing.
        """
        labels, self._labels = self._labels, []
        other = copy.deepcopy(self)
        self._labels = labels
        other.state.scene.fate = Noise(self.spec.seed, f"fate {fate}")
        other.state.scene.recorder.is_silent = True
        return other


def _shocks(spec: WorldSpec, noise: Noise) -> tuple[Shock, ...]:
    """The spec's shocks, else a few that the seed draws: a rival comes, budgets freeze, a rival goes, a price list."""
    if spec.shocks is not None:
        return spec.shocks
    when = noise.uniform("shock", np.arange(4)) * spec.months
    size = 0.6 + 0.8 * noise.uniform("shock size", np.arange(4))
    return (
        Shock(month=int(when[0] * 0.8), kind="competitor", months=5, strength=float(size[0])),
        Shock(month=int(when[1] * 0.9), kind="recession", months=2, strength=float(size[1])),
        Shock(month=int(when[2] * 0.9), kind="competitor_lost", months=4, strength=float(size[2])),
        Shock(
            month=int(spec.months * 0.3 + when[3] * 0.4), kind="price", strength=round(0.03 + 0.05 * float(size[3]), 3)
        ),
    )
