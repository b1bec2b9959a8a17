"""Names of companies and people: invented, plausible, and unique as long as the combinations of `words.csv` last."""

from __future__ import annotations

import csv
from importlib.resources import files

import polars as pl

from quarterdeck.simulate.noise import Ints
from quarterdeck.simulate.render import pick


def _words() -> dict[str, tuple[str, ...]]:
    text = (files("quarterdeck.simulate") / "words.csv").read_text(encoding="utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["list"]] = (*found.get(row["list"], ()), row["word"])
    return found


_WORDS = _words()
STEMS, TAILS, FORMS = _WORDS["stems"], _WORDS["tails"], _WORDS["forms"]
FIRST, LAST, TITLES = _WORDS["first"], _WORDS["last"], _WORDS["titles"]


def _scatter(numbers: Ints, size: int, step: int) -> Ints:
    """A one-to-one jumble of 0..size-1; `step` must share no factor with `size`."""
    return (numbers * step + numbers // size) % size


def companies(numbers: Ints) -> pl.Series:
    """Company names by serial number; distinct as far as the combinations go, then with a number."""
    size = len(STEMS) * len(TAILS) * len(FORMS)
    place = _scatter(numbers, size, 1_000_003)
    first = pick(STEMS, place % len(STEMS)) + pick(TAILS, place // len(STEMS) % len(TAILS))
    name = first + " " + pick(FORMS, place // (len(STEMS) * len(TAILS)))
    again = pl.Series(numbers // size + 1)
    return pl.select(
        pl.when(again > 1).then(name + " " + again.cast(pl.String)).otherwise(name).alias("name")
    ).to_series()


def people(numbers: Ints) -> pl.Series:
    """Full names by serial number; distinct as far as the combinations go."""
    place = _scatter(numbers, len(FIRST) * len(LAST), 7919)
    return pick(FIRST, place % len(FIRST)) + " " + pick(LAST, place // len(FIRST))


def domains(names: pl.Series) -> pl.Series:
    """Web domains of companies, under a top-level domain that nobody owns (RFC 2606)."""
    return names.str.replace_all(" ", "").str.to_lowercase() + ".example"


def addresses(names: pl.Series, hosts: pl.Series) -> pl.Series:
    """first.last@host."""
    return names.str.replace_all(" ", ".").str.to_lowercase() + "@" + hosts
