"""Commands by which tables go out as files and come back: export, and what was edited in a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.interfaces.cli.command import AsOfFacts, AsOfPart, Command, Json, KnownAt, Name
from quarterdeck.interfaces.cli.records import Table, Where, filtered, ordered, read
from quarterdeck.interfaces.cli.session import heading, now, open_workspace, run_until

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.workspace import Workspace
    from quarterdeck.workspace.editing import Difference

EVERY = "all"
"""TABLE of an export of every table that holds rows."""


def export(
    name: Name,
    table: Table,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="File or folder to write.", show_default=False)],
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="csv, parquet or xlsx. Default: by the file's name.", show_default=False
        ),
    ] = None,
    where: Where = None,
    as_of: AsOfFacts = None,
    known: KnownAt = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="An xlsx file that may be edited and taken back with `edit`.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="SOURCE", help="A csv in this source's own columns, for its import.", show_default=False
        ),
    ] = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="With --as: the corrected records and columns alone.")
    ] = False,
) -> None:
    """Write a table to a file: csv, parquet or xlsx.

    `all` writes every table, as sheets or into a folder. Money is exact in major units;
    in xlsx no text can act as a formula.
    """
    workspace = open_workspace(name)
    if source is not None or corrected:
        _export_as(workspace, table, to, source, corrected, where or [], as_of, known)
        return
    chosen = "xlsx" if edit else form or to.suffix.lstrip(".").lower() or "csv"
    _demand_format(chosen)
    if edit:
        _export_for_editing(workspace, table, to, where or [])
    elif table == EVERY:
        _export_every(workspace, to, chosen, as_of, known)
    else:
        from quarterdeck.interfaces.spreadsheet import write

        frame, stand = read(workspace, table, as_of, known)
        frame = ordered(filtered(frame, table, where or [], workspace), table)
        write(frame, table, to, chosen, workspace.settings.company.currency)
        typer.echo(f"{stand}\n{to}: {frame.height:,} rows of {table}")


def _demand_format(chosen: str) -> None:
    from quarterdeck.interfaces.spreadsheet import FORMATS

    if chosen not in FORMATS:
        raise QuarterdeckError(f"--format {chosen!r} is unknown; {did_you_mean(chosen, FORMATS)}")


def _export_every(workspace: Workspace, to: Path, form: str, as_of: str | None, known: str | None) -> None:
    from quarterdeck.interfaces.spreadsheet import write, write_all

    found: dict[str, pl.DataFrame] = {}
    for table in workspace.table_names():
        frame, _ = read(workspace, table, as_of, known)
        if frame.height:
            found[table] = frame
    currency = workspace.settings.company.currency
    if form == "xlsx":
        write_all(found, to, form, currency)
    else:
        if to.suffix:
            raise QuarterdeckError(f"{form} holds one table a file: give a folder, such as --to {to.with_suffix('')}")
        for table, frame in found.items():
            write(frame, table, to / f"{table}.{form}", form, currency)
    rows = sum(frame.height for frame in found.values())
    typer.echo(f"{to}: {len(found)} tables, {rows:,} rows")


def _export_for_editing(workspace: Workspace, table: str, to: Path, where: list[str]) -> None:
    from quarterdeck.interfaces import editable
    from quarterdeck.workspace import editing

    editing.editable(table)
    if to.suffix.lower() != ".xlsx":
        raise QuarterdeckError(f"--edit writes a workbook; name it so: --to {to.with_suffix('.xlsx')}")
    frame, _ = read(workspace, table, None, None)
    frame = filtered(frame, table, where, workspace)
    about = {"exported_at": now().isoformat(timespec="seconds"), "where": where, "sequence": _sequence(workspace)}
    editable.write(frame, table, to, workspace.settings.company.currency, about)
    typer.echo(
        f"{to}: {frame.height:,} rows of {table}. Edit it, then look at the differences:\n"
        f"  quarterdeck edit {workspace.root} {to}"
    )


def _sequence(workspace: Workspace) -> int:
    return workspace.lake.state().sequence


def _export_as(
    workspace: Workspace,
    table: str,
    to: Path,
    source: str | None,
    corrected: bool,
    where: list[str],
    as_of: str | None,
    known: str | None,
) -> None:
    from quarterdeck.workspace.exporting import in_source_form

    if source is None:
        raise QuarterdeckError("--corrected needs --as SOURCE: the system whose import takes the file.")
    frame, stand = read(workspace, table, as_of, known)
    made = in_source_form(workspace, table, source, filtered(frame, table, where, workspace), only_corrected=corrected)
    _write_exact(made, to)
    what = "corrected records" if corrected else "rows"
    typer.echo(f"{stand}\n{to}: {made.height:,} {what} of {table}, in the columns of {source}")


def _write_exact(frame: pl.DataFrame, to: Path) -> None:
    """A csv for a machine: no text is changed, the file is there whole or not at all."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.part")
    frame.write_csv(part, line_terminator="\r\n")
    part.replace(to)


