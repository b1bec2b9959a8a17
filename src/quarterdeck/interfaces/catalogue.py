"""Keeps the translations: collects what the interfaces say, brings the languages up to date, compiles them.

Run with `python -m quarterdeck.interfaces.catalogue`; it prints what still wants a translation.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

FOLDER = Path(__file__).parent
LOCALES = FOLDER / "locale"
TEMPLATE = LOCALES / "quarterdeck.pot"
LANGUAGES = ("ko",)
KEYWORDS = {"say": None, "plural": (1, 2)}
EXTRA = ("Error", "Warning", "Notice")
"""Words that a page says by a variable."""


def collect() -> Catalog:
    """Every message that the code and the page's template say."""
    catalog = Catalog(project="Quarterdeck", charset="utf-8", fuzzy=False)
    for name, _, message, _, _ in extract_from_dir(
        FOLDER, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
    ):
        if name != Path(__file__).name:
            catalog.add(message, locations=[(Path(name).as_posix(), 0)])
    template = FOLDER / "report" / "page.html"
    with template.open("rb") as file:
        for _, message, _, _ in extract("jinja2.ext:babel_extract", file, keywords=KEYWORDS):
            catalog.add(message, locations=[("report/page.html", 0)])
    for message in EXTRA:
        catalog.add(message, locations=[("catalogue.py", 0)])
    return catalog


def po_path(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "quarterdeck.po"


def read(language: str) -> Catalog:
    """A language's translations as they are written."""
    with po_path(language).open("rb") as file:
        catalog = read_po(file, locale=language, domain="quarterdeck")
    # Dates of making would make equal translations differ.
    catalog.creation_date = catalog.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    return catalog


def po_bytes(catalog: Catalog) -> bytes:
    """The catalogue as text, without dates, so that equal content is equal text."""
    out = BytesIO()
    write_po(out, catalog, omit_header=False, sort_output=True, include_lineno=False, width=120)
    lines = out.getvalue().decode("utf-8").splitlines(keepends=True)
    dropped = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Generated-By', '"Report-Msgid', "# ")
    return "".join(line for line in lines if not line.startswith(dropped)).encode("utf-8")


def mo_bytes(catalog: Catalog) -> bytes:
    """The catalogue as gettext reads it."""
    out = BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Messages without a translation."""
    return [str(message.id) for message in catalog if message.id and not all(_texts(message.string))]


def _texts(string: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, list | tuple) else (string or "",)


def update() -> list[str]:
    """Write the template and every language's text and compiled form; returns what is untranslated."""
    collected = collect()
    TEMPLATE.write_bytes(po_bytes(collected))
    missing = []
    for language in LANGUAGES:
        path = po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = read(language) if path.is_file() else Catalog(locale=language, domain="quarterdeck", fuzzy=False)
        catalog.update(collected, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        path.write_bytes(po_bytes(catalog))
        path.with_suffix(".mo").write_bytes(mo_bytes(read(language)))
        missing += [f"{language}: {message}" for message in untranslated(catalog)]
    return missing


if __name__ == "__main__":
    wanting = update()
    sys.stdout.write("".join(f"untranslated {line}\n" for line in wanting))
    sys.exit(1 if wanting else 0)
