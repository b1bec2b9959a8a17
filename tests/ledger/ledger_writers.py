"""Writers of a ledger in processes of their own, started by the tests: `python ledger_writers.py MODE URL FOLDER …`.

A writer notes each append in a file once it was answered; what is noted must be in the ledger for ever.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from datetime import datetime
from importlib import import_module
from pathlib import Path

from quarterdeck.records.ledger import Draft, Ledger

AT = datetime(2024, 2, 29, 12)
STREAMS = ("pay", "routing", "outbox", "decisions")


def write(ledger: Ledger, notes: str, seed: int, turns: int) -> None:
    """Pairs across two streams in either order, and arrivals of three rows, each with its own word."""
    chance = random.Random(seed)
    with open(notes, "ab", buffering=0) as file:  # noqa: PTH123 - unbuffered, so that a note is either there or not
        for turn in range(turns):
            word = f"{seed}-{turn}"
            if turn % 3 == 2:
                sequence = ledger.receive(
                    "leads", [{"word": word}] * 3, source="form", at=AT, idempotency_key=word if turn % 2 else None
                )
                file.write(f"inbox {sequence} {word}\n".encode())
                continue
            pair = chance.sample(STREAMS, 2)
            for entry in ledger.append_many([Draft(stream, "pair", {"word": word}, "writer", AT) for stream in pair]):
                file.write(f"{entry.stream} {entry.sequence} {word}\n".encode())


def start(ledger: Ledger | str, notes: str, seed: int, turns: int) -> int:
    """A child that writes, on the parent's ledger or on one that it opens at a URL."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            write(Ledger.open(ledger) if isinstance(ledger, str) else ledger, notes, seed, turns)
            code = 0
        finally:
            os._exit(code)
    return process


def race(url: str, folder: str, writers: int, turns: int) -> int:
    """All writers to their end; the exit code is the number of those that failed."""
    processes = [start(url, f"{folder}/notes-{number}", number, turns) for number in range(writers)]
    return sum(os.waitpid(process, 0)[1] != 0 for process in processes)


def inherit(url: str, folder: str, writers: int, turns: int) -> int:
    """Children and their parent on the ledger that the parent had opened, and used, before."""
    ledger = Ledger.open(url)
    assert ledger.head("pay") is None
    processes = [start(ledger, f"{folder}/notes-{number}", number, turns) for number in range(writers)]
    write(ledger, f"{folder}/notes-parent", writers, turns)
    return sum(os.waitpid(process, 0)[1] != 0 for process in processes)


def wait_for_notes(notes: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (notes.exists() and notes.stat().st_size):
        time.sleep(0.002)


def crash(url: str, folder: str, rounds: int, seed: int) -> int:
    """In each round three writers, killed one by one at random moments: while they open it, or while they write."""
    chance = random.Random(seed)
    failures = 0
    for number in range(rounds):
        processes = [start(url, f"{folder}/notes-{number}-{of}", 10 * number + of, 10**9) for of in range(3)]
        if number % 4:
            wait_for_notes(Path(folder, f"notes-{number}-2"))
        for process in processes:
            time.sleep(chance.uniform(0.0, 0.12))
            os.kill(process, signal.SIGKILL)
        failures += sum(os.WTERMSIG(os.waitpid(process, 0)[1]) != signal.SIGKILL for process in processes)
    return failures


if __name__ == "__main__":
    # Once for all children, which would else spend their short lives with it.
    for library in ("alembic.command", "psycopg"):
        import_module(library)
    mode, url, folder, first, second = sys.argv[1:]
    sys.exit({"race": race, "inherit": inherit, "crash": crash}[mode](url, folder, int(first), int(second)))
