"""Days and clock times as they are written, before anything is known of zones."""

from __future__ import annotations

import re
from datetime import datetime

import polars as pl

_ISO = (
    r"^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)


_PLAIN_CLOCKS = (
    ("%Y-%m-%d", 10, False),
    ("%Y-%m-%d %H:%M:%S", 19, False),
    ("%Y-%m-%dT%H:%M:%S", 19, False),
    ("%Y-%m-%dT%H:%M:%SZ", 20, True),
)


def plain(raw: pl.Series) -> tuple[pl.Series, bool] | None:
    """Clock times that are all written in one plain way, and whether in UTC; else None."""
    there = raw.drop_nulls()
    size = len(there[0]) if len(there) else 0
    for form, length, is_utc in _PLAIN_CLOCKS:
        if size != length or not (there.str.len_bytes() == length).all():
            continue
        if "%H" in form:
            local = raw.str.to_datetime(form, time_unit="us", strict=False)
        else:
            local = raw.str.to_date(form, strict=False).cast(pl.Datetime("us"))
        if local.null_count() == raw.null_count():
            return local, is_utc
    return None


def parted(raw: pl.Series, form: str) -> tuple[pl.Series, pl.Series]:
    """Clock times without zone, and the minutes that they are ahead of UTC (null where they name no zone)."""
    frame = raw.to_frame("v")
    if form in ("", "iso"):
        group = pl.col("v").str.replace_all(r"[./](\d{1,2})[./](\d{1,2})", "-$1-$2").str.extract_groups(_ISO)
        part = [group.struct.field(str(place)) for place in range(1, 9)]
        year, month, day, hour, minute, second, fraction, zone = part
        iso = pl.concat_str(
            [
                pl.concat_str([year, month.str.zfill(2), day.str.zfill(2)], separator="-"),
                pl.concat_str(
                    [hour.fill_null("0").str.zfill(2), minute.fill_null("00"), second.fill_null("00")], separator=":"
                ),
            ],
            separator="T",
        )
        full = iso + "." + fraction.fill_null("").str.pad_end(6, "0").str.slice(0, 6)
        signed = zone.str.replace(":", "", literal=True)
        ahead = signed.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + signed.str.slice(3, 2).cast(
            pl.Int64, strict=False
        )
        offset = (
            pl.when(zone.is_in(["Z", "UTC", "GMT"]))
            .then(pl.lit(0, pl.Int64))
            .otherwise(pl.when(signed.str.starts_with("-")).then(-ahead).otherwise(ahead))
        )
        out = frame.select(
            full.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).alias("l"), offset.alias("o")
        )
        return out["l"].alias(raw.name), out["o"]
    spoken = frame.select(pl.col("v").str.replace("오전", "AM").str.replace("오후", "PM")).to_series()
    if "%z" in form:
        seen = spoken.str.to_datetime(form, time_unit="us", strict=False, time_zone="UTC")
        return seen.dt.replace_time_zone(None).alias(raw.name), pl.Series([0] * len(raw), dtype=pl.Int64)
    if re.search("%[HIMS]", form):
        local = spoken.str.to_datetime(form, time_unit="us", strict=False)
    else:
        local = spoken.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    left = local.is_null() & spoken.is_not_null()
    if left.any():
        exact = {value: _strptime(value, form) for value in spoken.filter(left).unique().to_list()}
        local = local.fill_null(spoken.replace_strict(exact, default=None, return_dtype=pl.Datetime("us")))
    return local.alias(raw.name), pl.Series([None] * len(raw), dtype=pl.Int64)


def _strptime(value: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(value, form)  # noqa: DTZ007 - the zone is given by the caller
    except ValueError:
        return None


_SERIAL = r"^[2-7]\d{4}(?:\.\d+)?$"


def serials(raw: pl.Series) -> pl.Series:
    """Clock times for the day counts of spreadsheets (45292.5 is noon of 2024-01-01), null for other texts.

    Counts of five figures only, 1954 to 2119: no usual way of writing days looks so.
    """
    count = pl.when(pl.col("v").str.contains(_SERIAL)).then(pl.col("v")).cast(pl.Float64, strict=False)
    # to the second: a day's part has no more places than that in a spreadsheet
    microseconds = (count * 86_400).round(0).cast(pl.Int64) * 1_000_000
    start = pl.lit(datetime(1899, 12, 30), pl.Datetime("us"))
    return raw.to_frame("v").select((start + microseconds.cast(pl.Duration("us"))).alias(raw.name)).to_series()


def with_serials(local: pl.Series, raw: pl.Series) -> pl.Series:
    left = local.is_null() & raw.is_not_null()
    return local.fill_null(serials(raw)) if left.any() else local
