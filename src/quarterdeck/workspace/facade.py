"""`Workspace`: a folder with a company's settings, facts, runs and decisions."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

# Two solver threads that spin while waiting make models 100 times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import polars as pl

from quarterdeck.base.calendar import parse_period
from quarterdeck.base.config import Company, instant
from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.base.finding import findings_frame
from quarterdeck.base.parameters import Parameters
from quarterdeck.base.schema import conform, empty, table, tables
from quarterdeck.records.engine import Engine, ParquetTables
from quarterdeck.records.files import exclusive
from quarterdeck.records.lake import Lake, State
from quarterdeck.records.store import Store
from quarterdeck.records.sync import TableSync, compact
from quarterdeck.records.views import Lookup, view
from quarterdeck.workspace import (
    arrivals,
    backup,
    databases,
    decisions,
    doctor,
    drafts,
    erasing,
    explain,
    growing,
    ingest,
    mending,
    merging,
    reconciliation,
    runs,
)
from quarterdeck.workspace.decisions import Publication
from quarterdeck.workspace.mending import ImportFiles
from quarterdeck.workspace.runner import Progress, Runner
from quarterdeck.workspace.runs import Run
from quarterdeck.workspace.settings import WorkspaceSettings, read_parameters, read_settings

if TYPE_CHECKING:
    from quarterdeck.records.ledger import Ledger


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, table by table, and what it found."""

    sequence: int
    batches: tuple[TableSync, ...]
    findings: pl.DataFrame


