"""Frames as text: readable tables, exact JSON. What a column means is taken from the schema."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from quarterdeck.base import money
from quarterdeck.base.schema import Column, Table, tables

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.interfaces.ranking import Group

PIPED_WIDTH = 160
FOLDED = 40
HIDDEN = ("source", "source_id", "attributes", "draws")
FELT = 0.05
"""From how many percentage points on a reason is said to make a difference."""
FIRST_DROPPED = ("id", "source", "source_id", "plan", "scenario", "reason", "reasons")
"""What is left out first where the columns do not fit, in this order."""
NEVER_DROPPED = ("period_start", "person_id", "opportunity_id", "subject_id")
MARKS = {"error": "✗", "warning": "!", "notice": "·"}


def known_columns(name: str) -> dict[str, Column]:
    """The schema's columns of a table by name; none for a frame that the schema does not know."""
    table: Table | None = tables().get(name)
    return {column.name: column for column in table.columns} if table else {}


def literal(value: Any, column: Column | None, currency: str) -> str:
    """A value as JSON without loss: money and decimals as numbers with all their digits, instants with Z."""
    if value is None:
        return "null"
    if column is not None and column.type == "money":
        return str(money.to_major(value, currency))
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return f'"{value.isoformat()}Z"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if column is not None and column.type == "json" and isinstance(value, str):
        try:
            return json.dumps(json.loads(value), ensure_ascii=False)
        except ValueError:
            return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "null"
    return json.dumps(value, ensure_ascii=False, default=str)


def json_rows(frame: pl.DataFrame, name: str, currency: str) -> Iterator[str]:
    """Each row of a frame as a JSON object. `currency` holds for money in rows that name none."""
    columns = known_columns(name)
    for row in frame.iter_rows(named=True):
        own = row.get("currency") or currency
        yield "{" + ", ".join(f"{json.dumps(key)}: {literal(row[key], columns.get(key), own)}" for key in row) + "}"


def print_json(frame: pl.DataFrame, name: str, currency: str) -> None:
    """The whole frame as a JSON array, a row a line."""
    write = sys.stdout.write
    write("[")
    for place, row in enumerate(json_rows(frame, name, currency)):
        write(",\n " if place else "\n ")
        write(row)
    write("\n]\n" if frame.height else "]\n")


def value_text(value: object, unit: str | None, currency: str) -> str:
    """A value with its unit: 1,234.00 USD, 63.1%, 47 days."""
    if not isinstance(value, int | float):
        return "no value" if value is None else str(value)
    if unit in ("rate", "odds"):
        return f"{value:.1%}"
    if unit in ("money", "currency"):
        return f"{value:,.2f} {currency}"
    return f"{value:,.6g} {'' if unit == 'count' else unit or ''}".rstrip()


def reasons_text(text: str) -> str:
    """A score's reasons in words: what speaks for or against, in percentage points of the odds.

    >>> reasons_text('[{"text": "Region East: raises the odds", "effect": 18.04}, {"text": "Age: no", "effect": 0}]')
    'Region East +18; Age makes no difference here'
    """
    try:
        reasons = [(str(reason["text"]), float(reason["effect"])) for reason in json.loads(text)]
    except (ValueError, TypeError, KeyError):
        return text
    parts = []
    for said, effect in reasons:
        # The effect's sign says what the words after the last colon say.
        what = said.rpartition(": ")[0] or said
        size = f"{effect:+.0f}" if abs(effect) >= 10 else f"{effect:+.1f}"
        parts.append(f"{what} makes no difference here" if abs(effect) < FELT else f"{what} {size.removesuffix('.0')}")
    return "; ".join(parts)


def cell(value: Any, column: Column | None, currency: str) -> str:
    """A value for people: money with thousands, rates as percent, empty for null."""
    if value is None:
        return ""
    unit = column.unit if column else ""
    if column is not None and column.type == "json" and column.name == "reasons":
        return reasons_text(str(value))
    if column is not None and column.type == "money":
        return f"{money.to_major(value, currency):,f} {currency}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if unit == "0..1":
            return f"{value:.1%}"
        return f"{value:,.0f}" if unit.startswith("currency") or abs(value) >= 1000 else f"{value:,.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if value.time() != datetime.min.time() else f"{value:%Y-%m-%d}"
    if isinstance(value, list):
        return f"{len(value)} values"
    return str(value)


