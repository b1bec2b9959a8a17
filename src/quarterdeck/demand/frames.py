"""Frames of any kind in, the same kind out: polars, pandas or Arrow."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError


def to_polars(frame: Any) -> pl.DataFrame:
    """A polars frame of the same rows. Raises on anything but polars, pandas or Arrow."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    kind = type(frame).__module__.partition(".")[0]
    if kind == "pandas":
        return pl.from_pandas(frame)
    if kind == "pyarrow":
        found = pl.from_arrow(frame)
        if isinstance(found, pl.DataFrame):
            return found
    raise QuarterdeckError(f"A frame of {type(frame).__name__} cannot be read; give polars, pandas or Arrow.")


def given_like(found: pl.DataFrame, given: Any) -> Any:
    """The frame in the kind of the one that was given."""
    kind = type(given).__module__.partition(".")[0]
    if kind == "pandas":
        return found.to_pandas()
    return found.to_arrow() if kind == "pyarrow" else found
