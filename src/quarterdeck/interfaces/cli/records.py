"""Commands that show what lies behind: rows, and why a number is what it is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.interfaces.cli.command import AsOfFacts, AsOfPart, Command, Json, KnownAt, Limit, Name
from quarterdeck.interfaces.cli.session import heading, known_at, moment, open_workspace

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.workspace import Workspace
    from quarterdeck.workspace.explain import Explanation

LEDGER = {
    "runs": ["id", "as_of", "scenario", "started_at", "seconds", "plan_hash", "is_published"],
    "publications": ["id", "run_id", "plan_hash", "as_of", "who", "reason", "approved_at"],
}
"""What `show` knows beside the tables, with its columns."""

SYNCS = {
    "reconciliation": "what the last sync read, kept and set aside, against the sources' own counts",
    "set-aside": "rows that the last sync could not take",
}
"""What `show` knows of syncs."""


"""The table whose rows `explain` shows for a figure; for the other figures they are deals or leads."""

Table = Annotated[str, typer.Argument(metavar="TABLE", help="Name of a table; `steps` lists them.", show_default=False)]


Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=VALUE", help="Only these rows; repeatable.", show_default=False),
]


def show(
    name: Name,
    table: Table,
    where: Where = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, metavar="N", help="Rows to print. Default: 20, with --json all.")
    ] = None,
    as_of: AsOfFacts = None,
    known: KnownAt = None,
    origins: Annotated[bool, typer.Option("--origins", help="Where each value of the rows comes from.")] = False,
    as_json: Json = False,
) -> None:
    """Rows of a table as they stood.

    JSON holds every column and every digit. Beside the tables there are `runs` and `publications`, and of the last sync
    `reconciliation` and `set-aside`.
    """
    from quarterdeck.interfaces.cli.terminal import print_frame, print_json

    workspace = open_workspace(name)
    frame, stand = read(workspace, table, as_of, known)
    frame = ordered(filtered(frame, table, where or [], workspace), table)
    currency = workspace.settings.company.currency
    if origins:
        frame = _origins(workspace, table, frame.head(5 if limit is None else limit), as_of, known)
        table, limit = "origins", 0
    if as_json:
        print_json(frame.head(limit) if limit else frame, table, currency)
    else:
        frame = _plain(frame) if table == "reconciliation" else frame
        typer.echo(stand)
        print_frame(frame, table, currency, limit=20 if limit is None else limit)


def read(workspace: Workspace, table: str, as_of: str | None, known: str | None) -> tuple[pl.DataFrame, str]:
    """A table, and the line that says as of when it is."""
    from quarterdeck.base.schema import tables

    when, then = moment(as_of, "--as-of"), known_at(known, workspace)
    heard = f"as known on {known}" if known else "as known today"
    if table in LEDGER:
        return _entries(workspace, table, then), heard.capitalize()
    if table in SYNCS:
        return getattr(workspace, table.replace("-", "_"))(known_at=then), f"{heard.capitalize()}: {SYNCS[table]}"
    if table in ("overrides", "merges") and as_of is None:
        return getattr(workspace, table)(then), f"{heard.capitalize()}: the {table} that hold"
    if table in tables() and tables()[table].kind != "fact":
        made = workspace.last_run(as_of=when, with_table=None if table == "findings" else table, known_at=then)
        if made is None and (as_of is not None or then is not None):
            day, by = (f" as of {as_of}" if as_of else ""), (f" by {known}" if known else "")
            options = (f" --as-of {as_of}" if as_of else "") + (f" --known-at {known}" if known else "")
            raise QuarterdeckError(
                f"No run{day}{by} made {table}. Make one with: quarterdeck run {workspace.root}{options}"
            )
        if made is None:
            return workspace.table(table), f"No run made {table} yet; make one with: quarterdeck run {workspace.root}"
        return workspace.table(table, run=made), heading(workspace, made)
    frame = workspace.table(table, as_of=when, known_at=then)
    return frame, f"As of {as_of}, {heard}" if as_of else f"{heard.capitalize()}; --as-of shows another day"


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Decimals without the zeros at their end."""
    import polars as pl
    import polars.selectors as cs

    return frame.with_columns(cs.decimal().cast(pl.String).str.replace(r"\.?0+$", ""))


def _origins(
    workspace: Workspace, table: str, frame: pl.DataFrame, as_of: str | None, known: str | None
) -> pl.DataFrame:
    """Where each value of some records comes from."""
    import polars as pl

    if "id" not in frame.columns or frame.is_empty():
        raise QuarterdeckError(f"--origins needs records; {table} shows none here.")
    when, then = moment(as_of, "--as-of"), known_at(known, workspace)
    found = [
        workspace.origins(table, key, as_of=when, known_at=then).select(pl.lit(key).alias("shown"), pl.all())
        for key in frame["id"]
    ]
    return pl.concat(found)


