"""Values of a source into the types of the schema: exact money, days, instants, numbers, flags.

Every function takes a series of the source's values (null where there is none) and gives one of equal length; what
cannot be read is null. Nothing passes through binary floating point on its way to money.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.base.money import digits
from quarterdeck.connectors import clocks, periods
from quarterdeck.connectors.vocabulary import canonical_value, currency_words, value_words
from quarterdeck.connectors.vocabulary import squeezed as squeezed_word

_TRUE = {"true", "t", "yes", "y", "1", "x", "예", "네", "참", "o"}
_FALSE = {"false", "f", "no", "n", "0", "아니오", "아니요", "거짓"}


def cleaned(raw: pl.Series, missing: tuple[str, ...]) -> pl.Series:
    """The values with outer space taken off and null where the text stands for no value."""
    if raw.dtype == pl.String:
        text = raw.str.strip_chars()
        return text.set(text.is_in([*missing]), None)
    if raw.dtype in (pl.Float32, pl.Float64):
        return raw.fill_nan(None)
    return raw


def text(raw: pl.Series) -> pl.Series:
    """The values as text; whole floats lose their ".0", so that keys read as numbers still meet."""
    if raw.dtype == pl.String:
        return raw
    if raw.dtype in (pl.Float32, pl.Float64):
        return raw.cast(pl.String).str.replace(r"\.0$", "")
    if raw.dtype == pl.Boolean:
        return raw.replace_strict({True: "true", False: "false"}, return_dtype=pl.String)
    return raw.cast(pl.String)


def squeezed(raw: pl.Series) -> pl.Series:
    """Text without case, space and punctuation, for telling near-misses: "GTX Pro" and "GTXPro" are one."""
    return raw.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\W_]+", "")


@cache
def _currency_marks() -> str:
    marks = sorted((re.escape(word) for word in currency_words()), key=len, reverse=True)
    return "(?i)(?:" + "|".join(marks) + ")"


def plain_number(raw: pl.Series, decimal: str = ".") -> pl.Series:
    """Numbers as people write them as plain text; null for what is no number.

    >>> plain_number(pl.Series(["$ 1,054.00", "(1 054)", "1054-", "12,34", "12 apples"])).to_list()
    ['1054.00', '-1054', '-1054', None, None]
    """
    if raw.dtype != pl.String:
        # an integer or decimal prints exactly, a float in its shortest form
        return (
            raw.cast(pl.String) if raw.dtype.is_numeric() else pl.Series(raw.name, [None] * len(raw), dtype=pl.String)
        )
    marks, parts = _currency_marks(), "." if decimal == "," else ","
    value = pl.col("v")
    is_minus = value.str.contains(r"^\s*\(.*\)\s*$") | value.str.contains(r"[-−]")
    bare = (
        value.str.replace_all(r"^\(|\)$", "")
        .str.replace_all(r"^[-+−\s]+|[-−\s]+$", "")
        .str.replace(rf"^{marks}\s*", "")
        .str.replace(rf"\s*{marks}$", "")
        .str.replace_all(r"^[-+−\s]+|[-−\s]+$", "")
    )
    grouped = bare.str.contains(rf"^\d{{1,3}}(?:[{parts}\s'’]\d{{2,3}})*[{parts}\s'’]\d{{3}}(?:[{decimal}]\d*)?$")
    whole = bare.str.contains(rf"^(?:\d+(?:[{decimal}]\d*)?|[{decimal}]\d+)(?:[eE][-+]?\d+)?$")
    number: pl.Expr = pl.when(grouped).then(bare.str.replace_all(rf"[{parts}\s'’]", "")).when(whole).then(bare)
    number = number.str.replace(",", ".", literal=True)
    signed = pl.when(is_minus & ~bare.str.contains("[eE]")).then(pl.lit("-") + number).otherwise(number)
    return pl.DataFrame({"v": raw}).select(signed.alias(raw.name)).to_series()


def fixed(number: pl.Series, places: int) -> pl.Series:
    """Plain numbers as integers of 10**-places, a half away from zero; null when they do not fit 63 bits.

    >>> fixed(pl.Series(["1054.0", "-0.005", "12.3456"]), 2).to_list()
    [105400, -1, 1235]
    """
    parts = number.to_frame("v").select(
        pl.col("v").str.extract_groups(r"^(?<sign>-?)0*(?<whole>\d*)\.?(?<part>\d*)$").alias("g"), "v"
    )
    sign, whole, part = (pl.col("g").struct.field(name) for name in ("sign", "whole", "part"))
    padded = part + pl.lit("0" * (places + 1))
    next_digit = padded.str.slice(places, 1).cast(pl.Int64, strict=False)
    size = (whole + padded.str.slice(0, places)).str.pad_start(1, "0")
    fits = size.str.len_chars() <= 18
    minor = pl.when(fits).then(size).otherwise(None).cast(pl.Int64, strict=False) + (next_digit >= 5).cast(pl.Int64)
    out = parts.select(pl.when(sign == "-").then(-minor).otherwise(minor).alias("minor"), "v")
    made = out["minor"].alias(number.name)
    left = made.is_null() & number.is_not_null()
    if not left.any():
        return made
    exact = {value: _fixed_exactly(value, places) for value in number.filter(left).unique().to_list()}
    repaired = out["v"].replace_strict(exact, default=None, return_dtype=pl.Int64)
    return made.fill_null(repaired)


def _fixed_exactly(value: str, places: int) -> int | None:
    try:
        minor = int(Decimal(value).scaleb(places).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except ArithmeticError:
        return None
    return minor if abs(minor) < 2**63 else None


_DISTINCT = 0.3


def _by_distinct(raw: pl.Series, convert: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The conversion of each value, done once for each different one where these are few."""
    if raw.dtype != pl.String or len(raw) < 5_000:
        return convert(raw)
    some = raw.head(5_000)
    if some.n_unique() > _DISTINCT * len(some) * 2:
        return convert(raw)
    every = raw.unique()
    if len(every) > _DISTINCT * len(raw):
        return convert(raw)
    made = convert(every)
    return raw.replace_strict(every, made, return_dtype=made.dtype).alias(raw.name)


