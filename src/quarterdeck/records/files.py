"""Files that are whole or absent: written beside, flushed to disk, renamed into place."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterdeck.base.errors import QuarterdeckError

TEMPORARY = ".tmp-"


class Busy(QuarterdeckError):
    """Another process writes to the workspace. Wait until it is done, then call again."""


def flush(path: Path) -> None:
    """Make a file's or folder's content durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that other processes see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{path.name}")
    beside.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    flush(beside)
    beside.rename(path)
    flush(path.parent)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to be filled; it appears under its name when the block ends without an error.

    When the target exists already (another process made the same content), the new one is dropped.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex}-{target.name}")
    beside.mkdir()
    try:
        yield beside
        for path in beside.iterdir():
            flush(path)
        flush(beside)
        try:
            beside.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        flush(target.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def exclusive(path: Path, seconds: float = 30.0) -> Iterator[None]:
    """One writer at a time, across processes; the lock ends with its process. Raises Busy after the seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Busy(
                        f"{path.parent} is being written to by another process; call again when it is done"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def sweep(folder: Path) -> int:
    """Remove what killed writers left in a folder; only under the lock. Returns how many."""
    left = list(folder.glob(f"{TEMPORARY}*")) if folder.is_dir() else []
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(left)


def content(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
