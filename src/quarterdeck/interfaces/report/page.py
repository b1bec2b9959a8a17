"""The parts that a page is made of, and the page itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup, escape

from quarterdeck.interfaces.ranking import Group


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell that is coloured: good, bad, warn or soft."""

    text: str
    tone: str


Cell = str | Mark


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text. `numeric` are the places of the columns that are set right; `more` says how to see the rest."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[int] = ()
    more: str = ""
    command: str = ""
    note: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with the words that stand for it where it cannot be seen."""

    title: str
    description: str
    svg: Markup
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the first screen."""

    title: str
    value: str
    note: str
    tone: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A room's part of the page. `empty` says why there is nothing to see."""

    anchor: str
    title: str
    question: str
    lead: Sequence[str] = ()
    blocks: Sequence[Chart | Table] = ()
    findings: Sequence[Group] = ()
    stamp: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """Records of a severity, and how many of them are listed one by one."""

    severity: str
    records: int
    listed: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A room in the bar of the loop."""

    anchor: str
    title: str
    state: str
    counts: Sequence[Count]


@dataclass(frozen=True, slots=True)
class Front:
    """The first screen."""

    company: str
    as_of: str
    stamp: str
    is_published: bool
    plan_hash: str
    approval: str
    facts: Sequence[str]
    stages: Sequence[Stage]
    tiles: Sequence[Tile]
    first: Sequence[Group]
    overrides: Table | None
    promises: Table | None
    promises_note: str = ""
    known_at: str = ""


@dataclass(frozen=True)
class Page:
    """A whole report."""

    front: Front
    sections: Sequence[Section] = field(default_factory=tuple)

    def html(self, words: Any, names: Mapping[str, str]) -> str:
        """The page as one HTML text; every value from data is escaped. `names` are those of people by key."""
        folder = files("quarterdeck.interfaces.report")
        environment = Environment(
            loader=DictLoader({"page.html": (folder / "page.html").read_text(encoding="utf-8")}),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style = Markup((folder / "page.css").read_text(encoding="utf-8"))
        environment.filters["ticks"] = ticks
        return environment.get_template("page.html").render(
            names=names,
            front=self.front,
            sections=self.sections,
            words=words,
            say=words.say,
            plural=words.plural,
            style=style,
        )


def ticks(text: str) -> Markup:
    """Text with `names` set as code; everything else is escaped.

    >>> str(ticks("Give `targets` <now>"))
    'Give <code>targets</code> &lt;now&gt;'
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )
