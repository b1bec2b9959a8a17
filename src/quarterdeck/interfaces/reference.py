"""The reference, made from the code: commands, steps, tables, settings, metrics, checks.

Run with `python -m quarterdeck.interfaces.reference docs/reference`; a test fails when the pages are out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

HEAD = "<!-- Made by `python -m quarterdeck.interfaces.reference docs/reference`; do not edit. -->\n\n"


def entries(shelf: str) -> list[Any]:
    """The entries of a shelf, in its order."""
    from quarterdeck.flow import SHELVES

    module, _, name = SHELVES[shelf].partition(":")
    found = getattr(import_module(module), name)
    return list(found.values()) if isinstance(found, dict) else list(found)


def commands() -> str:
    """Every command with its arguments, options and examples."""
    import typer

    from quarterdeck.interfaces.cli.application import COMMANDS, application

    group: Any = typer.main.get_command(application())
    parts = [
        "# Commands\n",
        "Exit code: 0 done, 1 findings as asked with `--fail-on`, 2 wrong call or configuration, 130 after Ctrl-C.\n",
    ]
    for command in COMMANDS:
        made = group.commands[command.name]
        parts.append(f"## {command.name}\n\n{(command.function.__doc__ or '').strip()}\n")
        rows = [[f"`{_word(p)}`", _required(p), getattr(p, "help", "") or ""] for p in made.params]
        if rows:
            parts.append(_table(["argument or option", "needed", "meaning"], rows))
        parts.append("```sh\n" + "\n".join(command.examples) + "\n```\n")
    return "\n".join(parts)


def _word(parameter: Any) -> str:
    """How an argument or option is written: NAME, --json, --limit N."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return f"{parameter.opts[0]} {parameter.metavar or ''}".rstrip()


def _required(parameter: Any) -> str:
    if parameter.required:
        return "yes"
    shown = parameter.default
    return "" if shown in (None, False) or callable(shown) or isinstance(shown, list | tuple) else f"default `{shown}`"


def steps() -> str:
    """The map: a picture and a table."""
    from quarterdeck.flow import STEPS
    from quarterdeck.interfaces.flowchart import flowchart

    rows = [
        [
            f"`{step.name}`",
            step.title,
            _names(step.reads),
            _names(step.writes),
            f"`{step.section}`",
            _names(step.parameters),
        ]
        for step in STEPS
    ]
    head = "# Steps\n\nThe data's way: facts in, findings and tables out. `quarterdeck steps` prints the same.\n"
    header = ["step", "question", "reads", "writes", "section", "dated values"]
    return "\n".join([head, f"```mermaid\n{flowchart(STEPS)}\n```\n", _table(header, rows)])


def tables() -> str:
    """Every table with its columns."""
    from quarterdeck.base.schema import tables as known

    kinds = {
        "fact": "fact, what a source said",
        "view": "view",
        "decision": "decision of a person",
        "derived": "derived by a run",
    }
    parts = [
        "# Tables\n",
        "Instants are UTC, days are the company's. Money is kept in the smallest unit of its currency; the command "
        "line shows and exports it in the usual one.\n",
        _table(
            ["table", "kind", "one row is"],
            [[f"[`{t.name}`](#{t.name})", t.kind, t.description] for t in known().values()],
        ),
    ]
    for table in known().values():
        parts.append(f"## {table.name}\n\n{table.description}. Kind: {kinds[table.kind]}. Key: {_names(table.key)}.\n")
        rows = [
            [f"`{c.name}`", c.type, c.unit, "yes" if c.is_required else "", c.sensitivity, c.description]
            for c in table.columns
        ]
        parts.append(_table(["column", "type", "unit", "required", "sensitivity", "meaning"], rows))
    return "\n".join(parts)


