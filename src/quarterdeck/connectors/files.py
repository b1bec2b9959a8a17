"""Reading an export's files: which there are, their encoding and delimiter, their rows in chunks, a sample of them.

Values of text files come as text; those of Parquet files in their own types. Nothing here raises on a broken file: it
gives a fault in words.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

CHUNK = 250_000
TEXT = {".csv", ".tsv", ".txt", ".tab"}
PARQUET = {".parquet", ".pq"}
_DELIMITERS = ",;\t|"


@dataclass
class Chunk:
    """Some rows of a file.

    `first` is the number of the first record, the header being 1; `broken` records are (number, reason, text).
    """

    frame: pl.DataFrame
    first: int
    broken: list[tuple[int, str, str]] = field(default_factory=list)


class UnreadableError(Exception):
    """The file cannot be read; the message says why, for a finding."""


@dataclass(frozen=True)
class SourceFile:
    """A file of an export, or a folder of Parquet parts with one schema."""

    path: str
    parts: tuple[Path, ...]

    @property
    def is_parquet(self) -> bool:
        return self.parts[0].suffix.lower() in PARQUET

    @property
    def stem(self) -> str:
        return self.path.rstrip("/") if self.path.endswith("/") else Path(self.path).stem

    @cached_property
    def encoding(self) -> str:
        return _encoding(self.parts[0])

    @cached_property
    def head(self) -> tuple[list[str], str]:
        """Column names and delimiter of a text file. Raises UnreadableError."""
        with self.parts[0].open("rb") as stream:
            raw = stream.read(1 << 18)
        if not raw.strip():
            raise UnreadableError("it is empty")
        if b"\0" in raw and not self.encoding.startswith("utf-16"):
            raise UnreadableError("it holds binary data, no text")
        text = codecs.getincrementaldecoder(self.encoding)("replace").decode(raw).lstrip("\ufeff")
        delimiter = _delimiter(text)
        names = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
        if not any(name.strip() for name in names):
            raise UnreadableError("its first line holds no column names")
        return _distinct(names), delimiter

    def columns(self) -> list[str]:
        """Column names in the file's order. Raises UnreadableError."""
        if self.is_parquet:
            with _parquet(self.parts[0]) as file:
                return list(file.schema_arrow.names)
        return self.head[0]

    def chunks(self, size: int = CHUNK, columns: list[str] | None = None) -> Iterator[Chunk]:
        """The rows in chunks of about `size`, in the file's order. Raises UnreadableError."""
        yield from (self._parquet_chunks(size, columns) if self.is_parquet else self._text_chunks(size, columns))

    def _parquet_chunks(self, size: int, columns: list[str] | None) -> Iterator[Chunk]:
        import pyarrow as pa

        first = 2
        for part in self.parts:
            with _parquet(part) as file:
                try:
                    for batch in file.iter_batches(batch_size=size, columns=columns):
                        frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                        yield Chunk(frame.select(_readable(name, kind) for name, kind in frame.schema.items()), first)
                        first += frame.height
                except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
                    raise UnreadableError(f"its part {part.name} breaks off: {_first_line(error)}") from None

    def _text_chunks(self, size: int, columns: list[str] | None) -> Iterator[Chunk]:
        import pyarrow as pa

        broken: list[tuple[int, str, str]] = []
        first = 2
        held: list[Any] = []
        try:
            with self._stream() as stream:
                for batch in self._reader(stream, columns, broken):
                    held.append(batch)
                    if sum(part.num_rows for part in held) >= size:
                        yield _text_chunk(held, first, broken)
                        first += sum(part.num_rows for part in held) + len(broken)
                        held, broken[:] = [], []
        except (pa.ArrowException, OSError, UnicodeError, pl.exceptions.PolarsError) as error:
            if "Empty CSV file" not in str(error):
                raise UnreadableError(f"it breaks off: {_first_line(error)}") from None
        if held or broken:
            yield _text_chunk(held, first, broken)

    def _reader(self, stream: Any, columns: list[str] | None, broken: list[tuple[int, str, str]]) -> Any:
        """Batches of a text file; rows that are not of the header's width go to `broken`."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        names, delimiter = self.head

        def set_aside(row: Any) -> str:
            reason = f"{row.actual_columns} values where the header names {row.expected_columns} columns"
            broken.append((row.number or 0, reason, row.text))
            return "skip"

        return arrow.open_csv(
            stream,
            read_options=arrow.ReadOptions(use_threads=False, column_names=names, skip_rows=1, block_size=16 << 20),
            parse_options=arrow.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=set_aside
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                include_columns=columns or names,
            ),
        )

    def _stream(self) -> Any:
        if self.encoding == "utf-8":
            import pyarrow as pa

            return pa.OSFile(str(self.parts[0]))
        return _Transcoded(self.parts[0], self.encoding)

    def sample(self, size: int) -> pl.DataFrame:
        """About `size` rows spread over the file, and never more than forty chunks of it. Raises UnreadableError."""
        taken, share = [], max(size // 8, 1)
        for number, chunk in enumerate(self.chunks()):
            if number >= 40:
                break
            if chunk.frame.height:
                single = number == 0 and chunk.frame.height < CHUNK
                room = size if single else share
                taken.append(chunk.frame.gather_every(max(-(-chunk.frame.height // room), 1)))
        if not taken:
            return pl.DataFrame(schema=dict.fromkeys(self.columns(), pl.String))
        frame = pl.concat(taken, how="vertical_relaxed")
        return frame.gather_every(max(-(-frame.height // size), 1))


def _text_chunk(held: list[Any], first: int, broken: list[tuple[int, str, str]]) -> Chunk:
    import pyarrow as pa

    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(held))) if held else pl.DataFrame()
    return Chunk(frame, first, list(broken))


class _Transcoded(io.RawIOBase):
    """A text file of any encoding as a stream of UTF-8 bytes."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._text = path.open("r", encoding=encoding, errors="replace", newline="")
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = self._text.read(1 << 20).encode("utf-8")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count

    def close(self) -> None:
        self._text.close()
        super().close()


