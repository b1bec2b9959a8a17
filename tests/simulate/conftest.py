"""Worlds that several test files look at, played once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.simulate import WorldSpec, write

Frames = dict[str, pl.DataFrame]


def read(folder: Path) -> Frames:
    """All tables of a folder of Parquet files."""
    return {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """The export of a small software company without faults, ending 2026-06-30."""
    folder = tmp_path_factory.mktemp("clean")
    write(SMALL.model_copy(update={"faults": 0.0}), folder, replicas=0)
    return read(folder / "export")


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Frames]:
    """Export and truth of the same company with many faults."""
    folder = tmp_path_factory.mktemp("faulty")
    write(SMALL.model_copy(update={"faults": 4.0}), folder, replicas=0)
    return read(folder / "export"), read(folder / "truth")


SMALL = WorldSpec(opportunities=700, months=20, start=date(2024, 11, 1), seed=11, detail=0.3)
