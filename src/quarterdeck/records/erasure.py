"""A person taken out of rows and texts: keys become pseudonyms, what is personal is emptied, figures stay.

The pseudonym of a record is a keyed hash of its table and key, so the same record is the same pseudonym wherever it
stands. `Marks` keeps such hashes of whoever was erased, never the values, so that a later sync brings nothing back.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from quarterdeck.base.schema import facts, table, tables
from quarterdeck.records.files import read_json, write_json
from quarterdeck.records.merging import REFERENCES

PERSONS = ("contacts", "leads", "people")
"""The tables whose records are persons."""

NAME, GONE = "Erased person", "[erased]"
HOLDERS = {**REFERENCES, "previous_owner_id": "people"}
GENERIC = ("record_id", "subject_id", "member_id", "member", "survivor_id")
DISTINCT = 6
"""From how many characters on a key is looked for in texts too; shorter ones mean other things there."""


@dataclass(frozen=True)
class Person:
    """Who is erased. `records` gives by table each key's pseudonym; names are those that name nobody else."""

    records: Mapping[str, Mapping[str, str]]
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @cached_property
    def keys(self) -> dict[str, str]:
        """Keys that are told apart from other words, with their pseudonyms."""
        every = {key: name for pairs in self.records.values() for key, name in pairs.items()}
        return {key: name for key, name in every.items() if len(key) >= DISTINCT or "@" in key or " " in key}

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """All that is looked for in texts, the longest first, also as JSON and HTML write it."""
        words = {*self.emails, *self.names, *self.keys}
        forms = {form for word in words for form in (word, html.escape(word), _json(word, True), _json(word, False))}
        return tuple(sorted(forms, key=lambda word: (-len(word), word)))

    @cached_property
    def pattern(self) -> str:
        """A regular expression of all of them, for polars and for Python."""
        parts = [re.escape(word).replace(r"\ ", r"\s+") for word in self.terms]
        ends = sorted(filter(None, map(tail, self.phones)))
        parts += [r"(?:\+?\d[\d\s().\-/]{0,8})?" + r"[\s().\-/]{0,3}".join(digits) for digits in ends]
        return "(?i)(?:" + "|".join(parts) + ")" if parts else r"[^\s\S]"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def scrubbed(self, text: str) -> str:
        """The text with keys as pseudonyms and everything else of the person replaced."""
        return self._compiled.sub(lambda found: self.keys.get(found.group(0), GONE), text)


def _json(word: str, ascii_only: bool) -> str:
    return json.dumps(word, ensure_ascii=ascii_only)[1:-1]


def tail(phone: str) -> str:
    """The last eight digits of a number, by which it is found however it is written; empty when it has fewer than 7."""
    digits = re.sub(r"\D", "", phone)
    return digits[-8:] if len(digits) >= 7 else ""


def anonymous(name: str, frame: pl.DataFrame, pseudonyms: Mapping[str, str]) -> pl.DataFrame:
    """Rows of a table of persons with those keys: a pseudonym, nothing personal, everything else as it was."""
    is_one = pl.col("id").is_in(list(pseudonyms))
    made = {}
    for column in table(name).columns:
        if column.name not in frame.columns:
            continue
        own = pl.col(column.name)
        if column.name in ("id", "source_id"):
            made[column.name] = pl.when(is_one).then(pl.col("id").replace(pseudonyms)).otherwise(own)
        elif column.sensitivity == "personal":
            empty = pl.lit(NAME if column.is_required else None, dtype=frame.schema[column.name])
            made[column.name] = pl.when(is_one).then(empty).otherwise(own)
    return frame.with_columns(**made)


def scrub(name: str | None, frame: pl.DataFrame, person: Person) -> pl.DataFrame:
    """A frame without the person; `name` is its table when it is one of ours."""
    if name in PERSONS and name in person.records and "id" in frame.columns:
        pairs = person.records[name]
        frame = anonymous(name, frame, pairs) if frame.width > 1 else frame.with_columns(pl.col("id").replace(pairs))
    if name == "enrichments":
        frame = _enrichments(frame, person)
    changes = {}
    for column, kind in frame.schema.items():
        if kind != pl.String:
            continue
        value = pl.col(column)
        pairs = person.records.get(HOLDERS.get(column, ""), {})
        if column in GENERIC:
            pairs = {key: to for both in person.records.values() for key, to in both.items()}
        if pairs:
            value = value.replace(pairs)
        changes[column] = value
    frame = frame.with_columns(**changes)
    return _texts(frame, person)


def _enrichments(frame: pl.DataFrame, person: Person) -> pl.DataFrame:
    about = [
        (pl.col("table") == name) & pl.col("record_id").is_in(list(pairs)) for name, pairs in person.records.items()
    ]
    return frame.with_columns(value=pl.when(pl.any_horizontal(about)).then(None).otherwise("value"))


def _texts(frame: pl.DataFrame, person: Person) -> pl.DataFrame:
    for column in [name for name, kind in frame.schema.items() if kind == pl.String]:
        hit = frame[column].str.contains(person.pattern).fill_null(False)
        if hit.any():
            found = frame[column].filter(hit).unique().to_list()
            frame = frame.with_columns(pl.col(column).replace({text: person.scrubbed(text) for text in found}))
    return frame


