"""The report: one HTML file that opens from disk, asks no host for anything, and prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck.workspace import Run, Workspace


def write(workspace: Workspace, run: Run, path: Path) -> Path:
    """Write the report of a run; the file appears whole or not at all. Returns its path."""
    from quarterdeck.interfaces.report.contents import page
    from quarterdeck.interfaces.report.source import Source

    source = Source(workspace, run)
    html = page(source).html(source.words, source.names)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(html, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
