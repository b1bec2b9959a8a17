"""The pay plan as data: what `parameters/pay_plan.yaml` may hold, checked with words that say what to mend."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import QuarterdeckError, did_you_mean

Rate = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Amount = Annotated[Decimal, Field(ge=0)]


class Tier(Section):
    """A stretch of amounts or of attainment with its rate. A value on an edge belongs to the higher tier."""

    start: Amount = Field(alias="from")
    """Where it begins: an amount in major units, or an attainment (1 is the quota)."""
    to: Amount | None = None
    """Where it ends; may be left away, since the next tier's start says it."""
    rate: Rate
    """Rate, 0.08 for 8 %; a multiplier in `target_variable`."""


class Rule(Section):
    """What all rules have: the rule's word and a name of its own, for plans that use one rule twice."""

    name: str | None = None
    """Name on the pay lines; the rule's word when left away."""
    rule: str

    @property
    def label(self) -> str:
        return self.name or self.rule


class FlatRate(Rule):
    """One rate on each deal."""

    rule: Literal["flat_rate"]
    rate: Rate


class Tiered(Rule):
    """Tiers that begin at 0, ascend and leave no gap."""

    tiers: tuple[Tier, ...] = Field(min_length=1)

    @field_validator("tiers")
    @classmethod
    def _are_whole(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        if tiers[0].start != 0:
            raise ValueError(f"the first tier starts at {tiers[0].start}: add one from 0, if only with rate 0")
        for lower, upper in pairwise(tiers):
            if upper.start <= lower.start:
                raise ValueError(f"the tier from {upper.start} follows that from {lower.start}: write them ascending")
            if lower.to is not None and lower.to < upper.start:
                raise ValueError(f"gap from {lower.to} to {upper.start}: let the lower tier end at {upper.start}")
            if lower.to is not None and lower.to > upper.start:
                raise ValueError(f"overlap from {upper.start} to {lower.to}: let the lower tier end at {upper.start}")
        if tiers[-1].to is not None:
            raise ValueError(f"nothing is said above {tiers[-1].to}: leave the last tier's `to` away or add a tier")
        return tiers


class ScaledTiers(Tiered):
    """Tiers of each deal's amount, of the period's amount, or of the period's attainment of quota."""

    of: Literal["amount", "attainment"] = "amount"
    per: Literal["deal", "period"] = "period"

    @model_validator(mode="after")
    def _attainment_is_of_a_period(self) -> ScaledTiers:
        if self.of == "attainment" and self.per == "deal":
            raise ValueError("attainment accumulates over the period: write per: period")
        return self


class MarginalTiers(ScaledTiers):
    """Each tier's rate on the part that lies in it."""

    rule: Literal["marginal_tiers"]


class WholeAmountTiers(ScaledTiers):
    """The rate of the tier that was reached, on the whole amount."""

    rule: Literal["whole_amount_tiers"]


class Accelerator(Rule):
    """One rate up to the quota, a higher one on what lies above."""

    rule: Literal["accelerator"]
    rate: Rate
    above: Rate
    at: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    """Attainment from which the higher rate holds."""

    @property
    def tiers(self) -> tuple[Tier, ...]:
        steps = ({"from": 0, "rate": self.rate}, {"from": self.at, "rate": self.above})
        return tuple(Tier.model_validate(step) for step in steps)


class TargetVariable(Tiered):
    """A variable pay at quota, earned in proportion to attainment; each tier multiplies the part that lies in it."""

    rule: Literal["target_variable"]
    variable: Amount
    """Pay of a period at exactly the quota, major units."""


class Cap(Rule):
    """No more than an amount a period; what lies above is lost."""

    rule: Literal["cap"]
    amount: Amount


class Installments(Rule):
    """Month by month at most an even part of an amount; the period's last month pays what was held back."""

    rule: Literal["installments"]
    amount: Amount
    """What the months before the last pay together at most, as if it were earned evenly."""


class Draw(Rule):
    """At least an amount a period. What was paid ahead is owed, and taken from later pay above the draw."""

    rule: Literal["draw"]
    amount: Amount
    recover_from: date | None = None
    """Day from whose period on the debt is taken back; at once when left away."""
    is_recoverable: bool = True
    """Whether it is owed at all."""


class DrawOffset(Rule):
    """An advance that was paid before is taken off; pay does not fall below 0."""

    rule: Literal["draw_offset"]
    amount: Amount


class Clawback(Rule):
    """A cancelled deal's commission is taken back: the part of the term that was not served, or all of it."""

    rule: Literal["clawback"]
    method: Literal["pro_rated", "full"] = "pro_rated"


AnyRule = Annotated[
    FlatRate
    | MarginalTiers
    | WholeAmountTiers
    | Accelerator
    | TargetVariable
    | Cap
    | Installments
    | Draw
    | DrawOffset
    | Clawback,
    Field(discriminator="rule"),
]
WORDS = (
    "flat_rate", "marginal_tiers", "whole_amount_tiers", "accelerator", "target_variable",
    "cap", "installments", "draw", "draw_offset", "clawback",
)  # fmt: skip


class Plan(Section):
    """A pay plan. Rules apply in order: those that earn, then those that limit or take back what was earned."""

    name: str
    period: Literal["month", "quarter", "year"] = "month"
    """Over which bookings, quotas, caps and draws are counted."""
    basis: Literal["bookings"] = "bookings"
    rules: tuple[AnyRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Plan:
        labels = [rule.label for rule in self.rules]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two rules are called {twice[0]!r}: give each a name of its own")
        return self


DEFAULT: dict[str, Any] = {
    "name": "8 % to quota, 12 % above",
    "period": "month",
    "rules": [{"rule": "accelerator", "rate": "0.08", "above": "0.12"}],
}
"""What is assumed when nobody wrote a plan."""


def parse(value: Any) -> Plan:
    """The plan of a parsed YAML value. Raises with every fault, each with its place and what to do about it."""
    try:
        return TypeAdapter(Plan).validate_python(value)
    except ValidationError as error:
        faults = "\n".join(_words(fault) for fault in error.errors())
        raise QuarterdeckError(f"The pay plan cannot be used:\n{faults}") from None


def _words(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part not in WORDS) or "pay_plan"
    kind = fault["type"]
    if kind == "extra_forbidden":
        known = (name for model in RULE_MODELS for name in model.model_fields)
        return f"  {place}: unknown key; {did_you_mean(str(fault['loc'][-1]), {*known, 'from', *Plan.model_fields})}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        word = fault["input"].get("rule", "") if isinstance(fault["input"], dict) else ""
        return f"  {place}: no rule {word!r}; {did_you_mean(str(word), WORDS)}"
    if kind == "missing":
        return f"  {place}: is missing; write it"
    text = str(fault["msg"]).removeprefix("Value error, ")
    return f"  {place}: {text} (found {fault['input']!r})" if kind != "value_error" else f"  {place}: {text}"


RULE_MODELS: tuple[type[Rule], ...] = (
    FlatRate, MarginalTiers, WholeAmountTiers, Accelerator, TargetVariable,
    Cap, Installments, Draw, DrawOffset, Clawback,
)  # fmt: skip
