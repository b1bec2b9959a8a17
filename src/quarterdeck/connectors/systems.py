"""Known systems: whose export a file is, by its columns, and what that system means by their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from quarterdeck.connectors.mapping import ATTRIBUTES
from quarterdeck.connectors.vocabulary import plain, words


@dataclass(frozen=True)
class Dialect:
    """An export of a known system: what it holds, our table, and the canonical column of each of its columns.

    A column whose place is `attributes` is one that could be mistaken for ours.
    """

    system: str
    holds: str
    table: str
    places: dict[str, str] = field(default_factory=dict)

    def told(self, count: int) -> str:
        """The recognition in words, for a file of `count` columns."""
        article = "an" if self.system[0] in "AEIOU" else "a"
        known = f"{len(self.places)} of its {count} columns are called as there"
        return f"it looks like {article} {self.system} export of {self.holds}: {known}"


@cache
def _systems() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load((files(__package__) / "systems.yaml").read_text("utf-8"))
    return content


@cache
def _meanings(system: str, holds: str) -> dict[str, tuple[str, int]]:
    """Plain name to the canonical column and the place in its list: of two columns for one, the earlier is taken."""
    entry, found = _systems()[system][holds], dict[str, tuple[str, int]]()
    for target, names in entry["columns"].items():
        for rank, name in enumerate(names):
            found.setdefault(name, (target, rank))
    for name in entry.get("kept", ()):
        found.setdefault(name, (ATTRIBUTES, 0))
    return found


def _bare(name: str) -> str:
    """A column's plain name without a layer's or a system's mark before it."""
    parts = plain(name).split()
    while len(parts) > 1 and parts[0] in words()["marks"] and parts[0] not in ("hs", "hubspot"):
        parts = parts[1:]
    return " ".join(parts)


@cache
def recognised(columns: tuple[str, ...]) -> Dialect | None:
    """The export whose marks a file has, that which knows most of its columns where several do; None without."""
    named = {_bare(name): name for name in reversed(columns)}
    best: tuple[int, Dialect] | None = None
    for system, objects in _systems().items():
        for holds, entry in objects.items():
            if not any(named.keys() >= set(marks) for marks in entry["marks"]):
                continue
            places = _places(system, holds, named)
            if best is None or len(places) > best[0]:
                best = len(places), Dialect(system, holds, entry["table"], places)
    return best[1] if best else None


def _places(system: str, holds: str, named: dict[str, str]) -> dict[str, str]:
    """Source column to canonical column: of two columns for one, that which stands first in the list."""
    meanings = _meanings(system, holds)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for plain_name, column in sorted(named.items(), key=lambda item: meanings.get(item[0], ("", 99))[1]):
        if plain_name in meanings:
            target = meanings[plain_name][0]
            found[column] = ATTRIBUTES if target in taken else target
            taken.add(target)
    return found
