"""All commands in the order of the loop, and the entry point."""

from __future__ import annotations

import os
import sys

import typer

from quarterdeck.interfaces.cli import decisions, enrichment, exports, keeping, loop, plan, records, start
from quarterdeck.interfaces.cli.command import INTERRUPTED, Command, guarded

COMMANDS: tuple[Command, ...] = (
    *start.COMMANDS,
    *loop.COMMANDS,
    *plan.COMMANDS,
    *decisions.COMMANDS,
    *records.COMMANDS,
    *keeping.COMMANDS,
    *exports.COMMANDS,
    *enrichment.COMMANDS,
)


def version(value: bool) -> None:
    if value:
        from quarterdeck import __version__

        typer.echo(f"quarterdeck {__version__}")
        raise typer.Exit


def application() -> typer.Typer:
    """The Typer application with every command."""
    made = typer.Typer(
        name="quarterdeck",
        help="A company's sales operations as one loop: records, metrics, scores, demand, supply, plan, pay, review.",
        epilog="\b\nExample:\n  quarterdeck init acme --from exports\n  quarterdeck run acme --as-of 2017-10-01",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @made.callback()
    def options(
        version: bool = typer.Option(
            False, "--version", callback=version, is_eager=True, help="Show the version and exit."
        ),
    ) -> None:
        pass

    for command in COMMANDS:
        title = "Example" if len(command.examples) == 1 else "Examples"
        epilog = f"\b\n{title}:\n" + "\n".join(f"  {example}" for example in command.examples)
        made.command(command.name, epilog=epilog)(guarded(command.function))
    return made


app = application()


def main() -> None:
    """Entry point. Exit code: 0 done, 1 findings as asked, 2 wrong call or configuration, 130 Ctrl-C."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has left; a second fault while flushing would be noise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
