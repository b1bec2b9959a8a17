"""The first guess: which table each file is, which column each of its columns is, and why.

A column's confidence joins four kinds of evidence: how near its name comes to a known spelling, whether its values are
of the type, whether their words are known, and whether they are found in another file's key. One canonical column is
given once in a file, so that the sum of confidences is greatest (linear assignment).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from quarterdeck.base import schema
from quarterdeck.connectors.evidence import Evidence, examine, settled
from quarterdeck.connectors.files import SourceFile, UnreadableError, list_files
from quarterdeck.connectors.finish import derived_files, finished
from quarterdeck.connectors.fit import Placed, place
from quarterdeck.connectors.folder import unsupported
from quarterdeck.connectors.joins import Joins, known_values
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.vocabulary import marked, missing, table_likeness, words

_FEW = 10
"""With fewer rows than this the values prove little."""
_LEAST = 0.34
"""A file whose best table scores less is not read."""


@dataclass(frozen=True)
class Examined:
    """A file with its sample and the evidence of its columns."""

    file: SourceFile
    sample: pl.DataFrame
    columns: list[Evidence]


@dataclass(frozen=True)
class _Guess:
    table: str
    score: float
    margin: float
    placed: dict[str, Placed]
    likeness: float


def propose(folder: Path, source: str, *, sample: int = 20_000) -> Mapping:
    """The mapping of a folder of exports as far as `sample` rows of each file show it.

    Every file is in it: one that fits no table, is empty or cannot be read has the table `skip` and the reason. A
    folder that does not exist gives a mapping without files.
    """
    examined, skipped = _examine(folder, sample)
    nothing = Joins({})
    first = {item.file.path: _guess(item, nothing) for item in examined}
    known = {}
    for item in examined:
        guess = first[item.file.path]
        targets = {name: placed.target for name, placed in guess.placed.items()}
        known[item.file.path] = known_values(item.file, guess.table, targets, item.sample, sample)
    joins = Joins(known)
    guesses = {item.file.path: _guess(item, joins) for item in examined}
    entries = list(skipped)
    for item in examined:
        guess = guesses[item.file.path]
        if guess.score < _LEAST:
            entries.append(FileMapping(path=item.file.path, table=SKIP, confidence=0.5, reason=_no_table(guess)))
        else:
            entry = FileMapping(
                path=item.file.path,
                table=guess.table,
                confidence=_sure(guess),
                reason=_why(item, guess),
            )
            entries.append(finished(entry, item.columns, item.sample, guess.placed, joins))
    heights = {item.file.path: item.sample.height for item in examined}
    entries = [_less_sure(entry, heights.get(entry.path, _FEW)) for entry in entries]
    entries.extend(derived_files(entries, {item.file.path: item.sample for item in examined}))
    return Mapping(source=source, files=tuple(sorted(entries, key=lambda entry: (entry.path, entry.is_distinct))))


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


def _examine(folder: Path, size: int) -> tuple[list[Examined], list[FileMapping]]:
    found, samples = {}, []
    skipped = [
        FileMapping(path=path, table=SKIP, confidence=1.0, reason=why) for path, why in unsupported(folder).items()
    ]
    for file in list_files(folder) if folder.is_dir() else ():
        try:
            sample = file.sample(size)
        except UnreadableError as error:
            skipped.append(FileMapping(path=file.path, table=SKIP, confidence=1.0, reason=f"cannot be read: {error}"))
            continue
        if not sample.height:
            skipped.append(FileMapping(path=file.path, table=SKIP, confidence=1.0, reason="it holds no rows"))
            continue
        found[file.path] = [examine(column, missing()) for column in sample.iter_columns()]
        samples.append((file, sample))
    plain = settled(found)
    return [Examined(file, sample, plain[file.path]) for file, sample in samples], skipped


def _guess(item: Examined, joins: Joins) -> _Guess:
    """The table whose name, columns and marks fit the file best."""
    mark = marked(tuple(column.name for column in item.columns))
    named = {mark: 1.0} if mark else table_likeness(item.file.stem)
    scored = []
    for table in schema.facts():
        placed = place(item.columns, table, item.file.path, joins)
        scored.append((_score(table, item.columns, placed, named.get(table, 0.0)), table, placed))
    scored.sort(key=lambda entry: -entry[0])
    best, second = scored[0], scored[1]
    return _Guess(best[1], best[0], best[0] - second[0], best[2], named.get(best[1], 0.0))


def _score(table: str, columns: list[Evidence], placed: dict[str, Placed], likeness: float) -> float:
    """0..1: how well a file fits a table."""
    by_target = {entry.target: entry.confidence for entry in placed.values()}
    covered = sum(by_target.values()) / max(len(columns), 1)
    signs = sum(by_target.get(sign, 0.0) for sign in words()["tables"].get(table, {}).get("signs", ()))
    score = 0.4 * likeness + 0.3 * min(covered, 1.0) + 0.3 * min(signs / 2, 1.0)
    for column in schema.table(table).columns:
        if column.is_required and column.name not in ("id", "status", "name") and column.name not in by_target:
            score -= 0.2
    if "name" in schema.table(table).names and not {"id", "name"} & by_target.keys():
        score -= 0.1
    return score


def _sure(guess: _Guess) -> float:
    return round(max(0.05, min(0.99, 0.25 + 0.75 * guess.score + 0.5 * min(guess.margin, 0.4))), 2)


def _why(item: Examined, guess: _Guess) -> str:
    parts = []
    if marked(tuple(column.name for column in item.columns)) == guess.table:
        parts.append(f"its columns are those of a system that calls its {guess.table} {item.file.stem!r}")
    elif guess.likeness >= 0.99:
        parts.append(f"the file is called {item.file.stem!r}")
    elif guess.likeness:
        parts.append(f"{item.file.stem!r} sounds like {guess.table}")
    if guess.placed:
        parts.append(f"{len(guess.placed)} of its {len(item.columns)} columns have a place there")
    return " and ".join(parts)


def _no_table(guess: _Guess) -> str:
    return f"it fits no table well; the nearest is {guess.table}. Write the table here to have it read."
