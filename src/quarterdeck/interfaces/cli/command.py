"""What a command is, and the words that all commands share. Nothing heavy is imported here: `--help` must be quick."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterdeck.base.errors import QuarterdeckError

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its function, and examples that its help shows."""

    function: Callable[..., None]
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.function.__name__.rstrip("_")


class Severity(StrEnum):
    """From which severity on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


Name = Annotated[Path, typer.Argument(metavar="NAME", help="Folder of the workspace.", show_default=False)]
DAY = "What was true when this day began: 2017-10-01, or an instant in UTC. Default: "
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DAY",
        help=DAY + "now, or the day after the newest record when that is long ago.",
        show_default=False,
    ),
]
"""Of a whole run."""
AsOfPart = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help=DAY + "where the last run stood.", show_default=False),
]
"""Of a run of a part, and of commands that look at a run."""
AsOfFacts = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="DAY",
        help=DAY + "of records, all that is known today; of computed tables, where the last run stood.",
        show_default=False,
    ),
]
"""Of commands that read a table."""
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", metavar="DAY", help="Only what had been heard by then. Default: all that is known."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="Rows to print; 0 prints all.")]
FailOn = Annotated[
    Severity | None,
    typer.Option(
        "--fail-on",
        metavar="error|warning|notice",
        help="Exit with 1 when there is a finding of this severity or worse.",
        show_default=False,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute every step anew instead of reusing what is known.")]


def guarded(function: Callable[..., None]) -> Callable[..., None]:
    """The command with our errors told as text (exit 2) and Ctrl-C as such (exit 130)."""

    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except QuarterdeckError as error:
            print_fault(error)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo(
                "\nInterrupted; nothing is half-written. The same command goes on where this one stopped.", err=True
            )
            raise typer.Exit(INTERRUPTED) from None

    return run


def print_fault(error: QuarterdeckError) -> None:
    """Every fault of an error on stderr, one a line."""
    faults: tuple[str, ...] = getattr(error, "faults", ()) or (str(error),)
    if len(faults) == 1:
        typer.echo(f"Error: {faults[0]}", err=True)
    else:
        typer.echo(f"Error: {len(faults)} faults", err=True)
        for fault in faults:
            typer.echo(f"  - {fault}", err=True)


def is_terminal() -> bool:
    return sys.stderr.isatty()
