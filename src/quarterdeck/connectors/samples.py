"""What a guess looks at: some rows of each table of a source, be it a file or a table of a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from quarterdeck.connectors.files import SourceFile, UnreadableError, list_files
from quarterdeck.connectors.folder import unsupported
from quarterdeck.connectors.mapping import SKIP, FileMapping


@dataclass(frozen=True)
class TableSample:
    """Some rows of a table of a source.

    `path` is how the mapping names it, `stem` the name that tells what it is (without one, the path's last part).
    `keys` reads given columns of all rows in parts, so that joins are told by every key; None where the frame is all.
    """

    path: str
    frame: pl.DataFrame
    stem: str = ""
    keys: Callable[[list[str]], Iterable[pl.DataFrame]] | None = None

    @property
    def named(self) -> str:
        return self.stem or PurePosixPath(self.path.rstrip("/")).stem


def of_folder(folder: Path, size: int) -> tuple[list[TableSample], list[FileMapping]]:
    """Samples of the files of a folder, and an entry with the reason for each file that gives none."""
    samples = []
    skipped = [_skip(path, why) for path, why in unsupported(folder).items()]
    for file in list_files(folder) if folder.is_dir() else ():
        try:
            frame = file.sample(size)
        except UnreadableError as error:
            skipped.append(_skip(file.path, f"cannot be read: {error}"))
            continue
        if frame.height:
            samples.append(TableSample(file.path, frame, file.stem, _keys_of(file)))
        else:
            skipped.append(_skip(file.path, "it holds no rows"))
    return samples, skipped


def _skip(path: str, why: str) -> FileMapping:
    return FileMapping(path=path, table=SKIP, confidence=1.0, reason=why)


def _keys_of(file: SourceFile) -> Callable[[list[str]], Iterable[pl.DataFrame]]:
    return lambda columns: (chunk.frame for chunk in file.chunks(columns=columns))
