"""Commands that begin: a workspace, its data, a made-up company, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces.cli.command import AsOfPart, Command, FailOn, Json, KnownAt, Name
from quarterdeck.interfaces.cli.session import heading, known_at, leave, moment, now, open_workspace

if TYPE_CHECKING:
    import polars as pl

VIEW = ("records.view", "What is known at this moment?")
"""The first step of every run, which no room computes."""

Kind = Literal["software", "agency", "manufacturer"]


def init(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="Folder to make.", show_default=False)],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FOLDER|URL",
            help="Folder with exports, or a database: postgresql://…, mysql+pymysql://… or sqlite:///file.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a workspace on an export.

    It proposes how the export's columns become ours, each with a confidence and a reason, and goes on with that guess.
    """
    from quarterdeck.interfaces.cli.terminal import print_rows
    from quarterdeck.workspace import Workspace

    if source is not None and "://" not in source and not Path(source).is_dir():
        raise QuarterdeckError(f"There is no folder {source}; --from wants the folder that holds the export's files.")
    if (name / "quarterdeck.yaml").exists():
        raise QuarterdeckError(f"{name} is a workspace already. Bring in its data with: quarterdeck sync {name}")
    workspace = Workspace.create(name, source, now=now())
    proposals = workspace.proposals()
    rows = [
        [
            str(row["file"]),
            row["column"] or "(the whole file)",
            ".".join(name for name in (row["table"], row["target"] if row["column"] else None) if name),
            f"{row['confidence']:.0%}" if row["confidence"] is not None else "",
            str(row["reason"] or ""),
        ]
        for row in proposals.iter_rows(named=True)
    ]
    if rows:
        print_rows(
            ["file", "column", "becomes", "confidence", "reason"],
            rows,
            title="How the columns are understood",
            right=[3],
        )
    typer.echo(f"\nMade {name}. Next:")
    if source is None:
        typer.echo(f"  name a source in {name}/quarterdeck.yaml")
    else:
        typer.echo(f"  look through {name}/mapping/*.yaml and mend what was guessed wrong")
    typer.echo(f"  quarterdeck run {name}")


def sync(name: Name, as_json: Json = False, fail_on: FailOn = None) -> None:
    """Bring in what is new in the sources: rows added, changed, gone."""
    import json
    from dataclasses import asdict

    from quarterdeck.interfaces.cli.terminal import print_groups, print_rows
    from quarterdeck.interfaces.ranking import groups

    workspace = open_workspace(name)
    report = workspace.sync(now=now())
    if as_json:
        typer.echo(json.dumps([asdict(batch) for batch in report.batches], indent=1))
    else:
        counts = ("read", "added", "changed", "deleted", "aged_out", "set_aside")
        lines = [
            [batch.source, batch.table, *(f"{getattr(batch, key):,}" for key in counts)] for batch in report.batches
        ]
        header = ["source", "table", *(key.replace("_", " ") for key in counts)]
        print_rows(header, lines, title="Rows brought in", right=range(2, 8))
        _print_reconciliation(workspace.reconciliation(), name)
        if report.findings.height:
            print_groups(groups(report.findings), workspace.settings.company.currency, title="Findings")
    leave(report.findings, fail_on)


def map_(
    name: Name,
    take: Annotated[bool, typer.Option("--take", help="Add the guess to the mapping; without it it is shown.")] = False,
) -> None:
    """What is new in the sources, and what it is taken for.

    New is what their mappings do not name; what a mapping says already stays as it is.
    """
    workspace = open_workspace(name)
    found = workspace.grow_mappings(take=take)
    for growth in found:
        for line in growth.changes or (f"{growth.file} names all that its source holds.",):
            typer.echo(line)
    if any(growth.changes for growth in found):
        said = f"Added. Bring it in with: quarterdeck sync {name}"
        typer.echo(said if take else f"\nNothing is changed yet; add it with: quarterdeck map {name} --take")