class Workspace:
    """A company's workspace. Open one with `Workspace.open`, make one with `Workspace.create`."""

    def __init__(self, root: Path, settings: WorkspaceSettings, parameters: Parameters) -> None:
        self.root, self.settings, self.parameters = root, settings, parameters
        self.lake = Lake(root / "lake")
        self.store = Store(root / "runs")
        self.engine = Engine(
            [root, *self._source_folders()], memory=settings.engine.memory, threads=settings.engine.threads
        )

    def _source_folders(self) -> list[Path]:
        return [self.root / source.folder for source in self.settings.sources if source.folder]

    @classmethod
    def open(cls, root: Path | str) -> Workspace:
        """Open a workspace; raises with every fault of its text files."""
        root = Path(root)
        return cls(root, read_settings(root), read_parameters(root))

    @classmethod
    def create(
        cls, root: Path | str, source: Path | str | None = None, *, company: Company | None = None, now: datetime
    ) -> Workspace:
        """Make a workspace, draft the mapping of an export's folder or of a database's URL, and take its records.

        Without a `company` its currency and language are what the export gives evidence for. Raises when the folder is
        a workspace already or the export holds no table.
        """
        root = Path(root)
        if (root / "quarterdeck.yaml").exists():
            raise QuarterdeckError(
                f"{root} is a workspace already. Edit its quarterdeck.yaml and mapping/, then call sync."
            )
        drafts.make(root, source, company)
        workspace = cls.open(root)
        if source is not None:
            workspace.sync(now=now)
        return workspace

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of decisions, publications and runs."""
        from quarterdeck.records.ledger import Ledger

        url = self.settings.ledger
        if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            url = f"sqlite:///{(self.root / url.removeprefix('sqlite:///')).resolve()}"
        return Ledger.open(url)

    def close(self) -> None:
        """Let go of the engine and the ledger; `with Workspace.open(root) as workspace` does it at the end."""
        self.engine.close()
        if "ledger" in self.__dict__:
            self.__dict__.pop("ledger").close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- records ---------------------------------------------------------------------------------------------------

    def proposals(self) -> pl.DataFrame:
        """How each source's columns become ours: source, file, column, table, target, confidence, reason."""
        return ingest.proposals(self.root, self.settings.sources)

    def grow_mappings(self, *, take: bool = False) -> list[growing.Growth]:
        """What came into the sources that their mappings do not name; with `take` its guess is added to them."""
        return growing.grow(self, take)

    def is_stale(self, now: datetime | None = None) -> bool:
        """Files or a mapping changed since the last sync, arrivals wait, or by `now` a database is to be asked."""
        if now is not None and databases.is_due(self.root, self.settings.sources, self.moment(now)):
            return True
        changed = ingest.fingerprints(self.root, self.settings.sources) != self.lake.state().files
        return changed or bool(self.ledger.inbox(limit=1) or self.ledger.inbox(limit=1, after=self.lake.state().inbox))

    def receive(
        self, name: str, rows: Sequence[Mapping[str, Any]], *, source: str, now: datetime, key: str | None = None
    ) -> int:
        """Take live records of a fact table; they are safe and in every view when this returns.

        The same `key` of the same source is taken once. Raises with every fault of the rows, and then takes none.
        """
        return arrivals.receive(self, name, rows, source, now, key)

    def sync(self, *, now: datetime) -> SyncReport:
        """Take what the sources say now; only differences are written, all of them or none."""
        with self.lake.writing():
            erasing.finish(self)
            batches, findings = ingest.sync(self, now)
        return SyncReport(self.lake.state().sequence, tuple(batches), findings_frame(findings))

    def reconciliation(self, sequence: int | None = None, *, known_at: datetime | None = None) -> pl.DataFrame:
        """What the last sync (or the one of a number, or the last by then) read, kept and set aside of each file.

        A row for each file, table and measure (rows, or a money column in major units): read, kept, set_aside, reasons,
        the source's own figure, whether they agree; then, as `held`, each table's rows in the lake.
        """
        return reconciliation.read(self.lake, self._state(sequence, known_at))

    def set_aside(self, sequence: int | None = None, *, known_at: datetime | None = None) -> pl.DataFrame:
        """Rows that could not be taken: source, file, table, line, reason, raw."""
        return reconciliation.set_aside(self.lake, self._state(sequence, known_at))

    def _state(self, sequence: int | None, known_at: datetime | None) -> State:
        return self.lake.state(known_at) if sequence is None else State(sequence)

    def compact(self) -> dict[str, int]:
        """Put each table's batches together so that reads are quick; gives how many each had. Nothing is forgotten."""
        with self.lake.writing():
            return compact(self.lake, self.engine)

    def table(
        self,
        name: str,
        *,
        as_of: date | datetime | None = None,
        known_at: datetime | None = None,
        run: Run | None = None,
    ) -> pl.DataFrame:
        """A table: facts as they stood at `as_of` (default: all that is known), derived tables of a run (the last).

        `known_at` gives what was known then: facts as heard by then, decisions taken, runs made.
        """
        entry = table(name)
        if name == "findings":
            return self.findings(run or self.last_run(with_step="quality.check", as_of=as_of, known_at=known_at))
        if entry.kind == "fact" and run is None:
            return self._facts(name, as_of, known_at)
        found = run or self.last_run(as_of=as_of, with_table=name, known_at=known_at)
        if found is None or name not in found.paths:
            return empty(name)
        return conform(name, pl.read_parquet(found.paths[name]))

    def _facts(self, name: str, as_of: date | datetime | None, known_at: datetime | None) -> pl.DataFrame:
        state = self.lake.state(known_at)
        moment = self.moment(as_of) if as_of is not None else datetime(9999, 1, 1)
        merged = merging.merged(self, known_at)
        rows = view(name, self.records(known_at), moment, self.settings.company, state.hints, merged)
        if rows is None:
            return empty(name)
        frame = pl.DataFrame(pl.from_arrow(rows.to_pyarrow()))
        return frame.select(pl.col(column).cast(kind) for column, kind in table(name).polars.items()).sort("id")

    def records(self, known_at: datetime | None = None) -> Lookup:
        """The newest version of each record that was known then, by table; what waits in the inbox is with it."""
        state, waiting = self.lake.state(known_at), arrivals.waiting(self, known_at)
        return lambda name: self.lake.relation(self.engine, state, name, waiting.get(name))

    def moment(self, as_of: date | datetime) -> datetime:
        """The instant of an `as_of`: a day means its start in the company's zone; a zoned time is taken to UTC."""
        if not isinstance(as_of, datetime):
            return instant(as_of, self.settings.company)
        return as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of

    # --- runs ------------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        now: datetime,
        as_of: date | datetime | None = None,
        known_at: datetime | None = None,
        until: str | None = None,
        overlay: dict[str, Any] | None = None,
        scenario: str = "base",
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Run:
        """Make a run: take what changed in the sources, then every step whose inputs changed.

        Without `as_of` a whole run stands on now, or on the day after the newest record when that is long ago, and a
        run of a part stands where the last run stood. A scenario is a run with an `overlay` of settings
        (`{"demand.horizon": 3}`); it shares every step that the overlay does not touch. `known_at` asks what would have
        been computed from what was known then.
        """
        if known_at is None and self.is_stale(now):
            self.sync(now=now)
        state = self.lake.state(known_at)
        if not state.tables:
            first = self.lake.states()[:1]
            if known_at is not None and first and first[0].seen_at is not None:
                raise QuarterdeckError(
                    f"Nothing was known yet: the first sync was on {first[0].seen_at:%Y-%m-%d %H:%M} UTC."
                )
            raise QuarterdeckError(
                f"{self.root} has no records yet; add a source to its quarterdeck.yaml and call sync."
            )
        settings = read_settings(self.root, overlay) if overlay else self.settings
        moment, note = self.moment(as_of) if as_of is not None else None, ""
        if moment is None:
            moment, note = runs.usual_moment(self, until, now, known_at)
        started = time.perf_counter()
        runs.refuse_before_records(self, state, moment)
        runner = Runner(
            lake=self.lake, store=self.store, engine=self.engine, settings=settings, parameters=self.parameters,
            state=state, as_of=moment, progress=progress, fresh=fresh,
            decisions=decisions.tables(self, moment, known_at), merged=merging.merged(self, known_at),
            waiting=arrivals.waiting(self, known_at),
        )  # fmt: skip
        runner.findings.append(ingest.findings_path(self.lake, state))
        runner.run(until)
        kept = runs.Kept(known_at, scenario, overlay or {}, self.moment(now), time.perf_counter() - started, note)
        return runs.keep(self, runner, kept)

    def runs(self, known_at: datetime | None = None) -> list[Run]:
        """All runs, or those made by then, the oldest first."""
        published = runs.published_hashes(self)
        values = self.store.runs() if known_at is None else self.store.live_runs(known_at)
        return [runs.load(self, value, published) for value in values]

    def run_by_id(self, run_id: str) -> Run:
        """The run of that name; the first letters are enough."""
        matches = [value for value in self.store.runs() if value["id"] == run_id or value["id"].endswith(run_id)]
        if len(matches) != 1:
            raise QuarterdeckError(
                f"{len(matches)} runs are named {run_id!r}; `quarterdeck show {self.root} runs` lists them."
            )
        return runs.load(self, matches[0])

    def last_run(
        self,
        *,
        as_of: date | datetime | None = None,
        with_table: str | None = None,
        with_step: str | None = None,
        known_at: datetime | None = None,
    ) -> Run | None:
        """The newest run, of a moment or with a table or a step if asked; None when there is none.

        With `known_at` it is the last one made by then; if none was, one that asked later what was known then. Without,
        runs that asked what was known earlier do not count.
        """
        asked = (
            [] if known_at is None else [run for run in self.store.runs() if run["known_at"] == known_at.isoformat()]
        )
        for value in reversed([*asked, *self.store.live_runs(known_at)]):
            if with_step is not None and with_step not in {step["name"] for step in value["steps"]}:
                continue
            if as_of is not None and datetime.fromisoformat(value["as_of"]) != self.moment(as_of):
                continue
            if with_table is None or with_table in value["tables"]:
                return runs.load(self, value)
        return None

    def tables_of(self, run: Run) -> ParquetTables:
        """A run's tables, for notebooks and for `explain`."""
        return ParquetTables(self.engine, dict(run.paths))

    def findings(self, run: Run | None = None) -> pl.DataFrame:
        """Everything that a run (the last that checked the records) found, the worst first."""
        run = run or self.last_run(with_step="quality.check") or self.last_run()
        if run is None:
            return empty("findings")
        frames = [pl.read_parquet(path) for path in run.findings if path.is_file()]
        if not frames:
            return empty("findings")
        rank = {"error": 0, "warning": 1, "notice": 2}
        return pl.concat(frames).sort(
            pl.col("severity").replace_strict(rank, return_dtype=pl.Int8),
            pl.col("money_at_stake").abs().fill_null(0) * -1,
            "code",
            maintain_order=True,
        )

    # --- decisions -------------------------------------------------------------------------------------------------

    def override(
        self, room: str, target: str, value: float, *, period: str, reason: str, who: str, now: datetime
    ) -> str:
        """Choose a month's value that holds instead of the computed one from the next run on; the decision's key."""
        start, _, grain = parse_period(period, self.settings.company)
        if grain != "month":
            raise QuarterdeckError(f"An override holds for a month; write one for each month of {period}.")
        return decisions.override(self, room, target, value, start, reason, who, now)

    def overrides(self, known_at: datetime | None = None) -> pl.DataFrame:
        """The overrides that hold now, or held then."""
        return decisions.overrides(self, known_at)

    def merge(self, table: str, record_id: str, survivor_id: str, *, who: str, reason: str, now: datetime) -> str:
        """Decide that two records of accounts, contacts, leads or people are one; the decision's key.

        Views show the survivor with its empty columns filled from the duplicate, and references point to it. It is
        undone by `withdraw`. Raises when a record is not there, is merged already, or a ring would come of it.
        """
        return merging.merge(self, table, record_id, survivor_id, who, reason, now)

    def merges(self, known_at: datetime | None = None) -> pl.DataFrame:
        """The merges that hold now, or held then."""
        return merging.merges(self, known_at)

    def origins(
        self,
        table: str,
        record_id: str,
        *,
        as_of: date | datetime | None = None,
        known_at: datetime | None = None,
    ) -> pl.DataFrame:
        """Where each value of a shown record comes from: column, value, record_id, source, origin."""
        return merging.origins(self, table, record_id, as_of, known_at)

    def withdraw(self, decision_id: str, *, who: str, reason: str, now: datetime) -> None:
        """Take an override or a merge back; both decisions stay in the ledger."""
        decisions.withdraw(self, decision_id, reason, who, now)

    def approve(self, run: Run, *, who: str, reason: str, now: datetime, plan_hash: str | None = None) -> Publication:
        """Approve a run's plan and publish it; the approval holds for the plan of that hash and no other."""
        if run.plan_hash is None:
            raise QuarterdeckError(f"Run {run.id} has no plan with lines; run all steps first: `quarterdeck run`.")
        if run.overlay:
            raise QuarterdeckError(
                f"Run {run.id} is a what-if with {', '.join(run.overlay)}. Write that into quarterdeck.yaml, run again "
                "without --set, and approve that plan."
            )
        now_hash = runs.plan_hash(run.paths)
        if now_hash != run.plan_hash or (plan_hash and not run.plan_hash.startswith(plan_hash)):
            raise QuarterdeckError(
                f"The plan (now {(now_hash or 'none')[:12]}) is not the one that was asked about "
                f"({(plan_hash or run.plan_hash)[:12]}); look at it with `quarterdeck plan` and approve its hash."
            )
        with exclusive(self.root / "runs" / ".lock"):
            return decisions.publish(self, run, who, reason, now)

    def publications(self, known_at: datetime | None = None) -> list[Publication]:
        """All publications, or those made by then, the oldest first."""
        return decisions.publications(self, known_at)

    def find_person(self, who: str) -> erasing.Found:
        """Whom an erasure of a record id, an e-mail address or an exact name would take out."""
        return erasing.find(self, who)

    def erase(self, found: erasing.Found, *, who: str, reason: str, now: datetime) -> erasing.Erasure:
        """Take a person out of every file of the workspace and out of the ledger; figures and pay stay.

        It cannot be undone. The ledger notes that it was done, and no later sync brings the person back.
        """
        return erasing.erase(self, found, who, reason, now)

    def backup(self, to: Path | str, *, now: datetime) -> backup.Backup:
        """Write an archive of the workspace as it stands; it may be in use meanwhile. Raises when the file is there."""
        return backup.backup(self, Path(to), now)

    @classmethod
    def restore(cls, archive: Path | str, root: Path | str, *, ledger: str | None = None) -> Workspace:
        """Make a workspace of an archive in a new folder; `ledger` is the URL of an empty PostgreSQL ledger to fill.

        Raises, and leaves nothing, when the archive is damaged or the folder is there.
        """
        backup.restore(Path(archive), Path(root), ledger)
        return cls.open(root)

    def import_files(self, fixes: pl.DataFrame, *, run: Run | None = None, least: float = 0.5) -> ImportFiles:
        """Fixes (rows of the table `fixes` of a run) as files for each source's own import, in its columns."""
        return mending.import_files(self, fixes, run, least)

    # --- looking ---------------------------------------------------------------------------------------------------

    def doctor(self, *, as_of: date | datetime | None = None, known_at: datetime | None = None) -> pl.DataFrame:
        """Faults and missing inputs of the workspace as findings: what each missing table would buy."""
        return doctor.doctor(self, as_of, known_at)

    def explain(
        self,
        name: str,
        *,
        run: Run | None = None,
        period: str | None = None,
        dimension: str = "all",
        member: str = "all",
    ) -> explain.Explanation:
        """Where a figure comes from: `metrics.<name>`, `demand.bookings`, `plan.<line>`, `quota.<person>` …"""
        found = run or self.last_run()
        if found is None:
            raise QuarterdeckError(f"There is no run to explain; make one with `quarterdeck run {self.root}`.")
        return explain.explain(self, found, name, period, dimension, member)

    def table_names(self) -> Iterable[str]:
        """Every table that `table` knows."""
        return tables()


__all__ = ["Publication", "Run", "SyncReport", "Workspace"]
