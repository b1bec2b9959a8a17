"""The inputs: what sellers do with a deal and what it is like, as numbers known at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.metrics.drivers.known import Known, held, trail
from quarterdeck.metrics.drivers.settings import DriverSettings, span
from quarterdeck.metrics.drivers.trail import Floats, Ints, seconds

KINDS = {"email": "email", "call": "call", "demo": "demo", "meeting": "meeting", "proposal": "proposal"}
NO_LEAD = "no lead"
Nature = Literal["effort", "state", "origin"]
LEAST_DEALS = 30
"""An input that fewer deals have had tells nothing."""


@dataclass(frozen=True)
class Input:
    """An input at the moments (values, one a row).

    `more` is what one more of it is, as a sentence begins; `step` how much that is. `nature` says why it may go with an
    outcome without being its cause. `part_of` names the input that holds it as a part: they are never in one model.
    """

    name: str
    title: str
    more: str
    values: Floats
    nature: Nature
    step: float = 1.0
    part_of: str = ""


def beginning(known: Known, settings: DriverSettings) -> list[Input]:
    """What was done in the days from a deal's creation, at its first moment."""
    days = settings.first_days
    return [
        *_counts(known, days, "first", f"in the first {span(days)}"),
        *_contacts(known, f" in the first {span(days)}"),
    ]


def recent(known: Known, settings: DriverSettings) -> list[Input]:
    """What was done in the period before each moment, and how the deal stands."""
    days = settings.period_days
    counts = _counts(known, days, "recent", f"in the last {span(days)}")
    return [*counts, *_contacts(known), *_touch(known), *_course(known)]


def standing(known: Known, tables: Tables) -> list[Input]:
    """What a deal is like at its moments: its amount, its owner's load, how it came, how fast its lead was answered."""
    return [*_amount(known, tables), *_load(known), *_origin(known, tables)]


def _counts(known: Known, days: int, prefix: str, when: str) -> Iterator[Input]:
    moments = known.moments
    for kind, title in KINDS.items():
        found = trail(known.work.filter(pl.col("kind") == kind), "started_at").within(moments.deal, moments.at, days)
        yield Input(
            f"{prefix}_{kind}s",
            f"{title.capitalize()}s {when}",
            f"One more {title} {when}",
            _capped(found),
            "effort",
            part_of=f"{prefix}_touches",
        )
    every = trail(known.work.filter(pl.col("kind").is_in(list(KINDS))), "started_at")
    values = _capped(every.within(moments.deal, moments.at, days))
    title = "ouch of any kind"
    yield Input(f"{prefix}_touches", f"T{title} {when}", f"One more t{title} {when}", values, "effort")


def _capped(values: Ints) -> Floats:
    """Counts without the few that are far beyond the others (a mail merge), which would carry the whole slope."""
    if not len(values):
        return values.astype(np.float64)
    return np.minimum(values, max(np.quantile(values, 0.995, method="higher"), 1)).astype(np.float64)


def _contacts(known: Known, when: str = "") -> Iterator[Input]:
    """Different persons reached so far."""
    first = known.work.drop_nulls("contact_id").group_by("deal", "contact_id").agg(pl.col("started_at").min())
    found = trail(first.sort("deal", "started_at"), "started_at").before(known.moments.deal, known.moments.at)
    yield Input("contacts", f"Contacts reached{when}", f"One more contact reached{when}", _capped(found), "effort")


def _touch(known: Known) -> Iterator[Input]:
    if known.work.is_empty():
        return
    moments = known.moments
    days = trail(known.work, "started_at").since(moments.deal, moments.at, moments.created)
    yield Input(
        "weeks_untouched",
        "Weeks without a touch",
        "One more week without a touch",
        np.minimum(days / 7, 26),
        "effort",
    )


