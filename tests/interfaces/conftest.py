"""A small export, a workspace on it, and pages of the made company."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from made_company import MadeWorkspace
from typer.testing import CliRunner

from quarterdeck.interfaces import report
from quarterdeck.interfaces.cli.application import app

QUARTERDECK = Path(sys.executable).with_name("quarterdeck")
CHROMIUM = os.environ.get("QUARTERDECK_TEST_CHROMIUM", "/usr/bin/chromium")


@dataclass(frozen=True)
class Answer:
    """What a command printed and returned."""

    returncode: int
    stdout: str
    stderr: str


def quarterdeck(*words: str | Path, cwd: Path | None = None) -> Answer:
    """The command in this process."""
    with chdir(cwd or Path.cwd()):
        result = CliRunner().invoke(app, list(map(str, words)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def process(*words: str | Path, cwd: Path | None = None) -> Answer:
    """The command in a process of its own."""
    done = subprocess.run(
        [str(QUARTERDECK), *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=250, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def write_export(folder: Path) -> None:
    """150 deals of three sellers in 2017: the n-th is created on day n of the year, every fifth stays open."""
    folder.mkdir(parents=True)
    deals = []
    for n in range(150):
        created = date(2017, 1, 1) + timedelta(days=n)
        is_open = n % 5 == 0
        closed = created + timedelta(days=20 + n % 30)
        deals.append(
            {
                "opportunity_id": f"D{n:03}",
                "sales_agent": ["Ann Lee", "Bo Kim", "Cy Diaz"][n % 3],
                "product": ["GTX Pro", "MG Special"][n % 2],
                "account": "=HYPERLINK(1)" if n == 7 else f"Account {n % 9}",
                "deal_stage": "Engaging" if is_open else "Won" if n % 3 else "Lost",
                "engage_date": created.isoformat(),
                "close_date": "" if is_open else closed.isoformat(),
                "close_value": "" if is_open else f"{(n * 37 % 900 + 100) + 0.55:.2f}" if n % 3 else "0",
            }
        )
    _write(folder / "sales_pipeline.csv", deals)
    agents = [("Ann Lee", "East"), ("Bo Kim", "East"), ("Cy Diaz", "West")]
    _write(folder / "sales_teams.csv", [{"sales_agent": name, "regional_office": region} for name, region in agents])
    _write(
        folder / "products.csv",
        [{"product": "GTX Pro", "sales_price": "900"}, {"product": "MG Special", "sales_price": "55"}],
    )


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made by `init` and run as of 2017-06-01 by `run`."""
    folder = tmp_path_factory.mktemp("company")
    write_export(folder / "exports")
    made = process("init", "acme", "--from", "exports", cwd=folder)
    assert made.returncode == 0, made.stderr
    ran = process("run", "acme", "--as-of", "2017-06-01", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return folder / "acme"


@pytest.fixture(scope="session")
def make_page(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes the report of the made company, once for each set of its options."""
    folder = tmp_path_factory.mktemp("pages")
    known: dict[str, Path] = {}

    def make(**options: Any) -> Path:
        key = repr(sorted(options.items()))
        if key not in known:
            made = MadeWorkspace(folder / str(len(known)) / "acme", **options)
            known[key] = report.write(made, made.run(), folder / f"{len(known)}.html")  # type: ignore[arg-type]
        return known[key]

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium: apt-get install chromium, or set QUARTERDECK_TEST_CHROMIUM to its path")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-quic"]
        )
        yield started
        started.close()
