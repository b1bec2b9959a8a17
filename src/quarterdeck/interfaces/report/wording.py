"""Words and numbers in the reader's language: gettext for text, Babel for figures, days and periods."""

from __future__ import annotations

import gettext
import math
from datetime import date, datetime
from importlib.resources import files

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_compact_currency, format_decimal, format_percent

from quarterdeck.base import calendar, money
from quarterdeck.base.config import Company

DOMAIN = "quarterdeck"
LOCALES = str(files("quarterdeck.interfaces.locale"))

# What an axis counts in: thousands for English, ten-thousands for Korean.
SCALES = {"en": ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k")), "ko": ((100_000_000, "억"), (10_000, "만"))}


class Words:
    """All that a page says, in the company's language and currency."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.language = company.language
        self.currency = company.currency
        self._locale = Locale.parse("ko_KR" if company.language == "ko" else "en_US")
        self._catalogue = gettext.translation(DOMAIN, LOCALES, languages=[company.language], fallback=True)

    def say(self, message: str, **values: object) -> str:
        """The message in the reader's language with its values put in."""
        text = self._catalogue.gettext(message) if message else ""
        return text.format(**values) if values else text

    def plural(self, one: str, many: str, count: int) -> str:
        """The message for one or for many, with {count} put in."""
        return self._catalogue.ngettext(one, many, count).format(count=self.number(count))

    def number(self, value: float | None, places: int = 0) -> str:
        """A number with thousands; a dash for none."""
        if value is None:
            return "–"
        if places == 0:
            return str(format_decimal(round(value), format="#,##0", locale=self._locale))
        return str(format_decimal(value, format="#,##0." + "0" * places, locale=self._locale))

    def quantity(self, value: float | None) -> str:
        """A number with a place behind the point where it is small."""
        return self.number(value, 0 if value is None or abs(value) >= 100 or value == round(value) else 1)

    def amount(self, minor: int | None) -> str:
        """Money from minor units, to the last of them, without the currency."""
        if minor is None:
            return "–"
        places = money.digits(self.currency)
        return str(
            format_decimal(
                money.to_major(minor, self.currency),
                format="#,##0" + ("." + "0" * places if places else ""),
                locale=self._locale,
            )
        )

    def compact(self, value: float | None) -> str:
        """Money in short: $1.2M, ₩3.4억."""
        if value is None:
            return "–"
        step = 4 if self.language == "ko" else 3
        thousands = int(math.log10(abs(value))) // step if abs(value) >= 1 else 0
        places = 0 if abs(value) >= 100 * 10 ** (step * thousands) else 1
        return str(format_compact_currency(value, self.currency, locale=self._locale, fraction_digits=places))

    def percent(self, rate: float | None, places: int = 1) -> str:
        if rate is None:
            return "–"
        return str(
            format_percent(rate, format="#,##0." + "0" * places + "%" if places else "#,##0%", locale=self._locale)
        )

    def points(self, difference: float | None) -> str:
        """A difference of two rates in percentage points, with its sign."""
        if difference is None:
            return "–"
        return self.signed(self.number(100 * difference, 1), difference)

    def signed(self, text: str, difference: float) -> str:
        """The text with a plus before it where it is more."""
        return f"+{text}" if difference > 0 else text

    def change(self, value: float | None, before: float | None) -> str:
        """A value against the one before as a signed share; a dash where that says nothing."""
        if value is None or not before or before < 0:
            return "–"
        rate = value / before - 1
        return self.signed(self.percent(rate), rate)

    def day(self, day: date) -> str:
        return str(format_date(day, format="long", locale=self._locale))

    def instant(self, at: datetime) -> str:
        return f"{format_date(at, format='medium', locale=self._locale)} {at:%H:%M} UTC"

    def period(self, start: date, grain: calendar.Grain = "month") -> str:
        """A period's name as it is typed on the command line: 2017-10, 2017Q4."""
        return calendar.label(start, grain, self.company)

    def scale(self, largest: float) -> tuple[float, str]:
        """What to divide an axis by, and its title: (1000000, "USD m")."""
        for size, word in SCALES[self.language]:
            if abs(largest) >= size:
                return float(size), f"{self.currency} {word}"
        return 1.0, self.currency

    def money_head(self, title: str) -> str:
        """A column's title with the currency."""
        return f"{title} ({self.currency})"
