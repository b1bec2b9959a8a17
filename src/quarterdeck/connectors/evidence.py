"""What a column's values look like: their type, how days and numbers are written, how many differ."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.connectors import convert, periods
from quarterdeck.connectors.vocabulary import currency_words

Kind = Literal[
    "empty", "flag", "integer", "number", "day", "instant", "epoch", "email", "phone", "link", "currency", "text"
]
NUMERIC = ("integer", "number")
TEMPORAL = ("day", "instant", "epoch")

LIST_SIGN = ";"
"""What parts several keys in one cell."""
_DISTINCT = 3_000
_ENOUGH = 0.95
_SPOKEN = {"%d": "day", "%m": "month", "%y": "year", "%Y": "year", "%b": "month", "%B": "month"}

_ORDERS = ("%d{s}%m{s}%Y", "%m{s}%d{s}%Y", "%d{s}%m{s}%y", "%m{s}%d{s}%y", "%Y{s}%m{s}%d", "%y{s}%m{s}%d")
_DATE_FORMS = (
    *(order.format(s=sign) for sign in "-/." for order in _ORDERS),
    "%Y. %m. %d.", "%Y. %m. %d", "%Y.%m.%d.", "%Y년 %m월 %d일", "%Y년 %m월", "%Y년%m월", "%Y년%m월%d일",
    "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
    "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d. %B %Y", "%Y%m%d", "%Y-%m", "%Y/%m", "%Y.%m",
    "%b-%y", "%b %Y",
)  # fmt: skip
_DATE_LIKE = r"^(?:[A-Za-z]{3,9}\.?[- ])?\d{1,4}\.?[-/., 년][ ]?[\dA-Za-z]|^\d{8}$|^[A-Za-z]{3,9}[- ]\d{2,4}$"
_CLOCK_FORMS = (
    ("%H:%M:%S", r"^\d{1,2}:\d{2}:\d{2}$"),
    ("%H:%M", r"^\d{1,2}:\d{2}$"),
    ("%I:%M %p", r"^\d{1,2}:\d{2} [AaPp][Mm]$"),
    ("%I:%M:%S %p", r"^\d{1,2}:\d{2}:\d{2} [AaPp][Mm]$"),
    ("%p %I:%M", r"^(?:AM|PM|오전|오후) \d{1,2}:\d{2}$"),
    ("%p %I:%M:%S", r"^(?:AM|PM|오전|오후) \d{1,2}:\d{2}:\d{2}$"),
)


_PERSON = (
    r"^[A-ZÀ-Þ][a-zà-ÿ'’-]+(?: (?:[A-ZÀ-Þ]\.|(?:van|von|de|da|der|del) )?[A-ZÀ-Þ][A-Za-zÀ-ÿ'’-]+){1,2}$"
    r"|^[김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반라왕금옥육인맹제모탁국][가-힣]{1,2}$"
)
_COMPANY = (
    r"(?i)(?:^|[\s,(])(?:gmbh|ag|kg|se|inc|ltd|llc|corp|corporation|co|company|plc|s\.?a\.?|s\.?r\.?l|b\.?v|oy|ab|group|holdings?)\.?\)?$"
    r"|주식회사|\(주\)|㈜|유한회사|상사$|물산$|산업$|전자$|제약$|건설$"
)


@dataclass(frozen=True)
class Evidence:
    """What the sample of a column shows. `values` are its distinct values as text (at most 3,000 of them)."""

    name: str
    kind: Kind
    rows: int
    filled: int
    distinct: int
    values: tuple[str, ...]
    format: str = ""
    other_format: str = ""
    """A second reading of the days that the values allow as well."""
    decimal: Literal[".", ","] = "."
    currency: str = ""
    """Currency whose sign stands beside the numbers."""
    is_integer_like: bool = False
    is_decimal_open: bool = False
    """The numbers could be read with the other decimal sign too: 1,234."""

    @cached_property
    def squeezed(self) -> tuple[str, ...]:
        """Each of `values` without case, space and punctuation; of several keys in one cell the first."""
        values = [value.split(LIST_SIGN)[0] for value in self.values] if self.has_lists else self.values
        return tuple(convert.squeezed(pl.Series(values, dtype=pl.String)).to_list())

    @cached_property
    def has_lists(self) -> bool:
        """Some cells hold several keys or names, parted by a semicolon."""
        return self.kind == "text" and any(LIST_SIGN in value.strip(f" {LIST_SIGN}") for value in self.values)

    @cached_property
    def joinable(self) -> frozenset[str]:
        """The distinct squeezed values."""
        return frozenset(self.squeezed)

    @cached_property
    def has_persons(self) -> bool:
        """Nearly all values look like names of persons."""
        return self.kind == "text" and _share(self.values, _PERSON) >= 0.9 and not self.has_companies

    @cached_property
    def has_companies(self) -> bool:
        """Many values end or begin as names of companies do."""
        return self.kind == "text" and _share(self.values, _COMPANY) >= 0.3

    @property
    def is_repeated(self) -> bool:
        """The same few values come again and again."""
        return self.filled >= 20 and self.distinct * 3 <= self.filled

    @property
    def is_unique(self) -> bool:
        return self.filled > 0 and self.distinct >= 0.999 * self.filled

    @property
    def share(self) -> float:
        return self.filled / self.rows if self.rows else 0.0

    def told(self) -> str:
        """The evidence in words, for a reason."""
        if self.kind == "empty":
            return "it is empty"
        seen = f"{self.filled:,} of {self.rows:,} rows filled" if self.filled < self.rows else "every row filled"
        return f"{seen}, {self._told_kind()}"

    def _told_kind(self) -> str:
        if self.kind in ("day", "instant"):
            if self.format == periods.FORM:
                return "quarters and other periods"
            told = "dates" if self.kind == "day" else "dates with time"
            return f"{told} written {spoken(self.format)}" if self.format not in ("", "iso") else told
        return {
            "flag": "yes or no",
            "integer": "whole numbers",
            "number": "numbers" + (" with decimal comma" if self.decimal == "," else ""),
            "epoch": "times as counted " + ("milliseconds" if self.format == "epoch_ms" else "seconds"),
            "email": "e-mail addresses",
            "phone": "telephone numbers",
            "link": "web addresses",
            "currency": "currencies",
        }.get(self.kind, f"{self.distinct:,} different text{'s' if self.distinct != 1 else ''}")


def _share(values: tuple[str, ...], pattern: str) -> float:
    return sum(re.search(pattern, value) is not None for value in values) / len(values) if values else 0.0


def spoken(form: str) -> str:
    """A day's format in words: day-month-year."""
    return "-".join(_SPOKEN[code] for code in re.findall(r"%[dmyYbB]", form)) or form


