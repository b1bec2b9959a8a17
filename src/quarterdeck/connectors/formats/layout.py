"""Where a table begins and ends among the rows of a sheet or text file: titles, header, records, totals, footers."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.connectors.formats.table import Remark, distinct

DELIMITERS = ",;\t|\x1f\x01^~:"
_USUAL = ",;\t|"
_LOOK = 60
_TITLES = 30
_TYPES = (
    ("number", re.compile(r"^[-+(]?\s*[$€£₩¥]?\s*\d[\d.,' ]*\s*[%€)]?-?$")),
    ("date", re.compile(r"^\d{1,4}[-/. 년]\s?\d{1,2}[-/. 월]\s?\d{1,4}\.?일?(?:[ T].*)?$")),
    ("email", re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")),
)
_TOTAL = re.compile(
    r"(?i)^(?:grand\s+totals?|totals?|sub-?totals?|sums?|overall|총\s*합계|합\s*계|총\s*계|소\s*계|누\s*계|계|"
    r"summen?|gesamt(?:summe|betrag|ergebnis)?|insgesamt|zwischensumme|total(?:e|es)?\s+g[eé]n[eé]ral|totale?|"
    r"合計|総計|小計|总计|合计)\s*(?:\([^)]*\))?\s*:?$"
)
_COUNTED = re.compile(
    r"(?i)(?:^|[\s(:])(\d{1,3}(?:,\d{3})+|\d+)\s*(?:records?|rows?|entries|results?|datens[aä]tze|zeilen|건|개|행|件)\b\)?"
)
_FOOTER = re.compile(
    r"(?i)^(?:copyright|©|confidential|generated (?:by|on|at)|exported (?:by|on|at|from)|"
    r"report (?:generated|run|as of)|as of |source:|quelle:|출처|작성|생성일시|"
    r"\(?end of (?:report|file)\)?|\d+ (?:records?|rows?)\b|"
    r"\(?\d[\d,]* (?:rows?|records?)\)?)"
)


@dataclass(frozen=True)
class Layout:
    """`header` is the place of the header among the rows (from 0), None when there is none; `body` the first record's.

    `width` is the number of values of a record.
    """

    names: tuple[str, ...]
    header: int | None
    body: int
    remarks: tuple[Remark, ...] = ()

    @property
    def width(self) -> int:
        return len(self.names)


def delimiter(text: str) -> str:
    """The sign that parts the lines of a text alike, and into the most values.

    >>> delimiter("Report of May\\n\\nid;name;amount\\n1;Ann, Bob;1,5\\n2;Eve;2,5\\n")
    ';'
    """
    lines = [line for line in text.splitlines()[: 2 * _LOOK] if line.strip()]
    best, most = ",", 0.0
    for sign in DELIMITERS:
        counts = [len(row) for row in _parsed(lines, sign)]
        many = [count for count in counts if count > 1]
        if not many:
            continue
        usual, share = Counter(many).most_common(1)[0]
        first = 1.0 if counts[0] == usual else 0.6
        # a title or two must not count against the right sign, a sign within texts must not win
        score = (share / len(counts)) ** 2 * min(usual, 12) * first * (1.0 if sign in _USUAL else 0.4)
        if score > most:
            best, most = sign, score
    return best


def _parsed(lines: list[str], sign: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=sign))
    except csv.Error:
        return [line.split(sign) for line in lines]


def find(rows: Sequence[Sequence[str]]) -> Layout | None:
    """The layout that the first rows of a file show; None when they hold no values.

    Rows above the header are titles: they fill fewer columns than the records do. A first row whose values are of the
    records' own types is a record, and the columns get numbers for names.
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:_LOOK]]
    if not any(filled):
        return None
    usual = Counter(count for count in filled if count > 1).most_common(1)
    most = max(filled)
    wide = max(2, round(0.5 * (usual[0][0] if usual and usual[0][1] > 1 else most)))
    head = next((place for place, count in enumerate(filled[:_TITLES]) if count >= wide), None)
    if head is None:
        head = next(place for place, count in enumerate(filled) if count)
    head = _past_titles(rows, filled, head)
    records = [row for row in rows[head + 1 : _LOOK] if any(cell.strip() for cell in row)]
    names = _widened(list(rows[head]), records)
    remarks = _remarks(names, [place for place in range(head) if filled[place]])
    if _is_record(rows[head], records):
        told = Remark(
            "header_missing", "warning", "has no header line: its columns are named column 1, column 2 and so on",
            "Export it with column names, or keep the mapping's columns in the order of the file.",
        )  # fmt: skip
        return Layout(tuple(distinct([""] * len(names))), None, head, (told,))
    return Layout(tuple(distinct(names)), head, head + 1, tuple(remarks))


