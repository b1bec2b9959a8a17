"""The first guess: which table each file is, which column each of its columns is, and why.

A column's confidence joins four kinds of evidence: how near its name comes to a known spelling, whether its values are
of the type, whether their words are known, and whether they are found in another file's key. One canonical column is
given once in a file, so that the sum of confidences is greatest (linear assignment).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors.derive import derived_files
from quarterdeck.connectors.evidence import Evidence, counted, examine, settled
from quarterdeck.connectors.finish import finished
from quarterdeck.connectors.fit import Placed, place
from quarterdeck.connectors.joins import Joins, KnownValues, known_values
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.samples import TableSample, of_folder
from quarterdeck.connectors.shaped import Shaped, known_shape, shaped
from quarterdeck.connectors.systems import Dialect, recognised
from quarterdeck.connectors.vocabulary import missing, plain, table_likeness, words

__all__ = ["TableSample", "propose", "propose_tables"]

_FEW = 10
"""With fewer rows than this the values prove little."""
_LEAST = 0.34
"""A file whose best table scores less is not read, unless several columns have a place there and nowhere else."""
_MANY = 300
"""Of a file with more columns than this, the first ones are looked at: no table of ours has more than 25."""
_NAMED = 0.5
"""A file's name that is less like any table's name says nothing."""


@dataclass(frozen=True)
class Examined:
    """A table of the source with its shape and the evidence of its columns."""

    shape: Shaped
    columns: list[Evidence]

    @property
    def sample(self) -> TableSample:
        return self.shape.sample

    @property
    def path(self) -> str:
        return self.sample.path

    @cached_property
    def dialect(self) -> Dialect | None:
        """The known system whose export it is."""
        return recognised(tuple(column.name for column in self.columns))

    @property
    def open_columns(self) -> list[Evidence]:
        """Columns that look for a place: not those that made others, and of very many the first."""
        return [column for column in self.columns[:_MANY] if column.name not in self.shape.parts]


@dataclass(frozen=True)
class _Guess:
    table: str
    score: float
    margin: float
    placed: dict[str, Placed]
    likeness: float


def propose(folder: Path, source: str, *, sample: int = 20_000, known: Mapping | None = None) -> Mapping:
    """The mapping of a folder of exports as far as `sample` rows of each file show it.

    Every file is in it: one that fits no table, is empty or cannot be read has the table `skip` and the reason. A
    folder that does not exist gives a mapping without files. What `known` says stays as it is: only files and columns
    that it does not name are guessed.
    """
    samples, skipped = of_folder(folder, sample)
    return propose_tables(samples, source, sample=sample, known=known, skipped=skipped)


def propose_tables(
    tables: Sequence[TableSample],
    source: str,
    *,
    sample: int = 20_000,
    known: Mapping | None = None,
    skipped: Sequence[FileMapping] = (),
) -> Mapping:
    """The mapping of tables by some rows of each; see `propose`. `skipped` are entries of what cannot be looked at."""
    held = known or Mapping(source=source)
    of_known = {entry.path: entry for entry in held.files if not entry.is_distinct}
    shapes = [_shape(table, of_known.get(table.path)) for table in tables]
    found = {shape.sample.path: _examined(shape.sample.frame) for shape in shapes}
    evidence = settled(found)
    examined = [Examined(shape, evidence[shape.sample.path]) for shape in shapes]
    new = [item for item in examined if item.path not in of_known]
    joins = Joins(_known_values(examined, of_known, sample))
    entries = [entry for entry in skipped if entry.path not in of_known]
    entries += [_less_sure(_entry(item, joins), item.sample.frame.height) for item in new]
    entries += derived_files(entries, held.files, {item.path: item.sample.frame for item in examined})
    kept = [_grown(entry, examined, joins) for entry in held.files]
    files = sorted([*kept, *entries], key=lambda entry: (entry.path, entry.is_distinct))
    return held.model_copy(update={"files": tuple(files)})


def _examined(frame: pl.DataFrame) -> list[Evidence]:
    columns = frame.get_columns()
    return [*(examine(column, missing()) for column in columns[:_MANY]), *map(counted, columns[_MANY:])]


def _shape(table: TableSample, entry: FileMapping | None) -> Shaped:
    """The shape of a table that no mapping names; a known one is as its entry says."""
    return shaped(table) if entry is None else known_shape(table, entry)


def _known_values(examined: list[Examined], of_known: dict[str, FileMapping], size: int) -> dict[str, KnownValues]:
    """The key-like columns of every table: as the mapping says, else as a first look without joins does."""
    nothing, found = Joins({}), {}
    for item in examined:
        entry = of_known.get(item.path)
        if entry is None:
            guess = _guess(item, nothing)
            table, targets = guess.table, {placed.target: name for name, placed in guess.placed.items()}
        else:
            table, targets = entry.table, {column.target: column.column for column in reversed(entry.columns)}
        there = {target: name for target, name in targets.items() if name in item.sample.frame.columns}
        found[item.path] = known_values(table, there, item.sample, size)
    return found


def _entry(item: Examined, joins: Joins) -> FileMapping:
    guess = _guess(item, joins)
    several = guess.score >= 0.6 * _LEAST and guess.margin >= 0.03 and len(guess.placed) >= 4
    if guess.score < _LEAST and not several:
        return FileMapping(path=item.path, table=SKIP, confidence=0.5, reason=_no_table(guess))
    shape = item.shape
    entry = FileMapping(
        path=item.path,
        table=guess.table,
        confidence=_sure(guess),
        reason="; ".join(filter(None, (_why(item, guess), shape.reason))),
        computed=shape.computed,
        spread=shape.spread,
    )
    over = {column.name: f"only the first {_MANY} columns are looked at" for column in item.columns[_MANY:]}
    return finished(entry, item.columns, shape.sample.frame, guess.placed, joins, kept=over | shape.parts)


def _grown(entry: FileMapping, examined: list[Examined], joins: Joins) -> FileMapping:
    """A known entry with the columns that came to its file since, in places that are free; all else as it is."""
    item = next((item for item in examined if item.path == entry.path), None)
    if item is None or entry.table == SKIP or entry.is_distinct:
        return entry
    named = {column.column for column in entry.columns}
    new = [column for column in item.columns if column.name not in named]
    if not new:
        return entry
    taken = {column.target for column in entry.columns} | set(entry.fill)
    placed = {name: at for name, at in place(new, entry.table, entry.path, joins).items() if at.target not in taken}
    grown = finished(FileMapping(path=entry.path, table=entry.table), new, item.sample.frame, placed, joins)
    fresh = [column for column in grown.columns if column.target == ATTRIBUTES or column.target not in taken]
    return entry.model_copy(update={"columns": (*entry.columns, *fresh)})


def _less_sure(entry: FileMapping, rows: int) -> FileMapping:
    """The entry with lower confidences where it was guessed from few rows, and the reason.

    A file whose columns all have our own names needs no values to be sure of.
    """
    if rows >= _FEW or entry.table == SKIP or all(column.column == column.target for column in entry.columns):
        return entry
    share, told = 0.6 + 0.4 * rows / _FEW, f"only {rows} row{'s' if rows != 1 else ''}"

    def lowered(part: FileMapping | ColumnMapping) -> dict[str, object]:
        return {"confidence": round(part.confidence * share, 2), "reason": f"{part.reason}; {told}"}

    columns = tuple(
        column if column.target == ATTRIBUTES else column.model_copy(update=lowered(column)) for column in entry.columns
    )
    return entry.model_copy(update={**lowered(entry), "columns": columns})


def _guess(item: Examined, joins: Joins) -> _Guess:
    """The table of a known system's export, else that whose name and columns fit the file best."""
    dialect = item.dialect
    if dialect is not None:
        placed = place(item.open_columns, dialect.table, item.path, joins, dialect)
        return _Guess(dialect.table, 0.95, 0.4, placed, 1.0)
    named = {table: near for table, near in table_likeness(item.sample.named).items() if near >= _NAMED}
    scored = []
    for table in schema.facts():
        placed = place(item.open_columns, table, item.path, joins)
        score = _score(table, item.open_columns, placed, named.get(table, 0.0) if named else None)
        scored.append((score, table, placed))
    scored.sort(key=lambda entry: -entry[0])
    best, second = scored[0], scored[1]
    return _Guess(best[1], best[0], best[0] - second[0], best[2], named.get(best[1], 0.0))