def examine(raw: pl.Series, missing: tuple[str, ...]) -> Evidence:
    """The evidence of one column of a sample."""
    values = convert.cleaned(raw, missing)
    there = values.drop_nulls()
    every = there.unique(maintain_order=True)
    some = every.gather_every(max(-(-len(every) // _DISTINCT), 1))
    # types are told by rows, so that one odd value among thousands decides nothing; the signs and orders that only few
    # values show, by the distinct ones
    texts, rows = convert.text(some), convert.text(there.gather_every(max(-(-len(there) // _DISTINCT), 1)))
    found = Evidence(raw.name, "text", len(raw), len(there), len(every), tuple(texts.to_list()))
    if not len(there):
        return replace(found, kind="empty")
    if raw.dtype != pl.String:
        return _typed(found, some)
    return _text(found, rows, texts)


def counted(raw: pl.Series) -> Evidence:
    """A column of which no more is asked than whether it holds something."""
    return Evidence(raw.name, "text", len(raw), raw.count(), raw.count(), ())


def _typed(found: Evidence, values: pl.Series) -> Evidence:
    kind = values.dtype
    if kind == pl.Date:
        return replace(found, kind="day", format="iso")
    if isinstance(kind, pl.Datetime):
        return replace(found, kind="instant", format="iso")
    if kind == pl.Boolean:
        return replace(found, kind="flag")
    if kind.is_numeric():
        if kind.is_integer() and (form := _epoch(values.cast(pl.Float64))):
            return replace(found, kind="epoch", format=form, is_integer_like=True)
        whole = kind.is_integer() or bool((values.cast(pl.Float64) % 1 == 0).all())
        return replace(found, kind="integer" if kind.is_integer() else "number", is_integer_like=whole)
    return found


def _text(found: Evidence, rows: pl.Series, texts: pl.Series) -> Evidence:
    def share(pattern: str) -> float:
        return float(rows.str.contains(pattern).mean() or 0.0)  # type: ignore[arg-type]

    if share(r"^[^@\s]+@[^@\s]+\.[^@\s]+$") >= 0.9:
        return replace(found, kind="email")
    if found.distinct <= 30 and all(value.casefold() in currency_words() for value in found.values):
        return replace(found, kind="currency")
    quarters = periods.is_quarter(rows)
    if quarters.any() and float((quarters | rows.str.contains(r"^\d{4}(?:[-/.년]|$)")).mean() or 0.0) >= _ENOUGH:  # type: ignore[arg-type]
        return replace(found, kind="day", format=periods.FORM)
    dated = _dates(rows.gather_every(max(len(rows) // 1000, 1)), texts)
    if dated is not None:
        form, other, has_clock = dated
        return replace(found, kind="instant" if has_clock else "day", format=form, other_format=other)
    if found.distinct <= 2 and convert.flags(texts).null_count() == 0:
        return replace(found, kind="flag", is_integer_like=share(r"^[01]$") == 1.0)
    if share(r"\d") >= _ENOUGH:
        numeric = _numbers(found, rows, texts)
        if numeric is not None:
            return numeric
    if share(r"^\+?[\d\s().\-/]{7,20}(?:\s?(?:x|ext\.?)\s?\d+)?$") >= 0.9:
        return replace(found, kind="phone")
    if share(r"^(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?:/\S*)?$") >= 0.9:
        return replace(found, kind="link")
    return found


def _numbers(found: Evidence, rows: pl.Series, texts: pl.Series) -> Evidence | None:
    sign = _decimal_sign(texts)
    if convert.plain_number(rows, sign).null_count() > (1 - _ENOUGH) * len(rows):
        return None
    plain = convert.plain_number(texts, sign)
    texts = texts.filter(plain.is_not_null())
    numbers = plain.cast(pl.Float64, strict=False).drop_nulls()
    if (form := _epoch(numbers)) and texts.str.contains(r"^\d+$").all():
        return replace(found, kind="epoch", format=form, is_integer_like=True)
    if texts.str.contains(r"^0\d{8,}$").mean() == 1.0:
        return replace(found, kind="phone")
    whole = bool((numbers % 1 == 0).all())
    is_integer = whole and not texts.str.contains(r"[.,]\d{1,2}$").any()
    marks = set()
    if texts.str.contains(r"[^\d\s.,'+\-]").all():
        lowered = texts.str.to_lowercase()
        marks = {
            code for word, code in currency_words().items() if lowered.str.contains(word, literal=True).mean() == 1.0
        }
    currency = next(iter(marks)) if len(marks) == 1 else ""
    return replace(
        found,
        kind="integer" if is_integer else "number",
        decimal=sign,
        is_integer_like=whole,
        currency=currency,
        is_decimal_open=bool(texts.str.contains(r"^\D*(?:\d+|\d{1,3}[.,]\d{3})\D*$").all())
        and bool(texts.str.contains(r"[.,]").any()),
    )


def _decimal_sign(texts: pl.Series) -> Literal[".", ","]:
    """The decimal sign that the values show: what comes last where both signs stand, what cannot part thousands."""
    both = texts.filter(texts.str.contains(r"\..*,|,.*\."))
    if len(both):
        return "," if both.str.contains(r",[^.]*$").mean() >= 0.5 else "."  # type: ignore[operator]
    if texts.str.contains(r",").any():
        if texts.str.contains(r",\d{3},\d{3}").any():
            return "."
        return "," if texts.str.contains(r",(?:\d{1,2}|\d{4,})\D*$|^\D*0,|\d{4},").any() else "."
    if texts.str.contains(r"\d\.\d{3}\.\d{3}").any():
        return ","
    return "."


def _epoch(numbers: pl.Series) -> str:
    """Counted seconds or milliseconds between 1995 and 2060, in a column of at least five of them."""
    if len(numbers) < 5:
        return ""
    low, high = float(numbers.min() or 0), float(numbers.max() or 0)  # type: ignore[arg-type]
    for form, unit in (("epoch_s", 1), ("epoch_ms", 1000)):
        if 788_918_400 * unit <= low and high <= 2_840_140_800 * unit:
            return form
    return ""


def _dates(some: pl.Series, every: pl.Series) -> tuple[str, str, bool] | None:
    """Format, another possible format and whether there is a time of day, when nearly all rows are dates."""
    if some.str.contains(_DATE_LIKE).mean() < _ENOUGH:  # type: ignore[operator]
        return None
    iso = convert.instants(some, "iso", ZoneInfo("UTC"))
    if _sane(iso) >= _ENOUGH:
        return "iso", "", bool(some.str.contains(r":\d{2}").any())
    split, distinct = _parted(some), _parted(every)
    clock = _clock_form(split["clock"].drop_nulls())
    if clock is None:
        return None
    gaps = split.filter(pl.col("clock").is_not_null())["gap"].drop_nulls().unique().to_list()
    fitting = []
    for form in _DATE_FORMS:
        if form == "%Y%m%d" and split["day"].str.contains(r"^(?:19|20)\d{6}$").mean() < _ENOUGH:  # type: ignore[operator]
            continue
        if _sane(convert.instants(split["day"].head(20), form, ZoneInfo("UTC"))) < 0.5:
            continue
        if _sane(convert.instants(split["day"], form, ZoneInfo("UTC"))) >= _ENOUGH and _widths_fit(split["day"], form):
            read = convert.instants(distinct["day"], form, ZoneInfo("UTC"))
            fitting.append((_sane(read), _span(read), form))
    if not fitting:
        return None
    most = max(share for share, _, _ in fitting)
    # a day of the month read as a year scatters the dates over decades
    least = min(span for share, span, _ in fitting if share == most)
    best = [form for share, span, form in fitting if share == most and span <= 3 * least + 366]
    tail = f"{gaps[0] if gaps else ' '}{clock}" if clock else ""
    other = next((form for form in best[1:] if _order(form) and _order(form) != _order(best[0])), "")
    return best[0] + tail, other and other + tail, bool(clock)


def _parted(texts: pl.Series) -> pl.DataFrame:
    """The day, what stands between, and the time of day."""
    parts = r"^(?<day>.*?)(?<gap>,? +|T)?(?<clock>(?:(?:AM|PM|오전|오후) )?\d{1,2}:\d{2}.*)?$"
    return texts.to_frame("v").select(pl.col("v").str.extract_groups(parts)).to_series().struct.unnest()


def _span(read: pl.Series) -> int:
    """Days between the first and the last."""
    there = read.drop_nulls().cast(pl.Date).to_physical()
    return int(there.max()) - int(there.min()) if len(there) else 0  # type: ignore[arg-type]


def _widths_fit(texts: pl.Series, form: str) -> bool:
    """Years of four digits are no years of two and the other way round."""
    has_four = bool(texts.str.contains(r"\d{4}").mean() >= 0.5)  # type: ignore[operator]
    return has_four if "%Y" in form else not has_four


def _clock_form(clocks: pl.Series) -> str | None:
    """The format of the times of day, "" when there are none, None when they are of no known format."""
    if not len(clocks):
        return ""
    for form, pattern in _CLOCK_FORMS:
        if clocks.str.contains(pattern).mean() >= _ENOUGH:  # type: ignore[operator]
            return form
    return None


def _sane(read: pl.Series) -> float:
    """Share of values that are dates within the years that records have."""
    if not len(read):
        return 0.0
    fit = (read >= datetime(1950, 1, 1)) & (read < datetime(2100, 1, 1))
    return float(fit.fill_null(value=False).mean() or 0.0)  # type: ignore[arg-type]


def settled(found: dict[str, list[Evidence]]) -> dict[str, list[Evidence]]:
    """What could be read in two ways is read as the file's other columns are, else as those of the folder.

    That is the order of day and month, and the decimal sign. What stays open keeps its `other_format`.
    """
    every = [evidence for columns in found.values() for evidence in columns]
    folder, folder_signs = _orders(every), _signs(every)
    out: dict[str, list[Evidence]] = {}
    for path, columns in found.items():
        here = _orders(columns) or folder
        signs = _signs(columns) or folder_signs
        out[path] = []
        for evidence in columns:
            if evidence.other_format and len(here) == 1:
                order = next(iter(here))
                fitting = [form for form in (evidence.format, evidence.other_format) if _order(form) == order]
                if fitting:
                    evidence = replace(evidence, format=fitting[0], other_format="")
            if evidence.is_decimal_open and len(signs) == 1 and evidence.decimal not in signs:
                other = "." if "," in signs else ","
                evidence = replace(
                    evidence,
                    decimal="," if "," in signs else ".",
                    kind="number",
                    is_integer_like=all(other in value or value.isdigit() for value in evidence.values),
                    is_decimal_open=False,
                )
            out[path].append(evidence)
    return out


def _signs(columns: Iterable[Evidence]) -> set[str]:
    """The decimal signs of columns that show theirs."""
    return {
        column.decimal
        for column in columns
        if column.kind == "number"
        and not column.is_decimal_open
        and any(column.decimal in value for value in column.values)
    }


def _orders(columns: Iterable[Evidence]) -> set[str]:
    """The orders of day and month of which only one reading is possible."""
    return {
        order for column in columns if column.format and not column.other_format and (order := _order(column.format))
    }


def _order(form: str) -> str:
    codes = "".join(re.findall(r"%[dm]", form)) if re.search(r"%d[-/.]%m|%m[-/.]%d", form) else ""
    return codes if not form.startswith("%Y") else ""
