"""How a source's files and columns become ours: the content of `mapping/<source>.yaml`, written, read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import polars as pl
import yaml
from pydantic import Field, ValidationError, model_validator

from quarterdeck.base import schema
from quarterdeck.base.config import Section
from quarterdeck.base.errors import ConfigurationError, did_you_mean
from quarterdeck.connectors.closed_words import unknown_words
from quarterdeck.connectors.vocabulary import missing

SKIP = "skip"
"""Table of a file that is not read."""
ATTRIBUTES = "attributes"


class ColumnMapping(Section):
    """A column of the source and the canonical column that it fills. A column may fill several: one entry each."""

    column: str
    """Name in the source."""
    target: str
    """Canonical column, or attributes: kept as it is, without a place of its own. Several columns may fill one day or
    instant, or the status of deals: the first that has a value counts."""
    confidence: float = Field(default=1.0, ge=0, le=1)
    """How sure the proposal is; 1 for what a person wrote."""
    reason: str = ""
    """Why, in a person's words."""
    format: str = ""
    """Of days and instants: strptime codes such as %d-%m-%y; iso, epoch_s or epoch_ms; period for 2026,
    2026Q3 and 2026-07."""
    decimal: Literal[".", ","] = "."
    """Of numbers: the decimal sign; the other one parts thousands."""
    scale: int = Field(default=1, ge=1)
    """Of numbers: what they are counted in, such as 1000000 when the source gives millions."""
    values: dict[str, str] = Field(default_factory=dict)
    """Our value for each of the source's, such as Won: won. An empty word for a status leaves it to the next column."""
    joins: str = ""
    """Of references: the canonical column that the values are found in, such as accounts.name."""
    separator: str = ""
    """Of references: what parts several keys in one cell, such as ;. The first counts."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Of references: the right spelling for a wrong one, such as GTXPro: GTX Pro."""


class Computed(Section):
    """A column that the mapping makes of others of the file, to be used like any other column."""

    multiply: tuple[str, ...] = ()
    """Columns whose product it is, such as a quantity and a price; one column alone is taken as it is, to be summed."""
    join: tuple[str, ...] = ()
    """Columns whose texts it joins by a space, such as a first and a last name."""
    decimal: Literal[".", ","] = "."
    """Of products: the decimal sign of their columns."""

    @model_validator(mode="after")
    def _one_way(self) -> Computed:
        if bool(self.multiply) == bool(self.join):
            raise ValueError("give the columns to multiply, or those to join")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        return self.multiply or self.join


class Spread(Section):
    """Periods that stand in columns, one beside the other: each cell becomes a row."""

    columns: dict[str, str]
    """The heading of each such column and the period that it means: 2026-01, 2026Q1 or 2026; with `year` its rest."""
    period: str = "Period"
    """Name of the column that holds the period then."""
    value: str = "Value"
    """Name of the column that holds the cell then."""
    year: str = ""
    """Column that holds the year, where the headings name none."""


class FileMapping(Section):
    """A file of the source and the canonical table that it fills."""

    path: str
    """Path in the source's folder; a folder of Parquet parts ends with a slash."""
    table: str
    """Canonical table, or skip."""
    confidence: float = Field(default=1.0, ge=0, le=1)
    """How sure the proposal is."""
    reason: str = ""
    """Why, in a person's words."""
    is_distinct: bool = False
    """The table has one row for each key of the file, such as people from the deals' owners: of each column the first
    value that is there, of columns that are products the sum."""
    computed: dict[str, Computed] = Field(default_factory=dict)
    """Columns that are made of others, by their names."""
    spread: Spread | None = None
    """Periods that stand in columns, to be rows."""
    key: tuple[str, ...] = ()
    """Columns that together name a row where no column fills id; without any the row's whole content names it."""
    stamp: str = ""
    """Of a database's table: the column that says when a row was last written; without one it is read whole."""
    overlap_minutes: int = Field(default=15, ge=0)
    """How long before the newest stamp changed rows are looked for again: as long as a transaction may take."""
    fill: dict[str, str] = Field(default_factory=dict)
    """Values of canonical columns that no column of the file gives, such as currency: KRW."""
    amount_known: Literal["at_close", "always"] | None = None
    """Of opportunities: when the amount became known, for views at earlier dates."""
    amount_reason: str = ""
    """Why."""
    open_stage: str | None = None
    """Of opportunities: the stage to show for deals that were still open at an earlier date."""
    stage_reason: str = ""
    """Why."""
    columns: tuple[ColumnMapping, ...] = ()
    """Columns in the source's order."""

    def column_for(self, target: str) -> ColumnMapping | None:
        """The entry that fills a canonical column."""
        return next((entry for entry in self.columns if entry.target == target), None)


