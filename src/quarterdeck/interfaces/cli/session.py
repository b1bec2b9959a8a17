"""A command's dealings with the workspace: open it, read the clock, show progress, choose the exit code."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.interfaces.cli.command import Severity, is_terminal

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.workspace import ProgressEvent, Run, Workspace


def now() -> datetime:
    """This instant, UTC, without a zone like every instant."""
    return datetime.now(UTC).replace(tzinfo=None)


def open_workspace(root: Path) -> Workspace:
    """The workspace in a folder; raises with the remedy when there is none."""
    from quarterdeck.workspace import Workspace

    if not root.is_dir():
        raise QuarterdeckError(
            f"There is no folder {root}. Make a workspace with: quarterdeck init {root} --from FOLDER"
        )
    if not (root / "quarterdeck.yaml").is_file():
        raise QuarterdeckError(
            f"{root} has no quarterdeck.yaml, so it is no workspace. Make one with: quarterdeck init NAME --from {root}"
        )
    return Workspace.open(root)


def moment(text: str | None, option: str) -> date | datetime | None:
    """A day or an instant (UTC, without a zone) from the command line."""
    if text is None:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise QuarterdeckError(f"{option} {text!r} is no day; write one such as {option} 2017-10-01") from None
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def known_at(text: str | None, workspace: Workspace) -> datetime | None:
    """The instant of `--known-at`; a day means its beginning."""
    from quarterdeck.base.config import instant

    value = moment(text, "--known-at")
    if value is None or isinstance(value, datetime):
        return value
    return instant(value, workspace.settings.company)


def overlay(pairs: list[str]) -> dict[str, Any]:
    """`section.key=value` pairs as an overlay; all faults at once."""
    import yaml

    from quarterdeck.base.errors import ConfigurationError

    found: dict[str, Any] = {}
    faults = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or "." not in key:
            faults.append(f"--set {pair!r} is not section.key=value; write for example --set demand.horizon=3")
            continue
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            faults.append(f"--set {pair!r}: {value!r} is no YAML value; put text in quotes")
    if faults:
        raise ConfigurationError(faults)
    return found


def day_text(workspace: Workspace, as_of: datetime) -> str:
    """An instant as the company's day when it is the beginning of one, else as it is in UTC."""
    local = as_of.replace(tzinfo=UTC).astimezone(workspace.settings.company.zone)
    return f"{local:%Y-%m-%d}" if local.time() == time.min else f"{as_of:%Y-%m-%d %H:%M} UTC"


def heading(workspace: Workspace, made: Run) -> str:
    """The first line of what a command prints: the day that a run stands on, and which run it is."""
    scenario = "" if made.scenario == "base" else f", scenario {made.scenario}"
    known = f", as known on {day_text(workspace, made.known_at)}" if made.known_at else ""
    return f"As of {day_text(workspace, made.as_of)}{known}{scenario} (run {made.id})"


def as_of_words(workspace: Workspace, made: Run | None) -> str:
    """What a suggested command needs to stand where a run stood; nothing when the run stood on its own now."""
    if made is None or made.as_of == made.started_at:
        return ""
    day = day_text(workspace, made.as_of)
    return f" --as-of {day if len(day) == 10 else f'{made.as_of.isoformat()}Z'}"


class Progress:
    """Prints a line a step on stderr: number, step, seconds, rows."""

    def __call__(self, event: ProgressEvent) -> None:
        place = f"{event.number:>3}/{event.total}"
        if event.state == "started":
            if is_terminal():
                sys.stderr.write(f"\r{place}  {event.step:<22} …")
                sys.stderr.flush()
            return
        clear = "\r\x1b[K" if is_terminal() else ""
        spent = "reused" if event.state == "reused" else f"{event.seconds:.1f} s"
        typer.echo(f"{clear}{place}  {event.step:<22} {spent:>8}  {event.rows:>9,} rows  {event.title}", err=True)


def run_until(
    workspace: Workspace,
    until: str | None,
    as_of: str | None,
    known: str | None,
    fresh: bool = False,
) -> Run:
    """A run of the base scenario up to a room, with progress."""
    return workspace.run(
        as_of=moment(as_of, "--as-of"),
        known_at=known_at(known, workspace),
        now=now(),
        until=until,
        fresh=fresh,
        progress=Progress(),
    )


def leave(findings: pl.DataFrame, fail_on: Severity | None) -> None:
    """Exit with 1 when a finding is at least as severe as asked."""
    if fail_on is None:
        return
    from quarterdeck.interfaces.ranking import at_or_above

    if count := at_or_above(findings, fail_on.value):
        typer.echo(f"{count} findings of severity {fail_on.value} or worse.", err=True)
        raise typer.Exit(1)
