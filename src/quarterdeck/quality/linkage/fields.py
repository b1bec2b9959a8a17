"""How each kind of column is compared: prepared columns, levels from equal to different, and keys for candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from quarterdeck.quality.linkage import normal
from quarterdeck.quality.linkage.kinds import Kind


@dataclass(frozen=True, slots=True)
class Level:
    """One degree of agreement: a condition in SQL, and the words for it; `{}` is the column's label.

    `agreement` is the first guess at its share among records that are one; `is_rarity` asks for weights by how rare the
    value is.
    """

    condition: str
    words: str
    agreement: float
    is_rarity: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A value under which candidates are looked for, with the share of true pairs that have it in common."""

    name: str
    column: str
    value: pl.Expr
    agreement: float


@dataclass(frozen=True, slots=True)
class Field:
    """A column as it is compared. `prepared` gives the columns that levels and parts refer to, each made from the raw
    column or from those before it; the first must be there for the field to count, and what no level covers is
    `different`."""

    name: str
    label: str
    kind: Kind
    prepared: dict[str, pl.Expr]
    levels: tuple[Level, ...]
    parts: tuple[Part, ...]

    @property
    def key(self) -> str:
        """The column that decides whether the field is there."""
        return next(iter(self.prepared))


NAME_AGAIN = ("{} with the same name at another host", "{} with a similar name")
DOMAIN_AGAIN = ("{} similar at the same domain", "{} at the same domain")


def without(field: Field, words: tuple[str, ...]) -> Field:
    """The field without the levels of these words: what another field says already must not count twice."""
    return replace(field, levels=tuple(level for level in field.levels if level.words not in words))


def field(name: str, kind: Kind, place: int, country: pl.Expr) -> Field:
    """The field for a column of a kind; `place` makes its prepared columns' names unique."""
    label = name.replace("_", " ").strip().lower()
    return _MAKERS[kind](_Raw(name, label, kind, f"k{place}", pl.col(name).cast(pl.String), country))


@dataclass(frozen=True, slots=True)
class _Raw:
    name: str
    label: str
    kind: Kind
    key: str
    value: pl.Expr
    country: pl.Expr

    def make(self, prepared: dict[str, pl.Expr], levels: list[Level], parts: list[tuple[str, pl.Expr, float]]) -> Field:
        named = tuple(
            Part(name, f"{self.key}_{number}", value, agreement)
            for number, (name, value, agreement) in enumerate(parts)
        )
        return Field(self.name, self.label, self.kind, prepared, tuple(levels), named)


def _same(column: str) -> str:
    return f"{column}_l = {column}_r"


def _alike(column: str, least: float) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r, {least}) >= {least}"


def _typing(column: str, most: int) -> str:
    """At most so many letters left out, put in, changed or exchanged.

    The distance is dear, so what rules it out is asked first: the lengths, and for one letter that either the first or
    the last half is untouched.
    """
    left, right = f"{column}_l", f"{column}_r"
    near = f"abs(length({left}) - length({right})) <= {most}"
    half = f"greatest(0, least(length({left}), length({right})) // 2 - 1)"
    if most == 1:
        near += f" AND (left({left}, {half}) = left({right}, {half}) OR right({left}, {half}) = right({right}, {half}))"
    return f"({near} AND damerau_levenshtein({left}, {right}) <= {most})"


def _prefix(column: str, size: int) -> pl.Expr:
    value = pl.col(column)
    return pl.when(value.str.len_chars() >= size).then(value.str.slice(0, size))


def _person(raw: _Raw) -> Field:
    key = raw.key
    name = normal.person(raw.value)
    prepared = {
        key: name,
        f"{key}s": normal.sorted_name(pl.col(key)),
        f"{key}x": normal.sound(pl.col(f"{key}s")),
    }
    levels = [
        Level(_same(key), "same {}", 0.7, is_rarity=True),
        Level(_same(f"{key}s"), "same {} in another form", 0.06),
        Level(f"{_alike(key, 0.94)} or {_alike(f'{key}s', 0.94)}", "{} nearly equal", 0.1),
        Level(f"{key}x_l = {key}x_r and length({key}x_l) >= 3", "{} of the same sound", 0.04),
        Level(_initials(key), "{} with the same surname and initial", 0.03),
        Level(f"{_alike(key, 0.86)} or {_alike(f'{key}s', 0.86)}", "{} similar", 0.03),
    ]
    parts = [
        ("whole", pl.col(f"{key}s"), 0.75),
        ("sound", pl.col(f"{key}x"), 0.8),
        ("start", _prefix(key, 4), 0.85),
        ("surname", pl.col(key).str.extract(r"(\S+)$"), 0.85),
    ]
    return raw.make(prepared, levels, parts)


def _initials(key: str) -> str:
    left, right = f"{key}_l", f"{key}_r"
    surname = f"split_part({left}, ' ', -1) = split_part({right}, ' ', -1) and length(split_part({left}, ' ', -1)) > 1"
    is_initial = f"(length(split_part({left}, ' ', 1)) = 1 or length(split_part({right}, ' ', 1)) = 1)"
    return f"{surname} and {left}[1] = {right}[1] and {is_initial}"


def _given(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.plain(raw.value), f"{key}s": normal.given(pl.col(key))}
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(_same(f"{key}s"), "{} by a short form", 0.05),
        Level(_alike(key, 0.9), "{} nearly equal", 0.1),
        Level(
            f"(length({key}_l) = 1 or length({key}_r) = 1) and {key}_l[1] = {key}_r[1]",
            "{} with the same initial",
            0.02,
        ),
        Level(_alike(key, 0.78), "{} similar", 0.04),
    ]
    parts = [("whole", pl.col(f"{key}s"), 0.75), ("start", _prefix(key, 3), 0.85)]
    return raw.make(prepared, levels, parts)


def _surname(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.plain(raw.value), f"{key}x": normal.sound(pl.col(key))}
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(_alike(key, 0.92), "{} nearly equal", 0.1),
        Level(f"{key}x_l = {key}x_r and length({key}x_l) >= 3", "{} of the same sound", 0.03),
        Level(_alike(key, 0.82), "{} similar", 0.04),
    ]
    parts = [("whole", pl.col(key), 0.75), ("sound", pl.col(f"{key}x"), 0.82), ("start", _prefix(key, 3), 0.85)]
    return raw.make(prepared, levels, parts)


def _company(raw: _Raw) -> Field:
    key = raw.key
    prepared = {
        key: normal.company(raw.value),
        f"{key}l": normal.latin_company(pl.col(key)),
        f"{key}j": pl.col(f"{key}l").str.replace_all(" ", ""),
        f"{key}x": normal.sound(pl.col(f"{key}l")),
        f"{key}t": pl.col(f"{key}l").str.split(" ").list.unique(maintain_order=True),
    }
    shared = f"len(list_intersect({key}t_l, {key}t_r))"
    shorter = f"least(len({key}t_l), len({key}t_r))"
    levels = [
        Level(_same(key), "same {}", 0.7, is_rarity=True),
        Level(_same(f"{key}j"), "same {} written otherwise", 0.04),
        Level(_alike(f"{key}j", 0.95), "{} nearly equal", 0.1),
        Level(f"{shared} >= 2 and {shared} = {shorter}", "{} with more words on one side", 0.04),
        Level(f"{key}x_l = {key}x_r and length({key}x_l) >= 4", "{} of the same sound", 0.03),
        Level(f"{_alike(f'{key}l', 0.9)} or {_alike(f'{key}x', 0.93)}", "{} similar", 0.04),
    ]
    parts = [
        ("whole", pl.col(f"{key}j"), 0.78),
        ("sound", _prefix(f"{key}x", 5), 0.85),
        ("start", _prefix(f"{key}l", 4), 0.85),
        ("word", pl.col(f"{key}l").str.extract(r"^(\S+)"), 0.85),
    ]
    return raw.make(prepared, levels, parts)