class Mapping(Section):
    """How one source's files become canonical tables."""

    source: str
    """Name of the source, kept in every row."""
    id_prefix: str = ""
    """Put before every key and reference, so that two sources do not meet by chance."""
    timezone: str | None = None
    """Zone of the source's clock times that name none; without it the company's."""
    missing: tuple[str, ...] = Field(default_factory=missing)
    """Texts that stand for no value."""
    files: tuple[FileMapping, ...] = ()
    """Files in the order of their paths."""


_HEAD = """\
# How the files of the source {source!r} become tables. Drafted by looking at names, types, values and joins.
# Edit it and run again.
#
# confidence  0..1: how sure the draft is. Look at the low ones first; write 1 when you have checked an entry.
# reason      why it was guessed so.
# table       the canonical table, or `skip`: the file is not read.
# target      the canonical column, or `attributes`: kept with the row, used by nothing.
#             A column may fill several targets: one entry each.
# format      how days are written, such as %d-%m-%y, iso or epoch_ms.
# decimal     the decimal sign of numbers; scale: 1000 where they are given in thousands.
# values      our word for each of the source's.
# joins       the column in which a reference is found; aliases: the right spelling for a wrong one.
# computed    a column made of others: multiply a quantity by a price, join a first and a last name.
# spread      periods that stand in columns: each cell becomes a row.
"""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - lists are always indented
        super().increase_indent(flow, False)


def to_yaml(mapping: Mapping) -> str:
    """The mapping as text for a person to edit; `from_yaml` reads it back to an equal mapping."""
    top: dict[str, Any] = {"source": mapping.source, "id_prefix": mapping.id_prefix}
    if mapping.timezone is not None:
        top["timezone"] = mapping.timezone
    if mapping.missing != missing():
        top["missing"] = list(mapping.missing)
    lines = [_HEAD.format(source=mapping.source), _dump(top)]
    if not mapping.files:
        return "".join([*lines, "files: []\n"])
    lines.append("files:\n")
    lines.extend(file_text(entry, 2) + "\n" for entry in mapping.files)
    return "".join(lines).rstrip("\n") + "\n"


def file_text(entry: FileMapping, indent: int) -> str:
    """A file's entry as a person edits it, as an item of a list that is indented so far."""
    head = entry.model_dump(exclude_defaults=True, exclude={"columns"})
    head = {"path": entry.path, "table": entry.table, "confidence": round(entry.confidence, 2), **_listed(head)}
    head["confidence"] = round(entry.confidence, 2)
    lines = [_item(_dump(head), indent)]
    if entry.columns:
        lines.append(" " * indent + "  columns:\n")
    for column in entry.columns:
        body = column.model_dump(exclude_defaults=True)
        body = {"column": column.column, "target": column.target, "confidence": 1.0, **body}
        body["confidence"] = round(column.confidence, 2)
        lines.append(_item(_dump(body), indent + 4))
    return "".join(lines)


