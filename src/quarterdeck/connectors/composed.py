"""Rows as a mapping composes them: columns of others, periods in columns turned into rows, rows of one key made one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.files import Chunk, SourceFile
from quarterdeck.connectors.mapping import Computed, FileMapping


@dataclass
class ComposedChunk(Chunk):
    """A chunk whose rows are not the file's: `lines` gives each row's record in the file."""

    lines: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))


def names(entry: FileMapping, source: list[str]) -> list[str]:
    """The columns that an entry's rows have, given those of its file."""
    if entry.spread is not None:
        source = [name for name in source if name not in entry.spread.columns]
        source = [*source, entry.spread.period, entry.spread.value]
    return [*source, *(name for name, parts in entry.computed.items() if set(parts.parts) <= set(source))]


def needed(entry: FileMapping, used: list[str], source: list[str]) -> list[str]:
    """The columns of the file that give the used ones."""
    found: list[str] = []
    for name in used:
        found += entry.computed[name].parts if name in entry.computed else [name]
    return [name for name in dict.fromkeys(found) if name in source]


def chunks(
    file: SourceFile, entry: FileMapping, missing: tuple[str, ...], size: int, columns: list[str] | None = None
) -> Iterator[Chunk]:
    """The rows of a file as the entry composes them; `columns` names those that are wanted. Raises UnreadableError."""
    source = file.columns()
    wanted = columns if columns is None or entry.spread is not None else needed(entry, columns, source)
    for chunk in file.chunks(size, None if entry.spread is not None else wanted):
        yield composed(chunk, entry, missing, columns)


def composed(chunk: Chunk, entry: FileMapping, missing: tuple[str, ...], columns: list[str] | None = None) -> Chunk:
    """One chunk of a file's rows as the entry composes them."""
    frame, lines = chunk.frame, None
    if entry.spread is not None and frame.width:
        frame, rows = _spread(frame, entry)
        lines = chunk.first + rows if chunk.lines is None else chunk.lines.gather(rows)
    frame = with_computed(frame, entry.computed, missing)
    if columns is not None:
        frame = frame.select(name for name in columns if name in frame.columns)
    if lines is None:
        return Chunk(frame, chunk.first, chunk.broken, chunk.lines)
    return ComposedChunk(frame, chunk.first, chunk.broken, lines)


def with_computed(frame: pl.DataFrame, computed: dict[str, Computed], missing: tuple[str, ...]) -> pl.DataFrame:
    """The frame with the columns that others make; those of which a part is not there are left out."""
    made = []
    for name, how in computed.items():
        if not set(how.parts) <= set(frame.columns):
            continue
        parts = [convert.cleaned(frame[part], missing) for part in how.parts]
        made.append((_product(parts, how.decimal) if how.multiply else _joined(parts)).alias(name))
    return frame.with_columns(made)


def _product(parts: list[pl.Series], decimal: str) -> pl.Series:
    numbers = [convert.decimals(part, decimal) for part in parts]
    total = pl.lit(1, pl.Decimal(38, 6))
    for place in range(len(numbers)):
        total = total * pl.col(str(place))
    return pl.DataFrame([part.alias(str(place)) for place, part in enumerate(numbers)]).select(total).to_series()


def _joined(parts: list[pl.Series]) -> pl.Series:
    texts = pl.DataFrame([convert.text(part).alias(str(place)) for place, part in enumerate(parts)])
    joined = pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)
    return texts.select(pl.when(joined != "").then(joined)).to_series()


def _spread(frame: pl.DataFrame, entry: FileMapping) -> tuple[pl.DataFrame, pl.Series]:
    """A row for each cell that holds something below a period's heading, and the place of the row that it stood in."""
    spread = entry.spread
    assert spread is not None
    periods = [name for name in spread.columns if name in frame.columns]
    index = [name for name in frame.columns if name not in periods]
    text = frame.with_columns(convert.text(frame[name]).alias(name) for name in periods)
    long = text.with_row_index("\0row").unpivot(
        on=periods, index=["\0row", *index], variable_name=spread.period, value_name=spread.value
    )
    period = pl.col(spread.period).replace_strict(spread.columns, default=None, return_dtype=pl.String)
    if spread.year:
        year = pl.col(spread.year).cast(pl.String).str.extract(r"(\d{4})")
        period = pl.when(year.is_not_null()).then(year + pl.lit("-") + period)
    cell = pl.col(spread.value).str.strip_chars()
    long = long.with_columns(period.alias(spread.period)).filter(cell.is_not_null() & ~cell.is_in(["", "-"]))
    long = long.sort("\0row", maintain_order=True)
    return long.drop("\0row"), long["\0row"].cast(pl.Int64)


def collapsed(frame: pl.DataFrame, key: tuple[str, ...], sums: list[str]) -> pl.DataFrame:
    """One row a key: sums of the columns in `sums`, of the others the first value that is there."""
    keys = [name for name in key if name in frame.columns]
    if not keys:
        return frame.unique(maintain_order=True)
    other = [name for name in frame.columns if name not in keys]
    made = [pl.col(name).sum() if name in sums else pl.col(name).drop_nulls().first() for name in other]
    return frame.group_by(keys, maintain_order=True).agg(made)
