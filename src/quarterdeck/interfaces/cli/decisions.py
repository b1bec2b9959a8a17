"""Commands by which a person decides: approve a plan, override an input. Both are written with who and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces.cli.command import AsOfPart, Command, Name
from quarterdeck.interfaces.cli.session import as_of_words, heading, moment, now, open_workspace

if TYPE_CHECKING:
    from quarterdeck.workspace import Workspace

Who = Annotated[str, typer.Option("--who", metavar="NAME", help="Who decides.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)]


def approve(
    name: Name,
    who: Who,
    reason: Reason,
    plan_hash: Annotated[
        str | None,
        typer.Option("--hash", metavar="HASH", help="Only if the plan still has this hash.", show_default=False),
    ] = None,
    as_of: AsOfPart = None,
) -> None:
    """Publish the latest plan. Only a published plan is acted on."""
    workspace = open_workspace(name)
    made = workspace.last_run(as_of=moment(as_of, "--as-of"), with_table="plan_lines")
    if made is None:
        raise QuarterdeckError(f"There is no plan to approve. Make one with: quarterdeck run {name}")
    before = {publication.id for publication in workspace.publications()}
    publication = workspace.approve(made, who=who, reason=reason, now=now(), plan_hash=plan_hash)
    typer.echo(heading(workspace, made))
    typer.echo(f"PUBLISHED {publication.plan_hash}")
    if publication.id in before:
        typer.echo(
            f"Already approved by {publication.who} on {publication.approved_at:%Y-%m-%d} ({publication.reason}); "
            "nothing was written."
        )
    else:
        typer.echo(f"Publication {publication.id}, approved by {publication.who}: {publication.reason}")


def override(
    name: Name,
    room: Annotated[str, typer.Argument(metavar="ROOM", help="Whose input it is, such as demand.", show_default=False)],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="What is overridden, such as region:East.", show_default=False)
    ],
    value: Annotated[float, typer.Option("--value", metavar="NUMBER", help="What holds instead.", show_default=False)],
    who: Who,
    reason: Reason,
    period: Annotated[
        str, typer.Option("--period", metavar="MONTH", help="Month it holds for: 2017-11.", show_default=False)
    ],
) -> None:
    """Put a person's number in the place of a computed one.

    It is one more input to the next run; nothing that was computed is changed.
    """
    workspace = open_workspace(name)
    made = workspace.override(room, target, value, reason=reason, who=who, now=now(), period=period)
    typer.echo(
        f"Override {made} of {period} is written; it takes effect with the next run:\n  {_next(workspace, name)}"
    )


def withdraw(
    name: Name,
    override: Annotated[
        str,
        typer.Argument(
            metavar="OVERRIDE", help="Its key, as `show NAME overrides` or `merges` lists it.", show_default=False
        ),
    ],
    who: Who,
    reason: Reason,
) -> None:
    """Take a decision back: an override, merge or correction.

    It holds no more from the next run on. What was decided stays in the ledger, with who withdrew it and why.
    """
    workspace = open_workspace(name)
    workspace.withdraw(override, who=who, reason=reason, now=now())
    typer.echo(f"{override} is withdrawn; it holds no more from the next run on:\n  {_next(workspace, name)}")


def _next(workspace: Workspace, name: Path) -> str:
    return f"quarterdeck run {name}{as_of_words(workspace, workspace.last_run())}"


COMMANDS = (
    Command(approve, ('quarterdeck approve acme --who "Kim Mina" --reason "Agreed in the October meeting"',)),
    Command(
        override,
        (
            "quarterdeck override acme demand region:East --period 2017-11 --value 500000 --who Kim --reason Fair",
            "quarterdeck override acme reconcile all:all --period 2017-11 --value 950000 --who Kim --reason Board",
        ),
    ),
    Command(withdraw, ("quarterdeck withdraw acme override-1 --who Kim --reason 'The fair is off'",)),
)
