"""How many of a shape's columns a mapping has right."""

from __future__ import annotations

from pathlib import Path

from shape_maker import Shape, Sheet

from quarterdeck.connectors import FileMapping, Mapping, propose

Wrong = tuple[str, str, str, str]
"""File, column, what was meant, what was guessed."""


def targets(entry: FileMapping, heading: str) -> set[str]:
    """The canonical columns that a column of the file comes to, by itself or as a part of another."""
    names = {heading} | {name for name, how in entry.computed.items() if heading in how.join}
    if entry.spread is not None and heading in entry.spread.columns:
        names.add(entry.spread.value)
    found = {column.target for column in entry.columns if column.column in names}
    return found - {"attributes"} or {"attributes"}


def wrong(shape: Shape, mapping: Mapping) -> tuple[int, list[Wrong]]:
    """How many answers there are, and the wrong ones."""
    count, faults = 0, []
    for sheet in shape.sheets:
        entry = listed(mapping, sheet)
        for heading, _, meant in sheet.columns:
            guessed = targets(entry, heading)
            count += 1
            if entry.table != sheet.table or not guessed & set(meant.split("|")):
                faults.append((sheet.path, heading, meant, f"{entry.table}.{'|'.join(sorted(guessed))}"))
    for table, places in shape.made.items():
        made = next((entry for entry in mapping.files if entry.table == table), None)
        for heading, target in places.items():
            count += 1
            columns = made.columns if made else ()
            if not any(column.column == heading and column.target == target for column in columns):
                faults.append((f"(made) {table}", heading, target, "nothing"))
    return count, faults


def listed(mapping: Mapping, sheet: Sheet) -> FileMapping:
    return next(entry for entry in mapping.files if entry.path == sheet.path and not entry.is_distinct)


def tried(shape: Shape, folder: Path) -> tuple[int, list[Wrong]]:
    shape.write(folder)
    return wrong(shape, propose(folder, "crm"))
