"""A world written as the export of its systems: one Parquet file a table, month by month."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from quarterdeck.base.schema import table
from quarterdeck.simulate.spec import WorldSpec
from quarterdeck.simulate.world import Frames, World

WHOLE = ("accounts", "people", "resources", "stock")
"""Tables of which the last state of every row is written at the end."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written: rows by table, of the export and of the truth."""

    kind: str
    seed: int
    start: str
    end: str
    currency: str
    export: dict[str, int]
    truth: dict[str, int]


class _Files:
    """Parquet files of a folder that grow by row groups."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, dict[str, int]()
        self._writers: dict[str, pq.ParquetWriter] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Rows at the end of a table."""
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self.folder / f"{name}.parquet", arrow.schema, compression="zstd")
        self._writers[name].write_table(arrow)
        self.rows[name] = self.rows.get(name, 0) + frame.height

    def close(self) -> None:
        """No more rows."""
        for writer in self._writers.values():
            writer.close()


def write(
    spec: WorldSpec, folder: Path, progress: Callable[[int, int], None] | None = None, replicas: int | None = None
) -> Manifest:
    """Simulate the world of the spec into `folder/export/<table>.parquet` and `folder/truth/<table>.parquet`.

    Each month is written as it is played, so memory stays that of the open records. A record stands in its last state.
    `progress` is called with the months played and their number. `replicas` is the number of futures from which the
    truth's odds and bookings are counted; by default 20 up to 20,000 opportunities, beyond none.
    """
    if replicas is None:
        replicas = 20 if spec.opportunities <= 20_000 else 0
    world, files = World(spec), _Files(folder / "export")
    live: Frames = {}
    for month in range(spec.months):
        final, live = world.advance(with_open=month == spec.months - 1)
        for name, frame in final.items():
            files.add(name, _columns(name, frame))
        if progress is not None:
            progress(month + 1, spec.months)
    for name, frame in (live | world.roster()).items():
        files.add(name, _columns(name, frame))
    files.close()
    truth = _Files(folder / "truth")
    for name, frame in world.truth(replicas).items():
        truth.add(name, frame)
    truth.close()
    manifest = Manifest(spec.kind, spec.seed, str(spec.start), str(spec.end), spec.currency, files.rows, truth.rows)
    (folder / "manifest.json").write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    return manifest


def _columns(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The columns in the order of the canonical table."""
    return frame.select([column for column in table(name).names if column in frame.columns])
