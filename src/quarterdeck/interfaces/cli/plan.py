"""The plan on the terminal: target, gap, scenarios and options, stamped until it is approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from quarterdeck.interfaces.cli.command import AsOfPart, Command, Fresh, Json, KnownAt, Name
from quarterdeck.interfaces.cli.session import as_of_words, heading, open_workspace, run_until

if TYPE_CHECKING:
    from quarterdeck.workspace import Run, Workspace

TABLES = ("plan_targets", "scenarios", "plan_lines", "plan_options")


def plan(
    name: Name, as_of: AsOfPart = None, known: KnownAt = None, fresh: Fresh = False, as_json: Json = False
) -> None:
    """Which plan? Target, gap, scenarios, options.

    It prints the plan's hash too, which an approval names.
    """
    workspace = open_workspace(name)
    made = run_until(workspace, "reconcile", as_of, known, fresh)
    if as_json:
        _print_json(workspace, made)
    else:
        _print_text(workspace, made, str(name))


def _print_json(workspace: Workspace, made: Run) -> None:
    import json

    from quarterdeck.interfaces.cli.terminal import json_rows

    currency = workspace.settings.company.currency
    head = {
        "run": made.id,
        "as_of": f"{made.as_of.isoformat()}Z",
        "plan_hash": made.plan_hash,
        "is_published": made.is_published,
        "currency": currency,
    }
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    for table in TABLES:
        frame = workspace.table(table, run=made)
        if table == "scenarios":
            frame = frame.drop("draws")
        rows = ",\n  ".join(json_rows(frame, table, currency))
        parts.append(f"{json.dumps(table)}: [\n  {rows}]" if rows else f"{json.dumps(table)}: []")
    typer.echo("{" + ",\n ".join(parts) + "}")


def _print_text(workspace: Workspace, made: Run, name: str) -> None:
    import polars as pl

    from quarterdeck.interfaces.cli.terminal import print_frame

    currency = workspace.settings.company.currency
    stamp = "PUBLISHED" if made.is_published else "DRAFT, nobody has approved it"
    typer.echo(f"{heading(workspace, made)}\nPlan: {stamp}\nHash {made.plan_hash}")
    targets = workspace.table("plan_targets", run=made).filter(pl.col("level") == "all").sort("period_start")
    print_frame(targets.drop("level", "member"), "plan_targets", currency, title="Target")
    lines = workspace.table("plan_lines", run=made).filter(pl.col("scenario") == "base", pl.col("level") == "all")
    order = {line: place for place, line in enumerate(lines["line"].unique(maintain_order=True))}
    lines = lines.sort([pl.col("line").replace_strict(order, default=None), pl.col("period_start")])
    print_frame(lines.drop("scenario", "level", "member"), "plan_lines", currency, title="Lines of the base scenario")
    scenarios = workspace.table("scenarios", run=made).drop("draws")
    print_frame(scenarios, "scenarios", currency, title="Scenarios")
    options = workspace.table("plan_options", run=made).drop("option")
    print_frame(options, "plan_options", currency, title="Options")
    if not made.is_published and made.plan_hash:
        day = as_of_words(workspace, made)
        typer.echo(
            f'\nApprove it with: quarterdeck approve {name} --who NAME --reason "…" --hash {made.plan_hash}{day}'
        )


COMMANDS = (Command(plan, ("quarterdeck plan acme --as-of 2017-10-01",)),)