def _email(raw: _Raw) -> Field:
    """The name before the @ and the host apart: two colleagues have most of their addresses in common."""
    key = raw.key
    address = normal.email(raw.value)
    prepared = {
        key: address,
        f"{key}n": pl.col(key).str.extract(r"^([^@]+)"),
        f"{key}h": pl.col(key).str.extract(r"@(.+)$"),
        f"{key}d": normal.mail_domain(pl.col(key)),
    }
    close = f"{_alike(f'{key}n', 0.92)} and {_alike(f'{key}h', 0.9)}"
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(f"({close}) or {_typing(key, 1)}", "{} nearly equal", 0.1),
        Level(f"{_same(f'{key}n')} and length({key}n_l) >= 4", "{} with the same name at another host", 0.03),
        Level(f"{key}d_l = {key}d_r and {_alike(f'{key}n', 0.85)}", "{} similar at the same domain", 0.03),
        Level(f"{key}d_l = {key}d_r", "{} at the same domain", 0.04),
        Level(_alike(f"{key}n", 0.9), "{} with a similar name", 0.02),
    ]
    parts = [
        ("whole", pl.col(key), 0.75),
        ("name", pl.col(f"{key}n"), 0.78),
        ("domain", pl.col(f"{key}d"), 0.85),
    ]
    return raw.make(prepared, levels, parts)


def _domain(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.domain(raw.value), f"{key}b": pl.col(key).str.extract(r"^([^.]+)")}
    levels = [
        Level(_same(key), "same {}", 0.85, is_rarity=True),
        Level(_same(f"{key}b"), "{} with another ending", 0.03),
        Level(_alike(f"{key}b", 0.94), "{} nearly equal", 0.05),
    ]
    parts = [("whole", pl.col(key), 0.85), ("start", _prefix(f"{key}b", 5), 0.9)]
    return raw.make(prepared, levels, parts)


def _phone(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.phone(raw.value, raw.country)}
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(f"right({key}_l, 8) = right({key}_r, 8) and length({key}_l) >= 8", "{} with another prefix", 0.06),
        Level(_typing(key, 1), "{} with one digit off", 0.05),
        Level(
            f"left({key}_l, length({key}_l) - 3) = left({key}_r, length({key}_r) - 3)", "{} of the same exchange", 0.03
        ),
    ]
    tail = pl.when(pl.col(key).str.len_chars() >= 7).then(pl.col(key).str.tail(7))
    return raw.make(prepared, levels, [("whole", pl.col(key), 0.75), ("tail", tail, 0.8)])


def _postcode(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.code(raw.value)}
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(_typing(key, 1), "{} with one sign off", 0.1),
        Level(f"{key}_l[1:3] = {key}_r[1:3]", "{} of the same area", 0.07),
    ]
    return raw.make(prepared, levels, [("whole", pl.col(key), 0.75), ("area", _prefix(key, 3), 0.85)])


def _identifier(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.code(raw.value)}
    levels = [
        Level(_same(key), "same {}", 0.8),
        Level(_typing(key, 1), "{} with one sign off", 0.1),
        Level(_typing(key, 2), "{} with two signs off", 0.03),
    ]
    value = pl.col(key)
    half = (value.str.len_chars() // 2).cast(pl.Int64)
    parts = [
        ("whole", value, 0.8),
        ("first half", value.str.slice(0, half), 0.88),
        ("second half", value.str.slice(half), 0.88),
    ]
    return raw.make(prepared, levels, parts)


def _date(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.day(raw.value)}
    swapped = f"{key}_l[1:4] = {key}_r[1:4] and {key}_l[5:6] = {key}_r[7:8] and {key}_l[7:8] = {key}_r[5:6]"
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(f"{_typing(key, 1)} or ({swapped})", "{} with one digit off", 0.12),
        Level(_typing(key, 2), "{} with two digits off", 0.05),
        Level(f"{key}_l[1:4] = {key}_r[1:4]", "{} in the same year", 0.03),
    ]
    parts = [
        ("whole", pl.col(key), 0.75),
        ("year", _prefix(key, 4), 0.88),
        ("day", pl.col(key).str.slice(4, 4), 0.82),
    ]
    return raw.make(prepared, levels, parts)


