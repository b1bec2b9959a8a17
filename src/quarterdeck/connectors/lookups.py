"""Keys of rows, and the keys that names stand for in references."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl

from quarterdeck.connectors import convert
from quarterdeck.connectors.composed import chunks, names
from quarterdeck.connectors.files import CHUNK, UnreadableError, find
from quarterdeck.connectors.mapping import ColumnMapping, FileMapping, Mapping


class Lookups:
    """The referenced tables of one source, read when they are first asked for."""

    def __init__(self, mapping: Mapping, folder: Path) -> None:
        self._mapping, self._folder = mapping, folder
        self._known: dict[tuple[str, str], pl.DataFrame | None] = {}
        self._counted: dict[tuple[str, str], Counter[str]] = {}

    def keys(self, raw: pl.DataFrame, entry: FileMapping) -> pl.Series:
        """The source's key of each row: its id column, its key columns joined by a bar, or a digest of the row.

        Rows of one content that no column tells apart are numbered: two lines of an invoice may be alike.
        """
        column = entry.column_for("id")
        if column is not None and column.column in raw.columns:
            keys = convert.text(raw[column.column])
            return (keys.replace(column.aliases) if column.aliases else keys).alias("k")
        parts = [convert.text(raw[name]).alias(name) for name in entry.key if name in raw.columns]
        if parts:
            some = pl.any_horizontal(pl.col(part.name).is_not_null() for part in parts)
            joined = pl.concat_str([pl.col(part.name).fill_null("") for part in parts], separator="|")
            return pl.DataFrame(parts).select(pl.when(some).then(joined).alias("k")).to_series()
        return self._numbered(_digests(raw), entry).alias("k")

    def _numbered(self, digests: pl.Series, entry: FileMapping) -> pl.Series:
        seen = self._counted.setdefault((entry.path, entry.table), Counter())
        out = []
        for digest in digests.to_list():
            seen[digest] += 1
            out.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
        return pl.Series(out, dtype=pl.String)

    def ids(self, values: pl.Series, entry: ColumnMapping) -> pl.Series:
        """The keys that the values of a reference stand for; null where nothing is known by that name."""
        prefix = pl.lit(self._mapping.id_prefix)
        if entry.separator:
            values = values.str.split(entry.separator).list.first().str.strip_chars()
        table, _, by = entry.joins.partition(".")
        if not by or by in ("id", "source_id"):
            return values.to_frame("v").select(prefix + pl.col("v")).to_series()
        return self._joined(values, table, by, "id", prefix)

    def column(self, ids: pl.Series, table: str, column: str) -> pl.Series:
        """A column of the rows that the keys point to; null where there is none."""
        return self._joined(ids, table, "id", column, None)

    def _joined(self, values: pl.Series, table: str, by: str, to: str, prefix: pl.Expr | None) -> pl.Series:
        known = self._pairs(table, by, to)
        if known is None:
            empty = pl.Series([None] * len(values), dtype=pl.String)
            return values.to_frame("v").select(prefix + pl.col("v")).to_series() if prefix is not None else empty
        return values.alias("by").to_frame().join(known, on="by", how="left", maintain_order="left")["to"]

    def _pairs(self, table: str, by: str, to: str) -> pl.DataFrame | None:
        """`by` to `to` of a table of this source, None where by is the key itself or the table has no such columns."""
        place = (table, f"{by}>{to}")
        if place not in self._known:
            found = [pairs for entry in self._mapping.files if (pairs := self._read(entry, table, by, to)) is not None]
            self._known[place] = pl.concat(found).unique("by", keep="first", maintain_order=True) if found else None
        return self._known[place]

    def _read(self, entry: FileMapping, table: str, by: str, to: str) -> pl.DataFrame | None:
        left, right = entry.column_for(by), entry.column_for(to)
        file = find(self._folder, entry.path)
        if entry.table != table or left is None or right is None or file is None or left.column == right.column:
            return None
        pairs, prefix = [], pl.lit(self._mapping.id_prefix)
        try:
            if not {left.column, right.column} <= set(names(entry, file.columns())):
                return None
            for chunk in chunks(file, entry, self._mapping.missing, CHUNK, [left.column, right.column]):
                frame = chunk.frame
                cleaned = {
                    name: convert.text(convert.cleaned(frame[entry.column], self._mapping.missing)).alias(name)
                    for name, entry in (("by", left), ("to", right))
                    if frame.width
                }
                if cleaned:
                    pairs.append(pl.DataFrame(list(cleaned.values())).drop_nulls().unique(maintain_order=True))
        except UnreadableError:
            return None
        if not pairs:
            return None
        every = pl.concat(pairs)
        ids = [name for name, target in (("by", by), ("to", to)) if target == "id"]
        return every.with_columns((prefix + pl.col(name)).alias(name) for name in ids)


def _digests(raw: pl.DataFrame) -> pl.Series:
    """A key for rows without one: the same content gives the same key, in any file and order of columns."""
    import hashlib

    texts = [convert.text(raw[name]).fill_null("").alias(name) for name in sorted(raw.columns)]
    lines = pl.DataFrame(texts).select(pl.concat_str(pl.all(), separator="\x1f")).to_series()
    return pl.Series([hashlib.blake2b(line.encode(), digest_size=10).hexdigest() for line in lines], dtype=pl.String)
