"""The reference is whole and up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.base.schema import tables
from quarterdeck.flow import SECTIONS, STEPS
from quarterdeck.interfaces import reference
from quarterdeck.interfaces.cli.application import COMMANDS

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
REMEDY = "the reference is out of date; run: make docs (python -m quarterdeck.interfaces.reference docs/reference)"


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).is_file(), REMEDY
    assert text(name) == reference.page(name), REMEDY


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readme_lists_every_room(name: str) -> None:
    readme = (FOLDER.parents[1] / name).read_text(encoding="utf-8")
    assert reference.with_rooms(readme) == readme, REMEDY
    assert all(f"| `{step.room}` |" in readme for step in STEPS)


def test_every_command_is_there_with_an_example() -> None:
    page = text("commands.md")
    for command in COMMANDS:
        assert f"\n## {command.name}\n" in page
        assert command.examples
        assert all(f"quarterdeck {command.name}" in example for example in command.examples)


def test_every_table_and_column_is_there() -> None:
    page = text("tables.md")
    for table in tables().values():
        part = page[page.index(f"\n## {table.name}\n") :].split("\n## ")[1]
        assert all(f"| `{column}` |" in part for column in table.names), table.name


def test_every_step_is_in_the_table_and_in_the_picture() -> None:
    page = text("steps.md")
    for step in STEPS:
        assert f"| `{step.name}` |" in page
        assert f'["{step.name}<br/>' in page


def test_every_setting_is_there_with_words() -> None:
    from importlib import import_module

    page = text("settings.md")
    for name, path in SECTIONS.items():
        module, _, attribute = path.partition(":")
        for field, info in getattr(import_module(module), attribute).model_fields.items():
            assert f"| `{name}.{field}` |" in page
            assert info.description, f"{name}.{field} has no docstring"


@pytest.mark.parametrize(("shelf", "prefix"), [("metrics", ""), ("checks", "quality.")])
def test_every_entry_of_a_shelf_is_there(shelf: str, prefix: str) -> None:
    page = text(f"{shelf}.md")
    entries = reference.entries(shelf)
    assert len(entries) >= 12
    assert all(f"| `{prefix}{entry.name}` |" in page for entry in entries)
