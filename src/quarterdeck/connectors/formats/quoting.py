"""Lines of a delimited text whose quoting is broken: mended where only one reading is possible, else set aside.

A line is read by the rules first (RFC 4180: quotes around a value, two for one within). Where these do not give the
header's number of values, other readings are tried; one that gives it is taken. A line that is set aside takes no other
line with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AHEAD = 400
"""A quoted value that reaches over more lines than this was never closed."""
_LENIENT = 50
_SIGNS = 1 << 20


@dataclass(frozen=True)
class Reading:
    """The values of a record, or why there are none; it took `lines` lines. `is_mended` tells that rules were bent."""

    values: list[str] | None
    lines: int = 1
    is_mended: bool = False
    reason: str = ""


def take(lines: Sequence[str], width: int, sign: str, *, is_end: bool = True) -> Reading | None:
    """The record that begins with the first of some lines (without their line ends).

    None when it may go on after the last line given and more are to come.
    """
    strict, used = _joined(lines, sign, is_lenient=False)
    if strict is not None and len(strict) == width:
        return Reading(strict, used)
    if strict is not None and used == 1 and _only_empty(strict, width):
        return Reading(strict[:width], is_mended=True)
    if strict is None and used == 0 and not is_end and _may_go_on(lines):
        return None
    found = [values for values in _alone(lines[0], sign) if len(values) == width]
    if found and all(_bare(values) == _bare(found[0]) for values in found):
        return Reading(found[0], is_mended=True)
    lenient, used_by_it = _joined(lines, sign, is_lenient=True)
    is_whole = lenient is not None and len(lenient) == width and used_by_it > 1
    if is_whole and not _swallows(lines, used_by_it, width, sign):
        return Reading(lenient, used_by_it, is_mended=True)
    if strict is not None and used == 1:
        return Reading(None, reason=f"{len(strict)} values where the header names {width} columns")
    if strict is not None and not _swallows(lines, used, width, sign):
        return Reading(None, used, reason=f"{len(strict)} values where the header names {width} columns")
    return Reading(None, reason="its quotation marks do not close")


def _only_empty(values: list[str], width: int) -> bool:
    return len(values) > width and not any(value.strip() for value in values[width:])


def _may_go_on(lines: Sequence[str]) -> bool:
    return len(lines) < AHEAD and sum(map(len, lines)) < _SIGNS


def _swallows(lines: Sequence[str], used: int, width: int, sign: str) -> bool:
    """One of the lines that a quoted value would reach over is a whole record by itself."""
    return any(len(line.split(sign)) >= width > 1 for line in lines[1:used])


def _bare(values: list[str]) -> str:
    return "\x1f".join(values).replace('"', "").replace("\\", "")


def _joined(lines: Sequence[str], sign: str, *, is_lenient: bool) -> tuple[list[str] | None, int]:
    """Values of a record over as many lines as its quotes stay open, and how many; (None, 0) when they never close."""
    text = lines[0]
    for used in range(1, min(len(lines), _LENIENT if is_lenient else AHEAD) + 1):
        if used == 1 or '"' in lines[used - 1]:
            values, is_open = split(text, sign, is_lenient=is_lenient)
            if not is_open:
                return values, used
        if used == len(lines) or len(text) > _SIGNS:
            break
        text += "\n" + lines[used]
    return None, 0


def _alone(line: str, sign: str) -> list[list[str]]:
    """Other readings of a line by itself."""
    found = []
    values, is_open = split(line, sign, is_lenient=True)
    if values is not None and not is_open:
        found.append(values)
    if '\\"' in line:
        values, is_open = split(line.replace('\\"', '""'), sign, is_lenient=False)
        if values is not None and not is_open:
            found.append(values)
    if not found:
        found.append([_unquoted(value) for value in line.split(sign)])
    return found


def _unquoted(value: str) -> str:
    """A value without the marks around it, also when one is missing."""
    bare = value.strip()
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        return bare[1:-1].replace('""', '"')
    if bare.count('"') == 1 and (bare[0] == '"' or bare[-1] == '"'):
        return bare.strip('"')
    return value


def split(line: str, sign: str, *, is_lenient: bool) -> tuple[list[str] | None, bool]:
    """The values of a text, and whether a quoted one is still open at its end; (None, False) when a rule is broken.

    The lenient reading takes a mark as a value's end only where a delimiter or the end follows.
    """
    values: list[str] = []
    place, size = 0, len(line)
    while True:
        start = place
        if is_lenient:
            while start < size and line[start] == " " and line[start] != sign:
                start += 1
        if start < size and line[start] == '"':
            value, place = _quoted(line, start + 1, sign, is_lenient=is_lenient)
            if value is None:
                return (None, True) if place >= size else (None, False)
        else:
            end = line.find(sign, place)
            end = size if end < 0 else end
            value, place = line[place:end], end
            if not is_lenient and '"' in value:
                return None, False
        values.append(value)
        if place >= size:
            return values, False
        place += 1


def _quoted(line: str, place: int, sign: str, *, is_lenient: bool) -> tuple[str | None, int]:
    """A quoted value and the place behind it; no value and the text's end, or the place where a rule is broken."""
    start, size = place, len(line)
    while True:
        end = line.find('"', place)
        if end < 0:
            return None, size
        after = line[end + 1 : end + 2]
        if after in ("", sign):
            return line[start:end].replace('""', '"'), end + 1
        if after == '"' and not (is_lenient and line[end + 2 : end + 3] in ("", sign) and _odd(line, start, end)):
            place = end + 2
            continue
        if after == '"':
            return line[start : end + 1].replace('""', '"'), end + 2
        if not is_lenient:
            return None, end
        place = end + 1


def _odd(line: str, start: int, end: int) -> bool:
    """The marks within so far are not in pairs, so that the first of two at a value's end belongs to the value."""
    return line.count('"', start, end) % 2 == 1
