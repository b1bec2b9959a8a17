"""What a table's shape says before its columns are looked at: names in two columns, periods side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.composed import ComposedChunk, composed, with_computed
from quarterdeck.connectors.files import Chunk
from quarterdeck.connectors.mapping import Computed, FileMapping, Spread
from quarterdeck.connectors.samples import TableSample
from quarterdeck.connectors.vocabulary import missing, plain, spelt_out, words

FULL_NAME = "Full name"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SUMS = {"total", "sum", "grand total", "year", "ytd", "average", "합계", "총계", "계", "평균", "summe", "gesamt"}
_YEAR = r"(?:fy\s*)?(?P<year>(?:20)?\d{2})년?"
_FORMS = (
    ("year", r"(?:fy\s*)?(?P<year>20\d{2})년?|fy\s*(?P<short>\d{2})"),
    ("quarter", rf"q\s*(?P<q>[1-4])(?:\s*{_YEAR})?"),
    ("quarter", rf"{_YEAR}\s*q\s*(?P<q>[1-4])"),
    ("quarter", rf"(?P<q>[1-4])\s*q(?:\s*{_YEAR})?"),
    ("quarter", rf"(?:{_YEAR}\s*)?(?P<q>[1-4])분기"),
    ("month", rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*(?:\s*{_YEAR})?"),
    ("month", rf"{_YEAR}\s*(?P<name>{'|'.join(_MONTHS)})[a-z]*"),
    ("month", r"(?P<year>20\d{2})\s*(?P<m>0?[1-9]|1[0-2])월?"),
    ("month", r"(?P<m>0?[1-9]|1[0-2])\s*(?P<year>20\d{2})"),
    ("month", rf"(?:{_YEAR}\s*)?(?P<m>0?[1-9]|1[0-2])월"),
)


@dataclass(frozen=True)
class Shaped:
    """A sample as it is looked at, with what was made of it. `parts` are columns that made others, with the reason."""

    sample: TableSample
    computed: dict[str, Computed] = field(default_factory=dict)
    spread: Spread | None = None
    parts: dict[str, str] = field(default_factory=dict)
    reason: str = ""


def shaped(sample: TableSample) -> Shaped:
    """The sample with a column for names that stand in two, and a row for each period that stands in a column."""
    names = sample.frame.columns
    computed = _full_name(names)
    parts = dict.fromkeys((part for how in computed.values() for part in how.join), f"a part of {FULL_NAME!r}")
    spread = _periods(sample)
    if spread is None and not computed:
        return Shaped(sample)
    entry = FileMapping(path=sample.path, table="targets", spread=spread, computed=computed)
    chunk = composed(Chunk(sample.frame, 2), entry, missing())
    keys = sample.keys if not computed or sample.keys is None else _with_names(sample.keys, computed)
    made = replace(sample, frame=chunk.frame, keys=None if isinstance(chunk, ComposedChunk) else keys)
    if spread is None:
        return Shaped(made, computed, None, parts)
    sums = {name: "a sum of the periods beside it" for name in names if name not in spread.columns and _is_sum(name)}
    reason = (
        f"{len(spread.columns)} of its columns are periods, {next(iter(spread.columns))!r} and so on: each is a row"
    )
    return Shaped(made, computed, spread, parts | sums, reason)


_Keys = Callable[[list[str]], Iterable[pl.DataFrame]]


def known_shape(sample: TableSample, entry: FileMapping) -> Shaped:
    """The sample as an entry of a mapping composes it."""
    if entry.spread is None and not entry.computed:
        return Shaped(sample)
    made = composed(Chunk(sample.frame, 2), entry, missing())
    keys = None if entry.spread is not None or sample.keys is None else _with_names(sample.keys, entry.computed)
    return Shaped(replace(sample, frame=made.frame, keys=keys), entry.computed, entry.spread)


def _with_names(read: _Keys, computed: dict[str, Computed]) -> _Keys:
    """The reader of a table's columns that knows the computed ones too."""

    def keys(columns: list[str]) -> list[pl.DataFrame]:
        source = list(dict.fromkeys(p for c in columns for p in (computed[c].parts if c in computed else (c,))))
        return [with_computed(frame, computed, missing()).select(columns) for frame in read(source) if frame.width]

    return keys


