"""A mapping that grows with its folder: what is new in a later proposal, written into the text that a person edited."""

from __future__ import annotations

import yaml

from quarterdeck.base.errors import ConfigurationError
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, FileMapping, Mapping, file_text

_Key = tuple[str, str, bool]


def changes(known: Mapping, new: Mapping) -> list[str]:
    """What a later proposal adds to a known mapping, a sentence each.

    `new` is what `propose(..., known=known)` gave: all else in it is as it was.
    """
    before = {_key(entry): entry for entry in known.files}
    told = []
    for entry in new.files:
        old = before.get(_key(entry))
        if old is None and entry.is_distinct:
            told.append(f"{entry.table} are made from {entry.path}: {entry.reason}.")
        elif old is None and entry.table == SKIP:
            told.append(f"{entry.path} is new and is not read: {entry.reason.rstrip('.')}.")
        elif old is None:
            told.append(f"{entry.path} is new and is taken as {entry.table} ({entry.confidence:.0%}): {entry.reason}.")
        else:
            told += [_column_told(entry.path, column) for column in entry.columns[len(old.columns) :]]
    return told


def _column_told(path: str, column: ColumnMapping) -> str:
    place = "stays with the row" if column.target == ATTRIBUTES else f"could be {column.target}"
    return f"The column {column.column!r} came to {path} and {place}: {column.reason}."


def extended(text: str, known: Mapping, new: Mapping, file: str) -> str:
    """The text of a mapping with what a later proposal adds, everything else as the person wrote it.

    New files stand behind the last one; new columns are not written, since what a file's entry does not name stays
    with the row anyway. Raises ConfigurationError when the text has no list of files to add to.
    """
    before = {_key(entry) for entry in known.files}
    added = [entry for entry in new.files if _key(entry) not in before]
    if not added:
        return text
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    files = next((value for key, value in pairs if key.value == "files"), None)
    if not isinstance(files, yaml.SequenceNode) or files.flow_style:
        if files is None or files.value:
            raise ConfigurationError([f"{file}:1: there is no list `files:` to add {added[0].path} to; write one"])
        start, end = files.start_mark.index, files.end_mark.index
        return text[:start].rstrip() + "\n" + "".join(file_text(entry, 2) for entry in added) + text[end:].lstrip()
    indent = files.start_mark.column
    at = _end(text, files)
    return text[:at] + "\n" + "\n".join(file_text(entry, indent) for entry in added) + text[at:]


def _end(text: str, files: yaml.SequenceNode) -> int:
    """Where the last entry's last line ends: comments behind it stay behind what is added."""
    last = files.value[-1]
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    found = text.find("\n", last.end_mark.index)
    return len(text) if found < 0 else found + 1


def _key(entry: FileMapping) -> _Key:
    return entry.path, entry.table if entry.is_distinct else "", entry.is_distinct
