"""Three ways to deal with the gap, each tried on the draws of the base scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from quarterdeck.base.lp import INFINITY
from quarterdeck.reconcile.futures import Floats, Futures, served
from quarterdeck.reconcile.picture import Picture
from quarterdeck.reconcile.settings import ReconcileSettings
from quarterdeck.reconcile.team import Sellers


@dataclass(frozen=True)
class Case:
    """What an option starts from: the base scenario's draws, the team, and the plan's own hires."""

    futures: Futures
    """What delivery can serve in the base scenario's draws, one leaf a team (`Futures.by_team`)"""
    sellers: Sellers
    picture: Picture
    waiting: Floats
    """(G,) bookings that could be delivered but that no seller of the team closes"""
    rates: Floats
    """(P,) won shares of the sellers, one each"""
    target: float
    margin: float
    """Margin as a share of bookings: what products' unit costs leave, the setting where they have none"""
    currency: str
    settings: ReconcileSettings
    noun: str = "deals"
    """What a quantity of demand counts"""

    @property
    def gap(self) -> float:
        """Mean served bookings less the target; negative is short."""
        return float(self.picture.totals.mean()) - self.target

    def totals(self, futures: Futures, sellers: Sellers, hires: Floats) -> Floats:
        """(N,) served bookings over the horizon under changed futures, sellers or hires."""
        closed = served(futures, sellers.rate, sellers.with_hires(hires))
        total: Floats = closed.sum(axis=(0, 1)) + futures.booked.sum()
        return total


@dataclass(frozen=True)
class Option:
    """A row of `plan_options`; money in major units of the company's currency."""

    option: str
    title: str
    gain: float
    cost: float
    gap_after: float
    probability: float
    is_feasible: bool
    reason: str


Maker = Callable[[Case], Option]


def three_options(case: Case) -> list[Option]:
    """Exactly three options, feasible ones first and then by gain after margin, less cost.

    To lower the target comes after every other feasible one, each of which closes part of the gap.
    """
    if case.gap < 0:
        first: Maker = hire_sellers if case.waiting.sum() > 0.01 * abs(case.gap) else win_more
        makers: tuple[Maker, ...] = (first, more_pipeline, lower_target)
    else:
        makers = (raise_target, hold_hires, keep_plan)
    found = [_weighed(make(case), case) for make in makers]

    def place(option: Option) -> tuple[bool, bool, float]:
        worth = option.gain * case.margin - option.cost
        return not option.is_feasible, option.option == "lower_target", -worth

    return sorted(found, key=place)


def _weighed(option: Option, case: Case) -> Option:
    """Not feasible, with the reason in words, when the cost is more than the margin that it brings in the horizon."""
    margin = option.gain * case.margin
    if not option.is_feasible or option.cost <= margin:
        return option
    money = f"{{:,.0f}} {case.currency}".format
    words = (
        f"It costs {money(option.cost)}, more than the margin of {money(margin)} that it brings in these months."
        if option.cost > 0
        else f"It saves {money(-option.cost)} and gives up a margin of {money(-margin)}, which is more."
    )
    return replace(option, is_feasible=False, reason=f"{words} {option.reason}")


def hire_sellers(case: Case) -> Option:
    """Hire now where most deals wait: the fewest sellers that close the gap, or as many as may be added."""
    sellers, part = case.sellers, case.futures
    limit = max(1, int(np.ceil(sellers.heads.sum() * case.settings.hire_share)))
    share = case.waiting if case.waiting.sum() > 0 else np.ones(len(case.waiting))
    before = case.picture.totals

    def after(number: int) -> tuple[Floats, Floats]:
        hires = np.zeros(sellers.deals.shape)
        hires[:, 0] = _whole_shares(number, share)
        return hires, case.totals(part, sellers, case.picture.hires + hires)

    number = next((k for k in range(1, limit + 1) if after(k)[1].mean() >= case.target), limit)
    hires, totals = after(number)
    gain, cost = float((totals - before).mean()), sellers.cost_of(hires)
    start, months = sellers.lead, len(case.futures.months)
    planned = round(float(case.picture.hires.sum()))
    where = ", ".join(f"{int(k)} {name}" for name, k in zip(sellers.names, hires[:, 0], strict=True) if k)
    ramp = ", ".join(f"{sellers.ramp[min(m, len(sellers.ramp) - 1)]:.0%}" for m in range(max(months - start, 0)))
    noun = "seller" if number == 1 else "sellers"
    besides = (
        f"on top of the {planned} {'hire' if planned == 1 else 'hires'} that the supply plan has already"
        if planned
        else "the supply plan itself hires no seller"
    )
    reason = (
        f"{number} more {noun} ({where}), {besides}; decided in {case.futures.months[0]:%Y-%m}, at work {start} months "
        f"later, reaching {ramp or 'nothing within the horizon'} of {_mean_hire(sellers):.1f} deals a month. They "
        f"close deals that wait today: {gain:,.0f} in {months} months for {cost:,.0f} {case.currency}."
    )
    idle = f"It changes nothing: hired now, they close no more deals in these {months} months."
    return _gaining("hire_sellers", f"Hire {number} more {noun} ({where})", (gain, cost), totals, case, (reason, idle))