def fixes(
    name: Name,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Folder to write into.", show_default=False)],
    check: Annotated[
        str | None, typer.Option("--check", metavar="CHECK", help="Only fixes of this check.", show_default=False)
    ] = None,
    least: Annotated[float, typer.Option("--least", metavar="SHARE", help="Only fixes at least so sure.")] = 0.5,
    as_of: AsOfPart = None,
    known: KnownAt = None,
) -> None:
    """Write what mends the records as files for a source's import.

    A file holds the source's keys and the columns that change, in the source's names and formats, and no empty cell.
    """
    import polars as pl

    workspace = open_workspace(name)
    made = run_until(workspace, "quality", as_of, known)
    found = workspace.table("fixes", run=made)
    if check is not None:
        known_checks = found["check"].unique().to_list()
        if check not in known_checks:
            raise QuarterdeckError(f"--check {check!r} proposes no fix; {did_you_mean(check, known_checks)}")
        found = found.filter(pl.col("check") == check)
    written = workspace.import_files(found, run=made, least=least)
    typer.echo(heading(workspace, made))
    for file in written.files:
        _write_exact(file.frame, to / file.name)
        typer.echo(f"  {to / file.name}: {file.frame.height:,} records of {file.table}")
    typer.echo(f"{written.fixes:,} of {found.height:,} proposed values in {len(written.files)} files.")
    for (source, table, reason), count in written.left.items():
        typer.echo(f"  {count:,} not written: {' '.join(filter(None, (source, table)))}{': ' if table else ''}{reason}")


def edit(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Workbook that was edited.", show_default=False)],
    take: Annotated[bool, typer.Option("--take", help="Take the changes; without it they are only shown.")] = False,
    who: Annotated[str, typer.Option("--who", metavar="NAME", help="Who decides.", show_default=False)] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)] = "",
    with_conflicts: Annotated[
        bool, typer.Option("--with-conflicts", help="Take cells too whose record changed since the export.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What was changed in a workbook, and take it.

    The workbook is one from `export --edit`. What --take takes holds until the source itself changes the values;
    `withdraw` takes one back.
    """
    from quarterdeck.interfaces import editable
    from quarterdeck.workspace import editing

    workspace = open_workspace(name)
    returned = editable.read(file)
    table = str(returned.about["table"])
    found = editing.compare(workspace, table, returned.base, returned.rows)
    if as_json:
        _print_json(found)
    else:
        _print(found, workspace.settings.company.currency)
    if take and not found.is_empty:
        done = editing.take(workspace, found, who=who, reason=reason, now=now(), with_conflicts=with_conflicts)
        if not as_json:
            typer.echo("\n" + "\n".join(done))
            if found.conflicts and not with_conflicts:
                typer.echo(f"{len(found.conflicts)} cells in conflict were left out; --with-conflicts takes them too.")
    elif not as_json and not found.is_empty:
        typer.echo(f'\nNothing is taken yet:\n  quarterdeck edit {name} {file} --take --who NAME --reason "why"')


def _print(found: Difference, currency: str) -> None:
    from quarterdeck.interfaces.cli.terminal import print_rows

    if found.is_empty:
        typer.echo(f"{found.table}: nothing was changed.")
        return
    rows = [
        [
            change.record_id,
            change.column,
            _shown(found.table, change.column, change.before, currency),
            _shown(found.table, change.column, change.after, currency),
            f"now {_shown(found.table, change.column, change.now, currency)}" if change.is_conflict else "",
        ]
        for change in found.changes
    ]
    if rows:
        print_rows(["record", "column", "was", "becomes", "conflict"], rows, title=f"Changed cells of {found.table}")
    for row in found.added:
        said = ", ".join(f"{key} {_shown(found.table, key, value, currency)}" for key, value in row.items())
        typer.echo(f"added    {said}")
    for key in found.deleted:
        typer.echo(f"deleted  {key}")


def _shown(table: str, column: str, value: Any, currency: str) -> str:
    from quarterdeck.base.money import to_major
    from quarterdeck.base.schema import table as entry

    if value is None:
        return "(empty)"
    return str(to_major(value, currency)) if entry(table).column(column).type == "money" else str(value)


def _print_json(found: Difference) -> None:
    import json
    from dataclasses import asdict

    cells = [{**asdict(change), "is_conflict": change.is_conflict} for change in found.changes]
    value = {"table": found.table, "changes": cells, "added": found.added, "deleted": found.deleted}
    typer.echo(json.dumps(value, indent=1, default=str, ensure_ascii=False))


COMMANDS = (
    Command(
        export,
        (
            "quarterdeck export acme scores --to scores.xlsx",
            "quarterdeck export acme opportunities --where status=won --to won.csv",
            "quarterdeck export acme all --to acme.xlsx",
            "quarterdeck export acme opportunities --to deals.xlsx --edit",
            "quarterdeck export acme opportunities --as crm --corrected --to corrections.csv",
        ),
    ),
    Command(
        fixes,
        ("quarterdeck fixes acme --to mend", "quarterdeck fixes acme --to mend --check region_spelling --least 0.9"),
    ),
    Command(
        edit,
        (
            "quarterdeck edit acme deals.xlsx",
            'quarterdeck edit acme deals.xlsx --take --who "Kim Mina" --reason "Checked with the owners"',
        ),
    ),
)
