"""What exports call things: the spellings of `synonyms.yaml` and how near a name comes to them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from rapidfuzz import fuzz

from quarterdeck.base.schema import facts, tables

REFERENCES: dict[str, str] = {
    "account_id": "accounts",
    "contact_id": "contacts",
    "lead_id": "leads",
    "opportunity_id": "opportunities",
    "owner_id": "people",
    "manager_id": "people",
    "person_id": "people",
    "product_id": "products",
    "site_id": "sites",
    "resource_id": "resources",
    "order_id": "orders",
    "step_id": "onboarding_steps",
    "parent_id": "accounts",
}
"""The table that a reference column points to."""

_OURS = ("source", "source_id", "attributes", "is_inferred")
"""Columns that are about our own records: a source has them under exactly this name or not at all."""

_NAMING = {
    "id",
    "name",
    "ref",
    "reference",
    "code",
    "key",
    "number",
    "no",
    "uuid",
    "guid",
    "uid",
    "nr",
    "번호",
    "명",
    "코드",
}

_FILLERS = {"description", "text", "label", "code", "name", "value", "usd", "eur", "gbp", "krw", "명", "flag"}
"""Last words of a name that may be left off: the description of a status is the status."""

NEAR = 0.84
"""Spellings less alike than this are no match."""


def plain(name: str) -> str:
    """A name without case, punctuation and camelCase, its words apart by one space.

    >>> plain("Deal - CloseDate"), plain("annual_revenue ($M)")
    ('deal close date', 'annual revenue')
    """
    name = unicodedata.normalize("NFKC", name)
    name = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", name) or name
    name = re.sub(r"IDs(?![a-z])", "Ids", name)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+|#", name.casefold()))


def squeezed(value: str) -> str:
    """A value without case, space and punctuation, for telling near-misses: "GTX Pro" and "GTXPro" are one."""
    return "".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", value).casefold()))


@cache
def words() -> dict[str, Any]:
    """The content of `synonyms.yaml`."""
    text = (files(__package__) / "synonyms.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


@cache
def missing() -> tuple[str, ...]:
    """Texts that stand for no value."""
    return tuple(words()["missing"])


@cache
def _spellings(table: str) -> dict[str, list[tuple[str, float]]]:
    """Squeezed spelling to the columns of the table that it names, each with its weight.

    The column's own name weighs 1, a spelling for this table a little less, one for all tables a little less again; and
    of two spellings in one list the first a trifle more, so that a team goes before a department.
    """
    content = words()["columns"]
    found: dict[str, dict[str, float]] = {}
    for column in tables()[table].names:
        weighted = [(column, 1.0)]
        for weight, spelt in ((0.97, content.get(table, {})), (0.94, content["common"])):
            weighted += [(text, weight - 0.0002 * place) for place, text in enumerate(spelt.get(column, ()))]
        for text, weight in weighted if column not in _OURS else [(column, 1.0)]:
            key = squeezed(text) or text
            found.setdefault(key, {})
            found[key][column] = max(found[key].get(column, 0.0), weight)
    return {key: list(columns.items()) for key, columns in found.items()}


@cache
def _prefixes() -> dict[str, str]:
    """What may stand before a column's name, and the table that it names ("" for a system's or a layer's mark)."""
    found = dict.fromkeys(("contact", "person"), "contacts") | dict.fromkeys(("organization", "company"), "accounts")
    for table, entry in words()["tables"].items():
        found |= {plain(name): table for name in entry["names"] if plain(name) not in found}
    return found | dict.fromkeys(words()["marks"], "")


@cache
def spelt_out(name: str) -> str:
    """A plain name with its shortened words in full: "acct nm" is "account name"."""
    known = words()["short"]
    return " ".join(known.get(part, part) for part in name.split())


@dataclass(frozen=True, slots=True)
class Likeness:
    """How near a source's column name comes to a canonical column, 0..1, and the spelling that it is like."""

    score: float
    spelling: str