def more_pipeline(case: Case) -> Option:
    """Bring more new deals: what closes the gap at today's won share, as far as sellers can work them."""
    part = case.futures
    limit = case.settings.pipeline_share
    lag = min(1, len(case.futures.months) - 1)

    def after(growth: float) -> Floats:
        factor = np.where(np.arange(len(part.months)) >= lag, 1.0 + growth, 1.0)[None, :, None]
        grown = replace(part, quantity=part.quantity * factor, amount=part.amount * factor)
        return case.totals(grown, case.sellers, case.picture.hires)

    growth = _smallest(lambda x: float(after(x).mean()) - case.target, limit)
    totals = after(growth)
    gain = float((totals - case.picture.totals).mean())
    rate = case.sellers.won_share
    months = max(len(part.months) - lag, 1)
    new = growth * float(part.quantity.mean(axis=2)[:, lag:].sum()) / months / rate
    by_deals = case.noun == "deals"
    share = f"at a won share of {rate:.0%}, tried on every future with the plan's sellers" if by_deals else "more"
    reason = (
        f"{growth:.0%} more {case.noun} from {part.months[lag]:%Y-%m} on: {new:,.0f} {'new ' * by_deals}{case.noun} a "
        f"month {share}; they bring {gain:,.0f} {case.currency}. "
        f"What finding these {case.noun} costs is not known and not counted."
    )
    unit = case.noun.removesuffix("s") if round(new) == 1 else case.noun
    title = f"Bring {new:,.0f} more {'new ' * by_deals}{unit} a month"
    idle = f"It changes nothing: the sellers have no room for more {case.noun}."
    return _gaining("more_pipeline", title, (gain, 0.0), totals, case, (reason, idle))


def win_more(case: Case) -> Option:
    """Win more of the same deals: the won share that closes the gap, at most that of the upper quarter of sellers."""
    part = case.futures
    now = case.sellers.won_share
    best = float(np.quantile(case.rates, 0.75)) if len(case.rates) else now
    limit = max(best / now - 1.0, 0.0)

    def after(growth: float) -> Floats:
        grown = replace(part, quantity=part.quantity * (1 + growth), amount=part.amount * (1 + growth))
        sellers = replace(case.sellers, rate=np.minimum(case.sellers.rate * (1 + growth), 1.0))
        return case.totals(grown, sellers, case.picture.hires)

    growth = _smallest(lambda x: float(after(x).mean()) - case.target, limit)
    totals = after(growth)
    gain = float((totals - case.picture.totals).mean())
    reason = (
        f"The team wins {now:.1%} of the deals that it closes; the upper quarter of the sellers wins {best:.1%} or "
        f"more. At {now * (1 + growth):.1%} the same deals bring {gain:,.0f} {case.currency} more. "
        "Sellers are not the limit, so hiring would add nothing. What coaching costs is not known and not counted."
    )
    title = f"Raise the won share from {now:.1%} to {now * (1 + growth):.1%}"
    if f"{now:.1%}" == f"{now * (1 + growth):.1%}":
        title, totals, gain = f"Raise the won share above {now:.1%}", case.picture.totals, 0.0
    idle = "It changes nothing: the best sellers hardly win a larger share than the team."
    return _gaining("win_more", title, (gain, 0.0), totals, case, (reason, idle))