def _plain_minor(raw: pl.Series, places: int) -> pl.Series | None:
    """Minor units of numbers that are all written plainly, with no more places than the currency has; else None."""
    if raw.dtype != pl.String or not raw.str.contains(rf"^-?\d{{1,15}}(?:\.\d{{1,{max(places, 1)}}})?$").all():
        return None
    if not places and raw.str.contains(".", literal=True).any():
        return None
    return raw.str.to_decimal(scale=places).to_physical().cast(pl.Int64).alias(raw.name)


def money(raw: pl.Series, currency: pl.Series, decimal: str = ".", scale: int = 1) -> pl.Series:
    """Amounts in major units (times `scale`, a power of ten) as minor units of each row's currency."""
    if decimal == "." and scale == 1 and currency.n_unique() == 1 and currency[0] is not None:
        minor = _plain_minor(raw, digits(currency[0]))
        if minor is not None:
            return minor
    number, more = plain_number(raw, decimal), len(str(scale)) - 1
    places = currency.replace_strict(
        {code: digits(code) for code in currency.unique().drop_nulls().to_list()}, default=2, return_dtype=pl.Int64
    )
    out = pl.Series(raw.name, [None] * len(raw), dtype=pl.Int64)
    for count in places.unique().to_list():
        out = (
            out.to_frame("o")
            .select(pl.when(places == count).then(fixed(number, count + more)).otherwise(pl.col("o")))
            .to_series()
        )
    return out.alias(raw.name)


