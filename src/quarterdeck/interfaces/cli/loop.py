"""Commands that run the loop, wholly or until a room, and show what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quarterdeck.interfaces.cli.command import AsOf, AsOfPart, Command, FailOn, Fresh, Json, KnownAt, Limit, Name
from quarterdeck.interfaces.cli.session import (
    Progress,
    as_of_words,
    day_text,
    heading,
    known_at,
    leave,
    moment,
    now,
    open_workspace,
    overlay,
    run_until,
)

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.interfaces.ranking import Group
    from quarterdeck.workspace import Run, Workspace


def run(
    name: Name,
    as_of: AsOf = None,
    known: KnownAt = None,
    scenario: Annotated[str, typer.Option("--scenario", metavar="NAME", help="Name of the what-if.")] = "base",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="A setting for this run only; repeatable."),
    ] = None,
    fresh: Fresh = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """The whole loop, with the report and what matters most.

    Sources that changed are read, steps whose inputs changed are computed, the others are reused.
    """
    import json

    from quarterdeck.interfaces import report as reports
    from quarterdeck.interfaces.cli.terminal import print_groups
    from quarterdeck.interfaces.ranking import most_important, rows_read

    workspace = open_workspace(name)
    overlays = overlay(settings or [])
    instant = moment(as_of, "--as-of")
    known_instant = known_at(known, workspace)
    if workspace.is_stale():
        typer.echo("Reading the sources, they changed since the last sync", err=True)
    made = workspace.run(
        as_of=instant,
        known_at=known_instant,
        now=now(),
        overlay=overlays,
        scenario=scenario,
        fresh=fresh,
        progress=Progress(),
    )
    path = reports.write(workspace, made, _report_path(workspace, made))
    findings = workspace.findings(made)
    first = most_important(findings, rows=rows_read(made))
    if as_json:
        typer.echo(json.dumps(_summary(made, path, first), indent=1, ensure_ascii=False))
    else:
        _print_summary(workspace, made, name)
        title = f"The {len(first)} findings that matter most" if len(first) != 1 else "The finding that matters most"
        print_groups(first, workspace.settings.company.currency, title=title)
        typer.echo(f"\nReport: {path}")
    leave(findings, fail_on)


def _steps(made: Run) -> tuple[int, int]:
    """How many steps the run has, and how many of them it reused; its views count as the first, as in the progress."""
    from quarterdeck.flow import STEPS

    names = {step.name for step in STEPS}
    steps = [step.reused for step in made.steps if step.name in names]
    steps.append(all(step.reused for step in made.steps if step.name not in names))
    return len(steps), sum(steps)


def _summary(made: Run, path: Path, first: list[Group]) -> dict[str, object]:
    """The run in short, for programs."""
    steps, reused = _steps(made)
    return {
        "run": made.id,
        "as_of": f"{made.as_of.isoformat()}Z",
        "note": made.note,
        "scenario": made.scenario,
        "seconds": round(made.seconds, 3),
        "reused": reused,
        "steps": steps,
        "plan_hash": made.plan_hash,
        "is_published": made.is_published,
        "report": str(path),
        "findings": [
            {
                "code": group.code,
                "severity": group.severity,
                "count": group.count,
                "message": group.message,
                "fix": group.fix,
            }
            for group in first
        ],
    }


def _print_summary(workspace: Workspace, made: Run, name: Path) -> None:
    steps, reused = _steps(made)
    typer.echo(f"{heading(workspace, made)}: {steps} steps, {reused} reused, {made.seconds:.1f} s.")
    if made.note:
        typer.echo(made.note)
    if made.plan_hash:
        typer.echo(f"Plan {'PUBLISHED' if made.is_published else 'DRAFT'} {made.plan_hash}")
        if not made.overlay and made.known_at is None:
            typer.echo(f"It is looked at with: quarterdeck plan {name}{as_of_words(workspace, made)}")


def _report_path(workspace: Workspace, made: Run) -> Path:
    name = day_text(workspace, made.as_of)[:10] + ("" if made.scenario == "base" else f"-{made.scenario}")
    return workspace.root / "reports" / f"{name}.html"


def check(
    name: Name, as_of: AsOfPart = None, known: KnownAt = None, fail_on: FailOn = None, as_json: Json = False
) -> None:
    """Is the data right? Findings with their fix, worst first."""
    import polars as pl

    from quarterdeck.interfaces.cli.terminal import print_groups, print_json
    from quarterdeck.interfaces.ranking import groups

    workspace = open_workspace(name)
    made = run_until(workspace, "quality", as_of, known)
    findings = workspace.findings(made).filter(pl.col("code").str.starts_with("quality."))
    currency = workspace.settings.company.currency
    if as_json:
        print_json(findings, "findings", currency)
    else:
        typer.echo(heading(workspace, made))
        print_groups(groups(findings), currency, title="Is the data right?")
    leave(findings, fail_on)


def measure(
    name: Name,
    metric: Annotated[
        str | None, typer.Option("--metric", metavar="METRIC", help="Only this metric.", show_default=False)
    ] = None,
    grain: Annotated[str, typer.Option("--grain", metavar="GRAIN", help="month, quarter, year or all.")] = "quarter",
    by: Annotated[str, typer.Option("--by", metavar="DIMENSION", help="region, owner, product …")] = "all",
    as_of: AsOfPart = None,
    known: KnownAt = None,
    limit: Limit = 40,
    as_json: Json = False,
) -> None:
    """What does it say? Metrics by period and dimension."""
    import polars as pl

    workspace = open_workspace(name)
    made = run_until(workspace, "metrics", as_of, known)
    values = workspace.table("metric_values", run=made)
    if values.height:
        asked = {"metric": (metric, "--metric"), "grain": (grain, "--grain"), "dimension": (by, "--by")}
        for column, (word, option) in asked.items():
            _known(word, values[column].unique().to_list(), option)
    values = values.filter(
        pl.col("grain") == grain, pl.col("dimension") == by, pl.col("metric") == metric if metric else pl.lit(True)
    )
    order = ["period_start", "metric", "value", "member"]
    values = values.sort(order, descending=[True, False, True, False], nulls_last=True)
    _show(workspace, made, values, "metric_values", "What does it say?", limit, as_json)


def _known(word: str | None, known: list[str], option: str) -> None:
    """Raise when an option names what the run does not hold."""
    from quarterdeck.base.errors import QuarterdeckError, did_you_mean

    if word is not None and word not in known:
        raise QuarterdeckError(f"{option} {word!r} is not measured; {did_you_mean(word, known)}")


def score(name: Name, as_of: AsOfPart = None, known: KnownAt = None, limit: Limit = 20, as_json: Json = False) -> None:
    """Who will buy? Open deals with odds and reasons."""
    workspace = open_workspace(name)
    made = run_until(workspace, "scoring", as_of, known)
    scores = workspace.table("scores", run=made).sort(["probability", "subject_id"], descending=[True, False])
    _show(workspace, made, scores, "scores", "Who will buy?", limit, as_json)


def forecast(
    name: Name,
    node: Annotated[
        str, typer.Option("--node", metavar="NODE", help="Node of the hierarchy, such as region:East.")
    ] = "all",
    measure: Annotated[str, typer.Option("--measure", metavar="MEASURE", help="amount or quantity.")] = "amount",
    as_of: AsOfPart = None,
    known: KnownAt = None,
    limit: Limit = 40,
    as_json: Json = False,
) -> None:
    """How much, of what, where, when? Demand with intervals."""
    import polars as pl

    from quarterdeck.base.errors import QuarterdeckError, did_you_mean

    workspace = open_workspace(name)
    made = run_until(workspace, "demand", as_of, known)
    lines = workspace.table("demand_lines", run=made)
    nodes = lines["node_id"].unique().to_list()
    if lines.height and node not in nodes:
        raise QuarterdeckError(f"--node {node!r} is no node of the demand; {did_you_mean(node, nodes)}")
    lines = lines.filter(pl.col("node_id") == node, pl.col("measure") == measure).sort("period_start")
    _show(workspace, made, lines, "demand_lines", f"Demand of {node}", limit, as_json)


def supply(name: Name, as_of: AsOfPart = None, known: KnownAt = None, limit: Limit = 40, as_json: Json = False) -> None:
    """Can we serve it? Load, capacity and shortage by month."""
    import polars as pl

    workspace = open_workspace(name)
    made = run_until(workspace, "supply.plan", as_of, known)
    lines = workspace.table("supply_lines", run=made)
    if not as_json:
        lines = lines.filter(pl.col("scenario") == "base")
    lines = lines.sort(["scenario", "resource_id", "period_start"])
    _show(workspace, made, lines, "supply_lines", "Can we serve it?", limit, as_json)


def review(name: Name, as_of: AsOf = None, known: KnownAt = None, limit: Limit = 40, as_json: Json = False) -> None:
    """What came of what was promised?"""
    workspace = open_workspace(name)
    made = run_until(workspace, None, as_of, known)
    lines = workspace.table("variances", run=made).sort(["reference", "level", "member", "period_start"])
    _show(workspace, made, lines, "variances", "What came of it?", limit, as_json)


def report(
    name: Name,
    as_of: AsOf = None,
    known: KnownAt = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to write it.", show_default=False)
    ] = None,
) -> None:
    """The report as one HTML file.

    It needs nothing else: it opens from disk, asks no host for anything, and prints.
    """
    from quarterdeck.interfaces import report as reports

    workspace = open_workspace(name)
    made = run_until(workspace, None, as_of, known)
    typer.echo(heading(workspace, made))
    typer.echo(f"Report: {reports.write(workspace, made, to or _report_path(workspace, made))}")


def _show(
    workspace: Workspace, made: Run, frame: pl.DataFrame, table: str, title: str, limit: int, as_json: bool
) -> None:
    from quarterdeck.interfaces.cli.terminal import print_frame, print_json

    currency = workspace.settings.company.currency
    if as_json:
        print_json(frame, table, currency)
    else:
        typer.echo(heading(workspace, made))
        print_frame(frame, table, currency, title=title, limit=limit)


COMMANDS = (
    Command(
        run,
        (
            "quarterdeck run acme --as-of 2017-10-01",
            "quarterdeck run acme --scenario short --set demand.horizon=3",
            "quarterdeck run acme --fail-on error",
        ),
    ),
    Command(check, ("quarterdeck check acme --as-of 2017-10-01 --fail-on error",)),
    Command(measure, ("quarterdeck measure acme --metric win_rate --grain quarter --by region",)),
    Command(score, ("quarterdeck score acme --limit 10",)),
    Command(forecast, ("quarterdeck forecast acme --node region:East",)),
    Command(supply, ("quarterdeck supply acme --as-of 2017-10-01",)),
    Command(review, ("quarterdeck review acme --as-of 2018-01-01",)),
    Command(report, ("quarterdeck report acme --as-of 2017-10-01 --to acme.html",)),
)