def settings() -> str:
    """Every setting of `quarterdeck.yaml` with its default."""
    from quarterdeck.base.config import Company
    from quarterdeck.flow import SECTIONS
    from quarterdeck.workspace.settings import EngineSettings, SourceSettings, WorkspaceSettings

    parts = [
        "# Settings\n",
        "`quarterdeck.yaml` in the workspace. Unknown keys are errors. For one run only: "
        "`quarterdeck run acme --set demand.horizon=3`.\n",
        "## The workspace\n",
        _fields(WorkspaceSettings, ""),
    ]
    sections: list[tuple[str, Any]] = [("company", Company), ("sources", SourceSettings), ("engine", EngineSettings)]
    for name, path in SECTIONS.items():
        module, _, attribute = path.partition(":")
        sections.append((name, getattr(import_module(module), attribute)))
    for name, section in sections:
        first = (section.__doc__ or "").strip().split("\n\n")[0]
        parts += [f"## {name}\n\n{first}\n", _fields(section, f"{name}.")]
    return "\n".join(parts)


def _fields(section: Any, prefix: str) -> str:
    rows = []
    for name, field in section.model_fields.items():
        default = "" if field.is_required() else _default(field.get_default(call_default_factory=True))
        meaning = " ".join((field.description or "").split())
        if get_origin(field.annotation) is Literal:
            meaning += f" One of {_names(str(choice) for choice in get_args(field.annotation))}."
        rows.append([f"`{prefix}{name}`", default, meaning])
    return _table(["setting", "default", "meaning"], rows)


def _default(value: Any) -> str:
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return "see below"
    if value is None:
        return "empty"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return f"`{value}`"


def metrics() -> str:
    """Every metric with its definition."""
    rows = [
        [f"`{m.name}`", m.title, m.definition, m.unit, f"`{m.counted_on}`", _names(m.needs)] for m in entries("metrics")
    ]
    head = "# Metrics\n\nEach is given by month, quarter and year and by the dimensions of `metrics.dimensions`.\n"
    return "\n".join([head, _table(["metric", "title", "definition", "unit", "counted on", "needs"], rows)])


def checks() -> str:
    """Every check with what it finds."""
    rows = [
        [f"`quality.{check.name}`", check.severity, f"`{check.table}`", check.title, check.why, check.fix]
        for check in entries("checks")
    ]
    head = "# Checks\n\n`quarterdeck check` runs them. A finding names the record, its owner and the fix.\n"
    return "\n".join([head, _table(["check", "severity", "table", "finds", "why it matters", "what to do"], rows)])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines) + "\n"


def _cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def rooms() -> str:
    """The README's table: a row a room of the loop, with its questions and what it writes."""
    from quarterdeck.flow import STEPS

    by_room: dict[str, list[Any]] = {}
    for step in STEPS:
        by_room.setdefault(step.room, []).append(step)
    rows = [
        [f"`{room}`", " ".join(step.title for step in steps), _names(name for step in steps for name in step.writes)]
        for room, steps in by_room.items()
    ]
    rows[0][2] = "`findings`, " + rows[0][2]
    return _table(["room", "asks", "writes"], rows)


def with_rooms(text: str) -> str:
    """A README with its table of rooms made anew between the marks."""
    before, _, rest = text.partition("<!-- rooms -->\n")
    _, _, after = rest.partition("<!-- /rooms -->")
    return f"{before}<!-- rooms -->\n{rooms()}<!-- /rooms -->{after}"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "steps.md": steps,
    "tables.md": tables,
    "settings.md": settings,
    "metrics.md": metrics,
    "checks.md": checks,
}


def page(name: str) -> str:
    """A page's whole text."""
    return HEAD + PAGES[name]().rstrip() + "\n"


def write(folder: Path) -> None:
    """Write every page, and the table of rooms into the READMEs two folders up."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        (folder / name).write_text(page(name), encoding="utf-8")
    for readme in folder.resolve().parents[1].glob("README*.md"):
        text = readme.read_text(encoding="utf-8")
        if "<!-- rooms -->" in text:
            readme.write_text(with_rooms(text), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where to: python -m quarterdeck.interfaces.reference docs/reference")
    write(Path(sys.argv[1]))
