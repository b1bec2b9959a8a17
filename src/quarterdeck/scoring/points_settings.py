"""Settings of the points for engagement: rules, groups, decay and levels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import did_you_mean
from quarterdeck.base.schema import table
from quarterdeck.scoring.profile_settings import Condition

FIELD_TABLES = {"lead": "leads", "contact": "contacts", "account": "accounts"}


class PointRule(Section):
    """What gives how many points. Of the rules for events, or for activities, the first that matches counts."""

    name: str = Field(min_length=1)
    """Name in words, as reasons show it."""
    looks_at: Literal["event", "activity", "lead", "contact", "account"] = "event"
    """What it looks at: an event, an activity of ours, or the fields of a lead, a contact or an account."""
    kinds: tuple[str, ...] = ()
    """Kinds of events or activities, such as form or meeting; empty for any."""
    outcomes: tuple[str, ...] = ()
    """Outcomes of activities; empty for any."""
    where: tuple[Condition, ...] = ()
    """Conditions on the fields of a lead, a contact or an account; all must hold."""
    points: float = Field(ge=-1000, le=1000)
    """Points that one gives; negative ones take away."""
    times: int | None = Field(default=None, ge=1)
    """How often it counts, the first times in each period; empty for always."""
    per_days: int | None = Field(default=None, ge=1)
    """Length of the period in days; empty for one period without end."""
    cap_day: float | None = Field(default=None, gt=0)
    """Most points, taken or given, on one day; what comes later on the day gives nothing."""
    cap: float | None = Field(default=None, gt=0)
    """Most points that the rule is worth at any moment, after decay; all of its entries shrink alike."""
    expires_days: float | None = Field(default=None, gt=0)
    """Days after which an entry is worth nothing."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Days in which an entry loses half its worth; empty for the usual one. Points for fields keep their worth."""
    keeps: bool = False
    """true for points that do not decay."""
    group: str | None = None
    """Group whose limit it shares."""

    @model_validator(mode="after")
    def _fits_what_it_looks_at(self) -> PointRule:
        is_field = self.looks_at in FIELD_TABLES
        if is_field and (self.kinds or self.outcomes):
            raise ValueError(f"a rule on a {self.looks_at} has no kinds or outcomes; write conditions under `where`")
        if is_field and not self.where:
            raise ValueError(f"a rule on a {self.looks_at} needs a condition under `where`")
        if not is_field and self.where:
            raise ValueError(f"`where` is for leads, contacts and accounts; an {self.looks_at} has kinds")
        if self.looks_at == "event" and self.outcomes:
            raise ValueError("events have no outcomes; activities have")
        if self.per_days is not None and self.times is None:
            raise ValueError("per_days needs times: how often it counts in that many days")
        if is_field:
            self._is_known_early()
        return self

    def _is_known_early(self) -> None:
        columns = {column.name: column for column in table(FIELD_TABLES[self.looks_at]).columns}
        for condition in self.where:
            column = columns.get(condition.attribute)
            if column is None:
                hint = did_you_mean(condition.attribute, columns)
                raise ValueError(f"{FIELD_TABLES[self.looks_at]} has no column {condition.attribute!r}; {hint}")
            if column.known_from:
                raise ValueError(
                    f"{condition.attribute} is known only from {column.known_from} on; points would tell the outcome"
                )


