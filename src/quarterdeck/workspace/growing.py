"""Files and tables that came into a source after its mapping was drafted: guessed, told, and added to the mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quarterdeck.records.files import flush
from quarterdeck.workspace.ingest import draft_mapping, mapping_path

if TYPE_CHECKING:
    from quarterdeck.workspace.facade import Workspace


@dataclass(frozen=True, slots=True)
class Growth:
    """What a source has that its mapping does not name, a sentence each; `file` is the mapping's."""

    source: str
    file: str
    changes: tuple[str, ...]


def grow(workspace: Workspace, take: bool) -> list[Growth]:
    """What is new in each source, as a guess; with `take` it is added to the mapping, all else in it stays as it is."""
    from quarterdeck import connectors
    from quarterdeck.workspace import databases

    found = []
    for source in workspace.settings.sources:
        draft_mapping(workspace.root, source)
        path = mapping_path(workspace.root, source)
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(workspace.root))
        known = connectors.from_yaml(text, name)
        if source.url:
            fresh = databases.propose(workspace.root, source)[0]
            named = {entry.path for entry in known.files}
            added = tuple(entry for entry in fresh.files if entry.path not in named)
            grown = known.model_copy(update={"files": (*known.files, *added)})
        else:
            grown = connectors.propose(workspace.root / source.folder, source.name, known=known)
        changes = tuple(connectors.changes(known, grown))
        if take and changes:
            beside = path.with_name(f".{path.name}.part")
            beside.write_text(connectors.extended(text, known, grown, name), encoding="utf-8")
            flush(beside)
            beside.replace(path)
        found.append(Growth(source.name, name, changes))
    return found