def _year(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.number(raw.value)}
    levels = [Level(_same(key), "same {}", 0.85), Level(f"abs({key}_l - {key}_r) <= 1", "{} one apart", 0.06)]
    return raw.make(prepared, levels, [("whole", pl.col(key), 0.85)])


def _number(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.number(raw.value)}
    apart, size = f"abs({key}_l - {key}_r)", f"greatest(abs({key}_l), abs({key}_r))"
    levels = [
        Level(_same(key), "same {}", 0.6),
        Level(f"{apart} <= 0.02 * {size}", "{} within 2 percent", 0.12),
        Level(f"{apart} <= 0.1 * {size}", "{} within 10 percent", 0.1),
        Level(f"{apart} <= 0.3 * {size}", "{} within 30 percent", 0.08),
    ]
    return raw.make(prepared, levels, [("whole", pl.col(key), 0.6)])


def _category(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.latin(normal.plain(raw.value))}
    return raw.make(prepared, [Level(_same(key), "same {}", 0.88, is_rarity=True)], [("whole", pl.col(key), 0.88)])


def _text(raw: _Raw) -> Field:
    key = raw.key
    prepared = {key: normal.latin(normal.plain(raw.value))}
    levels = [
        Level(_same(key), "same {}", 0.75, is_rarity=True),
        Level(_alike(key, 0.93), "{} nearly equal", 0.1),
        Level(_alike(key, 0.84), "{} similar", 0.05),
    ]
    return raw.make(prepared, levels, [("whole", pl.col(key), 0.75), ("start", _prefix(key, 4), 0.84)])


def _long_text(raw: _Raw) -> Field:
    key = raw.key
    value = normal.plain(raw.value)
    prepared = {key: value, f"{key}t": pl.col(key).str.split(" ").list.unique(maintain_order=True)}
    shared = f"len(list_intersect({key}t_l, {key}t_r))"
    jaccard = f"{shared} / (len({key}t_l) + len({key}t_r) - {shared} + 0.001)"
    overlap = f"{shared} / (least(len({key}t_l), len({key}t_r)) + 0.001)"
    levels = [
        Level(_same(key), "same {}", 0.5),
        Level(f"{jaccard} >= 0.75", "{} nearly equal", 0.2),
        Level(f"{jaccard} >= 0.5 or ({overlap} >= 0.95 and {shared} >= 3)", "{} with half of the words", 0.15),
        Level(f"{jaccard} >= 0.3 or ({overlap} >= 0.7 and {shared} >= 3)", "{} with a third of the words", 0.08),
    ]
    ordered = pl.col(f"{key}t").list.eval(pl.element().filter(pl.element().str.len_chars() >= 3))
    longest = ordered.list.eval(pl.element().sort_by(pl.element().str.len_chars(), descending=True))
    parts = [
        ("whole", pl.col(key), 0.5),
        ("start", pl.col(key).str.extract(r"^(\S+ \S+)"), 0.7),
        ("longest", longest.list.first(), 0.8),
        ("second", longest.list.get(1, null_on_oob=True), 0.75),
        ("third", longest.list.get(2, null_on_oob=True), 0.7),
    ]
    return raw.make(prepared, levels, parts)


_MAKERS: dict[str, Callable[[_Raw], Field]] = {
    "person": _person,
    "given name": _given,
    "surname": _surname,
    "company": _company,
    "email": _email,
    "domain": _domain,
    "phone": _phone,
    "postcode": _postcode,
    "date": _date,
    "year": _year,
    "number": _number,
    "category": _category,
    "group": _category,
    "country": _category,
    "identifier": _identifier,
    "text": _text,
    "long text": _long_text,
}