PHONE = re.compile(r"\+?\d[\d\s().\-/]{5,20}\d")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass
class Marks:
    """Keyed hashes of who was erased from a lake: keys, addresses and names."""

    path: Path
    key: bytes
    hashes: set[str] = field(default_factory=set)
    words: set[int] = field(default_factory=set)
    """Of how many words the erased names are."""
    letters: set[int] = field(default_factory=set)
    """Of how many letters those of one word are: in Korean, endings are written on to them."""

    @classmethod
    def read(cls, root: Path) -> Marks:
        """The marks of the lake in a folder; new ones when nobody was erased yet."""
        path = root / "_erased.json"
        if not path.is_file():
            return cls(path, secrets.token_bytes(32))
        value = read_json(path)
        return cls(path, bytes.fromhex(value["key"]), *(set(value[name]) for name in ("hashes", "words", "letters")))

    def _hash(self, kind: str, value: str) -> str:
        return hashlib.blake2b(f"{kind}\n{value.casefold()}".encode(), key=self.key, digest_size=16).hexdigest()

    def pseudonym(self, name: str, key: str) -> str:
        """What a record of a table is called once its person is erased."""
        return f"erased-{self._hash(name, key)[:12]}"

    def add(self, person: Person) -> None:
        """Remember the hashes of a person, on disk when this returns."""
        self.hashes |= {self._hash(name, key) for name, pairs in person.records.items() for key in pairs}
        self.hashes |= {self._hash("email", email) for email in person.emails}
        self.hashes |= {self._hash("phone", tail(phone)) for phone in person.phones if tail(phone)}
        self.hashes |= {self._hash("name", " ".join(name.split())) for name in person.names}
        self.words |= {len(name.split()) for name in person.names}
        self.letters |= {len(name) for name in person.names if len(name.split()) == 1}
        sets = {name: sorted(getattr(self, name)) for name in ("hashes", "words", "letters")}
        write_json(self.path, {"key": self.key.hex(), **sets})

    def hold_back(self, name: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """Rows of a fact table as they are taken: of erased persons without their data; how many records were such."""
        if not self.hashes:
            return frame, 0
        known: dict[str, str] = {}
        if name in PERSONS:
            known = self._own(name, frame)
            frame = anonymous(name, frame, known)
        for column in set(frame.columns) & set(HOLDERS):
            keys = frame[column].drop_nulls().unique().to_list()
            pairs = {key: self.pseudonym(HOLDERS[column], key) for key in keys if self._is_key(HOLDERS[column], key)}
            frame = frame.with_columns(pl.col(column).replace(pairs)) if pairs else frame
        texts = [column.name for column in table(name).columns if column.type in ("text", "json")]
        for column in set(texts) & set(frame.columns) - set(HOLDERS) - {"id", "source_id", "source"}:
            frame = frame.with_columns(self.without(frame[column]))
        return frame, len(known)

    def _own(self, name: str, frame: pl.DataFrame) -> dict[str, str]:
        emails = frame["email"] if "email" in frame.columns else pl.repeat(None, frame.height, eager=True)
        return {
            key: self.pseudonym(name, key)
            for key, email in zip(frame["id"], emails, strict=True)
            if self._is_key(name, key) or (email and self._hash("email", email) in self.hashes)
        }

    def _is_key(self, name: str, key: str) -> bool:
        return self._hash(name, key) in self.hashes

    def _is_phone(self, text: str) -> bool:
        return bool(tail(text)) and self._hash("phone", tail(text)) in self.hashes

    def without(self, texts: pl.Series) -> pl.Series:
        """Texts in which addresses and names of erased persons are replaced."""
        if texts.dtype != pl.String or not self.hashes:
            return texts
        changed = {text: made for text in texts.drop_nulls().unique() if (made := self._text(text)) != text}
        return texts.replace(changed) if changed else texts

    def _text(self, text: str) -> str:
        text = EMAIL.sub(lambda one: GONE if self._hash("email", one.group(0)) in self.hashes else one.group(0), text)
        text = PHONE.sub(lambda one: GONE if self._is_phone(one.group(0)) else one.group(0), text)
        for count in self.words:
            places = [match.span() for match in re.finditer(r"[\w'’-]+", text)]
            for first, last in reversed(list(zip(places, places[count - 1 :], strict=False))):
                words = text[first[0] : last[1]]
                if self._hash("name", " ".join(words.split())) in self.hashes:
                    text = text[: first[0]] + GONE + text[last[1] :]
        return (
            re.sub(r"[^\W\d_a-zA-Z]{3,}", lambda word: self._beginning(word.group(0)), text) if self.letters else text
        )

    def _beginning(self, word: str) -> str:
        """A word without the name that it begins with."""
        for count in sorted(self.letters, reverse=True):
            if len(word) > count and self._hash("name", word[:count]) in self.hashes:
                return GONE + word[count:]
        return word


def table_of(path: Path, lake: Path) -> str | None:
    """Our table that a Parquet file holds, by where it lies."""
    name = path.parent.name if path.is_relative_to(lake) else path.stem
    return name if name in tables() or name in facts() else None


def phones_and_names(rows: Iterable[Mapping[str, str | None]]) -> tuple[set[str], set[str], set[str]]:
    """Addresses, numbers and names in a person's records."""
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for row in rows:
        for place, column in enumerate(("email", "phone", "name")):
            value = (row.get(column) or "").strip()
            if value:
                found[place].add(value)
    return found
