"""Settings of the checks: what is looked for, how strictly, and how much is listed."""

from __future__ import annotations

from pydantic import Field, field_validator

from quarterdeck.base.config import Section
from quarterdeck.base.finding import Severity
from quarterdeck.quality.own import OwnCheck, without_doubles


class QualitySettings(Section):
    """How the data is checked."""

    checks: tuple[OwnCheck, ...] = ()
    """The company's own checks: a table, a condition in SQL, a message and a fix each."""
    disabled: tuple[str, ...] = ()
    """Names of checks that are not run, such as double_deal."""
    severity: dict[str, Severity] = Field(default_factory=dict)
    """Severities that hold instead of the checks' own, such as account_missing: notice."""
    max_records: int = Field(default=200, ge=1)
    """How many records a check lists one by one, those with the most money first; the rest is one finding."""
    stewards: dict[str, str] = Field(default_factory=dict)
    """Who mends the records of a table that have no owner and no account with one, by table; `all` for every other
    table."""
    stale_rate: float = Field(default=0.95, gt=0, lt=1)
    """An open deal is too old at the age by which this share of the won deals had closed."""
    stale_minimum: int = Field(default=20, ge=1)
    """Won deals that are needed to say at which age a deal is too old."""
    idle_days: int = Field(default=30, ge=1)
    """Days without any activity after which an open deal counts as untouched."""
    stage_share: float = Field(default=0.9, gt=0.5, le=1)
    """Share of an outcome's deals that stand in one stage, from which on the others are taken for mistakes."""
    pushes: int = Field(default=3, ge=1)
    """How often a close date may be put off before it is reported."""
    outlier_deviations: float = Field(default=6.0, gt=0)
    """How many robust standard deviations (1.4826 × MAD of the logarithms) an amount may lie from the median of its
    product."""
    outlier_minimum: int = Field(default=20, ge=3)
    """Won deals of a product that are needed to judge an amount."""
    lines_tolerance: float = Field(default=0.5, gt=0, lt=1)
    """Share of the larger of the two by which an amount may differ from the sum of the deal's lines."""
    double_days: int = Field(default=7, ge=1)
    """Days within which two deals of the same account, product and owner, or two leads of one address, may be one."""
    spelling_similarity: float = Field(default=85.0, gt=0, le=100)
    """How alike (0 to 100) two values of a list must be to be reported as one."""
    stages: tuple[str, ...] = ()
    """The open stages in the order of a deal's way; empty to learn it from history."""
    evidence: dict[str, str] = Field(default_factory=dict)
    """The kind of activity that a stage asks for, such as Proposal: proposal; empty to go by the stages' names."""
    burst_stages: int = Field(default=3, ge=2)
    """How many stages within `burst_minutes` count as written down afterwards."""
    burst_minutes: int = Field(default=10, ge=1)
    """Minutes in which nobody takes a deal through several stages."""
    backdated_days: int = Field(default=14, ge=1)
    """Days after the close date from which on entering the close counts as backdated."""
    cut_share: float = Field(default=0.3, gt=0, lt=1)
    """Share of the amount that may be cut in the week of the close."""
    owner_changes: int = Field(default=3, ge=1)
    """How often an open deal may change its owner."""
    far_days: int = Field(default=730, ge=1)
    """Days ahead from which on an expected close date is no expectation."""
    bulk_activities: int = Field(default=8, ge=2)
    """Activities of a person within one hour that can be bulk logging."""
    bulk_share: float = Field(default=0.6, gt=0, le=1)
    """Share of the week's activities that must stand in that hour."""
    inactive_days: int = Field(default=14, ge=1)
    """Days without any activity after which an owner of open deals is reported."""
    bot_events: int = Field(default=10, ge=2)
    """Events of one person within a minute that only a machine makes."""
    lead_hours: int = Field(default=48, ge=1)
    """Hours within which a lead should have its first answer."""
    delivery_days: int = Field(default=45, ge=1)
    """Days after winning a deal by which there should be an order or an invoice."""
    tool_days: int = Field(default=60, ge=1)
    """Days before its renewal from which on a tool that does not work is reported, or without use for a channel."""
    rate_days: int = Field(default=31, ge=1)
    """Days after which a currency's rate is old."""
    link_probability: float = Field(default=0.9, ge=0.5, lt=1)
    """How probable it must be that two records are one for them to be proposed for merging."""
    trend_weeks: int = Field(default=12, ge=0, le=104)
    """Past weeks for which error rates are shown."""
    trend_months: int = Field(default=12, ge=0, le=60)
    """Past months for which error rates and their effect on the forecast are shown."""
    trend_minimum: int = Field(default=20, ge=2)
    """Records of a person, team or source in a month that are needed to say that it got worse."""
    effect_minimum: int = Field(default=10, ge=1)
    """Deals that were expected to close in a period that are needed to say what errors did to it."""

    @field_validator("checks")
    @classmethod
    def _names_stand_once(cls, value: tuple[OwnCheck, ...]) -> tuple[OwnCheck, ...]:
        return without_doubles(value) if value else value