def _print_reconciliation(report: pl.DataFrame, name: Path) -> None:
    """Whether rows and money add up to what the sources say, in a line each that does not."""
    told = report.filter(report["agrees"].is_not_null())
    wrong = told.filter(~told["agrees"])
    typer.echo(f"\nReconciliation: {told.height - wrong.height} of {told.height} counts agree with the sources' own.")
    for line in wrong.head(5).iter_rows(named=True):
        typer.echo(
            f"  ! {line['file'] or line['source']} {line['table']}: {line['measure']} {line['reasons']}".rstrip()
        )
    typer.echo(f"  all of it: quarterdeck show {name} reconciliation; rows left out: quarterdeck show {name} set-aside")


def doctor(
    name: Name, as_of: AsOfPart = None, known: KnownAt = None, as_json: Json = False, fail_on: FailOn = None
) -> None:
    """What is missing, and what it would buy."""
    from quarterdeck.interfaces.cli.terminal import print_groups, print_json
    from quarterdeck.interfaces.ranking import groups

    workspace = open_workspace(name)
    when, then = moment(as_of, "--as-of"), known_at(known, workspace)
    findings = workspace.doctor(as_of=when, known_at=then)
    currency = workspace.settings.company.currency
    if as_json:
        print_json(findings, "findings", currency)
    else:
        made = workspace.last_run(with_table="plan_lines", as_of=when, known_at=then)
        made = made or workspace.last_run(as_of=when, known_at=then)
        typer.echo(heading(workspace, made) if made else "As known today; nothing was run yet")
        print_groups(groups(findings), currency, title="What is missing, and what it would buy")
    leave(findings, fail_on)


def steps(
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print the picture as Mermaid text.")] = False,
    as_json: Json = False,
) -> None:
    """The map: every step, what it reads and writes."""
    import json

    from quarterdeck.base.schema import facts
    from quarterdeck.flow import STEPS
    from quarterdeck.interfaces.cli.terminal import print_rows
    from quarterdeck.interfaces.flowchart import flowchart

    if mermaid:
        typer.echo(flowchart(STEPS))
    elif as_json:
        view = {
            "name": VIEW[0],
            "title": VIEW[1],
            "reads": facts(),
            "writes": facts(),
            "section": None,
            "parameters": (),
        }
        lines = [view] + [
            {
                "name": step.name,
                "title": step.title,
                "reads": step.reads,
                "writes": step.writes,
                "section": step.section,
                "parameters": step.parameters,
            }
            for step in STEPS
        ]
        typer.echo(json.dumps(lines, indent=1))
    else:
        rows = [[*VIEW, "every table of records", "the same as they stood"]]
        rows += [[step.name, step.title, ", ".join(step.reads), ", ".join(step.writes)] for step in STEPS]
        print_rows(["step", "question", "reads", "writes"], rows)


def simulate(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="Folder to make.", show_default=False)],
    kind: Annotated[
        Kind, typer.Option("--kind", metavar="software|agency|manufacturer", help="What the company sells.")
    ] = "software",
    opportunities: Annotated[int, typer.Option("--opportunities", min=1, metavar="N", help="Deals to make.")] = 3000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed makes the same company.")] = 1,
) -> None:
    """Make a company whose truth is known, and a workspace on it."""
    from quarterdeck.workspace import simulate_company

    if (name / "quarterdeck.yaml").exists():
        raise QuarterdeckError(f"{name} is a workspace already; choose another name.")

    def tell(played: int, months: int) -> None:
        if played % 12 == 0 or played == months:
            typer.echo(f"  month {played} of {months} played", err=True)

    simulate_company(name, kind=kind, opportunities=opportunities, seed=seed, now=now(), progress=tell)
    typer.echo(f"Made {name}: a {kind} company with about {opportunities:,} deals. Next:\n  quarterdeck run {name}")


COMMANDS = (
    Command(
        init, ("quarterdeck init acme --from exports", "quarterdeck init acme --from postgresql://reader@host/crm")
    ),
    Command(sync, ("quarterdeck sync acme",)),
    Command(map_, ("quarterdeck map acme", "quarterdeck map acme --take")),
    Command(doctor, ("quarterdeck doctor acme", "quarterdeck doctor acme --json")),
    Command(steps, ("quarterdeck steps", "quarterdeck steps --mermaid")),
    Command(simulate, ("quarterdeck simulate demo --kind software --opportunities 3000 --seed 1",)),
)