class EngagementSettings(Section):
    """Who is engaged: points for what people do, and levels 1 to 4."""

    rules: tuple[PointRule, ...] = ()
    """Rules; empty for usual ones for the kinds of events and activities that the records hold."""
    learned: bool = False
    """true for points learned from how much more often those leads convert that met a rule in their first days."""
    learn_days: int = Field(default=3, ge=1, le=90)
    """A lead's first days, from whose events points are learned; few, so that hardly any lead was dropped in them."""
    graded_days: int = Field(default=7, ge=1, le=90)
    """Days after which past leads and deals are graded, to see which grades were won later."""
    half_life_days: float = Field(default=30.0, gt=0)
    """Days in which an entry loses half its worth, where its rule does not say."""
    groups: dict[str, float] = Field(default_factory=dict)
    """Most points, taken or given, of a group's rules together; all of its entries shrink alike."""
    person_share: float = Field(default=0.5, ge=0, le=1)
    """Of an account's people the first counts whole, each next one by this share of the one before."""
    level_shares: tuple[float, float] = (0.8, 0.5)
    """Shares of the engaged that have fewer points, from which one is of level 1, of level 2."""
    least_points: float = Field(default=1.0, gt=0)
    """Points from which one is engaged at all: level 3 or better."""
    level_points: tuple[float, float, float] | None = None
    """Points from which one is of level 1, 2 and 3, instead of shares."""

    @field_validator("level_shares", "level_points")
    @classmethod
    def _falling(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and sorted(set(value), reverse=True) != list(value):
            raise ValueError("give falling numbers: level 1 needs the most")
        return value

    @field_validator("groups")
    @classmethod
    def _positive(cls, value: dict[str, float]) -> dict[str, float]:
        for name, limit in value.items():
            if limit <= 0:
                raise ValueError(f"the limit of group {name} must be above 0")
        return value

    @model_validator(mode="after")
    def _names_are_clear(self) -> EngagementSettings:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules are told apart by their names; {', '.join(twice)} stands twice")
        unknown = sorted({rule.group for rule in self.rules if rule.group and rule.group not in self.groups})
        if unknown:
            raise ValueError(f"groups has no limit for {', '.join(unknown)}; give one there")
        return self


_EVENTS: tuple[tuple[str, tuple[str, ...], float, int, int], ...] = (
    ("unsubscribed", ("unsubscribe", "unsubscribed", "optout", "opt_out", "spam_complaint"), -30, 1, 30),
    ("bounced", ("bounce", "bounced", "email_bounce"), -5, 1, 30),
    ("form", ("form", "form_submit", "download", "webinar"), 10, 2, 7),
    ("signup", ("signup", "trial", "trial_start", "registration"), 20, 1, 30),
    ("demo asked for", ("demo_request", "contact_request", "quote_request", "pricing"), 25, 1, 30),
    ("feature use", ("feature_use", "usage"), 4, 5, 7),
    ("login", ("login", "session"), 3, 5, 7),
    ("email click", ("email_click", "click", "ad_click"), 4, 3, 7),
    ("visit", ("visit", "page_view", "web_visit"), 2, 5, 7),
    ("email opened", ("email_open", "open"), 1, 3, 7),
)
_ACTIVITIES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], float, int, int], ...] = (
    ("nobody there", (), ("no answer", "no_answer", "no-show", "no show", "not reached", "voicemail"), 0, 1, 7),
    ("no interest", (), ("not interested", "no interest", "wrong person", "refused"), -10, 1, 30),
    ("demo", ("demo",), (), 15, 2, 30),
    ("meeting", ("meeting", "visit"), (), 12, 3, 30),
    ("proposal", ("proposal", "quote"), (), 12, 2, 30),
    ("interested when asked", (), ("interested", "positive", "replied", "meeting set"), 8, 3, 30),
    ("reached", (), ("reached", "follow-up", "follow up", "connected"), 3, 3, 30),
)


def usual_rules() -> tuple[PointRule, ...]:
    """Rules where the user wrote none: what people outside do counts, what only we did does not."""
    events = [
        PointRule(name=name, kinds=kinds, points=points, times=times, per_days=days)
        for name, kinds, points, times, days in _EVENTS
    ]
    activities = [
        PointRule(name=name, looks_at="activity", kinds=kinds, outcomes=said, points=points, times=times, per_days=days)
        for name, kinds, said, points, times, days in _ACTIVITIES
    ]
    return (*events, PointRule(name="other event", points=1, times=3, per_days=7), *activities)
