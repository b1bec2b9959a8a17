"""Connectors: other systems' records into canonical tables, by a mapping that a person can read and change.

`propose` drafts the mapping of a folder, `to_yaml` and `from_yaml` write and read it, `read` gives canonical frames.
`readable` and `skipped` tell which files of a folder can be read, `suggest_company` what they say about the company.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quarterdeck.connectors.company_signs import suggest_company
    from quarterdeck.connectors.folder import readable, skipped
    from quarterdeck.connectors.growth import changes, extended
    from quarterdeck.connectors.mapping import ColumnMapping, FileMapping, Mapping, from_yaml, rows, to_yaml
    from quarterdeck.connectors.proposal import TableSample, propose, propose_tables
    from quarterdeck.connectors.reader import TableBatch, read
    from quarterdeck.connectors.report import FileReport

__all__ = [
    "ColumnMapping",
    "FileMapping",
    "FileReport",
    "Mapping",
    "TableBatch",
    "TableSample",
    "changes",
    "extended",
    "from_yaml",
    "propose",
    "propose_tables",
    "read",
    "readable",
    "rows",
    "skipped",
    "suggest_company",
    "to_yaml",
]

_HOMES = {
    **dict.fromkeys(("changes", "extended"), "growth"),
    **dict.fromkeys(("ColumnMapping", "FileMapping", "Mapping", "from_yaml", "rows", "to_yaml"), "mapping"),
    **dict.fromkeys(("TableSample", "propose", "propose_tables"), "proposal"),
    "FileReport": "report",
    "TableBatch": "reader",
    "read": "reader",
    "readable": "folder",
    "skipped": "folder",
    "suggest_company": "company_signs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