def _listed(body: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in body.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _listed(value)
    return list(value) if isinstance(value, tuple) else value


def _dump(body: dict[str, Any]) -> str:
    return yaml.dump(body, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000, default_flow_style=False)


def _item(text: str, indent: int) -> str:
    first, *rest = text.splitlines()
    pad = " " * indent
    return "".join([f"{pad}- {first}\n", *(f"{pad}  {line}\n" for line in rest)])


def from_yaml(text: str, file: str) -> Mapping:
    """The mapping that a text holds. `file` is its name in messages.

    Raises ConfigurationError with every fault at once, each with file, line and remedy.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ConfigurationError(
            [f"{file}:{line}: no valid YAML: {problem}; look at indents, colons and quotes there"]
        ) from None
    if not isinstance(content, dict):
        raise ConfigurationError([f"{file}:1: a mapping has the keys source and files; this text has none"])
    faults = []
    mapping: Mapping | None = None
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        for fault in error.errors():
            faults.append(f"{file}:{_line(node, fault['loc'])}: {_remedy(fault)}")
    faults.extend(f"{file}:{_line(node, place)}: {message}" for place, message in _unknown_names(content))
    if faults:
        raise ConfigurationError(sorted(set(faults), key=lambda fault: int(fault[len(file) + 1 :].split(":", 1)[0])))
    assert mapping is not None
    return mapping


def _line(node: yaml.Node | None, place: tuple[int | str, ...]) -> int:
    """Line (from 1) of the value at a path of keys and places; of its nearest parent where the path leads nowhere."""
    line = 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _remedy(fault: Any) -> str:
    place = fault["loc"]
    name = str(place[-1]) if place else ""
    if fault["type"] == "extra_forbidden":
        part = {0: Mapping, 1: FileMapping}.get(sum(isinstance(step, int) for step in place), ColumnMapping)
        known = part.model_fields  # type: ignore[attr-defined]
        return f"unknown key {name!r}; {did_you_mean(name, known)}"
    if fault["type"] == "missing":
        return f"the key {name!r} is missing; add it"
    return f"{name}: {fault['msg']}; it says {fault['input']!r}"


def _unknown_names(content: dict[str, Any]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Tables and columns that do not exist, and targets filled twice, wherever the text's shape lets them be seen."""
    files = content.get("files")
    for number, entry in enumerate(files if isinstance(files, list) else ()):
        if not isinstance(entry, dict) or not isinstance(entry.get("table"), str) or entry["table"] == SKIP:
            continue
        if entry["table"] not in schema.facts():
            known = did_you_mean(entry["table"], (*schema.facts(), SKIP))
            yield ("files", number, "table"), f"there is no table {entry['table']!r} to fill; {known}"
            continue
        yield from _unknown_columns(entry, ("files", number))
        yield from unknown_words(entry["table"], entry, ("files", number))


def _unknown_columns(
    entry: dict[str, Any], place: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    table = entry["table"]
    names = (*schema.table(table).names, ATTRIBUTES)
    columns = entry.get("columns")
    filled: dict[str, str] = {}
    for number, column in enumerate(columns if isinstance(columns, list) else ()):
        target = column.get("target") if isinstance(column, dict) else None
        if not isinstance(target, str):
            continue
        at = (*place, "columns", number, "target")
        if target not in names:
            yield at, f"table {table} has no column {target!r}; {did_you_mean(target, names)}"
        elif target in filled and not _takes_several(table, target):
            yield at, f"{target} is filled by {filled[target]!r} already; give one of them the target attributes"
        filled.setdefault(target, str(column.get("column")))
        joins = column.get("joins")
        if isinstance(joins, str) and joins:
            to, _, by = joins.partition(".")
            if to not in schema.facts() or by not in schema.table(to).names:
                known = did_you_mean(joins, (f"{name}.{by or 'id'}" for name in schema.facts()))
                yield (*at[:-1], "joins"), f"there is no column {joins!r} to join; {known}"
    fill = entry.get("fill")
    for target in fill if isinstance(fill, dict) else ():
        if target not in names:
            yield (*place, "fill", target), f"table {table} has no column {target!r}; {did_you_mean(target, names)}"


def _takes_several(table: str, target: str) -> bool:
    """Several columns may fill it, the first that has a value counts."""
    is_status = (table, target) == ("opportunities", "status")
    return is_status or schema.table(table).column(target).type in ("instant", "day", "json")


def rows(mapping: Mapping) -> pl.DataFrame:
    """The mapping as a table to print: source, file, column, table, target, confidence, reason.

    A row without column is the file itself.
    """
    out: list[tuple[str, str, str | None, str, str | None, float, str]] = []
    for entry in mapping.files:
        out.append((mapping.source, entry.path, None, entry.table, None, entry.confidence, entry.reason))
        for column in entry.columns:
            out.append(
                (
                    mapping.source,
                    entry.path,
                    column.column,
                    entry.table,
                    column.target,
                    column.confidence,
                    column.reason,
                )
            )
    names = {"source": pl.String, "file": pl.String, "column": pl.String, "table": pl.String, "target": pl.String}
    return pl.DataFrame(out, schema={**names, "confidence": pl.Float64, "reason": pl.String}, orient="row")
