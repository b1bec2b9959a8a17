"""Parquet files, or a folder of parts with one schema. Types that the conversion does not know become text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.connectors.formats.blob import Blob
from quarterdeck.connectors.formats.table import (
    CHUNK,
    MOST_COLUMNS,
    Chunk,
    Count,
    Facts,
    UnreadableError,
    distinct,
    first_line,
)

_CELLS = 20_000_000
_A_BYTE = 100_000
"""More rows a byte than any file of records has."""


@dataclass
class ParquetTable:
    """The rows of one or several Parquet files."""

    parts: tuple[Blob, ...]
    facts: Facts = field(default_factory=Facts)

    def columns(self) -> list[str]:
        with _opened(self.parts[0]) as file:
            return distinct(file.schema_arrow.names)

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        self.facts = Facts()
        first = 2
        counted = 0
        for part in self.parts:
            with _opened(part) as file:
                counted += file.metadata.num_rows
                names = distinct(file.schema_arrow.names)
                rows = max(1, min(size, _CELLS // max(len(names), 1)))
                try:
                    for batch in file.iter_batches(batch_size=rows):
                        frame = _frame(batch, names, columns)
                        yield Chunk(frame, first)
                        first += frame.height
                except _faults() as error:
                    raise UnreadableError(f"its part {part.name} breaks off: {first_line(error)}") from None
        self.facts.counts.append(Count("the Parquet file's metadata", counted))


def _faults() -> tuple[type[BaseException], ...]:
    import pyarrow as pa

    return (
        pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    )  # fmt: skip


@contextmanager
def _opened(part: Blob) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import parquet

    source = pa.BufferReader(part.whole()) if part.is_packed else part.path
    try:
        file = parquet.ParquetFile(source)
        names = file.schema_arrow.names
    except _faults() as error:
        raise UnreadableError(f"{part.name} is no readable Parquet file: {first_line(error)}") from None
    with file:
        if not names:
            raise UnreadableError(f"{part.name} has no columns")
        if len(names) > MOST_COLUMNS:
            raise UnreadableError(f"{part.name} has {len(names):,} columns, more than {MOST_COLUMNS:,}")
        if not part.is_packed and file.metadata.num_rows > _A_BYTE * part.path.stat().st_size:
            raise UnreadableError(f"{part.name} says that it has {file.metadata.num_rows:,} rows: not read")
        yield file


def schema_of(path: Path) -> str:
    """The columns and types of a part, for telling whether parts belong together; its name when it cannot be read."""
    try:
        with _opened(Blob(path)) as file:
            return str([(column.name, str(column.type)) for column in file.schema_arrow])
    except UnreadableError:
        return path.name


def _frame(batch: Any, names: list[str], columns: list[str] | None) -> pl.DataFrame:
    import pyarrow as pa

    places = [place for place, name in enumerate(names) if columns is None or name in columns]
    arrays = [_plain(batch.column(place)) for place in places]
    table = pa.Table.from_arrays(arrays, names=[names[place] for place in places])
    return pl.DataFrame(pl.from_arrow(table)) if places else pl.DataFrame(height=batch.num_rows)


def _plain(array: Any) -> Any:
    """A column in a type that the conversion knows: numbers, decimals, days, instants, flags and text."""
    import pyarrow as pa

    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage)
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _plain(pa.array(array.to_pylist(), kind.value_type))
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_decimal256(kind) or (pa.types.is_decimal(kind) and kind.scale < 0):
        return _texts(array, lambda value: format(value, "f"))
    if pa.types.is_date(kind):
        return array.cast(pa.date32()) if pa.types.is_date64(kind) else array
    if (
        pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind) or pa.types.is_timestamp(kind)
    ):  # fmt: skip
        return array
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _texts(array, _decoded)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return array
    if pa.types.is_nested(kind):
        return _texts(array, lambda value: json.dumps(_jsonable(value), ensure_ascii=False))
    return _texts(array, str)


def _texts(array: Any, told: Any) -> Any:
    import pyarrow as pa

    return pa.array([None if value is None else told(value) for value in array.to_pylist()], pa.string())


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def _jsonable(value: Any) -> Any:
    """Nested values with text where JSON has no type for them."""
    if isinstance(value, dict):
        return {str(name): _jsonable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(part) for part in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