def lower_target(case: Case) -> Option:
    """Set the target to what half of the futures reach."""
    return _retarget(case, "lower_target", "Lower")


def raise_target(case: Case) -> Option:
    """Set the target to what half of the futures reach, when that is more."""
    return _retarget(case, "raise_target", "Raise")


def hold_hires(case: Case) -> Option:
    """Leave out the plan's hires of sellers while the target is reached without them."""
    part = case.futures
    totals = case.totals(part, case.sellers, np.zeros(case.picture.hires.shape))
    number, saved = case.picture.hires.sum(), case.sellers.cost_of(case.picture.hires)
    gain = float((totals - case.picture.totals).mean())
    reason = (
        f"The plan hires {number:.0f} {'seller' if number == 1 else 'sellers'} for {saved:,.0f} {case.currency}; "
        f"without them {abs(gain):,.0f} {case.currency} of bookings would not be served."
        if number
        else "The plan hires no seller, so there is nothing to hold back."
    )
    return _option("hold_hires", "Hire no seller yet", (gain, -saved or 0.0), totals, case, bool(number), reason)


def keep_plan(case: Case) -> Option:
    """Keep target and plan; the surplus is a reserve against the worst futures."""
    totals = case.picture.totals
    low = float(np.quantile(totals, 0.1))
    reason = (
        f"Expected bookings are {case.gap:,.0f} {case.currency} above the target; one future in ten ends below "
        f"{low:,.0f} {case.currency}, against a target of {case.target:,.0f} {case.currency}."
    )
    return _option("keep_plan", "Keep the target and the reserve above it", (0.0, 0.0), totals, case, True, reason)


def _retarget(case: Case, name: str, verb: str) -> Option:
    totals = case.picture.totals
    middle = float(np.median(totals))
    reason = (
        f"Half of the futures reach {middle:,.0f} {case.currency} in {len(case.futures.months)} months; "
        f"the target is {case.target:,.0f} {case.currency}, {abs(middle - case.target):,.0f} "
        f"{'above' if case.target > middle else 'below'} it."
    )
    is_so = middle > case.target if verb == "Raise" else middle < case.target
    if not is_so or f"{middle:,.0f}" == f"{case.target:,.0f}":
        reason = f"It is no {'higher' if verb == 'Raise' else 'lower'} target. {reason}"
        is_so = False
    return Option(
        option=name,
        title=f"{verb} the target to {middle:,.0f} {case.currency}",
        gain=0.0,
        cost=0.0,
        gap_after=float(totals.mean()) - middle,
        probability=float((totals >= middle).mean()),
        is_feasible=is_so,
        reason=reason,
    )


def _gaining(
    name: str, title: str, money: tuple[float, float], totals: Floats, case: Case, words: tuple[str, str]
) -> Option:
    """An option to close the gap; `words` are the reason and what is said before it when there is no gain.

    Less than a thousandth of the gap, or less than one unit of the currency, counts as nothing.
    """
    reason, idle = words
    changes = money[0] >= max(1.0, 1e-3 * abs(case.gap))
    return _option(name, title, money, totals, case, changes, reason if changes else f"{idle} {reason}")


def _option(
    name: str, title: str, money: tuple[float, float], totals: Floats, case: Case, is_feasible: bool, reason: str
) -> Option:
    return Option(
        option=name,
        title=title,
        gain=money[0],
        cost=money[1],
        gap_after=float(totals.mean()) - case.target,
        probability=float((totals >= case.target).mean()),
        is_feasible=is_feasible,
        reason=reason,
    )


def _whole_shares(number: int, weights: Floats) -> Floats:
    from quarterdeck.base.money import split

    return np.asarray(split(number, [float(weight) for weight in weights]), dtype=np.float64)


def _mean_hire(sellers: Sellers) -> float:
    return float(np.average(sellers.per_hire, weights=np.maximum(sellers.heads, 1e-9)))


def _smallest(excess: Callable[[float], float], limit: float) -> float:
    """Smallest x in 0..limit from which `excess` is not negative, to a thousandth; the limit when there is none."""
    if limit <= 0 or excess(limit) < 0:
        return max(limit, 0.0)
    low, high = 0.0, limit
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return high if high < INFINITY else limit
