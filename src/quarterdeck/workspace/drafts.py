"""The text of a new workspace: settings and dated values, each with the reason why it is so."""

from __future__ import annotations

import re
from pathlib import Path

from quarterdeck.base.config import Company


def slug(text: str) -> str:
    """A name for a source: lower case letters, digits and underscores, beginning with a letter."""
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "source"
    return word if word[0].isalpha() else f"s_{word}"


def settings(company: Company, sources: list[tuple[str, str]]) -> str:
    """`quarterdeck.yaml` of a new workspace; sources are (name, folder)."""
    lines = [
        "# Settings of this workspace. Every setting is in docs/reference/settings.md; an unknown one is an error.",
        "company:",
        f"  name: {_quoted(company.name)}",
        f"  currency: {company.currency}          # of plans and derived money",
        f"  language: {company.language}           # of reports: en or ko",
        f"  timezone: {company.timezone}",
        f"  fiscal_year_start: {company.fiscal_year_start}  # month",
        "sources:" if sources else "sources: []",
    ]
    for name, folder in sources:
        lines += [f"  - name: {name}", f"    folder: {_quoted(folder)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


IGNORED = "lake/\nruns/\nreports/\nledger.sqlite3*\n"


def write(root: Path, company: Company, sources: list[tuple[str, str]]) -> None:
    """Write the text of a new workspace; what a person wrote is never overwritten."""
    for folder in ("mapping", "parameters", "reports"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, text in ((root / "quarterdeck.yaml", settings(company, sources)), (root / ".gitignore", IGNORED)):
        if not path.exists():
            path.write_text(text, encoding="utf-8")
