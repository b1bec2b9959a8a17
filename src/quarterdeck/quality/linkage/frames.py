"""Frames as they came: Polars, pandas or Arrow in, the same out."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.base.errors import QuarterdeckError


def as_polars(frame: Any, side: str) -> pl.DataFrame:
    """A Polars frame of a Polars (also lazy), pandas or Arrow table; raises QuarterdeckError for anything else."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if _is_from(frame, "pandas"):
        return pl.from_pandas(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        return pl.DataFrame(frame)
    raise QuarterdeckError(f"The {side} frame is a {type(frame).__name__}; give a Polars, pandas or Arrow table")


def as_given(frame: pl.DataFrame, like: Any) -> Any:
    """The frame in the kind of `like`."""
    if isinstance(like, pl.LazyFrame):
        return frame.lazy()
    if _is_from(like, "pandas"):
        return frame.to_pandas()
    return frame if isinstance(like, pl.DataFrame) else frame.to_arrow()


def _is_from(frame: Any, package: str) -> bool:
    return type(frame).__module__.split(".")[0] == package
