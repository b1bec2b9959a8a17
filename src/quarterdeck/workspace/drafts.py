"""The text of a new workspace: settings and dated values, each with the reason why it is so."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from quarterdeck import connectors
from quarterdeck.base.config import Company
from quarterdeck.base.errors import QuarterdeckError


def slug(text: str) -> str:
    """A name for a source: lower case letters, digits and underscores, beginning with a letter."""
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "source"
    return word if word[0].isalpha() else f"s_{word}"


def make(root: Path, source: Path | str | None, company: Company | None) -> None:
    """Write the text of a new workspace, with the drafted mapping of an export's folder or of a database's URL.

    Raises when the folder is missing or holds no table, and then writes nothing.
    """
    from quarterdeck.connectors.database import is_url

    if isinstance(source, str) and is_url(source):
        _make_on_database(root, source, company)
        return
    source = Path(source) if source is not None else None
    name = root.resolve().name.replace("_", " ").title()
    if source is None:
        write(root, company or Company(name=name), [], "")
        return
    mapping = _proposal(source)
    found = {} if company else connectors.suggest_company(mapping, source)
    chosen = company or Company.model_validate({"name": name, **{key: found[key] for key in found if key != "reason"}})
    folder = os.path.relpath(source.resolve(), root.resolve())
    write(root, chosen, [(mapping.source, folder)], found.get("reason", ""))
    path = root / "mapping" / f"{mapping.source}.yaml"
    if not path.exists():
        path.write_text(connectors.to_yaml(mapping), encoding="utf-8")


def _make_on_database(root: Path, url: str, company: Company | None) -> None:
    from quarterdeck.workspace import databases
    from quarterdeck.workspace.settings import SourceSettings

    name, kept, _ = databases.written(url, root)
    mapping, found = databases.propose(root, SourceSettings(name=name, url=kept))
    title = root.resolve().name.replace("_", " ").title()
    chosen = company or Company.model_validate({"name": title, **{key: found[key] for key in found if key != "reason"}})
    write(root, chosen, [(name, kept)], found.get("reason", ""))
    path = root / "mapping" / f"{name}.yaml"
    if not path.exists():
        path.write_text(connectors.to_yaml(mapping), encoding="utf-8")


def _proposal(source: Path) -> connectors.Mapping:
    if not source.is_dir():
        raise QuarterdeckError(f"There is no folder {source}; give the folder that holds the export's files.")
    if not connectors.readable(source):
        why = "".join(f"\n  {name}: {reason}" for name, reason in connectors.skipped(source).items())
        raise QuarterdeckError(f"{source} holds no CSV or Parquet file with a table.{why}")
    return connectors.propose(source, slug(source.resolve().name))


def settings(company: Company, sources: list[tuple[str, str]], reason: str) -> str:
    """`quarterdeck.yaml` of a new workspace; sources are (name, folder or url), `reason` why the company is so."""
    lines = [
        "# Settings of this workspace. Every setting is in docs/reference/settings.md; an unknown one is an error.",
        "company:",
        f"  name: {_quoted(company.name)}",
        *([f"  # {reason}"] if reason else []),
        f"  currency: {company.currency}          # of plans and derived money",
        f"  language: {company.language}           # of reports: en or ko",
        f"  timezone: {company.timezone}",
        f"  fiscal_year_start: {company.fiscal_year_start}  # month",
        "sources:" if sources else "sources: []",
    ]
    for name, folder in sources:
        key = "url" if "://" in folder else "folder"
        lines += [f"  - name: {name}", f"    {key}: {_quoted(folder)}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


IGNORED = "lake/\nruns/\nreports/\nledger.sqlite3*\n"


FIRST = date(2000, 1, 1)
HEAD = """\
# A draft with Quarterdeck's own values. Write yours and set is_assumed to false.
# A value that holds from a later day is one more entry below `values`.
"""


def parameters() -> dict[str, str]:
    """Dated values of a new workspace by file name, marked as assumed, so that a person sees what to replace."""
    from quarterdeck.execute.commission.plan import DEFAULT
    from quarterdeck.supply.settings import SupplySettings

    entries: dict[str, tuple[str, str, Any]] = {
        "pay_plan": ("What sellers earn on bookings; see docs/how-to/pay-plans.md", "pay plan", DEFAULT),
        "ramp": ("Share of full productivity by month since the first day", "rate", list(SupplySettings().ramp)),
    }
    texts = {}
    for name, (description, unit, value) in entries.items():
        values = {FIRST: {"value": value, "reason": "Quarterdeck's default; nobody decided it"}}
        entry = {"description": description, "unit": unit, "is_assumed": True, "values": values}
        texts[f"{name}.yaml"] = HEAD + yaml.safe_dump({name: entry}, sort_keys=False, allow_unicode=True)
    return texts


def write(root: Path, company: Company, sources: list[tuple[str, str]], reason: str) -> None:
    """Write the text of a new workspace; what a person wrote is never overwritten."""
    for folder in ("mapping", "parameters", "reports"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    texts = {root / "quarterdeck.yaml": settings(company, sources, reason), root / ".gitignore": IGNORED}
    texts |= {root / "parameters" / name: text for name, text in parameters().items()}
    for path, text in texts.items():
        if not path.exists():
            path.write_text(text, encoding="utf-8")
