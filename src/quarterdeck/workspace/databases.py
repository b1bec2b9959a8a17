"""Sources that are databases: their url, the mirror of their rows beside the lake, and when to ask them again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.finding import Finding

if TYPE_CHECKING:
    from quarterdeck.base.config import Company
    from quarterdeck.connectors import Mapping, TableBatch
    from quarterdeck.connectors.database import Database
    from quarterdeck.connectors.mirror import Mirror
    from quarterdeck.workspace.settings import SourceSettings


def mirror(root: Path, name: str) -> Mirror:
    """The kept rows of a source; deleting the folder makes the next sync read everything anew."""
    from quarterdeck.connectors.mirror import Mirror

    return Mirror(root / "lake" / "_sources" / name)


def _open(root: Path, source: SourceSettings) -> Database:
    from quarterdeck.connectors.database import Database, parsed

    return Database(parsed(source.url, root), source.schemas)


def propose(root: Path, source: SourceSettings) -> tuple[Mapping, dict[str, str]]:
    """The drafted mapping, and what the data says of the company. Raises when the database holds no table with rows."""
    from quarterdeck.connectors import database_reading
    from quarterdeck.connectors.database import masked

    with tempfile.TemporaryDirectory() as scratch:
        mapping, company = database_reading.propose(_open(root, source), source.name, Path(scratch))
    if all(entry.table == "skip" for entry in mapping.files):
        raise QuarterdeckError(
            f"{masked(source.url)} holds no table or view with rows that could be understood; "
            "name other schemas under the source's `schemas`, or look at the user's rights."
        )
    return mapping, company


def written(url: str, root: Path) -> tuple[str, str, str | None]:
    """A url as `init` writes it: the source's name, the url, and the variable that holds its password.

    A password in clear goes into this process's environment under that name and into no file.
    """
    from quarterdeck.connectors.database import without_password
    from quarterdeck.workspace.drafts import slug

    word = re.split(r"[/\\]", url.partition("?")[0].rstrip("/"))[-1]
    name = slug(Path(word).stem if url.startswith("sqlite") else word)
    if url.startswith("sqlite"):
        head, _, path = url.partition(":///")
        return name, f"{head}:///{os.path.relpath(Path(path).resolve(), root.resolve())}", None
    variable = f"{name.upper()}_PASSWORD"
    bare, password = without_password(url, variable)
    if password is None:
        return name, url, None
    os.environ[variable] = password
    return name, bare, variable


def refresh(
    root: Path, sources: Iterable[SourceSettings], mappings: dict[str, Mapping], now: datetime
) -> list[Finding]:
    """Ask every database what changed. One that does not answer is a finding, and what was known of it stays."""
    from quarterdeck.connectors.database import UnreachableError
    from quarterdeck.connectors.pull import Habits

    findings: list[Finding] = []
    for source in sources:
        kept = mirror(root, source.name)
        habits = Habits(source.compare_keys_every, source.read_whole_every)
        try:
            found = kept.pull(_open(root, source), mappings[source.name], now=now, habits=habits)[1]
            findings += found
        except UnreachableError as error:
            if kept.pulled_at is None:
                raise
            told = f"{error} What it said at {kept.pulled_at:%Y-%m-%d %H:%M} UTC is shown."
            findings.append(
                Finding("records.source_unreachable", "error", told, f"Mend it and run `quarterdeck sync {root.name}`.")
            )
    return findings


def is_due(root: Path, sources: Iterable[SourceSettings], now: datetime) -> bool:
    """Some database was not asked for longer than its `refresh_minutes`."""
    for source in sources:
        asked = mirror(root, source.name).pulled_at if source.url else now
        if asked is None or now - asked >= timedelta(minutes=source.refresh_minutes):
            return True
    return False


def read(root: Path, source: SourceSettings, mapping: Any, company: Company) -> Iterator[TableBatch]:
    """A source's canonical rows, from its mirror."""
    from quarterdeck.connectors import database_reading

    return database_reading.read(mapping, mirror(root, source.name), company=company)