def list_files(folder: Path) -> list[SourceFile]:
    """The text and Parquet files of a folder and of its sub-folders, by path.

    A sub-folder that holds nothing but Parquet parts of one schema is one file. Hidden files are left out.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_file() and path.suffix.lower() in TEXT | PARQUET:
            found.append(SourceFile(path.name, (path,)))
        elif path.is_dir():
            found.extend(_inside(path))
    return found


def _inside(folder: Path) -> Iterator[SourceFile]:
    parts = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith((".", "_")) and path.suffix.lower() in TEXT | PARQUET
    )
    if parts and all(part.suffix.lower() in PARQUET for part in parts) and len({_shape(part) for part in parts}) == 1:
        yield SourceFile(f"{folder.name}/", tuple(parts))
        return
    for part in parts:
        if part.parent == folder:
            yield SourceFile(f"{folder.name}/{part.name}", (part,))


def find(folder: Path, path: str) -> SourceFile | None:
    """The file or folder of parts at a mapping's path, None when it is not there."""
    place = folder / path
    if path.endswith("/") and place.is_dir():
        parts = tuple(sorted(part for part in place.rglob("*") if part.suffix.lower() in PARQUET))
        return SourceFile(path, parts) if parts else None
    return SourceFile(path, (place,)) if place.is_file() else None


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(f"{path.name} is no readable Parquet file: {_first_line(error)}") from None


def _shape(path: Path) -> str:
    try:
        with _parquet(path) as file:
            return str([(column.name, str(column.type)) for column in file.schema_arrow])
    except UnreadableError:
        return path.name


def _readable(name: str, kind: pl.DataType) -> pl.Expr:
    """Parquet types that the conversion does not know, as text."""
    column = pl.col(name)
    if isinstance(kind, pl.Struct):
        return column.struct.json_encode().alias(name)
    if isinstance(kind, pl.List | pl.Array):
        return (
            pl.struct(column.alias("v"))
            .struct.json_encode()
            .str.strip_prefix('{"v":')
            .str.strip_suffix("}")
            .alias(name)
        )
    if isinstance(kind, pl.Binary):
        return column.bin.encode("hex").alias(name)
    if isinstance(kind, pl.Categorical | pl.Enum | pl.Time | pl.Duration | pl.Null):
        return column.cast(pl.String).alias(name)
    return column


def _encoding(path: Path) -> str:
    """utf-8 (with or without a mark), utf-16, cp949 or cp1252, by what the bytes can be."""
    with path.open("rb") as stream:
        start = stream.read(4)
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        if start[:3] == codecs.BOM_UTF8:
            return "utf-8-sig"
        stream.seek(0)
        decoder, wrong, high = codecs.getincrementaldecoder("utf-8")("strict"), False, b""
        while block := stream.read(1 << 22):
            if not wrong and not block.isascii():
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    wrong = True
            high += b" ".join(re.findall(rb"[\x80-\xff]+", block)[: max(20_000 - len(high), 0)])
        if not wrong:
            return "utf-8"
    # Hangul comes in runs of high bytes, the accents of western languages alone among letters.
    runs = high.split()
    in_pairs = sum(len(run) for run in runs if len(run) >= 2)
    if in_pairs > sum(map(len, runs)) / 2:
        try:
            path.read_bytes()[: 1 << 22].decode("cp949")
        except UnicodeDecodeError as error:
            return "cp949" if error.start > (1 << 22) - 4 else "cp1252"
        return "cp949"
    return "cp1252"


def _delimiter(text: str) -> str:
    """The sign that parts most of the header and parts the first lines alike."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, most = ",", 0.0
    for sign in _DELIMITERS:
        counts = [len(row) for row in csv.reader(lines, delimiter=sign)]
        if not counts or counts[0] < 2:
            continue
        usual, share = Counter(counts).most_common(1)[0]
        score = (share / len(counts)) * counts[0] * (1.0 if usual == counts[0] else 0.5)
        if score > most:
            best, most = sign, score
    return best


def _distinct(names: list[str]) -> list[str]:
    """Column names, the empty ones numbered and repeated ones told apart."""
    seen: Counter[str] = Counter()
    out = []
    for place, name in enumerate(names, 1):
        clean = " ".join(name.split()) or f"column {place}"
        seen[clean] += 1
        out.append(clean if seen[clean] == 1 else f"{clean} {seen[clean]}")
    return out


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
