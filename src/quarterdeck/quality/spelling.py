"""Checks on lists of values: one thing written in two ways."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from itertools import combinations

import polars as pl

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import PROPOSAL, Check, Found, Moment, proposals

COLUMNS: tuple[tuple[str, str], ...] = (
    ("accounts", "industry"),
    ("accounts", "country"),
    ("accounts", "region"),
    ("accounts", "segment"),
    ("people", "region"),
    ("people", "team"),
    ("products", "family"),
    ("opportunities", "region"),
    ("opportunities", "stage"),
    ("opportunities", "product_id"),
    ("leads", "industry"),
    ("leads", "country"),
    ("leads", "region"),
    ("leads", "channel"),
)
"""Columns that hold one of a few values."""

LONGEST_LIST = 500
"""A column with more values than this is no list."""
SHORTEST_WORD = 5
"""Shorter words differ by one letter too easily: East and West."""


@cache
def known_words(kind: str) -> tuple[str, ...]:
    """Usual industries or countries, in their usual spelling."""
    text = (files("quarterdeck.quality") / "words.csv").read_text(encoding="utf-8")
    return tuple(row["word"] for row in csv.DictReader(text.splitlines()) if row["kind"] == kind)


def two_spellings(tables: Tables, moment: Moment) -> pl.DataFrame:
    found = []
    for table, column in COLUMNS:
        if table in tables:
            for value, better, records in _misspelled(_counts(tables, table, column), column, moment):
                key = f"{column}={value}"
                found.append((table, key, column.removesuffix("_id"), value, better, column, records))
    names = ("table", "record_id", "column", "value", "better", "source_column", "records")
    frame = pl.DataFrame(found, schema=dict.fromkeys(names[:-1], pl.String) | {"records": pl.Int64}, orient="row")
    return frame.with_columns(owner_id=pl.lit(None, pl.String), money=pl.lit(None, pl.Int64))


def in_one_spelling(tables: Tables, _moment: Moment, wrong: Found) -> pl.DataFrame:
    """The usual spelling for each record that holds the other one."""
    from rapidfuzz.fuzz import ratio

    parts = [pl.DataFrame(schema=PROPOSAL)]
    for (table, column), values in wrong.group_by("table", "source_column", maintain_order=True):
        rows = tables.relation(str(table))
        better = dict(values.select("value", "better").iter_rows())
        held: pl.DataFrame = (
            rows.filter(rows[str(column)].isin(list(better))).select(record_id="id", value=str(column)).to_polars()
        )
        sure = {
            value: 0.95 if _is_same(value, word) else ratio(value.lower(), word.lower()) / 100
            for value, word in better.items()
        }
        made = held.with_columns(
            pl.lit(str(column)).alias("column"),
            pl.col("value").replace_strict(better, return_dtype=pl.String).alias("value_proposed"),
            pl.col("value").replace_strict(sure, return_dtype=pl.Float64).alias("confidence"),
            pl.lit("the spelling of most records, or the usual one").alias("why"),
        )
        parts.append(proposals(made, str(table)))
    return pl.concat(parts)


def _counts(tables: Tables, table: str, column: str) -> dict[str, int]:
    rows = tables.relation(table)
    rows = rows.filter(rows[column].notnull())
    counts = rows.group_by(value=rows[column]).agg(records=rows.count()).order_by("value").limit(LONGEST_LIST + 1)
    frame: pl.DataFrame = counts.to_polars()
    return {} if frame.height > LONGEST_LIST else dict(frame.select("value", "records").iter_rows())


def _misspelled(counts: dict[str, int], column: str, moment: Moment) -> list[tuple[str, str, int]]:
    """Values that are probably another one misspelled, with that one and their number of records."""
    from rapidfuzz.fuzz import ratio

    limit = moment.settings.spelling_similarity
    found: dict[str, str] = {}
    known = {word.lower(): word for word in known_words(column)}
    for one, other in combinations(sorted(counts, key=lambda value: (counts[value], value)), 2):
        if one.lower() in known and other.lower() in known:
            continue  # Austria is not Australia misspelled
        if _is_same(one, other) or (_is_comparable(one, other) and ratio(one.lower(), other.lower()) >= limit):
            found.setdefault(one, other)
    for value in counts:
        if value in found or value.lower() in known or len(value) < SHORTEST_WORD:
            continue
        near = [word for low, word in known.items() if ratio(value.lower(), low) >= max(limit, 90.0)]
        if near:
            found[value] = near[0]
    return [(value, better, counts[value]) for value, better in found.items()]


def _is_same(one: str, other: str) -> bool:
    """Equal but for case, spaces and punctuation, or one of them with a second name: EMEA/Europe and Europe."""
    if _letters(one) == _letters(other) != "":
        return True
    names = [{_letters(part) for part in text.split("/")} for text in (one, other)]
    return (_letters(other) in names[0] or _letters(one) in names[1]) and "" not in names[0] | names[1]


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _is_comparable(one: str, other: str) -> bool:
    """What differs is long enough, and no number: East 1 and West 1 are two, as are Region 1 and Region 2."""
    words, others = one.casefold().split(), other.casefold().split()
    if len(words) == len(others):
        apart = [(left, right) for left, right in zip(words, others, strict=True) if left != right]
        words, others = [left for left, _ in apart], [right for _, right in apart]
    digits = ["".join(filter(str.isdigit, " ".join(text))) for text in (words, others)]
    return digits[0] == digits[1] and min(len(word) for word in (*words, *others)) >= SHORTEST_WORD


CHECKS: tuple[Check, ...] = (
    Check(
        name="two_spellings",
        kind="spelling",
        severity="warning",
        table="accounts",
        title="One thing written in two ways",
        why="It stands twice in every table, each time with half of its records.",
        message="The {column} {value} is probably {better}.",
        fix="Write it as {better} in the source, or map one to the other in the mapping.",
        find=two_spellings,
        mend=in_one_spelling,
    ),
)