def _full_name(names: list[str]) -> dict[str, Computed]:
    """A first and a last name that no column gives together."""
    known = {spelt_out(plain(name)): name for name in names}
    for mark in ("", "contact ", "person ", "lead ", "user ", "owner ", "employee ", "hs ", "properties ", "property "):
        if any(f"{mark}{whole}" in known for whole in ("name", "full name", "display name")):
            return {}
        for first, last in words()["first and last name"]:
            if f"{mark}{first}" in known and f"{mark}{last}" in known:
                return {FULL_NAME: Computed(join=(known[f"{mark}{first}"], known[f"{mark}{last}"]))}
    return {}


def _is_sum(name: str) -> bool:
    found = period_of(name)
    return plain(name) in _SUMS or (found is not None and found[0] == "year")


def period_of(heading: str) -> tuple[str, str, str] | None:
    """The grain, the year ("" for none) and the rest of a period that a heading names.

    >>> period_of("Jan 2025"), period_of("1분기"), period_of("Q3 FY26"), period_of("Q-value")
    (('month', '2025', '01'), ('quarter', '', 'Q1'), ('quarter', '2026', 'Q3'), None)
    """
    text = " ".join(re.findall(r"[^\W_]+", heading.casefold()))
    for grain, form in _FORMS:
        match = re.fullmatch(form, text)
        if match is None:
            continue
        found = {key: value for key, value in match.groupdict().items() if value}
        year = found.get("year") or found.get("short") or ""
        year = f"20{year}" if len(year) == 2 else year
        if "q" in found:
            return grain, year, f"Q{found['q']}"
        if "name" in found:
            return grain, year, f"{_MONTHS.index(found['name']) + 1:02d}"
        return grain, year, f"{int(found['m']):02d}" if "m" in found else ""
    return None


def _periods(sample: TableSample) -> Spread | None:
    """The columns that are periods side by side, the finest grain of which there are several."""
    found = {name: period for name in sample.frame.columns if (period := period_of(name)) and _is_numeric(sample, name)}
    for grain, least in (("month", 3), ("quarter", 2), ("year", 2)):
        of_grain = {name: period for name, period in found.items() if period[0] == grain}
        if len(of_grain) >= least and len({period[1:] for period in of_grain.values()}) == len(of_grain):
            return _spread(sample, of_grain)
    return None


def _spread(sample: TableSample, found: dict[str, tuple[str, str, str]]) -> Spread | None:
    year = ""
    if not all(period[1] for period in found.values()):
        in_name = re.search(r"(?<!\d)(20\d{2})(?!\d)|fy\s*(\d{2})(?!\d)", sample.named.casefold())
        column = next((name for name in sample.frame.columns if plain(name) in ("year", "연도", "년도", "jahr")), "")
        if in_name is None and not column:
            return None
        stated = (in_name[1] or f"20{in_name[2]}") if in_name and not column else ""
        found = {name: (grain, own or stated, rest) for name, (grain, own, rest) in found.items()}
        year = column if not stated else ""
    texts = {name: "-".join(filter(None, (own, rest))) for name, (_, own, rest) in found.items()}
    taken = set(sample.frame.columns)
    value = next(name for name in ("Target", "Target value", "Value of the target") if name not in taken)
    period = next(name for name in ("Period", "Target period", "Period of the target") if name not in taken)
    return Spread(columns=texts, period=period, value=value, year=year)


def _is_numeric(sample: TableSample, name: str) -> bool:
    values = convert.text(convert.cleaned(sample.frame[name], missing())).drop_nulls()
    if not len(values):
        return True
    return convert.plain_number(values).null_count() <= 0.05 * len(values) or (
        convert.plain_number(values, ",").null_count() <= 0.05 * len(values)
    )
