"""Commands about what providers know: ask them, and see who said what of a record."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.interfaces.cli.command import AsOfFacts, Command, FailOn, Json, Name
from quarterdeck.interfaces.cli.session import leave, moment, now, open_workspace


def enrich(
    name: Name,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="P", help="Only this one. Default: all.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Most keys to ask a provider for.")
    ] = None,
    as_json: Json = False,
    fail_on: FailOn = None,
) -> None:
    """Ask providers for what is empty or old.

    They are named in enrichment.yaml; accounts, contacts and leads are looked up.
    Nothing that a source or a person says is changed.
    """
    from quarterdeck.interfaces.cli.terminal import print_frame, print_groups, print_json, print_rows
    from quarterdeck.interfaces.ranking import groups
    from quarterdeck.workspace.enriching import enrich as ask

    workspace = open_workspace(name)
    found = ask(workspace, provider=provider, limit=limit, now=now())
    currency = workspace.settings.company.currency
    if as_json:
        print_json(found.rows, "enrichments", currency)
    else:
        lines = [[key, f"{count:,}", f"{found.answered[key]:,}"] for key, count in found.asked.items()]
        print_rows(["provider", "asked", "answered"], lines, title="Providers", right=[1, 2])
        shown = found.rows.select("table", "record_id", "column", "value", "provider", "confidence")
        print_frame(shown, "enrichments", currency, title=f"Values found: {found.rows.height:,}", limit=20)
        if found.findings.height:
            print_groups(groups(found.findings), currency, title="Findings")
    leave(found.findings, fail_on)


def sources(
    name: Name,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="accounts, contacts, leads …", show_default=False)],
    record: Annotated[str, typer.Argument(metavar="RECORD", help="Its key.", show_default=False)],
    as_of: AsOfFacts = None,
    as_json: Json = False,
) -> None:
    """Who says what of a record, and which value is shown.

    Source, person or provider, since when and how sure.
    """
    from quarterdeck.interfaces.cli.terminal import print_rows
    from quarterdeck.workspace.enriching import provenance

    workspace = open_workspace(name)
    found = provenance(workspace, table, record, as_of=moment(as_of, "--as-of"))
    if as_json:
        typer.echo(found.write_json())
        return
    rows = [
        [
            row["column"],
            row["value"] or "",
            row["who"] or "",
            f"{row['since']:%Y-%m-%d}" if row["since"] else "",
            f"{row['confidence']:.0%}" if row["confidence"] is not None else "",
            "shown" if row["is_shown"] else "",
        ]
        for row in found.iter_rows(named=True)
    ]
    print_rows(["column", "value", "who", "since", "sure", ""], rows, title=f"{table} {record}", right=[4])


COMMANDS = (
    Command(enrich, ("quarterdeck enrich acme", "quarterdeck enrich acme --provider clearlist --limit 100")),
    Command(sources, ("quarterdeck sources acme accounts A0001",)),
)
