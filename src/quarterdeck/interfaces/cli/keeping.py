"""Commands that keep a workspace: merge records, compact, erase a person, back up and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces.cli.command import Command, Name, is_terminal
from quarterdeck.interfaces.cli.decisions import Reason, Who
from quarterdeck.interfaces.cli.session import now, open_workspace


def merge(
    name: Name,
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="accounts, contacts, leads or people.", show_default=False)
    ],
    record: Annotated[str, typer.Argument(metavar="DUPLICATE", help="Key of the duplicate.", show_default=False)],
    survivor: Annotated[
        str, typer.Argument(metavar="SURVIVOR", help="Key of the record that stands for both.", show_default=False)
    ],
    who: Who,
    reason: Reason,
) -> None:
    """Decide that two records are one.

    Every table then shows the survivor, its empty columns filled from the duplicate. `withdraw` undoes it.
    """
    key = open_workspace(name).merge(table, record, survivor, who=who, reason=reason, now=now())
    typer.echo(f"{key}: {record} of {table} is shown as {survivor} from now on.")
    typer.echo(f"  where each value comes from: quarterdeck show {name} {table} --where id={survivor} --origins")
    typer.echo(f"  to undo it: quarterdeck withdraw {name} {key} --who NAME --reason TEXT")


def compact(name: Name) -> None:
    """Put the batches of many syncs together, so that reads are quick.

    Nothing is forgotten: what was known on any day stays readable. Syncs do it by themselves when it is worth it.
    """
    many = open_workspace(name).compact()
    for table, batches in sorted(many.items()):
        typer.echo(f"  {table}: {batches} batches put together")
    if not many:
        typer.echo("Every table is one batch already; nothing was written.")


def erase(
    name: Name,
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="Record id, e-mail address or exact name.", show_default=False)
    ],
    who: Who,
    reason: Reason,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a person's data out of the whole workspace. It cannot be undone.

    Figures and pay stay, under a pseudonym. The ledger notes that it was done; no sync brings the data back.
    """
    workspace = open_workspace(name)
    found = workspace.find_person(person)
    typer.echo("These records are the person's, in every version ever synced:")
    for row in found.records.iter_rows(named=True):
        words = [row[key] for key in ("name", "email", "phone") if row[key]]
        typer.echo(f"  {row['table']} {row['id']}: {', '.join(words)}")
    for shared in found.shared_names:
        typer.echo(f"  The name {shared} is left where only it stands: it may mean others.")
    if not yes:
        if not is_terminal():
            raise QuarterdeckError("Nobody is here to confirm; add --yes to erase what is listed above.")
        typer.confirm("Erase them for good?", abort=True)
    done = workspace.erase(found, who=who, reason=reason, now=now())
    typer.echo(
        f"Erased {done.records} records: {done.files} files rewritten, {len(done.removed)} removed, "
        f"{done.entries} entries of the ledger emptied."
    )
    for path in done.removed:
        typer.echo(f"  removed: {path}")
    if done.signed:
        typer.echo(f"  {done.signed} decisions are signed with the name; they stay, as evidence of who decided.")
    if done.elsewhere:
        typer.echo("Outside the workspace, which Quarterdeck does not touch, look at:")
        for place in done.elsewhere:
            typer.echo(f"  {place}")


def backup(
    name: Name,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Archive to write.", show_default=False)],
) -> None:
    """Write the workspace into one archive, while it is in use."""
    made = open_workspace(name).backup(to, now=now())
    typer.echo(f"{made.path}: {made.files:,} files, {made.size / 1e6:,.1f} MB")


def restore(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="Archive of `backup`.", show_default=False)],
    name: Annotated[Path, typer.Argument(metavar="NAME", help="Folder to make.", show_default=False)],
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            metavar="URL",
            help="Empty PostgreSQL ledger to fill. Default: in the folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a workspace of an archive. Damaged archives are refused."""
    from quarterdeck.workspace import Workspace

    workspace = Workspace.restore(archive, name, ledger=ledger)
    state = workspace.lake.state()
    typer.echo(
        f"Restored {name}: sync {state.sequence}, {len(workspace.runs())} runs; every file is as it was backed up."
    )


COMMANDS = (
    Command(merge, ('quarterdeck merge acme accounts A2 A1 --who "Kim Mina" --reason "The same company"',)),
    Command(compact, ("quarterdeck compact acme",)),
    Command(erase, ('quarterdeck erase acme jan@initech.com --who "Lee Jun" --reason "Asked on 3 May"',)),
    Command(backup, ("quarterdeck backup acme --to /backups/acme.qdbackup",)),
    Command(restore, ("quarterdeck restore /backups/acme.qdbackup acme2",)),
)