def print_frame(frame: pl.DataFrame, name: str, currency: str, *, title: str = "", limit: int = 0) -> None:
    """The first `limit` rows (0: all) as a table, and how many rows there are.

    Columns without any value, keys of the source and JSON maps are left out, then the last ones that do not fit; what
    was left out is named.
    """
    columns = known_columns(name)
    shown = frame.head(limit) if limit else frame
    filled = [key for key in shown.columns if shown[key].null_count() < shown.height]
    kept = [key for key in filled if key not in HIDDEN]
    texts = {key: _texts(shown, key, columns.get(key), currency) for key in kept}
    names = _fitting({key: [key, *values] for key, values in texts.items()}, name)
    rows = [list(row) for row in zip(*(texts[key] for key in names), strict=True)]
    right = [place for place, key in enumerate(names) if shown[key].dtype.is_numeric()]
    print_rows([key.replace("_", " ") for key in names], rows, title=title, right=right)
    if shown.height < frame.height:
        typer.echo(f"{shown.height:,} of {frame.height:,} rows; --limit 0 shows all.")
    if missing := [key for key in filled if key not in names]:
        typer.echo(f"Not shown: {', '.join(missing)}; --json holds every column.")


def _currencies(frame: pl.DataFrame, currency: str) -> list[str]:
    """The currency of each row."""
    own = frame["currency"].to_list() if "currency" in frame.columns else [None] * frame.height
    return [value or currency for value in own]


def _texts(frame: pl.DataFrame, key: str, column: Column | None, currency: str) -> list[str]:
    """The cells of a column; a value whose row says its unit is written in it."""
    if key == "value" and "unit" in frame.columns:
        pairs = zip(frame[key], frame["unit"], strict=True)
        return ["" if value is None else value_text(value, unit, currency) for value, unit in pairs]
    currencies = _currencies(frame, currency)
    return [cell(value, column, own) for value, own in zip(frame[key], currencies, strict=True)]


def _fitting(texts: dict[str, list[str]], table: str) -> list[str]:
    """The columns that fit side by side, long ones folded. Left out is first what says the least, then from the end.

    Money, periods and the keys of people and deals stay, and a scenario where it differs.
    """
    columns = known_columns(table)
    facts = tables()[table].kind == "fact" if table in tables() else False
    kept = {key for key in texts if key in NEVER_DROPPED or (facts and key == "id") or _is_money(columns.get(key))}
    if len(set(texts.get("scenario", [])[1:])) > 1:
        kept.add("scenario")
    order = [key for key in FIRST_DROPPED if key in texts]
    order += [key for key in reversed(texts) if key not in FIRST_DROPPED]
    names = list(texts)
    room = width() - sum(min(FOLDED, max(len(value) for value in values)) + 3 for values in texts.values())
    for key in (key for key in order if key not in kept):
        if room >= 0 or len(names) == 1:
            break
        names.remove(key)
        room += min(FOLDED, max(len(value) for value in texts[key])) + 3
    return names


def _is_money(column: Column | None) -> bool:
    return column is not None and (column.type == "money" or column.unit.startswith("currency"))


def width() -> int:
    """Characters in a line of the terminal; a fixed number where the output goes to a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


def print_rows(header: Sequence[str], rows: list[list[str]], *, title: str = "", right: Sequence[int] = ()) -> None:
    """Rows of text as a table on stdout."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    if title:
        typer.echo(f"\n{title}")
    if not rows:
        typer.echo("  (no rows)")
        return
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, name in enumerate(header):
        grid.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(value) for value in row))
    Console(file=sys.stdout, width=width(), highlight=False, markup=False).print(grid)


def print_groups(groups: Sequence[Group], currency: str, *, title: str) -> None:
    """Findings by code with their fix."""
    typer.echo(f"\n{title}")
    if not groups:
        typer.echo("  (no findings)")
    for group in groups:
        more = f" (and {group.count - 1:,} more)" if group.lines > 1 else ""
        stake = f"  [{group.money_at_stake:,.0f} {currency} at stake]" if group.money_at_stake else ""
        record = f"  {group.record}" if group.record else ""
        typer.echo(f"  {MARKS[group.severity]} {group.severity} {group.code}{record}{stake}")
        typer.echo(f"    {group.message}{more}")
        typer.echo(f"    → {group.fix}")
