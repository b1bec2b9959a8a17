"""Killed at any moment of a sync, a run or an approval: nothing lost, nothing half-read, the next call right."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from quarterdeck.workspace import Workspace

NOW = datetime(2026, 7, 1, 9, 0)
AS_OF = date(2026, 7, 1)


def sync(root: str, acknowledged: str) -> None:
    Workspace.open(root).sync(now=NOW)
    Path(acknowledged).touch()


def compute(root: str, acknowledged: str) -> None:
    workspace = Workspace.open(root)
    made = len(workspace.store.runs())
    workspace.run(now=NOW, as_of=AS_OF - timedelta(days=made))
    Path(acknowledged).touch()


def approve(root: str, acknowledged: str) -> None:
    workspace = Workspace.open(root)
    run = next(run for run in reversed(workspace.runs()) if run.plan_hash)
    workspace.approve(run, who="Lee", reason="board", now=NOW)
    Path(acknowledged).touch()


def people(workspace: Workspace) -> pl.DataFrame:
    return workspace.table("people").select("id", "team")


class Company:
    """A workspace whose calls are made in processes that are killed."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)
        self.acknowledged = root.parent / "acknowledged"
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(
            ["quarterdeck.workspace", "quarterdeck.connectors.reader", "ibis", "duckdb"]
        )
        self.published: set[str] = set()

    def export(self, version: int) -> None:
        """The source changes as a whole: every person's team carries the version."""
        path = self.root / "export" / "people.parquet"
        beside = path.with_suffix(".new")
        pl.read_parquet(path).with_columns(team=pl.lit(f"team {version}")).write_parquet(beside)
        beside.replace(path)

    def call(self, function: Callable[[str, str], None], seconds: float | None) -> bool:
        """Call in a process that is killed after the seconds; whether it told that it was done."""
        self.acknowledged.unlink(missing_ok=True)
        process = self.context.Process(target=function, args=(str(self.root), str(self.acknowledged)))
        process.start()
        assert process.pid is not None
        if seconds is None:
            process.join()
            assert process.exitcode == 0
        else:
            process.join(seconds)
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
                process.join()
        return self.acknowledged.exists()

    def check(self, versions: set[int]) -> None:
        """Everything can be read, and the people are those of one version of the source."""
        workspace = Workspace.open(self.root)
        assert set(people(workspace)["team"]) in [{f"team {version}"} for version in versions]
        for path in (self.root / "runs").glob("*.json"):
            for table in json.loads(path.read_text())["tables"].values():
                pl.read_parquet(self.root / table)
        assert workspace.ledger.verify() == []
        hashes = [publication.plan_hash for publication in workspace.publications()]
        assert len(hashes) == len(set(hashes))
        assert self.published <= set(hashes)
        workspace.close()


def kill_again_and_again(company: Company, rounds: int) -> None:
    calls = (sync, compute, approve)
    usual: dict[str, float] = {}
    version = 1
    company.export(version)
    for function in calls:
        started = time.monotonic()
        company.call(function, None)
        usual[function.__name__] = time.monotonic() - started
    seen = {version}
    for number in range(rounds):
        function = calls[number % 3]
        if function is sync:
            version += 1
            company.export(version)
            seen = {version - 1, version} if len(seen) == 1 else {*seen, version}
        done = company.call(function, company.random.uniform(0.02, 1.1 * usual[function.__name__]))
        if done and function is not approve:
            seen = {version}
        if done and function is approve:
            with Workspace.open(company.root) as workspace:
                company.published |= {publication.plan_hash for publication in workspace.publications()}
        company.check(seen)


def survive(made: Path, tmp_path: Path, rounds: int, seed: int) -> None:
    root = tmp_path / "killed" / "acme"
    shutil.copytree(made, root, copy_function=shutil.copy2)
    company = Company(root, seed)
    kill_again_and_again(company, rounds)
    reference = tmp_path / "reference" / "acme"
    shutil.copytree(root / "export", reference / "export")
    with Workspace.create(reference, reference / "export", now=NOW) as workspace:
        whole = workspace.run(now=NOW, as_of=AS_OF)
    with Workspace.open(root) as workspace:
        after = workspace.run(now=NOW + timedelta(hours=1), as_of=AS_OF)
        workspace.sync(now=NOW + timedelta(hours=2))
    assert after.plan_hash == whole.plan_hash
    assert not list((root / "lake").glob("**/.tmp-*"))


def test_nine_kills_leave_a_workspace_that_goes_on(made: Path, tmp_path: Path) -> None:
    survive(made, tmp_path, rounds=9, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_fifty_kills_at_random_moments_lose_nothing(made: Path, tmp_path: Path) -> None:
    survive(made, tmp_path, rounds=51, seed=2)