def _course(known: Known) -> Iterator[Input]:
    """How the deal has gone: time in its stage, close dates pushed."""
    moments, changes = known.moments, known.changes
    if changes.is_empty():
        return
    before = pl.col("stage").shift().over("deal")
    entered = changes.filter((pl.col("stage") != before) | before.is_null())
    days = trail(entered, "changed_at").since(moments.deal, moments.at, moments.created)
    yield Input("stage_weeks", "Weeks in the stage", "One more week in the stage", np.minimum(days / 7, 52), "state")
    later = changes.filter(pl.col("expected_close_on") > pl.col("expected_close_on").shift().over("deal"))
    pushes = trail(later, "changed_at").before(moments.deal, moments.at)
    yield Input("pushes", "Pushes of the close date", "One more push of the close date", _capped(pushes), "state")


def _amount(known: Known, tables: Tables) -> Iterator[Input]:
    """The amount as it was known at the moment, else the list price of the product; a doubling is a step."""
    moments = known.moments
    amount = held(known.changes, "amount", moments).cast(pl.Float64)
    prices = tables["products"].select("id", price=pl.col("unit_price").cast(pl.Float64))
    price = moments.deals.select(id="product_id").join(prices, on="id", how="left", maintain_order="left")["price"]
    stated = amount.filter(amount > 0)
    if len(stated) >= len(amount) / 2:
        values, title, more = amount, "Amount, times the usual", "Twice the amount"
    else:
        values, title, more = price.gather(moments.deal), "List price, times the usual", "Twice the list price"
    logged = values.to_numpy().astype(np.float64)
    there = np.isfinite(logged) & (logged > 0)
    if not there.any():
        return
    usual = np.median(logged[there])
    doublings = np.log2(np.where(there, logged, usual) / usual)
    yield Input("amount", title, more, np.clip(doublings, -8, 8), "state")


def _load(known: Known) -> Iterator[Input]:
    yield Input(
        "owner_load",
        "Open deals of the owner",
        "Ten more open deals with the same owner",
        known.load,
        "state",
        step=10.0,
    )


def _origin(known: Known, tables: Tables) -> Iterator[Input]:
    """The channel of the lead and how long it waited for its first answer."""
    moments = known.moments
    leads = tables.relation("leads").select("id", "channel", "created_at", "responded_at").to_polars()
    leads = leads.unique("id", keep="first", maintain_order=True)
    came = moments.deals.select(id="lead_id").join(leads, on="id", how="left", maintain_order="left")
    channel = came["channel"].fill_null(NO_LEAD)
    usual = channel.mode().sort()[0] if len(channel) else ""
    held_against = "without a lead" if usual == NO_LEAD else f"from {usual}"
    for name in channel.unique().sort():
        if name != usual:
            values = (channel == name).cast(pl.Float64).to_numpy()[moments.deal]
            title = "Without a lead" if name == NO_LEAD else f"From {name}"
            more = f"A deal {title[0].lower()}{title[1:]} rather than {held_against}"
            yield Input(f"channel_{name.replace(' ', '_')}", title, more, values, "origin")
    yield from _response(known, came)


def _response(known: Known, came: pl.DataFrame) -> Iterator[Input]:
    """How long the deal's lead waited for its answer, where it was answered before the moment; doublings of hours."""
    moments = known.moments
    hours = ((came["responded_at"] - came["created_at"]).dt.total_seconds() / 3600).to_numpy().astype(np.float64)
    answered = seconds(came["responded_at"].fill_null(moments.until))[moments.deal]
    hours = hours[moments.deal]
    there = np.isfinite(hours) & (hours >= 0) & (answered < moments.at)
    if there.any():
        doublings = np.log2(1 + np.where(there, hours, 0.0))
        values = np.where(there, doublings, doublings[there].mean())
        title = "the time until the lead was answered"
        yield Input("response_time", f"Doublings of {title}", f"Twice {title}", values, "effort")


def usable(inputs: list[Input], deal: Ints, rows: Ints) -> list[Input]:
    """The inputs that differ between deals: at least so many deals have a value of their own."""
    kept = []
    for entry in inputs:
        values = entry.values[rows]
        if len(values) == 0 or np.ptp(values) == 0:
            continue
        usual = np.median(values)
        others = len(np.unique(deal[rows][values != usual]))
        if others >= LEAST_DEALS:
            kept.append(entry)
    return kept
