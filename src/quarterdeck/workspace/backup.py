"""Backup and restore of a workspace that is in use: one archive, of one moment, checked member by member.

The archive is a zip file: settings, mapping, parameters, the lake as of its last commit, runs with the results that
they point to, and the ledger's rows in a SQLite file, whatever database they lie in. `manifest.json` is its last member
and holds every other's size and SHA-256. What can be made again (results that no run points to, reports) is left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.records.files import TEMPORARY, flush, read_json, whole_folder, write_json

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace

MANIFEST, LEDGER, VERSION = "manifest.json", "ledger.dump", 1
TEXTS = ("mapping", "parameters")
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """An archive that was made or restored."""

    path: Path
    files: int
    size: int
    made_at: datetime


def backup(workspace: Workspace, to: Path, now: datetime) -> Backup:
    """Write an archive of the workspace as it stands; syncs and runs may go on meanwhile.

    Raises when the file is there already.
    """
    if to.exists():
        raise QuarterdeckError(f"{to} is there already; choose another name.")
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f"{TEMPORARY}{to.name}")
    members: dict[str, dict[str, Any]] = {}
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1, allowZip64=True) as archive:
            with tempfile.TemporaryDirectory(dir=to.parent) as folder:
                # The lake before the ledger, whose arrivals follow on what the lake has taken; runs after it, because
                # it tells of runs.
                lake, dump = list(_lake(workspace)), Path(folder) / LEDGER
                workspace.ledger.copy(dump)
                _put(archive, members, LEDGER, dump)
            for name, path in _files(workspace, lake):
                _put(archive, members, name, path)
            made = {"version": VERSION, "made_at": now.isoformat(), "members": members}
            archive.writestr(MANIFEST, json.dumps(made, indent=1))
        flush(beside)
        beside.rename(to)
        flush(to.parent)
    finally:
        beside.unlink(missing_ok=True)
    _note(workspace, to, now)
    return Backup(to, len(members), to.stat().st_size, now)


def _put(archive: zipfile.ZipFile, members: dict[str, dict[str, Any]], name: str, path: Path) -> None:
    hashed, size = hashlib.sha256(), 0
    # Parquet is packed already.
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    info.compress_type = zipfile.ZIP_STORED if path.suffix == ".parquet" else zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while block := source.read(CHUNK):
            hashed.update(block)
            size += len(block)
            target.write(block)
    members[name] = {"size": size, "sha256": hashed.hexdigest()}


def _files(workspace: Workspace, lake: list[Path]) -> list[tuple[str, Path]]:
    """What an archive holds, as (name, path): nothing in it is ever changed in place but by an erasure."""
    root = workspace.root
    texts = [root / "quarterdeck.yaml", root / ".gitignore"]
    texts += [path for name in TEXTS for path in (root / name).rglob("*")]
    paths = [*(path for path in texts if path.is_file()), *lake, *_runs(workspace)]
    return sorted({path.relative_to(root).as_posix(): path for path in paths}.items())


def _lake(workspace: Workspace) -> Iterator[Path]:
    """Commits up to the newest one, the files that they name, and what lies beside them."""
    root, last = workspace.lake.root, workspace.lake.state().sequence
    named: set[str] = set()
    for path in sorted((root / "commits").glob("*.json")):
        if path.stem.isdigit() and int(path.stem) <= last:
            yield path
            for batches in read_json(path)["tables"].values():
                named.update(name for batch in batches for name in (*batch["rows"], *batch["gone"]))
    yield from (root / name for name in sorted(named))
    for folder in ("_findings", "_set_aside", "_reconciliation"):
        paths = sorted((root / folder).glob("*.parquet"))
        yield from (path for path in paths if path.stem.isdigit() and int(path.stem) <= last)
    if (root / "_erased.json").is_file():
        yield root / "_erased.json"


def _runs(workspace: Workspace) -> Iterator[Path]:
    """Runs, and the folders of the results that they point to."""
    root = workspace.root
    for path in sorted(workspace.store.root.glob("*.json")):
        if path.name.startswith("."):
            continue
        run = read_json(path)
        paths = [root / name for name in (*run["tables"].values(), *run["findings"])]
        yield path
        for folder in {one.parent for one in paths if one.is_relative_to(workspace.store.root)}:
            yield from (inside for inside in folder.iterdir() if inside.is_file())


def _note(workspace: Workspace, to: Path, now: datetime) -> None:
    """Remember where archives lie, so that an erasure can name those that still hold the person."""
    path = workspace.root / "backups.json"
    known = read_json(path)["archives"] if path.is_file() else []
    entry = {"path": str(to.resolve()), "made_at": now.isoformat()}
    write_json(path, {"archives": [*known, entry]})


def restore(archive: Path, root: Path, ledger: str | None = None) -> Backup:
    """Make a workspace of an archive in a folder that is not there yet; `ledger` is the URL of an empty PostgreSQL one.

    Without `ledger` the restored workspace has its ledger in its own folder. Raises, and leaves nothing, when the
    archive is damaged or is none, or the folder is there.
    """
    from quarterdeck.records.ledger import Ledger

    if root.exists():
        raise QuarterdeckError(f"{root} is there already; restore into a folder that does not exist.")
    try:
        with zipfile.ZipFile(archive) as opened, whole_folder(root) as beside:
            manifest = _manifest(opened, archive)
            for name, told in manifest["members"].items():
                _take(opened, name, told, beside, archive)
            dump = beside / LEDGER
            _place_ledger(beside, ledger)
            with Ledger.restored(dump, ledger or f"sqlite:///{(beside / 'ledger.sqlite3').resolve()}") as made:
                if faults := made.verify():
                    raise QuarterdeckError(f"The ledger in {archive} is broken: {faults[0]}")
            dump.unlink()
            for left in beside.glob("ledger.sqlite3-*"):
                left.unlink()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError) as error:
        raise QuarterdeckError(f"{archive} is no whole archive: {error}; use another backup.") from None
    made_at = datetime.fromisoformat(manifest["made_at"])
    return Backup(archive, len(manifest["members"]), archive.stat().st_size, made_at)


def _manifest(opened: zipfile.ZipFile, archive: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(opened.read(MANIFEST))
        version, members = value["version"], value["members"]
    except (KeyError, ValueError, TypeError):
        raise QuarterdeckError(
            f"{archive} is no backup of a workspace: it has no {MANIFEST} that can be read."
        ) from None
    if version != VERSION:
        raise QuarterdeckError(f"{archive} is of another version ({version}); restore it with the one that made it.")
    names = [name for name in opened.namelist() if name != MANIFEST]
    if sorted(names) != sorted(members) or LEDGER not in members:
        raise QuarterdeckError(f"{archive} does not hold the files that its manifest names; use another backup.")
    for name in names:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name or pure.as_posix() != name:
            raise QuarterdeckError(
                f"{archive} holds {name!r}, which would lie outside the workspace; use another backup."
            )
    return value


def _take(opened: zipfile.ZipFile, name: str, told: dict[str, Any], beside: Path, archive: Path) -> None:
    path = beside / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hashed, left = hashlib.sha256(), int(told["size"])
    source: IO[bytes]
    with opened.open(name) as source, path.open("xb") as target:
        # No more is unpacked than was promised.
        while block := source.read(CHUNK):
            left -= len(block)
            if left < 0:
                break
            hashed.update(block)
            target.write(block)
    if left or hashed.hexdigest() != told["sha256"]:
        raise QuarterdeckError(f"{name} in {archive} is damaged: it is not what was backed up; use another backup.")


def _place_ledger(root: Path, ledger: str | None) -> None:
    """The settings name the ledger that was restored; folders of sources stay where they were."""
    path = root / "quarterdeck.yaml"
    text = re.sub(r"^ledger:.*\n?", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if ledger is not None:
        text = f"{text.rstrip()}\nledger: {ledger}\n"
    path.write_text(text, encoding="utf-8")