def ordered(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The likeliest deals first; other tables as they are."""
    return frame.sort(["probability", "subject_id"], descending=[True, False]) if table == "scores" else frame


def _entries(workspace: Workspace, table: str, then: datetime | None) -> pl.DataFrame:
    """The workspace's runs or publications, or those known then, as a frame, the oldest first."""
    import polars as pl

    found: list[Any] = workspace.runs(then) if table == "runs" else workspace.publications(then)
    columns = LEDGER[table]
    return pl.DataFrame([[getattr(entry, name) for name in columns] for entry in found], schema=columns, orient="row")


def filtered(frame: pl.DataFrame, table: str, where: list[str], workspace: Workspace) -> pl.DataFrame:
    """Rows whose columns have the given values, compared as text, money in major units. An empty value means null."""
    import polars as pl

    from quarterdeck.base.money import to_minor
    from quarterdeck.interfaces.cli.terminal import known_columns

    columns = known_columns(table)
    for pair in where:
        key, equals, value = pair.partition("=")
        if not equals:
            raise QuarterdeckError(f"--where {pair!r} is not COLUMN=VALUE; write for example --where status=won")
        if key not in frame.columns:
            raise QuarterdeckError(f"Table {table} has no column {key!r}; {did_you_mean(key, frame.columns)}")
        if not value:
            frame = frame.filter(pl.col(key).is_null())
        elif key in columns and columns[key].type == "money":
            try:
                minor = to_minor(value, workspace.settings.company.currency)
            except ArithmeticError:
                raise QuarterdeckError(f"--where {pair!r}: {value!r} is no amount; write one such as 550.00") from None
            frame = frame.filter(pl.col(key) == minor)
        else:
            frame = frame.filter(pl.col(key).cast(pl.String) == value)
    return frame


def explain(
    name: Name,
    number: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE",
            help="What is asked about: metrics.NAME, demand.bookings, demand.deals, plan.LINE, plan.gap, "
            "supply.RESOURCE, quota.PERSON, pay.PERSON, scoring.DEAL or quality.CHECK.",
            show_default=False,
        ),
    ],
    period: Annotated[
        str | None, typer.Option("--period", metavar="PERIOD", help="2017-11, 2017Q3 or 2017.", show_default=False)
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="DIMENSION", help="Dimension of the member.", show_default=False)
    ] = None,
    member: Annotated[
        str | None,
        typer.Option("--member", metavar="MEMBER", help="Member of the dimension, such as East.", show_default=False),
    ] = None,
    as_of: AsOfPart = None,
    known: KnownAt = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Why a number is what it is.

    Definition, inputs, the records behind it, its run and the decisions that touched it.
    """
    workspace = open_workspace(name)
    then = known_at(known, workspace)
    made = workspace.last_run(as_of=moment(as_of, "--as-of"), with_table=_table_of(number), known_at=then)
    if made is None:
        raise QuarterdeckError(f"There is no run to explain. Make one with: quarterdeck run {name}")
    found = workspace.explain(number, run=made, period=period, member=member or "all", dimension=by or "all")
    currency = workspace.settings.company.currency
    if as_json:
        _explain_json(found, found.table, currency, limit)
    else:
        typer.echo(heading(workspace, made))
        _explain_text(found, found.table, currency, limit)


def _table_of(number: str) -> str | None:
    """A table that the run must hold to explain the number: one that the room's steps write."""
    from quarterdeck.flow import STEPS

    room = {"plan": "reconcile", "quota": "execute", "pay": "execute"}.get(
        number.partition(".")[0], number.partition(".")[0]
    )
    written = [table for step in STEPS if step.room == room for table in step.writes]
    return written[-1] if written else None


def _explain_json(found: Explanation, table: str, currency: str, limit: int) -> None:
    import json

    from quarterdeck.interfaces.cli.terminal import json_rows

    head = {
        "title": found.title,
        "definition": found.definition,
        "value": found.value,
        "unit": found.unit,
        "inputs": list(found.inputs),
        "run": found.run_id,
        "trail": list(found.trail),
        "record_count": found.records.height,
    }
    parts = [f"{json.dumps(key)}: {json.dumps(value, default=str, ensure_ascii=False)}" for key, value in head.items()]
    records = found.records.head(limit) if limit else found.records
    for key, frame, source in (("records", records, table), ("decisions", found.decisions, "overrides")):
        parts.append(f"{json.dumps(key)}: [" + ",\n  ".join(json_rows(frame, source, currency)) + "]")
    typer.echo("{" + ",\n ".join(parts) + "}")


def _explain_text(found: Explanation, table: str, currency: str, limit: int) -> None:
    from quarterdeck.interfaces.cli.terminal import print_frame, value_text

    typer.echo(f"{found.title}: {value_text(found.value, found.unit, currency)}")
    typer.echo(f"\nDefinition\n  {found.definition}")
    typer.echo("\nInputs\n  " + "\n  ".join(str(line) for line in found.inputs))
    if found.trail:
        typer.echo("\nHow it came about\n  " + "\n  ".join(str(line) for line in found.trail))
    print_frame(found.records, table, currency, title=f"Records behind it: {found.records.height:,}", limit=limit)
    typer.echo(f"\nRun\n  {found.run_id}")
    if found.decisions.height:
        print_frame(found.decisions, "overrides", currency, title="Decisions that touched it")
    else:
        typer.echo("\nDecisions that touched it\n  none")


COMMANDS = (
    Command(
        explain,
        (
            "quarterdeck explain acme metrics.win_rate --period 2017Q3 --by region --member East",
            "quarterdeck explain acme demand.bookings --period 2017-11",
            "quarterdeck explain acme plan.gap --period 2017-11",
            "quarterdeck explain acme supply.sellers:East --period 2017-11",
            "quarterdeck explain acme quota.'Ann Lee' --period 2017-11",
            "quarterdeck explain acme pay.'Ann Lee' --period 2017-11",
            "quarterdeck explain acme scoring.1C1I7A6R",
            "quarterdeck explain acme quality.close_date_in_past",
        ),
    ),
    Command(
        show,
        (
            "quarterdeck show acme opportunities --json",
            "quarterdeck show acme opportunities --where status=won --limit 5",
        ),
    ),
)
