"""What an export says about the company itself: its currency and its language."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from quarterdeck.base import schema
from quarterdeck.connectors import convert
from quarterdeck.connectors.files import UnreadableError, find
from quarterdeck.connectors.mapping import SKIP, FileMapping, Mapping
from quarterdeck.connectors.vocabulary import currency_words

_FIRST = ("opportunities", "orders", "invoices", "opportunity_lines")
"""Tables whose money is the company's own business; others are asked only when these say nothing."""
_HANGUL = re.compile("[가-힣]")


def suggest_company(mapping: Mapping, folder: Path) -> dict[str, str]:
    """Settings of the company that an export gives evidence for: currency, language, and the reason; {} without.

    A single currency in a currency column, or beside amounts and in their columns' names, is the company's; columns
    that are named in Korean make the language ko, and the currency KRW where nothing else tells it.
    """
    entries = [entry for entry in mapping.files if entry.table != SKIP and not entry.is_distinct]
    out, reasons = {}, []
    currency = _currency(mapping, [entry for entry in entries if entry.table in _FIRST], folder) or _currency(
        mapping, [entry for entry in entries if entry.table not in (*_FIRST, "fx_rates")], folder
    )
    names = list(dict.fromkeys((entry.path, column.column) for entry in entries for column in entry.columns))
    korean = [column for _, column in names if _HANGUL.search(column)]
    is_korean = bool(names) and len(korean) >= len(names) / 2
    if currency is not None:
        out["currency"] = currency[0]
        reasons.append(currency[1])
    elif is_korean and not _has_several(mapping, entries, folder):
        out["currency"] = "KRW"
        reasons.append("no currency is named and the columns are in Korean")
    if is_korean:
        out["language"] = "ko"
        reasons.append(f"{len(korean)} of {len(names)} columns are named in Korean, such as {korean[0]}")
    return {**out, "reason": "; ".join(reasons)} if out else {}


def _currency(mapping: Mapping, entries: list[FileMapping], folder: Path) -> tuple[str, str] | None:
    """The only currency that the files name, and how they do."""
    found: dict[str, str] = {}
    for entry in entries:
        if entry.fill.get("currency"):
            found.setdefault(entry.fill["currency"], f"the amounts of {entry.path} are in {entry.fill['currency']}")
        for code, reason in _in_column(mapping, entry, folder).items():
            found.setdefault(code, reason)
    return next(iter(found.items())) if len(found) == 1 else None


def _has_several(mapping: Mapping, entries: list[FileMapping], folder: Path) -> bool:
    return any(_in_column(mapping, entry, folder) or entry.fill.get("currency") for entry in entries)


def _in_column(mapping: Mapping, entry: FileMapping, folder: Path) -> dict[str, str]:
    column, file = entry.column_for("currency"), find(folder, entry.path)
    if column is None or file is None or "currency" not in schema.table(entry.table).names:
        return {}
    codes: set[str] = set()
    try:
        for chunk in islice(file.chunks(columns=[column.column]), 4):
            if chunk.frame.width:
                raw = convert.cleaned(chunk.frame[column.column], mapping.missing)
                codes |= set(convert.currencies(raw).drop_nulls().to_list())
    except (UnreadableError, KeyError):
        return {}
    known = codes & set(currency_words().values()) | {code for code in codes if re.fullmatch("[A-Z]{3}", code)}
    return {code: f"column {column.column} of {entry.path} says {code}" for code in sorted(known)}