def _past_titles(rows: Sequence[Sequence[str]], filled: list[int], head: int) -> int:
    """Past a line of settings such as "Currency: USD" that is as wide as the table is not; else `head`."""
    after = filled[head + 1 : head + 6]
    if filled[head] == 2 and after and min(after[:3]) > 3 and len(rows) > head + 1:
        return head + 1
    return head


def _widened(names: list[str], records: list[Sequence[str]]) -> list[str]:
    """The names, as many as the records have values where nearly all records agree on another number."""
    widths = Counter(len(record) for record in records)
    if not widths:
        while names and not names[-1].strip():
            names.pop()
        return names
    usual, share = widths.most_common(1)[0]
    if share < 0.8 * sum(widths.values()):
        return names
    if usual > len(names):
        return names + [""] * (usual - len(names))
    while len(names) > usual and not names[-1].strip():
        names.pop()
    return names


def _is_record(first: Sequence[str], records: list[Sequence[str]]) -> bool:
    """The first row has numbers, dates and addresses where the others do."""
    if not records or not all(cell.strip() for cell in first):
        return False
    same = typed = 0
    for place, cell in enumerate(first):
        kinds = [_kind(row[place]) for row in records[:30] if place < len(row) and row[place].strip()]
        if not kinds:
            continue
        kind, share = Counter(kinds).most_common(1)[0]
        if not kind or share < 0.8 * len(kinds):
            continue
        typed += 1
        is_year = bool(re.fullmatch(r"(?:19|20)\d\d", cell.strip()))
        same += _kind(cell) == kind and not is_year
    return typed > 0 and same >= max(1, 0.6 * typed)


def _kind(cell: str) -> str:
    return next((name for name, pattern in _TYPES if pattern.match(cell.strip())), "")


def _remarks(names: list[str], titles: list[int]) -> list[Remark]:
    remarks = []
    if titles:
        told = (
            f"begins with {len(titles)} line{'s' if len(titles) != 1 else ''} of title: the columns are named in line"
        )
        remarks.append(Remark("title_lines", "notice", told + " {header}", "Nothing, when the names are right."))
    seen = Counter(" ".join(name.split()) for name in names if name.strip())
    twice = [name for name, count in seen.items() if count > 1]
    if twice:
        told = (
            f"has several columns called {', '.join(map(repr, twice[:3]))}: the later ones get a number behind the name"
        )
        remarks.append(
            Remark("column_twice", "warning", told, "Look in the mapping which of them is meant.", len(twice))
        )
    return remarks


def is_total(cells: Sequence[str]) -> bool:
    """A row of totals: its first text says so, and it has few other texts."""
    there = [cell.strip() for cell in cells if cell and cell.strip()]
    words = [cell for cell in there if not _kind(cell)]
    return bool(words) and bool(_TOTAL.match(words[0])) and len(words) <= 2 and there[0] == words[0]


def is_footer(cells: Sequence[str]) -> bool:
    """A line below the table that is no record: who made the report and when, or how many records it has."""
    there = [cell.strip() for cell in cells if cell and cell.strip()]
    return len(there) == 1 and bool(_FOOTER.match(there[0]) or (_COUNTED.search(there[0]) and len(there[0]) < 60))


def counted(cells: Sequence[str]) -> int | None:
    """The number of records that a line below the table names: Grand Totals (1,204 records)."""
    for cell in cells:
        found = _COUNTED.search(cell or "")
        if found and len(cell) < 80:
            return int(found.group(1).replace(",", ""))
    return None
