"""The run: views at a moment, then every step of the flow, each read when it was made before from the same inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.base import calendar
from quarterdeck.base.config import Config
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.finding import findings_frame
from quarterdeck.base.parameters import Parameters
from quarterdeck.base.schema import facts
from quarterdeck.base.step import Step
from quarterdeck.base.tables import DeclaredTables
from quarterdeck.flow import STEPS
from quarterdeck.records.engine import Engine, ParquetTables
from quarterdeck.records.files import digest
from quarterdeck.records.lake import Lake, State
from quarterdeck.records.merging import Merged, touching
from quarterdeck.records.store import Store, Stored
from quarterdeck.records.views import NEEDS, NO_MERGES, last_day, view
from quarterdeck.workspace.settings import WorkspaceSettings

# A change of these may change numbers.
LIBRARIES = ("polars", "numpy", "scipy", "duckdb", "ibis-framework", "scikit-learn", "statsforecast", "highspy")


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A step began or ended."""

    step: str
    title: str
    number: int
    total: int
    state: str
    seconds: float = 0.0
    rows: int = 0


Progress = Callable[[ProgressEvent], None]


@dataclass(frozen=True, slots=True)
class StepRun:
    """How a step went in a run."""

    name: str
    title: str
    key: str
    reused: bool
    seconds: float
    rows: dict[str, int]


@dataclass
class Runner:
    """One pass over the flow. All that it needs is given; it reads the lake and writes the store."""

    lake: Lake
    store: Store
    engine: Engine
    settings: WorkspaceSettings
    parameters: Parameters
    state: State
    as_of: datetime
    decisions: dict[str, pl.DataFrame]
    merged: Merged = field(default_factory=lambda: NO_MERGES)
    waiting: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    progress: Progress | None = None
    fresh: bool = False
    contents: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    findings: list[Path] = field(default_factory=list)
    steps: list[StepRun] = field(default_factory=list)

    def run(self, until: str | None = None) -> None:
        """Make the views and every step up to and including `until` (a step or a room)."""
        wanted = steps_until(until)
        tables = ParquetTables(self.engine, self.paths)
        total = len(wanted) + 1
        self._tell("records.view", "What is known at this moment?", 1, total, "started")
        started = time.perf_counter()
        before = len(self.steps)
        self._views({name for step in wanted for name in step.reads})
        views = self.steps[before:]
        rows = sum(count for step in views for count in step.rows.values())
        reused = all(step.reused for step in views)
        self._tell(
            "records.view", "What is known at this moment?", 1, total, "reused" if reused else "computed",
            time.perf_counter() - started, rows,
        )  # fmt: skip
        for number, step in enumerate(wanted, start=2):
            self._tell(step.name, step.title, number, total, "started")
            done = self._step(step, tables)
            state = "reused" if done.reused else "computed"
            self._tell(step.name, step.title, number, total, state, done.seconds, sum(done.rows.values()))

    def _tell(self, *event: Any) -> None:
        if self.progress is not None:
            self.progress(ProgressEvent(*event))

    def _take(self, name: str, title: str, key: str, reused: bool, stored: Stored) -> StepRun:
        for table, hashed in stored.contents.items():
            if table == "findings":
                self.findings.append(stored.path(table))
            else:
                self.contents[table] = hashed
                self.paths[table] = stored.path(table)
        done = StepRun(name, title, key, reused, stored.seconds, stored.rows)
        self.steps.append(done)
        return done

    def _views(self, names: set[str]) -> None:
        company = self.settings.company
        for name in (name for name in facts() if name in names and self._is_known(name)):
            hints = self.state.hints if name == "opportunities" else {}
            key = self._view_key(name, hints)
            stored = None if self.fresh else self.store.get(f"view.{name}", key)
            reused = stored is not None
            if stored is None:
                rows = view(name, self._newest, self.as_of, company, hints, self.merged)
                started = time.perf_counter()
                stored = self.store.put_with(
                    f"view.{name}", key, name, lambda path, rows=rows: self.engine.write(rows, path), started
                )
            self._take(f"view.{name}", f"View of {name}", key, reused, stored)
        frames = dict(self.decisions)
        if "days" in names:
            frames["days"] = self._days()
        for name, frame in frames.items():
            key = digest([name, frame.write_csv()])
            stored = self.store.get(f"view.{name}", key)
            reused = stored is not None
            self._take(
                f"view.{name}",
                f"View of {name}",
                key,
                reused,
                stored or self.store.put(f"view.{name}", key, {name: frame}, 0.0),
            )

    def _is_known(self, name: str) -> bool:
        return bool(self.state.tables.get(name)) or name in self.waiting

    def _view_key(self, name: str, hints: dict[str, Any]) -> str:
        company = self.settings.company
        needs = NEEDS.get(name, ())
        batches = {need: [batch.content for batch in self.state.tables.get(need, ())] for need in (name, *needs)}
        arrived = {need: self.waiting[need].write_json() for need in (name, *needs) if need in self.waiting}
        # Enriched money is read in the company's currency.
        unit = company.currency if batches.get("enrichments") else ""
        merged = [[other, list(pairs.items())] for other, pairs in touching(name, needs, self.merged).items()]
        inputs = [self.as_of, company.timezone, unit, hints, batches, merged, arrived]
        return digest([_source("quarterdeck.records"), *inputs])

    def _newest(self, name: str) -> Any:
        return self.lake.relation(self.engine, self.state, name, self.waiting.get(name))

    def _days(self) -> pl.DataFrame:
        """The calendar from the first dated record (at most 15 years back) to two years ahead."""
        company = self.settings.company
        today = last_day(self.as_of, company)
        firsts = [today]
        for name, column in (
            ("opportunities", "created_at"),
            ("opportunities", "closed_at"),
            ("orders", "ordered_at"),
            ("leads", "created_at"),
            ("invoices", "invoiced_at"),
        ):
            if name in self.paths:
                least = pl.scan_parquet(self.paths[name]).select(pl.col(column).min()).collect().item()
                if least is not None:
                    firsts.append(least.date() - timedelta(days=1))
        first = calendar.add_months(max(min(firsts), date(today.year - 15, 1, 1)), -1)
        closed = []
        if "holidays" in self.paths:
            rows = pl.read_parquet(self.paths["holidays"])
            if company.country:
                rows = rows.filter(pl.col("country").is_null() | (pl.col("country") == company.country))
            closed = rows["day"].to_list()
        return calendar.days(
            calendar.period_start(first, "year", company),
            calendar.add_months(today, 25) - timedelta(days=1),
            company,
            closed,
        )

    def _step(self, step: Step, tables: ParquetTables) -> StepRun:
        section = self.settings.section(step.section)
        parameters = self.parameters.only(step.parameters)
        company = self.settings.company.model_dump(mode="json", exclude={"name", "language"})
        inputs = {name: self._content_for(step, name) for name in step.reads}
        dated = {name: [str(parameters[name].values), parameters[name].is_assumed] for name in parameters.names()}
        key = digest(
            [
                step.name,
                _source(step.function.partition(":")[0]),
                inputs,
                section.model_dump(mode="json"),
                dated,
                company,
                self.as_of,
                self.settings.seed,
            ]
        )
        stored = None if self.fresh else self.store.get(step.name, key)
        reused = stored is not None
        if stored is None:
            config = Config(self.as_of, section, self.settings.company, parameters, self.settings.seed)
            started = time.perf_counter()
            given = _Decided(tables, step) if "overrides" in step.reads else tables
            result = step.load()(DeclaredTables(given, step.reads, step.name), config)
            if set(result.tables) != set(step.writes):
                raise QuarterdeckError(
                    f"{step.name} wrote {sorted(result.tables)}, flow.py promises {sorted(step.writes)}; "
                    "this is a fault of Quarterdeck"
                )
            frames = {**result.tables, "findings": findings_frame(result.findings)}
            stored = self.store.put(step.name, key, frames, time.perf_counter() - started)
        return self._take(step.name, step.title, key, reused, stored)

    def _content_for(self, step: Step, name: str) -> str:
        if name == "overrides":
            return digest(_own(self.decisions["overrides"], step.room).write_csv())
        return self.contents.get(name, "absent")


