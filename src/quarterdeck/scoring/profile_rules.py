"""Rules by hand over a learned profile: where a rule holds, its points stand instead of the attribute's own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.scoring.profile_settings import LETTERS, Condition, ProfileRule

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def holds(condition: Condition, frame: pl.DataFrame) -> Mask:
    """Which records a condition holds for; none for a column that the frame lacks, unless missing is what it asks."""
    if condition.attribute not in frame.columns:
        return np.full(frame.height, condition.is_missing is True)
    column = frame[condition.attribute]
    text = pl.col("x").cast(pl.String).str.strip_chars().str.to_lowercase()
    number = pl.col("x").cast(pl.Float64, strict=False)
    asked: list[pl.Expr] = []
    if condition.is_missing is not None:
        asked.append(pl.col("x").is_null() == condition.is_missing)
    if condition.one_of:
        asked.append(text.is_in(_lower(condition.one_of)))
    if condition.none_of:
        asked.append(~text.is_in(_lower(condition.none_of)))
    if condition.contains:
        asked.append(pl.any_horizontal(text.str.contains(part, literal=True) for part in _lower(condition.contains)))
    if condition.at_least is not None:
        asked.append(number >= condition.at_least)
    if condition.below is not None:
        asked.append(number < condition.below)
    found = column.to_frame("x").select(pl.all_horizontal(asked).fill_null(False)).to_series()
    return np.asarray(found.to_numpy(), dtype=np.bool_)


def _lower(words: Iterable[str]) -> list[str]:
    return [word.strip().lower() for word in words]


def adjust(parts: dict[str, Array], frame: pl.DataFrame, rules: Iterable[ProfileRule]) -> dict[str, Array]:
    """Points by attribute with the rules' put over those learned; rules on one attribute that hold together add up."""
    given: dict[str, Array] = {}
    touched: dict[str, Mask] = {}
    for rule in rules:
        if rule.points is None:
            continue
        here = holds(rule, frame)
        zero = np.zeros(frame.height)
        given[rule.attribute] = given.get(rule.attribute, zero) + rule.points * here
        touched[rule.attribute] = touched.get(rule.attribute, np.zeros(frame.height, dtype=np.bool_)) | here
    result = dict(parts)
    for name, points in given.items():
        result[name] = np.where(touched[name], points, parts.get(name, np.zeros(frame.height)))
    return result


def forced(frame: pl.DataFrame, rules: Iterable[ProfileRule]) -> NDArray[np.int64]:
    """The place in the alphabet of the worst letter that a rule gives outright; -1 where none does."""
    worst = np.full(frame.height, -1, dtype=np.int64)
    for rule in rules:
        if rule.letter is not None:
            place = LETTERS.index(rule.letter)
            worst = np.where(holds(rule, frame), np.maximum(worst, place), worst)
    return worst
