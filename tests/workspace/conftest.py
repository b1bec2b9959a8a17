"""Workspaces to work on: a small company's, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from quarterdeck.workspace import Run, Workspace

NOW = datetime(2026, 7, 1, 9, 0)
AS_OF = date(2026, 7, 1)


@pytest.fixture(scope="session")
def small_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a simulated company of about 400 opportunities."""
    from quarterdeck import simulate

    folder = tmp_path_factory.mktemp("world")
    simulate.write(simulate.PRESETS["small"], folder)
    return folder / "export"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, small_export: Path) -> Path:
    """A workspace with one whole run; its source lies inside it so that it can be copied."""
    root = tmp_path_factory.mktemp("made") / "acme"
    shutil.copytree(small_export, root / "export")
    with Workspace.create(root, root / "export", now=NOW) as workspace:
        workspace.run(now=NOW, as_of=AS_OF)
    return root


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the made workspace, to be changed at will."""
    shutil.copytree(made, tmp_path / "acme", copy_function=shutil.copy2)
    with Workspace.open(tmp_path / "acme") as opened:
        yield opened


@pytest.fixture
def run(workspace: Workspace) -> Run:
    found = workspace.last_run()
    assert found is not None
    return found
