"""Counting a file's rows and money while it is read, for its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.formats.table import Facts
from quarterdeck.connectors.mapping import FileMapping
from quarterdeck.connectors.report import FileReport, MoneySum, OwnCount, Reason, RowCount

_BELOW: tuple[Reason, ...] = ("totals_row", "footer")


@dataclass
class Tally:
    """The counts of one entry of a mapping over all chunks of its file."""

    source: str
    entry: FileMapping
    _rows: Counter[Reason] = field(default_factory=Counter)
    _amount: Counter[tuple[str, str, Reason]] = field(default_factory=Counter)
    _values: Counter[tuple[str, str, Reason]] = field(default_factory=Counter)
    _unread: Counter[tuple[str, str, Reason]] = field(default_factory=Counter)

    def rows(self, kinds: Iterable[Reason]) -> None:
        """Rows that were kept ("") or set aside, each with its class of reason."""
        self._rows.update(kinds)

    def kinds(self, kinds: pl.Series) -> None:
        """The same for the rows of a frame."""
        self._rows.update(dict(kinds.value_counts().iter_rows()))

    def money(self, frame: pl.DataFrame, kinds: pl.Series, columns: list[str], failed: dict[str, pl.Series]) -> None:
        """The amounts of a chunk's rows.

        `kinds` holds the rows' reasons, `failed` of money columns where an amount was written and could not be read.
        """
        has_currency = "currency" in frame.columns
        currency = frame["currency"].fill_null("") if has_currency else pl.Series([""] * frame.height, dtype=pl.String)
        for name in columns:
            wrong = failed.get(name, pl.Series([False] * frame.height, dtype=pl.Boolean))
            sums = (
                pl.DataFrame({"currency": currency, "kind": kinds, "amount": frame[name], "wrong": wrong})
                .group_by("currency", "kind")
                .agg(
                    pl.col("amount").cast(pl.Decimal(38, 0)).sum(), pl.col("amount").count().alias("n"), pl.sum("wrong")
                )
            )
            for code, kind, amount, count, unread in sums.iter_rows():
                if count or unread:
                    key = (name, code, kind)
                    self._amount[key] += int(amount)
                    self._values[key] += count
                    self._unread[key] += unread

    def report(self, facts: Facts | None, *, is_complete: bool) -> FileReport:
        """What was counted, beside what the file says of itself."""
        counts = [RowCount(kind, count) for kind, count in sorted(self._rows.items()) if count]
        money = [
            MoneySum(*key, amount=amount, values=self._values[key], unread=self._unread[key])
            for key, amount in sorted(self._amount.items())
        ]
        compares = facts is not None and is_complete and not self.entry.is_distinct and self.entry.spread is None
        own = (*self._own_rows(facts), *self._own_sums(facts)) if compares and facts is not None else ()
        told = facts.encoding if facts is not None else ""
        return FileReport(
            self.source, self.entry.path, self.entry.table, is_complete, tuple(counts), tuple(money), own, told
        )

    def _own_rows(self, facts: Facts) -> list[OwnCount]:
        every = sum(self._rows.values())
        records = every - sum(self._rows[kind] for kind in _BELOW)
        return [
            OwnCount("rows", count.rows, every if count.is_all else records, count.told_by) for count in facts.counts
        ]

    def _own_sums(self, facts: Facts) -> list[OwnCount]:
        """Sums in totals rows against ours, where a column's amounts are of one currency."""
        out = []
        for line, texts in facts.totals:
            for name in dict.fromkeys(column for column, _, _ in self._amount):
                currencies = {code for column, code, _ in self._amount if column == name}
                entry = self.entry.column_for(name)
                if len(currencies) != 1 or entry is None:
                    continue
                (code,) = currencies
                told = pl.Series([texts.get(entry.column) or None], dtype=pl.String)
                theirs = convert.money(told, pl.Series([code]), entry.decimal, entry.scale)[0]
                if theirs is not None:
                    ours = sum(amount for (column, _, _), amount in self._amount.items() if column == name)
                    where = f"the totals row in line {line:,}"
                    out.append(OwnCount("sum", theirs, ours, where, entry.column, code))
        return out