class _Decided(ParquetTables):
    """A step's tables in which `overrides` holds its own room's decisions only, so that others' do not touch it."""

    def __init__(self, inner: ParquetTables, step: Step) -> None:
        self.__dict__.update(inner.__dict__)
        self._room = step.room

    def __getitem__(self, name: str) -> pl.DataFrame:
        frame = super().__getitem__(name)
        return _own(frame, self._room) if name == "overrides" else frame


def _own(overrides: pl.DataFrame, room: str) -> pl.DataFrame:
    return overrides.filter(pl.col("room") == room)


def steps_until(until: str | None) -> tuple[Step, ...]:
    """The steps up to the last one of that name or room; all for None. Raises on an unknown name."""
    if until is None:
        return STEPS
    places = [place for place, step in enumerate(STEPS) if until in (step.name, step.room)]
    if not places:
        known = sorted({name for step in STEPS for name in (step.name, step.room)})
        raise QuarterdeckError(f"There is no step {until!r}; {did_you_mean(until, known)}")
    wanted = STEPS[: places[-1] + 1]
    return tuple(step for step in wanted if _leads_to(step, wanted[-1], wanted) or step.room == until)


def _leads_to(step: Step, last: Step, steps: tuple[Step, ...]) -> bool:
    needed, names = set(last.reads), {last.name}
    for other in reversed(steps):
        if other.name == last.name or needed & set(other.writes):
            names.add(other.name)
            needed |= set(other.reads)
    return step.name in names


@cache
def _source(module: str) -> str:
    """Hash of a room's source, of the base and of the libraries that numbers come from."""
    folders = []
    for name in (module, "quarterdeck.base"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        folders.append(Path(spec.origin).parent)
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".csv", ".yaml"})
    texts = {str(path.relative_to(folders[-1].parent)): path.read_text(encoding="utf-8") for path in files}
    return digest([texts, {name: version(name) for name in LIBRARIES}])
