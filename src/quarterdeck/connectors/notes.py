"""What a file's reading has to say, counted over its chunks and told once as findings."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from quarterdeck.base.finding import Finding, Severity
from quarterdeck.base.money import digits
from quarterdeck.connectors import convert
from quarterdeck.connectors.formats.table import Remark
from quarterdeck.connectors.mapping import ATTRIBUTES, ColumnMapping, FileMapping
from quarterdeck.connectors.report import KEPT, FileReport, Reason
from quarterdeck.connectors.unread import Unread

_KINDS: tuple[tuple[str, Reason], ...] = (
    ("was read before", "key_repeated"),
    ("it has no key", "key_missing"),
    ("that can be read", "value_missing"),
    ("a row of totals", "totals_row"),
    ("below the table", "footer"),
    ("it is no record", "no_record"),
    ("longer than", "row_too_long"),
)


@dataclass
class Notes:
    """The findings of one file of a mapping."""

    entry: FileMapping
    source: str
    _found: dict[tuple[str, str], tuple[Severity, str, str]] = field(default_factory=dict)
    _count: Counter[tuple[str, str]] = field(default_factory=Counter)
    _examples: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    _filled: Counter[str] = field(default_factory=Counter)
    _unread: dict[tuple[str, str], Unread] = field(default_factory=dict)
    _orders: dict[tuple[str, str], tuple[str, int, int]] = field(default_factory=dict)
    """Column and target to the format, how many values tell the day from the month, and how many do not."""

    def findings(self) -> tuple[Finding, ...]:
        """One finding a code and column, with up to three of the values."""
        out = []
        for key, (severity, message, fix) in self._found.items():
            shown = list(self._examples.get(key, ()))[:3]
            told = ", ".join(repr(value) for value in shown)
            text = message.format(count=self._count[key], examples=told)
            out.append(
                Finding(f"connectors.{key[0]}", severity, text, fix, table=self.entry.table, count=self._count[key])
            )
        return (*out, *self._unread_findings(), *self._order_findings())

    def _note(
        self, key: tuple[str, str], severity: Severity, texts: tuple[str, str], values: pl.Series | None = None
    ) -> None:
        message, fix = texts
        self._found.setdefault(key, (severity, message, fix))
        self._count[key] += 1 if values is None else len(values)
        if values is not None:
            kept = self._examples.setdefault(key, {})
            for value in values.unique(maintain_order=True).head(3).to_list():
                kept.setdefault(convert.printed(value))

    def file_missing(self) -> None:
        """The file of the mapping is not in the folder."""
        path = _plain(self.entry.path)
        fix = "Put the file back, or take its entry out of the mapping."
        self._note(("file_missing", ""), "error", (f"{path} is not in the source's folder.", fix))

    def file_unreadable(self, why: str) -> None:
        """The file cannot be read, or not to its end."""
        path = _plain(self.entry.path)
        fix = "Export the file again; rows before the break are kept."
        self._note(("file_unreadable", ""), "error", (f"{path} cannot be read: {_plain(why)}.", fix))

    def columns(self, names: list[str], *, has_attributes: bool) -> None:
        """Columns of the mapping that the file lacks, and columns of the file that the mapping does not know."""
        path = _plain(self.entry.path)
        used = dict.fromkeys([*(column.column for column in self.entry.columns), *self.entry.key])
        for column in used:
            if column not in names:
                fix = "Export the column again, or change its name in the mapping."
                text = f"{path} has no column {_plain(column)} any more; what it filled is empty."
                self._note(("column_missing", column), "warning", (text, fix))
        if self.entry.is_distinct:
            return
        placed = {column.column for column in self.entry.columns if column.target != ATTRIBUTES} | set(self.entry.key)
        for column in names:
            if column not in used and has_attributes:
                fix = "Give it a target in the mapping; until then it is kept in attributes."
                self._note(("column_new", column), "notice", (f"{path} has a new column {_plain(column)}.", fix))
            if column not in placed and not has_attributes:
                fix = "Give it a target in the mapping if it is needed; the source's file still holds it."
                text = f"{_plain(column)} of {path} has no place in {self.entry.table} and is not kept."
                self._note(("column_not_kept", column), "notice", (text, fix))

    def filled(self, column: str, count: int) -> None:
        """So many more values of a column were there to be read."""
        self._filled[column] += count

    def unread(self, entry: ColumnMapping, kind: str, raw: pl.Series, failed: pl.Series) -> None:
        """Values that are none of their column's type, where `failed`."""
        seen = self._unread.setdefault((entry.column, entry.target), Unread(entry, kind))
        seen.add(raw.filter(failed), raw.drop_nulls())

    def date_order(self, entry: ColumnMapping, raw: pl.Series) -> None:
        """Days of which the mapping's format says which part is the month; the values may say nothing of it."""
        if raw.dtype == pl.String and re.search(r"^%[dm][-/. ]+%[dm]", entry.format):
            pairs = raw.str.extract_groups(r"^(\d{1,2})[-/. ]+(\d{1,2})\b")
            first, second = (pairs.struct.field(str(place)).cast(pl.Int64, strict=False) for place in (1, 2))
            decides = int(((first > 12) | (second > 12)).sum())
            both = int(((first <= 12) & (second <= 12) & (first != second)).sum())
            key = (entry.column, entry.target)
            _, before, open_before = self._orders.get(key, ("", 0, 0))
            self._orders[key] = (entry.format, before + decides, open_before + both)

    def _order_findings(self) -> list[Finding]:
        """Columns of days in which no value tells the day from the month."""
        out = []
        by_column = {column: told for (column, _), told in self._orders.items()}
        for column, (form, decides, open_ones) in by_column.items():
            if decides or not open_ones:
                continue
            swapped = form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
            text = f"{open_ones:,} values of {column} in {self.entry.path} could be read day first or month first"
            text = f"{text}, and none of the column's values tells which; they are read as {form}."
            fix = f"Look at some in the source. If it is the other way round, set `format: '{swapped}'` in "
            fix += f"mapping/{self.source}.yaml at column {column}."
            out.append(Finding("connectors.date_order_open", "warning", text, fix, self.entry.table, count=open_ones))
        return out

    def unknown_status(self, entry: ColumnMapping, values: pl.Series) -> None:
        """Stages of which nobody said whether they are open, won or lost."""
        if len(values):
            seen = self._unread.setdefault((entry.column, "status"), Unread(entry, "status"))
            seen.add(values, values)

    def _unread_findings(self) -> list[Finding]:
        """One finding a column, for the target that fewest of its values could be read as."""
        worst: dict[str, Unread] = {}
        for (column, _), seen in self._unread.items():
            if column not in worst or worst[column].count < seen.count:
                worst[column] = seen
        table, path, home = self.entry.table, self.entry.path, f"mapping/{self.source}.yaml"
        return [seen.finding(table, path, self._filled[column], home) for column, seen in worst.items()]

    def status_assumed(self) -> None:
        """No column says whether deals are won."""
        text = f"No column of {_plain(self.entry.path)} says won or lost: deals with a close date are taken as won."
        fix = "Map the column with the outcome to status; without lost deals the win rate is 100 %."
        self._found.setdefault(("status_assumed", ""), ("warning", text, fix))
        self._count[("status_assumed", "")] = 1

    def unknown_reference(self, entry: ColumnMapping, values: pl.Series) -> None:
        """References to names that nobody has."""
        text = f"{{count}} values of {_plain(entry.column)} are not found in {entry.joins} ({{examples}})."
        fix = "Add the right spelling under `aliases` in the mapping, or the missing record in the source."
        self._note(("reference_unknown", entry.column), "warning", (text, fix), values)

    def remarks(self, remarks: list[Remark]) -> None:
        """What is to be known of the file as a whole."""
        path = _plain(self.entry.path)
        for remark in remarks:
            key = (remark.code, remark.message)
            self._found.setdefault(key, (remark.severity, f"{path} {_plain(remark.message)}.", remark.fix))
            self._count[key] = remark.rows

    def disagreements(self, report: FileReport) -> None:
        """Counts and sums of the file's own that are not ours."""
        path = _plain(self.entry.path)
        for own in report.disagreements:
            if own.measure == "rows":
                text = f"{path} has {own.theirs:,} rows by {own.told_by}; {own.ours:,} were read."
            else:
                theirs, ours = (amount(value, own.currency) for value in (own.theirs, own.ours))
                text = f"{path} gives {theirs} as the sum of {own.column} in {own.told_by}; its rows sum to {ours}."
            fix = "Look at the rows set aside, and whether the export was filtered or cut; then export it again."
            self._note(("counts_differ", own.told_by + own.column), "warning", (_plain(text), fix))

    def set_aside(self, reasons: list[str]) -> None:
        """Rows that are not kept, by reason."""
        for reason in reasons:
            kind = kind_of(reason)
            if kind in ("totals_row", "footer"):
                path = _plain(self.entry.path)
                text = f"{path} ends with lines that are no records ({{examples}}): {{count}} set aside."
                fix = "Nothing: sums below a table are held against the rows' own."
                self._note((kind, ""), "notice", (text, fix), pl.Series([reason]))
                continue
            kind = "row_broken" if kind in ("no_record", "row_too_long", "value_missing") else kind
            text = f"{{count}} rows of {_plain(self.entry.path)} are set aside ({{examples}})."
            fix = "Mend these rows in the source and read it again; they lie in the list of rows set aside."
            self._note((kind, ""), "error", (text, fix), pl.Series([reason]))


def kind_of(reason: str | None) -> Reason:
    """The class of a row's reason; "" for the rows that are kept."""
    if reason is None:
        return KEPT
    for words, kind in _KINDS:
        if words in reason:
            return kind
    return "row_broken"


def amount(minor: int, currency: str) -> str:
    """Minor units as a person reads them: 1,234.50 EUR."""
    places = digits(currency) if currency else 2
    return f"{Decimal(minor).scaleb(-places):,.{places}f} {currency}".strip()


def _plain(text: str) -> str:
    """The text safe within a format string."""
    return text.replace("{", "{{").replace("}", "}}")