def decimals(raw: pl.Series, decimal: str = ".", scale: int = 1) -> pl.Series:
    """Numbers as Decimal(18, 6), a half of the last place away from zero."""
    return _by_distinct(raw, lambda some: _decimals(some, decimal, scale))


def _decimals(raw: pl.Series, decimal: str, scale: int) -> pl.Series:
    millionths = fixed(plain_number(raw, decimal), 6 + len(str(scale)) - 1)
    sign = millionths.to_frame("v").select(
        pl.when(pl.col("v").abs() < 10**18)
        .then(
            pl.when(pl.col("v") < 0).then(pl.lit("-")).otherwise(pl.lit(""))
            + pl.col("v").abs().cast(pl.String).str.zfill(7).str.replace(r"(\d{6})$", ".$1")
        )
        .alias(raw.name)
    )
    return sign.to_series().cast(pl.Decimal(18, 6), strict=False)


def numbers(raw: pl.Series, decimal: str = ".", scale: int = 1) -> pl.Series:
    """Numbers as floats; a percent sign divides by a hundred."""
    return _by_distinct(raw, lambda some: _numbers(some, decimal, scale))


def _numbers(raw: pl.Series, decimal: str, scale: int) -> pl.Series:
    if raw.dtype == pl.String:
        percent = raw.str.ends_with("%").fill_null(value=False)
        if percent.any():
            bare = numbers(raw.str.strip_suffix("%").str.strip_chars(), decimal, scale)
            return (
                bare.to_frame("v").select(pl.when(percent).then(pl.col("v") / 100).otherwise(pl.col("v"))).to_series()
            )
    return plain_number(raw, decimal).cast(pl.Float64, strict=False) * scale


def integers(raw: pl.Series, decimal: str = ".", scale: int = 1) -> pl.Series:
    """Whole numbers; "2822.0" is one, "2822.5" is none."""
    return _by_distinct(raw, lambda some: _integers(some, decimal, scale))


def _integers(raw: pl.Series, decimal: str, scale: int) -> pl.Series:
    if raw.dtype.is_integer():
        return raw.cast(pl.Int64, strict=False) * scale
    hundredth = fixed(plain_number(raw, decimal), 3 + len(str(scale)) - 1)
    whole = pl.when(pl.col("v") % 1000 == 0).then(pl.col("v") // 1000)
    return hundredth.to_frame("v").select(whole).to_series().alias(raw.name)


def flags(raw: pl.Series) -> pl.Series:
    """True and false as people write them."""
    if raw.dtype == pl.Boolean:
        return raw
    known = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
    return text(raw).str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.Boolean)


def instants(raw: pl.Series, form: str, zone: ZoneInfo) -> pl.Series:
    """Instants in UTC without a zone. Days and clock times that name no zone are in `zone`."""
    if raw.dtype == pl.Date:
        return _to_utc(raw.cast(pl.Datetime("us")), zone)
    if isinstance(raw.dtype, pl.Datetime):
        if raw.dtype.time_zone:
            return raw.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(pl.Datetime("us"))
        return _to_utc(raw.cast(pl.Datetime("us")), zone)
    if form == periods.FORM:
        return _to_utc(periods.first_days(text(raw)).cast(pl.Datetime("us")), zone).alias(raw.name)
    if form in ("epoch_s", "epoch_ms"):
        count = integers(raw) * (1_000_000 if form == "epoch_s" else 1000)
        return count.cast(pl.Datetime("us"))
    return _by_distinct(text(raw), lambda some: _instants(some, form, zone))


def _instants(raw: pl.Series, form: str, zone: ZoneInfo) -> pl.Series:
    plain = clocks.plain(raw) if form in ("", "iso") else None
    if plain is not None:
        local, is_utc = plain
        return local if is_utc else _to_utc(local, zone)
    local, offset = clocks.parted(raw, form)
    local = clocks.with_serials(local, raw)
    frame = pl.DataFrame({"local": local, "ahead": offset, "here": _to_utc(local, zone)})
    there = pl.col("local") - pl.duration(minutes=pl.col("ahead"))
    out = frame.select(pl.when(pl.col("ahead").is_null()).then(pl.col("here")).otherwise(there).alias(raw.name))
    return out.to_series()


