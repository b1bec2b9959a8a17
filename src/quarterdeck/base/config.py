"""What a step is told: the moment, the company, its own section of the configuration and the dated values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from quarterdeck.base.parameters import Parameters


class Section(BaseModel):
    """A part of `quarterdeck.yaml`. Unknown keys are errors; attribute docstrings are the documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Company(Section):
    """The company whose loop this is."""

    name: str = "Company"
    """Name on reports."""
    currency: str = "USD"
    """Currency of plans and derived money (ISO 4217)."""
    language: Literal["en", "ko"] = "en"
    """Language of reports and pages."""
    timezone: str = "UTC"
    """The company's time zone: where its days begin."""
    fiscal_year_start: int = Field(default=1, ge=1, le=12)
    """First month of the fiscal year."""
    fiscal_year_named: Literal["end", "start"] = "end"
    """Year that a fiscal year is named by: the one in which it ends, or starts."""
    fiscal_weeks: Literal["4-4-5", "4-5-4", "5-4-4"] | None = None
    """Weeks of a quarter's three months where the fiscal year has 52 or 53 whole weeks; empty for calendar months."""
    fiscal_year_ends: Literal["nearest", "last"] = "nearest"
    """With fiscal_weeks, the year ends on the weekday nearest to the month's end, or on the month's last such day."""
    fiscal_weekday: int = Field(default=6, ge=1, le=7)
    """With fiscal_weeks, the weekday on which the year and each of its weeks end: 1 Monday to 7 Sunday."""
    country: str | None = None
    """Country whose holidays are no work days (ISO 3166), such as KR."""

    @field_validator("currency")
    @classmethod
    def _currency_has_three_letters(cls, value: str) -> str:
        if not (len(value) == 3 and value.isascii() and value.isupper()):
            raise ValueError("write a currency's three capital letters, such as EUR or KRW")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError(f"there is no time zone {value!r}; write one such as Asia/Seoul or UTC") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Config(Generic[S]):
    """A step's configuration.

    `as_of` is an instant in UTC, without a zone like every instant in tables: what happened before it is known.
    """

    as_of: datetime
    settings: S
    company: Company = field(default_factory=Company)
    parameters: Parameters = field(default_factory=Parameters)
    seed: int = 1

    @property
    def today(self) -> date:
        """The company's day in which `as_of` lies."""
        return self.as_of.replace(tzinfo=UTC).astimezone(self.company.zone).date()


def instant(day: date, company: Company) -> datetime:
    """The instant (UTC, without a zone) at which a day of the company begins."""
    return datetime(day.year, day.month, day.day, tzinfo=company.zone).astimezone(UTC).replace(tzinfo=None)
