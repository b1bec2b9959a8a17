"""The bytes of a file: as they lie on the disk, or unpacked from a zip or gz while they are read.

Nothing is ever unpacked to the disk, so names inside an archive lead nowhere. What a small archive blows up to is
bounded by counting the bytes that come out, not by what the archive says of itself.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from quarterdeck.connectors.formats.table import UnreadableError, first_line

MOST_MEMBERS = 10_000
MOST_UNPACKED = 64 << 30
_RATIO = 200
"""Tables of text pack to a twentieth or so; what unpacks to more than this many times its size was made to do harm."""
_FREE = 128 << 20
"""So much may come out of any archive, however small."""
_IN_MEMORY = 512 << 20
_FAULTS = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Blob:
    """The bytes of a file, or of a member of a zip archive; with `is_gzip` they are unpacked once more."""

    path: Path
    member: str = ""
    is_gzip: bool = False

    @property
    def name(self) -> str:
        """The file's name without the ending of its packing."""
        name = self.member.rsplit("/", 1)[-1] or self.path.name
        return name[:-3] if self.is_gzip and name.lower().endswith(".gz") else name

    @property
    def is_packed(self) -> bool:
        return bool(self.member) or self.is_gzip

    @property
    def state(self) -> tuple[str, str, int, int]:
        """What changes when the file does."""
        seen = self.path.stat()
        return str(self.path), self.member, seen.st_size, seen.st_mtime_ns

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """A stream of the bytes. Reading it raises UnreadableError when they cannot be had, or are too many."""
        try:
            with self.path.open("rb") as raw:
                if not self.is_packed:
                    yield raw
                    return
                yield io.BufferedReader(_Bounded(*self._unpacked(raw)), 1 << 20)
        except _FAULTS as error:
            raise UnreadableError(f"its bytes cannot be had: {first_line(error)}") from None

    def _unpacked(self, raw: Any) -> tuple[Any, int, str]:
        packed, stream = self.path.stat().st_size, raw
        if self.member:
            archive = zipfile.ZipFile(raw)
            entry = archive.getinfo(self.member)
            packed, stream = entry.compress_size, archive.open(entry)
        return (gzip.GzipFile(fileobj=stream) if self.is_gzip else stream), packed, self.name

    def whole(self) -> bytes:
        """All bytes, at most 512 MiB. Raises UnreadableError."""
        with self.open() as stream:
            content = stream.read(_IN_MEMORY + 1)
        if len(content) > _IN_MEMORY:
            raise UnreadableError("it is larger than 512 MiB, too large for its format: export it as CSV or Parquet")
        return content

    def start(self, size: int) -> bytes:
        """The first bytes. Raises UnreadableError."""
        with self.open() as stream:
            return stream.read(size)


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than its packed size allows."""

    def __init__(self, stream: Any, packed: int, name: str) -> None:
        self._stream, self._name = stream, name
        self._left = min(max(packed * _RATIO, _FREE), MOST_UNPACKED)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece: bytes = self._stream.read(len(buffer))
        except _FAULTS as error:
            raise UnreadableError(f"it breaks off while it is unpacked: {first_line(error)}") from None
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableError(f"it unpacks to more than {_RATIO} times its size: not read further")
        buffer[: len(piece)] = piece
        return len(piece)


@dataclass(frozen=True)
class Member:
    """A file in a zip archive; `fault` says why it is not read."""

    name: str
    fault: str = ""


def members(path: Path) -> list[Member]:
    """The files in a zip archive. Raises UnreadableError when it is none, or holds too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except _FAULTS as error:
        raise UnreadableError(f"it is no readable zip archive: {first_line(error)}") from None
    if len(entries) > MOST_MEMBERS:
        raise UnreadableError(f"it holds {len(entries):,} files, more than {MOST_MEMBERS:,}: unpack what is needed")
    size, unpacked = path.stat().st_size, sum(entry.file_size for entry in entries)
    if unpacked > min(max(size * _RATIO, _FREE), MOST_UNPACKED):
        raise UnreadableError(f"it would unpack to {unpacked:,} bytes from {size:,}: not opened")
    counted = [entry.filename for entry in entries]
    return [Member(entry.filename, _fault(entry, counted)) for entry in entries]


def _fault(entry: zipfile.ZipInfo, names: list[str]) -> str:
    if entry.flag_bits & 0x1:
        return "it is locked with a password: unpack it"
    if entry.filename.startswith("/") or ".." in entry.filename.split("/") or "\\" in entry.filename:
        return "its name leads out of the archive: rename it there"
    return "several files in the archive have this name: rename them" if names.count(entry.filename) > 1 else ""