def days(raw: pl.Series, form: str, zone: ZoneInfo) -> pl.Series:
    """Days; an instant that names its zone gives its day in `zone`, another its own."""
    if raw.dtype == pl.Date:
        return raw
    if isinstance(raw.dtype, pl.Datetime) and not raw.dtype.time_zone:
        return raw.cast(pl.Date)
    if form == periods.FORM:
        return periods.first_days(text(raw))
    if isinstance(raw.dtype, pl.Datetime) or form in ("epoch_s", "epoch_ms"):
        return _local_day(instants(raw, form, zone), zone)
    return _by_distinct(text(raw), lambda some: _days(some, form, zone))


def _days(raw: pl.Series, form: str, zone: ZoneInfo) -> pl.Series:
    plain = clocks.plain(raw) if form in ("", "iso") else None
    if plain is not None:
        return _local_day(plain[0], zone) if plain[1] else plain[0].cast(pl.Date)
    local, offset = clocks.parted(raw, form)
    local = clocks.with_serials(local, raw)
    here = _local_day(instants(raw, form, zone), zone)
    return pl.select(pl.when(offset.is_null()).then(local.cast(pl.Date)).otherwise(here)).to_series().alias(raw.name)


def _local_day(utc: pl.Series, zone: ZoneInfo) -> pl.Series:
    return utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key).dt.replace_time_zone(None).cast(pl.Date)


def _to_utc(local: pl.Series, zone: ZoneInfo) -> pl.Series:
    if zone.key == "UTC":
        return local

    def there(clock: pl.Series) -> pl.Series:
        known = clock.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
        return known.dt.convert_time_zone("UTC").dt.replace_time_zone(None)

    # a clock time that daylight saving skips is read as the hour after the gap
    return there(local).fill_null(there(local.dt.offset_by("1h")))


def words(raw: pl.Series, values: dict[str, str], column: str) -> pl.Series:
    """Text with the source's values put into ours: those that the mapping names, else those whose words are known.

    A value to which the mapping gives an empty word is null.
    """
    plain = text(raw)
    if not values and not value_words(column):
        return plain
    loose = {squeezed_word(word): value for word, value in values.items()}
    known: dict[str, str | None] = {}
    for value in plain.unique().drop_nulls().to_list():
        ours = values.get(value, loose.get(squeezed_word(value)))
        known[value] = canonical_value(column, value) or value if ours is None else ours or None
    return plain.replace_strict(known, default=None, return_dtype=pl.String).alias(raw.name)


def currencies(raw: pl.Series) -> pl.Series:
    """ISO codes for signs and names of currencies; an unknown one stays as it is, in capitals."""
    plain, known = text(raw), currency_words()
    codes = {value: known.get(value.casefold(), value.upper()) for value in plain.unique().drop_nulls().to_list()}
    return plain.replace_strict(codes, default=None, return_dtype=pl.String).alias(raw.name)


def json_lists(raw: pl.Series) -> pl.Series:
    """JSON as it is; "a; b" as a list."""
    plain = text(raw).to_frame("v")
    listed = (
        pl.col("v")
        .str.replace_all(r"\s*[;,|]\s*", "\u0001")
        .str.replace_all(r'(["\\])', r"\$1")
        .str.replace_all("\u0001", '","')
    )
    is_json = pl.col("v").str.contains(r"^\s*[\[{].*[\]}]\s*$")
    made = pl.when(is_json).then(pl.col("v")).otherwise(pl.lit('["') + listed + pl.lit('"]'))
    return plain.select(pl.when(pl.col("v").is_not_null()).then(made).alias(raw.name)).to_series()


def printed(value: object) -> str:
    """A value as a person reads it in a message."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