@cache
def like(name: str, table: str) -> dict[str, Likeness]:
    """The canonical columns of a table that a source's column name may mean."""
    spellings, whole = _spellings(table), plain(name)
    found: dict[str, Likeness] = {}
    forms = _forms(whole, table)
    if any(form in words()["about the record"] and squeezed(form) not in spellings for form, _ in forms):
        return {}
    for form, weight in forms:
        key = squeezed(form) or form
        for column, score in spellings.get(key, ()):
            if column not in _OURS or form == whole:
                _keep(found, column, Likeness(score * weight, form))
    if whole in words()["tables"].get(table, {}).get("names", ()) and "id" in tables()[table].names:
        _keep(found, "id", Likeness(0.8, whole))
    for form, weight in forms[: 1 + len(forms) // 2]:
        _reference(form, weight, table, found)
    if not found and len(whole) >= 4:
        _near(forms, spellings, found)
    if not found:
        for form, _ in forms:
            _tokens(form, spellings, found)
    if not found and not whole.isascii():
        _endings(squeezed(whole), spellings, found)
    return found


def _forms(whole: str, table: str) -> list[tuple[str, float]]:
    """A name, the name with shortened words in full, and both without what stands before: system, layer or table."""
    forms = {whole: 1.0}
    full = spelt_out(whole)
    if full != whole:
        forms[full] = 0.97
    for form, weight in list(forms.items()):
        parts = form.split()
        if len(parts) > 1 and parts[-1] in _FILLERS:
            forms.setdefault(" ".join(parts[:-1]), 0.92 * weight)
    for form, weight in list(forms.items()):
        rest = form
        for _ in range(3):
            parts = rest.split()
            cut = next((n for n in range(len(parts) - 1, 0, -1) if " ".join(parts[:n]) in _prefixes()), 0)
            if not cut:
                break
            of = _prefixes()[" ".join(parts[:cut])]
            weight *= 0.99 if not of else 0.97 if of == table else 0.8
            rest = " ".join(parts[cut:])
            forms[rest] = max(forms.get(rest, 0.0), weight)
    return sorted(forms.items(), key=lambda form: -form[1])


def _reference(form: str, weight: float, table: str, found: dict[str, Likeness]) -> None:
    """ "customer no" in a table of orders is the number of a customer, not of the order."""
    parts = form.split()
    cut = next((n for n in range(len(parts) - 1, 0, -1) if _NAMING.issuperset(parts[n:])), 0)
    of = _prefixes().get(" ".join(parts[:cut])) if cut else None
    if not of or of == table:
        return
    for column in tables()[table].names:
        if REFERENCES.get(column) == of and column not in ("manager_id", "parent_id"):
            _keep(found, column, Likeness(0.93 * weight, form))
            for own in ("id", "name"):
                if own in found and found[own].score < found[column].score:
                    del found[own]
            return


def _near(
    forms: list[tuple[str, float]], spellings: dict[str, list[tuple[str, float]]], found: dict[str, Likeness]
) -> None:
    """Names that differ from a known spelling by a letter or two."""
    for form, weight in forms:
        key = squeezed(form)
        for spelling, columns in spellings.items():
            if abs(len(spelling) - len(key)) > 6 or len(spelling) < 4 or len(key) < 4:
                continue
            ratio = fuzz.ratio(key, spelling) / 100
            if ratio >= NEAR:
                for column, score in columns if columns[0][0] not in _OURS else ():
                    _keep(found, column, Likeness(0.85 * ratio * score * weight, spelling))


def _tokens(whole: str, spellings: dict[str, list[tuple[str, float]]], found: dict[str, Likeness]) -> None:
    """Long names that hold a known spelling as their last or first words ("booking region", "amount in euro")."""
    parts = whole.split()
    if len(parts) < 2:
        return
    for take in range(len(parts) - 1, 0, -1):
        for piece, rest, weight in ((parts[-take:], [], 0.62), (parts[:take], parts[take:], 0.55)):
            for column, score in spellings.get("".join(piece), ()):
                # "lead source" is no lead, "lead ref" is one
                if column in _OURS or (rest and column in REFERENCES and not _NAMING.issuperset(rest)):
                    continue
                if len("".join(piece)) >= 3 or (column == "id" and not rest):
                    _keep(found, column, Likeness(score * weight, " ".join(piece)))
        if found:
            return


def _endings(whole: str, spellings: dict[str, list[tuple[str, float]]], found: dict[str, Likeness]) -> None:
    """Words written without spaces that end in a known one: 수주예상금액 ends in 금액."""
    for start in range(1, len(whole)):
        for column, score in spellings.get(whole[start:], ()):
            if not whole[start:].isascii():
                _keep(found, column, Likeness(score * 0.62, whole[start:]))
        if found:
            return


def _keep(found: dict[str, Likeness], column: str, likeness: Likeness) -> None:
    if column not in found or found[column].score < likeness.score:
        found[column] = likeness


@cache
def _names_table(prefix: str, table: str) -> bool:
    return prefix in {plain(name) for name in words()["tables"].get(table, {}).get("names", ())} | {table}


def table_likeness(stem: str) -> dict[str, float]:
    """How near a file's name comes to each fact table, 0..1: "sales_teams" is like people."""
    name, found = _bare(stem), {}
    for table in facts():
        best = 0.0
        for spelling in [table, *words()["tables"].get(table, {}).get("names", ())]:
            known = plain(spelling)
            if known == name:
                best = 1.0
            elif f" {known} " in f" {name} ":
                # the longer the part of the name that is understood, the surer; its last word names the thing
                share = len(known) / len(name)
                best = max(best, 0.5 + 0.3 * share + (0.1 if name.endswith(known) else 0.0))
            elif len(known) > 4:
                ratio = fuzz.ratio(known, name) / 100
                best = max(best, 0.8 * ratio if ratio >= NEAR else 0.0)
        if best:
            found[table] = best
    return found


def _bare(stem: str) -> str:
    """A file's name without a layer's or a system's mark before it: "stg_sf__opportunity" is "opportunity"."""
    parts = plain(stem).split()
    while len(parts) > 1 and parts[0] in words()["marks"]:
        parts = parts[1:]
    return spelt_out(" ".join(parts))


@cache
def value_words(column: str) -> dict[str, str]:
    """Squeezed word to canonical value, for a column such as `opportunities.status`."""
    entry = words()["values"].get(column, {})
    return {squeezed(word): value for value, spellings in entry.items() for word in (value, *spellings)}


def canonical_value(column: str, text: str) -> str | None:
    """Our value for a source's value, None when no word of it is known.

    >>> canonical_value("opportunities.status", "Closed - Won"), canonical_value("opportunities.status", "계약 실패")
    ('won', 'lost')
    """
    known = value_words(column)
    whole = squeezed(text)
    if whole in known:
        return known[whole]
    parts = plain(text).split()
    for take in range(len(parts), 0, -1):
        for start in range(len(parts) - take + 1):
            value = known.get("".join(parts[start : start + take]))
            if value is not None:
                return value
    for word, value in known.items():
        if len(word) >= 2 and not word.isascii() and word in whole:
            return value
    return None


@cache
def currency_words() -> dict[str, str]:
    """Casefolded sign or name to ISO code."""
    return {word.casefold(): code for code, spellings in words()["currencies"].items() for word in spellings}


def scale_of(name: str) -> tuple[int, str]:
    """What a column's numbers are counted in by its name, and the word that says so.

    >>> scale_of("Revenue ($M)"), scale_of("매출(백만원)"), scale_of("Amount")
    ((1000000, 'm'), (1000000, '백만원'), (1, ''))
    """
    inside = " ".join(re.findall(r"[(\[]([^)\]]*)[)\]]", name))
    tail = plain(name).split()
    spoken = set(re.findall(r"[^\W\d_]+", inside.casefold()))
    for factor, spellings in words()["scales"].items():
        for word in spellings:
            if word in spoken or (len(word) > 2 and (" ".join(tail).endswith(" " + word))):
                return int(factor), word
    return 1, ""
