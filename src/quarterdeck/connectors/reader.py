"""Files of a source as canonical tables, chunk by chunk, by the mapping alone.

Nothing is lost: a row is kept or set aside with its line and reason, a value that cannot be read goes to the row's
attributes and makes a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from quarterdeck.base import schema
from quarterdeck.base.config import Company
from quarterdeck.base.finding import Finding
from quarterdeck.connectors import composed, convert, periods
from quarterdeck.connectors.files import CHUNK, Chunk, SourceFile, UnreadableError, find
from quarterdeck.connectors.lookups import Lookups
from quarterdeck.connectors.mapping import ATTRIBUTES, SKIP, ColumnMapping, FileMapping, Mapping
from quarterdeck.connectors.notes import Notes, kind_of
from quarterdeck.connectors.report import KEPT, FileReport, Reason
from quarterdeck.connectors.tally import Tally
from quarterdeck.connectors.vocabulary import REFERENCES

SET_ASIDE = {"line": pl.Int64(), "reason": pl.String(), "raw": pl.String()}


@dataclass(frozen=True)
class TableBatch:
    """Rows of one file for one table. `read` is kept and set aside together.

    `set_aside` has line (of the record, the header being 1), reason and raw. `money_read` and `money_kept` are the sums
    of the money columns, in minor units, of all rows read and of those kept. With a file's last batch come its findings
    and `is_complete`: False when the file is gone or breaks off, so that rows not seen are not taken as deleted.
    """

    table: str
    file: str
    frame: pl.DataFrame
    read: int
    set_aside: pl.DataFrame
    findings: tuple[Finding, ...] = ()
    money_read: int = 0
    money_kept: int = 0
    is_complete: bool = True
    report: FileReport | None = None


def read(mapping: Mapping, folder: Path, *, company: Company, chunk: int = CHUNK) -> Iterator[TableBatch]:
    """The canonical rows of every file of a mapping, about `chunk` rows at a time.

    Faults in the data are findings, never errors; a file that is gone or cannot be read gives an empty batch that says
    so.
    """
    lookups = Lookups(mapping, folder)
    for entry in mapping.files:
        if entry.table == SKIP:
            continue
        reader = _FileReader(mapping, entry, folder, company, lookups)
        yield from reader.batches(chunk)


@dataclass
class _FileReader:
    mapping: Mapping
    entry: FileMapping
    folder: Path
    company: Company
    lookups: Lookups
    notes: Notes = field(init=False)

    def __post_init__(self) -> None:
        self.notes = Notes(self.entry, self.mapping.source)
        self.tally = Tally(self.mapping.source, self.entry)
        self.table = schema.table(self.entry.table)
        self.zone = ZoneInfo(self.mapping.timezone) if self.mapping.timezone else self.company.zone
        self._seen: dict[str, int] = {}

    def batches(self, size: int) -> Iterator[TableBatch]:
        held: TableBatch | None = None
        is_complete = False
        file: SourceFile | None = None
        try:
            file = find(self.folder, self.entry.path)
            if file is None:
                self.notes.file_missing()
            else:
                for chunk in self._chunks(file, size):
                    if held is not None:
                        yield held
                    held = self._batch(chunk)
                is_complete = True
        except UnreadableError as error:
            self.notes.file_unreadable(str(error))
        if held is None:
            held = TableBatch(self.table.name, self.entry.path, schema.empty(self.table.name), 0, _aside([]))
        report = self.tally.report(file.facts if file else None, is_complete=is_complete)
        if file is not None and not self.entry.is_distinct:
            self.notes.remarks(file.facts.remarks)
            self.notes.disagreements(report)
        yield replace(held, findings=self.notes.findings(), is_complete=is_complete, report=report)

    def _chunks(self, file: SourceFile, size: int) -> Iterator[Chunk]:
        source = file.columns()
        names = composed.names(self.entry, source)
        self.notes.columns(names, has_attributes=ATTRIBUTES in self.table.names)
        self._repeats = not self.entry.is_distinct and _keys_repeat(file, self._key_columns, source, size)
        if not self.entry.is_distinct:
            yield from composed.chunks(file, self.entry, self.mapping.missing, size)
            return
        used = list(dict.fromkeys(column.column for column in self.entry.columns if column.column in names))
        sums = [name for name, how in self.entry.computed.items() if how.multiply]
        parts = [
            composed.collapsed(chunk.frame, self._key_columns, sums)
            for chunk in (composed.chunks(file, self.entry, self.mapping.missing, size, used) if used else ())
        ]
        if parts:
            yield Chunk(composed.collapsed(pl.concat(parts, how="vertical_relaxed"), self._key_columns, sums), 2)

    @cached_property
    def _key_columns(self) -> tuple[str, ...]:
        entry = self.entry.column_for("id")
        return (entry.column,) if entry else self.entry.key

    def _batch(self, chunk: Chunk) -> TableBatch:
        raw = chunk.frame.select(convert.cleaned(column, self.mapping.missing) for column in chunk.frame.iter_columns())
        values = self._values(raw)
        money = [column.name for column in self.table.columns if column.type == "money" and column.name in values]
        reasons = self._reasons(values, raw.height)
        frame = (
            schema.conform(self.table.name, pl.DataFrame(list(values.values())))
            if values
            else schema.empty(self.table.name)
        )
        numbers = chunk.lines
        if numbers is None:
            numbers = pl.int_range(chunk.first, chunk.first + raw.height, eager=True)
        reasons = self._repeated(values, reasons, numbers)
        bad = reasons.is_not_null()
        aside = [] if self.entry.is_distinct else [(row.line, row.reason, row.raw) for row in chunk.broken]
        if self.entry.is_distinct:
            # rows that name nothing (a deal without account) make no row here, and lose none
            frame, reasons = frame.filter(~bad), reasons.filter(~bad)
            self._count(frame, reasons, money, [])
            return self._made(frame, frame.height, [], _sum(frame, money), money)
        self._count(frame, reasons, money, [row.kind for row in chunk.broken])
        self.notes.set_aside([reason for _, reason, _ in aside])
        read = raw.height + len(aside)
        if bad.any():
            texts = raw.filter(bad).select(pl.struct(pl.all()).struct.json_encode()).to_series()
            lost = list(zip(numbers.filter(bad), reasons.filter(bad), texts, strict=True))
            aside.extend(lost)
            self.notes.set_aside([reason for _, reason, _ in lost])
            frame_all, frame = frame, frame.filter(~bad)
            return self._made(frame, read, aside, _sum(frame_all, money), money)
        return self._made(frame, read, aside, _sum(frame, money), money)

    def _count(self, frame: pl.DataFrame, reasons: pl.Series, money: list[str], broken: list[Reason]) -> None:
        if reasons.count():
            kinds = pl.Series([kind_of(reason) for reason in reasons], dtype=pl.String)
        else:
            kinds = pl.repeat(KEPT, frame.height, dtype=pl.String, eager=True)
        self.tally.rows(broken)
        self.tally.kinds(kinds)
        failed = {
            name: self.unread[entry.column].is_not_null()
            for name in money
            if (entry := self.entry.column_for(name))
            and entry.column in self.unread
            and len(self.unread[entry.column]) == frame.height
        }
        self.tally.money(frame, kinds, money, failed)

    def _made(
        self, frame: pl.DataFrame, read: int, aside: list[tuple[int, str, str]], total: int, money: list[str]
    ) -> TableBatch:
        return TableBatch(self.table.name, self.entry.path, frame, read, _aside(aside), (), total, _sum(frame, money))

    # -- columns ---------------------------------------------------------------------------------------------------

    def _values(self, raw: pl.DataFrame) -> dict[str, pl.Series]:
        """Canonical column to values, before rows are set aside."""
        self.unread: dict[str, pl.Series] = {}
        out: dict[str, pl.Series] = {}
        if raw.width == 0:
            return out
        there = set(raw.columns)
        for name in {entry.column for entry in self.entry.columns} & there:
            self.notes.filled(name, raw[name].count())
        entries = {entry.target: entry for entry in reversed(self.entry.columns) if entry.column in there}
        keys = self.lookups.keys(raw, self.entry)
        source_id = entries.get("source_id")
        out["id"] = (
            (pl.lit(self.mapping.id_prefix).pipe(lambda prefix: keys.to_frame("k").select(prefix + pl.col("k"))))
            .to_series()
            .alias("id")
        )
        out["source_id"] = (convert.text(raw[source_id.column]) if source_id else keys).alias("source_id")
        given = entries.get("source")
        source = pl.Series("source", [self.mapping.source] * raw.height, dtype=pl.String)
        out["source"] = (
            convert.text(raw[given.column]).fill_null(self.mapping.source).alias("source") if given else source
        )
        if "currency" in self.table.names:
            out["currency"] = self._currency(raw, entries.get("currency"))
        for column in self.table.columns:
            if column.name in out or column.name == ATTRIBUTES:
                continue
            for entry in self.entry.columns:
                if entry.target == column.name and entry.column in there:
                    made = self._column(raw[entry.column], column, entry, out)
                    out[column.name] = out[column.name].fill_null(made) if column.name in out else made
        self._fill(out, raw, entries)
        self._derive(out, entries)
        if ATTRIBUTES in self.table.names:
            out[ATTRIBUTES] = self._attributes(raw)
        return {name: series.alias(name) for name, series in out.items()}

    def _currency(self, raw: pl.DataFrame, entry: ColumnMapping | None) -> pl.Series:
        default = self.entry.fill.get("currency") or self.company.currency
        if entry is None:
            return pl.Series("currency", [default] * raw.height, dtype=pl.String)
        codes = convert.currencies(raw[entry.column])
        # where others name theirs, one that names none is left for the quality check
        return codes.fill_null(default) if self.table.name != "fx_rates" and codes.null_count() == len(codes) else codes

    def _column(
        self, raw: pl.Series, column: schema.Column, entry: ColumnMapping, out: dict[str, pl.Series]
    ) -> pl.Series:
        if column.name in REFERENCES:
            return self._reference(raw, column.name, entry)
        value = self._converted(raw, column, entry, out)
        if column.type in ("day", "instant"):
            self.notes.date_order(entry, raw)
        failed = raw.is_not_null() & value.is_null()
        # a text is null only where the mapping gives it an empty word
        if (column.type != "text" or entry.format == periods.FORM) and failed.any():
            self.notes.unread(entry, column.type, raw, failed)
            wrong = convert.text(raw).set(~failed, None)
            self.unread[entry.column] = wrong
        return value.alias(column.name)

    def _converted(
        self, raw: pl.Series, column: schema.Column, entry: ColumnMapping, out: dict[str, pl.Series]
    ) -> pl.Series:
        match column.type:
            case "money":
                return convert.money(raw, out["currency"].fill_null(self.company.currency), entry.decimal, entry.scale)
            case "instant":
                return convert.instants(raw, entry.format, self.zone)
            case "day":
                return convert.days(raw, entry.format, self.zone)
            case "number":
                return convert.numbers(raw, entry.decimal, entry.scale)
            case "integer":
                return convert.integers(raw, entry.decimal, entry.scale)
            case "decimal":
                return convert.decimals(raw, entry.decimal, entry.scale)
            case "flag":
                return convert.flags(raw)
            case "json":
                return convert.json_lists(raw)
        if f"{self.table.name}.{column.name}" == "targets.grain" and entry.format == periods.FORM:
            return periods.grains(convert.text(raw))
        value = convert.words(raw, entry.values, f"{self.table.name}.{column.name}")
        if self.table.name == "opportunities" and column.name == "status":
            strange = value.is_not_null() & ~value.is_in(["open", "won", "lost"])
            self.notes.unknown_status(entry, value.filter(strange))
            value = value.set(strange, "open")
        return value

    def _reference(self, raw: pl.Series, target: str, entry: ColumnMapping) -> pl.Series:
        value = convert.text(raw)
        if entry.aliases:
            value = value.replace(entry.aliases)
        found = self.lookups.ids(value, entry)
        unknown = value.is_not_null() & found.is_null()
        if unknown.any():
            self.notes.unknown_reference(entry, value.filter(unknown))
        kept = value.to_frame("v").select(pl.lit(self.mapping.id_prefix) + pl.col("v")).to_series()
        return found.fill_null(kept).alias(target)

    def _fill(self, out: dict[str, pl.Series], raw: pl.DataFrame, entries: dict[str, ColumnMapping]) -> None:
        """Constants of the mapping, then the schema's defaults, where the source gives no value."""
        for column in self.table.columns:
            value = self.entry.fill.get(column.name) or column.default
            if not value or column.name in ("id", "currency", "source", "source_id"):
                continue
            entry = entries.get(column.name)
            kind = schema.TYPES[column.type]
            constant = pl.Series(column.name, [value] * raw.height, dtype=pl.String).cast(kind)
            if entry is None:
                out[column.name] = constant
            else:
                absent = raw[entry.column].is_null() & out[column.name].is_null()
                out[column.name] = pl.select(pl.when(absent).then(constant).otherwise(out[column.name])).to_series()

    def _derive(self, out: dict[str, pl.Series], entries: dict[str, ColumnMapping]) -> None:
        """What follows from other columns: names from keys, and of deals the status, the close dates and the region."""
        if self.table.name in ("accounts", "products", "people", "sites", "resources", "tools", "channels"):
            out["name"] = out["name"].fill_null(out["source_id"]) if "name" in out else out["source_id"]
        if self.table.name != "opportunities":
            return
        closed = out.get("closed_at")
        if "status" not in entries and "status" not in self.entry.fill and closed is not None:
            out["status"] = pl.select(
                pl.when(closed.is_not_null()).then(pl.lit("won")).otherwise(pl.lit("open"))
            ).to_series()
            self.notes.status_assumed()
        both = entries.get("closed_at"), entries.get("expected_close_on")
        if closed is not None and both[0] and both[1] and both[0].column == both[1].column:
            # one column for the date that is expected and the date that came: of open deals it is the expected one
            is_open = out["status"] == "open"
            out["closed_at"] = closed.set(is_open, None)
        region = out.get("region")
        for reference, table in (("owner_id", "people"), ("account_id", "accounts")):
            if reference in out and (region is None or region.null_count()):
                other = self.lookups.column(out[reference], table, "region")
                region = other if region is None else region.fill_null(other)
        if region is not None:
            out["region"] = region.alias("region")

    def _attributes(self, raw: pl.DataFrame) -> pl.Series:
        """What has no column of its own, and what could not be read, as a JSON map of the values that are there."""
        placed = {entry.column for entry in self.entry.columns if entry.target != ATTRIBUTES}
        parts = []
        instead: list[pl.Series | pl.Expr] = []
        for name, kind in raw.schema.items():
            if name in self.unread:
                instead.append(self.unread[name].alias(name))
            elif name in placed:
                continue
            elif name == ATTRIBUTES and kind == pl.String:
                is_map = pl.col(name).str.contains(r"^\{.*\S.*\}$")
                plain = pl.struct(name).struct.json_encode()
                inner = pl.when(is_map).then(pl.col(name)).when(pl.col(name) == "{}").then(None).otherwise(plain)
                parts.append(inner.str.strip_chars().str.slice(1).str.head(-1))
                continue
            elif kind.is_temporal() or isinstance(kind, pl.Decimal):
                instead.append(pl.col(name).cast(pl.String))
            encoded = pl.struct(name).struct.json_encode().str.slice(1).str.head(-1)
            parts.append(pl.when(pl.col(name).is_not_null()).then(encoded))
        if not parts:
            return pl.Series(ATTRIBUTES, [None] * raw.height, dtype=pl.String)
        joined = pl.concat_str(parts, separator=",", ignore_nulls=True)
        work = raw.with_columns(instead)
        return work.select(pl.when(joined != "").then(pl.lit("{") + joined + pl.lit("}")).alias(ATTRIBUTES)).to_series()

    # -- rows ------------------------------------------------------------------------------------------------------

    def _reasons(self, values: dict[str, pl.Series], height: int) -> pl.Series:
        """Why a row is set aside, null for rows that are kept."""
        reason = pl.lit(None, pl.String)
        for column in self.table.columns:
            if not column.is_required or column.name == "status":
                continue
            told = "it has no key" if column.name == "id" else f"it has no {column.name} that can be read"
            if column.name not in values:
                reason = pl.coalesce(reason, pl.lit(told))
            else:
                reason = pl.coalesce(reason, pl.when(values[column.name].is_null()).then(pl.lit(told)))
        return (
            pl.select(pl.repeat(None, height, dtype=pl.String).alias("n")).select(pl.coalesce("n", reason)).to_series()
        )

    def _repeated(self, values: dict[str, pl.Series], reasons: pl.Series, lines: pl.Series) -> pl.Series:
        """The reasons with those of rows whose key was read before."""
        if "id" not in values or not (self._repeats or self.entry.is_distinct):
            return reasons
        told = reasons.to_list()
        for place, key in enumerate(values["id"].to_list()):
            if told[place] is None and key in self._seen:
                told[place] = f"its key {key} was read before, in line {self._seen[key]}"
            elif told[place] is None:
                self._seen[key] = lines[place]
        return pl.Series(told, dtype=pl.String)


def _keys_repeat(file: SourceFile, key: tuple[str, ...], names: list[str], size: int) -> bool:
    """Some key stands in more than one row. Keeps eight bytes a row."""
    if not key or not set(key) <= set(names):
        return True
    hashes = [chunk.frame.select(key).hash_rows() for chunk in file.chunks(size, list(key)) if chunk.frame.height]
    every = pl.concat(hashes) if hashes else pl.Series(dtype=pl.UInt64)
    return every.n_unique() < len(every)


def _sum(frame: pl.DataFrame, money: list[str]) -> int:
    return sum(int(frame[name].sum()) for name in money)


def _aside(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SET_ASIDE, orient="row").sort("line")