def _score(table: str, columns: list[Evidence], placed: dict[str, Placed], likeness: float | None) -> float:
    """0..1: how well a file fits a table. `likeness` is that of the name, None where it is like no table's."""
    by_target = {entry.target: entry.confidence for entry in placed.values()}
    told = words()["tables"].get(table, {})
    filled = [column for column in columns if column.kind != "empty"]
    covered = sum(by_target.values()) / max(len(filled), 1)
    signs = sum(by_target.get(sign, 0.0) for sign in told.get("signs", ()))
    hints = {plain(column.name) for column in columns} & set(told.get("hints", ()))
    inside = 0.5 * min(covered, 1.0) + 0.5 * min((signs + 0.8 * len(hints)) / 2, 1.0)
    score = 0.75 * inside if likeness is None else 0.4 * likeness + 0.6 * inside
    for column in schema.table(table).columns:
        if column.is_required and column.name not in ("id", "status", "name") and column.name not in by_target:
            score -= 0.2
    if any(column.currency for column in filled) and "amount" not in schema.table(table).names:
        score -= 0.1
    if "name" in schema.table(table).names and table != "leads" and not {"id", "name"} & by_target.keys():
        score -= 0.1
    return score


def _sure(guess: _Guess) -> float:
    return round(max(0.05, min(0.99, 0.25 + 0.75 * guess.score + 0.5 * min(guess.margin, 0.4))), 2)


def _why(item: Examined, guess: _Guess) -> str:
    parts = []
    if item.dialect is not None:
        parts.append(item.dialect.told(len(item.columns)))
    elif guess.likeness >= 0.99:
        parts.append(f"the file is called {item.sample.named!r}")
    elif guess.likeness:
        parts.append(f"{item.sample.named!r} sounds like {guess.table}")
    if guess.placed:
        parts.append(f"{len(guess.placed)} of its {len(item.columns)} columns have a place there")
    return " and ".join(parts)


def _no_table(guess: _Guess) -> str:
    return f"it fits no table well; the nearest is {guess.table}. Write the table here to have it read."
